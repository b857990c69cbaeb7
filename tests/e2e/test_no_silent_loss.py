# SPDX-License-Identifier: Apache-2.0
"""Whatever receivers and the network do, a message answered 200 is delivered, reported or counted.

The MRFP alone, the test in the MRFC's place; peer.ledger keeps the books and says what is demanded.
"""

import random
import signal
import tempfile

import pytest

from peer import loop
from peer.control import Control
from peer.ledger import Room
from peer.loop import LOOP, wait
from peer.proxy import Proxy
from peer.servers import WRAP, Server, poll, program

ASAN = bool(WRAP) or "san" in program("mrfp")
OPTIONS = {"msrp.address": "127.0.0.1", "msrp.port": 0, "admin.port": 0,
           "msrp.send_buffer": "16KiB", "context.log_bytes": "1MiB",
           "context.high_water": "256KiB", "context.grace": "30s", "context.stall": "30s"}


@pytest.fixture
def switch():
    """switch(option=value, ...) -> a Room at an MRFP of its own."""
    with tempfile.TemporaryDirectory(prefix="mrf-e2e-") as folder:
        made = []

        def start(**options):
            path = "%s/mp%d.sock" % (folder, len(made))
            control = Control(path)
            more = {k.replace("__", "."): v for k, v in options.items()}
            made.append((Server("mrfp", {**OPTIONS, **more, "mp.socket": path}), control))
            return Room(made[-1][0].wait_ready(), control)
        yield start
        wrong = []
        for mrfp, control in made:
            wrong += mrfp.stop()
            control.close()
            bad = [line for _, line in mrfp.lines if "settled twice" in line or "no step" in line]
            wrong += bad
            print("\n".join(line for _, line in mrfp.lines[-60:]))  # shown when the test failed
        errors, loop.LOOP.errors[:] = list(loop.LOOP.errors), []
        assert not wrong, "\n".join(wrong)
        assert not errors, errors[0]


def members(room, n, **kwargs):
    return [room.join(**kwargs) for _ in range(n)]


def stopped(room, **kwargs):
    """A member that reads nothing until conn.resume_reading()."""
    one = room.join(rcvbuf=4096, **kwargs)
    one.conn.pause_reading()
    return one


def throttled(m, senders="all"):
    return m.sum("mrfp_contexts_throttled", senders=senders)


# --- paused receivers -------------------------------------------------------------------------


def test_senders_of_chat_wait_for_receivers_that_pause_and_nothing_is_lost(switch):
    # covers: SW-080, SW-081, MSRP-056
    room = switch()
    senders = members(room, 3)
    slow = [stopped(room) for _ in range(2)]
    for n in range(300):
        senders[n % 3].send(10000)
    m = room.mrfp.wait_metric(lambda m: throttled(m) == 1 and m["mrfp_paused"] == 3,
                              what="three senders that wait")
    assert m.sum("mrfp_budget_octets", scope="context") <= 1 << 20
    assert m.sum("mrfp_budget_octets", scope="leg") > 700000
    assert not all(one.status for one in room.sent), "3 MB went where 1 MiB has room"
    room.look()
    for one in slow:
        one.conn.resume_reading()
    m = room.settle()
    assert m.sum("mrfp_legs_cut_total") == 0 and throttled(m) == 0 and m["mrfp_paused"] == 0
    assert m.sum("mrfp_budget_peak_octets", scope="context") <= 1 << 20
    assert {one.status for one in room.sent} == {200}
    assert set(room.audit().values()) == {0}


@pytest.mark.parametrize("how", ["stall", "grace"])
def test_a_receiver_that_never_comes_back_is_cut_and_senders_go_on(switch, how):
    # covers: SW-080, SW-082, SW-083
    times = {"context__stall": "300ms"} if how == "stall" else {"context__grace": "700ms"}
    room = switch(**times)
    alice, bob, carol = members(room, 3)
    slow = stopped(room)
    for n in range(200):
        (alice, bob)[n % 2].send(10000)
    wait(lambda: slow.lost_event, what="the event that the slow leg is lost")
    assert slow.lost_event["cause"] == 5 and slow.lost_event["copies_lost"] > 0
    m = room.settle()
    assert m.sum("mrfp_legs_cut_total", cause="slow") == m.sum("mrfp_legs_cut_total") == 1
    assert {one.status for one in room.sent} == {200}
    lost = room.audit()
    assert lost.pop(slow) > 0 and set(lost.values()) == {0}
    assert any("%d copies lost" % slow.reply["copies_lost"] in line
               for _, line in room.mrfp.lines)


