# SPDX-License-Identifier: Apache-2.0
"""The real mrfc and mrfp as child processes on free ports: start, ready line, metrics, stop.

    pair = Pair(tmp_path, mrfp={"context.grace": "1s"})     # options as -o PATH=VALUE
    pair.sip, pair.msrp, pair.domain                        # addresses; a Pair is a `net` for UEs
    pair.mrfp.metrics()["mrfp_legs_cut_total{cause=\"...\"}"]
    pair.api("GET", "/v1/conferences")                      # (status, parsed JSON)
    pair.stop()                                             # TERM, exit 0, no sanitizer report

Environment: MRF_BUILD (folder of the programs, default build/release), MRF_WRAP (a command put in
front, such as valgrind with its options), MRF_MRFP_OPTIONS ("PATH=VALUE ...", for every mrfp whose
test does not say otherwise).
"""

import http.client
import json
import os
import re
import shlex
import shutil
import signal
import subprocess
import threading

from . import ports
from .loop import LOOP, wait

ROOT = os.path.abspath(os.path.join(os.path.dirname(__file__), "..", "..", ".."))
WRAP = shlex.split(os.environ.get("MRF_WRAP", ""))
FORCED = dict(o.split("=", 1) for o in shlex.split(os.environ.get("MRF_MRFP_OPTIONS", "")))
if os.geteuid() != 0:
    FORCED.setdefault("process.dumps", "true")  # tests look at its memory and descriptors
# A server must not outlive tests that were killed: it gets SIGKILL when our main thread ends.
TIED = ["setpriv", "--pdeathsig", "KILL"] if shutil.which("setpriv") else []
START_S = 60 if WRAP else 20
# Given a number of ours instead of 0: a server that is started again wants the port that its forerunner had.
PORTS = ("sip.port", "sip.tls_port", "msrp.port", "msrp.tls_port", "msrp.ws_port", "msrp.wss_port", "mp.port")
REPORTS = re.compile(r"ERROR: \w+Sanitizer|runtime error:|WARNING: ThreadSanitizer|"
                     r"SUMMARY: \w+Sanitizer|ERROR SUMMARY: [1-9]|definitely lost: [1-9]")
BUILD = os.environ.get("MRF_BUILD") or os.path.join(ROOT, "build", "release")
SANITIZED = "asan" in BUILD or "tsan" in BUILD  # several times slower, and larger


def program(name):
    return os.path.join(BUILD, name)


def hostport(text):
    host, _, port = text.rpartition(":")
    return host.strip("[]"), int(port)


