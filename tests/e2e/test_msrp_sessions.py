# SPDX-License-Identifier: Apache-2.0
"""MSRP URIs, binding of connections to sessions, and what ends them."""

import socket

import pytest

from peer import msrp
from peer.msrpmsg import Uri, new_id
from peer.sipcall import bye_reason
from peer.ue import fence
from wire import exchange, gone, octets, replaced, silent, usable


@pytest.fixture
def mallory(ue, room, bystanders):
    """A member whose media is not connected yet."""
    one = ue("mallory").join(room, connect=False)
    yield one
    bystanders.undisturbed()


@pytest.fixture
def strict_mrf(own_mrf):
    """A pair that compares whole URIs, as RFC 4975 6.1 says."""
    return own_mrf(mrfc={"profile": "rfc", "conference.end": "last-leaves"})


SAME = {
    # covers: MSRP-030
    "scheme in upper case": lambda u: "MSRP" + u[4:],
    # covers: MSRP-034
    "transport in upper case": lambda u: u.replace(";tcp", ";TCP"),
    # covers: MSRP-035
    "a parameter more": lambda u: u + ";foo=bar",
    # covers: MSRP-031
    "userinfo": lambda u: u.replace("msrp://", "msrp://alice@"),
}
OTHER = {
    # covers: MSRP-033
    "another session-id": lambda u: replaced(u, session=new_id()),
    "session-id in other case": lambda u: replaced(u, session=Uri(u).session.swapcase()),
    "session-id cut short": lambda u: replaced(u, session=Uri(u).session[:-1]),
    "no session-id": lambda u: u.replace("/" + Uri(u).session, ""),
}
OTHER_STRICT = {
    # covers: MSRP-030
    "msrps": lambda u: replaced(u, scheme="msrps"),
    # covers: MSRP-034
    "another transport": lambda u: replaced(u, transport="ws"),
    # covers: MSRP-031, MSRP-032
    "another host": lambda u: replaced(u, host="127.0.0.2"),
    "another port": lambda u: replaced(u, port=Uri(u).port + 1),
    "no port": lambda u: u.replace(":%d/" % Uri(u).port, "/"),
}


def open_with(member, change):
    """Connect and send the first SEND to a changed To-Path; its status."""
    member.conns.append(member.session.connect().conn)
    return exchange(member.session, to=change(member.session.remote[0]))


@pytest.mark.parametrize("case", SAME)
def test_an_equal_uri_binds(mallory, case):
    # covers: MSRP-043
    assert open_with(mallory, SAME[case]) == 200
    usable(mallory.session)


@pytest.mark.parametrize("case", OTHER)
def test_a_uri_we_did_not_give_out_is_481(mallory, case):
    # covers: MSRP-043
    assert open_with(mallory, OTHER[case]) == 481


def test_the_authority_counts_where_whole_uris_are_compared(ue, room, strict_mrf):
    # covers: MSRP-031, MSRP-032, MSRP-030, MSRP-034, MSRP-035
    for case, change in OTHER_STRICT.items():
        one = ue("mallory", net=strict_mrf).join(room, connect=False)
        # 400: a numeric address without port is no MSRP URI at all
        allowed = (400, 481) if case == "no port" else (481,)
        assert open_with(one, change) in allowed, case
    for case, change in SAME.items():
        one = ue("carol", net=strict_mrf).join(room, connect=False)
        assert open_with(one, change) == 200, case


def test_session_uris_are_long_random_and_never_the_same(ue, room):
    # covers: MSRP-036, MSRP-037, MSRP-038
    one, seen = ue("alice"), set()
    ue("bob").join(room)
    for _ in range(30):
        call = one.invite(room)
        resp = call.expect(200)
        one.take_answer(resp.text)
        uri = Uri(one.session.remote[0])
        assert uri.port and "@" not in uri.text and uri.transport == "tcp"
        assert len(uri.session) >= 14, "fewer than 80 bits"
        seen.add(uri.session)
        call.bye().expect(200)
    assert len(seen) == 30


def test_the_switch_is_silent_until_a_request_binds_the_connection(mallory, bystanders):
    # covers: MSRP-042
    conn = mallory.session.connect().conn
    bystanders.chat()
    assert conn.octets_in == 0 and not conn.closed
    mallory.session.bind()


