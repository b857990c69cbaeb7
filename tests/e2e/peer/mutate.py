# SPDX-License-Identifier: Apache-2.0
"""SIP that is nearly right: whole requests of each kind, and what a seed makes of them.

    m = Mutator(seed, (host, port), uri)     # where we are; the conference
    for data in m.messages(1000): send(data)
    m.answer(data) -> octets or None         # to what comes back: requests, and 2xx to INVITE

Most changes are to one value of a message that is otherwise whole, so that they are read by what
reads this value; the rest are to octets. No message names a host that is not this one.
"""

import random
import re

LIST = """<?xml version="1.0" encoding="UTF-8"?>
<resource-lists xmlns="urn:ietf:params:xml:ns:resource-lists" xmlns:cp="urn:ietf:params:xml:ns:copycontrol">
<list><entry uri="sip:bill@%(at)s" cp:copyControl="to"/><entry uri="sip:joe@%(at)s?Subject=x" cp:copyControl="bcc"
 cp:anonymize="true"/></list></resource-lists>
"""
SDP = ("v=0\r\no=x 1 1 IN IP4 127.0.0.1\r\ns=-\r\nc=IN IP4 127.0.0.1\r\nt=0 0\r\n"
       "m=message 9 TCP/MSRP *\r\na=path:msrp://127.0.0.1:9/s%(n)d;tcp\r\na=setup:active\r\n"
       "a=accept-types:message/cpim\r\na=accept-wrapped-types:text/plain *\r\n"
       "a=chatroom:nickname private-messages\r\na=max-size:100000\r\n")
FILE = SDP + ("m=message 9 TCP/MSRP *\r\na=path:msrp://127.0.0.1:9/f%(n)d;tcp\r\na=sendonly\r\n"
              "a=accept-types:*\r\na=file-selector:name:\"a.png\" type:image/png size:100 hash:sha-1:"
              "72:24:5F:E8:65:3D:DA:F3:71:36:2F:86:D4:71:91:3E:E4:A2:CE:2E\r\n"
              "a=file-transfer-id:abc%(n)d\r\na=file-disposition:attachment\r\n")
QOS = SDP + ("a=curr:qos local none\r\na=curr:qos remote none\r\na=des:qos mandatory local sendrecv\r\n"
             "a=des:qos mandatory remote sendrecv\r\n")

COMMON = ["Supported: timer, 100rel, replaces, norefersub", "Session-Expires: 1800;refresher=uac",
          "Min-SE: 90", "Allow: INVITE, ACK, BYE, CANCEL, UPDATE, REFER", "Privacy: id",
          "P-Charging-Vector: icid-value=\"a1%(n)d\";icid-generated-at=127.0.0.1;orig-ioi=home1.net",
          "P-Charging-Function-Addresses: ccf=127.0.0.1;ecf=127.0.0.1",
          "P-Access-Network-Info: 3GPP-UTRAN-TDD;utran-cell-id-3gpp=234151D0FCE11",
          "P-Asserted-Service: urn:urn-7:3gpp-service.ims.icsi.oma.cpm.session.group",
          "Resource-Priority: ets.0, wps.3", "Subject: x", "Reason: SIP;cause=200;text=\"x\"",
          "Referred-By: <sip:user@example.com>;cid=\"a@b\"", "Refer-Sub: false",
          "Record-Route: <sip:%(at)s;lr;x=%%5F>, <sip:p@%(at)s;lr>", "Max-Breadth: 60",
          "Contribution-ID: c%(n)d", "Conversation-ID: v%(n)d", "InReplyTo-Contribution-ID: c1",
          "Session-Replaces: c%(n)d", "Accept-Contact: *;+g.3gpp.icsi-ref=\"x\"", "User-Agent: x",
          "Expires: 600", "Accept: application/conference-info+xml;q=0.5, */*", "Priority: normal",
          "Replaces: %(other)s", "Join: %(other)s", "Target-Dialog: %(other)s", "Geolocation: <cid:a@b>",
          "Authorization: Digest username=\"a\", realm=\"b\", nonce=\"c\", uri=\"sip:d\", response=\"%(n)032x\""
          ", algorithm=SHA-256, qop=auth, nc=00000001, cnonce=\"x\""]