class Server:
    """One server process, behind `wrap`. stdout and stderr are read by a thread each into `lines`."""

    def __init__(self, name, options, args=(), cwd=None, wrap=()):
        self.name = name
        self.options = {**(FORCED if name == "mrfp" else {}), **dict(options)}
        for path in PORTS:
            if self.options.get(path) == 0:
                self.options[path] = ports.take()
        cmd = TIED + WRAP + list(wrap) + [program(name)] + list(args)
        for path, value in self.options.items():
            cmd += ["-o", "%s=%s" % (path, value)]
        self.cmd = cmd
        self.lines, self.ready = [], {}
        self.closed_streams = 0
        self.proc = subprocess.Popen(cmd, cwd=cwd, stdin=subprocess.DEVNULL,
                                     stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        self.killed = False
        self.threads = [threading.Thread(target=self._read, args=a, daemon=True) for a in
                        ((self.proc.stdout, "out"), (self.proc.stderr, "err"))]
        for t in self.threads:
            t.start()

    def _read(self, stream, kind):
        for raw in stream:
            line = raw.decode("utf-8", "replace").rstrip("\n")
            with LOOP.cond:
                self.lines.append((kind, line))
                if kind == "out" and line.startswith("ready "):
                    self.ready = dict(re.findall(r"(\w+)=(\S+)", line))
                LOOP.changed()
        with LOOP.cond:
            self.closed_streams += 1
            LOOP.changed()

    @property
    def pid(self):
        """Process id of the server itself, below a wrapper that forks."""
        return self.proc.pid

    @property
    def gone(self):
        """Both output streams have ended: the process is over."""
        return self.closed_streams == 2

    def wait_ready(self):
        wait(lambda: self.ready or self.gone, START_S, "a ready line of %s" % self.name, self.log)
        assert self.ready, "%s ended before it was ready:\n%s" % (self.name, self.log())
        return self

    def log(self):
        return "\n".join("%s %s| %s" % (self.name, kind, line) for kind, line in self.lines)

    def wait_log(self, text):
        """Wait until a line has the text: what is said in an answer may come before what is logged."""
        wait(lambda: any(text in line for _, line in self.lines), 20, "%r in the log" % text, self.log)

    def address(self, key):
        return self.addresses(key)[0]

    def addresses(self, key):
        """All of a ready line's list."""
        return [hostport(one) for one in self.ready[key].split(",")]

    def http(self, method, path, body=None, headers=()):
        """(status, headers, octets) of a request to the admin port."""
        conn = http.client.HTTPConnection(*self.address("admin"), timeout=15)
        try:
            data = None if body is None else (body if isinstance(body, (bytes, str))
                                              else json.dumps(body))
            conn.request(method, path, data, dict(headers) if headers else
                         ({"Content-Type": "application/json"} if data is not None else {}))
            resp = conn.getresponse()
            return resp.status, dict(resp.getheaders()), resp.read()
        finally:
            conn.close()

    def metrics(self):
        """{name with labels: number} of /metrics; labels as printed."""
        status, _, body = self.http("GET", "/metrics")
        assert status == 200, status
        out = Metrics()
        for line in body.decode().splitlines():
            m = re.match(r"^([a-zA-Z_:][\w:]*(?:\{.*\})?) (\S+)$", line)
            if m:
                out[m.group(1)] = float(m.group(2))
        return out

    def wait_metric(self, predicate, timeout=15, what="a metric"):
        """Scrape until predicate(Metrics) holds; the scrape itself paces the loop."""
        last = {}

        def probe():
            last["m"] = self.metrics()
            return predicate(last["m"])
        poll(probe, timeout, what)
        return last["m"]

    def rss_bytes(self, peak=False):
        """Resident memory now, or its peak."""
        field = "VmHWM" if peak else "VmRSS"
        with open("/proc/%d/status" % self.pid) as f:
            return next(int(line.split()[1]) * 1024 for line in f if line.startswith(field))

    def kill(self):
        """SIGKILL and wait until it is gone."""
        self.killed = True
        self.proc.send_signal(signal.SIGKILL)
        self.proc.wait(20)

    def signal(self, number):
        self.proc.send_signal(number)

    def stop(self):
        """TERM; returns a list of what was wrong (exit code, sanitizer reports)."""
        if not self.killed and self.proc.poll() is None:
            self.proc.terminate()
        wrong = []
        try:
            code = self.proc.wait(60)
            if code != 0 and not self.killed:
                wrong.append("%s ended with %s" % (self.name, code))
        except subprocess.TimeoutExpired:
            self.proc.kill()
            self.proc.wait()
            wrong.append("%s did not end within 60 s of TERM" % self.name)
        for t in self.threads:
            t.join(10)
        for stream in (self.proc.stdout, self.proc.stderr):
            stream.close()
        bad = [line for kind, line in self.lines if REPORTS.search(line)]
        if bad:
            wrong.append("%s reported: %s\n%s" % (self.name, bad, self.log()))
        return wrong


class Metrics(dict):
    """Scraped values; sum("name", label="x") adds all series of a name with these labels."""

    def sum(self, name, **labels):
        total = 0.0
        for key, value in self.items():
            base, _, rest = key.partition("{")
            given = dict(re.findall(r'(\w+)="([^"]*)"', rest))
            if base == name and all(given.get(k) == v for k, v in labels.items()):
                total += value
        return total


def poll(predicate, timeout=15, what="a condition"):
    """For what only asking shows (HTTP, /proc): ask again on every event, at least each 20 ms."""
    done = {}

    def again():
        done["tick"] = True
    import time
    end = time.monotonic() + timeout
    while True:
        value = predicate()
        if value:
            return value
        if time.monotonic() > end:
            raise AssertionError("no %s within %g s" % (what, timeout))
        done.clear()
        LOOP.call_later(0.02, again)
        wait(lambda: done, 5, "the next poll")


class Pair:
    """An mrfc and an mrfp joined by a Unix socket in folder. A `net` for ue.UE."""

    domain = "conf.example.com"

    def __init__(self, folder, mrfc=(), mrfp=(), start_mrfp=True, start=True):
        self.folder = str(folder)
        os.makedirs(self.folder, exist_ok=True)
        self.socket = os.path.join(self.folder, "mp.sock")
        self.mrfc_options = {
            "domain": self.domain, "sip.address": "127.0.0.1", "sip.port": 0,
            "sip.trusted": "127.0.0.0/8,::1", "conference.create_on_join": "true",
            "conference.end": "last-leaves", "event.burst": 3, "event.min_interval": "1s", "sip.max_lag": "30s",
            "admin.address": "127.0.0.1", "admin.port": 0, "mp.socket": self.socket,
            **dict(mrfc)}
        self.mrfp_options = {
            "msrp.address": "127.0.0.1", "msrp.port": 0, "msrp.tls_port": 0,
            "msrp.connect_allow": "127.0.0.0/8,::1", "msrp.trusted_media": "127.0.0.0/8,::1",
            "admin.address": "127.0.0.1", "admin.port": 0, "mp.socket": self.socket,
            **dict(mrfp)}
        self.mrfc = self.mrfp = None
        self.all = []
        if start:
            try:
                self.start_mrfc()
                if start_mrfp:
                    self.start_mrfp()
            except BaseException:
                self.abandon()
                raise

    def start_mrfc(self, **more):
        """Start (again) an mrfc; with the SIP port of the last one if there was one."""
        options = {**self.mrfc_options, **more}
        if self.mrfc:
            options["sip.port"] = self.sip[1]
            if "sips" in self.mrfc.ready:
                options["sip.tls_port"] = self.sips[1]
        self.mrfc = Server("mrfc", options)
        self.all.append(self.mrfc)
        self.mrfc.wait_ready()
        return self.mrfc

    def start_mrfp(self, up=True, wrap=(), **more):
        """Start (again) an mrfp behind `wrap`, on the MSRP port of the last one if there was one."""
        options = {**self.mrfp_options, **more}
        if self.mrfp:
            options["msrp.port"] = self.msrp[1]
            if self.mrfp.ready["tls"] != "off":
                options["msrp.tls_port"] = self.msrps[1]
        self.mrfp = Server("mrfp", options, wrap=wrap)
        self.all.append(self.mrfp)
        self.mrfp.wait_ready()
        if up:
            assert self.mrfp.ready.get("mp") == "up", self.mrfp.log()
        return self.mrfp

    @property
    def sip(self):
        return self.mrfc.address("sip")

    @property
    def sips(self):
        return self.mrfc.address("sips")

    @property
    def msrp(self):
        return self.mrfp.address("msrp")

    @property
    def msrps(self):
        return self.mrfp.address("tls")

    def api(self, method, path, body=None):
        """(status, parsed JSON or None) of the mrfc's admin API."""
        status, _, data = self.mrfc.http(method, path, body)
        return status, json.loads(data) if data else None

    def participants(self, room):
        """{uri: participant} of a conference NAME by the admin API; {} when there is none."""
        status, doc = self.api("GET", "/v1/conferences/%s" % room)
        return {p["uri"]: p for p in doc.get("participants", ())} if status == 200 else {}

    def wait_participants(self, room, predicate, timeout=15):
        """Ask the admin API until predicate({uri: participant}) holds; returns the participants."""
        seen = {}

        def ask():
            seen["p"] = self.participants(room)
            return predicate(seen["p"])
        poll(ask, timeout, "participants of " + room)
        return seen["p"]

    def logs(self):
        return "\n".join(s.log() for s in self.all)

    def abandon(self):
        """Kill what is left, ask nothing."""
        for s in self.all:
            if s.proc.poll() is None:
                s.kill()

    def stop(self):
        """End both, the mrfp first; raises AssertionError when either did not end well."""
        wrong = []
        for s in [s for s in self.all if s.name == "mrfp"] + \
                 [s for s in self.all if s.name == "mrfc"]:
            wrong += s.stop()
        assert not wrong, "\n".join(wrong)
