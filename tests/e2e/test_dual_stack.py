# SPDX-License-Identifier: Apache-2.0
"""IPv6, alone and beside IPv4: each leg is told an address of its own family."""

import os
import socket

import pytest

from peer import sdp
from peer.control import Control
from peer.msrp import Connection, Session
from peer.msrpmsg import Uri, new_id
from peer.servers import Server
from peer.tls import Identity
from peer.ue import fence
from wire import usable

BOTH = "127.0.0.1,::1"


def has_v6():
    try:
        with socket.socket(socket.AF_INET6) as sock:
            sock.bind(("::1", 0))
    except OSError:
        return False
    return True


pytestmark = pytest.mark.skipif(not has_v6(), reason="this machine has no IPv6")


@pytest.fixture
def both(own_mrf):
    """A pair whose MRFP serves both families, its SIP side on IPv4."""
    return own_mrf(mrfp={"msrp.address": BOTH})


def of_family(ue, name, net, room, host, **media):
    """A terminal whose media are at host, whatever its SIP is."""
    one = ue(name, net, media_host=host)
    return one.join(room, **media)


@pytest.mark.parametrize("setup", ["active", "passive"])
def test_each_leg_has_an_address_of_its_family(ue, both, room, setup):
    # covers: IMS-015, MSRP-046
    alice = of_family(ue, "alice", both, room, "127.0.0.1", setup=setup)
    bob = of_family(ue, "bob", both, room, "::1", setup=setup)
    for one, host in ((alice, "127.0.0.1"), (bob, "::1")):
        line = one.answer.msg
        uri = Uri(line.path[0])
        assert uri.host == host == one.answer.address(line)[0]
        assert uri.addr == one.answer.address(line)
    assert "//[::1]:" in bob.answer.msg.path[0] and "c=IN IP6 ::1\r\n" in bob.call.final().text
    assert {one.conn.sock.family.name for one in (alice, bob)} == {"AF_INET", "AF_INET6"}
    fence(alice, bob)
    fence(bob, alice)
    alice.private(bob, "to v6")
    bob.wait_text("to v6")
    text = os.urandom(50000).hex()
    bob.send_text(text)
    alice.wait_text(text)


@pytest.mark.parametrize("host", ["127.0.0.1", "::1"])
@pytest.mark.parametrize("setup", ["active", "passive"])
def test_tls_legs_of_both_families(own_mrf, ue, room, tmp_path, host, setup):
    # covers: IMS-015
    net = own_mrf(mrfp={"msrp.address": BOTH})
    alice = ue("alice", net, media_host=host, tls=Identity(tmp_path)).join(room, setup=setup)
    bob = ue("bob", net, media_host="127.0.0.1" if host == "::1" else "::1").join(room)
    uri = Uri(alice.answer.msg.path[0])
    assert (uri.scheme, uri.host) == ("msrps", host)
    assert uri.addr in net.mrfp.addresses("tls")
    fence(alice, bob)
    fence(bob, alice)


def test_a_room_moves_nobody_to_the_other_family(both, ue, room):
    # covers: IMS-015
    alice = of_family(ue, "alice", both, room, "127.0.0.1")
    bob = of_family(ue, "bob", both, room, "::1")
    fence(alice, bob)
    both.mrfp.kill()
    both.start_mrfp()
    for one in (alice, bob):
        txn = one.call.wait_request("INVITE", lambda t: t is not one.call.txn)
        offer = sdp.Sdp(txn.request.text)
        assert Uri(offer.msg.path[0]).host == offer.address(offer.msg)[0] == one.host


def test_names_stand_in_uris_of_both_families(own_mrf, ue, room):
    # covers: IMS-015
    net = own_mrf(mrfp={"msrp.address": BOTH, "msrp.advertise": "v4.example.com,v6.example.com"})
    for host, name in (("127.0.0.1", "v4.example.com"), ("::1", "v6.example.com")):
        one = ue("v" + host[-1], net, media_host=host)
        one.join(room, connect=False)
        assert Uri(one.answer.msg.path[0]).host == name


