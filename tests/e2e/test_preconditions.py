# SPDX-License-Identifier: Apache-2.0
"""Preconditions (RFC 3312) as VoLTE terminals use them: resources first, then the session."""

import pytest

from peer import sdp
from peer.loop import wait
from peer.servers import poll
from peer.ue import fence
from test_focus_dialout import dial, state_of, target_of

NOTHING = ["a=curr:qos local none", "a=curr:qos remote none",
           "a=des:qos mandatory local sendrecv", "a=des:qos optional remote sendrecv"]
RESERVED = ["a=curr:qos local sendrecv", "a=curr:qos remote sendrecv",
            "a=des:qos mandatory local sendrecv", "a=des:qos optional remote sendrecv"]
REQUIRED = [("Require", "100rel, precondition"), ("Supported", "timer")]
SUPPORTED = [("Supported", "timer, 100rel, precondition")]


def qos(text):
    return [line for line in text.split("\r\n") if line[:7] in ("a=curr:", "a=des:q", "a=conf:")]


def version(text):
    """The session version of the o= line."""
    return int(text.split("o=")[1].split()[2])


def provisional(call, code):
    return wait(lambda: next((r for r in call.txn.responses if r.code == code), None), 10,
                "a %d" % code)


@pytest.fixture
def caller(ue, room):
    """A function: (alice, her call), who has no resources yet."""
    def make(headers=SUPPORTED, lines=NOTHING):
        alice = ue("alice")
        alice.room = alice.uri_of(room)
        call = alice.invite(room, headers=headers, extra=lines)
        return alice, call
    return make


@pytest.mark.parametrize("headers", [REQUIRED, SUPPORTED])
def test_a_caller_reserves_first_and_is_in_then(caller, ue, mrf, room, headers):
    # covers: IMS-016, OA-005, OA-006
    alice, call = caller(headers)
    early = provisional(call, 183)
    assert {"100rel", "precondition"} <= set(early.headers.tokens("Require"))
    assert early.get("RSeq") and "isfocus" in early.contact.params
    assert qos(early.text) == ["a=curr:qos local sendrecv", "a=curr:qos remote none",
                               "a=des:qos optional local sendrecv",
                               "a=des:qos mandatory remote sendrecv",
                               "a=conf:qos remote sendrecv"]
    alice.take_answer(early.text)
    assert alice.answer.address(alice.answer.msg) == mrf.msrp
    assert call.prack(early).final().code == 200
    # Not in before the resources are: nobody is told so.
    assert state_of(mrf, room, alice.aor) in (None, "dialing-in")
    assert not [r for r in call.txn.responses if r.code >= 180 and r.code != 183]
    done = call.update(alice.offer(new=False, extra=RESERVED), [("Require", "precondition")])
    answer = done.expect(200)
    assert qos(answer.text) == ["a=curr:qos local sendrecv", "a=curr:qos remote sendrecv",
                                "a=des:qos optional local sendrecv",
                                "a=des:qos mandatory remote sendrecv"]
    assert version(answer.text) == version(early.text) + 1
    final = call.expect(200)
    assert not final.body and "isfocus" in final.contact.params
    alice.open_media()
    bob = ue("bob").join(room)
    fence(alice, bob)
    fence(bob, alice)
    # The session that came of it is like any other.
    again = call.reinvite(alice.offer(new=False)).expect(200)
    assert qos(again.text) == [] and version(again.text) > version(answer.text)
    alice.leave()


def test_the_offer_may_come_in_the_prack(caller, ue, room):
    # covers: IMS-016, OA-006
    alice, call = caller()
    early = provisional(call, 183)
    alice.take_answer(early.text)
    answer = call.prack(early, alice.offer(new=False, extra=RESERVED)).expect(200)
    assert "a=curr:qos remote sendrecv" in qos(answer.text)
    assert not call.expect(200).body
    alice.open_media()
    fence(alice, ue("bob").join(room))


def test_in_two_steps(caller, ue, room):
    # covers: IMS-016
    """An UPDATE that does not bring all resources is answered, and another one may follow."""
    alice, call = caller()
    early = provisional(call, 183)
    alice.take_answer(early.text)
    call.prack(early).expect(200)
    half = ["a=curr:qos local send", *NOTHING[1:]]
    answer = call.update(alice.offer(new=False, extra=half)).expect(200)
    assert "a=conf:qos remote send" in qos(answer.text)
    assert not [r for r in call.txn.responses if r.code >= 200]
    call.update(alice.offer(new=False, extra=RESERVED)).expect(200)
    call.expect(200)
    alice.open_media()
    fence(alice, ue("bob").join(room))


@pytest.mark.parametrize("headers, lines", [
    (REQUIRED, RESERVED),
    (SUPPORTED, ["a=curr:qos local none", "a=des:qos optional local sendrecv"]),
    ([("Supported", "precondition")], NOTHING),  # no reliable answer to be had: go on without
    ([], NOTHING), (SUPPORTED, [])])