def test_a_second_connection_for_a_bound_session_is_506(ue, trio):
    # covers: MSRP-044, MSRP-047
    room, alice, bob, carol = trio
    second = msrp.Session(alice.session.local, alice.session.remote).connect()
    assert exchange(second) == 506
    # also when that connection carries another session already
    assert exchange(bob.session, to=alice.session.remote[0], from_=alice.session.local) in (506, 481)
    second.conn.close()
    fence(alice, bob, carol)
    fence(bob, alice, carol)


def shared_listener(ue, names, room):
    """Members whose SDP names one and the same address, and who share one connection."""
    members = [ue(n) for n in names]
    first = members[0].join(room)
    for other in members[1:]:
        other.listener.close()
        other.listener = first.listener
        other.join(room, connect=False)
        other.session.attach(first.conn)
        other.session.bind()
    return members


def test_several_sessions_share_one_connection(ue, room, mrf):
    # covers: MSRP-045, MSRP-046, MSRP-022
    alice, bob = shared_listener(ue, ("alice", "bob"), room)
    carol = ue("carol").join(room)
    assert Uri(alice.session.remote[0]).addr == Uri(bob.session.remote[0]).addr
    carol.send_text("to both")
    assert alice.wait_text("to both") and bob.wait_text("to both")
    alice.send_text("from one to the other")
    bob.wait_text("from one to the other")
    carol.wait_text("from one to the other")
    assert alice.texts == ["to both"]
    # Two live transactions of one connection have two ids.
    tids = [f.tid for f in alice.conn.frames if f.method == "SEND"]
    assert len(tids) == len(set(tids)) == 3
    # A malformed frame of one does not touch the other.
    assert exchange(alice.session, fields=["Message-ID: x1x1", "Byte-Range: 1-/5"]) == 400
    bob.send_text("still here")
    carol.wait_text("still here")


def test_a_shared_connection_lives_as_long_as_a_session_uses_it(ue, room):
    # covers: MSRP-050, MSRP-053
    alice, bob = shared_listener(ue, ("alice", "bob"), room)
    carol = ue("carol").join(room)
    alice.call.bye().expect(200)
    gone(alice.session)
    fence(carol, bob)
    bob.send_text("alone on it")
    carol.wait_text("alone on it")
    bob.call.bye().expect(200)
    # The connection is for its active side to close; a request on it finds no session.
    gone(bob.session)


def test_after_bye_the_session_is_gone(trio, bystanders):
    # covers: MSRP-053
    room, alice, bob, carol = trio
    alice.call.bye().expect(200)
    gone(alice.session)
    if not alice.conn.closed:
        assert exchange(alice.session, body=alice.cpim("too late")) == 481
    fence(bob, carol)
    assert "too late" not in carol.texts


def test_a_loss_of_the_connection_ends_the_session_after_the_grace_time(own_mrf, ue, room):
    # covers: MSRP-048, FOC-020
    net = own_mrf(mrfc={"media.grace": "300ms"})
    alice, bob = [ue(n, net=net).join(room) for n in ("alice", "bob")]
    alice.conn.reset()
    assert bye_reason(alice.call.wait_bye(30))[:2] == ("SIP", 408)
    net.wait_participants(room, lambda p: "sip:alice@example.com" not in p or
                          p["sip:alice@example.com"]["state"] == "disconnected")
    usable(bob.session)
    assert not bob.call.ended


def test_a_lost_session_comes_back_with_a_new_offer(ue, trio):
    # covers: MSRP-048, MSRP-049, MSRP-131
    room, alice, bob, carol = trio
    tx = alice.send("once only", message_id="resent-1")
    assert tx.status() == 200
    alice.conn.reset()
    txn = alice.call.reinvite(alice.offer())
    alice.take_answer(txn.expect(200).text)
    alice.open_media()
    assert alice.send("once only", message_id="resent-1").status() == 200
    fence(alice, bob, carol)
    fence(bob, alice, carol)
    assert bob.texts.count("once only") == carol.texts.count("once only") == 1


