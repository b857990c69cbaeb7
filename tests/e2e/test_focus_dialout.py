# SPDX-License-Identifier: Apache-2.0
"""Dial-out asked by the operator: the INVITE, its answers, its failures, its end."""

import pytest

from peer import sdp
from peer.loop import wait
from peer.servers import poll
from peer.sipcall import bye_reason
from peer.sipmsg import Uri
from peer.ue import fence
from test_focus_leave import documents, wait_session_over, terminations


def target_of(callee):
    """A URI that reaches this terminal without a proxy."""
    return callee.ua.contact_uri


def dial(net, room, uri, **more):
    """Ask the focus to call uri; the participant as the API shows it at first."""
    status, doc = net.api("POST", "/v1/conferences/%s/participants" % room, {"uri": uri, **more})
    assert status == 202, (status, doc)
    return doc


def state_of(net, room, uri):
    return net.participants(room).get(uri, {}).get("state")


@pytest.fixture
def called(ue, mrf, room):
    """(alice, watch, carol, URI): alice is in room and watches, carol is being called."""
    alice, carol = ue("alice").join(room), ue("carol")
    carol.aor = target_of(carol)  # the dialled URI is how she is known
    watch = alice.subscribe()
    doc = dial(mrf, room, carol.aor, display="Carol C")
    assert doc["uri"] == carol.aor and doc["state"] in ("pending", "dialing-out")
    return alice, watch, carol, carol.aor


def test_the_invitation_says_who_calls_and_for_what(called, mrf, room):
    # covers: REF-001, FOC-012, FOC-015, CMD-001, CMD-002, TIM-001, OA-004, CAP-001
    alice, _, carol, uri = called
    inv = carol.wait_invite().invite
    assert inv.from_.uri == inv.get("P-Asserted-Identity").strip("<>") == alice.room
    assert inv.uri == uri and inv.to.uri == uri and inv.to.tag is None
    assert "isfocus" in inv.contact.params and Uri(inv.contact.uri).user == room
    assert (Uri(inv.contact.uri).host, Uri(inv.contact.uri).port) == mrf.sip
    assert "Referred-By" not in inv.headers
    assert "timer" in inv.headers.tokens("Supported")
    assert int(inv.get("Session-Expires").partition(";")[0]) == 1800
    assert "conference" in inv.headers.tokens("Allow-Events")
    assert {"INVITE", "ACK", "BYE", "UPDATE"} <= set(inv.headers.list("Allow"))
    assert int(inv.get("Max-Forwards")) == 70
    media = sdp.Sdp(carol.call.offer).msg
    assert media.setup == "actpass" and media.accept_types == ["message/cpim"]
    assert sdp.Sdp(carol.call.offer).address(media) == mrf.msrp
    assert media.proto == "TCP/MSRP" and media.fmt == "*" and media.max_size
    assert sorted(media.chatroom) == ["nickname", "private-messages"]
    assert media.accept_wrapped_types and len(media.path) == 1


def test_the_roster_shows_how_far_it_is(called, mrf, room):
    # covers: CONF-014, CONF-012, REF-001
    alice, watch, carol, uri = called
    watch.wait(lambda r: uri in r.users)
    carol.wait_invite().ringing()
    poll(lambda: state_of(mrf, room, uri) == "alerting", what="alerting in the API")
    watch.wait(lambda r: "alerting" in [e["status"] for e in r.users[uri]["endpoints"].values()])
    assert uri not in watch.update().connected()
    carol.accept(setup="active")
    roster = watch.wait(lambda r: uri in r.connected())
    (end,) = roster.users[uri]["endpoints"].values()
    assert end["joining_method"] == "dialed-out" and end["media_type"] == "message"
    assert roster.users[uri]["display"] == "Carol C"
    assert state_of(mrf, room, uri) == "connected"
    fence(alice, carol)
    fence(carol, alice)


@pytest.mark.parametrize("setup", ["active", "passive"])
def test_who_answers_decides_who_connects(called, setup):
    # covers: CMD-002, CMD-008, REF-001
    alice, _, carol, _ = called
    carol.wait_invite()
    carol.accept(setup=setup)
    fence(carol, alice)
    fence(alice, carol)
    carol.leave()


