# SPDX-License-Identifier: Apache-2.0
"""Ways in: the factory, a conference's URI, what each INVITE and OPTIONS is answered."""

from urllib.parse import quote

import pytest

from peer import sdp, sipmsg
from peer.sipcall import bye_reason
from peer.sipmsg import Uri
from peer.ue import fence

ANOTHER = "multipart/mixed"


def listed(net):
    """Names of all conferences by the admin API."""
    status, doc = net.api("GET", "/v1/conferences")
    assert status == 200
    return {c["name"] for c in doc["conferences"]}


def name_of(uri):
    return Uri(uri).user


def test_each_call_to_the_factory_makes_a_conference(ue, mrf):
    # covers: FOC-001, FOC-002, FOC-003, FOC-004, SW-001
    rooms = [ue(n).create() for n in ("alice", "bob")] + [ue("alice").create()]
    assert len(set(rooms)) == 3
    assert {name_of(r) for r in rooms} <= listed(mrf)
    for room in rooms:
        assert Uri(room).user != "conference-factory"


def test_the_contact_of_the_answer_is_the_conference(ue, mrf, room):
    # covers: FOC-003, FOC-012, SW-011
    alice, bob = ue("alice"), ue("bob")
    alice.create()
    bob.join(room)
    for member in (alice, bob):
        resp = member.call.final()
        contact, uri = resp.contact, Uri(resp.contact.uri)
        assert len(resp.headers.list("Contact")) == 1
        assert "isfocus" in contact.params and "isfocus" not in uri.params
        assert contact.params["isfocus"] is None
        assert (uri.host, uri.port or 5060) == mrf.sip
        assert uri.user == Uri(member.room).user
    # It is a way in like the URI of the domain, and the same conference.
    carol = ue("carol").join(alice.call.final().contact.uri)
    fence(alice, carol)


def test_the_answer_says_what_the_focus_can(ue, room):
    # covers: FOC-015, FOC-016, TIM-001
    resp = ue("alice").join(room).call.final()
    assert "conference" in resp.headers.tokens("Allow-Events")
    assert {"timer", "100rel", "norefersub", "replaces", "join"} <= set(resp.headers.tokens("Supported"))
    allow = {m.upper() for m in resp.headers.list("Allow")}
    assert {"INVITE", "ACK", "CANCEL", "BYE", "OPTIONS", "UPDATE", "REFER", "SUBSCRIBE",
            "PRACK"} <= allow


def test_names_that_are_not_there_are_not_made_where_that_is_off(ue, strict_mrf):
    # covers: FOC-005, FOC-007
    alice = ue("alice", net=strict_mrf)
    for name in ("nofactory", "room-unknown"):
        assert alice.invite(name).expect(404)
        assert name not in listed(strict_mrf)


def test_an_ended_conference_is_not_found(ue, strict_mrf):
    # covers: FOC-007, FOC-001
    alice = ue("alice", net=strict_mrf)
    room = alice.create()
    alice.leave()
    assert ue("bob", net=strict_mrf).invite(room).expect(404)


def test_who_is_not_trusted_does_not_get_in(ue, strict_mrf):
    # covers: FOC-006
    mallory = ue("mallory", net=strict_mrf, host="127.0.0.2")
    for uri in ("conference-factory", "somewhere"):
        assert mallory.invite(uri).expect((401, 403))
    assert mallory.ua.request("SUBSCRIBE", mallory.uri_of("somewhere"), [
        ("Event", "conference")]).final().code in (401, 403)
    assert mallory.ua.request("REFER", mallory.uri_of("somewhere"), [
        ("Refer-To", "<sip:bob@example.com>")]).final().code in (401, 403)


