# SPDX-License-Identifier: Apache-2.0
"""Many hostile legs at once, by chance: the MRFP alone, the test in the MRFC's place."""

import os
import random
import tempfile

import pytest

from peer.control import COMMANDS, Control, frame
from peer.loop import LOOP, wait
from peer.msrp import Connection, Listener, Session
from peer.msrpmsg import new_id, response
from peer.servers import Server, poll
from peer import cpim
from wire import octets

ROOM = "sip:room@conf.example.com"
OPTIONS = {"msrp.address": "127.0.0.1", "msrp.port": 0, "admin.port": 0,
           "msrp.response_timeout": "2s", "msrp.message_timeout": "2s", "msrp.bind_timeout": "3s",
           "context.grace": "1s", "context.log_bytes": "1MiB", "context.high_water": "128KiB",
           "context.private_bytes": "128KiB", "msrp.send_buffer": "16KiB",
           "msrp.max_size": "4MiB"}


@pytest.fixture
def alone():
    """(mrfp, control)"""
    with tempfile.TemporaryDirectory(prefix="mrf-e2e-") as folder:
        path = os.path.join(folder, "mp.sock")
        control = Control(path)
        mrfp = Server("mrfp", {**OPTIONS, "mp.socket": path})
        try:
            mrfp.wait_ready()
            yield mrfp, control
        finally:
            wrong = mrfp.stop()
            control.close()
            print("\n".join(line for _, line in mrfp.lines[-60:]))  # shown when the test failed
        assert not wrong, "\n".join(wrong)


class Leg:
    """A termination and its peer, which may be gone at any time."""

    def __init__(self, alone, context, number):
        self.mrfp, self.control = alone
        self.context, self.number = context, number
        self.aor = "sip:u%d@example.com" % number
        self.session = None
        self.there = False

    def fresh(self):
        self.session = Session("msrp://127.0.0.1:9/%s;tcp" % new_id())

    def add(self):
        self.fresh()
        reply = self.control.ask(
            "add", self.context, termination=self.number, conference=ROOM, policy=3,
            uris=[self.aor], remote_path=self.session.local, setup=2, match=1, caps=7,
            accept_types="message/cpim")
        assert reply["code"] == 0, reply
        self.session.remote, self.there = [reply["local_path"]], True

    def modify(self, **fields):
        return self.control.ask("modify", self.context, termination=self.number, **fields)

    def again(self):
        """A new path, as after a re-INVITE."""
        self.fresh()
        reply = self.modify(remote_path=self.session.local, new_local=1)
        self.session.remote = [reply["local_path"]]

    def subtract(self):
        self.control.ask("subtract", self.context, termination=self.number)
        self.there = False

    def connect(self, conn=None, rcvbuf=None):
        conn = conn or Connection.connect(self.mrfp.address("msrp"), rcvbuf=rcvbuf)
        self.session.attach(conn)
        self.session.keepalive()

    def cpim(self, text, to=ROOM, kind="text/plain"):
        return cpim.build(self.aor, to, text, kind)

    @property
    def up(self):
        return self.session and self.session.conn and not self.session.conn.closed


def books(metrics):
    """Per class: copies owed = settled + open."""
    for kind in ("chat", "composing", "imdn", "file"):
        owed = metrics.sum("mrfp_copies_total", **{"class": kind})
        done = metrics.sum("mrfp_copies_settled_total", **{"class": kind})
        still = metrics.sum("mrfp_copies_open", **{"class": kind})
        assert owed == done + still and 0 <= still <= owed, (kind, owed, done, still)
    return metrics


