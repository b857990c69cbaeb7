# SPDX-License-Identifier: Apache-2.0
"""Several next hops: the one that answers takes the calls, and its death costs less than a second.

A hop here is a terminal of the tests: what it gets as OPTIONS it answers, unless told not to.
"""

import socket
import time

import pytest

from peer import ports
from peer.loop import wait
from peer.servers import poll
from peer.sip import SipUA
from peer.sipmsg import NameAddr
from peer.ue import fence
from test_focus_dialout import dial, state_of

FAST = {"sip.probe_interval": "300ms", "sip.hop_timeout": "400ms"}


def hop_state(net, hop):
    return net.mrfc.metrics().get('mrfc_hop_up{hop="%s"}' % hop)


def wait_up(net, *hops):
    poll(lambda: all(hop_state(net, h) == 1 for h in hops), 15, "hops up")


def wait_down(net, hop):
    poll(lambda: hop_state(net, hop) == 0, 15, "hop down")


class Deaf:
    """Takes datagrams and connections, and never says a word."""

    def __init__(self, transport):
        self.transport = transport
        kind = socket.SOCK_DGRAM if transport == "udp" else socket.SOCK_STREAM
        self.sock = socket.socket(socket.AF_INET, kind)
        self.sock.bind(("127.0.0.1", 0))
        if transport == "tcp":
            self.sock.listen(5)
        self.name = "127.0.0.1:%d" % self.sock.getsockname()[1]

    def close(self):
        self.sock.close()


@pytest.fixture
def deaf():
    made = []

    def make(transport):
        made.append(Deaf(transport))
        return made[-1]
    yield make
    for one in made:
        one.close()


def route_of(ua, transport="udp"):
    return "sip:%s%s;lr" % (ua.sent_by, ";transport=tcp" if transport == "tcp" else "")


@pytest.mark.alone
@pytest.mark.parametrize("transport", ["udp", "tcp"])
def test_a_call_goes_on_to_the_next_hop_when_the_first_is_dead(own_mrf, ue, deaf, room, transport):
    # covers: IMS-029
    """Refused (nobody listens) or unanswered (a machine that hangs): the second has it in 1 s."""
    net = own_mrf()
    second = ue("second", net)
    for dead in ("127.0.0.1:%d" % ports.take(), deaf(transport).name):
        net = own_mrf(mrfc={"sip.probe_interval": 0, "sip.outbound_proxy": "sip:%s;transport=%s,%s" % (
            dead, transport, route_of(second.ua, transport))})
        ue("alice", net).join(room)
        began = time.monotonic()
        dial(net, room, "sip:carol@elsewhere.example")
        inv = second.wait_invite().invite
        assert time.monotonic() - began < 1.0
        assert inv.uri == "sip:carol@elsewhere.example"
        assert NameAddr(inv.headers.all("Route")[0]).uri == route_of(second.ua, transport)
        assert inv.cseq[0] == second.call.invite.cseq[0] >= 1
        second.accept()
        fence(second, ue("bob", net).join(room))
        assert hop_state(net, dead) == 0
        events = net.mrfc.metrics()
        assert events['mrfc_hop_events_total{hop="%s",what="failover"}' % dead] == 1
        second.leave()


def test_an_invite_that_a_hop_had_already_keeps_its_number(own_mrf, ue, room):
    # covers: IMS-029
    """Same Call-ID, From tag and CSeq, another branch: a callee that gets both sees one call."""
    net = own_mrf()
    first, second = ue("first", net), ue("second", net)
    first.ua.auto["INVITE"] = lambda txn: None
    net = own_mrf(mrfc={**FAST, "sip.outbound_proxy": "%s,%s" % (
        first.ua.sent_by, second.ua.sent_by)})
    wait_up(net, first.ua.sent_by, second.ua.sent_by)
    ue("alice", net).join(room)
    dial(net, room, "sip:carol@elsewhere.example")
    one, two = first.wait_invite(), second.wait_invite().invite
    for name in ("Call-ID", "CSeq", "From", "Contact"):
        assert one.invite.get(name) == two.get(name)
    assert one.invite.via_branch != two.via_branch
    second.accept()
    poll(lambda: state_of(net, room, "sip:carol@elsewhere.example") == "connected")
    # The first comes back to life: its call is taken back as soon as it says anything.
    one.ringing(183)
    one.wait_cancel()
    assert one.txn.wait_ack()


def test_who_takes_the_call_of_a_hop_given_up_is_hung_up_on(own_mrf, ue, room):
    # covers: IMS-029
    net = own_mrf()
    first, second = ue("first", net), ue("second", net)
    first.ua.auto["INVITE"] = lambda txn: None
    net = own_mrf(mrfc={**FAST, "sip.outbound_proxy": "%s,%s" % (
        first.ua.sent_by, second.ua.sent_by)})
    wait_up(net, first.ua.sent_by)
    alice = ue("alice", net).join(room)
    dial(net, room, "sip:carol@elsewhere.example")
    one = first.wait_invite()
    second.wait_invite()
    second.accept()
    one.accept(first.offer(setup="active"))
    assert one.wait_ack()
    one.wait_bye()
    fence(second, alice)
    assert len(net.participants(room)) == 2