def test_the_focus_tells_the_family(tmp_path):
    # covers: IMS-015
    path = str(tmp_path / "mp.sock")
    focus = Control(path)
    server = Server("mrfp", {"msrp.address": BOTH, "msrp.port": 0, "msrp.tls_port": 0,
                             "msrp.wss_port": 0, "admin.port": 0, "mp.socket": path}).wait_ready()
    try:
        assert focus.registered["msrp"] == "127.0.0.1:%d" % server.address("msrp")[1]
        assert focus.registered["advertise"] == "::1"
        context, n = os.urandom(16), 0
        for transport, key in ((1, "msrp"), (2, "tls"), (3, "wss")):
            for family, at in ((4, 0), (6, 1), (None, 0)):
                n += 1
                more = {} if family is None else {"family": family}
                reply = focus.ask("add", context, termination=n, transport=transport, setup=2,
                                  conference="sip:r@x", uris=["sip:u@x"], **more)
                assert reply["code"] == 0
                assert Uri(reply["local_path"]).addr == server.addresses(key)[at]
        reply = focus.ask("add", context, termination=99, conference="sip:r@x", family=5)
        assert (reply["code"], reply["reason"]) == (5, "family")
        # Whom an address is told to is one thing; a session may be bound at each of them.
        reply = focus.ask("add", context, termination=100, conference="sip:r@x", setup=2, family=4,
                          uris=["sip:z@x"], remote_path="msrp://127.0.0.1:9/zzzz;tcp")
        session = Session("msrp://127.0.0.1:9/zzzz;tcp", reply["local_path"])
        session.attach(Connection.connect(server.addresses("msrp")[1])).bind()
        usable(session)
        session.conn.close()
    finally:
        focus.close()
        assert server.stop() == []


# -- all on ::1 -----------------------------------------------------------------------------------


@pytest.fixture
def v6(own_mrf):
    return own_mrf(mrfc={"sip.address": "::1", "admin.address": "::1"},
                   mrfp={"msrp.address": "::1", "admin.address": "::1"})


@pytest.fixture
def v6_ue(ue, v6):
    return lambda name, **kwargs: ue(name, v6, host="::1", **kwargs)


def test_a_conference_on_ipv6_alone(v6, v6_ue):
    # covers: IMS-015
    alice = v6_ue("alice")
    alice.create()
    bob = v6_ue("bob", transport="tcp").join(alice.room)
    carol = v6_ue("carol").join(alice.room, setup="passive")
    assert v6.sip[0] == v6.msrp[0] == "::1"
    for one in (alice, bob, carol):
        assert one.answer.msg.path[0].startswith("msrp://[::1]:%d/" % v6.msrp[1])
        assert one.answer.address(one.answer.msg) == v6.msrp
    fence(alice, bob, carol)
    fence(carol, alice, bob)
    alice.private(carol, "psst")
    carol.wait_text("psst")
    assert bob.nickname("Six") == 200
    watch = alice.subscribe()
    watch.wait(lambda r: len(r.connected()) == 3)
    bob.leave()
    watch.wait(lambda r: len(r.connected()) == 2)
    fence(alice, carol)


def test_the_focus_calls_on_ipv6(v6, v6_ue, room):
    # covers: IMS-015
    alice = v6_ue("alice").join(room)
    for n, setup in enumerate(("active", "passive")):
        bob = v6_ue("bob%d" % n)
        status, _ = v6.api("POST", "/v1/conferences/%s/participants" % room, {
            "uri": "sip:%s@[::1]:%d" % (bob.name, bob.ua.port)})
        assert status == 202
        bob.wait_invite()
        offer = sdp.Sdp(bob.call.offer)
        assert Uri(offer.msg.path[0]).addr == offer.address(offer.msg) == v6.msrp
        assert "c=IN IP6 ::1\r\n" in bob.call.offer
        bob.accept(setup=setup)
        bob.room = alice.room
        fence(alice, bob)
        fence(bob, alice)
