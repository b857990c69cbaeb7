# SPDX-License-Identifier: Apache-2.0
"""INVITE with a list of users (RFC 5366): the room, the calls, what each is told, who is refused."""

import time

import pytest

from peer import reslist, sipmsg
from peer.loop import wait
from peer.reslist import document, part, with_offer
from peer.servers import poll
from peer.ue import fence

FACTORY = "sip:conference-factory@conf.example.com"
LIST = "sip:list@conf.example.com"
TAG = ("Require", "recipient-list-invite")
ANONYMOUS = "sip:anonymous@anonymous.invalid"


@pytest.fixture
def guests(ue):
    """guests(n) or guests(n, net): terminals that their AOR reaches."""
    def make(n, net=None):
        made = [ue("guest%d" % i, net=net) if net else ue("guest%d" % i) for i in range(n)]
        for one in made:
            one.aor = one.ua.contact_uri
        return made
    return make


def list_invite(host, uri, *parts, headers=(TAG,)):
    """INVITE with an offer and parts; the Call."""
    kind, body = with_offer(host.offer(), *parts)
    host.call = host.ua.invite(uri, body, list(headers), content_type=kind)
    return host.call


def come_in(host):
    """The 200 of a list INVITE is taken, the media are opened; the room's URI."""
    resp = host.call.expect(200)
    host.room = host._canonical(resp.contact.uri)
    host.take_answer(resp.text)
    host.open_media()
    return host.room


def refused(host, code, uri=FACTORY, *parts, headers=(TAG,)):
    """The final response, and no call went out for it."""
    resp = list_invite(host, uri, *parts, headers=headers).expect(code)
    host.session = None
    return resp


def not_called(*terminals):
    return [t for t in terminals if t.ua.seen(method="INVITE")] == []


def test_a_list_makes_the_room_and_calls_all(ue, guests):
    # covers: LIST-001, LIST-014, LIST-008, REF-001
    alice, (bob, carol, dave) = ue("alice"), guests(3)
    list_invite(alice, FACTORY, part(document(
        (bob.aor, "to"), (carol.aor, "cc", True), (dave.aor, "bcc"))))
    room = come_in(alice)  # nobody has answered yet
    watch = alice.subscribe()
    watch.wait(lambda r: {bob.aor, carol.aor, dave.aor} <= set(r.users))
    for one in (bob, carol, dave):
        inv = one.wait_invite().invite
        assert inv.uri == inv.to.uri == one.aor and inv.from_.uri == room
        assert inv.get("P-Asserted-Identity").strip("<>") == room
        assert inv.get("Referred-By") == "<%s>" % alice.aor
        assert "Require" not in inv.headers
        assert reslist.history(inv) == [
            (bob.aor, {"copyControl": "to"}),
            (ANONYMOUS, {"copyControl": "cc", "count": "1"})]
        one.accept()
    roster = watch.wait(lambda r: {bob.aor, carol.aor, dave.aor} <= set(r.connected()))
    (end,) = roster.users[bob.aor]["endpoints"].values()
    assert end["joining_method"] == "dialed-out" and end["joined_by"] == alice.aor
    fence(dave, alice, bob, carol)


@pytest.mark.parametrize("uri", [LIST, "free name"])
def test_the_list_service_and_a_free_name_do_as_the_factory(ue, guests, room, uri):
    # covers: LIST-001
    alice, (bob,) = ue("alice"), guests(1)
    list_invite(alice, alice.uri_of(room) if uri != LIST else LIST, part(document(bob.aor)))
    made = come_in(alice)
    assert made != LIST and (uri == LIST or made == alice.uri_of(room))
    inv = bob.wait_invite().invite
    assert inv.from_.uri == made and reslist.history(inv) is None  # none is blind
    bob.accept()
    fence(bob, alice)


def test_without_a_list_the_list_service_has_nothing_to_do(ue, mrf):
    # covers: LIST-001
    alice = ue("alice")
    resp = alice.invite(LIST).expect(405)
    assert "INVITE" not in resp.headers.list("Allow")
    assert mrf.api("POST", "/v1/conferences", {"name": "list"})[0] == 409


