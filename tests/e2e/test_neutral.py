# SPDX-License-Identifier: Apache-2.0
"""What the service does not need to know: bodies of other schemes pass unchanged, MIKEY tickets between two terminals too, and
neither the key server's interface nor the roster names a scheme."""

import os
import re
import struct

import pytest

from peer import cpim
from peer.loop import wait
from peer.servers import ROOT
from relaying import make, relay  # noqa: F401
from test_sealed_join import make as make_sealed, sealed  # noqa: F401

# Octets that look like MSRP, CPIM and MIME where none is meant.
TRAPS = b"\r\n-------a786hjs2$\r\n\r\nMSRP x 200 OK\r\n\x00\xff\r\r\n\n--xyz--\r\nContent-Type: text/plain\r\n\r\n"
OTHERS = {
    "mls": "message/mls",
    "s/mime": 'application/pkcs7-mime; smime-type=enveloped-data; name="smime.p7m"',
    "s/mime signed": 'multipart/signed; protocol="application/pkcs7-signature"; micalg=sha-256; boundary=xyz',
    "auth enveloped": "application/pkcs7-mime; smime-type=auth-enveloped-data",
    "pgp": 'multipart/encrypted; protocol="application/pgp-encrypted"; boundary=xyz',
    "vendor": "application/vnd.example.ratchet+cbor; v=3",
    "unheard of": "x-future/sealed",
}


@pytest.fixture
def takers(ue, room):
    """Three who take any type."""
    return [ue(name).join(room, wrapped="*") for name in ("alice", "bob", "carol")]


@pytest.mark.parametrize("kind", OTHERS.values(), ids=OTHERS.keys())
def test_bodies_of_other_schemes_pass_octet_by_octet(takers, kind):
    # covers: SMI-001
    alice, bob, carol = takers
    for size, chunk in ((0, 0), (300, 0), (9000, 700)):
        body = os.urandom(size) + TRAPS + os.urandom(size)
        whole = cpim.build(alice.aor, alice.room, body, kind, mime=["Content-Transfer-Encoding: binary", "Content-ID: <1@x>"])
        done = alice.session.send_chunks(whole, chunk) if chunk else [alice.session.send(whole)]
        assert {t.status() for t in done} == {200}
        for one in (bob, carol):
            wait(lambda o=one, w=whole: any(m.complete and m.data == w for m in o.session.messages),
                 what="%d octets of %s at %s" % (len(whole), kind, one.name))


def ticket(data_type, size=300):
    """A message of RFC 6043 as far as who passes it on could look: header, T, and what he cannot know."""
    head = struct.pack(">BBBBIBB", 1, data_type, 5, 0x81, 0x1a2b3c4d, 1, 2)
    return head + struct.pack(">BBQ", 17, 0, 0xe8a1b2c300000001) + os.urandom(size)


@pytest.mark.parametrize("data_type", [11, 13, 14, 15, 16, 18])
def test_tickets_pass_between_two_terminals(relay, data_type):  # noqa: F811
    # covers: SMI-001
    a, b = relay.pair(accept_types="application/mikey text/plain")
    for sender, receiver in ((a, b), (b, a)):
        body = ticket(data_type)
        assert sender.session.send(body, "application/mikey").status() == 200
        got = receiver.session.wait_message(lambda m, t=body: m.complete and m.data == t)
        assert got.content_type == "application/mikey"
    assert not relay.events(4)  # nobody takes them for the key server's


# -- names -----------------------------------------------------------------------------------

SCHEMES = re.compile(r"mikey|kemac|ticket|cms|pkcs|mls|treekem|ratchet|aes|gcm|8188|psk|tek\b|kek", re.I)


def code_of(text):
    """C without comments and string literals."""
    return re.sub(r'/\*.*?\*/|//[^\n]*|"(?:[^"\\\n]|\\.)*"', " ", text, flags=re.S)


def test_the_key_servers_interface_names_no_scheme():
    # covers: GK-016
    with open(os.path.join(ROOT, "mrfc/groupkey/groupkey.h"), encoding="utf-8") as f:
        code = code_of(f.read())
    assert "struct groupkey_ops" in code and "struct slice bytes" in code
    assert SCHEMES.findall(code) == []
    assert SCHEMES.findall(code_of("/* mikey */ int mikey_message(int tek);")) == ["mikey", "tek"]


def test_the_roster_names_an_epoch_and_no_scheme(mrf, sealed, room):  # noqa: F811
    # covers: GK-016
    make_sealed(mrf, room)
    alice = sealed("alice").join(room)
    watch = alice.subscribe()
    text = wait(lambda: next((t for t in (n.body.decode() for n in watch.sub.notifies if n.body) if "<epoch" in t), None), what="an epoch")
    element = re.search(r"<epoch\b[^>]*/>", text).group(0)
    assert re.fullmatch(r'<epoch xmlns="urn:x-mrf:conference-info:1" id="%s"/>' % alice.keys.hex, element)
    assert SCHEMES.findall(re.sub(r"sip:[^<\"]*", "", text)) == []
