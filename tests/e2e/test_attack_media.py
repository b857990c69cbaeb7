# SPDX-License-Identifier: Apache-2.0
"""Hostile terminals against the switch: the books stay right and nobody else notices.

After each attack every copy owed is settled or open, and open ones return to none.
"""

import resource
import signal
import time

from peer.loop import LOOP, wait
from peer.msrp import Connection
from peer.msrpmsg import new_id, response
from peer.servers import poll
from peer.ue import fence
from wire import octets, usable


def balanced(metrics):
    """Per class: copies owed = settled + open."""
    for kind in ("chat", "composing", "imdn", "file", "geoloc", "key"):
        owed = metrics.sum("mrfp_copies_total", **{"class": kind})
        settled = metrics.sum("mrfp_copies_settled_total", **{"class": kind})
        still = metrics.sum("mrfp_copies_open", **{"class": kind})
        assert owed == settled + still and 0 <= still <= owed, (kind, owed, settled, still)
    return metrics


def settled(net, timeout=15):
    """The books balance, and no copy stays open."""
    def closed():
        return balanced(net.mrfp.metrics()).sum("mrfp_copies_open") == 0
    poll(closed, timeout, "an end of open copies")
    return net.mrfp.metrics()


def answer(frame, status):
    return response(frame, status).build()


def sends(member, what):
    return [f for f in member.session.requests if f.method == "SEND" and what in (f.body or b"")]


def test_a_chunk_refused_after_the_message_was_taken_counts_once(trio, mrf, bystanders):
    # covers: MSRP-076, MSRP-098
    _, alice, bob, carol = trio
    bob.conn.auto_answer = False
    data = alice.cpim("q" * 40000)
    statuses = [t.status() for t in alice.session.send_chunks(data, 16000)]
    assert set(statuses) == {200}
    frames = wait(lambda: len(sends(bob, b"qqq")) > 1 and sends(bob, b"qqq")[-1].flag == "$" and
                  sends(bob, b"qqq"), what="the message at bob")
    bob.conn.send_raw(answer(frames[-1], 200) + b"".join(answer(f, 413) for f in frames[:-1]))
    usable(bob.session)
    settled(mrf)
    bob.conn.auto_answer = True
    bob.leave()
    bystanders.undisturbed()
    settled(mrf)


def test_a_refusal_while_a_chunk_is_half_out_counts_once(own_mrf, ue, room):
    # covers: MSRP-076, MSRP-109
    net = own_mrf(mrfp={"context.grace": "60s", "msrp.send_buffer": "16KiB"})
    alice, bob, carol = [ue(n, net=net).join(room) for n in ("alice", "bob", "carol")]
    slow = ue("slow", net=net)
    slow.rcvbuf = 4096
    slow.join(room)
    slow.conn.auto_answer = False
    slow.conn.pause_reading()
    data = alice.cpim("r" * 2000000)
    tx = alice.session.send(data)
    wait(lambda: any(len(m.buf) > 500000 for m in bob.session.messages), what="half of it at bob")
    slow.conn.resume_reading()
    first = wait(lambda: (sends(slow, b"rrr") or [None])[0], what="a chunk at slow")
    slow.conn.pause_reading()
    slow.conn.send_raw(answer(first, 413))
    fence(bob, carol)
    slow.conn.resume_reading()
    assert tx.status() == 200
    fence(bob, slow)
    with LOOP.cond:
        frames = [f for f in slow.session.requests if f.method == "SEND" and f is not first]
    slow.conn.send_raw(b"".join(
        answer(f, 413 if b"rrr" in (f.body or b"") else 200) for f in frames))
    usable(slow.session)
    settled(net)
    slow.leave()
    fence(carol, alice, bob)
    settled(net)


def test_a_private_message_that_overran_its_queue_counts_once(own_mrf, ue, room):
    # covers: SW-084
    net = own_mrf(mrfp={"context.grace": "60s", "msrp.send_buffer": "16KiB",
                        "context.private_bytes": "128KiB", "context.slow": "cut"})
    alice, bob, carol = [ue(n, net=net).join(room) for n in ("alice", "bob", "carol")]
    slow = ue("slow", net=net)
    slow.rcvbuf = 4096
    slow.join(room)
    slow.conn.auto_answer = False
    slow.conn.pause_reading()
    for _ in range(20):
        for tx in alice.session.send_chunks(alice.cpim("p" * 40000, to=slow), 8000):
            tx.status()
    wait(lambda: alice.session.reports, what="a failure REPORT")
    with LOOP.cond:
        frames = [f for f in slow.session.requests if f.body]
        slow.conn.auto_answer, slow.conn.answer = True, lambda frame: 413
    slow.conn.send_raw(b"".join(answer(f, 413) for f in frames))
    slow.conn.resume_reading()
    fence(bob, slow)
    usable(slow.session)
    settled(net)
    slow.leave()
    fence(carol, alice, bob)
    settled(net)


def test_who_asks_without_reading_the_answers_is_cut(own_mrf, ue, room):
    # covers: SW-080, MSRP-056
    net = own_mrf(mrfp={"context.grace": "700ms", "msrp.send_buffer": "16KiB"})
    alice, bob = [ue(n, net=net).join(room) for n in ("alice", "bob")]
    mallory = ue("mallory", net=net)
    mallory.rcvbuf = 4096
    mallory.join(room)
    mallory.conn.pause_reading()
    mallory.conn.send_raw(b"".join(octets(mallory.session)[1] for _ in range(12000)))
    mallory.call.wait_bye()
    fence(alice, bob)
    settled(net)


