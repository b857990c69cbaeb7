# SPDX-License-Identifier: Apache-2.0
"""Calls of the focus and REFERs under way when the mrfc is killed: nobody waits for ever."""

import pytest

from peer.confinfo import Document
from peer.loop import LOOP, wait
from peer.recovery import follow, reconnect, restart, states, up
from peer.servers import poll
from peer.sipcall import bye_reason, substate
from peer.ue import fence
from test_recovery import durable  # noqa: F401
from test_store import Outage


class Asker:
    """A member with a REFER for somebody, in his call's dialog or in one of its own.

    deaf: NOTIFYs get no answer.
    """

    def __init__(self, member, target, inside, deaf=False):
        self.member, self.inside, self.deaf = member, inside, deaf
        with LOOP.cond:
            if inside:
                usual = member.ua.answer_by_itself
                member.ua.answer_by_itself = lambda txn, *more: \
                    None if self.deaf and txn.request.method == "NOTIFY" else usual(txn, *more)
                txn = member.call.refer(target)
            else:
                txn = self.own = member.ua.refer(member.room, target)
                self.own.answer = lambda t: None if self.deaf else t.respond(200)
        txn.expect(202)

    @property
    def notifies(self):
        if not self.inside:
            return self.own.notifies
        return [t.request for t in self.member.call.requests if t.request.method == "NOTIFY"]

    def outcomes(self):
        """(status line, CSeq) of NOTIFYs that end the subscription."""
        return [(n.text.split("\r\n")[0], n.cseq[0]) for n in self.notifies
                if substate(n)[0] == "terminated"]

    def wait_outcome(self):
        return wait(lambda: (self.outcomes() or [None])[0], 15, "the outcome of a REFER",
                    lambda: self.notifies)


@pytest.fixture(params=[True, False], ids=["in the call", "of its own"])
def inside(request):
    return request.param


def ring(net, room, callee):
    call = callee.wait_invite()
    call.ringing()
    net.wait_participants(room, lambda p: "alerting" in [e["state"] for e in p.values()])
    return call


def test_who_referred_is_told_that_the_call_was_cut_off(durable, ue, room, inside):  # noqa: F811
    # covers: FOC-030, REF-006
    net = durable()
    alice, dave, bob = ue("alice", net=net).join(room), ue("dave", net=net).join(room), \
        ue("bob", net=net)
    asker = Asker(alice, bob.ua.contact_uri, inside)
    ring(net, room, bob)
    before = max(n.cseq[0] for n in asker.notifies)
    restart(net)
    line, cseq = asker.wait_outcome()
    assert line == "SIP/2.0 503 Service Unavailable" and cseq > before
    fence(alice, dave)
    restart(net)  # it was answered: nothing is said twice
    fence(dave, alice)
    assert len(asker.outcomes()) == 1


def test_an_outcome_that_was_not_told_yet_is_told(durable, ue, room, inside):  # noqa: F811
    # covers: FOC-030, REF-006
    net = durable()
    alice, bob = ue("alice", net=net).join(room), ue("bob", net=net)
    asker = Asker(alice, bob.ua.contact_uri, inside, deaf=True)
    bob.wait_invite()
    bob.accept()
    fence(bob, alice)  # in, but the first NOTIFY has no answer yet
    assert asker.outcomes() == []
    net.mrfc.kill()
    asker.deaf = False
    net.start_mrfc()
    assert asker.wait_outcome()[0] == "SIP/2.0 200 OK"
    fence(alice, bob)


@pytest.mark.parametrize("first", ["mrfc", "mrfp"])
def test_who_was_called_and_has_his_ack_is_a_member_whatever_dies(durable, ue, room, first):  # noqa: F811
    # covers: FOC-030, IMS-005
    net = durable()
    alice, bob = follow(ue("alice", net=net).join(room)), ue("bob", net=net)
    net.api("POST", "/v1/conferences/%s/participants" % room, {"uri": bob.ua.contact_uri})
    bob.wait_invite()
    bob.accept(connect=False)  # has the ACK
    for server in (net.mrfc, net.mrfp) if first == "mrfc" else (net.mrfp, net.mrfc):
        server.kill()
    follow(bob)
    net.start_mrfc()
    net.start_mrfp(up=False)
    up(net)
    for member in (alice, bob):
        reconnect(member)
    (uri,) = [u for u in net.participants(room) if u != alice.aor]
    assert net.participants(room)[uri]["member"] == "in"
    fence(alice, bob)


def test_a_call_that_was_not_stored_is_not_made(durable, ue, room):  # noqa: F811
    # covers: FOC-030, REF-006
    net = durable()
    alice, dave, bob = ue("alice", net=net).join(room), ue("dave", net=net).join(room), \
        ue("bob", net=net)
    fence(alice, dave)
    outage = Outage(net, "full")
    asker = Asker(alice, bob.ua.contact_uri, False)
    assert asker.wait_outcome()[0] == "SIP/2.0 503 Service Unavailable"
    assert bob.ua.incoming == []
    outage.end()
    net.mrfc.wait_metric(lambda m: m["mrfc_store_up"] == 1)
    Asker(alice, bob.ua.contact_uri, False)
    bob.wait_invite()
    bob.accept()
    fence(bob, alice, dave)


def test_the_roster_tells_that_a_call_failed(durable, ue, room):  # noqa: F811
    # covers: FOC-030
    net = durable()
    alice, bob = ue("alice", net=net).join(room), ue("bob", net=net)
    watch = alice.subscribe(expires=600)
    net.api("POST", "/v1/conferences/%s/participants" % room, {"uri": bob.ua.contact_uri})
    call = ring(net, room, bob)
    restart(net)
    seen = watch.sub.wait_notify(lambda n: b"failed" in n.body)
    (user,) = [u for u in Document(seen.body).users.values() if u.entity != alice.aor]
    (end,) = user.endpoints.values()
    assert (end.status, end.disconnection_method) == ("disconnected", "failed")
    assert "alerting" not in states(net, room).values()
    transport, _, stream = call.invite.source
    call.invite.source = (transport, net.sip, stream)
    call.accept(bob.offer(setup="active"))
    call.wait_ack()
    assert bye_reason(call.wait_bye())[1] == 487
    poll(lambda: net.mrfp.metrics().sum("mrfp_terminations") == 1, what="its termination's end")
