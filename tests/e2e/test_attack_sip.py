# SPDX-License-Identifier: Apache-2.0
"""Attacks on the signalling side: races, floods and odd moments, none of which may end the focus."""

import socket

from peer import servers
from peer.ue import fence


def closed(sock):
    """Has the server closed this connection?"""
    try:
        return sock.recv(1, socket.MSG_DONTWAIT) == b""
    except BlockingIOError:
        return False
    except ConnectionResetError:
        return True


def test_a_room_that_ends_while_its_sessions_look_for_another_server(own_mrf, ue, room):
    # covers: FOC-019a
    pair = own_mrf(mrfc={"conference.end": "creator-leaves"})
    desk = ue("alice", net=pair).join(room)
    members = [ue(name, net=pair).join(room) for name in ("bob", "carol")]
    # The creator's session is now the newest of the room, the first to be given up.
    members.append(ue("alice", net=pair).join(room))
    desk.leave()
    pair.mrfp.kill()
    for member in members:
        member.call.wait_bye(timeout=20)
    assert not pair.mrfc.gone


def test_connections_beyond_the_descriptors_are_closed(own_mrf, ue, room, monkeypatch):
    monkeypatch.setattr(servers, "WRAP", ["sh", "-c", 'ulimit -n 128; exec "$@"', "sh"])
    pair = own_mrf()
    monkeypatch.undo()
    alice, bob = ue("alice", net=pair).join(room), ue("bob", net=pair).join(room)
    idle = [socket.create_connection(pair.sip) for _ in range(150)]
    servers.poll(lambda: sum(map(closed, idle)) > 30, what="closed connections")
    alice.send_text("still here")
    bob.wait_text("still here")
    ue("carol", net=pair).join(room).leave()
    for sock in idle:
        sock.close()
    ue("dave", net=pair, transport="tcp").join(room)


def test_a_status_that_is_none_is_a_failure(own_mrf, ue, room):
    # covers: CONF-001
    pair = own_mrf(mrfc={"event.watchers": "anyone"})
    alice, bob = ue("alice", net=pair).join(room), ue("bob", net=pair)

    def answer(txn):
        for code in (65536, 65736, 2147483646, 99, 700):
            txn.send(txn.respond(code))

    watch = bob.ua.subscribe(alice.room)
    watch.answer = answer
    watch.expect(200)
    watch.wait_notify()
    servers.poll(lambda: pair.mrfc.metrics().get("mrfc_subscriptions") == 0)
    ue("carol", net=pair).join(room).leave()


def test_a_referral_whose_uri_ends_in_another_parameter(own_mrf, ue, room):
    # covers: REF-004
    pair = own_mrf()
    alice = ue("alice", net=pair).join(room)
    for tail in (";transport=udp", ";methods", ";" + "p" * 100, ";user=phone;x"):
        call = alice.ua.refer(alice.room, "sip:nobody@127.0.0.1:9" + tail)
        call.expect(202)
        call.wait_terminated()
    assert alice.ua.refer(alice.room, "sip:a@127.0.0.1:9;x=y;method=PUSH").final().code == 501