NASTY = [b"", b" ", b"%00", b"\0", b"\r\n ", b"<", b">", b"\"", b"\\", b";", b",", b"@", b":", b"=", b"*",
         b"-1", b"0", b"1", b"65536", b"4294967295", b"4294967296", b"18446744073709551616", b"1e9",
         b"99999999999999999999", b"tel:+1", b"sip:", b"sip:@", b"<>", b"urn:x", b"\xff\xfe",
         b"\xc3\xa9", b"?a=b&c=d", b";lr;lr", b"[::1]", b"a" * 300, b"%" * 70, b"(" * 90, b"<a>" * 60,
         b"id;critical", b"sip:a@127.0.0.1;method=BYE", b"127.0.0.1:9", b"early-only", b"--b"]
FOREIGN = re.compile(rb"(?<![\d.])(?!127\.|0\.)\d+\.\d+\.\d+\.\d+")


def multipart(*parts):
    return "".join("--b\r\nContent-Type: %s\r\nContent-Disposition: %s\r\nContent-ID: <p%d@x>\r\n\r\n%s\r\n" %
                   (kind, how, n, body) for n, (kind, how, body) in enumerate(parts)) + "--b--\r\n"


LISTS = ("application/resource-lists+xml", "recipient-list", LIST)
KINDS = [  # method, headers of its own, Content-Type, body
    ("INVITE", [], "application/sdp", SDP), ("INVITE", [], "application/sdp", FILE),
    ("INVITE", ["Require: 100rel, precondition"], "application/sdp", QOS), ("INVITE", [], None, ""),
    ("INVITE", ["Require: recipient-list-invite"], "multipart/mixed;boundary=b",
     multipart(("application/sdp", "session", SDP), LISTS)),
    ("INVITE", [], "multipart/mixed;boundary=\"b\"",
     multipart(("application/sdp", "session", FILE), ("image/png", "icon", "PNG"), LISTS)),
    ("SUBSCRIBE", ["Event: conference;id=%(n)d"], None, ""), ("SUBSCRIBE", ["Event: refer"], None, ""),
    ("REFER", ["Refer-To: <sip:callee@%(at)s?Replaces=a%%3Bto-tag%%3Db&Subject=x>"], None, ""),
    ("REFER", ["Refer-To: <sip:user@example.com;method=BYE>"], None, ""),
    ("REFER", ["Refer-To: <cid:p0@x>", "Require: multiple-refer"], "multipart/mixed;boundary=b", multipart(LISTS)),
    ("REFER", ["Refer-To: <cid:a@x>", "Require: multiple-refer", "Content-ID: <a@x>",
               "Content-Disposition: recipient-list"], LISTS[0], LIST),
    ("OPTIONS", [], None, ""), ("CANCEL", [], None, ""), ("BYE", [], None, ""), ("ACK", [], "application/sdp", SDP),
    ("PRACK", ["RAck: 1 1 INVITE"], None, ""), ("UPDATE", [], "application/sdp", SDP),
    ("MESSAGE", [], "text/plain", "hello"), ("NOTIFY", ["Event: refer", "Subscription-State: active"],
                                             "message/sipfrag", "SIP/2.0 200 OK"),
]