def test_who_answers_is_known_by_what_is_asserted_too(ue, mrf, room):
    # covers: REF-001, SW-010
    alice, bob, carol = ue("alice").join(room), ue("bob").join(room), ue("carol")
    dial(mrf, room, target_of(carol))
    carol.wait_invite()
    carol.accept()
    assert carol.send("as asserted", from_="sip:carol@example.com").status() == 200
    assert carol.send("as dialled", from_=target_of(carol)).status() == 200
    bob.wait_text("as dialled")
    alice.private("sip:carol@example.com", "to the asserted one")
    carol.wait_text("to the asserted one")


@pytest.mark.parametrize("status, method", [
    (486, "busy"), (600, "busy"), (480, "failed"), (404, "failed"), (603, "failed"),
    (488, "failed"), (500, "failed"), (408, "failed")])
def test_a_refusal_is_shown_and_nothing_stays(called, mrf, room, status, method):
    # covers: CONF-013, CONF-014, REF-022
    alice, watch, carol, uri = called
    call = carol.wait_invite()
    before = terminations(mrf)
    call.reject(status)
    poll(lambda: state_of(mrf, room, uri) in ("disconnected", None), what="the refusal in the API")
    person = mrf.participants(room).get(uri)
    assert person and person["state"] == "disconnected" and person["cause"] == status
    watch.wait(lambda r: uri not in r.users or "disconnected" in [
        e["status"] for e in r.users[uri]["endpoints"].values()])
    seen = {e.disconnection_method for d in documents(watch) for u in d.users.values()
            if u.entity == uri for e in u.endpoints.values()} - {None}
    assert seen <= {method}
    poll(lambda: terminations(mrf) == before - 1, what="the termination's end")
    assert carol.call.txn.wait_ack()
    fence(alice)


@pytest.mark.parametrize("ringing", [True, False])
def test_a_call_nobody_needs_any_more_is_cancelled(called, mrf, room, ringing):
    # covers: FOC-025
    alice, watch, carol, uri = called
    carol.wait_invite()
    before = terminations(mrf)
    if ringing:
        carol.call.ringing()
        poll(lambda: state_of(mrf, room, uri) == "alerting")
    quoted = uri.replace(":", "%3A").replace("@", "%40").replace(";", "%3B")
    assert mrf.api("DELETE", "/v1/conferences/%s/participants/%s" % (room, quoted))[0] == 204
    carol.call.wait_cancel()
    assert carol.call.txn.wait_ack()
    poll(lambda: terminations(mrf) == before - 1, what="the termination's end")
    watch.wait(lambda r: uri not in r.connected())
    fence(alice)


def test_the_end_of_the_conference_cancels_its_calls(called, mrf, room):
    # covers: FOC-025, FOC-019
    alice, _, carol, _ = called
    carol.wait_invite().ringing()
    assert mrf.api("DELETE", "/v1/conferences/%s" % room)[0] == 204
    carol.call.wait_cancel()
    assert bye_reason(alice.call.wait_bye())[:2] == ("SIP", 410)


def test_an_answer_that_crosses_the_cancel_is_ended_by_bye(called, mrf, room):
    # covers: FOC-025
    alice, _, carol, uri = called
    call = carol.wait_invite()
    # The CANCEL is answered 200 but the call is accepted all the same.
    carol.ua.server_txns.pop((call.invite.via_branch, "INVITE"))
    call.ringing()
    quoted = uri.replace(":", "%3A").replace("@", "%40").replace(";", "%3B")
    assert mrf.api("DELETE", "/v1/conferences/%s/participants/%s" % (room, quoted))[0] == 204
    wait(lambda: carol.ua.seen("in", "CANCEL"), what="the CANCEL")
    carol.ua.server_txns[(call.invite.via_branch, "INVITE")] = call.txn
    call.accept(carol.offer(setup="active"))
    call.wait_ack()
    call.wait_bye()
    fence(alice)


