# SPDX-License-Identifier: Apache-2.0
"""Lists of users that attack: XML of all kinds, bodies in bodies. Each is refused, nobody is disturbed."""

import pytest

from peer import reslist, sipmsg
from peer.reslist import document, part, with_offer
from test_lists import FACTORY, TAG, come_in, refused

GOOD = document("sip:bob@127.0.0.1:9")
NEST = reslist.HEAD + "<list>" * 33 + "</list>" * 33 + "</resource-lists>"
HOSTILE = {
    "DOCTYPE": '<!DOCTYPE x [<!ENTITY a "sip:a@h"><!ENTITY b "&a;&a;&a;">]>' + GOOD,
    "an entity": GOOD.replace("<list>", "<list>&lol;"),
    "an external entity": '<!DOCTYPE x SYSTEM "file:///etc/passwd">' + GOOD,
    "deep": NEST,
    "wide": reslist.HEAD + "<list>" + "<x/>" * 10001 + "</list></resource-lists>",
    "a long attribute": document("sip:%s@127.0.0.1:9" % ("a" * 4097)),
    "UTF-16": GOOD.replace("UTF-8", "UTF-16").encode("utf-16"),
    "bad UTF-8": GOOD.encode().replace(b"sip:bob", b"sip:b\xff\xfeb"),
    "overlong UTF-8": GOOD.encode().replace(b"sip:bob", b"sip:b\xc0\xafb"),
    "a prefix of nobody": GOOD.replace("<entry", "<q:entry").replace("</q:entry", "</entry"),
    "an attribute twice": GOOD.replace("uri=", 'uri="sip:x@127.0.0.1:9" uri='),
    "an attribute twice in disguise": GOOD.replace(
        "<entry", '<entry xmlns:d="%s" cp:copyControl="to" d:copyControl="bcc"' % reslist.COPY),
    "another root": GOOD.replace("resource-lists", "list-resources"),
    "not ended": GOOD[:-10],
    "cid to a part": document("cid:l1@h"),
    "cid to nothing": document("sip:bob@127.0.0.1:9", "cid:nothing@h"),
    "no user": document("sip:127.0.0.1:9", "mailto:bob@127.0.0.1"),
    "CR LF": document("sip:bob&#13;&#10;Evil: yes@127.0.0.1:9".replace("&", "&")).replace(
        "&amp;#", "&#"),
    "empty": document(),
    "too large": document("sip:bob@127.0.0.1:9") + " " * (256 << 10),
}


@pytest.mark.parametrize("kind", HOSTILE)
def test_hostile_lists(ue, kind, bystanders):
    # covers: LIST-004, LIST-012
    alice = ue("alice", transport="tcp")
    refused(alice, 400, FACTORY, part(HOSTILE[kind], cid="l1@h"))
    bystanders.undisturbed()


def nested(depth, inner):
    kind, body = inner
    for level in range(depth):
        kind, body = sipmsg.multipart([(kind, [], body)], "level-%d" % level)
    return kind, body


def test_hostile_bodies(ue, bystanders):
    # covers: LIST-004, FOC-027
    alice = ue("alice")
    offer = alice.offer()
    kind, body = with_offer(offer, part(GOOD))
    for ctype, octets in [
            nested(9, ("text/plain", b"x")),
            ("multipart/mixed", body),
            ("multipart/mixed;boundary=" + "b" * 200, body.replace(b"mrf-e2e-boundary", b"b" * 200)),
            (kind, body.replace(b"--\r\n", b"\r\n")),
            (kind, b"no part at all"),
            sipmsg.multipart([("text/plain", [], b"x")] * 17),
            ('multipart/mixed;boundary=""', body)]:
        alice.ua.invite(FACTORY, octets, [TAG], content_type=ctype).expect(400)
    kind, body = nested(7, with_offer(offer, part(document("sip:bob@127.0.0.1:9"))))
    alice.call = alice.ua.invite(FACTORY, body, [TAG], content_type=kind)
    come_in(alice)
    bystanders.undisturbed()
