# SPDX-License-Identifier: Apache-2.0
"""The servers that are measured, and one measurement of one of them."""
import hashlib
import json
import os
import re
import shutil
import socket
import ssl
import subprocess
import sys
import tempfile


def free_port():
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        return s.getsockname()[1]


def read_ready(process, pattern):
    for line in process.stdout:
        found = re.search(pattern, line)
        if found:
            return found
    raise RuntimeError("a server ended before it was ready")


class Limit:
    name, redis, more = "limit", False, []

    def __init__(self, build, folder, legs):
        self.sessions = os.path.join(folder, "sessions")
        with open(self.sessions, "w", encoding="ascii") as f:
            for i in range(legs):
                f.write(f"msrp://127.0.0.1:1/sw{i:06d}k7Zp9QxL;tcp msrp://127.0.0.1:9/cl{i:06d}Q8vTn3Wd;tcp\n")
        self.server = subprocess.Popen([f"{build}/tests/bench/limit"], stdout=subprocess.PIPE, text=True)
        self.port = read_ready(self.server, r"msrp=127.0.0.1:(\d+)").group(1)
        self.others = []


class Mrfp:
    """As it comes."""
    name, redis, options, more = "mrfp", False, [], []
    key = "msrp"  # of the ready line: where the legs connect

    def __init__(self, build, folder, legs):
        sock = os.path.join(folder, "mp.sock")
        self.sessions = os.path.join(folder, "sessions")
        drive = subprocess.Popen([f"{build}/tests/bench/drive", sock, str(legs), self.sessions] + self.told(folder),
                                 stdout=subprocess.PIPE, text=True)
        self.others = [drive]
        read_ready(drive, "listening")
        options = [f"mp.socket={sock}", "msrp.address=127.0.0.1", "msrp.port=0", "admin.port=0",
                   "msrp.max_unbound=20000", "msrp.max_connections=19000",
                   "log.level=warn"] + self.options
        self.server = subprocess.Popen([f"{build}/mrfp"] + [w for o in options for w in ("-o", o)],
                                       stdout=subprocess.PIPE, text=True)
        self.port = read_ready(self.server, rf"\b{self.key}=127.0.0.1:(\d+)").group(1)
        read_ready(drive, "sessions")

    def told(self, _folder):
        """More arguments of the player of the MRFC."""
        return []


class Tls(Mrfp):
    """Each leg over TLS, with certificates on both sides."""
    name, key = "mrfp, TLS", "tls"
    options = ["msrp.tls_port=0", "msrp.bind_timeout=300s"]

    def told(self, folder):
        pem = os.path.join(folder, "load.pem")
        subprocess.run(["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days", "2",
                        "-subj", "/CN=load", "-keyout", pem + ".key", "-out", pem + ".crt"], check=True, stderr=subprocess.DEVNULL)
        with open(pem + ".crt", encoding="ascii") as crt, open(pem + ".key", encoding="ascii") as key, \
                open(pem, "w", encoding="ascii") as both:
            text = crt.read()
            both.write(text + key.read())
        digest = hashlib.sha256(ssl.PEM_cert_to_DER_cert(text)).hexdigest().upper()
        self.more = ["-T", pem]
        return ["sha-256 " + ":".join(digest[i:i + 2] for i in range(0, 64, 2))]


class Sealed(Tls):
    """The same in a sealed conference: what the switch carries are terminals' sealed bodies."""
    name = "mrfp, TLS and group key"

    def told(self, folder):
        told = super().told(folder) + ["sealed"]
        self.more.append("-e")
        return told


class NoWait(Mrfp):
    name, options = "mrfp, no wait", ["msrp.gather=0"]


class Writev(Mrfp):
    name, options = "mrfp, writev", ["msrp.io=writev"]


class OneByOne(Mrfp):
    name, options = "mrfp, all one by one", ["imdn.pass_limit=10000000", "composing.limit=10000000"]


class SummedUp(Mrfp):
    name, options = "mrfp, summed up and sampled", ["imdn.window=1s"]


class Redis:
    name, redis, more = "redis", True, []

    def __init__(self, _build, folder, _legs):
        self.port = str(free_port())
        self.sessions = None
        self.server = subprocess.Popen(["redis-server", "--port", self.port, "--save", "", "--dir", folder],
                                       stdout=subprocess.PIPE, text=True)
        read_ready(self.server, "Ready to accept")
        self.others = []


def peers():
    return [Redis] if shutil.which("redis-server") else []


def measure(target_class, args, receivers, octets, load, seconds=None):
    """Figures of one run as fanload prints them, or None when it failed."""
    seconds = args.seconds if seconds is None else seconds
    with tempfile.TemporaryDirectory() as folder:
        target = target_class(args.build, folder, receivers + 2)
        command = [f"{args.build}/tests/bench/fanload", "-p", target.port, "-n", str(receivers), "-b", str(octets),
                   "-t", str(seconds), "-P", str(target.server.pid)] + target.more + load
        command += ["-R"] if target.redis else ["-s", target.sessions]
        try:
            run = subprocess.run(command, stdout=subprocess.PIPE, text=True, timeout=seconds + 90)
            return json.loads(run.stdout) if run.returncode == 0 else None
        except subprocess.TimeoutExpired:
            return None
        finally:
            for p in [target.server] + target.others:
                p.terminate()
                p.wait()


def measure_all(targets, args, *case, **more):
    """{name: [figures, one a repetition]}; the order alternates, so that a slow minute hits all alike."""
    results = {t.name: [] for t in targets}
    for rep in range(args.reps):
        for t in targets if rep % 2 == 0 else reversed(targets):
            results[t.name].append(measure(t, args, *case, **more))
            print(".", end="", file=sys.stderr, flush=True)
    return results
