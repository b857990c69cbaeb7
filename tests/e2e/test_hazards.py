# SPDX-License-Identifier: Apache-2.0
"""Peers that harm the SIP side: descriptors, memory and other members stay as they were."""

import os
import random
import signal
import time

import pytest

from peer.loop import Stream, wait
from peer.servers import poll
from peer.ue import fence

WRAPPED = bool(os.environ.get("MRF_WRAP"))
CEILING = 64 << 20  # resident octets of one server; sanitizers have their own needs
SANITIZED = "asan" in os.environ.get("MRF_BUILD", "") or "tsan" in os.environ.get("MRF_BUILD", "")


class Line(Stream):
    """A TCP connection that counts what comes back."""

    def __init__(self, sock):
        self.got = b""
        super().__init__(sock)

    def on_data(self, data):
        self.got += data


def descriptors(server):
    return len(os.listdir("/proc/%d/fd" % server.pid))


def small(server):
    """Its memory has never been more than the ceiling."""
    return SANITIZED or WRAPPED or server.rss_bytes(peak=True) < CEILING


def alive(ue_, room="nowhere"):
    """The SIP side answers."""
    assert ue_.ua.request("OPTIONS", ue_.uri_of(room)).final().code == 404


GARBAGE = [b"rubbish\r\n\r\n", b"\0" * 3000, b"GET / HTTP/1.1\r\nHost: x\r\n\r\n",
           b"INVITE sip:x@y SIP/2.0\r\n" + b"X" * 5000, b"\x16\x03\x01\x02\x00\x01\x00" * 40,
           b"INVITE sip:x@y SIP/2.0\r\nContent-Length: 99999999999\r\n\r\n",
           b"OPTIONS sip:x@y SIP/2.0\r\nVia: SIP/2.0/TCP h\r\n\r\n", b"\r\n" * 500, b""]


def test_garbage_then_close_leaves_no_descriptor(own_mrf, ue, room):
    # TCP-2: unparsable data and the end of the stream must not leave a socket behind for long
    # covers: FOC-028
    net = own_mrf(mrfc={"sip.idle_timeout": "1s"})
    alice, bob = [ue(n, net=net, transport="tcp").join(room) for n in ("alice", "bob")]
    before = descriptors(net.mrfc)
    for how in ("close", "reset"):
        for n in range(100):
            line = Line.connect(net.sip)
            line.send_raw(GARBAGE[n % len(GARBAGE)])
            line.flush()
            getattr(line, how)()
    mallory = ue("mallory", net=net)
    mutated = list(mutations(815, 600, originals(mallory, room + "-m")))
    for at in range(0, len(mutated), 3):
        line = Line.connect(net.sip)
        line.send_raw(b"".join(mutated[at:at + 3]))
        line.flush()
        line.close()
    poll(lambda: descriptors(net.mrfc) <= before + 3, what="the descriptors' return")
    assert small(net.mrfc)
    mallory.ua.bad.clear()  # what is mutated comes back in answers
    # Their own idle connections were closed too; that is no loss.
    fence(alice, bob)
    for member in (alice, bob):
        member.leave()


def test_silent_connections_hinder_nobody(ue, mrf, room, bystanders):
    # TCP-3
    # covers: FOC-028
    lines = [Line.connect(mrf.sip) for _ in range(200)]
    lines[0].send_raw(b"INVITE sip:" + room.encode())
    alice = ue("alice", transport="tcp").join(room)
    fence(alice, bystanders.one)
    for line in lines:
        line.close()
    bystanders.undisturbed()


CONTACTS = ["<tel:+15551230001>", "*", "<mailto:alice@example.com>", "<http://127.0.0.1/>",
            None, "<sip:a@127.0.0.1:9>, <sip:b@127.0.0.1:9>", "<sip:>", "<urn:service:sos>"]


@pytest.mark.parametrize("contact", CONTACTS, ids=str)
def test_a_contact_that_cannot_be_called_is_refused(ue, trio, contact):
    # URI-1: what a later request could not be sent to must not make a dialog
    # covers: FOC-028
    room, alice, bob, carol = trio
    mallory = ue("mallory")
    headers = [("Contact", contact)]
    assert mallory.invite(room, headers=headers).expect(400)
    assert mallory.ua.subscribe(room, headers=headers).expect(400)
    assert mallory.ua.refer(room, "sip:dave@127.0.0.1:9", headers).expect(400)
    if contact is not None:  # a re-INVITE without one changes no target
        txn = alice.call.reinvite(alice.offer(new=False), headers)
        assert txn.final().code == 400
        alice.call.target = alice.call.txn.final().contact.uri
    fence(alice, bob, carol)
    alice.call.bye().expect(200)