@pytest.mark.parametrize("answer", [
    "", "v=0\r\nnonsense\r\n", sdp.build([sdp.message_media("msrp://127.0.0.1:9/x;tcp", 0)]),
    sdp.build([sdp.message_media(None, 9)]),
    sdp.build([sdp.message_media("msrp://127.0.0.1:9/abcd;tcp", 9, accept_types="foo/bar")])],
    ids=["none", "broken", "port 0", "no path", "no common type"])
def test_an_unusable_answer_ends_the_call(called, mrf, room, answer):
    # covers: MSRP-133, OA-001
    alice, watch, carol, uri = called
    carol.wait_invite()
    carol.call.txn.respond(200, body=answer, content_type="application/sdp" if answer else None)
    carol.call.wait_ack()
    carol.call.wait_bye()
    watch.wait(lambda r: uri not in r.connected())
    fence(alice)


def test_who_was_called_leaves_like_anybody(called, mrf, room):
    # covers: FOC-017, CONF-013
    alice, watch, carol, uri = called
    carol.wait_invite()
    carol.accept()
    watch.wait(lambda r: uri in r.connected())
    carol.call.bye().expect(200)
    watch.wait(lambda r: uri not in r.connected())
    wait_session_over(carol)


def test_calls_leave_through_the_outbound_proxy(own_mrf, ue, room):
    # covers: REF-001, FOC-029
    proxy = ue("proxy")  # stands for the core: it answers itself
    net = own_mrf(mrfc={"sip.outbound_proxy": proxy.ua.sent_by})
    ue("alice", net=net).join(room)
    dial(net, room, "sip:carol@example.com")
    inv = proxy.wait_invite().invite
    assert inv.uri == "sip:carol@example.com"
    (route,) = inv.headers.list("Route")
    assert "sip:" + proxy.ua.sent_by in route and ";lr" in route
    proxy.call.reject(486)
    poll(lambda: state_of(net, room, "sip:carol@example.com") in ("disconnected", None))


def test_who_cannot_be_reached_is_told_so(ue, mrf, room):
    # covers: FOC-010
    ue("alice").join(room)
    dial_name = "sip:carol@example.com"  # no proxy, no numeric host
    status, doc = mrf.api("POST", "/v1/conferences/%s/participants" % room, {"uri": dial_name})
    assert status in (202, 503)
    if status == 202:
        poll(lambda: state_of(mrf, room, dial_name) == "disconnected")
        assert mrf.participants(room)[dial_name]["cause"] == 503


def test_nothing_of_the_access_leaks_to_others(ue, mrf, room):
    # covers: FOC-029
    secrets = [("P-Charging-Vector", "icid-value=secret-1;icid-generated-at=192.0.2.4"),
               ("P-Access-Network-Info", "3GPP-E-UTRAN;utran-cell-id-3gpp=secret-2"),
               ("P-Charging-Function-Addresses", "ccf=secret-3.example.com"),
               ("User-Agent", "secret-4")]
    alice, carol = ue("alice").join(room, headers=secrets), ue("carol")
    watch = alice.subscribe()
    dial(mrf, room, target_of(carol))
    carol.wait_invite()
    carol.accept()
    watch.wait(lambda r: len(r.connected()) == 2)
    assert not [m for _, m in carol.ua.log if m.raw and b"secret-" in m.raw]


def test_a_route_recorded_on_the_way_out_is_kept(called, mrf, room):
    # covers: FOC-029
    _, _, carol, _ = called
    carol.wait_invite()
    here, beyond = "<sip:%s;lr>" % carol.ua.sent_by, "<sip:far.example.com;lr>"
    # As if a proxy between had recorded itself: the last one to do so is nearest to us.
    carol.call.txn.respond(200, headers=[("Record-Route", beyond), ("Record-Route", here)],
                           body=carol.offer(setup="active"), content_type="application/sdp")
    ack = carol.call.wait_ack()
    assert ack.headers.list("Route") == [here, beyond]
    assert mrf.api("DELETE", "/v1/conferences/%s" % room)[0] == 204
    assert carol.call.wait_bye().headers.list("Route") == [here, beyond]