def test_a_leg_that_took_nothing_is_cut_at_the_mark_without_anybody_waiting(switch):
    # covers: SW-083
    room = switch(context__stall="100ms")
    alice, bob = members(room, 2)
    slow = stopped(room)
    done, stood_still = [], []
    while not slow.lost_event:
        done.append(alice.send(10000))
        wait(lambda: done[-1].status == 200, 5, "an answer")
        wait(lambda: len(bob.got) == len(done), 5, "the line at bob")
        if len(done) == 30:  # it has taken nothing of late; from now on for the stall time
            LOOP.call_later(0.15, lambda: stood_still.append(True))
            wait(lambda: stood_still, what="the time")
    m = room.settle()
    assert 60 < len(done) < 90
    assert slow.lost_event and m.sum("mrfp_pauses_total", why="chat") == 0
    assert room.audit()[bob] == 0


def test_with_slow_cut_chat_never_waits(switch):
    # covers: SW-083
    room = switch(context__slow="cut")
    alice, bob = members(room, 2)
    slow = stopped(room)
    for n in range(300):
        alice.send(10000)
        if n % 20 == 19:  # bob keeps pace
            wait(lambda: len(bob.got) == n + 1, what="%d lines at bob" % (n + 1))
    m = room.settle()
    assert slow.lost_event["cause"] == 6
    assert m.sum("mrfp_pauses_total") == 0
    lost = room.audit()
    assert lost[slow] > 50 and lost[bob] == 0


def test_a_reader_that_is_slow_but_moves_keeps_everything(switch):
    # covers: SW-081
    room = switch(context__stall="1s")
    alice, bob = members(room, 2)
    proxy = Proxy(room.mrfp.address("msrp"), moods=("throttle",))
    slow = room.join(address=proxy.addr, rcvbuf=4096)
    for _ in range(400):
        alice.send(10000)
    m = room.settle()
    assert m.sum("mrfp_legs_cut_total") == 0 and m.sum("mrfp_pauses_total", why="chat") > 0
    lost = room.audit()
    assert lost[slow] == lost[bob] == 0 and len(slow.got) == 400
    proxy.close()


def test_senders_that_do_not_read_while_they_write_do_not_wait_for_each_other_for_ever(switch):
    # covers: SW-083
    room = switch(context__stall="300ms", context__log_bytes="4MiB")
    half = [room.join(rcvbuf=4096) for _ in range(3)]
    for one in half:
        one.conn.pause_reading()
        for _ in range(110):
            one.send(10000)
    for one in half:  # reads again once all its own is written
        one.conn.flush()
        one.conn.resume_reading()
    m = room.settle()
    assert m.sum("mrfp_legs_cut_total") == 0
    assert set(room.audit().values()) == {0}


def test_all_waiting_senders_have_their_turn(switch):
    # covers: SW-042
    room = switch()
    senders = members(room, 6)
    slow = stopped(room)
    for n in range(600):
        senders[n % 6].send(5000)
    room.mrfp.wait_metric(lambda m: m["mrfp_paused"] == 6, what="six senders that wait")
    slow.conn.resume_reading()
    room.settle()
    room.audit()
    halfway = [m.sender for m in map(by_data(room), slow.got[:300])]
    assert min(halfway.count(s) for s in senders) >= 15, "somebody was forgotten"


def by_data(room):
    table = {m.data: m for m in room.sent}
    return lambda message: table[message.data]


# --- ends in the middle -----------------------------------------------------------------------


