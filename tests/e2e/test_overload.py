# SPDX-License-Identifier: Apache-2.0
"""More requests than can be served: new ones get 503 at once, what was begun goes on."""

import signal
import time

import pytest

from peer.loop import wait
from peer.servers import SANITIZED, poll
from peer.ue import fence

PRIORITY = ("Resource-Priority", "ets.0")


def refused(call):
    """503 that says when to come back."""
    resp = call.final()
    assert resp.code == 503 and int(resp.get("Retry-After")) > 0
    return resp


def shed(pair, reason):
    return pair.mrfc.metrics().sum("mrfc_shed_total", reason=reason)


def test_an_untrusted_address_that_floods_is_shed(own_mrf, ue, room):
    net = own_mrf(mrfc={"sip.trusted": "127.0.0.1", "sip.max_rate": 2})
    alice, bob = [ue(n, net=net).join(room) for n in ("alice", "bob")]
    mallory = ue("mallory", net=net, host="127.0.0.2")
    codes = [mallory.ua.request("OPTIONS", mallory.uri_of("nowhere")).final().code
             for _ in range(20)]
    assert 503 not in codes  # ten seconds' worth
    refused(mallory.ua.request("OPTIONS", mallory.uri_of("nowhere")))
    refused(mallory.invite(room))
    refused(mallory.ua.subscribe(mallory.uri_of(room)))
    refused(mallory.ua.refer(mallory.uri_of(room), "sip:dave@127.0.0.1:9"))
    refused(mallory.invite(room, headers=[PRIORITY]))  # anybody may write that
    assert shed(net, "rate") >= 5 and not net.mrfc.metrics().get("mrfc_overloaded")
    # Other addresses, trusted or not, are none the worse.
    trent = ue("trent", net=net, host="127.0.0.3")
    assert trent.ua.request("OPTIONS", trent.uri_of("nowhere")).final().code != 503
    carol = ue("carol", net=net).join(room)
    fence(alice, bob, carol)


def test_a_flood_leaves_nothing_behind(own_mrf, ue, room):
    # covers: FOC-028
    net = own_mrf(mrfc={"sip.trusted": "127.0.0.1", "sip.max_rate": 1})
    alice = ue("alice", net=net).join(room)
    mallory = ue("mallory", net=net, host="127.0.0.2", aor="sip:mallory@example.com")
    before = net.mrfc.rss_bytes()
    sent, start = 4000, time.monotonic()

    def passed():
        """How many are let through at most: ten at once, and one a second."""
        return 12 + int(time.monotonic() - start)

    for n in range(sent):
        msg = mallory.ua.new_request("INVITE", mallory.uri_of(room), [], b"v=0\r\n" * 200)
        mallory.ua.send_raw(msg.build())
        if n % 25 == 24:  # what goes into the buffer of a socket, however late its reader is
            wait(lambda: len(mallory.ua.seen("in", code=503)) > n - passed(), 30, "the refusals")
    assert shed(net, "rate") >= sent - passed()
    # Kept for 32 s, as transactions are over UDP, they would take 8 kB each.
    assert SANITIZED or net.mrfc.rss_bytes() - before < 4 << 20
    fence(alice, ue("bob", net=net).join(room))


def test_who_is_late_carries_on_and_begins_nothing(own_mrf, ue, room):
    # covers: IMS-030
    net = own_mrf(mrfc={"sip.max_lag": "500ms"})
    alice, bob, carol = [ue(n, net=net).join(room) for n in ("alice", "bob", "carol")]
    late, urgent = ue("dave", net=net), ue("erin", net=net)
    net.mrfc.signal(signal.SIGSTOP)
    try:
        began = time.monotonic()
        options = late.ua.request("OPTIONS", late.uri_of(room))
        call = late.invite(room)
        again = alice.call.reinvite(alice.offer(new=False))
        gone = bob.call.bye()
        spared = urgent.invite(room, headers=[PRIORITY])
        wait(lambda: time.monotonic() - began > 1, what="a late server")
    finally:
        net.mrfc.signal(signal.SIGCONT)
    refused(options)
    refused(call)
    again.expect(200)
    gone.expect(200)
    urgent.take_answer(spared.expect(200).text)
    urgent.open_media()
    assert shed(net, "lag") >= 2 and net.mrfc.metrics().get("mrfc_overloaded") == 1
    # It is not late any more.
    late.join(room)
    fence(carol, alice, urgent, late)
    poll(lambda: net.mrfc.metrics().get("mrfc_overloaded") == 0, what="the end of it")
    net.mrfc.wait_log("overload is over")
    told = [line for line in net.mrfc.log().splitlines() if "overload" in line]
    assert len(told) == 2 and "503" in told[0] and "over" in told[1]


def test_invites_beyond_those_that_wait_are_shed(own_mrf, ue, room):
    # covers: FOC-010, IMS-030
    net = own_mrf(mrfc={"sip.max_pending": 2})
    alice, bob = [ue(n, net=net).join(room) for n in ("alice", "bob")]
    waiting = [ue("w%d" % n, net=net) for n in range(2)]
    net.mrfp.signal(signal.SIGSTOP)
    try:
        calls = [w.invite(room) for w in waiting]
        for call in calls:
            call.txn.provisional(100)
        refused(ue("late", net=net).invite(room))
        assert ue("late", net=net).ua.request("OPTIONS", alice.uri_of(room)).final().code == 200
        urgent = ue("urgent", net=net)
        spared = urgent.invite(room, headers=[PRIORITY])
        spared.txn.provisional(100)
        assert calls[0].cancel().final().code == 200 and calls[0].final().code == 487
        assert spared.cancel().final().code == 200 and spared.final().code == 487
        calls.append(ue("next", net=net).invite(room))  # one has gone, there is a place
        calls[-1].txn.provisional(100)
    finally:
        net.mrfp.signal(signal.SIGCONT)
    for call in calls[1:]:
        assert call.final(30).code in (200, 503)
    assert shed(net, "pending") == 1
    fence(alice, bob)


@pytest.mark.parametrize("transport", ["udp", "tcp"])
def test_an_answer_without_a_transaction_is_a_whole_one(own_mrf, ue, transport):
    # covers: FOC-028
    net = own_mrf(mrfc={"sip.trusted": "192.0.2.1", "sip.max_rate": 1})
    mallory = ue("mallory", net=net, transport=transport)
    for _ in range(10):
        assert mallory.ua.request("OPTIONS", mallory.uri_of("x")).final().code != 503
    call = mallory.invite("x")
    resp = refused(call)
    assert "tag=" in resp.get("To") and resp.get("Call-ID") == call.txn.request.get("Call-ID")
    # The ACK of a refusal without a transaction, and what may follow it by mistake.
    assert mallory.ua.request("BYE", mallory.uri_of("x")).final().code == 481
