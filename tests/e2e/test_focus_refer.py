# SPDX-License-Identifier: Apache-2.0
"""REFER to the focus: bring somebody in, remove somebody, end the conference; who may, who is told."""

import pytest

from peer.loop import LOOP, wait
from peer.servers import poll
from peer.sipcall import bye_reason, substate
from peer.sipmsg import Uri
from peer.ue import fence
from test_focus_leave import documents, wait_session_over

FRAG = "message/sipfrag"


@pytest.fixture
def party(ue, mrf):
    """(room URI, alice who made it, bob)."""
    alice, bob = ue("alice"), ue("bob")
    room = alice.create()
    bob.join(room)
    return room, alice, bob


@pytest.fixture
def carol(ue):
    """Somebody outside, with an AOR that reaches her terminal."""
    member = ue("carol")
    member.aor = member.ua.contact_uri
    return member


def fragment(notify):
    """(status line, state, parameters) of a NOTIFY about a REFER, its form checked."""
    assert notify.get("Event").partition(";")[0] == "refer"
    assert notify.content_type == FRAG
    assert "version=2.0" in notify.get("Content-Type").replace(" ", "")
    assert "isfocus" in notify.contact.params
    return (notify.text.split("\r\n")[0], *substate(notify))


def test_a_member_brings_somebody_in(party, carol):
    # covers: REF-001, REF-002, REF-004, REF-005, REF-006, CONF-012
    room, alice, bob = party
    watch = bob.subscribe()
    referral = alice.ua.refer(room, "<%s;method=INVITE>" % carol.aor)
    resp = referral.expect(202)
    assert "isfocus" in resp.contact.params
    line, state, params = fragment(referral.wait_notify())
    assert line == "SIP/2.0 100 Trying" and state == "active" and int(params["expires"]) > 0
    inv = carol.wait_invite().invite
    assert inv.uri == carol.aor and inv.from_.uri == room
    assert inv.get("P-Asserted-Identity").strip("<>") == room
    assert inv.get("Referred-By") == "<%s>" % alice.aor
    assert "isfocus" in inv.contact.params and carol.call.offer
    carol.accept()
    final = referral.wait_terminated()
    assert fragment(final) == ("SIP/2.0 200 OK", "terminated", {"reason": "noresource"})
    roster = watch.wait(lambda r: carol.aor in r.connected())
    (end,) = roster.users[carol.aor]["endpoints"].values()
    assert end["joining_method"] == "dialed-out" and end["joined_by"] == alice.aor
    fence(carol, alice, bob)
    fence(alice, carol, bob)


def test_the_method_is_invite_when_none_is_named(party, carol):
    # covers: REF-004, REF-006
    room, alice, _ = party
    referral = alice.ua.refer(room, carol.aor)
    referral.expect(202)
    carol.wait_invite().reject(486)
    final = referral.wait_notify(lambda n: substate(n)[0] == "terminated")
    assert fragment(final) == ("SIP/2.0 486 Busy Here", "terminated", {"reason": "noresource"})


@pytest.mark.parametrize("status", [404, 480, 488, 603])
def test_the_last_word_is_that_of_who_was_called(party, carol, status):
    # covers: REF-006
    room, alice, _ = party
    referral = alice.ua.refer(room, carol.aor)
    referral.expect(202)
    carol.wait_invite().reject(status)
    assert fragment(referral.wait_terminated())[0].startswith("SIP/2.0 %d " % status)