def test_a_pipeline_of_requests_costs_no_memory(ue, mrf, room, bystanders):
    # TCP-1: a burst on one connection
    # covers: FOC-013
    alice = ue("alice", transport="tcp")
    count = 4000
    head = ("OPTIONS sip:nowhere@%s SIP/2.0\r\nVia: SIP/2.0/TCP 127.0.0.1:9;branch=z9hG4bK%%06d\r\n"
            "Max-Forwards: 70\r\nFrom: <sip:a@example.com>;tag=%%06d\r\nTo: <sip:nowhere@%s>\r\n"
            "Call-ID: pipe%%06d\r\nCSeq: 1 OPTIONS\r\nX-Fill: %s\r\nContent-Length: 0\r\n\r\n"
            % (mrf.domain, mrf.domain, "x" * 250))
    data = "".join(head % (n, n, n) for n in range(count)).encode()
    assert len(data) > 1900000
    line = Line.connect(mrf.sip)
    line.send_raw(data)
    wait(lambda: line.got.count(b"SIP/2.0 ") >= count or line.closed, 60, "4000 answers",
         lambda: line.got.count(b"SIP/2.0 "))
    assert not line.closed
    assert line.got.count(b"SIP/2.0 404") == count
    line.close()
    assert small(mrf.mrfc)
    alice.join(room)
    fence(alice, bystanders.one)
    bystanders.undisturbed()


def test_requests_in_any_pieces(ue, mrf, room, bystanders):
    # covers: FOC-027
    alice = ue("alice", transport="tcp")
    line = alice.ua.tcp()
    for size in (1, 7, 100):
        msg = alice.ua.new_request("OPTIONS", alice.uri_of("nowhere")).build()
        for at in range(0, len(msg), size):
            line.send_raw(msg[at:at + size])
    wait(lambda: len(alice.ua.seen("in", code=404)) == 3, what="three answers")
    bystanders.undisturbed()


def test_invites_nobody_acknowledges(ue, mrf, room, bystanders):
    # covers: FOC-026
    agent = ue("agent")
    calls = []
    for n in range(300):
        agent.ua.aor = "sip:user%d@example.com" % n
        agent.ua.asserted = "<%s>" % agent.ua.aor
        calls.append(agent.ua.invite(agent.uri_of(room + "-many"), agent.offer(), auto_ack=False))
    for call in calls:
        assert call.final(60).code in (200, 503)
    assert any(c.final().code == 200 for c in calls)
    assert small(mrf.mrfc) and small(mrf.mrfp)
    alice = ue("alice").join(room)
    fence(alice, bystanders.one)
    mrf.api("DELETE", "/v1/conferences/%s-many" % room)
    for call in calls:
        if call.final().code == 200:
            call.ack()
    for call in calls:
        if call.final().code == 200:
            call.wait_bye(30)
    bystanders.undisturbed()


