#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""Fan-out figures side by side in one run: the MRFP, the limit server, Redis where installed.

usage: tests/bench/run.py [--build DIR] [--reps N] [--seconds S] [--quick]

Every target gets the same load; the order alternates between repetitions, so that a machine
that slows down hits all alike. Figures are medians over the repetitions, ratios are taken per
repetition against the limit server and then their median. Prints a table in Markdown.
"""
import argparse
import json
import os
import re
import shutil
import socket
import statistics
import subprocess
import tempfile

CASES = [
    # name, receivers, octets, load arguments
    ("one in flight, N=100, 1 kB", 100, 1000, ["-w", "1"]),
    ("300 messages/s, N=100, 1 kB", 100, 1000, ["-r", "300"]),
    ("64 in flight, N=100, 1 kB", 100, 1000, ["-w", "64"]),
    ("16 in flight, N=1000, 10 kB", 1000, 10000, ["-w", "16"]),
]


# One member streams 100 MB as one SEND to ten others while another chats 20 lines a second.
BULK = ("100 MB in one SEND to 10 while another chats", 10, 200, ["-r", "20", "-B", "100000000"])


# Chat as operators' rooms have it: each line returns two notifications a receiver, five members type meanwhile.
MIX = ("20 lines/s, N=100, 200 octets, two IMDN per receiver, typing", 100, 200, ["-r", "20", "-m"])


def free_port():
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        return s.getsockname()[1]


def read_ready(process, pattern):
    for line in process.stdout:
        found = re.search(pattern, line)
        if found:
            return found
    raise SystemExit("a server ended before it was ready")


class Limit:
    name, redis = "limit", False

    def __init__(self, build, folder, legs):
        self.sessions = os.path.join(folder, "sessions")
        with open(self.sessions, "w", encoding="ascii") as f:
            for i in range(legs):
                f.write(f"msrp://127.0.0.1:1/sw{i:06d}k7Zp9QxL;tcp msrp://127.0.0.1:9/cl{i:06d}Q8vTn3Wd;tcp\n")
        self.server = subprocess.Popen([f"{build}/tests/bench/limit"], stdout=subprocess.PIPE, text=True)
        self.port = read_ready(self.server, r"msrp=127.0.0.1:(\d+)").group(1)
        self.others = []


class Mrfp:
    name, redis, options = "mrfp", False, []

    def __init__(self, build, folder, legs):
        sock = os.path.join(folder, "mp.sock")
        self.sessions = os.path.join(folder, "sessions")
        drive = subprocess.Popen([f"{build}/tests/bench/drive", sock, str(legs), self.sessions],
                                 stdout=subprocess.PIPE, text=True)
        self.others = [drive]
        read_ready(drive, "listening")
        self.server = subprocess.Popen(
            [f"{build}/mrfp", "-o", f"mp.socket={sock}", "-o", "msrp.address=127.0.0.1", "-o", "msrp.port=0",
             "-o", "admin.port=0"] + [w for o in self.options for w in ("-o", o)], stdout=subprocess.PIPE, text=True)
        self.port = read_ready(self.server, r"msrp=127.0.0.1:(\d+)").group(1)
        read_ready(drive, "sessions")


class Writev(Mrfp):
    name, options = "mrfp, writev", ["msrp.io=writev"]


class Uring(Mrfp):
    name, options = "mrfp, io_uring", ["msrp.io=uring", "msrp.gather=0"]


class Gather(Mrfp):
    name, options = "mrfp, io_uring, gather", ["msrp.io=uring"]


class OneByOne(Mrfp):
    name, options = "mrfp, all one by one", ["imdn.pass_limit=10000000", "composing.limit=10000000"]


class SummedUp(Mrfp):
    name, options = "mrfp, summed up and sampled", ["imdn.window=1s"]


class Redis:
    name, redis = "redis", True

    def __init__(self, _build, folder, _legs):
        self.port = str(free_port())
        self.sessions = None
        self.server = subprocess.Popen(["redis-server", "--port", self.port, "--save", "", "--dir", folder],
                                       stdout=subprocess.PIPE, text=True)
        read_ready(self.server, "Ready to accept")
        self.others = []


def measure(target_class, args, receivers, octets, load):
    with tempfile.TemporaryDirectory() as folder:
        target = target_class(args.build, folder, receivers + 2)
        command = [f"{args.build}/tests/bench/fanload", "-p", target.port, "-n", str(receivers), "-b", str(octets),
                   "-t", str(args.seconds), "-P", str(target.server.pid)] + load
        command += ["-R"] if target.redis else ["-s", target.sessions]
        try:
            run = subprocess.run(command, stdout=subprocess.PIPE, text=True, timeout=args.seconds + 60)
            return json.loads(run.stdout) if run.returncode == 0 else None
        finally:
            for p in [target.server] + target.others:
                p.terminate()
                p.wait()


def bench_mix(args):
    """The mix with and without summaries; False when a run failed."""
    name, receivers, octets, load = MIX
    targets = [OneByOne, SummedUp]
    results = {t.name: [] for t in targets}
    for rep in range(args.reps):
        for t in targets if rep % 2 == 0 else reversed(targets):
            results[t.name].append(measure(t, args, receivers, octets, load))
    print(f"\n{name}\n\n| server | CPU us/chat delivery | ratio | chat p50 us | p99 us | other messages at the "
          "chat's sender, a line | missing |\n|---|---|---|---|---|---|---|")
    for t in targets:
        pairs = [(r, one) for r, one in zip(results[t.name], results[OneByOne.name]) if r and one]
        rows = [r for r, _ in pairs] or [{k: float("nan") for k in (
            "cpu_us", "p50_us", "p99_us", "notices", "delivered", "missing")}]
        middle = {k: statistics.median(r[k] for r in rows) for k in rows[0]}
        ratio = statistics.median([r["cpu_us"] / one["cpu_us"] for r, one in pairs] or [float("nan")])
        notices = statistics.median(r["notices"] / (r["delivered"] / receivers) for r in rows)
        print(f"| {t.name} | {middle['cpu_us']:.2f} | {ratio:.2f} | {middle['p50_us']:.0f} | {middle['p99_us']:.0f} | "
              f"{notices:.1f} | {sum(r['missing'] for r in rows)} |", flush=True)
    return all(r for rows in results.values() for r in rows)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--build", default="build/release")
    parser.add_argument("--reps", type=int, default=5)
    parser.add_argument("--seconds", type=float, default=3)
    parser.add_argument("--quick", action="store_true", help="one short repetition: does it work at all?")
    args = parser.parse_args()
    if args.quick:
        args.reps, args.seconds = 1, 0.5
    targets = [Limit, Writev, Uring, Gather] + ([Redis] if shutil.which("redis-server") else [])
    print("| case | server | CPU us/delivery | ratio to limit | p50 us | p99 us | deliveries/s | missing |")
    print("|---|---|---|---|---|---|---|---|")
    failed = False
    for name, receivers, octets, load in CASES:
        results = {t.name: [] for t in targets}
        for rep in range(args.reps):
            for t in targets if rep % 2 == 0 else reversed(targets):
                results[t.name].append(measure(t, args, receivers, octets, load))
        for t in targets:
            rows = [r for r in results[t.name] if r]
            if len(rows) < args.reps:
                print(f"| {name} | {t.name} | failed {args.reps - len(rows)} of {args.reps} | | | | | |")
                failed = True
                continue
            ratio = statistics.median(r["cpu_us"] / l["cpu_us"] for r, l in zip(rows, results["limit"]))
            middle = {k: statistics.median(r[k] for r in rows) for k in rows[0]}
            print(f"| {name} | {t.name} | {middle['cpu_us']:.2f} | {ratio:.2f} | {middle['p50_us']:.0f} | "
                  f"{middle['p99_us']:.0f} | {middle['per_s']:.0f} | {sum(r['missing'] for r in rows)} |", flush=True)
    name, receivers, octets, load = BULK
    rows = [r for r in (measure(Mrfp, args, receivers, octets, load) for _ in range(args.reps)) if r]
    failed = failed or len(rows) < args.reps
    print(f"\n| {name} | median | worst run |\n|---|---|---|")
    for key, title in (("bulk_s", "seconds for the 100 MB"), ("p50_us", "chat line, p50 us"),
                       ("p99_us", "chat line, p99 us"), ("max_us", "chat line, slowest us"),
                       ("peak_mb", "MRFP's peak resident MB"), ("missing", "chat lines missing")):
        values = [r[key] for r in rows] or [float("nan")]
        print(f"| {title} | {statistics.median(values):g} | {max(values):g} |")
    failed = not bench_mix(args) or failed
    raise SystemExit(1 if failed else 0)


if __name__ == "__main__":
    main()