@pytest.mark.parametrize("headers", [
    [("From", '"Anonymous" <sip:anonymous@anonymous.invalid>;tag=1')],
    [("From", "<tel:anonymous>;tag=1"), ("P-Asserted-Identity", "<sip:anonymous@anonymous.invalid>")],
], ids=["anonymous From", "anonymous asserted"])
def test_who_has_no_identity_does_not_get_in(ue, room, headers):
    # covers: FOC-006
    nobody = ue("nobody", assert_identity=False)
    assert nobody.invite(room, headers=headers).expect((401, 403))


@pytest.mark.parametrize("what", ["room", "alias", "other room", "factory", "new room", "scheme"])
def test_nobody_joins_by_the_name_of_a_conference(ue, mrf, room, what):
    # covers: FOC-006
    alice = ue("alice").join(room)
    uri = {"room": alice.room, "alias": "sip:mallory@example.com>, <" + alice.room,
           "other room": alice.room, "factory": alice.uri_of("conference-factory"),
           "new room": alice.uri_of("x" + room), "scheme": "http://q/"}[what]
    mallory = ue("mallory", assert_identity="<%s>" % uri)
    target = {"other room": "y" + room, "new room": "x" + room}.get(what, room)
    assert mallory.invite(target).expect((400, 403) if what == "alias" else 403)
    assert list(mrf.participants(room)) == [alice.aor]


def test_the_asserted_identity_wins_over_from(ue, mrf, room):
    # covers: FOC-006, SW-010
    alice = ue("alice", assert_identity='"Alice A" <sip:alice.a@example.com>').join(room)
    people = mrf.participants(room)
    assert list(people) == ["sip:alice.a@example.com"]
    assert people["sip:alice.a@example.com"]["display"] == "Alice A"
    assert alice.send("x", from_="sip:somebody@example.com").status() == 403
    assert alice.send("x", from_="sip:alice.a@example.com").status() == 200


def test_from_is_believed_where_nothing_is_asserted(ue, mrf, room):
    # covers: FOC-006
    ue("alice", assert_identity=False, display="Al").join(room)
    people = mrf.participants(room)
    assert list(people) == ["sip:alice@example.com"]


def test_a_full_conference_is_busy(ue, strict_mrf):
    # covers: FOC-009
    alice, bob, carol, dave = [ue(n, net=strict_mrf) for n in ("alice", "bob", "carol", "dave")]
    room = alice.create()
    bob.join(room)
    carol.join(room)
    assert dave.invite(room).expect(486)
    # A second device of who is in takes no further place (FOC-024).
    again = ue("bob", net=strict_mrf).join(room)
    again.leave()
    bob.leave()
    dave.join(room)
    fence(alice, carol, dave)


def test_who_is_barred_stays_out(ue, mrf, trio):
    # covers: FOC-008, CONF-003, FOC-020
    room, alice, bob, carol = trio
    where = "/v1/conferences/%s/participants/%s?ban=1" % (name_of(room), quote(carol.aor, safe=""))
    assert mrf.api("DELETE", where)[0] == 204
    assert bye_reason(carol.call.wait_bye())[:2] == ("SIP", 603)
    assert ue("carol").invite(room).expect(403)
    assert ue("carol", display="Somebody else").invite(room).expect(403)
    assert ue("carol").ua.subscribe(room).expect(403)
    assert ue("carol").join("another-" + name_of(room))
    fence(ue("dave").join(room), alice, bob)


def test_the_creator_is_its_owner(ue, mrf):
    # covers: FOC-011
    alice, bob = ue("alice"), ue("bob")
    room = alice.create()
    bob.join(room)
    people = mrf.participants(name_of(room))
    assert "owner" in people[alice.aor]["roles"]
    assert "owner" not in people[bob.aor]["roles"]