def test_referrals_in_a_dialog_are_told_apart(party, carol, ue):
    # covers: REF-002, REF-007, REF-005
    room, alice, bob = party
    dave = ue("dave")
    dave.aor = dave.ua.contact_uri
    first, second = alice.call.refer(carol.aor), alice.call.refer(dave.aor)
    ids = {}
    for txn, called in ((first, carol), (second, dave)):
        assert txn.expect(202)
        ids[str(txn.cseq[0])] = called
    carol.wait_invite().reject(486)
    dave.wait_invite()
    dave.accept()

    def notes():
        return [t.request for t in alice.call.requests if t.request.method == "NOTIFY"]
    wait(lambda: len([n for n in notes() if substate(n)[0] == "terminated"]) == 2,
         what="both last NOTIFYs")
    events = {}
    for n in notes():
        events.setdefault(n.get("Event").replace(" ", ""), []).append(n.text.split("\r\n")[0])
    assert set(events) == {"refer;id=" + i for i in ids}
    for number, called in ids.items():
        want = "SIP/2.0 200 OK" if called is dave else "SIP/2.0 486 Busy Here"
        assert events["refer;id=" + number] == ["SIP/2.0 100 Trying", want]
    fence(dave, alice, bob)


@pytest.mark.parametrize("headers", [
    [("Refer-Sub", "false"), ("Supported", "norefersub")],
    [("Refer-Sub", "false"), ("Require", "norefersub")]], ids=["supported", "required"])
def test_who_wants_no_reports_gets_none(party, carol, headers):
    # covers: REF-008, REF-009
    room, alice, bob = party
    referral = alice.ua.refer(room, carol.aor, headers)
    resp = referral.expect((200, 202))
    assert resp.get("Refer-Sub").lower() == "false"
    carol.wait_invite()
    carol.accept()
    fence(carol, alice, bob)
    assert referral.notifies == []


def test_false_alone_is_not_enough_for_silence(party, carol):
    # covers: REF-008
    room, alice, _ = party
    referral = alice.ua.refer(room, carol.aor, [("Refer-Sub", "true"), ("Supported", "norefersub")])
    assert (referral.expect(202).get("Refer-Sub") or "true").lower() == "true"
    carol.wait_invite().reject(486)
    referral.wait_terminated()


@pytest.mark.parametrize("headers", [
    [("Refer-To", None)],
    [("Refer-To", "<sip:dave@127.0.0.1:9>"), ("Refer-To", "<sip:erik@127.0.0.1:9>")],
    [("Refer-To", "<sip:dave@127.0.0.1:9>, <sip:erik@127.0.0.1:9>")],
    [("Refer-To", "rubbish")]], ids=["none", "two", "two in one", "no URI"])
def test_exactly_one_target(party, headers):
    # covers: REF-003
    room, alice, bob = party
    assert alice.ua.refer(room, "<sip:dave@127.0.0.1:9>", headers).expect(400)
    fence(alice, bob)


def test_methods_that_cannot_be_asked_for(party):
    # covers: REF-004
    room, alice, bob = party
    for method in ("REFER", "MESSAGE", "SUBSCRIBE"):
        txn = alice.ua.refer(room, "<sip:dave@127.0.0.1:9;method=%s>" % method)
        assert txn.expect((501, 603))
    fence(alice, bob)


@pytest.mark.parametrize("uri", ["mailto:dave@example.com", "http://127.0.0.1/", "im:dave@127.0.0.1"])
def test_targets_that_cannot_be_called(party, uri):
    # covers: REF-012
    room, alice, _ = party
    referral = alice.ua.refer(room, uri)
    if referral.final().code == 202:
        assert fragment(referral.wait_terminated())[0].startswith("SIP/2.0 503")
    else:
        assert referral.final().code == 416


@pytest.mark.parametrize("method", ["INVITE", "BYE"])
def test_strangers_may_not(party, ue, carol, method):
    # covers: REF-002, REF-015
    room, alice, bob = party
    target = carol.aor if method == "INVITE" else bob.aor
    referral = ue("mallory").ua.refer(room, "<%s;method=%s>" % (target, method))
    assert referral.expect(403)
    fence(alice, bob)
    assert not bob.call.ended and not carol.ua.incoming


def test_a_refer_to_no_conference(ue, mrf, room):
    # covers: REF-002
    alice = ue("alice")
    assert alice.ua.refer(alice.uri_of(room), "<sip:bob@127.0.0.1:9>").expect(404)


