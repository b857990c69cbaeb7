#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""What a call costs the MRFC: CPU time and memory, against the SIP stack's own limit in the same run.

usage: tests/bench/calls.py [--build DIR] [--reps N] [--calls N] [--rate N] [--members N] [--quick] [--write FILE]

SIPp calls (INVITE, 200, ACK, some time, BYE, 200) a server that does nothing else (nta_uas), the MRFC
without a store, and the MRFC with its database, each with a real MRFP; the order alternates. Then many
members stay in one conference and memory is looked at. Prints Markdown; --write puts it between the
marks of that file.
"""
import argparse
import os
import re
import socket
import statistics
import subprocess
import sys
import tempfile

HERE = os.path.dirname(os.path.abspath(__file__))
SCENARIOS = os.path.join(HERE, "..", "e2e", "sipp")
MARK, END = "<!-- calls -->\n", "<!-- end of calls -->\n"
TICK = os.sysconf("SC_CLK_TCK")


def free_port():
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        return s.getsockname()[1]


def cpu_us(pid):
    """CPU time of all its threads."""
    total = 0
    for task in os.listdir("/proc/%d/task" % pid):
        with open("/proc/%d/task/%s/schedstat" % (pid, task), encoding="ascii") as f:
            total += int(f.read().split()[0])
    return total / 1000


def resident_kb(pid):
    with open("/proc/%d/status" % pid, encoding="ascii") as f:
        return int(re.search(r"VmRSS:\s*(\d+)", f.read()).group(1))


class Server:
    """One that takes calls; a subclass starts it."""
    def __init__(self, build, folder):
        self.build, self.folder, self.others = build, folder, []
        self.process = self.start()

    def launch(self, words, ready):
        process = subprocess.Popen(words, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True,
                                   cwd=self.folder)
        for line in process.stdout:
            found = re.search(ready, line)
            if found:
                return process, found
        raise RuntimeError("%s ended before it was ready" % words[0])

    def stop(self):
        for process in [self.process] + self.others:
            process.terminate()
            process.wait(20)


class Limit(Server):
    name = "the stack alone"

    def start(self):
        process, found = self.launch([f"{self.build}/tests/bench/nta_uas", str(free_port())],
                                     r"sip=(\S+)")
        self.sip = found.group(1)
        return process


class Mrfc(Server):
    name, store = "mrfc, no store", ""

    def start(self):
        sock = os.path.join(self.folder, "mp.sock")
        options = [f"mp.socket={sock}", "sip.port=0", "admin.port=0", "log.level=warn", f"store.path={self.store}",
                   "store.sync=normal", "conference.stop=end", "sip.max_lag=0"]
        process, found = self.launch([f"{self.build}/mrfc"] + [w for o in options for w in ("-o", o)],
                                     r"sip=(\S+)")
        self.sip = found.group(1)
        options = [f"mp.socket={sock}", "msrp.port=0", "admin.port=0", "msrp.max_unbound=100000", "log.level=error",
                   "msrp.bind_timeout=300s"]
        self.others = [self.launch([f"{self.build}/mrfp"] + [w for o in options for w in ("-o", o)], "mp=up")[0]]
        return process


class Stored(Mrfc):
    name, store = "mrfc, SQLite", "mrfc.db"


def sipp(server, scenario, calls, rate, transport, meanwhile=None):
    words = ["sipp", server.sip, "-sf", os.path.join(SCENARIOS, scenario + ".xml"), "-s", "bench", "-i", "127.0.0.1",
             "-p", str(free_port()), "-t", transport, "-m", str(calls), "-r", str(rate), "-l", "100000", "-nostdin",
             "-timeout", "300", "-timeout_error"]
    running = subprocess.Popen(words, cwd=server.folder, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
                               stderr=subprocess.PIPE, text=True)
    result = meanwhile(running) if meanwhile else None
    said = running.communicate()[1]
    if running.returncode:
        raise RuntimeError("sipp ended with %d at %s: %s" % (running.returncode, server.name, said[-500:]))
    return result


def measure(kind, args, transport):
    with tempfile.TemporaryDirectory() as folder:
        server = kind(args.build, folder)
        try:
            sipp(server, "join", args.calls // 10, args.rate, transport)  # warm
            before = cpu_us(server.process.pid)
            sipp(server, "join", args.calls, args.rate, transport)
            return (cpu_us(server.process.pid) - before) / args.calls
        finally:
            server.stop()


def memory(kind, args):
    """kB a member, when all are in."""
    with tempfile.TemporaryDirectory() as folder:
        server = kind(args.build, folder)
        pid = server.process.pid
        try:
            sipp(server, "join", 50, 100, "t1")
            empty = resident_kb(pid)

            def most(running):
                top = 0
                while True:
                    top = max(top, resident_kb(pid))
                    try:
                        running.wait(0.2)
                        return top
                    except subprocess.TimeoutExpired:
                        pass

            return (sipp(server, "stay", args.members, args.rate, "t1", most) - empty) / args.members
        finally:
            server.stop()


def table(args):
    kinds, out = [Limit, Mrfc, Stored], []
    out.append("CPU time (user and system, all threads) of the server for one call: INVITE, 200, ACK, 0.3 s, BYE, 200; %d calls at %d a second "
               "into one conference, the MRFP real; medians of %d. One core does the inverse.\n" % (args.calls, args.rate, args.reps))
    out.append("| transport | server | CPU us/call | ratio to the stack alone | calls/s of one core |\n|---|---|---|---|---|")
    for transport, name in (("t1", "TCP"), ("u1", "UDP")):
        got = {kind: [] for kind in kinds}
        for rep in range(args.reps):
            for kind in kinds if rep % 2 == 0 else kinds[::-1]:
                got[kind].append(measure(kind, args, transport))
        for kind in kinds:
            us = statistics.median(got[kind])
            ratio = statistics.median(a / b for a, b in zip(got[kind], got[Limit]))
            out.append("| %s | %s | %.0f | %.2f | %.0f |" % (name, kind.name, us, ratio, 1e6 / us))
    out.append("\nResident memory of the server when %d are in one conference over one TCP connection, less that of none, by their number.\n" % args.members)
    out.append("| server | kB/participant |\n|---|---|")
    for kind in kinds:
        out.append("| %s | %.1f |" % (kind.name, memory(kind, args)))
    return "\n".join(out)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--build", default="build/release")
    parser.add_argument("--reps", type=int, default=3)
    parser.add_argument("--calls", type=int, default=3000)
    parser.add_argument("--rate", type=int, default=400)
    parser.add_argument("--members", type=int, default=5000)
    parser.add_argument("--quick", action="store_true")
    parser.add_argument("--write")
    args = parser.parse_args()
    args.build = os.path.abspath(args.build)
    if args.quick:
        args.reps, args.calls, args.members = 1, 500, 500
    load = os.getloadavg()[0]
    text = table(args) + "\n\nLoad average %.1f at the start, %d cores.\n" % (load, os.cpu_count())
    print(text)
    if args.write:
        with open(args.write, encoding="utf-8") as f:
            old = f.read()
        with open(args.write, "w", encoding="utf-8") as f:
            f.write(old[:old.index(MARK) + len(MARK)] + "\n" + text + "\n" + old[old.index(END):])


if __name__ == "__main__":
    sys.exit(main())
