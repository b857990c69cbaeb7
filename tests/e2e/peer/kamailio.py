# SPDX-License-Identifier: Apache-2.0
"""Kamailio's msrp module as an MSRP relay (RFC 4976), and a terminal that lives behind it.

    with Relay(folder) as relay:                       # a process on a free port of loopback
        bob = RelayedUE("bob", net, relay)             # AUTH by digest; offers a=path "relay bob"
        bob.join("room1")

The relay answers each SEND itself, forwards by To-Path, and tells its own terminals from others by
the connection that a session-id was given to. With tls (a tls.Identity) it speaks TLS to everyone.
Its frames end at 14,336 octets: a longer one is answered 200 and lost, as in the field.
"""

import hashlib
import os
import re
import shutil
import signal
import socket
import subprocess
import threading

from . import msrp, ports
from .loop import LOOP, wait
from .msrpmsg import Frame, new_id
from .servers import poll
from .ue import UE

PROGRAM = shutil.which("kamailio") or "/usr/sbin/kamailio"
# Its children end with the process we start, and that ends with our main thread.
TIED = ["setpriv", "--pdeathsig", "TERM"] if shutil.which("setpriv") else []
REALM, PASSWORD = "relay", "wonderland"

CONFIG = """#!KAMAILIO
debug=1
log_stderror=yes
auto_aliases=no
children=1
tcp_children=1
dns=no
rev_dns=no
tcp_accept_no_cl=yes
tcp_connection_lifetime=3600
tcp_connect_timeout=5
tcp_rd_buf_size=65536
listen=%(listen)s
loadmodule "sl.so"
loadmodule "pv.so"
loadmodule "kex.so"
loadmodule "auth.so"
loadmodule "cfgutils.so"
loadmodule "htable.so"
loadmodule "xlog.so"
%(tls)s
loadmodule "msrp.so"
modparam("auth", "qop", "auth")
modparam("htable", "htable", "msrp=>size=8;autoexpire=3600;")

request_route {
	exit;
}

event_route[msrp:frame-in] {
	msrp_reply_flags("1");
	if ($msrp(nexthops) == 0 && !msrp_is_reply()) {
		if ($msrp(method) != "AUTH") {
			msrp_reply("481", "No-such-session");
			exit;
		}
		if (!pv_www_authenticate("%(realm)s", "%(password)s", "0", "AUTH")) {
			if (auth_get_www_authenticate("%(realm)s", "1", "$var(challenge)"))
				msrp_reply("401", "Unauthorized", "$var(challenge)");
			exit;
		}
		$var(id) = "k" + $RANDOM + "x" + $RANDOM + "x" + $RANDOM;
		$sht(msrp=>$var(id)::addr) = $msrp(srcaddr);
		$sht(msrp=>$var(id)::sock) = $msrp(srcsock);
		msrp_reply("200", "OK", "Use-Path: %(scheme)s://127.0.0.1:%(port)d/$var(id);tcp\\r\\nExpires: 1800\\r\\n");
		exit;
	}
	if ($msrp(nexthops) == 0)
		exit; # the next hop's response to what was answered here
	$var(id) = $msrp(sessid);
	if ($sht(msrp=>$var(id)::addr) == $null) {
		if (!msrp_is_reply() && $msrp(method) != "REPORT")
			msrp_reply("481", "No-such-session");
		exit;
	}
	if (!msrp_is_reply() && $msrp(method) == "SEND")
		msrp_reply("200", "OK");
	if ($sht(msrp=>$var(id)::addr) == $msrp(srcaddr)) {
		# From its terminal, to where the other side is connected from, if it is.
		if ($sht(msrp=>$var(id)::far) != $null) {
			msrp_relay_flags("1");
			msrp_set_dst("$sht(msrp=>$var(id)::far)", "$sht(msrp=>$var(id)::sock)");
		}
	} else {
		$sht(msrp=>$var(id)::far) = $msrp(srcaddr);
		msrp_relay_flags("1");
		msrp_set_dst("$sht(msrp=>$var(id)::addr)", "$sht(msrp=>$var(id)::sock)");
	}
	msrp_relay();
}
"""

TLS = """enable_tls=yes
loadmodule "tls.so"
modparam("tls", "private_key", "%s")
modparam("tls", "certificate", "%s")
modparam("tls", "tls_method", "TLSv1.2+")
modparam("tls", "verify_certificate", 0)
modparam("tls", "require_certificate", 0)
"""