def test_a_hop_that_says_503_itself_is_not_the_last_word(own_mrf, ue, room):
    # covers: IMS-029
    net = own_mrf()
    first, second = ue("first", net), ue("second", net)
    first.ua.auto["INVITE"] = lambda txn: txn.respond(503)
    net = own_mrf(mrfc={**FAST, "sip.outbound_proxy": "%s,%s" % (
        first.ua.sent_by, second.ua.sent_by)})
    ue("alice", net).join(room)
    dial(net, room, "sip:carol@elsewhere.example")
    second.wait_invite().reject(503)
    poll(lambda: state_of(net, room, "sip:carol@elsewhere.example") == "disconnected")
    person = net.participants(room)["sip:carol@elsewhere.example"]
    assert person["cause"] == 503
    assert len(first.ua.seen(method="INVITE")) == 1


@pytest.mark.alone
def test_probes_find_a_dead_hop_and_its_return(own_mrf, ue, room):
    # covers: IMS-029
    net = own_mrf()
    first, second = ue("first", net), ue("second", net)
    net = own_mrf(mrfc={**FAST, "sip.outbound_proxy": "%s,%s" % (
        first.ua.sent_by, second.ua.sent_by)})
    wait_up(net, first.ua.sent_by, second.ua.sent_by)
    probe = first.ua.seen(method="OPTIONS")[0]
    assert probe.get("Max-Forwards") and probe.uri == "sip:%s" % first.ua.sent_by
    ue("alice", net).join(room)
    first.ua.auto["OPTIONS"] = lambda txn: None
    wait_down(net, first.ua.sent_by)
    began = time.monotonic()
    dial(net, room, "sip:carol@elsewhere.example")
    second.wait_invite()
    assert time.monotonic() - began < 0.3 and not first.ua.seen(method="INVITE")
    second.call.reject(486)
    # Drained by its operator: 503 to OPTIONS is as good as silence.
    first.ua.auto["OPTIONS"] = lambda txn: txn.respond(503)
    count = len(first.ua.seen(method="OPTIONS"))
    wait(lambda: len(first.ua.seen(method="OPTIONS")) > count + 1, 10, "more probes")
    assert hop_state(net, first.ua.sent_by) == 0
    first.ua.auto["OPTIONS"] = lambda txn: txn.respond(405)
    wait_up(net, first.ua.sent_by)
    dial(net, room, "sip:dave@elsewhere.example")
    first.wait_invite().reject(486)


def test_hops_of_one_priority_take_turns(own_mrf, ue, room):
    # covers: IMS-029
    net = own_mrf()
    hops = [ue("hop%d" % i, net) for i in range(3)]
    for hop in hops:
        hop.ua.auto["INVITE"] = lambda txn: txn.respond(486)
    net = own_mrf(mrfc={**FAST, "sip.outbound_proxy": "%s;priority=9,%s;priority=1,%s;priority=1" % tuple(
        hop.ua.sent_by for hop in hops)})
    wait_up(net, *(hop.ua.sent_by for hop in hops))
    ue("alice", net).join(room)
    for i in range(6):
        uri = "sip:callee%d@elsewhere.example" % i
        dial(net, room, uri)
        poll(lambda: state_of(net, room, uri) == "disconnected", what="the refusal")
    assert [len(hop.ua.seen(method="INVITE")) for hop in hops] in ([0, 2, 4], [0, 3, 3], [0, 4, 2])


def test_a_connection_to_a_hop_is_used_again(own_mrf, ue, room):
    # covers: IMS-029
    net = own_mrf()
    hop = ue("hop", net)
    hop.ua.auto["INVITE"] = lambda txn: txn.respond(486)
    net = own_mrf(mrfc={**FAST, "sip.outbound_proxy": route_of(hop.ua, "tcp")})
    wait_up(net, hop.ua.sent_by)
    ue("alice", net).join(room)
    for i in range(5):
        uri = "sip:callee%d@elsewhere.example" % i
        dial(net, room, uri)
        poll(lambda: state_of(net, room, uri) == "disconnected", what="the refusal")
    wait(lambda: len(hop.ua.seen(method="OPTIONS")) > 3, 10, "probes")
    assert len(hop.ua.streams) == 1
    # It breaks: the next call opens another.
    hop.ua.streams[0].close()
    dial(net, room, "sip:last@elsewhere.example")
    poll(lambda: state_of(net, room, "sip:last@elsewhere.example") == "disconnected")
    assert hop.ua.seen(method="INVITE")[-1].uri == "sip:last@elsewhere.example"


def test_what_only_our_own_network_may_know_stays_in_it(own_mrf, ue, room):
    # covers: IMS-031, FOC-029, IMS-002
    """The service is asserted to a trusted hop; the same call through another one says nothing."""
    net = own_mrf()
    inside, outside = ue("inside", net), ue("outside", net, host="127.0.0.2")
    net = own_mrf(mrfc={"sip.trusted": "127.0.0.1", "sip.probe_interval": 0,
                        "sip.outbound_proxy": "%s,%s" % (inside.ua.sent_by, outside.ua.sent_by)})
    ue("alice", net).join(room, headers=[
        ("P-Charging-Function-Addresses", "ccf=192.0.2.7"),
        ("P-Access-Network-Info", "3GPP-E-UTRAN-FDD;utran-cell-id-3gpp=23415D0FCE11")])
    inside.ua.auto["INVITE"] = lambda txn: txn.respond(503)
    dial(net, room, "sip:carol@elsewhere.example")
    seen = outside.wait_invite().invite
    told = inside.ua.seen(method="INVITE")[0]
    assert told.get("P-Asserted-Service") == "urn:urn-7:3gpp-service.ims.icsi.oma.cpm.session.group"
    for name in ("P-Asserted-Service", "P-Charging-Function-Addresses", "P-Access-Network-Info"):
        assert name not in seen.headers
    assert "P-Access-Network-Info" not in told.headers
    outside.call.reject(486)