def test_a_guest_that_declines_costs_nobody_else(ue, guests):
    # covers: LIST-001
    alice, (bob, carol) = ue("alice"), guests(2)
    list_invite(alice, FACTORY, part(document(bob.aor, carol.aor)))
    come_in(alice)
    bob.wait_invite().reject(603)
    carol.wait_invite()
    carol.accept()
    fence(carol, alice)


def test_a_list_needs_no_offer(ue, guests):
    # covers: LIST-001, LIST-013
    alice, (bob,) = ue("alice"), guests(1)
    call = alice.ua.invite(FACTORY, document(bob.aor + "?body=x&Subject=y&method=BYE"), [
        TAG, ("Content-Disposition", "recipient-list")], auto_ack=False,
        content_type=reslist.TYPE)
    resp = call.expect(200)
    alice.call = call
    answer = alice.offer(setup="active")
    alice.room = alice._canonical(resp.contact.uri)
    alice.take_answer(resp.text)
    alice.role = "active"
    call.ack(answer)
    alice.open_media()
    inv = bob.wait_invite().invite
    assert inv.uri == bob.aor and "Subject" not in inv.headers
    bob.accept()
    fence(bob, alice)


def test_who_is_in_may_bring_others_by_a_list_to_the_room(ue, guests, trio):
    # covers: LIST-001, LIST-006
    room, alice, bob, carol = trio
    dora, (guest,) = ue("dora"), guests(1)
    list_invite(dora, room, part(document(guest.aor, alice.aor)))
    come_in(dora)
    guest.wait_invite()
    guest.accept()
    fence(guest, alice, bob, carol, dora)
    assert not_called(alice)


def test_without_the_tag_the_handling_decides(ue, guests, own_mrf):
    # covers: LIST-002
    alice, (bob, carol) = ue("alice"), guests(2)
    list_invite(alice, FACTORY, part(document(bob.aor)), headers=())
    come_in(alice)
    bob.wait_invite()
    bob.accept()
    again = ue("again")
    list_invite(again, FACTORY, part(document(carol.aor), "optional"), headers=())
    come_in(again)
    fence(bob, alice)
    assert not_called(carol)
    net = own_mrf(mrfc={"list.require_tag": "true"})
    strict = ue("strict", net=net)
    resp = refused(strict, 415, FACTORY, part(document(carol.aor)), headers=())
    assert resp.code == 415 and not_called(carol)


def test_not_in_a_dialog(ue, guests):
    # covers: LIST-003
    alice, (bob,) = ue("alice"), guests(1)
    alice.create()
    kind, body = with_offer(alice.offer(new=False), part(document(bob.aor)))
    txn = alice.call.request("INVITE", [TAG], body, kind)
    resp = txn.expect(420)
    assert resp.headers.list("Unsupported") == ["recipient-list-invite"]
    alice.subscribe()
    assert not_called(bob)


def test_the_tags_are_told(ue, mrf):
    # covers: FOC-014
    alice = ue("alice")
    for uri in (FACTORY, LIST):
        resp = alice.ua.request("OPTIONS", uri).expect(200)
        assert {"recipient-list-invite", "multiple-refer"} <= set(resp.headers.tokens("Supported"))
        assert reslist.TYPE in [t.partition(";")[0] for t in resp.headers.list("Accept")]
    alice.create()
    resp = alice.call.txn.final()
    assert "recipient-list-invite" in resp.headers.tokens("Supported")


def test_what_a_list_may_hold(ue, guests):
    # covers: LIST-004, LIST-005, LIST-009
    alice, (bob, carol, dave) = ue("alice"), guests(3)
    first = (reslist.HEAD + '<list name="x" y:z="1" xmlns:y="urn:y"><display-name>All</display-name>'
             '<entry uri="%s" y:copyControl="cc"><display-name>B</display-name><y:more/></entry>'
             '<list><entry uri="%s" cp:copyControl="cc"/></list>'
             '<entry-ref ref="resource-lists/users/x"/><external anchor="http://127.0.0.1:9/x"/>'
             '</list></resource-lists>') % (bob.aor, carol.aor)
    second = document((carol.aor + ";transport=udp", "to"), (dave.aor, "bcc"), (dave.aor, "cc"),
                      (alice.aor, "to"))
    list_invite(alice, FACTORY, part(first), part(second))
    come_in(alice)
    for one in (bob, carol, dave):
        assert reslist.history(one.wait_invite().invite) == [
            (carol.aor, {"copyControl": "to"}), (dave.aor, {"copyControl": "cc"}),
            (alice.aor, {"copyControl": "to"})]
        one.accept()
    fence(alice, bob, carol, dave)
    for one in (alice, bob, carol, dave):  # once each, and the sender not at all
        assert len(one.ua.seen(method="INVITE")) == (0 if one is alice else 1)