def test_who_is_in_is_not_called_again(party):
    # covers: REF-006, REF-023
    room, alice, bob = party
    referral = alice.ua.refer(room, bob.aor)
    referral.expect(202)
    assert fragment(referral.wait_terminated())[0] == "SIP/2.0 200 OK"
    fence(alice, bob)


def test_the_owner_removes_somebody(party, ue):
    # covers: REF-015, REF-004, FOC-019b, FOC-020, CONF-013
    room, alice, bob = party
    carol = ue("carol").join(room)
    watch, own = alice.subscribe(), carol.subscribe()
    referral = alice.ua.refer(room, "<%s;method=BYE>" % carol.aor)
    referral.expect(202)
    assert bye_reason(carol.call.wait_bye())[:2] == ("SIP", 603)
    assert fragment(referral.wait_terminated())[0] == "SIP/2.0 200 OK"
    assert substate(own.sub.wait_terminated())[0] == "terminated"
    watch.wait(lambda r: carol.aor not in r.connected())
    ends = [e for d in documents(watch) for u in d.users.values() if u.entity == carol.aor
            for e in u.endpoints.values() if e.status == "disconnected"]
    assert [(e.disconnection_method, e.booted_by) for e in ends[:1]] == [("booted", alice.aor)]
    wait_session_over(carol)
    fence(alice, bob)


def test_all_devices_of_who_is_removed_go(party, ue):
    # covers: REF-015, FOC-024
    room, alice, bob = party
    both = [ue("carol").join(room) for _ in range(2)]
    alice.ua.refer(room, "<%s;method=BYE>" % both[0].aor).expect(202)
    for device in both:
        assert bye_reason(device.call.wait_bye())[:2] == ("SIP", 603)
    fence(alice, bob)


def test_others_may_not_remove_anybody(party, ue):
    # covers: REF-015, REF-002
    room, alice, bob = party
    carol = ue("carol").join(room)
    for target in (carol.aor, alice.aor):
        assert bob.ua.refer(room, "<%s;method=BYE>" % target).expect(403)
        assert bob.call.refer("<%s;method=BYE>" % target).expect(403)
    fence(alice, bob, carol)
    assert not carol.call.ended and not alice.call.ended


def test_anyone_may_remove_himself(party):
    # covers: REF-015
    room, alice, bob = party
    bob.ua.refer(room, "<%s;method=BYE>" % bob.aor).expect(202)
    bob.call.wait_bye()
    fence(alice)


def test_who_is_not_in_cannot_be_removed(party):
    # covers: REF-015, REF-006
    room, alice, bob = party
    referral = alice.ua.refer(room, "<sip:nobody@example.com;method=BYE>")
    referral.expect(202)
    assert fragment(referral.wait_terminated())[0].startswith("SIP/2.0 404")
    fence(alice, bob)


def test_the_owner_ends_the_conference(party, mrf):
    # covers: FOC-019, REF-004, CONF-006
    room, alice, bob = party
    watch = bob.subscribe()
    assert bob.ua.refer(room, "<%s;method=BYE>" % room).expect(403)
    referral = alice.ua.refer(room, "<%s;method=BYE>" % room)
    referral.expect(202)
    for member in (alice, bob):
        assert bye_reason(member.call.wait_bye())[:2] == ("SIP", 410)
    assert substate(watch.sub.wait_terminated())[1]["reason"] == "noresource"
    assert fragment(referral.wait_terminated())[0] == "SIP/2.0 200 OK"
    poll(lambda: mrf.api("GET", "/v1/conferences/%s" % Uri(room).user)[0] == 404)


def test_ending_the_reports_does_not_end_the_call(party, carol):
    # covers: REF-011, REF-005
    room, alice, bob = party
    referral = alice.ua.refer(room, carol.aor)
    referral.expect(202)
    referral.wait_notify()
    carol.wait_invite().ringing()
    assert referral.refresh(0).final().code == 200
    carol.accept()
    fence(carol, alice, bob)


