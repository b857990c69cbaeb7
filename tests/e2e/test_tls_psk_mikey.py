# SPDX-License-Identifier: Apache-2.0
"""TLS of members of sealed conferences by a key that comes of their pairwise key and the MIKEY message in the
offer. Keys are derived here with Python's hmac; openssl(1) is the peer that shows them."""

import hashlib
import hmac

import pytest

from peer import gke, mikey, ports, tls
from peer.mrfue import Mrfue
from peer.msrpmsg import Uri, new_id
from peer.opensslcmd import SClient
from peer.servers import poll
from test_sealed_join import make, sealed  # noqa: F401  (sealed is a fixture)

WRONG = bytes(range(32))


def hkdf(key, salt, info, size):
    prk = hmac.new(salt, key, hashlib.sha256).digest()
    return hmac.new(prk, info + b"\x01", hashlib.sha256).digest()[:size]


def leg(mk, message):
    """(identity, key) of the leg whose offer has this message."""
    m = mikey.parse(message)
    salt = m.rand + m.csb.to_bytes(4, "big")
    return hkdf(mk, salt, b"GKE1 tls psk id", 16).hex(), hkdf(mk, salt, b"GKE1 tls psk", 32)


@pytest.fixture(scope="module")
def net(tmp_path_factory):
    from peer.servers import Pair
    pair = Pair(tmp_path_factory.mktemp("psk"), mrfc={"msrp.tls_psk": "true", "msrp.transport": "tls"})
    yield pair
    wrong = pair.stop()
    assert not wrong, wrong


@pytest.fixture
def me(tmp_path):
    return tls.Identity(tmp_path / "me")


def by_key(net):
    return net.mrfp.metrics().sum("mrfp_tls_handshakes_total", end="key")


class Shown:
    """A session over openssl(1), which shows a key."""

    def __init__(self, ue, identity, key, *version):
        self.ue, self.path = ue, ue.answer.msg.path[0]
        self.client = SClient(Uri(self.path).addr, *(version or ("-tls1_3",)), "-psk_identity", identity, "-psk", key.hex(),
                              "-ign_eof")

    def __enter__(self):
        self.client.__enter__()
        return self

    def __exit__(self, *exc):
        self.client.__exit__(*exc)

    def ask(self):
        tid = new_id()
        self.client.write(("MSRP %s SEND\r\nTo-Path: %s\r\nFrom-Path: %s\r\nMessage-ID: %s\r\nByte-Range: 1-0/0\r\n-------%s$\r\n" % (
            tid, self.path, self.ue.session.local, tid, tid)).encode())
        return tid

    def bind(self):
        self.client.said(b"MSRP %s 200" % self.ask().encode())

    def gets_nothing(self):
        try:
            self.ask()
        except BrokenPipeError:
            pass
        assert b"MSRP " not in self.client.rest()


def joined(sealed, net, room, me, name="alice"):  # noqa: F811
    ue = sealed(name, net, tls=me)
    ue.join(room, connect=False)
    return ue, leg(bytes.fromhex(ue.key[1]), gke.Member.of_attribute(ue.own_lines[0].partition(":")[2]))


@pytest.mark.parametrize("version", [("-tls1_3",), ("-tls1_2", "-cipher", "ECDHE-PSK-CHACHA20-POLY1305")], ids=["1.3", "1.2"])
def test_the_request_of_an_offer_is_a_key_for_its_leg_alone(net, sealed, room, me, version):  # noqa: F811
    # covers: SEC-014
    make(net, room)
    alice, (identity, key) = joined(sealed, net, room, me)
    bob, (other, _) = joined(sealed, net, room, me, "bob")
    before = by_key(net)
    with Shown(alice, identity, key, *version) as shown:
        shown.bind()
        assert b"no peer certificate available" in shown.client.text
    assert by_key(net) == before + 1
    with Shown(bob, identity, key, *version) as shown:
        shown.gets_nothing()
    for wrong in (identity, other):
        with Shown(alice, wrong, WRONG, *version) as shown:
            said = shown.client.rest()
            # Of a wrong binder OpenSSL says illegal_parameter where RFC 8446 6.2 has decrypt_error.
            assert b"alert illegal parameter" in said or b"alert decrypt error" in said or b"alert bad record mac" in said, said
    for server in (net.mrfc, net.mrfp):
        assert key.hex() not in server.log() and identity not in server.log()
    for one in (alice, bob):
        one.call.bye()