def one_act(rng, legs, leg):
    """Something that a leg, or the MRFC with it, may do."""
    act = rng.randrange(24)
    if not leg.there:
        leg.add()
        return
    if not leg.up:
        if leg.session.conn:
            leg.again()
        others = [o for o in legs if o is not leg and o.up]
        share = rng.choice(others).session.conn if others and rng.random() < 0.2 else None
        leg.connect(share, rng.choice((None, 4096)))
        return
    s, conn = leg.session, leg.session.conn
    to = rng.choice([ROOM, ROOM, rng.choice(legs).aor, leg.aor])
    kind = rng.choice(("text/plain", "text/html", "image/png"))
    size = rng.choice((1, 100, 3000, 20000, 70000, 200000))
    mid = new_id("m")
    report = [("Success-Report", "yes")] if rng.random() < 0.3 else []
    if act < 5:
        s.send(leg.cpim("x" * rng.choice((1, 500)), to, kind), message_id=mid, headers=report)
    elif act < 9:
        data = leg.cpim("y" * size, to, kind)
        s.send_chunks(data, rng.choice((700, 9000, 50000)), message_id=mid, headers=report,
                      last_flag=rng.choice("$$$+#"))
    elif act < 11:  # total not told, or wrong
        data = leg.cpim("z" * size, to, kind)
        total = rng.choice(("*", "*", len(data) // 2 + 1, 2 ** 62))
        cut = len(data) // 2
        for at, part, flag in ((1, data[:cut], "+"), (cut + 1, data[cut:], rng.choice("$$#+"))):
            s.conn.send_raw(octets(s, body=part, flag=flag, fields=[
                "Message-ID: " + mid, "Byte-Range: %d-*/%s" % (at, total)])[1])
    elif act == 11:  # half a frame, maybe more later
        data = octets(s, body=leg.cpim("h" * size, to))[1]
        conn.send_raw(data[:rng.randrange(len(data))])
        if rng.random() < 0.7:
            rng.choice((conn.close, conn.reset))()
    elif act == 12:
        s.nickname('"n%d"' % rng.randrange(100))
    elif act == 13:
        with LOOP.cond:
            known = [m.message_id for m in s.messages]
        for one in known[-3:]:
            s.report(one, status="000 %d x" % rng.choice((200, 413, 413, 400)))
    elif act == 14:
        status = rng.choice((200, 200, None, 413, 415, 400, 408))
        conn.answer = lambda frame: status
    elif act == 15:
        conn.pause_reading()
    elif act == 16:
        conn.resume_reading()
    elif act == 17:  # late and odd answers to anything received
        with LOOP.cond:
            frames = [f for f in s.requests if f.method == "SEND"]
        rng.shuffle(frames)
        conn.send_raw(b"".join(response(f, rng.choice((200, 413, 415, 400))).build()
                               for f in frames[:20]))
    elif act == 18:
        leg.modify(**rng.choice((
            {"direction": rng.randrange(4)}, {"max_size": rng.choice((0, 1000, 50000))},
            {"accept_types": "message/cpim text/plain"}, {"accept_wrapped_types": "text/plain"},
            {"accept_wrapped_types": "*"}, {"setup": rng.choice((1, 2, 3))},
            {"remote_path": s.local, "caps": rng.randrange(8)})))
    elif act == 19:
        leg.control.ask("inject", leg.context, content_type="message/cpim",
                        body=cpim.build("sip:focus@x", ROOM, "i" * size, "text/plain")[:60000],
                        **({"termination": leg.number} if rng.random() < 0.5 else {}))
    elif act == 20:
        leg.subtract()
    elif act == 21:
        leg.again()
        leg.connect(rng.choice((conn, None)))
    elif act == 22:
        rng.choice((conn.close, conn.reset))()
    else:
        status = rng.choice((481, 506))
        conn.answer = lambda frame: status


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(6))
def test_whatever_legs_do_the_books_balance(alone, seed):
    # covers: MSRP-098, SW-080
    mrfp, control = alone
    rng = random.Random(seed)
    contexts = [bytes([n]) * 16 for n in (1, 2)]
    legs = [Leg(alone, contexts[n % 2], n + 1) for n in range(12)]
    for n in range(500):
        one_act(rng, [x for x in legs if x.context == legs[n % 12].context], rng.choice(legs))
        if n % 100 == 0:
            books(mrfp.metrics())
    for leg in legs:
        if leg.up:
            leg.session.conn.resume_reading()
    poll(lambda: books(mrfp.metrics()).sum("mrfp_copies_open") == 0, 20, "an end of open copies")
    for leg in legs:
        if leg.there:
            leg.subtract()
    metrics = books(mrfp.metrics())
    assert metrics["mrfp_terminations"] == 0 and metrics["mrfp_contexts"] == 0
    for leg in legs:
        if leg.session and leg.session.conn:
            leg.session.conn.close()
    poll(lambda: mrfp.metrics()["mrfp_connections"] == 0, 10, "an end of connections")
    assert not [line for _, line in mrfp.lines if "settled twice" in line or "is no step" in line]
    LOOP.errors.clear()


def test_a_shared_connection_is_read_again_when_the_paused_sender_leaves(alone):
    # covers: MSRP-045, SW-083
    mrfp, _ = alone
    a, c, b = Leg(alone, b"1" * 16, 1), Leg(alone, b"1" * 16, 2), Leg(alone, b"2" * 16, 3)
    for leg in (a, b, c):
        leg.add()
    a.connect()
    b.connect(a.session.conn)
    c.connect(rcvbuf=4096)
    assert b.session.keepalive().status() == 200 and c.session.keepalive().status() == 200
    c.session.conn.pause_reading()
    for _ in range(5):
        a.session.send_chunks(a.cpim("x" * 500000), 16000, last_flag="+")
    mrfp.wait_metric(lambda m: m.sum("mrfp_paused") == 1, what="a pause")
    a.subtract()
    assert b.session.keepalive().status() == 200


def test_what_the_control_peer_says_cannot_hurt(alone):
    # covers: MSRP-098
    mrfp, control = alone
    legs = [Leg(alone, b"1" * 16, n) for n in (1, 2)]
    for leg in legs:
        leg.add()
        leg.connect()
        assert leg.session.keepalive().status() == 200
    rng = random.Random(7)

    def settle():
        """Registered again, and the legs still chat."""
        mrfp.wait_metric(lambda m: m["mrfp_control_up"] == 1, what="the link")
        assert legs[0].session.send(legs[0].cpim("hi")).status() == 200
    for junk in (rng.randbytes(5000), b"\xff" * 100, b"\0" * 100, b"\0\x10\0\1" + bytes(28),
                 frame(2, 9, b"1" * 16)[:-3] + b"\0"):
        old = control.sock
        control.raw(junk)
        wait(lambda: control.sock is not old, what="another connection")
        settle()
    for command in list(range(12)) + [255]:
        for flags in (0, 1, 2, 3, 255):
            control.raw(frame(command, 70000 + command, b"5" * 16, flags, epoch=1))
            control.raw(frame(command, 80000 + command, b"5" * 16, flags, version=9, epoch=1))
    settle()
    assert control.ask("add", b"1" * 16, termination=1, epoch=0)["code"] == 6
    assert control.ask("add", b"3" * 16, termination=0, conference=ROOM)["code"] == 5
    first = frame(COMMANDS["add"], 1000000, b"4" * 16, epoch=1, termination=5, conference=ROOM)
    before = mrfp.metrics()["mrfp_terminations"]
    for _ in range(3):  # a repeated transaction has no second effect, and the same reply
        control.raw(first)
    control.raw(frame(COMMANDS["subtract"], 1000001, b"4" * 16, epoch=1, termination=5))
    control.raw(first)
    wait(lambda: 1000001 in control.replies, what="the reply")
    control.ask("audit", bytes(16), cursor=0)
    assert mrfp.metrics()["mrfp_terminations"] == before
    settle()


def test_ten_thousand_terminations_come_and_go(alone):
    # covers: IMS-014
    mrfp, control = alone
    sent = [control.send("add", b"9" * 16, termination=n + 1, conference=ROOM,
                         uris=["sip:u%d@x" % n], remote_path="msrp://127.0.0.1:9/%08dabc;tcp" % n,
                         setup=2, match=1) for n in range(10000)]
    wait(lambda: sent[-1] in control.replies, 30, what="the last reply")
    assert mrfp.metrics()["mrfp_terminations"] == 10000
    seen, cursor = 0, 0
    while True:
        reply = control.ask("audit", bytes(16), cursor=cursor)
        cursor, seen = reply["cursor"], seen + 1
        if not cursor:
            break
    assert seen == 10000 // 256 + 1
    control.ask("subtract", b"9" * 16)
    assert mrfp.metrics()["mrfp_terminations"] == 0


def test_a_role_that_turns_while_connecting_leaves_one_connection(alone):
    # covers: CMD-005
    mrfp, control = alone
    listener = Listener()
    listener.sock.listen(0)
    leg = Leg(alone, b"1" * 16, 1)
    leg.add()
    session = Session(listener.uri())
    for setup in (1, 2, 1, 2, 1):
        control.ask("modify", leg.context, termination=1, remote_path=session.local, setup=setup)
    poll(lambda: listener.connections, what="a connection")
    other = Leg(alone, b"1" * 16, 2)
    other.add()
    other.connect()
    assert other.session.send(other.cpim("hi")).status() == 200
    leg.subtract()
    listener.close()