@pytest.mark.parametrize("end", ["close", "reset"])
def test_receivers_that_end_in_the_middle_of_a_frame_are_counted(switch, end):
    # covers: SW-082
    room = switch()
    alice, bob = members(room, 2)
    slow = [stopped(room) for _ in range(3)]
    for n in range(60):
        (alice, bob)[n % 2].send(8000)
    alice.send(200000)
    wait(lambda: len([m for m in room.sent if m.status == 200]) > 40, what="most answers")
    for one in slow:
        getattr(one, end)()
        alice.send(5000)
    wait(lambda: all(one.lost_event for one in slow), what="three lost legs")
    room.settle()
    lost = room.audit()
    assert min(lost[one] for one in slow) > 20 and lost[alice] == lost[bob] == 0


@pytest.mark.parametrize("end", ["close", "reset", "leave"])
def test_senders_that_end_in_the_middle_of_a_message_leave_no_open_copy(switch, end):
    # covers: SW-034
    room = switch()
    alice, bob, carol = members(room, 3)
    for n in range(20):
        alice.send(3000)
        half = alice.message(100000, 16000)
        for i in range(3):
            half.push(i)
    getattr(alice, end)()
    carol.send(100)
    m = room.settle()
    assert m.sum("mrfp_copies_settled_total", outcome="aborted") > 0
    lost = room.audit()
    assert lost[bob] == lost[carol] == 0
    assert any(one.aborted for one in bob.session.messages)


# --- limits of the process --------------------------------------------------------------------


def test_at_the_ceiling_new_messages_are_refused_and_nothing_else_is_lost(switch):
    # covers: MSRP-056
    room = switch(process__memory="4MiB", context__log_bytes="64MiB", context__grace="20s",
                  context__stall="3s")
    senders = members(room, 16)
    slow = [stopped(room) for _ in range(2)]
    for _ in range(8):
        for one in senders:
            one.send(60000)
    wait(lambda: all(one.lost_event for one in slow), 20, "the slow legs are lost")
    m = room.settle()
    statuses = [one.status for one in room.sent]
    assert set(statuses) <= {200, 413}
    assert m["mrfp_messages_shed_total"] == statuses.count(413)
    assert m.sum("mrfp_budget_peak_octets", scope="process") <= (4 << 20) * 17 // 16
    assert m["mrfp_memory_level"] == 0 and m["mrfp_paused"] == 0
    lost = room.audit()
    assert sum(lost[one] for one in senders) == 0


def test_partial_messages_count_and_their_owners_pay(switch):
    # covers: MSRP-056
    room = switch(process__memory="1MiB", context__grace="1s")
    alice, bob = members(room, 2)
    mallory = members(room, 60)
    for one in mallory:
        one.message(61000, 30500).push(1)  # the CPIM head never comes
        one.sent.pop()
    m = room.mrfp.wait_metric(lambda m: m["mrfp_memory_level"] == 3, what="the ceiling")
    assert m.sum("mrfp_held_octets", part="partial") > 1000000
    refused = alice.send(1000)
    assert refused.txs[0].status() == 413
    poll(lambda: room.look()["mrfp_memory_level"] == 0, 20, "memory is free again")
    assert any(one.lost_event for one in mallory)
    sent = alice.send(1000)
    assert sent.txs[0].status() == 200
    m = room.settle()
    assert m["mrfp_messages_shed_total"] >= 1
    assert m.sum("mrfp_budget_peak_octets", scope="process") < 1 << 21
    lost = room.audit()
    assert lost[alice] == lost[bob] == 0


# --- crowds and chance ------------------------------------------------------------------------


def test_fifty_senders_at_once(switch):
    # covers: SW-042, SW-083
    room = switch(context__log_bytes="4MiB", context__stall="5s", context__grace="20s")
    crowd = members(room, 50)
    for n in range(4 if ASAN else 8):
        for one in crowd:
            one.send(50 + 40 * n)
    room.look()
    room.settle(60)
    assert set(room.audit().values()) == {0}


def chances(room, rng, crowd, n, largest):
    """n messages in pieces of 1 to 64 KiB, interleaved, in no order."""
    open_ = []
    for _ in range(n):
        one = rng.choice(crowd).message(rng.choice((10, 2000, 30000, largest)),
                                        rng.randrange(1 << 10, 64 << 10))
        order = list(range(1, len(one.pieces)))
        rng.shuffle(order)
        open_.append((one, [0] + order))
    while open_:
        # 32 messages of one sender may be open at once
        one, order = rng.choice(open_[:20])
        one.push(order.pop(0))
        if not order:
            open_ = [o for o in open_ if o[1]]
            if rng.random() < 0.1:
                room.look()


