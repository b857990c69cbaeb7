# SPDX-License-Identifier: Apache-2.0
"""Binds that come early, connections that change while octets are under way: on every transport."""

import os
import signal

import pytest

from peer import cpim, loop, msrp, tls
from peer import websocket as ws
from peer.control import Control
from peer.loop import wait
from peer.msrpmsg import new_id
from peer.servers import Server, poll
from peer.ue import fence
from test_attack_media import balanced
from wire import octets, usable

ROOM, CTX = "sip:room@conf.example.com", b"r" * 16
TRANSPORTS = {"tcp": 1, "tls": 2, "ws": 3}
BOUND, LOST = 1, 2


@pytest.fixture(scope="module")
def identity(tmp_path_factory):
    return tls.Identity(tmp_path_factory.mktemp("keys"))


class Switch:
    """An MRFP with legs of one transport; the test plays the MRFC."""

    def __init__(self, folder, kind, identity):
        path = os.path.join(folder, "mp.sock")
        self.kind, self.identity, self.control = kind, identity, Control(path)
        self.mrfp = Server("mrfp", {
            "msrp.port": 0, "msrp.tls_port": 0, "msrp.ws_port": 0, "admin.port": 0,
            "msrp.connect_allow": "127.0.0.0/8,::1", "mp.socket": path}).wait_ready()
        self.place = self.mrfp.address({"tcp": "msrp"}.get(kind, kind))
        self.legs = 0
        self.pins = [identity.fingerprint()] if kind == "tls" else []

    def local(self):
        return ws.local_uri() if self.kind == "ws" else "%s://127.0.0.1:9/%s;tcp" % (
            "msrps" if self.kind == "tls" else "msrp", new_id())

    def connect(self):
        if self.kind == "ws":
            return ws.WsConnection.connect(self.place).opened()
        return msrp.Connection.connect(
            self.place, tls=self.identity.client() if self.kind == "tls" else None)

    def add(self, path=True, local=None, at=None, **fields):
        """A leg, not connected yet; at: the listener that knows it from the start."""
        self.legs += 1
        leg = msrp.Session(local or self.local())
        leg.number, leg.aor = self.legs, "sip:u%d@example.com" % self.legs
        if at:
            at.add(leg)
        if path:
            fields.setdefault("remote_path", leg.local)
        if self.pins and path:
            fields.setdefault("fingerprints", self.pins)
        reply = self.control.ask("add", CTX, **{
            "termination": leg.number, "conference": ROOM, "policy": 3, "setup": 2,
            "uris": [leg.aor], "caps": 7, "accept_types": "message/cpim",
            "transport": TRANSPORTS[self.kind], **fields})
        assert reply["code"] == 0, reply
        leg.remote = [reply["local_path"]]
        return leg

    def bound(self):
        leg = self.add()
        leg.attach(self.connect()).bind()
        return leg

    def modify(self, leg, **fields):
        reply = self.control.ask("modify", CTX, termination=leg.number, **fields)
        assert reply["code"] == 0, reply
        if reply.get("local_path"):
            leg.remote = [reply["local_path"]]
        return reply

    def events(self, leg):
        """Of this leg, in order: BOUND and LOST."""
        return [e["event"] for e in self.control.events
                if e.get("termination") == leg.number and e["event"] in (BOUND, LOST)]

    def wait_events(self, leg, expected):
        wait(lambda: self.events(leg) == expected, what="events %s, not %s" % (
            expected, self.events(leg)))

    def moved(self, leg):
        """The same leg as its peer starts over: a new URI of the peer's, no connection yet."""
        other = msrp.Session(self.local(), leg.remote)
        other.number, other.aor = leg.number, leg.aor
        return other


@pytest.fixture(params=TRANSPORTS)
def switch(request, tmp_path, identity):
    one = Switch(str(tmp_path), request.param, identity)
    yield one
    wrong = one.mrfp.stop()
    one.control.close()
    assert not wrong, "\n".join(wrong)


def line(leg, text):
    return cpim.build(leg.aor, ROOM, text, "text/plain")


def say(leg, text, *receivers):
    assert leg.send(line(leg, text)).status() == 200
    for one in receivers:
        one.wait_message(lambda m: m.complete and m.data.endswith(text.encode()), what=text)


def test_a_bind_may_come_before_the_peers_description(switch):
    # covers: MSRP-054, CMD-008
    bob = switch.bound()
    alice = switch.add(path=False)
    alice.attach(switch.connect())
    first = alice.send(line(alice, "early"))
    if switch.kind == "tls":  # who that is, only the description tells: it is held
        poll(lambda: switch.mrfp.metrics()["mrfp_paused"] == 1, what="the early one is held")
        assert alice.conn.frames == [] and switch.events(alice) == []
    else:
        assert first.status() == 200
    switch.modify(alice, remote_path=alice.local, setup=2,
                  **({"fingerprints": switch.pins} if switch.pins else {}))
    assert first.status() == 200
    bob.wait_message(lambda m: m.complete and m.data.endswith(b"early"))
    say(bob, "back", alice)
    usable(alice)
    switch.wait_events(alice, [BOUND])