def test_the_same_history_for_each_with_names_merged(ue, guests):
    # covers: LIST-008, LIST-009
    alice, (bob, carol, dave, erik) = ue("alice"), guests(4)
    list_invite(alice, FACTORY, part(document(
        (bob.aor, "to", True), (carol.aor, "to", True), (dave.aor, "cc"), (erik.aor, "bcc", True))))
    come_in(alice)
    for one in (bob, carol, dave, erik):
        inv = one.wait_invite().invite
        assert reslist.history(inv) == [(ANONYMOUS, {"copyControl": "to", "count": "2"}),
                                        (dave.aor, {"copyControl": "cc"})]
        assert erik.aor.encode() not in inv.body
        one.call.reject(486)


def test_nobody_in_particular_may_not_call_many(ue, guests, own_mrf):
    # covers: LIST-006
    net = own_mrf(mrfc={"sip.trusted": "127.0.0.2"})
    (bob,) = guests(1)
    stranger = ue("stranger", net=net)
    refused(stranger, (401, 403), FACTORY, part(document(bob.aor)))
    nameless = ue("nameless", aor=ANONYMOUS)
    refused(nameless, 403, FACTORY, part(document(bob.aor)))
    fence_by_options(nameless, stranger)
    assert not_called(bob)
    assert net.api("GET", "/v1/conferences")[1]["conferences"] == []


def fence_by_options(*terminals):
    """What the server sent for earlier requests is out."""
    for one in terminals:
        one.ua.request("OPTIONS", FACTORY).expect(200)


def test_who_was_barred_brings_nobody(ue, guests, mrf, trio):
    # covers: LIST-006
    room, alice, bob, carol = trio
    name = room.partition(":")[2].partition("@")[0]
    (guest,) = guests(1)
    status, _ = mrf.api("DELETE", "/v1/conferences/%s/participants/%s?ban=true" % (
        name, bob.aor.replace(":", "%3A").replace("@", "%40")))
    if status not in (200, 202, 204):
        pytest.skip("no bans by the API")
    list_invite(bob, room, part(document(guest.aor))).expect(403)
    fence(alice, carol)
    assert not_called(guest)


def test_consent_decides_who_is_called(ue, guests, own_mrf, tmp_path):
    # covers: LIST-007
    bob, carol, dave = guests(3)
    agreed = tmp_path / "agreed"
    agreed.write_text("# they have\n%s\n@example.org\n" % bob.aor)
    net = own_mrf(mrfc={"list.consent": str(agreed)})
    alice = ue("alice", net=net)
    list_invite(alice, FACTORY, part(document((carol.aor, "to"), (bob.aor, "to"))))
    come_in(alice)
    assert reslist.history(bob.wait_invite().invite) == [(bob.aor, {"copyControl": "to"})]
    bob.call.reject(486)
    other = ue("other", net=net)
    resp = refused(other, 470, FACTORY, part(document(carol.aor, dave.aor)))
    assert resp.reason == "Consent Needed"
    assert [v.strip("<>") for v in resp.headers.list("Permission-Missing")] == [carol.aor, dave.aor]
    fence_by_options(other)
    assert not_called(carol, dave)


def test_lists_and_rooms_of_this_server_are_refused(ue, guests, trio):
    # covers: LIST-010
    room, alice, bob, carol = trio
    dora, (guest,) = ue("dora"), guests(1)
    for target in (LIST, FACTORY, "sip:nobody-yet@conf.example.com", room):
        resp = refused(dora, 403, FACTORY, part(document(guest.aor, target)))
        assert resp.headers.list("P-Refused-URI-List") == ["<%s>" % target]
        assert resp.body == b""  # who is not in a room is not told who is
    resp = refused(alice, 403, FACTORY, part(document(guest.aor, room, LIST)))
    shown, plain = resp.headers.list("P-Refused-URI-List")
    assert plain == "<%s>" % LIST
    uri, _, members = shown.partition(";members=")
    assert uri == "<%s>" % room and members.startswith('"<cid:') and members.endswith('>"')
    ((headers, xml),) = reslist.parts(resp)
    assert headers["content-type"] == reslist.TYPE
    assert headers["content-disposition"] == "recipient-list"
    assert headers["content-id"] == "<" + members[len('"<cid:'):-len('>"')] + ">"
    assert sorted(reslist.entries(xml)) == sorted([(u.aor, {}) for u in (alice, bob, carol)])
    fence(bob, carol)
    assert not_called(guest)