@pytest.mark.parametrize("seed", range(3))
def test_chunks_of_any_size_in_any_order(switch, seed):
    # covers: MSRP-063, MSRP-067, SW-042
    room = switch(context__log_bytes="4MiB")
    crowd = members(room, 5)
    slow = stopped(room)
    chances(room, random.Random(seed), crowd, 60, 300000)
    slow.conn.resume_reading()
    room.settle()
    assert {m.status for m in room.sent} == {200}
    assert set(room.audit().values()) == {0}


@pytest.mark.parametrize("seed", range(4))
def test_a_network_that_splits_delays_throttles_and_coalesces(switch, seed):
    # covers: MSRP-063, SW-042, SW-080
    room = switch(context__log_bytes="2MiB")
    proxy = Proxy(room.mrfp.address("msrp"), seed)
    crowd = members(room, 6, address=proxy.addr, rcvbuf=8192)
    chances(room, random.Random(seed + 100), crowd, 40, 100000)
    room.settle(60)
    assert {m.status for m in room.sent} == {200}
    assert set(room.audit().values()) == {0}
    proxy.close()


def test_a_network_that_half_closes(switch):
    # covers: SW-082
    room = switch(context__log_bytes="2MiB")
    proxy = Proxy(room.mrfp.address("msrp"), 5)
    spoilt = members(room, 4, address=proxy.addr)
    sound = members(room, 3)
    rng = random.Random(9)
    chances(room, rng, spoilt + sound, 20, 100000)
    for index in range(2):  # the first two speak no more; what they are owed is counted
        spoilt[index]._goes()
        proxy.half_close(index)
        wait(lambda: spoilt[index].lost_event, what="the end of leg %d" % index)
        chances(room, rng, sound, 5, 50000)
    for one in room.sent:
        if one.sender in spoilt[:2]:
            one.sender.conn.close()
    room.settle(60)
    lost = room.audit(gapless=False)
    assert sum(lost[one] for one in sound) == 0
    proxy.close()


def test_members_come_and_go_during_traffic(switch):
    # covers: SW-042, SW-083
    room = switch(context__log_bytes="4MiB")
    sound = members(room, 3)
    rng = random.Random(11)
    passing = []
    for n in range(30):
        for one in sound + passing:
            one.send(rng.choice((50, 3000, 20000)))
        if n % 2:
            passing.append(room.join(rcvbuf=4096 if n % 3 else None))
        if len(passing) > 3:
            getattr(passing.pop(0), rng.choice(("leave", "close", "reset")))()
        if n % 5 == 0:
            room.look()
    room.settle()
    lost = room.audit()
    assert sum(lost[one] for one in sound) == 0


# --- private messages and classes -------------------------------------------------------------


def test_who_floods_one_member_in_private_waits_and_others_do_not(switch):
    # covers: SW-081, SW-083
    room = switch(context__private_bytes="256KiB")
    alice, bob, carol = members(room, 3)
    slow = stopped(room)
    for _ in range(100):
        alice.send(10000, to=slow)
    room.mrfp.wait_metric(lambda m: throttled(m, "private") == 1 and m["mrfp_paused"] == 1,
                          what="a sender that waits")
    for _ in range(5):
        sent = bob.send(500)
        wait(lambda: sent.status == 200, 2, "an answer to bob")
    slow.conn.resume_reading()
    m = room.settle()
    assert m.sum("mrfp_legs_cut_total") == 0
    assert set(room.audit().values()) == {0}