def test_two_devices_of_one_user_are_one_participant(ue, mrf, room):
    # covers: FOC-024, CONF-011
    alice, desk, bob = ue("alice").join(room), ue("alice").join(room), ue("bob").join(room)
    people = mrf.participants(room)
    assert set(people) == {alice.aor, bob.aor}
    assert len(people[alice.aor]["endpoints"]) == 2
    watch = bob.subscribe()
    roster = watch.wait(lambda r: len(r.users) == 2 and
                        len(r.users[alice.aor]["endpoints"]) == 2)
    assert roster.user_count == 2
    fence(bob, alice, desk)
    fence(alice, desk, bob)
    alice.leave()
    watch.wait(lambda r: alice.aor in r.users and sum(
        e["status"] == "connected" for e in r.users[alice.aor]["endpoints"].values()) == 1)
    fence(desk, bob)


def test_options_tells_without_joining(ue, mrf, room):
    # covers: FOC-013, FOC-014
    alice = ue("alice").join(room)
    bob = ue("bob")
    resp = bob.ua.request("OPTIONS", alice.room, [("Accept", "application/sdp")]).final()
    assert resp.code == 200
    assert "isfocus" in resp.contact.params and Uri(resp.contact.uri).user == room
    assert {"INVITE", "BYE", "OPTIONS", "SUBSCRIBE", "REFER"} <= set(resp.headers.list("Allow"))
    assert "application/sdp" in [a.partition(";")[0] for a in resp.headers.tokens("Accept")]
    assert "Accept-Encoding" in resp.headers and "Accept-Language" in resp.headers
    assert "timer" in resp.headers.tokens("Supported")
    assert "recipient-list-invite" in resp.headers.tokens("Supported")
    assert "conference" in resp.headers.tokens("Allow-Events")
    assert set(mrf.participants(room)) == {alice.aor}


def test_options_to_nothing_is_not_found_and_makes_nothing(ue, mrf, room):
    # covers: FOC-013
    assert ue("bob").ua.request("OPTIONS", "sip:%s@%s" % (room, mrf.domain)).final().code == 404
    assert room not in listed(mrf)


@pytest.mark.parametrize("tags", ["timer", "100rel", "norefersub", "timer, norefersub"])
def test_required_extensions_that_are_there(ue, room, tags):
    # covers: FOC-016
    alice = ue("alice")
    alice.ua.auto["PRACK"] = lambda t: t.respond(200)
    call = alice.invite(room, headers=[("Require", tags), ("Supported", tags)])
    if "100rel" in tags:
        call.prack(call.txn.wait(lambda r: 100 < r.code < 200)).expect(200)
    assert call.expect(200)


@pytest.mark.parametrize("method", ["INVITE", "OPTIONS", "SUBSCRIBE", "REFER"])
def test_required_extensions_that_are_not_there(ue, trio, method):
    # covers: FOC-016, OA-005
    room, alice, bob, carol = trio
    headers = [("Require", "timer, x-nor-that"), ("Require", "x-unheard-of"),
               ("Event", "conference"), ("Refer-To", "<sip:dave@example.com>")]
    body, kind = ("", None) if method != "INVITE" else (alice.offer(new=False), "application/sdp")
    resp = ue("dave").ua.request(method, room, headers, body.encode(), content_type=kind).final()
    assert resp.code == 420
    assert set(resp.headers.tokens("Unsupported")) == {"x-nor-that", "x-unheard-of"}
    fence(alice, bob, carol)


def test_supported_preconditions_are_no_hindrance(ue, room):
    # covers: OA-005
    alice = ue("alice").join(room, headers=[("Supported", "precondition, 100rel, timer, gruu")],
                             extra=["a=curr:qos local none", "a=curr:qos remote none",
                                    "a=des:qos optional local sendrecv"])
    alice.send_text("no reservation")