def test_reports_nobody_knows_end_but_not_the_call(party, carol):
    # covers: REF-011
    room, alice, bob = party
    with LOOP.cond:
        referral = alice.ua.refer(room, carol.aor)
        referral.answer = 481
    referral.expect(202)
    referral.wait_notify()
    carol.wait_invite()
    carol.accept()
    fence(carol, alice, bob)
    assert len(referral.notifies) == 1


def test_reports_without_a_refer(party):
    # covers: REF-010
    room, alice, _ = party
    assert alice.ua.subscribe(room, "refer").expect(403)


def test_embedded_headers_are_not_obeyed(party, carol):
    # covers: REF-013, REF-021
    room, alice, _ = party
    alice.ua.refer(room, "<%s?Subject=evil&Require=x&Body=boo>;isfocus" % carol.aor).expect(202)
    inv = carol.wait_invite().invite
    assert "Subject" not in inv.headers and "Require" not in inv.headers
    assert inv.uri == carol.aor and inv.content_type == "application/sdp"
    carol.call.reject(486)


def test_a_call_that_is_called_off_ends_the_referral(party, carol, mrf):
    # covers: REF-006, FOC-025
    room, alice, _ = party
    referral = alice.ua.refer(room, carol.aor)
    referral.expect(202)
    carol.wait_invite().ringing()
    removal = alice.ua.refer(room, "<%s;method=BYE>" % carol.aor)
    removal.expect(202)
    carol.call.wait_cancel()
    assert fragment(removal.wait_terminated())[0] == "SIP/2.0 200 OK"
    assert int(fragment(referral.wait_terminated())[0].split()[1]) >= 400


def test_a_member_who_was_called_by_referral_dials_in_himself(party, ue):
    # covers: REF-016
    room, alice, bob = party
    carol = ue("carol").join(room, headers=[("Referred-By", "<%s>" % alice.aor)])
    fence(carol, alice, bob)


TOKEN = ("--b1\r\nContent-Type: multipart/signed; protocol=\"application/pkcs7-signature\"; "
         "micalg=sha1; boundary=b2\r\nContent-ID: <20398823.2UWQFN309@referrer.example>\r\n"
         "Content-Disposition: signed-by; handling=optional\r\n\r\n"
         "--b2\r\nContent-Type: message/sipfrag\r\n"
         "Content-Disposition: aib; handling=optional\r\n\r\nRefer-To: x\r\n--b2--\r\n--b1--\r\n")


def test_the_token_that_vouches_for_the_referrer_goes_along(party, carol):
    # covers: REF-014
    room, alice, _ = party
    by = '"Al, ice" <%s>;ref=a;cid="20398823.2UWQFN309@referrer.example"' % alice.aor
    txn = alice.ua.request("REFER", room, [("Refer-To", "<%s>" % carol.aor), ("Referred-By", by)],
                           TOKEN.encode(), content_type="multipart/mixed;boundary=b1")
    assert txn.expect(202)
    inv = carol.wait_invite().invite
    assert inv.get("Referred-By") == by
    assert inv.content_type == "multipart/mixed"
    for line in ("Content-ID: <20398823.2UWQFN309@referrer.example>", "--b2--",
                 'Content-Type: multipart/signed; protocol="application/pkcs7-signature"; '
                 "micalg=sha1; boundary=b2",
                 "Content-Type: message/sipfrag", "Refer-To: x", "Content-Type: application/sdp"):
        assert line in inv.text, line
    assert inv.text.count("Refer-To: x") == 1


def test_a_referrer_may_have_to_be_vouched_for(ue, own_mrf):
    # covers: REF-014
    net = own_mrf(mrfc={"conference.referrer_token": "true"})
    alice, bob = ue("alice", net=net), ue("bob", net=net)
    room = alice.create()
    for by in ("<%s>" % alice.aor, '<%s>;cid="nothing@there"' % alice.aor):
        assert bob.invite(room, headers=[("Referred-By", by)]).expect(429)
    bob.join(room)
    fence(alice, bob)
