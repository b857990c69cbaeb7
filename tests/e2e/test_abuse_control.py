# SPDX-License-Identifier: Apache-2.0
"""What a confused or hostile peer on the control link can do: nothing, but lose its link."""

import socket
import struct

import pytest

from peer.control import COMMANDS, fields_of, frame
from peer.loop import wait
from peer.servers import poll
from peer.ue import fence
from test_attack_chaos import ROOM, Leg, alone  # noqa: F401  (alone is a fixture)

CONTEXT = b"\x44" * 16
OK, UNKNOWN_COMMAND, STALE_EPOCH, UNKNOWN_CONTEXT, UNKNOWN_TERMINATION = 0, 2, 6, 7, 8

KEEPALIVE = frame(COMMANDS["keepalive"], 9)
IMPOSSIBLE = {
    "length 0": struct.pack(">I", 0) + bytes(24),
    "length below a head": struct.pack(">I", 23) + bytes(23),
    "one octet over 1 MiB": struct.pack(">I", (1 << 20) - 3) + KEEPALIVE[4:],
    "4 GiB": struct.pack(">I", 0xffffffff) + KEEPALIVE[4:],
    "version 0": frame(COMMANDS["keepalive"], 9, version=0),
    "version 2": frame(COMMANDS["keepalive"], 9, version=2),
    "command 0": frame(0, 9),
    "command 200": frame(200, 9),
    "an octet left over": struct.pack(">I", len(KEEPALIVE) - 3) + KEEPALIVE[4:] + b"x",
    "a field that passes the end":
        struct.pack(">I", len(KEEPALIVE) + 3) + KEEPALIVE[4:] + struct.pack(">HIB", 0x201, 8, 1),
}


@pytest.mark.parametrize("case", IMPOSSIBLE)
def test_the_mrfp_closes_the_link_and_switches_on(alone, case):  # noqa: F811
    mrfp, control = alone
    legs = [Leg(alone, CONTEXT, n) for n in (1, 2)]
    for leg in legs:
        leg.add()
        leg.connect()
        assert leg.session.keepalive().status() == 200
    before = control.sock
    control.raw(IMPOSSIBLE[case])
    wait(lambda: control.sock is not before, what="the next link")
    poll(lambda: mrfp.metrics().sum("mrfp_control_up") == 1, what="a registration")
    assert mrfp.metrics().sum("mrfp_control_links_broken_total") == 1
    line = legs[0].cpim("still here")
    assert legs[0].session.send(line).status() == 200
    wait(lambda: any(f.body == line for f in legs[1].session.requests), what="the line")
    assert control.ask("keepalive", bytes(16))["code"] == OK


def test_a_request_for_the_other_side_is_refused_and_the_link_lives(alone):  # noqa: F811
    _, control = alone
    before = control.sock
    assert control.ask("notify", CONTEXT, event=1)["code"] == UNKNOWN_COMMAND
    assert control.ask("keepalive", bytes(16))["code"] == OK
    assert control.sock is before


def test_a_repeated_request_has_one_effect_and_the_same_answer(alone):  # noqa: F811
    mrfp, control = alone
    leg = Leg(alone, CONTEXT, 1)
    leg.add()
    number = control.transaction
    fields = dict(epoch=1, termination=2, conference=ROOM, policy=3, uris=["sip:b@example.com"],
                  setup=2, match=1, caps=7, accept_types="message/cpim", new_local=1)
    first = control.ask("add", CONTEXT, **fields)
    number = control.transaction
    for _ in range(3):
        control.raw(frame(COMMANDS["add"], number, CONTEXT, **fields))
        again = wait(lambda: control.replies.pop(number, None), what="the saved answer")
        assert again == first
    metrics = mrfp.metrics()
    assert metrics.sum("mrfp_control_repeats_total") == 3
    assert metrics.sum("mrfp_terminations") == 2
    # Another request with an old number gets the old answer too, and does nothing.
    control.raw(frame(COMMANDS["subtract"], number, CONTEXT, epoch=1))
    assert wait(lambda: control.replies.pop(number, None), what="the saved answer") == first
    assert mrfp.metrics().sum("mrfp_terminations") == 2
    assert control.ask("subtract", CONTEXT, epoch=1)["code"] == OK
    assert mrfp.metrics().sum("mrfp_terminations") == 0