def test_who_need_not_wait_gets_200_at_once(caller, ue, room, headers, lines):
    # covers: IMS-016, OA-005
    alice, call = caller(headers, lines=lines)
    final = call.expect(200)
    assert bool(qos(final.text)) == bool(lines)
    assert not [line for line in qos(final.text) if line.startswith("a=conf")]
    assert "precondition" in final.headers.tokens("Supported")
    assert [r.code for r in call.txn.responses] == [100, 200]
    alice.take_answer(final.text)
    alice.open_media()
    fence(alice, ue("bob").join(room))


def test_a_caller_who_gives_up_leaves_nothing(caller, mrf, room):
    # covers: IMS-016, FOC-025
    alice, call = caller()
    early = provisional(call, 183)
    call.prack(early).expect(200)
    call.cancel()
    assert call.final().code == 487
    poll(lambda: mrf.api("GET", "/v1/conferences/" + room)[0] == 404 or
         not [p for p in mrf.participants(room).values() if p["state"] != "disconnected"])


def test_resources_that_break_the_session_are_refused_and_may_be_offered_anew(caller, ue, room):
    # covers: IMS-016
    alice, call = caller()
    early = provisional(call, 183)
    alice.take_answer(early.text)
    call.prack(early).expect(200)
    assert call.update(alice.offer(new=False, extra=RESERVED, accept_types="text/plain")) \
        .final().code == 488
    call.update(alice.offer(new=False, extra=RESERVED)).expect(200)
    call.expect(200)
    alice.open_media()
    fence(alice, ue("bob").join(room))


def test_an_offer_before_the_prack_is_too_early(caller):
    # covers: IMS-016, OA-006
    alice, call = caller()
    early = provisional(call, 183)
    call.learn(early, True)
    assert call.update(alice.offer(new=False, extra=RESERVED)).final().code == 500
    call.prack(early).expect(200)
    call.update(alice.offer(new=False, extra=RESERVED)).expect(200)
    call.expect(200)


def test_the_rfc_profile_has_none_of_it(strict_mrf, ue, room):
    # covers: OA-005
    assert strict_mrf.api("POST", "/v1/conferences", {"name": room})[0] == 201
    alice = ue("alice", strict_mrf)
    refused = alice.invite(room, headers=REQUIRED, extra=NOTHING).final()
    assert refused.code == 420 and "precondition" in refused.headers.tokens("Unsupported")
    alice.join(room, headers=[("Supported", "precondition")], extra=NOTHING)
    assert qos(alice.call.expect(200).text) == []
    assert "precondition" not in alice.call.expect(200).headers.tokens("Supported")


def called(ue, mrf, room):
    alice, carol = ue("alice").join(room), ue("carol")
    carol.aor = target_of(carol)
    dial(mrf, room, carol.aor)
    call = carol.wait_invite()
    carol.room = alice.room
    return alice, carol, call


def early_answer(carol, call, lines):
    """183 with the answer, reliably; returns the PRACK's transaction."""
    text = carol.offer(setup="active", extra=lines)
    carol.take_answer(call.offer)
    carol.role = "active"
    call.txn.respond(183, headers=[("Require", "100rel, precondition"), ("RSeq", "77"),
                                   ("Allow", "INVITE, ACK, BYE, PRACK, UPDATE")],
                     body=text, content_type="application/sdp")
    return call.wait_request("PRACK")


def test_a_callee_that_reserves_answers_early(ue, mrf, room):
    # covers: IMS-016, OA-006
    """Our offer has no preconditions, the callee's answer in the 183 has; its 200 is without SDP."""
    alice, carol, call = called(ue, mrf, room)
    assert {"100rel", "precondition"} <= set(call.invite.headers.tokens("Supported"))
    assert qos(call.offer) == []
    offers = []

    def on_offer(text):
        offers.append(text)
        return carol.offer(new=False, setup="active", extra=RESERVED)
    call.on_offer = on_offer
    prack = early_answer(carol, call, NOTHING + ["a=conf:qos remote sendrecv"]).request
    assert prack.get("RAck").split()[0] == "77"
    # It asked for our resources: they are there, and it is told.
    update = call.wait_request("UPDATE").request
    assert qos(update.text)[:2] == ["a=curr:qos local sendrecv", "a=curr:qos remote none"]
    assert version(update.text) == version(call.offer) + 1
    wait(lambda: offers, 10, "the offer of the UPDATE")
    call.ringing()
    call.txn.respond(200)
    call.wait_ack()
    carol.open_media()
    fence(carol, alice)
    fence(alice, carol)
    carol.leave()


def test_a_callee_that_asks_for_nothing_gets_no_update(ue, mrf, room):
    # covers: IMS-016
    alice, carol, call = called(ue, mrf, room)
    early_answer(carol, call, ["a=curr:qos local none", "a=curr:qos remote sendrecv",
                               "a=des:qos mandatory local sendrecv",
                               "a=des:qos mandatory remote sendrecv"])
    call.ringing()
    call.txn.respond(200)
    call.wait_ack()
    carol.open_media()
    fence(carol, alice)
    assert not [t for t in call.requests if t.request.method == "UPDATE"]
    carol.leave()
