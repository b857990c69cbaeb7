# SPDX-License-Identifier: Apache-2.0
"""Ways out: BYE, CANCEL, removal, the end of a conference, and what is left behind: nothing."""

import signal

import pytest

from peer.loop import wait
from peer.servers import poll
from peer.sipcall import bye_reason, substate
from peer.sipmsg import Uri
from peer.ue import fence
from wire import usable


def terminations(net):
    """MSRP sessions that the MRFP holds for the MRFC, as the MRFC counts them."""
    status, doc = net.api("GET", "/v1/mrfps")
    assert status == 200
    return sum(m["terminations"] for m in doc["mrfps"])


def ended(net, room):
    """The conference is gone or going."""
    status, doc = net.api("GET", "/v1/conferences/%s" % room)
    return status == 404 or doc["state"] == "ending"


def wait_session_over(member):
    """Its MSRP session answers 481, or its connection is closed; soon after the call's end."""
    def over():
        if member.conn.closed:
            return True
        tx = member.session.keepalive()
        wait(lambda: tx.answered or member.conn.closed, what="481 or a close")
        return not tx.answered or tx.status() == 481
    poll(over, what="the end of %s's session" % member.name)


def test_who_leaves_is_gone_everywhere(ue, mrf, trio):
    # covers: FOC-017, CONF-013
    room, alice, bob, carol = trio
    watch = alice.subscribe()
    before = terminations(mrf)
    bob.call.bye().expect(200)
    wait_session_over(bob)
    watch.wait(lambda r: bob.aor not in r.connected())
    poll(lambda: terminations(mrf) == before - 1, what="one termination less")
    poll(lambda: bob.aor not in mrf.participants(Uri(room).user) or
         mrf.participants(Uri(room).user)[bob.aor]["state"] == "disconnected")
    fence(alice, carol)
    assert bob.call.request("BYE").final().code == 481


def test_the_conference_ends_with_its_last_member(ue, mrf, room):
    # covers: FOC-019, CONF-006, FOC-001
    alice, bob = ue("alice").join(room), ue("bob").join(room)
    watch = alice.subscribe()
    bob.leave()
    assert not ended(mrf, room)
    usable(alice.session)
    alice.call.bye().expect(200)
    final = watch.sub.wait_terminated()
    assert substate(final)[1]["reason"] == "noresource"
    poll(lambda: mrf.api("GET", "/v1/conferences/%s" % room)[0] == 404, what="the freed URI")
    wait_session_over(alice)


def test_the_creator_may_leave_where_the_last_one_ends_it(ue, mrf):
    # covers: FOC-019a
    alice, bob, carol = ue("alice"), ue("bob"), ue("carol")
    room = alice.create()
    bob.join(room)
    carol.join(room)
    alice.leave()
    fence(bob, carol)
    assert not ended(mrf, Uri(room).user)


def test_the_creator_takes_the_conference_along_in_profile_rfc(ue, strict_mrf):
    # covers: FOC-019a, FOC-019, FOC-020, CONF-006, SW-012
    alice, bob, carol = [ue(n, net=strict_mrf) for n in ("alice", "bob", "carol")]
    room = alice.create()
    bob.join(room)
    carol.join(room)
    watches = [m.subscribe() for m in (bob, carol)]
    bob.leave()
    fence(alice, carol)
    alice.call.bye().expect(200)
    assert bye_reason(carol.call.wait_bye())[:2] == ("SIP", 410)
    assert not bob.call.ended
    for watch in watches:
        final = watch.sub.wait_terminated()
        assert substate(final) == ("terminated", {"reason": "noresource"})
    wait_session_over(carol)
    assert ue("dave", net=strict_mrf).invite(room).expect(404)


def test_the_operator_ends_a_conference(ue, mrf, trio):
    # covers: FOC-019, FOC-020, CONF-006, SW-012
    room, *members = trio
    watches = [m.subscribe() for m in members]
    assert mrf.api("DELETE", "/v1/conferences/%s" % Uri(room).user)[0] == 204
    for member in members:
        proto, cause, text = bye_reason(member.call.wait_bye())
        assert (proto, cause) == ("SIP", 410) and text
    for watch in watches:
        final = watch.sub.wait_terminated()
        assert substate(final) == ("terminated", {"reason": "noresource"})
        if final.body:
            assert watch.update().users == {}
    for member in members:
        wait_session_over(member)
    poll(lambda: mrf.api("GET", "/v1/conferences/%s" % Uri(room).user)[0] == 404)