def test_a_second_mrfc_owns_the_rooms_only_with_a_newer_epoch(alone):  # noqa: F811
    mrfp, control = alone
    leg = Leg(alone, CONTEXT, 1)
    leg.add()
    leg.connect()
    assert leg.session.keepalive().status() == 200
    assert control.ask("modify", CONTEXT, epoch=7, policy=3)["code"] == OK
    control.incarnation = 2  # another one answers at the socket from now on
    control.sock.shutdown(socket.SHUT_RDWR)
    poll(lambda: mrfp.metrics().sum("mrfp_control_registrations_total") == 2, what="a new link")
    for command, fields in (("modify", {"policy": 0}), ("subtract", {}),
                            ("subtract", {"termination": 1}),
                            ("add", {"termination": 2, "conference": ROOM}),
                            ("inject", {"content_type": "text/plain", "body": "x"})):
        assert control.ask(command, CONTEXT, epoch=6, **fields)["code"] == STALE_EPOCH
    assert mrfp.metrics().sum("mrfp_terminations_bound") == 1
    assert leg.session.keepalive().status() == 200
    assert control.ask("subtract", CONTEXT, epoch=8)["code"] == OK
    assert mrfp.metrics().sum("mrfp_terminations") == 0


class FakeMrfp:
    """A hostile MRFP: registers with an mrfc; answers what it is asked with `answer`."""

    def __init__(self, path, name="fake"):
        self.sock = socket.socket(socket.AF_UNIX)
        self.sock.connect(path)
        self.sock.settimeout(10)
        self.held, self.transaction, self.ended = b"", 100, False
        self.keepalives = 0
        self.sock.sendall(frame(COMMANDS["service_change"], 1, method=1, mrfp_id=name,
                                mrfp_incarnation=5, version_max=1, msrp="127.0.0.1:9"))
        assert self.reply_to(1)["code"] == OK

    def next(self):
        """(command, flags, transaction, context, fields) of the next frame; None at the end."""
        while len(self.held) < 4 or len(self.held) < 4 + int.from_bytes(self.held[:4], "big"):
            try:
                data = self.sock.recv(65536)
            except ConnectionError:
                data = b""
            if not data:
                self.ended = True
                return None
            self.held += data
        size = 4 + int.from_bytes(self.held[:4], "big")
        data, self.held = self.held[:size], self.held[size:]
        _, command, flags, _, transaction, context = struct.unpack(">BBBBI16s", data[4:28])
        return command, flags, transaction, context, fields_of(data[28:])

    def serve(self, got):
        """Answer a request of the mrfc."""
        command, _, transaction, context, _ = got
        more = {"cursor": 0} if command == COMMANDS["audit"] else {}
        if command == COMMANDS["keepalive"]:
            self.keepalives += 1
        if command == COMMANDS["add"]:
            more = {"local_path": "msrp://127.0.0.1:9/s%d;tcp" % transaction,
                    "address": "127.0.0.1:9"}
        self.raw(frame(command, transaction, context, 1, code=0, **more))

    def raw(self, data):
        try:
            self.sock.sendall(data)
        except OSError:
            self.ended = True

    def reply_to(self, transaction):
        """The reply's fields; None when the link ends first."""
        while True:
            got = self.next()
            if got is None:
                return None
            if got[1] & 1 and got[2] == transaction:
                return got[4]
            if not got[1] & 1:
                self.serve(got)

    def event(self, context, termination, event=1, **fields):
        self.transaction += 1
        self.raw(frame(COMMANDS["notify"], self.transaction, context, event=event,
                       termination=termination, **fields))
        return self.reply_to(self.transaction)

    def settle(self):
        """Some time in which nothing strange comes from us."""
        enough = self.keepalives + 2
        while self.keepalives < enough:
            self.serve(self.next())

    def wait_end(self):
        while not self.ended:
            got = self.next()
            if got and not got[1] & 1:
                self.serve(got)


@pytest.fixture
def focus(own_mrf):
    """An mrfc without mrfp."""
    return own_mrf(start_mrfp=False)


def alive(net):
    assert not net.mrfc.gone
    assert net.api("GET", "/v1/mrfps")[0] == 200


