# SPDX-License-Identifier: Apache-2.0
"""The peer library against itself: SIP transactions, dialogs, subscriptions over UDP and TCP."""

import pytest

from peer import sdp, sipmsg
from peer.loop import wait
from peer.sip import SipUA
from peer.sipcall import bye_reason, substate

OFFER = sdp.build([sdp.message_media("msrp://127.0.0.1:7/x;tcp", 7)])


@pytest.fixture(params=["udp", "tcp"])
def uas(request):
    """(alice, bob), each the other's proxy."""
    alice = SipUA("sip:alice@example.com", None, request.param, display="Alice")
    bob = SipUA("sip:bob@example.com", ("127.0.0.1", alice.port), request.param)
    alice.proxy = ("127.0.0.1", bob.port)
    yield alice, bob
    alice.close()
    bob.close()
    assert alice.bad == bob.bad == []


def establish(alice, bob):
    call = alice.invite("sip:bob@example.com", OFFER)
    other = bob.wait_invite()
    assert other.offer == OFFER
    other.ringing()
    call.txn.provisional(180)
    other.accept(OFFER)
    assert call.expect(200).text == OFFER
    other.wait_ack()
    return call, other


def test_a_call_is_set_up_changed_and_ended(uas):
    alice, bob = uas
    call, other = establish(alice, bob)
    txn = call.reinvite(OFFER)
    other.wait_request("INVITE").respond(488)
    assert txn.final().code == 488
    txn = call.reinvite(OFFER)
    wait(lambda: len(other.requests) == 3, what="the re-INVITE that nobody answers yet")
    other.answer_offers(lambda text: OFFER)
    assert txn.final().code == 200 and [r.code for r in other.txn.responses] == [100, 180, 200]
    assert call.reinvite(OFFER).final().code == 200
    assert call.update(OFFER).final().code == 200
    txn = other.reinvite(OFFER)
    call.wait_request("INVITE").respond(200, body=OFFER, content_type="application/sdp")
    assert txn.final().code == 200
    call.bye([("Reason", 'SIP;cause=603;text="Out"')]).expect(200)
    assert bye_reason(other.wait_bye()) == ("SIP", 603, "Out")


def test_reject_and_cancel(uas):
    alice, bob = uas
    call = alice.invite("sip:bob@example.com", OFFER)
    bob.wait_invite().reject(486)
    assert call.final().code == 486
    call = alice.invite("sip:bob@example.com", OFFER)
    other = bob.wait_invite()
    other.ringing()
    call.txn.provisional(180)
    assert call.cancel().final().code == 200
    assert call.final().code == 487
    other.wait_cancel()


def test_subscription_and_referral(uas):
    alice, bob = uas
    for use in (alice.subscribe("sip:bob@example.com"),
                alice.refer("sip:bob@example.com", "sip:carol@example.com")):
        txn = bob.wait_request(use.txn.request.method)
        txn.respond(202)
        use.expect(202)
        req = txn.request
        note = bob.new_request("NOTIFY", req.contact.uri, [
            ("From", "%s;tag=%s" % (req.get("To"), txn.to_tag)), ("To", req.get("From")),
            ("Event", use.event), ("Subscription-State", "terminated;reason=noresource")],
            b"SIP/2.0 200 OK\r\n", call_id=req.call_id, content_type="message/sipfrag")
        assert bob.start(note).final().code == 200
        assert substate(use.wait_terminated()) == ("terminated", {"reason": "noresource"})


def test_requests_out_of_dialog_and_malformed(uas):
    alice, bob = uas
    assert alice.request("OPTIONS", "sip:bob@example.com").final().code == 200
    bye = alice.request("BYE", "sip:bob@example.com", [("To", "<sip:bob@example.com>;tag=x")])
    assert bye.final().code == 481
    alice.send_raw(b"rubbish\r\n\r\n")
    wait(lambda: bob.bad, what="the rubbish")
    if alice.transport == "tcp":
        alice.streams[0].wait_closed()
    alice.request("OPTIONS", "sip:bob@example.com").final()
    assert len(bob.bad) == 1
    bob.bad.clear()


def test_headers_are_read_in_all_their_forms():
    raw = (b"INVITE sip:r@h SIP/2.0\r\nv: SIP/2.0/UDP a;branch=z9hG4bK1, SIP/2.0/UDP b\r\n"
           b'f: "A \\" , B" <sip:a@x;p=1>;tag=t\r\nTo: sip:r@h;tag=q\r\ni: c1\r\n'
           b"Subject: two\r\n lines\r\nCSeq: 7 INVITE\r\nm: <sip:a@[::1]:5060>;isfocus\r\n"
           b"l: 3\r\n\r\nabcEXTRA")
    msg, used = sipmsg.parse(raw)
    assert used == len(raw) - 5 and msg.body == b"abc" and msg.via_branch == "z9hG4bK1"
    assert (msg.from_.uri, msg.from_.tag, msg.to.tag) == ("sip:a@x;p=1", "t", "q")
    assert msg.get("subject") == "two lines" and msg.cseq == (7, "INVITE")
    uri = sipmsg.Uri(msg.contact.uri)
    assert (uri.host, uri.port, msg.contact.params) == ("::1", 5060, {"isfocus": None})
    ctype, body = sipmsg.multipart([("application/sdp", [], OFFER), ("text/plain", [], "x")])
    part = sipmsg.find_part(ctype, body, "application/sdp")
    assert part.decode() == OFFER
