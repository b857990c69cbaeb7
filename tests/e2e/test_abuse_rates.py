# SPDX-License-Identifier: Apache-2.0
"""Floods of one participant: refused, held up, let go; others notice nothing."""

import time

import pytest

from peer.loop import wait
from peer.servers import poll
from peer.ue import fence
from wire import octets


def flood(member, count, text="f"):
    """That many messages to the room in one go; their transaction ids."""
    frames = [octets(member.session, body=member.cpim(text)) for _ in range(count)]
    member.conn.send_raw(b"".join(data for _, data in frames))
    return [tid for tid, _ in frames]


@pytest.mark.slow
def test_who_sends_too_fast_is_refused_then_not_read_then_let_go(own_mrf, ue, room):
    # covers: SW-084
    net = own_mrf(mrfp={"msrp.trusted_message_rate": 20})
    alice, bob = [ue(n, net=net).join(room) for n in ("alice", "bob")]
    mallory = ue("mallory", net=net).join(room)
    tids = flood(mallory, 250)
    statuses = [mallory.conn.wait_response(t).status for t in tids]
    assert set(statuses[:200]) == {200} and statuses.count(413) > 40
    assert statuses.count(200) < 210
    fence(alice, bob)
    flood(mallory, 400)
    poll(lambda: net.mrfp.metrics().sum("mrfp_paused") > 0, what="a pause")
    slowest, end = 0, time.monotonic() + 60
    while not mallory.call.ended and time.monotonic() < end:
        if not mallory.conn.closed and len(mallory.conn.out) < 1 << 20:
            flood(mallory, 200)
        begin = time.monotonic()
        fence(alice, bob)
        slowest = max(slowest, time.monotonic() - begin)
        try:
            wait(lambda: mallory.call.ended, 0.3, "the end")
        except AssertionError:
            pass
    assert mallory.call.ended and slowest < 2
    poll(lambda: net.mrfp.metrics().sum("mrfp_legs_cut_total", cause="flood") == 1, what="the cut")
    metrics = net.mrfp.metrics()
    assert metrics.sum("mrfp_messages_over_rate_total") > 500
    fence(bob, alice)


def test_people_and_their_devices_never_meet_the_default_rate(own_mrf, ue, room):
    # covers: SW-084
    net = own_mrf(mrfp={"msrp.trusted_message_rate": 200})
    alice, bob = [ue(n, net=net).join(room) for n in ("alice", "bob")]
    assert {alice.conn.wait_response(t).status for t in flood(alice, 2000, "m")} == {200}
    typing = alice.cpim("<isComposing/>", content_type="application/im-iscomposing+xml")
    assert {alice.session.send(typing).status() for _ in range(300)} == {200}
    fence(bob, alice)


def test_the_rate_is_of_the_user_not_of_the_address_or_the_device(own_mrf, ue, room):
    # covers: SW-084, IMS-014
    net = own_mrf(mrfp={"msrp.trusted_message_rate": 5})
    mallory, phone = [ue("mallory", net=net).join(room) for _ in range(2)]
    others = [ue("u%d" % n, net=net).join(room) for n in range(5)]
    assert {mallory.conn.wait_response(t).status for t in flood(mallory, 40)} == {200}
    statuses = [phone.conn.wait_response(t).status for t in flood(phone, 40)]
    assert statuses.count(200) < 20 and 413 in statuses
    for one in others:  # all from one address
        assert {one.conn.wait_response(t).status for t in flood(one, 45)} == {200}


@pytest.mark.parametrize("options, limited", [
    ({}, False), ({"msrp.trusted_media": "192.0.2.0/24"}, True),
    ({"msrp.trusted_media": "192.0.2.0/24", "msrp.message_rate": 0}, False)])
def test_gateways_and_load_generators_are_trusted_not_to_flood(own_mrf, ue, room, options, limited):
    # covers: SW-084, IMS-014
    net = own_mrf(mrfp=options)
    alice, bob = [ue(n, net=net).join(room) for n in ("alice", "bob")]
    statuses = [alice.conn.wait_response(t).status for t in flood(alice, 4000, "m")]
    assert set(statuses) == ({200, 413} if limited else {200})
    if not limited:
        fence(alice, bob)
        assert bob.texts.count("m") == 4000


def test_octets_above_the_rate_come_later_and_none_is_lost(own_mrf, ue, room):
    # covers: SW-084
    net = own_mrf(mrfp={"msrp.octet_rate": "100KiB"})
    alice, bob, carol = [ue(n, net=net).join(room) for n in ("alice", "bob", "carol")]
    data = alice.cpim("o" * 1600000)
    begin = time.monotonic()
    tx = alice.session.send(data)
    bob.wait_chat(lambda c: c.message.data == data, what="all of it", timeout=30)
    assert tx.status() == 200
    assert 1 < time.monotonic() - begin < 20  # the bucket holds a megabyte
    fence(carol, bob)
    fence(alice, bob)
    assert net.mrfp.metrics().sum("mrfp_pauses_total", why="rate") > 0


def test_a_flood_of_nicknames_is_refused_and_the_rest_works(own_mrf, ue, room):
    # covers: SW-060, SW-066
    net = own_mrf(mrfp={"msrp.nickname_rate": 2})
    alice, mallory = [ue(n, net=net).join(room) for n in ("alice", "mallory")]
    asks = [octets(mallory.session, method="NICKNAME", fields=['Use-Nickname: "m%d"' % n])
            for n in range(500)]
    mallory.conn.send_raw(b"".join(data for _, data in asks))
    statuses = [mallory.conn.wait_response(tid).status for tid, _ in asks]
    assert set(statuses) == {200, 403} and 20 <= statuses.count(200) < 40
    assert alice.nickname("Alice") == 200
    assert mallory.nickname("n" * 5000) in (400, 424)
    fence(mallory, alice)
