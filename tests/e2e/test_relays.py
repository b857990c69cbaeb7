# SPDX-License-Identifier: Apache-2.0
"""Terminals behind a real MSRP relay (Kamailio's msrp module), RFC 4976 as the switch sees it."""

import os
import shutil

import pytest

from peer import kamailio
from peer.kamailio import Relay, RelayedUE
from peer.msrpmsg import Frame, Uri
from peer.sipcall import bye_reason
from peer.tls import Identity
from peer.loop import wait
from peer.ue import fence
from wire import usable

pytestmark = pytest.mark.skipif(not shutil.which("setpriv") or not os.path.exists(kamailio.PROGRAM),
                                reason="no kamailio")


@pytest.fixture(scope="module")
def shared_relay(tmp_path_factory):
    with Relay(tmp_path_factory.mktemp("relay")) as one:
        yield one


@pytest.fixture
def relay(shared_relay):
    assert not shared_relay.over, "the relay ended: " + "\n".join(shared_relay.lines)
    return shared_relay


@pytest.fixture
def behind(ue, mrf):
    """behind(name, relay, net=...) -> RelayedUE, closed and checked as those of `ue`."""
    def make(name, relay, net=None, **kwargs):
        one = RelayedUE(name, net or mrf, relay, **kwargs)
        ue.made.append(one)
        return one
    return make



def first_of(session, body=None):
    return next(f for f in session.requests if f.method == "SEND" and f.body == body)


def test_chat_between_a_terminal_behind_a_relay_and_a_direct_one(ue, behind, relay, room):
    # covers: REL-001, REL-002, CMD-010
    alice = ue("alice").join(room)
    bob = behind("bob", relay).join(room)
    assert bob.role == "active" and len(bob.path) == 2
    fence(bob, alice)
    fence(alice, bob)
    bob.leave()
    fence(alice)


def test_requests_carry_the_whole_path_and_responses_the_last_hop(ue, behind, relay, room, mrf):
    # covers: REL-001, REL-002, MSRP-091, MSRP-092, MSRP-104
    alice = ue("alice").join(room)
    bob = behind("bob", relay).join(room)
    ours = bob.answer.msg.path[0]
    bob.send("with report", message_id="path0001", headers=[("Success-Report", "yes")])
    alice.wait_text("with report")
    # What the relay put in front of From-Path came off To-Path: both were as they had to be.
    report = bob.session.wait_report("path0001")
    assert report.to_path == [bob.session.local]
    assert report.from_path == bob.use_path + [ours]
    assert report.get("Status") == "000 200 OK" and report.byte_range[0] == 1
    assert report.get("Success-Report") is None and report.flag == "$"
    fence(alice, bob)
    line = bob.session.messages[-1].first
    assert line.to_path == [bob.session.local] and line.from_path == bob.use_path + [ours]
    tx = bob.session.nickname('"Builder"')
    answer = tx.response()  # the relay passes this one on, response and all
    assert answer.status == 200
    assert answer.to_path == [bob.session.local] and answer.from_path[-1] == ours
    mrf.wait_participants(room, lambda p: p.get(bob.aor, {}).get("nickname") == "Builder")
    assert alice.nickname("Builder") == 425


def test_a_private_message_and_its_refusal_take_the_path_too(ue, behind, relay, room):
    # covers: REL-001, REL-002
    alice = ue("alice").join(room)
    bob, carol = (behind(name, relay).join(room) for name in ("bob", "carol"))
    fence(bob, alice)
    fence(carol, alice)
    bob.send("for carol", to=carol)
    carol.wait_text("for carol")
    alice.private(bob, "for bob")
    bob.wait_text("for bob")
    fence(alice, bob, carol)
    assert "for carol" not in bob.texts + alice.texts and "for bob" not in carol.texts


