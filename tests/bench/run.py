#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""Fan-out figures side by side in one run: the limit server, the MRFP, Redis where installed.

usage: tests/bench/run.py [--build DIR] [--reps N] [--seconds S] [--quick] [--only NAME,...] [--write FILE]

Every target gets the same load; the order alternates between repetitions, so that a machine
that slows down hits all alike. Figures are medians over the repetitions, ratios are taken per
repetition against the limit server and then their median. Prints tables in Markdown; a whole run
that is not --quick also puts them between the marks of docs/performance.md.
"""
import argparse
import os
import platform
import re
import resource
import sys

from tables import Bench

MARK, END = "<!-- bench -->\n", "<!-- end of bench -->\n"
SECTIONS = [
    ("fan_out", "Fan-out", "p50 and p99 of a closed loop (in flight) are queueing; only the rows of 300 messages/s are latency. "
     "`mrfp` is as it comes; `no wait` is `msrp.gather=0`, `writev` is `msrp.io=writev`. The part spent outside "
     "the kernel goes by clock ticks and is coarse."),
    ("legs", "Against the number of receivers", ""),
    ("octets", "Against the size of the body", ""),
    ("idle", "Idle legs", "Resident memory of many legs less that of 10, by their number; CPU time of the server."),
    ("stalled", "Five of a hundred read nothing", "Deliveries and latency of the 95 that do, to those of a room of 95."),
    ("bulk", "A long message and a chat line", "One member sends 100 MB in one SEND to ten receivers, another chats 20 lines a second "
     "meanwhile; the connection of each receiver carries both."),
    ("mix", "Chat with notifications and typing", "In operators' rooms each line of chat asks for notifications: 20 lines/s to 100 "
     "receivers return 200 each, and five members type meanwhile. Passed on one by one, and with the defaults (a window of 1 s here)."),
    ("joins", "Joins of a conference that everybody watches", "N users join one conference and subscribe to it, 16 INVITEs under "
     "way at a time, one NOTIFY per 5 s after a burst of three, until each user was told of all; figures of the MRFC for each join, "
     "the INVITE and all NOTIFYs included, memory store. `listed` is `event.roster_limit`: above it documents tell how many are in, "
     "below it every user has to hear of every other, which is N parts of a document for each join."),
    ("security", "TLS and the group key", "Bodies of 1 kB, 16 in flight. With the group key the switch carries sealed bodies (some 430 octets "
     "longer: the inner head and CMS) over TLS, and looks at the epoch of each; it opens none. New keys: members over plain MSRP, one is "
     "thrown out, all others get the next epoch, each under his own key; the terminals first take all keys off their sockets (that is "
     "timed), then check, answer and confirm them. `local` is the key server within the MRFC, `external` is mrfks behind a Unix socket."),
    ("targets", "What was wanted", ""),
]


def machine(args):
    model = ""
    with open("/proc/cpuinfo", encoding="utf-8") as f:
        found = re.search(r"model name\s*: (.*)", f.read())
        model = found.group(1) if found else platform.machine()
    release = platform.release().split("-")[0]
    return (f"{os.cpu_count()} cores ({model}), Linux {release}, loopback; release build, every check, counter and transaction of the "
            f"MRFP on; {args.reps} repetitions of {args.seconds:g} s, medians, load average {os.getloadavg()[0]:.1f} at the start.\n")


def write(path, text):
    with open(path, encoding="utf-8") as f:
        old = f.read()
    start, end = old.index(MARK) + len(MARK), old.index(END)
    with open(path, "w", encoding="utf-8") as f:
        f.write(old[:start] + "\n" + text + "\n" + old[end:])


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--build", default="build/release")
    parser.add_argument("--reps", type=int, default=5)
    parser.add_argument("--seconds", type=float, default=3)
    parser.add_argument("--quick", action="store_true", help="one short repetition: does it work at all?")
    parser.add_argument("--only", help="some tables: " + ",".join(s[0] for s in SECTIONS[:-1]))
    parser.add_argument("--write", default="docs/performance.md", help="where a whole run's tables go")
    args = parser.parse_args()
    if args.quick:
        args.reps, args.seconds = 1, 0.5
    hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    wanted = args.only.split(",") if args.only else [s[0] for s in SECTIONS]
    bench, parts = Bench(args), [machine(args)]
    print(parts[0])
    for name, title, words in SECTIONS:
        if name in wanted:
            part = f"### {title}\n\n" + (words + "\n\n" if words else "") + getattr(bench, name)()
            print("\n" + part, flush=True)
            parts.append(part)
    if bench.failed:
        sys.exit(f"{bench.failed} runs failed")
    if not args.quick and not args.only:
        write(args.write, "\n".join(parts))


if __name__ == "__main__":
    main()