def test_one_leg_cannot_take_all_places_for_nicknames(own_mrf, ue, room):
    # covers: SW-060
    net = own_mrf()
    alice, mallory = [ue(n, net=net).join(room) for n in ("alice", "mallory")]
    net.mrfc.signal(signal.SIGSTOP)
    try:
        flood = [octets(mallory.session, method="NICKNAME", fields=['Use-Nickname: "m%d"' % n])
                 for n in range(1500)]
        mallory.conn.send_raw(b"".join(data for _, data in flood))
        wait(lambda: mallory.conn.responses(flood[-1][0]), what="an answer to the last")
        tx = alice.session.nickname('"Alice"')
        usable(alice.session)
        assert not tx.answered
    finally:
        net.mrfc.signal(signal.SIGCONT)
    assert tx.status() == 200
    fence(alice, mallory)


def test_a_path_to_a_session_of_the_switch_itself_is_refused(ue, mrf, room, bystanders):
    # covers: MSRP-051
    one = ue("mallory").join(room)
    two = ue("mallory")
    call = two.invite(room, setup="passive", path=one.session.remote[0])
    final = call.txn.final()
    assert final.code >= 400, final
    bystanders.undisturbed()


def test_thousands_of_unanswered_private_messages_delay_nobody(own_mrf, ue, room):
    # covers: MSRP-094
    net = own_mrf(mrfp={"msrp.response_timeout": "3s"})
    alice, bob, mallory = [ue(n, net=net).join(room) for n in ("alice", "bob", "mallory")]
    mallory.conn.keep = False
    mallory.conn.answer = lambda frame: None if mallory.aor.encode() in frame.body else 200
    count = 4000
    body = mallory.cpim("x", to=mallory)
    fields = ["Failure-Report: no", "Byte-Range: 1-%d/%d" % (len(body), len(body))]
    for _ in range(count // 500):
        mallory.conn.send_raw(b"".join(
            octets(mallory.session, body=body, fields=["Message-ID: " + new_id()] + fields)[1]
            for _ in range(500)))
        wait(lambda: not mallory.conn.out, what="octets taken")
    usable(mallory.session)
    slowest, end = 0, time.monotonic() + 20
    while time.monotonic() < end:  # they expire meanwhile
        start = time.monotonic()
        fence(alice, bob)
        slowest = max(slowest, time.monotonic() - start)
        if net.mrfp.metrics().sum("mrfp_copies_settled_total", outcome="lost") >= count:
            break
    settled(net)
    assert slowest < 1


def test_descriptors_run_out_and_come_back(own_mrf, ue, room):
    # covers: MSRP-056
    net = own_mrf()
    alice, bob = [ue(n, net=net).join(room) for n in ("alice", "bob")]
    resource.prlimit(net.mrfp.pid, resource.RLIMIT_NOFILE, (40, 4096))
    conns = [Connection.connect(net.msrp) for _ in range(60)]
    lines = len(net.mrfp.lines)

    def cpu():
        with open("/proc/%d/stat" % net.mrfp.pid) as f:
            return sum(map(int, f.read().rsplit(")", 1)[1].split()[11:13])) / 100
    before, start = cpu(), time.monotonic()
    while time.monotonic() - start < 2:
        fence(alice, bob)
    fence(alice, bob)
    spent = cpu() - before
    assert spent < 1.5, "%.1f s of CPU in 2 s" % spent
    assert len(net.mrfp.lines) - lines < 50
    for c in conns:
        c.close()
    fence(alice, bob)
    carol = ue("carol", net=net).join(room)
    fence(carol, alice, bob)


def trickle(conn, stop):
    """Read a little at a time until stop is not empty."""
    def read():
        if conn.closed:
            return
        conn.resume_reading()
        if stop:
            conn.RECV = 262144
        else:
            LOOP.call_later(0.004, rest)

    def rest():
        if not conn.closed:
            conn.pause_reading()
            LOOP.call_later(0.002, read)
    conn.RECV = 8192
    read()


def test_files_that_cross_between_slow_members_cost_nobody_the_session(own_mrf, ue, room):
    # covers: SW-081, SW-083
    net = own_mrf(mrfp={"context.high_water": "256KiB", "context.log_bytes": "2MiB",
                        "context.grace": "20s", "msrp.send_buffer": "16KiB"})
    members, files, stop = [], {}, []
    for name in ("alice", "bob", "carol"):
        one = ue(name, net=net)
        one.rcvbuf = 4096
        members.append(one.join(room))
        trickle(one.conn, stop)
    for one in members:
        files[one] = one.cpim(one.name * 600000, content_type="application/octet-stream")
        one.session.send_chunks(files[one], 60000)
    try:
        for one in members:
            for other in [m for m in members if m is not one]:
                wait(lambda: one.conn.closed or any(
                    m.complete and m.data == files[other] for m in one.session.messages), 60,
                     "the file of %s at %s" % (other.name, one.name))
                assert not one.conn.closed
    finally:
        stop.append(True)
    assert settled(net).sum("mrfp_legs_cut_total") == 0