@pytest.mark.alone
def test_joins_while_the_mrfp_stands_still(own_mrf, ue, room):
    # 100 Trying comes within 200 ms whatever the MRFP does; then a clear answer
    # covers: FOC-010, FOC-025
    net = own_mrf()
    host = ue("host", net=net).join(room)
    agents = [ue("user%d" % n, net=net) for n in range(20)]
    net.mrfp.signal(signal.SIGSTOP)
    try:
        calls, times = [], []
        for agent in agents:
            start = time.monotonic()
            calls.append(agent.invite(room))
            calls[-1].txn.provisional(100)
            times.append(time.monotonic() - start)
        # The machine may be busy at times, but not at most of them.
        assert sorted(times)[len(times) // 2] < (2.0 if WRAPPED or SANITIZED else 0.2)
        for call in calls[:10]:
            assert call.cancel().final().code == 200
            assert call.final().code == 487
        for call in calls[10:]:
            resp = call.final(30)
            assert resp.code == 503 and resp.get("Retry-After")
    finally:
        net.mrfp.signal(signal.SIGCONT)
    poll(lambda: net.api("GET", "/v1/mrfps")[1]["mrfps"][0]["state"] == "up", 15)
    poll(lambda: len([p for p in net.participants(room).values()
                      if p["state"] == "connected"]) <= 1)
    fence(*[ue(n, net=net).join(room + "-new") for n in ("carol", "dave")])
    assert host.call


def mutations(seed, count, originals):
    """Messages with octets changed, dropped, doubled, cut; the same for the same seed."""
    rng = random.Random(seed)
    for _ in range(count):
        data = bytearray(rng.choice(originals))
        for _ in range(rng.randint(1, 8)):
            at = rng.randrange(len(data))
            kind = rng.randrange(5)
            if kind == 0:
                data[at] = rng.randrange(256)
            elif kind == 1:
                del data[at:at + rng.randint(1, 30)]
            elif kind == 2:
                data[at:at] = data[at:at + rng.randint(1, 60)]
            elif kind == 3:
                data[at:at] = rng.choice([b"\r\n", b"\0", b":", b";", b"<", b"\"", b"%", b"99999"])
            elif len(data) > 60:
                del data[rng.randint(40, len(data)):]
            if not data:
                data = bytearray(b"x")
        yield bytes(data)


def originals(member, room):
    """One request of each kind, as octets."""
    uri = member.uri_of(room)
    sdp_ = member.offer().encode()
    make = member.ua.new_request
    fields = [("Event", "conference"), ("Refer-To", "<sip:dave@127.0.0.1:9;method=INVITE>"),
              ("Supported", "timer, 100rel"), ("Session-Expires", "1800;refresher=uac"),
              ("Record-Route", "<sip:127.0.0.1:9;lr>"), ("Accept", "*/*"), ("Expires", "600")]
    out = [make("INVITE", uri, fields, sdp_, content_type="application/sdp"),
           make("INVITE", uri, fields, b"--b\r\n\r\nx\r\n--b--\r\n",
                content_type="multipart/mixed;boundary=b")]
    out += [make(m, uri, fields) for m in ("SUBSCRIBE", "REFER", "OPTIONS", "BYE", "UPDATE",
                                           "ACK", "PRACK", "CANCEL", "MESSAGE")]
    return [m.build() for m in out]


def test_mutated_messages_over_udp(ue, mrf, room, bystanders):
    # covers: FOC-027, FOC-028
    mallory = ue("mallory")
    mallory.ua.auto["INVITE"] = lambda t: t.respond(486)
    for n, data in enumerate(mutations(4711, 3000, originals(mallory, room + "-m"))):
        mallory.ua.send_raw(data[:60000])
        if n % 100 == 99:  # do not only fill the socket's buffer
            alive(mallory)
    alive(mallory)
    mallory.ua.bad.clear()
    bystanders.undisturbed()


def test_huge_messages(ue, mrf, room, bystanders):
    # covers: FOC-027
    alice = ue("alice", transport="tcp")
    big = alice.offer() + "a=x:" + "y" * 400000 + "\r\n"
    resp = alice.invite(room, big).final(30)
    assert resp.code in (200, 400, 413, 488)
    too_big = alice.offer() + "a=x:" + "y" * 3000000 + "\r\n"
    bob = ue("bob", transport="tcp")
    call = bob.invite(room, too_big)
    wait(lambda: call.txn.responses or all(s.closed for s in bob.ua.streams), 30,
         "413 or a close")
    assert not [r for r in call.txn.responses if r.code == 200]
    assert small(mrf.mrfc)
    bystanders.undisturbed()


def test_header_floods(ue, mrf, room, bystanders):
    # covers: FOC-028
    alice = ue("alice", transport="tcp")
    many = [("X-Header-%d" % n, "v") for n in range(2000)]
    vias = [("Via", alice.ua.via())] + [("Via", "SIP/2.0/TCP h%d;branch=z9hG4bK%d" % (n, n))
                                        for n in range(500)]
    assert alice.ua.request("OPTIONS", alice.uri_of("nowhere"), many).final(30).code == 404
    assert alice.ua.request("OPTIONS", alice.uri_of("nowhere"), vias).final(30).code >= 400
    routes = [("Record-Route", "<sip:p%d.example.com;lr>" % n) for n in range(300)]
    call = alice.invite(room, headers=routes)
    assert call.final(30).code in (200, 400, 413, 513)
    bystanders.undisturbed()


@pytest.mark.parametrize("length", ["600000", "1000000000", "2147483647", "2147483648", "4294967295",
                                    "18446744073709551615", "-1"])
def test_a_body_that_is_only_promised_costs_nothing(ue, mrf, bystanders, length):
    # covers: FOC-027
    mallory = ue("mallory", transport="tcp")
    for method in ("OPTIONS", "INVITE"):
        line = Line.connect(mrf.sip)
        msg = mallory.ua.new_request(method, mallory.uri_of("nowhere")).build()
        head, mark, _ = msg.partition(b"Content-Length: ")
        assert mark
        line.send_raw(head + mark + length.encode() + b"\r\n\r\nv=0\r\n")
        wait(lambda: line.closed or b"SIP/2.0 4" in line.got, what="a refusal or the end")
        line.close()
    assert small(mrf.mrfc)
    alive(mallory)
    bystanders.undisturbed()