def test_an_ended_name_begins_anew(ue, mrf, room):
    # covers: FOC-019, FOC-001
    alice, bob = ue("alice").join(room), ue("bob").join(room)
    fence(alice, bob)
    alice.leave()
    bob.leave()
    poll(lambda: mrf.api("GET", "/v1/conferences/%s" % room)[0] == 404)
    carol, dave = ue("carol").join(room), ue("dave").join(room)
    assert set(mrf.participants(room)) == {carol.aor, dave.aor}
    fence(carol, dave)
    assert alice.chats == []


def test_the_operator_removes_a_participant(ue, mrf, trio):
    # covers: FOC-020, FOC-019b, CONF-013
    room, alice, bob, carol = trio
    watch, own = alice.subscribe(), carol.subscribe()
    assert mrf.api("DELETE", "/v1/conferences/%s/participants/%s" % (
        Uri(room).user, carol.aor.replace(":", "%3A").replace("@", "%40")))[0] == 204
    assert bye_reason(carol.call.wait_bye())[:2] == ("SIP", 603)
    assert substate(own.sub.wait_terminated())[0] == "terminated"
    watch.wait(lambda r: carol.aor not in r.connected())
    wait_session_over(carol)
    fence(alice, bob)


def test_a_member_whose_connection_dies_is_let_go(own_mrf, ue, room):
    # covers: FOC-020, CONF-013, MSRP-048
    net = own_mrf(mrfp={"context.grace": "1s"})
    alice, bob = [ue(n, net=net).join(room) for n in ("alice", "bob")]
    watch = alice.subscribe()
    bob.conn.reset()
    assert bye_reason(bob.call.wait_bye(30))[:2] == ("SIP", 408)
    watch.wait(lambda r: bob.aor not in r.connected())
    methods = [u.endpoints[e].disconnection_method for d in documents(watch)
               for u in d.users.values() if u.entity == bob.aor for e in u.endpoints]
    assert set(methods) <= {None, "failed"} and "failed" in methods
    usable(alice.session)


def documents(watch):
    from peer.confinfo import Document
    return [Document(n.body) for n in watch.sub.notifies if n.body]


@pytest.fixture
def frozen(own_mrf):
    """A pair whose MRFP stands still until thaw(): requests wait, the link is not yet lost."""
    net = own_mrf()
    net.freeze = lambda: net.mrfp.signal(signal.SIGSTOP)
    net.thaw = lambda: net.mrfp.signal(signal.SIGCONT)
    yield net
    net.thaw()


def test_a_join_that_waits_can_be_cancelled(frozen, ue, room):
    # covers: FOC-025
    alice, bob = ue("alice", net=frozen).join(room), ue("bob", net=frozen)
    before = terminations(frozen)
    frozen.freeze()
    call = bob.invite(room)
    call.txn.provisional(100)
    assert call.cancel().final().code == 200
    assert call.final().code == 487
    frozen.thaw()
    poll(lambda: terminations(frozen) == before, what="the cancelled termination's end")
    poll(lambda: bob.aor not in frozen.participants(room))
    usable(alice.session)
    bob.join(room)
    fence(alice, bob)


@pytest.mark.parametrize("change", [{"direction": "sendonly"}, {"wrapped": "image/png"}])
def test_a_change_cancelled_while_it_is_applied_is_undone(frozen, ue, room, change):
    # covers: FOC-023
    alice, bob = [ue(name, net=frozen).join(room) for name in ("alice", "bob")]
    watch = alice.subscribe()
    frozen.freeze()
    txn = bob.call.reinvite(bob.offer(new=False, **change))
    txn.provisional(100)
    assert txn.cancel().final().code == 200
    assert txn.final().code == 487
    # until it is undone, another change has to wait
    again = bob.call.reinvite(bob.offer(new=False, **change)).final()
    assert again.code == 500 and 0 <= int(again.get("Retry-After")) <= 10
    frozen.thaw()

    def looked_at():
        code = bob.call.update(bob.offer(new=False, accept_types="foo/bar")).final().code
        assert code in (488, 500)
        return code == 488
    poll(looked_at, what="the end of the cancelled change")
    fence(alice, bob)
    assert not any(b"on-hold" in n.body for n in watch.sub.notifies)