def test_a_name_that_is_a_list_elsewhere(ue, guests, own_mrf):
    # covers: LIST-011
    net = own_mrf(mrfc={"list.expand_refused": "true"})
    alice, (server, bob, carol) = ue("alice", net=net), guests(3, net)
    list_invite(alice, FACTORY, part(document((server.aor, "to"))))
    come_in(alice)
    asked = server.wait_invite()
    kind, body = sipmsg.multipart([part(document(bob.aor, carol.aor, server.aor), cid="m@h")])
    asked.txn.respond(403, None, [("P-Refused-URI-List", '<%s>;members="<cid:m@h>"' % server.aor)],
                      body, kind)
    for one in (bob, carol):
        inv = one.wait_invite().invite
        assert inv.get("Referred-By") == "<%s>" % alice.aor
    carol.accept()
    # Once only: a list of lists ends here.
    kind, body = sipmsg.multipart([part(document(server.aor))])
    bob.call.txn.respond(403, None, [("P-Refused-URI-List", "<%s>" % bob.aor)], body, kind)
    fence(carol, alice)
    assert len(server.ua.seen(method="INVITE")) == 1


def test_a_name_that_is_a_list_elsewhere_is_left_alone_unless_told(ue, guests):
    # covers: LIST-011
    alice, (server, bob, carol) = ue("alice"), guests(3)
    list_invite(alice, FACTORY, part(document(server.aor, carol.aor)))
    come_in(alice)
    kind, body = sipmsg.multipart([part(document(bob.aor))])
    server.wait_invite().txn.respond(403, None, [("P-Refused-URI-List", "<%s>" % server.aor)],
                                     body, kind)
    carol.wait_invite()
    carol.accept()
    fence(carol, alice)
    assert not_called(bob)


def test_the_number_of_entries_is_limited(ue, guests, own_mrf):
    # covers: LIST-012
    alice, (bob,) = ue("alice", transport="tcp"), guests(1)
    many = [bob.aor] + ["sip:u%d@127.0.0.1:9" % i for i in range(100)]
    refused(alice, 403, FACTORY, part(document(*many)))
    refused(alice, 403, FACTORY, part(document(*["sip:%d@h" % i for i in range(9000)])))
    fence_by_options(alice)
    assert not_called(bob)
    net = own_mrf(mrfc={"list.max_entries": 2})
    host, (one, two, three) = ue("host", net=net), guests(3, net)
    refused(host, 403, FACTORY, part(document(one.aor, two.aor)), part(document(three.aor)))
    list_invite(host, FACTORY, part(document(one.aor, two.aor)), part(document(one.aor)))
    come_in(host)
    for called in (one, two):
        called.wait_invite().reject(486)
    assert not_called(three)


def test_loops_end_and_nothing_is_amplified(ue, guests):
    # covers: LIST-012
    alice, (bob, carol, dave) = ue("alice"), guests(3)
    bounds = [TAG, ("Max-Forwards", "9"), ("Max-Breadth", "7")]
    list_invite(alice, FACTORY, part(document(bob.aor, carol.aor, dave.aor)), headers=bounds)
    come_in(alice)
    for one in (bob, carol, dave):
        inv = one.wait_invite().invite
        assert inv.get("Max-Forwards") == "8" and inv.get("Max-Breadth") == "2"
        one.call.reject(486)
    other = ue("other")
    resp = refused(other, 440, FACTORY, part(document(bob.aor, carol.aor, dave.aor)),
                   headers=[TAG, ("Max-Breadth", "2")])
    assert resp.reason == "Max-Breadth Exceeded"