def test_an_identity_nobody_was_given_leaves_certificates(net, sealed, room, me):  # noqa: F811
    # covers: SEC-014, SEC-006
    make(net, room)
    alice, (_, key) = joined(sealed, net, room, me)
    with Shown(alice, "00" * 16, key) as shown:
        shown.gets_nothing()  # openssl has none
    alice.open_media()        # this one has
    assert alice.say("by certificate") == 200
    alice.call.bye()


def again(ue):
    """A new offer, with another request; its key."""
    ue.take_answer(ue.call.reinvite(ue.offer(new=False)).expect(200).text)
    return leg(bytes.fromhex(ue.key[1]), gke.Member.of_attribute(ue.own_lines[0].partition(":")[2]))


def test_a_new_offer_is_a_new_key_for_new_connections(net, sealed, room, me):  # noqa: F811
    # covers: SEC-014
    make(net, room)
    alice, (identity, key) = joined(sealed, net, room, me)
    later, new = again(alice)
    assert later != identity
    with Shown(alice, identity, key) as shown:
        shown.gets_nothing()
    with Shown(alice, later, new) as shown:
        shown.bind()
        again(alice)
        shown.bind()  # who is there stays
    alice.call.bye()


def test_without_the_option_there_is_none(mrf, sealed, room, me):  # noqa: F811
    # covers: SEC-014
    make(mrf, room)
    alice, (identity, key) = joined(sealed, mrf, room, me)
    with Shown(alice, identity, key) as shown:
        shown.gets_nothing()
    alice.open_media()
    assert alice.say("by certificate") == 200


# -- mrfue -------------------------------------------------------------------------------------------


@pytest.fixture
def chat(net, tmp_path):
    """chat(name, *command, args=()): a client with a key of its own."""
    made = []

    def start(name, *command, args=("--tls", "--tls-psk"), to=net, uri=None):
        aor = uri or "sip:%s@example.com" % name
        path = tmp_path / (name + ".key")
        if not path.exists():
            status, doc = to.api("POST", "/v1/keys", {"uri": aor, "id": new_id()})
            assert status == 201, doc
            path.write_text("%s %s\n" % (doc["id"], doc["key"]))
            path.chmod(0o600)
        made.append(Mrfue(to, name, *command, args=["--key-file", str(path), *args]))
        return made[-1]
    yield start
    wrong = [line for one in made for line in one.close()]
    assert not wrong, "\n".join(wrong)


def talk(*members):
    for one in members:
        one.do("I am " + one.name)
        for other in members:
            if other is not one:
                assert other.wait("message", text="I am " + one.name)["sealed"]


@pytest.mark.parametrize("setup", ["active", "passive"])
def test_clients_are_known_by_their_keys_whoever_connects(net, chat, room, setup):
    # covers: SEC-014, SEC-009
    uri = make(net, room)
    before = by_key(net)
    alice = chat("alice", "join", uri, args=("--tls", "--tls-psk", "--setup", setup))
    assert alice.wait("joined", sealed=True, tls=True)["psk"] is True
    bob = chat("bob", "join", uri, args=("--tls",))
    assert bob.wait("joined", sealed=True, tls=True)["psk"] is False
    assert by_key(net) == before + 1
    alice.wait("arrived", uri=bob.aor)
    poll(lambda: alice.events("epoch")[-1]["id"] == bob.events("epoch")[-1]["id"], what="one epoch")
    talk(alice, bob)


@pytest.mark.parametrize("setup", ["active", "passive"])
def test_who_is_called_is_known_by_his_key(net, chat, room, setup):
    # covers: SEC-014
    make(net, room)
    before = by_key(net)
    place = "127.0.0.1:%d" % ports.take()
    called = "sip:carol@" + place
    carol = chat("carol", "wait", args=("--tls", "--tls-psk", "--setup", setup, "--listen", place), uri=called)
    carol.wait("ready")
    assert net.api("POST", "/v1/conferences/%s/participants" % room, {"uri": called})[0] == 202
    assert carol.wait("joined", sealed=True, tls=True)["psk"] is True
    assert by_key(net) == before + 1


def test_after_a_restart_of_the_switch_keys_are_given_again(own_mrf, chat, room):
    # covers: SEC-014
    net = own_mrf(mrfc={"msrp.tls_psk": "true", "msrp.transport": "tls"})
    uri = make(net, room)
    alice, bob = (chat(name, "join", uri, to=net) for name in ("alice", "bob"))
    for one in (alice, bob):
        assert one.wait("joined", sealed=True)["psk"] is True
    alice.wait("arrived", uri=bob.aor)
    net.mrfp.kill()
    net.start_mrfp()
    for one in (alice, bob):
        one.wait("rejoined")
    assert by_key(net) == 2
    talk(alice, bob)