def test_offers_that_overlap(frozen, ue, room):
    # covers: FOC-022
    alice = ue("alice", net=frozen).join(room)
    bob = ue("bob", net=frozen)
    frozen.freeze()
    call = bob.invite(room)
    call.txn.provisional(100)
    # A second offer before the first is answered; alice's own, in her dialog.
    first = alice.call.reinvite(alice.offer(new=False))
    first.provisional(100)
    second = alice.call.reinvite(alice.offer(new=False)).final()
    assert second.code == 500 and int(second.get("Retry-After")) <= 10
    frozen.thaw()
    assert first.final().code == 200
    call.expect(200)
    fence(alice)
    usable(alice.session)


def test_an_unacknowledged_answer_is_repeated(ue, room):
    # covers: FOC-026
    alice = ue("alice")
    call = alice.ua.invite(alice.uri_of(room), alice.offer(), auto_ack=False)
    alice.call = call
    first = call.expect(200)
    wait(lambda: len(alice.ua.seen("in", code=200)) >= 3, what="two repetitions")
    same = alice.ua.seen("in", code=200)
    assert {m.raw for m in same} == {first.raw}
    call.ack()


def test_leaving_before_the_acknowledgement(ue, mrf, room):
    # covers: FOC-017, FOC-026
    alice = ue("alice")
    call = alice.ua.invite(alice.uri_of(room), alice.offer(), auto_ack=False)
    call.expect(200)
    call.bye().expect(200)
    poll(lambda: mrf.api("GET", "/v1/conferences/%s" % room)[0] == 404, what="the end of the room")


def test_requests_follow_the_recorded_route(ue, mrf, room):
    # covers: FOC-029
    alice = ue("alice")
    here = "<sip:%s;lr>" % alice.ua.sent_by
    beyond = "<sip:core.example.com:5060;lr;x=y>"
    alice.join(room, headers=[("Record-Route", here), ("Record-Route", beyond)])
    resp = alice.call.final()
    assert resp.headers.list("Record-Route") == [here, beyond]
    assert mrf.api("DELETE", "/v1/conferences/%s" % room)[0] == 204
    bye = alice.call.wait_bye()
    assert bye.headers.list("Route") == [here, beyond]
    assert bye.uri == alice.ua.contact_uri


def test_a_strict_router_gets_what_it_wants(ue, mrf, room):
    # covers: FOC-029
    alice = ue("alice")
    strict = "sip:%s" % alice.ua.sent_by
    call = alice.ua.invite(alice.uri_of(room), alice.offer(), [("Record-Route", "<%s>" % strict)],
                           auto_ack=False)
    call.expect(200)
    # The router is this terminal itself: hand its ACK on to the focus.
    alice.ua.send(call.build("ACK", cseq=1), mrf.sip, "udp")
    poll(lambda: mrf.participants(room).get(alice.aor, {}).get("state") == "connected")
    assert mrf.api("DELETE", "/v1/conferences/%s" % room)[0] == 204
    bye = call.wait_bye()
    assert bye.uri == strict
    assert bye.headers.list("Route") == ["<%s>" % alice.ua.contact_uri]


def test_a_new_contact_is_where_requests_go_from_then_on(ue, mrf, room):
    # covers: FOC-022, FOC-012
    alice = ue("alice").join(room)
    moved = "sip:alice-moved@%s" % alice.ua.sent_by
    resp = alice.call.reinvite(alice.offer(new=False), [("Contact", "<%s>" % moved)]).expect(200)
    assert "isfocus" in resp.contact.params
    assert mrf.api("DELETE", "/v1/conferences/%s" % room)[0] == 204
    assert alice.call.wait_bye().uri == moved