@pytest.mark.parametrize("registered", [False, True])
@pytest.mark.parametrize("case", IMPOSSIBLE)
def test_the_mrfc_closes_the_link_and_lives(focus, case, registered):
    if registered:
        one = FakeMrfp(focus.socket)
        one.raw(IMPOSSIBLE[case])
        one.wait_end()
    else:
        sock = socket.socket(socket.AF_UNIX)
        sock.connect(focus.socket)
        sock.settimeout(10)
        sock.sendall(IMPOSSIBLE[case])
        while True:
            try:
                if not sock.recv(4096):  # a refusal may come first
                    break
            except ConnectionError:
                break
    alive(focus)
    again = FakeMrfp(focus.socket, "other")
    assert again.event(bytes(16), 0, 8, load=1)["code"] == OK


def test_repeated_events_are_answered_as_before(focus):
    one = FakeMrfp(focus.socket)
    one.event(bytes(16), 0, 8, load=1)
    data = frame(COMMANDS["notify"], one.transaction, bytes(16), event=8, load=1)
    before = focus.mrfc.metrics().sum("mrfc_mp_notifies_total", event="load")
    for _ in range(3):
        one.raw(data)
        assert one.reply_to(one.transaction)["code"] == OK
    assert focus.mrfc.metrics().sum("mrfc_mp_notifies_total", event="load") == before


def test_an_mrfp_that_invents_rooms_loses_its_link(focus):
    one = FakeMrfp(focus.socket)
    one.settle()
    for n in range(9):
        assert one.event(bytes([n + 1] * 16), 1)["code"] == UNKNOWN_CONTEXT
    assert focus.mrfc.metrics().sum("mrfc_mp_invented_total") == 9
    one.event(b"\x99" * 16, 1)
    one.wait_end()
    assert focus.mrfc.metrics().sum("mrfc_mp_invented_total") == 10
    alive(focus)
    FakeMrfp(focus.socket)  # it may come back


def test_an_mrfp_that_invents_members_loses_its_link(focus, ue, room):
    one = FakeMrfp(focus.socket)
    alice = ue("alice", net=focus)
    alice.invite(room)
    got = one.next()
    while got[0] != COMMANDS["add"]:
        one.serve(got)
        got = one.next()
    one.serve(got)
    context, number = got[3], got[4]["termination"]
    alice.call.expect(200)
    one.settle()
    assert one.event(context, number)["code"] == OK
    for n in range(9):
        for event in (2, 3, 4):
            if n % 3 == event - 2:
                assert one.event(context, number + 1000 + n, event)["code"] == UNKNOWN_TERMINATION
    assert one.event(context, number)["code"] == OK
    assert list(focus.participants(room)) == [alice.aor]
    one.event(context, number + 5000)
    one.wait_end()
    assert focus.mrfc.metrics().sum("mrfc_mp_invented_total") == 10
    alive(focus)


def test_late_events_about_a_room_that_ended_are_no_inventions(focus, ue, room):
    one = FakeMrfp(focus.socket)
    alice = ue("alice", net=focus)
    alice.invite(room)
    got = one.next()
    while got[0] != COMMANDS["add"]:
        one.serve(got)
        got = one.next()
    one.serve(got)
    context, number = got[3], got[4]["termination"]
    alice.call.expect(200)
    one.settle()
    bye = alice.call.bye()
    got = one.next()
    while got[0] != COMMANDS["subtract"]:
        one.serve(got)
        got = one.next()
    one.serve(got)
    bye.expect(200)
    assert focus.api("DELETE", "/v1/conferences/" + room)[0] in (204, 404)
    poll(lambda: one.event(context, number, 2, cause=1)["code"] == UNKNOWN_CONTEXT, what="its end")
    for _ in range(30):
        assert one.event(context, number, 2, cause=1)["code"] == UNKNOWN_CONTEXT
    assert focus.mrfc.metrics().sum("mrfc_mp_invented_total") == 0


def test_two_real_servers_go_on_after_rubbish_at_the_socket(own_mrf, ue, room):
    net = own_mrf()
    alice, bob = [ue(n, net=net).join(room) for n in ("alice", "bob")]
    for case in IMPOSSIBLE.values():
        sock = socket.socket(socket.AF_UNIX)
        sock.connect(net.socket)
        sock.sendall(case * 3)
        sock.close()
    fence(alice, bob)
    carol = ue("carol", net=net).join(room)
    fence(carol, alice, bob)