class Relay:
    """One Kamailio process; its log is in `lines`."""

    def __init__(self, folder, tls=None):
        self.tls, self.scheme = tls, "msrps" if tls else "msrp"
        os.makedirs(str(folder), exist_ok=True)
        self.folder, self.lines, self.proc = str(folder), [], None
        self.addr = ("127.0.0.1", ports.take())
        assert self._start(), "no relay: " + "\n".join(self.lines)

    uri = property(lambda self: "%s://%s:%d;tcp" % (self.scheme, *self.addr))

    def _start(self):
        listen = "%s:127.0.0.1:%d" % ("tls" if self.tls else "tcp", self.addr[1])
        path = os.path.join(self.folder, "kamailio.cfg")
        with open(path, "w") as out:
            out.write(CONFIG % {
                "listen": listen, "port": self.addr[1], "scheme": self.scheme, "realm": REALM,
                "password": PASSWORD,
                "tls": TLS % (self.tls.key, self.tls.cert) if self.tls else ""})
        self.proc = subprocess.Popen(
            TIED + [PROGRAM, "-DD", "-E", "-f", path, "-Y", self.folder, "-m", "64", "-M", "8"],
            cwd=self.folder, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE)
        self.over = False
        threading.Thread(target=self._read, args=(self.proc,), daemon=True).start()
        seen = []

        def up():
            if self.over:
                return True
            try:
                socket.create_connection(self.addr, 1).close()
            except OSError:
                return False
            seen.append(True)
            return True
        poll(up, 30, "the relay's listener")
        return bool(seen)

    def _read(self, proc):
        for raw in proc.stderr:
            self.lines.append(raw.decode("utf-8", "replace").rstrip("\n"))
        proc.stderr.close()
        with LOOP.cond:
            self.over = True
            LOOP.changed()

    def stop(self):
        """End it with all its connections."""
        if self.proc.poll() is None:
            self.proc.send_signal(signal.SIGTERM)
        self.proc.wait(30)
        wait(lambda: self.over, 30, "the relay's end")

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.stop()


def md5(*parts):
    return hashlib.md5(":".join(parts).encode()).hexdigest()


def authorization(challenge, user, uri, password):
    """Digest of RFC 2617 with qop=auth, as RFC 4976 5.1 wants it."""
    said = dict(re.findall(r'(\w+)="?([^",]*)"?', challenge))
    cnonce = new_id()
    digest = md5(md5(user, said["realm"], password), said["nonce"], "00000001", cnonce, "auth",
                 md5("AUTH", uri))
    return ('Digest username="%s", realm="%s", nonce="%s", uri="%s", qop=auth, nc=00000001, '
            'cnonce="%s", response="%s"' % (user, said["realm"], said["nonce"], uri, cnonce, digest))


def authenticate(conn, relay, local, user="ue", password=PASSWORD):
    """AUTH over conn for the endpoint with URI local; returns the response with Use-Path."""
    paths = [("To-Path", relay.uri), ("From-Path", local)]
    challenge = conn.send(Frame(None, "AUTH", headers=paths)).response()
    assert challenge.status == 401, challenge
    answer = authorization(challenge.get("WWW-Authenticate"), user, relay.uri, password)
    return conn.send(Frame(None, "AUTH", headers=paths + [("Authorization", answer)])).response()


class RelayedUE(UE):
    """A UE that has its MSRP through a relay: its own connection goes there and nowhere else."""

    def __init__(self, name, net, relay, **kwargs):
        super().__init__(name, net, tls=relay.tls and kwargs.pop("identity"), **kwargs)
        self.relay, self.relay_conn = relay, None
        if relay.tls:  # who the relay is, is what the far end sees
            self.media_args["extra"] = ["a=fingerprint:" + relay.tls.fingerprint()]

    def new_session(self, session_id=None):
        """A session with a relay's URI of its own; the connection to the relay is one for all."""
        session = super().new_session(session_id)
        if self.relay_conn is None or self.relay_conn.closed:
            self.relay_conn = msrp.Connection.connect(self.relay.addr,
                                                      tls=self.tls and self.tls.client())
            self.conns.append(self.relay_conn)
        session.attach(self.relay_conn)
        self.auth = authenticate(self.relay_conn, self.relay, session.local, self.name)
        assert self.auth.status == 200, self.auth
        self.use_path = self.auth.get("Use-Path").split(" ")
        return session

    @property
    def path(self):
        return self.use_path + [self.session.local]

    def offer(self, new=True, timing=True, address=None, **media):
        if new or self.session is None:
            self.new_session()
        media = {"path": " ".join(self.path), "port": self.relay.addr[1], **media}
        return super().offer(False, timing, address, **media)

    def take_answer(self, text):
        super().take_answer(text)
        self.session.remote = self.use_path[::-1] + self.session.remote

    def open_media(self, timeout=15):
        """The connection to the relay is there; active: bind through it."""
        if self.role == "active":
            self.session.keepalive()  # the relay answers for the far end: no proof of anything
        else:
            wait(lambda: self.session.requests, timeout, "the switch's first SEND")