def test_reliable_provisional_answers(ue, room):
    # covers: OA-006, FOC-003, FOC-012
    alice = ue("alice")
    call = alice.invite(room, headers=[("Require", "100rel"), ("Supported", "100rel")])
    alice.room = alice.uri_of(room)
    rel = call.txn.wait(lambda r: 100 < r.code < 200, what="a reliable provisional answer")
    assert "100rel" in rel.headers.tokens("Require") and int(rel.get("RSeq")) >= 1
    assert rel.to.tag and "isfocus" in rel.contact.params
    assert call.prack(rel).expect(200)
    assert call.expect(200).to.tag == rel.to.tag
    alice.take_answer(call.final().text)
    alice.open_media()
    # A PRACK of nothing we sent.
    assert call.prack(rel).expect((481, 400))
    fence(ue("bob").join(room), alice)


BODIES = {
    # covers: FOC-027
    "text": ("text/plain", b"hello", 415),
    "unknown part": (ANOTHER, None, 415),
    "encoded": ("application/sdp", b"\x1f\x8b\x08", 415),
    "broken": ("application/sdp", b"v=0\r\nnonsense\r\n", (400, 488)),
    "not SDP": ("application/sdp", b"\x00\xff\x00\xff", (400, 488)),
    "only v=": ("application/sdp", b"v=0\r\n", (400, 488)),
    "long line": ("application/sdp", b"v=0\r\ns=" + b"x" * 20000 + b"\r\n", (400, 488)),
}


@pytest.mark.parametrize("case", BODIES)
def test_bodies_that_are_no_offer(ue, room, bystanders, case):
    # covers: FOC-027
    kind, body, status = BODIES[case]
    if body is None:
        kind, body = sipmsg.multipart([("text/plain", [], b"no description")])
    headers = [("Content-Encoding", "gzip")] if case == "encoded" else []
    alice = ue("alice", transport="tcp" if len(body) > 1000 else "udp")
    call = alice.ua.invite(alice.uri_of(room), body, headers, content_type=kind)
    resp = call.expect(status)
    if resp.code == 415:
        assert "application/sdp" in resp.headers.tokens("Accept")
    bystanders.undisturbed()


@pytest.mark.parametrize("attribute", ["accept-types", "accept-wrapped-types"])
def test_types_that_are_no_text(ue, room, bystanders, attribute):
    # covers: FOC-027, MSRP-123
    alice = ue("alice")
    offer = alice.offer().encode().replace(b"a=%s:" % attribute.encode(),
                                           b"a=%s:x/\xff\xfe " % attribute.encode())
    assert alice.ua.invite(alice.uri_of(room), offer).expect((400, 488))
    bystanders.undisturbed()


def test_an_offer_may_be_a_part_of_a_body(ue, room, bystanders):
    # covers: FOC-027
    alice = ue("alice")
    kind, body = sipmsg.multipart([
        ("text/plain", [("Content-Disposition", "icon;handling=optional")], "hello"),
        ("application/sdp", [], alice.offer(new=True))])
    alice.call = alice.ua.invite(alice.uri_of(room), body, content_type=kind)
    alice.room = alice.uri_of(room)
    alice.take_answer(alice.call.expect(200).text)
    alice.open_media()
    fence(alice, bystanders.one)


def test_requests_at_their_last_hop(ue, trio):
    # covers: FOC-028
    room, alice, bob, carol = trio
    dave = ue("dave")
    for method, headers in (("INVITE", []), ("SUBSCRIBE", [("Event", "conference")]),
                            ("REFER", [("Refer-To", "<sip:erik@example.com>")])):
        txn = dave.ua.request(method, room, [("Max-Forwards", "0"), *headers])
        assert txn.final().code == 483, method
    fence(alice, bob, carol)


@pytest.mark.parametrize("uri", ["tel:+15551230000", "mailto:room@conf.example.com",
                                 "http://conf.example.com/room", "im:room@conf.example.com"])
def test_schemes_that_are_no_sip(ue, mrf, uri):
    # covers: FOC-028
    alice = ue("alice")
    assert alice.ua.invite(uri, alice.offer()).expect(416)


@pytest.mark.parametrize("method, status", [
    ("MESSAGE", 405), ("PUBLISH", (405, 501)), ("REGISTER", (405, 501)), ("FROBNICATE", 501)])
