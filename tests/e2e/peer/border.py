# SPDX-License-Identifier: Apache-2.0
"""A session border controller between terminals and the focus: SIP over UDP, MSRP anchored.

    border = Border(net)                       # rewrites c= and m=
    alice = UE("alice", border.net)            # its SIP goes through the border
    border.register(alice)                     # so that requests of the focus find it
    border.media                               # every place that it anchors

SIP passes by Record-Route and a Via of its own. Each m=message line gets a listener of the border
in its c= and m=, which pumps octets to where the line pointed. Options: rewrite_path (the
authority of the last URI in a=path is the border's, as controllers do that are no CEMA: MSRP passes
unchanged, so To-Path has that authority), strip_cema (a=msrp-cema is lost, as with controllers that
do not know it).
"""

import re
import socket
from types import SimpleNamespace

from .loop import LOOP, Listener, Stream
from .sipmsg import Uri, parse, parse_params

COOKIE = "z9hG4bK-border-"


class Half(Stream):
    """One side of an anchored connection."""

    def __init__(self, sock, place):
        self.place, self.other = place, None
        super().__init__(sock)

    def on_data(self, data):
        self.place.octets += len(data)
        self.other.send_raw(data)

    def on_closed(self):
        if self.other and not self.other.closed:
            self.other.close()


class Place:
    """A listener of the border in front of a real address."""

    def __init__(self, host, target):
        self.target, self.octets, self.halves = target, 0, []
        self.listener = Listener(self.accept, host)
        self.addr = self.listener.addr

    def accept(self, sock):
        try:
            near, far = Half(sock, self), Half.connect(self.target, self)
        except OSError:
            sock.close()
            return
        near.other, far.other = far, near
        self.halves += [near, far]

    def close(self):
        self.listener.close()
        for half in self.halves:
            if not half.closed:
                half.close()


class Border:
    def __init__(self, net, rewrite_path=False, strip_cema=False, host="127.0.0.1"):
        self.host, self.focus = host, tuple(net.sip)
        self.rewrite_path, self.strip_cema = rewrite_path, strip_cema
        self.places, self.terminals, self.passed = {}, {}, []
        self.sock = socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET, socket.SOCK_DGRAM)
        self.sock.bind((host, 0))
        self.sock.setblocking(False)
        self.addr = self.sock.getsockname()[:2]
        self.at = ("[%s]:%d" if ":" in host else "%s:%d") % self.addr
        self.net = SimpleNamespace(sip=self.addr, domain=net.domain, msrp=net.msrp, mrfc=net.mrfc)
        LOOP.watch(self.sock, self)

    media = property(lambda self: list(self.places.values()))

    def register(self, ue):
        self.terminals[ue.name] = (ue.host, ue.ua.port)

    # -- SIP -------------------------------------------------------------------------------

    def on_readable(self):
        for _ in range(100):
            try:
                data, source = self.sock.recvfrom(65536)
            except OSError:
                return
            got = parse(data) if data.strip() else None
            if got:
                msg = got[0]
                (self.on_request if msg.is_request else self.on_response)(msg, source[:2])

    def on_writable(self):
        pass

    def on_request(self, msg, source):
        routes = msg.headers.list("Route")
        if routes and self.at in routes[0]:
            msg.headers.remove("Route")
            for route in routes[1:]:
                msg.headers.add("Route", route)
        if source == self.focus:
            target = Uri(msg.uri)
            dest = self.terminals.get(target.user) if (target.host, target.port) == self.addr else None
            dest = dest or (target.host, target.port or 5060)
        else:
            dest = self.focus
        fields = [("Via", "SIP/2.0/UDP %s;branch=%s%s" % (self.at, COOKIE, msg.via_branch))]
        if msg.method in ("INVITE", "SUBSCRIBE", "REFER"):
            fields.append(("Record-Route", "<sip:%s;lr>" % self.at))
        msg.headers.fields[:0] = fields
        # Where the response goes, as RFC 3261 18.2.1 has it.
        self.forward(msg, dest)

    def on_response(self, msg, source):
        vias = msg.headers.list("Via")
        msg.headers.remove("Via")
        msg.headers.fields[:0] = [("Via", via) for via in vias[1:]]
        sent_by, _, params = vias[1].partition(" ")[2].partition(";")
        host, _, port = sent_by.strip().rpartition(":")
        params = parse_params(params)
        self.forward(msg, (params.get("received") or host.strip("[]"), int(params.get("rport") or port)))

    def forward(self, msg, dest):
        if msg.content_type == "application/sdp":
            msg.body = self.rewritten(msg.text).encode()
            msg.headers.set("Content-Length", len(msg.body))
        self.passed.append(msg)
        self.sock.sendto(msg.build(), dest)

    # -- SDP -------------------------------------------------------------------------------

    def rewritten(self, text):
        c_host = re.search(r"(?m)^c=IN IP[46] (\S+)", text).group(1)
        port = int(re.search(r"(?m)^m=message (\d+)", text).group(1))
        place = self.place((c_host, port))
        text = re.sub(r"(?m)^c=IN IP[46] \S+", "c=IN IP%d %s" % (6 if ":" in self.host else 4, self.host), text)
        text = re.sub(r"(?m)^m=message \d+", "m=message %d" % place.addr[1], text)
        if self.strip_cema:
            text = text.replace("a=msrp-cema\r\n", "")
        if self.rewrite_path:
            def authority(match):
                *hops, last = match.group(1).split()
                return "a=path:" + " ".join(hops + [re.sub("//[^/]*/", "//%s:%d/" % place.addr, last)])
            text = re.sub(r"(?m)^a=path:(.*?)(?=\r?$)", authority, text)
        return text

    def place(self, target):
        if target not in self.places:
            self.places[target] = Place(self.host, target)
        return self.places[target]

    def close(self):
        LOOP.watch(self.sock, self, False, False)
        self.sock.close()
        for place in self.media:
            place.close()