def test_a_repeated_message_id_is_answered_and_not_sent_twice(trio):
    # covers: MSRP-049
    _, alice, bob, carol = trio
    for _ in range(3):
        assert alice.send("say it once", message_id="same-id-1").status() == 200
    fence(alice, bob, carol)
    assert bob.texts.count("say it once") == carol.texts.count("say it once") == 1


def test_a_forged_from_path_is_481(trio, bystanders):
    # covers: MSRP-051
    _, alice, bob, carol = trio
    forged = replaced(alice.session.local, session=new_id())
    assert exchange(alice.session, from_=forged, body=alice.cpim("forged")) == 481
    assert exchange(alice.session, from_=bob.session.local, body=alice.cpim("forged")) == 481
    fence(alice, bob, carol)
    assert "forged" not in bob.texts + carol.texts
    bystanders.undisturbed()


def test_two_uris_in_to_path_cannot_be_forwarded(trio):
    # covers: MSRP-052
    _, alice, bob, _ = trio
    ours = alice.session.remote[0]
    beyond = "%s %s" % (ours, bob.session.local)
    assert exchange(alice.session, to=beyond, body=alice.cpim("relay me")) == 481
    fence(alice, bob)
    assert "relay me" not in bob.texts


def test_media_may_win_the_race_with_the_ack(ue, room):
    # covers: MSRP-054
    bob = ue("bob").join(room)
    alice = ue("alice")
    alice.call = alice.ua.invite(alice.uri_of(room), alice.offer(), auto_ack=False)
    alice.room = bob.room
    alice.take_answer(alice.call.expect(200).text)
    alice.open_media()
    alice.send_text("before the ACK")
    bob.wait_text("before the ACK")
    alice.call.ack()
    fence(bob, alice)


def test_keep_alives_are_answered_and_go_to_nobody(trio):
    # covers: MSRP-055, MSRP-071, SW-043
    _, alice, bob, carol = trio
    for _ in range(5):
        usable(alice.session)
    fence(alice, bob, carol)
    assert bob.session.keepalives == [] and len(bob.session.messages) == 1


def test_unbound_connections_are_bounded(own_mrf, ue, room):
    # covers: MSRP-056
    net = own_mrf(mrfp={"msrp.trusted_media": "127.0.0.1"})
    alice, bob = [ue(n, net=net).join(room) for n in ("alice", "bob")]
    before = net.mrfp.rss_bytes()
    flood = []
    try:
        for _ in range(1500):
            one = socket.create_connection(net.msrp, 10, ("127.0.0.9", 0))
            one.setblocking(False)
            flood.append(one)
            try:
                one.send(b"MSRP flooding1 SEND\r\nX: " + b"y" * 1000)
            except OSError:
                pass  # closed already
        fence(alice, bob)
        assert net.mrfp.rss_bytes() - before < 16 << 20
        cut = 0
        for one in flood:
            try:
                cut += one.recv(1) == b""
            except BlockingIOError:
                pass
            except OSError:
                cut += 1
        assert cut > 0, "all 1500 unbound connections were kept"
    finally:
        for one in flood:
            one.close()
    fence(bob, alice)


def test_requests_for_unknown_sessions_are_refused_by_failure_report(mallory):
    # covers: MSRP-093, MSRP-100, MSRP-106
    session = mallory.session
    mallory.conns.append(session.connect().conn)
    session.bind()
    nowhere = replaced(session.remote[0], session=new_id())
    assert exchange(session, to=nowhere) == 481
    assert exchange(session, to=nowhere, method="FOO") == 481
    assert exchange(session, to=nowhere, method="NICKNAME", fields=['Use-Nickname: "x"']) == 481
    for fields in (["Failure-Report: no"], ["Failure-Report: partial"]):
        fields = ["Message-ID: " + new_id(), "Byte-Range: 1-0/0"] + fields
        tid, data = octets(session, to=nowhere, fields=fields)
        session.conn.send_raw(data)
        if "partial" in fields[-1]:
            assert session.conn.wait_response(tid).status == 481
        else:
            silent(session, tid)
    tid, data = octets(session, to=nowhere, method="REPORT",
                       fields=["Message-ID: " + new_id(), "Status: 000 200 OK"])
    session.conn.send_raw(data)
    silent(session, tid)