def test_methods_that_are_not_offered(ue, mrf, room, method, status):
    # covers: FOC-028, TGPP-006
    ue("alice").join(room)
    bob = ue("bob")
    for target in (room, "conference-factory"):
        resp = bob.ua.request(method, bob.uri_of(target)).expect(status)
        assert "INVITE" in resp.headers.list("Allow") and method not in resp.headers.list("Allow")


@pytest.mark.parametrize("method", ["SUBSCRIBE", "REFER", "OPTIONS"])
def test_requests_to_the_factory_make_nothing(ue, mrf, method):
    # covers: FOC-002, TGPP-006
    before = listed(mrf)
    headers = [("Event", "conference"), ("Refer-To", "<sip:carol@example.com>")]
    alice = ue("alice")
    code = alice.ua.request(method, alice.uri_of("conference-factory"), headers).final().code
    assert code == 200 if method == "OPTIONS" else 400 <= code < 500
    assert listed(mrf) <= before


def test_a_request_that_comes_by_two_ways_is_taken_once(ue, mrf, room):
    # covers: FOC-028
    alice = ue("alice")
    call = alice.ua.invite(alice.uri_of(room), alice.offer(), auto_ack=False)
    alice.call = call
    again = sipmsg.Message("INVITE", call.txn.request.uri, body=call.txn.request.body,
                           headers=call.txn.request.headers.fields)
    again.headers.set("Via", alice.ua.via())
    assert alice.ua.start(again).final().code == 482
    call.expect(200)
    call.ack()
    people = mrf.participants(room)
    assert [len(p["endpoints"]) for p in people.values()] == [1]


@pytest.mark.parametrize("method", ["BYE", "UPDATE", "INVITE", "SUBSCRIBE", "REFER", "INFO",
                                    "NOTIFY", "PRACK", "OPTIONS"])
def test_dialogs_nobody_knows(ue, trio, method):
    # covers: FOC-018
    room, alice, bob, carol = trio
    txn = ue("dave").ua.request(method, room, [
        ("To", "<%s>;tag=unheard-of" % room), ("Event", "conference"), ("RAck", "1 1 INVITE"),
        ("Refer-To", "<sip:bob@example.com>")])
    assert txn.final().code == 481
    # An own dialog, but a stranger's tag.
    txn = alice.ua.request(method, room, [
        ("To", alice.call.remote), ("From", "<%s>;tag=other" % alice.aor), ("Event", "conference"),
        ("RAck", "1 1 INVITE"), ("Refer-To", "<sip:bob@example.com>")], call_id=alice.call.call_id)
    assert txn.final().code == 481
    fence(alice, bob, carol)


def test_a_cancel_of_nothing(ue, mrf, room):
    # covers: FOC-018, FOC-025
    alice = ue("alice")
    txn = alice.ua.request("CANCEL", alice.uri_of(room))
    assert txn.final().code == 481


def test_tcp_and_udp_members_meet(ue, room):
    # covers: SW-001, FOC-007
    a, b = ue("alice", transport="tcp").join(room), ue("bob").join(room)
    c = ue("carol", transport="tcp").join(room)
    fence(a, b, c)
    fence(b, a, c)
    a.leave()
    fence(c, b)


def test_the_offer_may_name_an_address_of_its_own_line(ue, room, bystanders):
    # covers: OA-008
    alice = ue("alice")
    alice.new_session()
    media = sdp.message_media(alice.session.local, alice.listener.addr[1])
    media.insert(1, "c=IN IP4 127.0.0.1")
    text = sdp.build([media], address="192.0.2.1")
    alice.invite(room, text)
    alice.room = alice.uri_of(room)
    alice.take_answer(alice.call.expect(200).text)
    alice.open_media()
    fence(alice, bystanders.one)
    fence(bystanders.one, alice)
