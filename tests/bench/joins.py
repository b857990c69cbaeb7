#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""N users join one conference and each subscribes to it: what that costs the MRFC, per join.

usage: tests/bench/joins.py [--build DIR] [--limit LISTED] N...

Starts an mrfc and an mrfp, sends the INVITEs (16 under way) and SUBSCRIBEs of all users over one TCP
connection and answers the NOTIFYs, until each user has been told of everybody. No checks here beyond
that: the black-box tests do those. Prints one line of figures for each N.
"""
import argparse
import os
import re
import selectors
import socket
import subprocess
import sys
import tempfile
import time

WINDOW = 16
DEADLINE = 120
COUNT = re.compile(rb"<user-count>(\d+)</user-count>")
LENGTH = re.compile(rb"\r\n(?:Content-Length|l)[ \t]*:[ \t]*(\d+)", re.I)
SDP = ("v=0\r\no=- 1 1 IN IP4 127.0.0.1\r\ns=-\r\nc=IN IP4 127.0.0.1\r\nt=0 0\r\nm=message 9 TCP/MSRP *\r\n"
       "a=path:msrp://127.0.0.1:9/u%dx5Tq;tcp\r\na=setup:active\r\na=accept-types:message/cpim\r\n"
       "a=accept-wrapped-types:text/plain\r\n")


def cpu_us(pid):
    with open(f"/proc/{pid}/schedstat", encoding="ascii") as f:
        main = int(f.read().split()[0])
    total = 0
    for task in os.listdir(f"/proc/{pid}/task"):
        with open(f"/proc/{pid}/task/{task}/schedstat", encoding="ascii") as f:
            total += int(f.read().split()[0])
    return max(main, total) / 1000


def rss_kb(pid):
    with open(f"/proc/{pid}/status", encoding="ascii") as f:
        return int(re.search(r"VmRSS:\s+(\d+)", f.read()).group(1))


def start(program, *options):
    args = [program]
    for option in options:
        args += ["-o", option]
    proc = subprocess.Popen(args, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)
    line = proc.stdout.readline().decode()
    if not line.startswith("ready "):
        sys.exit(f"{program} did not start: {line}")
    return proc, dict(re.findall(r"(\w+)=(\S+)", line))


class Users:
    """All users behind one address: frames SIP off TCP connections, answers, counts."""

    def __init__(self, to):
        self.sel, self.buffers = selectors.DefaultSelector(), {}
        self.listener = socket.create_server(("127.0.0.1", 0), backlog=64)
        self.sel.register(self.listener, selectors.EVENT_READ)
        self.at = "127.0.0.1:%d" % self.listener.getsockname()[1]
        self.out = socket.create_connection(to)
        self.add(self.out)
        self.joined, self.told, self.failed = set(), {}, 0
        self.notifies = self.octets = self.full = 0

    def add(self, sock):
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.buffers[sock] = bytearray()
        self.sel.register(sock, selectors.EVENT_READ)

    def request(self, method, n, cseq, headers="", body="", to_tag=""):
        self.out.sendall((
            f"{method} sip:bench@conf.example.com SIP/2.0\r\n"
            f"Via: SIP/2.0/TCP {self.at};branch=z9hG4bK{method}{n}-{cseq}\r\nMax-Forwards: 70\r\n"
            f"From: <sip:user{n}@example.com>;tag=f{method[0]}{n}\r\nTo: <sip:bench@conf.example.com>{to_tag}\r\n"
            f"Call-ID: {'S' if method == 'SUBSCRIBE' else 'I'}{n}-bench\r\nCSeq: {cseq} {method}\r\n"
            f"Contact: <sip:user{n}@{self.at};transport=tcp>\r\n"
            f"P-Asserted-Identity: <sip:user{n}@example.com>\r\n{headers}"
            f"Content-Length: {len(body)}\r\n\r\n{body}").encode())

    def invite(self, n):
        self.request("INVITE", n, 1, "Content-Type: application/sdp\r\n", SDP % n)

    def ack(self, n, to):
        self.out.sendall((
            f"ACK sip:bench@conf.example.com SIP/2.0\r\nVia: SIP/2.0/TCP {self.at};branch=z9hG4bKack{n}\r\n"
            f"Max-Forwards: 70\r\nFrom: <sip:user{n}@example.com>;tag=fI{n}\r\nTo: {to}\r\nCall-ID: I{n}-bench\r\n"
            f"CSeq: 1 ACK\r\nContent-Length: 0\r\n\r\n").encode())

    def on_message(self, sock, head, body):
        text = head.decode("utf-8", "replace")
        fields = dict(re.findall(r"^([\w-]+)[ \t]*:[ \t]*(.*?)\r?$", text, re.M))
        if text.startswith("SIP/2.0 "):
            status = int(text[8:11])
            n = int(re.search(r"[IS](\d+)-bench", fields["Call-ID"]).group(1))
            if status >= 300:
                self.failed += 1
                print(text.splitlines()[0], fields["CSeq"], file=sys.stderr)
            elif status >= 200 and fields["CSeq"].endswith("INVITE"):
                self.ack(n, fields["To"])
                self.joined.add(n)
                self.request("SUBSCRIBE", n, 1, "Event: conference\r\nExpires: 3600\r\n")
            return
        method = text.split(" ", 1)[0]
        vias = "".join(f"Via: {v}\r\n" for v in re.findall(r"^Via[ \t]*:[ \t]*(.*?)\r?$", text, re.M))
        sock.sendall((f"SIP/2.0 200 OK\r\n{vias}From: {fields['From']}\r\nTo: {fields['To']}\r\n"
                      f"Call-ID: {fields['Call-ID']}\r\nCSeq: {fields['CSeq']}\r\nContent-Length: 0\r\n\r\n").encode())
        if method == "NOTIFY":
            self.notifies += 1
            self.octets += len(body)
            self.full += b'state="full" version' in body[:400]
            found = COUNT.search(body, 0, 4096)
            self.told[fields["Call-ID"]] = int(found.group(1)) if found else 0

    def on_readable(self, sock):
        data = sock.recv(1 << 20)
        if not data:
            self.sel.unregister(sock)
            return
        buf = self.buffers[sock]
        buf += data
        while True:
            end = buf.find(b"\r\n\r\n")
            if end < 0:
                return
            size = end + 4 + int((LENGTH.search(buf, 0, end + 2) or [0, 0])[1])
            if len(buf) < size:
                return
            head, body = bytes(buf[:end + 2]), bytes(buf[end + 4:size])
            del buf[:size]
            if head.strip():
                self.on_message(sock, head, body)

    def turn(self):
        for key, _ in self.sel.select(1):
            if key.fileobj is self.listener:
                self.add(self.listener.accept()[0])
            else:
                self.on_readable(key.fileobj)


def run(build, n, limit=500, interval="5s"):
    """Figures of one conference of n: a dictionary, or None when it did not come about."""
    with tempfile.TemporaryDirectory(prefix="mrf-bench-") as folder:
        mp = f"mp.socket={folder}/mp.sock"
        mrfc, where = start(f"{build}/mrfc", mp, "sip.port=0", "admin.port=0", f"event.roster_limit={limit}",
                            f"event.min_interval={interval}", "sip.trusted=127.0.0.1", "sip.max_lag=0", "log.level=error",
                            "conference.create_on_join=true", "domain=conf.example.com")
        mrfp, _ = start(f"{build}/mrfp", mp, "msrp.port=0", "admin.port=0", "log.level=error",
                        "msrp.connect_allow=127.0.0.1", "msrp.trusted_media=127.0.0.1")
        host, port = where["sip"].split(",")[0].rsplit(":", 1)
        users = Users((host, int(port)))
        asked, begun, cpu, kb = 0, time.monotonic(), cpu_us(mrfc.pid), rss_kb(mrfc.pid)
        joined_s = None
        while sum(1 for count in users.told.values() if count == n) < n:
            while asked < n and asked - len(users.joined) < WINDOW:
                users.invite(asked)
                asked += 1
            users.turn()
            if joined_s is None and len(users.joined) == n:
                joined_s = time.monotonic() - begun
            if users.failed or time.monotonic() - begun > DEADLINE or mrfc.poll() is not None:
                break
        done = sum(1 for count in users.told.values() if count == n) == n
        result = {"n": n, "cpu_us": (cpu_us(mrfc.pid) - cpu) / n, "notifies": users.notifies / n,
                  "full": users.full / n, "octets": users.octets / n, "joined_s": joined_s,
                  "kb": (rss_kb(mrfc.pid) - kb) / n} if mrfc.poll() is None else None
        for proc in (mrfp, mrfc):
            proc.kill()
            proc.wait()
        return result if done else None


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--build", default="build/release")
    parser.add_argument("--limit", type=int, default=500)
    parser.add_argument("n", type=int, nargs="+")
    args = parser.parse_args()
    for n in args.n:
        r = run(args.build, n, args.limit)
        if r is None:
            sys.exit(f"{n}: the conference did not come about")
        print(f"N {n} limit {args.limit}: {r['cpu_us']:.0f} us of CPU, {r['notifies']:.2f} NOTIFYs ({r['full']:.2f} full), "
              f"{r['octets'] / 1000:.1f} kB, {r['kb']:.1f} kB of memory a join; all in within {r['joined_s']:.1f} s", flush=True)


if __name__ == "__main__":
    main()