@pytest.mark.parametrize("how", ["cut", "leaves", "resets"])
def test_private_messages_that_are_lost_are_reported_each(switch, how):
    # covers: SW-055
    room = switch(context__private_bytes="8MiB", **(
        {"context__grace": "500ms", "context__stall": "400ms"} if how == "cut" else {}))
    alice, bob = members(room, 2)
    slow = stopped(room)
    for n in range(1500):
        alice.send(60, to=slow, failure="no" if n % 10 == 0 else None)
    wait(lambda: all(m.status or m.failure == "no" for m in room.sent), what="all answers")
    if how == "leaves":
        slow.leave()
    elif how == "resets":
        slow.reset()
    quiet = [m for m in alice.sent if m.failure == "no"]
    poll(lambda: room.look().sum("mrfp_copies_open") == 0, what="an end of open copies")
    owed = room.look().sum("mrfp_copies_settled_total", outcome="lost") - len(quiet)
    wait(lambda: len(alice.session.reports) >= owed, 20, "REPORTs")
    with LOOP.cond:
        reported = [r.message_id for r in alice.session.reports]
        bodies = {r.body for r in alice.session.reports}
    assert len(set(reported)) == len(reported), "reported twice"
    assert all(b"From: <%s>" % alice.aor.encode() in b and b"To: <%s>" % slow.aor.encode() in b
               for b in bodies)
    assert not {m.mid for m in quiet} & set(reported)
    m = room.look()
    lost = m.sum("mrfp_copies_settled_total", outcome="lost")
    slow.subtract()
    assert slow.reply["copies_lost"] == lost > (100 if how == "cut" else 1000)
    assert m["mrfp_own_frames_dropped_total"] == 0
    told = len([x for x in alice.sent if x.failure != "no" and x.mid in set(reported)])
    assert lost - len(quiet) <= told <= lost


def test_classes_have_books_of_their_own(switch):
    # covers: SW-042, IMS-011
    room = switch(context__log_bytes="4MiB")
    crowd = members(room, 4)
    slow = stopped(room)
    rng = random.Random(3)
    kinds = ("chat", "file", "geoloc", "composing", "imdn")
    for n in range(200):
        kind = kinds[n % 5]
        rng.choice(crowd).send(rng.choice((50, 9000, 80000)) if n % 5 < 2 else 200, kind=kind,
                               to=slow if n % 17 == 0 and kind != "composing" else None)
    m = room.mrfp.wait_metric(lambda m: m.sum("mrfp_waiting_octets", **{"class": "file"}) > 0 and
                              m.sum("mrfp_waiting_octets", **{"class": "geoloc"}) > 0,
                              what="octets that wait")
    room.look()
    slow.conn.resume_reading()
    m = room.settle()
    assert set(room.audit().values()) == {0}
    for kind in kinds:
        owed = sum(4 if x.to is None else 1 for x in room.sent if x.kind == kind)
        assert m.sum("mrfp_copies_total", **{"class": kind}) == owed
        assert m.sum("mrfp_messages_total", **{"class": kind, "result": "accepted"}) == \
            len([x for x in room.sent if x.kind == kind])


# --- the end ----------------------------------------------------------------------------------


def test_term_lets_out_what_is_owed(switch):
    room = switch(process__drain="20s")
    alice, bob = members(room, 2)
    slow = stopped(room)
    for _ in range(40):
        alice.send(10000)
    wait(lambda: all(m.status == 200 for m in room.sent), what="all answers")
    room.mrfp.signal(signal.SIGTERM)
    poll(lambda: any("no new connections" in line for _, line in room.mrfp.lines), what="drain")
    late = alice.send(100)
    assert late.txs[0].status() == 413
    slow.conn.resume_reading()
    wait(lambda: room.mrfp.gone, 15, "the end")
    assert len(slow.got) == len(bob.got) == 40


@pytest.mark.parametrize("how", ["drain time", "second signal"])
def test_term_does_not_wait_for_ever(switch, how):
    room = switch(process__drain="300ms" if how == "drain time" else "10min")
    alice, bob = members(room, 2)
    stopped(room)
    for _ in range(40):
        alice.send(10000)
    wait(lambda: all(m.status == 200 for m in room.sent), what="all answers")
    room.mrfp.signal(signal.SIGTERM)
    if how == "second signal":
        poll(lambda: any("no new connections" in line for _, line in room.mrfp.lines), what="drain")
        assert not room.mrfp.gone
        room.mrfp.signal(signal.SIGTERM)
    wait(lambda: room.mrfp.gone, 15, "the end")
    assert len(bob.got) == 40