def test_an_early_bind_by_somebody_else_does_not_keep_the_place(switch):
    # covers: MSRP-054, MSRP-051
    bob = switch.bound()
    alice = switch.add()
    thief = msrp.Session(switch.local(), alice.remote).attach(switch.connect())
    assert thief.keepalive().status() == 481
    alice.attach(switch.connect()).bind()
    say(alice, "mine", bob)
    switch.wait_events(alice, [BOUND])


def test_two_binds_race_and_one_wins(switch):
    # covers: MSRP-044, MSRP-054
    bob = switch.bound()
    alice = switch.add()
    conns = [switch.connect() for _ in range(4)]
    switch.mrfp.signal(signal.SIGSTOP)
    txs = []
    for conn in conns:
        alice.attach(conn)
        txs.append(alice.keepalive())
    switch.mrfp.signal(signal.SIGCONT)
    assert sorted(t.status() for t in txs) == [200, 506, 506, 506]
    winner = next(t.conn for t in txs if t.status() == 200)
    alice.attach(winner)
    say(alice, "first", bob)
    say(bob, "second", alice)
    switch.wait_events(alice, [BOUND])


def test_a_leg_moves_while_its_old_connection_carries_octets(switch):
    # covers: MSRP-048, MSRP-049, MSRP-076
    bob = switch.bound()
    alice = switch.bound()
    body = line(alice, "x" * 60000)
    head = alice.chunk(body[:20000], 1, len(body), "+", message_id="halfway1")
    rest = alice.chunk(body[20000:], 20001, len(body), "$", message_id="halfway1")
    assert alice.conn.send(head).status() == 200
    bob.wait_message(lambda m: m.chunks, what="the first half")
    old, data = alice.conn, rest.build()
    cut = 0 if switch.kind == "ws" else 3000  # there a message is a whole frame
    if cut:
        old.send_raw(data[:cut])
    other = switch.moved(alice)
    switch.modify(alice, remote_path=other.local, setup=2)
    bob.wait_message(lambda m: m.aborted, what="the abort")
    other.attach(switch.connect()).bind()
    old.send_raw(data[cut:])
    assert old.wait_response(rest.tid).status == 481
    again = alice.keepalive()
    assert again.status() == 481, "the old connection has no session any more"
    assert other.send(body, message_id="halfway1").status() == 200  # it says all of it again
    bob.wait_message(lambda m: m.complete and m.data == body, what="the whole")
    old.close()
    say(bob, "to the new one", other)
    switch.wait_events(alice, [BOUND, BOUND])
    balanced(switch.mrfp.metrics())


@pytest.mark.parametrize("order", ["close-bind", "bind-close"])
def test_the_old_connection_ends_as_the_new_one_binds(switch, order):
    # covers: MSRP-048, MSRP-044
    bob = switch.bound()
    alice = switch.bound()
    other = switch.moved(alice)
    other.attach(switch.connect())
    switch.modify(alice, remote_path=other.local, setup=2)
    switch.mrfp.signal(signal.SIGSTOP)
    if order == "close-bind":
        alice.conn.reset()
        tx = other.keepalive()
    else:
        tx = other.keepalive()
        alice.conn.reset()
    switch.mrfp.signal(signal.SIGCONT)
    assert tx.status() == 200
    say(other, "here", bob)
    say(bob, "there", other)
    switch.wait_events(alice, [BOUND, BOUND])
    balanced(switch.mrfp.metrics())


@pytest.mark.parametrize("order", ["close-bind", "bind-close"])
def test_without_a_new_description_nobody_takes_the_place_of_the_lost(switch, order):
    # covers: MSRP-048, MSRP-044
    bob = switch.bound()
    alice = switch.bound()
    again = switch.connect()
    switch.mrfp.signal(signal.SIGSTOP)
    old = alice.conn
    if order == "close-bind":
        old.reset()
    tid, data = octets(alice)
    again.send_raw(data)
    if order == "bind-close":
        old.reset()
    switch.mrfp.signal(signal.SIGCONT)
    wait(lambda: again.responses(tid) or again.closed, what="a refusal")
    assert [f.status for f in again.responses(tid)] in ([481], [506])
    switch.wait_events(alice, [BOUND, LOST])
    switch.modify(alice, remote_path=alice.local, setup=2)
    alice.attach(switch.connect()).bind()
    say(alice, "back", bob)
    say(bob, "welcome", alice)
    switch.wait_events(alice, [BOUND, LOST, BOUND])
    balanced(switch.mrfp.metrics())


