# SPDX-License-Identifier: Apache-2.0
"""An IMS core around the focus: conf/examples/ims-core/kamailio.cfg as P-CSCF and as S-CSCF.

    core = Core(folder)                            # ports are taken, nothing runs yet
    net = own_mrf(mrfc=core.mrfc_options())        # its next hop is the S-CSCF
    core.start({1: [net], 2: [net]})               # dispatcher sets
    alice = ue("alice", core, **core.user("alice"))
    core.register(alice)                           # reachable by her public identity

A Core is a `net` for terminals: what they send goes to the P-CSCF.
"""

import os
import shutil
import signal
import socket
import subprocess
import threading

from . import ports
from .kamailio import PROGRAM, TIED
from .loop import LOOP, Listener, Stream, wait
from .servers import ROOT, poll
from .sipmsg import parse

SAMPLE = os.path.join(ROOT, "conf", "examples", "ims-core")


def bracketed(host):
    return "[%s]" % host if ":" in host else host


class Cscf:
    """One Kamailio process of the sample's configuration."""

    def __init__(self, folder, role, host, port, local):
        os.makedirs(folder)
        self.folder, self.role, self.lines, self.over = folder, role, [], False
        shutil.copy(os.path.join(SAMPLE, "kamailio.cfg"), folder)
        where = "%s:%d" % (bracketed(host), port)
        local = {"LISTEN_UDP": "udp:" + where, "LISTEN_TCP": "tcp:" + where, **local}
        with open(os.path.join(folder, "local.cfg"), "w") as out:
            for name, value in local.items():
                out.write("#!define %s %s\n" % (name, value))
        self.proc = subprocess.Popen(
            TIED + [PROGRAM, "-DD", "-E", "-f", os.path.join(folder, "kamailio.cfg"), "-w", folder,
                    "-Y", folder, "-m", "32", "-M", "4"] + (["-A", "PCSCF"] if role == "p" else []),
            cwd=folder, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE)
        threading.Thread(target=self._read, daemon=True).start()
        self.addr = (host, port)

    def wait_up(self):
        def up():
            assert not self.over, "\n".join(self.lines)
            try:
                socket.create_connection(self.addr, 1).close()
            except OSError:
                return False
            return True
        poll(up, 30, "the CSCF's listener")
        return self

    def _read(self):
        for raw in self.proc.stderr:
            self.lines.append(raw.decode("utf-8", "replace").rstrip("\n"))
        self.proc.stderr.close()
        with LOOP.cond:
            self.over = True
            LOOP.changed()

    def stop(self):
        if self.proc.poll() is None:
            self.proc.send_signal(signal.SIGTERM)
        self.proc.wait(30)
        wait(lambda: self.over, 30, "the CSCF's end")


class TapSide(Stream):
    """One side of a tapped connection: all goes to the other one, its messages to the log."""

    def __init__(self, sock, tap, direction):
        self.tap, self.direction, self.other, self.buf = tap, direction, None, b""
        super().__init__(sock)

    def on_data(self, data):
        self.other.send_raw(data)
        self.buf = (self.buf + data).lstrip(b"\r\n")
        got = parse(self.buf) if self.buf else None
        while got:
            self.tap.log.append((self.direction, got[0], self.buf[:got[1]]))
            self.buf = self.buf[got[1]:].lstrip(b"\r\n")
            got = parse(self.buf) if self.buf else None
        LOOP.changed()

    def on_closed(self):
        if self.other and not self.other.closed:
            self.other.close()


class TapDatagrams:
    """Requests over UDP go on to the mrfc; what it answers goes where Via says, untapped."""

    def __init__(self, tap):
        self.tap = tap
        self.sock = socket.socket(tap.sock.family, socket.SOCK_DGRAM)
        self.sock.bind(tap.addr)
        self.sock.setblocking(False)
        LOOP.watch(self.sock, self)

    def on_readable(self):
        data = self.sock.recv(65536)
        self.tap.log.append(("in", parse(data)[0], data))
        self.sock.sendto(data, self.tap.target)
        LOOP.changed()

    def on_writable(self):
        pass

    def close(self):
        LOOP.watch(self.sock, self, False, False)
        self.sock.close()


class Tap(Listener):
    """Stands before an mrfc: `log` has ("in" | "out", Message, octets) in order."""

    def __init__(self, host="127.0.0.1"):
        self.target, self.log, self.sides = None, [], []
        super().__init__(self._accepted, host, ports.take())
        self.datagrams = TapDatagrams(self)

    sip = property(lambda self: self.addr)

    def _accepted(self, sock):
        up = TapSide.connect(self.target, self, "out")
        down = TapSide(sock, self, "in")
        up.other, down.other = down, up
        self.sides += [up, down]

    def call(self, call_id):
        """The messages of one call, ("in" | "out", Message)."""
        return [(d, m) for d, m, _ in self.log if m.call_id == call_id]

    def close(self):
        super().close()
        with LOOP.cond:
            self.datagrams.close()
            for side in self.sides:
                side.close()


class Core:
    domain = "conf.example.com"

    def __init__(self, folder, host="127.0.0.1", transport="tcp"):
        self.folder, self.host, self.transport = str(folder), host, transport
        self.p_port, self.s_port = ports.take(), ports.take()
        self.sip = (host, self.p_port)
        self.running = []

    def uri(self, port, transport=None, params=";lr"):
        return "sip:%s:%d;transport=%s%s" % (bracketed(self.host), port,
                                             transport or self.transport, params)

    def mrfc_options(self, prefix="chat-a", **more):
        """The sample's settings, at our addresses."""
        return {"sip.address": self.host, "sip.trusted": self.host,
                "sip.outbound_proxy": self.uri(self.s_port, params=";lr;orig"),
                "sip.probe_interval": "500ms", "charging.ioi": self.domain,
                "conference.psi": "sip:%s!.*!@%s" % (prefix, self.domain), **more}

    def start(self, sets):
        """sets: {dispatcher set: mrfc pairs or (host, port), the first preferred}."""
        self.mrfc = next((n.mrfc for nets in sets.values() for n in nets if hasattr(n, "mrfc")),
                         None)
        listed = os.path.join(self.folder, "mrfc.list")
        with open(listed, "w") as out:
            for number, nets in sets.items():
                for n, net in enumerate(nets):
                    host, port = getattr(net, "sip", net)
                    out.write("%d sip:%s:%d;transport=%s 0 %d\n" % (
                        number, bracketed(host), port, self.transport, 10 - n))
        self.scscf = Cscf(os.path.join(self.folder, "s"), "s", self.host, self.s_port,
                          {"MRFC_LIST": '"%s"' % listed})
        self.pcscf = Cscf(os.path.join(self.folder, "p"), "p", self.host, self.p_port,
                          {"SCSCF_URI": '"%s"' % self.uri(self.s_port)})
        self.running = [self.scscf, self.pcscf]
        for one in self.running:
            one.wait_up()
        return self

    def user(self, name):
        """Arguments of a terminal that lives in this core."""
        return {"transport": self.transport, "host": self.host, "assert_identity": False}

    def register(self, terminal, expires=600):
        """REGISTER through the P-CSCF, with a Path back by it."""
        txn = terminal.ua.request("REGISTER", "sip:example.com", to="<%s>" % terminal.aor,
                                  headers=[("Expires", expires), ("Supported", "path")])
        txn.expect(200)
        return terminal

    def log(self):
        return "\n".join("%s| %s" % (c.role, line) for c in self.running for line in c.lines)

    def stop(self):
        for one in self.running:
            one.stop()