@pytest.mark.parametrize("size", [9000, 14000, 16384, 100000])
def test_chunks_are_short_enough_for_the_relay(ue, behind, relay, room, size):
    # covers: REL-001, MSRP-065
    alice = ue("alice").join(room)
    bob = behind("bob", relay).join(room)
    fence(bob, alice)
    text = os.urandom(size // 2).hex()
    assert {t.status() for t in bob.session.send_chunks(bob.cpim(text), 8000)} == {200}
    alice.wait_text(text)
    alice.send_text(text + "!")
    bob.wait_text(text + "!")
    alice.private(bob, text + "?")
    bob.wait_text(text + "?")
    assert max(len(f.body or b"") for f in bob.session.requests) <= 8192


def test_without_a_relay_chunks_are_long(ue, behind, relay, room):
    # covers: REL-001
    alice, carol = (ue(name).join(room) for name in ("alice", "carol"))
    bob = behind("bob", relay).join(room)
    fence(bob, alice, carol)
    text = os.urandom(50000).hex()
    alice.send_text(text)
    carol.wait_text(text)
    assert max(len(c.body) for c in carol.session.messages[-1].chunks) <= 8192
    bob.leave()
    text = os.urandom(50000).hex()
    alice.send_text(text)
    carol.wait_text(text)
    assert max(len(c.body) for c in carol.session.messages[-1].chunks) == 16384


def test_terminals_behind_one_relay_share_its_connection(ue, behind, relay, room, mrf):
    # covers: REL-001, REL-002, MSRP-045
    alice = ue("alice").join(room)
    before = mrf.mrfp.metrics()["mrfp_connections"]
    bob, carol, dave = (behind(name, relay).join(room) for name in ("bob", "carol", "dave"))
    for one in (bob, carol, dave):
        fence(one, alice)
    assert mrf.mrfp.metrics()["mrfp_connections"] <= before + 1
    for n in range(10):
        for one in (alice, bob, carol, dave):
            one.send("line %d of %s" % (n, one.name))
    for one in (alice, bob, carol, dave):
        for other in (alice, bob, carol, dave):
            if other is not one:
                one.wait_text("line 9 of %s" % other.name)
                assert [t for t in one.texts if t.endswith("of " + other.name)] == \
                    ["line %d of %s" % (n, other.name) for n in range(10)]
    ids = [f.tid for one in (bob, carol, dave) for f in one.session.requests]
    assert len(ids) == len(set(ids)), "two legs of one connection had the same transaction id"
    bob.leave()
    fence(carol, alice, dave)


@pytest.mark.parametrize("setup, policy", [("passive", "passive"), ("actpass", "active")])
def test_the_switch_connects_to_the_relay(own_mrf, ue, behind, relay, room, setup, policy):
    # covers: REL-001, REL-002, CMD-008, CMD-010, CMD-011
    net = own_mrf(mrfc={"media.setup": policy})
    alice = ue("alice", net).join(room)
    bob = behind("bob", relay, net).join(room, setup=setup)
    assert bob.answer.msg.setup == "active" and bob.listener.connections == []
    first = bob.session.requests[0]
    assert first.body is None and first.get("Byte-Range") == "1-0/0"
    assert first.to_path == [bob.session.local]
    assert first.from_path == bob.use_path + bob.answer.msg.path
    fence(alice, bob)
    fence(bob, alice)
    carol = behind("carol", relay, net).join(room, setup=setup)
    fence(alice, bob, carol)
    fence(carol, alice, bob)


def test_the_relay_is_connected_to_only_where_that_is_allowed(own_mrf, ue, behind, relay, room):
    # covers: REL-001
    net = own_mrf(mrfp={"msrp.connect_allow": "192.0.2.0/24"})
    bob = behind("bob", relay, net)
    assert bob.invite(room, bob.offer(setup="passive")).final().code in (403, 488)
    alice = ue("alice", net).join(room)
    bob = behind("bob", relay, net).join(room)
    fence(bob, alice)
    fence(alice, bob)


@pytest.mark.parametrize("setup", ["active", "passive"])
def test_tls_to_the_relay_and_from_it(own_mrf, ue, behind, room, tmp_path, setup):
    # covers: REL-001, REL-002, CMD-010
    net = own_mrf()
    alice = ue("alice", net).join(room)
    with Relay(tmp_path / "relay", tls=Identity(tmp_path / "keys")) as relay:
        bob = behind("bob", relay, net, identity=Identity(tmp_path / "bob"))
        bob.join(room, setup=setup)
        assert {Uri(u).scheme for u in bob.path + bob.answer.msg.path} == {"msrps"}
        fence(bob, alice)
        fence(alice, bob)
        text = os.urandom(20000).hex()
        alice.send_text(text)
        bob.wait_text(text)
        bob.leave()


def test_a_dead_relay_costs_its_legs_and_nothing_else(own_mrf, ue, behind, room, tmp_path):
    # covers: REL-001, MSRP-048, FOC-020
    net = own_mrf(mrfc={"media.grace": "300ms"})
    alice, erin = (ue(name, net).join(room) for name in ("alice", "erin"))
    with Relay(tmp_path) as relay:
        gone = [behind(name, relay, net).join(room) for name in ("bob", "carol")]
        for one in gone:
            fence(one, alice, erin)
        fence(alice, *gone)
    fence(alice, erin)
    for one in gone:
        assert bye_reason(one.call.wait_bye(30))[:2] == ("SIP", 408)
    net.wait_participants(room, lambda p: all(
        one.aor not in p or p[one.aor]["state"] == "disconnected" for one in gone))
    fence(erin, alice)
    metrics = net.mrfp.metrics()
    assert metrics.sum("mrfp_copies_total") == \
        metrics.sum("mrfp_copies_settled_total") + metrics.sum("mrfp_copies_open")


def test_a_terminal_comes_back_through_another_relay(own_mrf, ue, behind, room, tmp_path):
    # covers: MSRP-048, REL-001
    net = own_mrf(mrfc={"media.grace": "20s"})
    alice = ue("alice", net).join(room)
    with Relay(tmp_path / "one") as first:
        bob = behind("bob", first, net).join(room)
        fence(bob, alice)
    with Relay(tmp_path / "two") as second:
        bob.relay = second
        response = bob.call.reinvite(bob.offer()).expect(200)
        bob.take_answer(response.text)
        bob.open_media()
        fence(bob, alice)
        fence(alice, bob)


def test_the_switch_is_no_relay(ue, room):
    # covers: REL-010
    alice = ue("alice").join(room)
    there = alice.session.remote[0]
    tx = alice.conn.send(Frame(None, "AUTH", headers=[("To-Path", there),
                                                      ("From-Path", alice.session.local)]))
    assert tx.status() == 501
    usable(alice.session)
    paths = [("To-Path", there), ("From-Path", alice.session.local), ("Expires", "600")]
    answer = kamailio.authorization('Digest realm="x", nonce="y", qop="auth"', "alice", there, "z")
    tx = alice.conn.send(Frame(None, "AUTH", headers=paths + [("Authorization", answer)]))
    assert tx.status() == 501 and tx.response().get("Use-Path") is None
    usable(alice.session)