def test_lines_to_a_moving_leg_are_delivered_or_counted(switch):
    # covers: MSRP-048, SW-083
    bob = switch.bound()
    alice = switch.bound()
    alice.conn.auto_answer = False  # nothing is known to have come
    sent = ["%d of the old" % n for n in range(20)]
    for text in sent:
        say(bob, text)
    other = switch.moved(alice)
    switch.modify(alice, remote_path=other.local, setup=2)
    other.attach(switch.connect()).bind()
    say(bob, "of the new", other)
    wait(lambda: sum(e.get("copies_lost", 0) for e in switch.control.events) == 20,
         what="the count of the lost")
    m = balanced(switch.mrfp.metrics())
    assert m.sum("mrfp_copies_settled_total", outcome="lost") == 20
    assert m.sum("mrfp_copies_settled_total", outcome="delivered") == 1


# -- as the active side ---------------------------------------------------------------------------


@pytest.fixture(params=["tcp", "tls"])
def active(request, tmp_path, identity):
    one = Switch(str(tmp_path), request.param, identity)
    yield one
    wrong = one.mrfp.stop()
    one.control.close()
    assert not wrong, "\n".join(wrong)


def listener(switch, port=None):
    return msrp.Listener(port=port, tls=switch.identity.server() if switch.kind == "tls" else None)


def test_a_peer_that_listens_late_is_reached_by_its_next_description(active):
    # covers: MSRP-048, CMD-008
    bob = active.bound()
    late = listener(active)
    place, uri = late.addr, late.uri()
    late.close()
    alice = active.add(local=uri, setup=1)
    active.wait_events(alice, [LOST])
    late = listener(active, place[1])
    late.add(alice)
    active.modify(alice, remote_path=uri, setup=1)
    active.wait_events(alice, [LOST, BOUND])
    assert alice.requests[0].get("Byte-Range") == "1-0/0" and len(late.connections) == 1
    say(bob, "found you", alice)
    say(alice, "at last", bob)
    late.close()


def test_a_new_description_while_the_first_attempt_hangs(active):
    # covers: MSRP-048, CMD-008
    bob = active.bound()
    held, real = [], listener(active)
    silent = loop.Listener(held.append)  # neither handshakes nor answers
    alice = active.add(local=real.uri().replace(":%d/" % real.addr[1], ":%d/" % silent.addr[1]),
                       setup=1)
    wait(lambda: held, what="the first attempt")
    other = msrp.Session(real.uri(), alice.remote)
    other.number, other.aor = alice.number, alice.aor
    real.add(other)
    active.modify(alice, remote_path=other.local, setup=1)
    active.wait_events(alice, [BOUND])
    say(bob, "second", other)
    say(other, "yes", bob)
    active.wait_events(alice, [BOUND])
    silent.close()
    held[0].close()
    real.close()
    balanced(active.mrfp.metrics())


@pytest.mark.parametrize("then", [1, 2])
def test_the_roles_change_while_the_connection_is_up(active, then):
    # covers: MSRP-048, CMD-008
    bob = active.bound()
    here = listener(active)
    alice = active.add(local=here.uri(), setup=3 - then, at=here if then == 2 else None)
    if then == 1:
        alice.attach(active.connect()).bind()
    active.wait_events(alice, [BOUND])
    other = msrp.Session(here.uri(), alice.remote)
    other.number, other.aor = alice.number, alice.aor
    if then == 1:
        here.add(other)
    active.modify(alice, remote_path=other.local, setup=then)
    if then == 2:
        other.attach(active.connect()).bind()
    active.wait_events(alice, [BOUND, BOUND])
    say(bob, "turned", other)
    say(other, "round", bob)
    here.close()


# -- with calls -----------------------------------------------------------------------------------


@pytest.mark.parametrize("secure", [False, True])
def test_media_win_the_race_with_the_ack_and_with_the_200(mrf, ue, room, identity, secure):
    # covers: MSRP-054, CMD-008
    bob = ue("bob").join(room)
    more = {"tls": identity} if secure else {}
    alice = ue("alice", **more)
    alice.call = alice.ua.invite(alice.uri_of(room), alice.offer(), auto_ack=False)
    alice.room = bob.room
    alice.take_answer(alice.call.expect(200).text)
    alice.open_media()
    alice.send_text("before the ACK")
    bob.wait_text("before the ACK")
    alice.call.ack()
    # Called by the focus, carol connects and binds before she answers.
    carol = ue("carol", **({"tls": identity} if secure else {}))
    if not secure:
        status, _ = mrf.api("POST", "/v1/conferences/%s/participants" % room, {
            "uri": "sip:carol@127.0.0.1:%d" % carol.ua.port})
        assert status == 202
        call = carol.wait_invite()
        carol.room = bob.room
        answer = carol.offer(setup="active")
        carol.take_answer(call.offer)
        carol.role = "active"
        carol.open_media()
        early = carol.send("by the name that her answer will bring")
        call.accept(answer)
        assert early.status() == 200
        bob.wait_text("by the name that her answer will bring")
        call.wait_ack()
        fence(carol, alice, bob)
    fence(alice, bob)
    fence(bob, alice)