class Mutator:
    def __init__(self, seed, here, uri):
        self.rng = random.Random(seed)
        self.at, self.uri, self.n = "%s:%d" % here, uri, 0
        self.dialogs = []  # (Call-ID, our From, their To, target)
        self.host = uri.partition(":")[2]

    def build(self, transport):
        """A whole message, as (start line, header lines, body)."""
        rng = self.rng
        self.n += 1
        method, own, kind, body = rng.choice(KINDS)
        call, from_, to, target = "m%d@x" % self.n, "<sip:user%d@example.com>;tag=f%d" % (
            self.n % 20, self.n), "<%s>" % self.uri, self.uri
        if self.dialogs and rng.random() < 0.5:
            call, from_, to, target = rng.choice(self.dialogs[-8:])
        other = self.dialogs and rng.choice(self.dialogs)
        names = {"n": self.n, "at": self.at, "other": "%s;to-tag=%s;from-tag=%s" % (
            other[0], other[2].rpartition("tag=")[2], other[1].rpartition("tag=")[2])
            if other else "a@b;to-tag=c;from-tag=d"}
        user = from_.partition(">")[0] + ">"
        lines = ["Via: SIP/2.0/%s %s;branch=z9hG4bK%x%d;rport" % (transport, self.at, id(self), self.n),
                 "Max-Forwards: 70", "From: " + from_, "To: " + to, "Call-ID: " + call,
                 "CSeq: %d %s" % (self.n + 1, method), "P-Asserted-Identity: " + user,
                 "Contact: <sip:user@%s;transport=%s>" % (self.at, transport.lower())]
        extra = [h for h in rng.sample(COMMON, rng.randint(0, 7))
                 if method == "INVITE" or not h.startswith(("Replaces", "Join"))]
        lines += [h % names for h in own + extra]
        if kind:
            lines.append("Content-Type: " + kind)
        return ("%s %s SIP/2.0" % (method, target)).encode(), [x.encode() for x in lines], \
            (body % names).encode() if body else b""

    def bend(self, data):
        """One value becomes another, in one place of data."""
        rng = self.rng
        what = rng.randrange(6)
        at = rng.randrange(len(data) + 1)
        if what == 0:
            return data[:at] + rng.choice(NASTY) + data[at:]
        if what == 1:
            return data[:at]
        if what == 2:
            return data[:at] + data[at + rng.randint(1, 9):]
        if what == 3:
            return data[:at] + data[max(at - 40, 0):at] * rng.randint(1, 9) + data[at:]
        if what == 4:
            found = list(re.finditer(rb"[A-Za-z0-9.+-]+", data))
            if not found:
                return rng.choice(NASTY)
            word = rng.choice(found)
            return data[:word.start()] + rng.choice(NASTY) + data[word.end():]
        return data[:at] + bytes([rng.randrange(256)]) + data[at + 1:]

    def mutated(self, transport):
        rng = self.rng
        start, lines, body = self.build(transport)
        for _ in range(rng.choice((0, 1, 1, 1, 2, 4))):
            kind = rng.randrange(10)
            n = rng.randrange(1, len(lines))  # Via stays: it is not what is read deepest
            name, _, value = lines[n].partition(b": ")
            if kind < 4:
                lines[n] = name + b": " + self.bend(value)
            elif kind == 4:
                lines.insert(n, lines[rng.randrange(len(lines))])
            elif kind == 5:
                del lines[n]
            elif kind == 6:
                lines[n] = name + b": " + rng.choice(lines).partition(b": ")[2]
            elif kind == 7 and start:
                start = self.bend(start)
            else:
                body = self.bend(body)
        length = len(body) if rng.random() < 0.98 else rng.choice((0, len(body) + 9, len(body) // 2, 1 << 31, -1))
        lines.append(b"Content-Length: %d" % length)
        data = start + b"\r\n" + b"\r\n".join(lines) + b"\r\n\r\n" + body
        return self.bend(data) if rng.random() < 0.1 else data

    def messages(self, count, transport="UDP"):
        for _ in range(count):
            data = self.mutated(transport)
            while FOREIGN.search(data):
                data = self.mutated(transport)
            yield data

    def answer(self, data):
        """What a peer with a little sense sends back."""
        head, _, _ = data.partition(b"\r\n\r\n")
        first, *lines = head.decode("utf-8", "replace").split("\r\n")
        field = {}
        for line in lines:
            name, _, value = line.partition(":")
            field.setdefault(name.lower(), []).append(value.strip())
        get = lambda name: field.get(name, [""])[0]  # noqa: E731
        if not first.startswith("SIP/2.0"):
            method = first.partition(" ")[0]
            if method == "ACK":
                return None
            code = "486 Busy Here" if method == "INVITE" else "200 OK"
            to = get("to") + ("" if "tag=" in get("to") else ";tag=t%d" % self.n)
            return ("SIP/2.0 %s\r\n%sFrom: %s\r\nTo: %s\r\nCall-ID: %s\r\nCSeq: %s\r\nContent-Length: 0\r\n\r\n" % (
                code, "".join("Via: %s\r\n" % v for v in field.get("via", [])), get("from"), to, get("call-id"),
                get("cseq"))).encode()
        if first[8:9] != "2" or not get("cseq").endswith("INVITE") or "<" not in get("contact"):
            return None
        target = get("contact").partition("<")[2].partition(">")[0]
        self.dialogs.append((get("call-id"), get("from"), get("to"), target))
        return ("ACK %s SIP/2.0\r\nVia: SIP/2.0/UDP %s;branch=z9hG4bKack%d%d\r\nFrom: %s\r\nTo: %s\r\nCall-ID: %s\r\n"
                "CSeq: %s ACK\r\nMax-Forwards: 70\r\nContent-Length: 0\r\n\r\n" % (
                    target, self.at, self.n, len(self.dialogs), get("from"), get("to"), get("call-id"),
                    get("cseq").split(" ")[0])).encode()
