# SPDX-License-Identifier: Apache-2.0
"""The switch's gate where bodies are sealed: forms, domains and epochs, chunk borders, what passes on."""

import json
import os

import pytest

from peer import cpim, opensslcmd
from peer.loop import wait
from peer.msrpmsg import new_id
from test_abuse_msrp import CONTEXT, legs  # noqa: F401
from test_attack_chaos import ROOM, Leg, alone  # noqa: F401

DATA = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "data", "gke-vectors.json")
with open(DATA) as f:
    VECTORS = json.load(f)
DOMAIN = bytes.fromhex(VECTORS["V6_cms_aes128_gcm"]["key_identifier"])[:8]
TYPE = 'application/pkcs7-mime; smime-type=auth-enveloped-data; name="smime.p7m"'


def gkid(epoch, domain=DOMAIN):
    return domain + epoch.to_bytes(4, "big")


def sealed(epoch, domain=DOMAIN):
    """A sealed body under this epoch; the id is outside of what the tag protects."""
    der = bytes.fromhex(VECTORS["V6_cms_aes128_gcm"]["der"])
    assert der.count(gkid(7)) == 1
    return der.replace(gkid(7), gkid(epoch, domain))


def records(epoch, domain=DOMAIN, size=200):
    return os.urandom(16) + (16384).to_bytes(4, "big") + b"\x0c" + gkid(epoch, domain) + bytes(size)


def tell(control, **fields):
    assert control.ask("modify", CONTEXT, policy=3 | 8, **fields)["code"] == 0


def bodies(leg):
    return [f.body for f in leg.session.requests if f.body]


def test_only_the_epochs_of_now_pass(alone, legs):  # noqa: F811
    # covers: GK-007, CMS-002, CMS-008
    _, control = alone
    one, two = legs[:2]
    tell(control, key_domain=DOMAIN, key_epoch=6, key_newest=7)

    def status(body):
        return one.session.send(one.cpim(body, kind=TYPE)).status()
    assert [status(sealed(e)) for e in (5, 6, 7, 8)] == [403, 200, 200, 403]
    assert status(sealed(7, b"\x00" * 8)) == 403
    assert status(b"\x30\x82 not sealed at all " * 20) == 415
    assert status(b"") == 415
    tell(control, key_epoch=7)
    assert [status(sealed(e)) for e in (6, 7)] == [403, 200]
    private = one.cpim(sealed(6), to=two.aor, kind=TYPE)
    assert one.session.send(private).status() == 403
    assert one.session.send(one.cpim(sealed(7), to=two.aor, kind=TYPE)).status() == 200
    wait(lambda: len(bodies(two)) == 4, what="what passed")
    assert all(gkid(7) in b or gkid(6) in b for b in bodies(two))


def test_wherever_a_chunk_ends_the_whole_is_judged(alone, legs):  # noqa: F811
    # covers: GK-007, SMI-003
    _, control = alone
    one, two = legs[:2]
    tell(control, key_domain=DOMAIN, key_epoch=7, key_newest=7)
    passed = []
    for size in (1, 7, 64, 200, 300):
        for epoch, expected in ((7, 200), (6, 403)):
            data = one.cpim(sealed(epoch), kind=TYPE)
            last = one.session.send_chunks(data, size)[-1]
            assert last.status() == expected, (size, epoch)
            passed += [data] if expected == 200 else []
    wait(lambda: len(two.session.messages) == 5, what="the five")
    assert [m.data for m in two.session.messages] == passed


def test_records_pass_by_their_key_and_keep_their_headers(alone, legs):  # noqa: F811
    # covers: GK-014, SMI-001
    _, control = alone
    one, two = legs[:2]
    tell(control, key_domain=DOMAIN, key_epoch=7, key_newest=7)

    def wrapped(body, encoding="aes128gcm"):
        head = one.cpim(b"", kind="application/octet-stream")
        return head[:-2] + b"Content-Encoding: " + encoding.encode() + b"\r\n\r\n" + body
    good = wrapped(records(7))
    assert one.session.send(good).status() == 200
    assert one.session.send(wrapped(records(6))).status() == 403
    assert one.session.send(wrapped(records(7, b"\x01" * 8))).status() == 403
    assert one.session.send(wrapped(records(7), "gzip")).status() == 415
    assert one.session.send(wrapped(bytes(200))).status() == 415
    wait(lambda: bodies(two) == [good], what="the good one", state=lambda: bodies(two))


def test_what_one_certificate_opens_passes_to_one_member_alone(alone, legs, tmp_path):  # noqa: F811
    # covers: GK-011, CMS-008
    _, control = alone
    one, two, three = legs[:3]
    tell(control, key_domain=DOMAIN, key_epoch=6, key_newest=7)
    bob, carol = (opensslcmd.Person(tmp_path, name).cert for name in ("bob", "carol"))
    body = opensslcmd.seal_to(b"for bob", bob)

    def status(to, octets=body, size=None):
        data = one.cpim(octets, to=to, kind=TYPE)
        return (one.session.send_chunks(data, size)[-1] if size else one.session.send(data)).status()
    assert status(two.aor) == 200
    assert [status(two.aor, size=n) for n in (7, 200)] == [200, 200]
    assert [status(ROOM), status(ROOM, size=50), status("sip:nobody@example.com")] == [403, 403, 404]
    assert status(two.aor, opensslcmd.seal_to(b"for two", bob, carol)) == 415
    wait(lambda: len(two.session.messages) == 3, what="what passed")
    assert all(cpim.Cpim(m.data).content == body for m in two.session.messages)
    assert not three.session.messages


def test_content_headers_of_a_send_pass_on(alone):  # noqa: F811
    # covers: SMI-001, SMI-006
    _, control = alone
    ends = [Leg(alone, b"\x44" * 16, n) for n in (1, 2)]
    for leg in ends:
        leg.fresh()
        reply = control.ask("add", leg.context, termination=leg.number, kind=2, uris=[leg.aor],
                            remote_path=leg.session.local, setup=2, match=1, accept_types="*")
        assert reply["code"] == 0, reply
        leg.session.remote = [reply["local_path"]]
        leg.connect()
    body = os.urandom(3000)
    lines = [("Content-Transfer-Encoding", "binary"), ("Content-ID", "<%s@x>" % new_id()),
             ("Content-Encoding", "aes128gcm")]
    for name, value in (("multipart/signed; micalg=sha-256; boundary=xyz", "signed"),
                        ("application/pkcs7-mime", "s/mime"), ("message/mls", "mls")):
        t = ends[0].session.send(body, name, headers=lines)
        frame = wait(lambda n=name: next((f for f in ends[1].session.requests
                                          if f.get("Content-Type") == n), None), what=value)
        ends[1].session.wait_message()
        assert t.status() == 200 and frame.body in body
        assert [(h, frame.get(h)) for h, _ in lines] == lines


@pytest.mark.parametrize("fields", [{"key_domain": b"\x01" * 7}, {"key_domain": b"\x01" * 9},
                                    {"key_domain": DOMAIN, "key_epoch": 8, "key_newest": 7}])
def test_a_gate_that_makes_no_sense_is_refused(alone, legs, fields):  # noqa: F811
    _, control = alone
    assert control.ask("modify", CONTEXT, **fields)["code"] == 5
    assert legs[0].session.send(cpim.build(legs[0].aor, ROOM, "still open")).status() == 200