@pytest.mark.parametrize("kind", ["text/plain", "application/vnd.lists+xml"])
def test_a_list_of_another_format(ue, kind):
    # covers: LIST-002, LIST-004
    refused(ue("alice"), 415, FACTORY, part(document("sip:bob@127.0.0.1:9"), kind=kind))


def test_the_tag_without_a_list(ue):
    # covers: LIST-002
    alice = ue("alice")
    alice.invite(FACTORY, headers=[TAG]).expect(400)


def test_a_long_list_goes_out_little_by_little(ue, guests, own_mrf):
    # covers: LIST-001, LIST-012
    net = own_mrf(mrfc={"dialout.rate": 10})
    alice, crowd = ue("alice", net=net), guests(12, net)
    stamps = []
    for one in crowd:
        one.ua.auto["INVITE"] = lambda t: (stamps.append(time.monotonic()), t.respond(486))
    list_invite(alice, FACTORY, part(document(*[one.aor for one in crowd])))
    come_in(alice)
    watch = alice.subscribe()
    assert len(watch.roster.users or watch.update().users) == 13  # all of them, at once
    states = {e["status"] for u in watch.roster.users.values() for e in u["endpoints"].values()}
    assert "pending" in states
    wait(lambda: len(stamps) == 12, what="all calls")
    # Two may go at once, then one in 100 ms; a late loop only makes it longer.
    assert stamps[-1] - stamps[0] >= 0.8


def test_who_leaves_calls_nobody_any_more(ue, guests, own_mrf):
    # covers: LIST-001
    net = own_mrf(mrfc={"dialout.rate": 1})
    alice, crowd = ue("alice", net=net), guests(4, net)
    list_invite(alice, FACTORY, part(document(*[one.aor for one in crowd])))
    come_in(alice)
    crowd[0].wait_invite()
    name = alice.room.partition(":")[2].partition("@")[0]
    assert net.api("DELETE", "/v1/conferences/" + name)[0] in (200, 202, 204)
    crowd[0].call.wait_cancel()
    alice.call.wait_bye()
    assert not_called(*crowd[2:])


def test_calls_without_a_list_tell_who_belongs_where_wanted(ue, guests, own_mrf):
    # covers: IMS-019
    net = own_mrf(mrfc={"dialout.members": "true"})
    alice, bob, (carol,) = ue("alice", net=net), ue("bob", net=net), guests(1, net)
    alice.invite(FACTORY, headers=[("Subject", "Lunch")])
    room = come_in(alice)
    bob.join(room)
    alice.ua.refer(room, carol.aor).expect(202)
    inv = carol.wait_invite().invite
    assert inv.get("Subject") == "Lunch"
    assert sorted(reslist.history(inv)) == sorted(
        (u.aor, {"copyControl": "to"}) for u in (alice, bob, carol))
    carol.accept()
    fence(carol, alice, bob)


def test_a_list_goes_with_a_subject(ue, guests):
    # covers: IMS-019
    alice, (bob,) = ue("alice"), guests(1)
    list_invite(alice, FACTORY, part(document((bob.aor, "to"))),
                headers=[TAG, ("Subject", "Lunch")])
    come_in(alice)
    inv = bob.wait_invite().invite
    assert inv.get("Subject") == "Lunch"
    assert reslist.history(inv) == [(bob.aor, {"copyControl": "to"})]
    bob.accept()
    fence(bob, alice)


def test_a_sender_who_hides_is_not_named(ue, guests):
    # covers: LIST-014
    alice, (bob,) = ue("alice"), guests(1)
    list_invite(alice, FACTORY, part(document(bob.aor)), headers=[TAG, ("Privacy", "id")])
    come_in(alice)
    inv = bob.wait_invite().invite
    assert "Referred-By" not in inv.headers and alice.aor.encode() not in inv.raw
    bob.call.reject(486)


def test_a_taken_back_invite_calls_nobody(ue, guests, mrf):
    # covers: LIST-001
    alice, (bob,) = ue("alice"), guests(1)
    before = mrf.mrfc.metrics()
    list_invite(alice, FACTORY, part(document("sip:x@127.0.0.1:9")), headers=[
        TAG, ("Require", "recipient-list-invite"), ("Require", "unheard-of")]).expect(420)
    assert not_called(bob)
    assert poll(lambda: mrf.mrfc.metrics().sum("mrfc_conferences") <=
                before.sum("mrfc_conferences"))
