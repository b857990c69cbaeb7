# SPDX-License-Identifier: Apache-2.0
"""INVITEs that name a dialog: Replaces takes a member's place, Join comes into his conference."""

from urllib.parse import quote

import pytest

from peer import sipmsg
from peer.servers import poll
from peer.sipcall import bye_reason
from peer.sipmsg import Uri
from peer.ue import fence


def named(call, **changed):
    """Value of a Replaces or Join header for a dialog of a UE with the focus, as the focus has it."""
    ids = {"call_id": call.call_id, "to": call.remote_tag, "from": call.local_tag, **changed}
    return "%s;to-tag=%s;from-tag=%s" % (ids["call_id"], ids["to"], ids["from"])


def name_of(room):
    return Uri(room).user


def people_in(net, room):
    """{uri: participant} of those who are not gone."""
    return {uri: p for uri, p in net.participants(name_of(room)).items()
            if any(e["state"] != "disconnected" for e in p["endpoints"])}


@pytest.fixture
def party(ue, mrf):
    """(room URI, alice who made it, bob)."""
    alice, bob = ue("alice"), ue("bob")
    room = alice.create()
    bob.join(room)
    return room, alice, bob


def test_a_second_device_takes_the_place_of_the_first(party, ue, mrf):
    # covers: REF-026, REF-027, REF-028, FOC-016
    room, alice, bob = party
    assert bob.nickname("Bobby") == 200
    watch = alice.subscribe()
    other = ue("bob")
    other.invite(room, headers=[("Replaces", named(bob.call)), ("Require", "replaces")])
    other.take_answer(other.call.expect(200).text)
    # Nothing of the old one changes until the new one has its connection.
    fence(alice, bob)
    assert not bob.call.ended
    other.open_media()
    assert bye_reason(bob.call.wait_bye())[:2] == ("SIP", 200)
    fence(alice, other)
    people = people_in(mrf, room)
    assert set(people) == {alice.aor, bob.aor} and people[bob.aor]["nickname"] == "Bobby"
    watch.wait(lambda r: list(r.users[bob.aor]["endpoints"]) == [other.ua.contact_uri],
               what="one endpoint of bob, the new one")


def test_no_message_falls_between_the_two(party, ue):
    # covers: REF-027, IMS-024
    room, alice, bob = party
    other = ue("bob")
    for n in range(20):
        alice.send("before %d" % n)
    other.invite(room, headers=[("Replaces", named(bob.call))])
    other.take_answer(other.call.expect(200).text)
    for n in range(20):
        alice.send("while %d" % n)
    other.open_media()
    for n in range(20):
        alice.send("after %d" % n)
    bob.call.wait_bye()
    fence(alice, other)
    got = set(bob.texts) | set(other.texts)
    assert {"%s %d" % (w, n) for w in ("before", "while", "after") for n in range(20)} <= got
    assert [t for t in other.texts if t.startswith("after")] == ["after %d" % n for n in range(20)]


def test_who_was_sent_by_the_member_takes_his_place(party, ue, mrf):
    # covers: REF-016, REF-028
    room, alice, bob = party
    carol = ue("carol")
    carol.join(room, headers=[("Replaces", named(bob.call)), ("Referred-By", "<%s>" % bob.aor)])
    bob.call.wait_bye()
    fence(alice, carol)
    poll(lambda: set(people_in(mrf, room)) == {alice.aor, carol.aor} or None,
         what="carol in bob's place")


def test_nobody_else_may_replace_a_member(party, ue, mrf):
    # covers: REF-028
    room, alice, bob = party
    carol = ue("carol")
    for by in ([], [("Referred-By", "<%s>" % alice.aor)], [("Referred-By", "<%s>" % carol.aor)]):
        assert carol.invite(room, headers=[("Replaces", named(bob.call)), *by]).expect(403)
    fence(alice, bob)
    assert set(people_in(mrf, room)) == {alice.aor, bob.aor}


def test_a_failed_replacement_leaves_the_old_session(party, ue):
    # covers: REF-027
    room, alice, bob = party
    other = ue("bob")
    assert other.invite(room, other.offer(proto="TCP/NOTHING"),
                        headers=[("Replaces", named(bob.call))]).expect(488)
    assert other.invite(room, "v=0\r\nnonsense", headers=[("Replaces", named(bob.call))]).expect(400)
    call = other.ua.invite(room, other.offer(), [("Replaces", named(bob.call))], auto_ack=False)
    call.expect(200)
    call.ack_2xx(call.final())
    call.bye().expect(200)
    fence(alice, bob)
    assert not bob.call.ended
    # And it can be replaced after all.
    other.join(room, headers=[("Replaces", named(bob.call))])
    bob.call.wait_bye()
    fence(alice, other)


@pytest.mark.parametrize("what", ["call id", "to tag", "from tag", "swapped", "subscription"])
def test_a_dialog_that_is_not_there_is_not_replaced(party, ue, what):
    # covers: REF-026
    room, alice, bob = party
    value = {"call id": lambda: named(bob.call, call_id="x" + bob.call.call_id),
             "to tag": lambda: named(bob.call, to="nothing"),
             "from tag": lambda: named(bob.call, **{"from": "nothing"}),
             "swapped": lambda: named(bob.call, to=bob.call.local_tag,
                                      **{"from": bob.call.remote_tag}),
             "subscription": lambda: named(bob.subscribe().sub)}[what]()
    assert ue("bob").invite(room, headers=[("Replaces", value)]).expect(481)
    fence(alice, bob)


def test_a_session_that_is_over_is_not_replaced(party, ue):
    # covers: REF-026
    room, alice, bob = party
    value = named(bob.call)
    bob.leave()
    assert ue("bob").invite(room, headers=[("Replaces", value)]).expect(603)
    fence(alice)


def test_a_session_that_is_up_is_not_replaced_by_who_wants_an_early_one(party, ue):
    # covers: REF-026
    room, alice, bob = party
    value = named(bob.call) + ";early-only"
    assert ue("bob").invite(room, headers=[("Replaces", value)]).expect(486)
    fence(alice, bob)


def test_a_call_of_the_focus_is_replaced_before_it_is_answered(ue, mrf):
    # covers: REF-026, FOC-025
    alice, carol, other = ue("alice"), ue("carol"), ue("carol")
    carol.aor = carol.ua.contact_uri
    room = alice.create()
    alice.ua.refer(room, carol.aor).expect(202)
    ringing = carol.wait_invite()
    ringing.ringing()
    inv = ringing.invite
    value = "%s;to-tag=%s;from-tag=%s;early-only" % (inv.get("Call-ID"), inv.from_.tag,
                                                     ringing.local_tag)
    other.ua.asserted = "<%s>" % carol.aor
    other.aor = carol.aor
    other.join(room, headers=[("Replaces", value)])
    ringing.wait_cancel()
    fence(alice, other)
    poll(lambda: [e["state"] for e in people_in(mrf, room)[carol.aor]["endpoints"]
                  if e["state"] != "disconnected"] == ["connected"] or None, what="one endpoint")


@pytest.mark.parametrize("headers", [
    lambda v: [("Replaces", v), ("Replaces", v)],
    lambda v: [("Join", v), ("Join", v)],
    lambda v: [("Replaces", v), ("Join", v)],
    lambda v: [("Join", v.replace("to-tag", "tag"))],
    lambda v: [("Join", v + ";to-tag=again")],
    lambda v: [("Join", ";" + v)],
    lambda v: [("Replaces", v.partition(";")[0])],
], ids=["two Replaces", "two Join", "both", "no to-tag", "two to-tags", "no Call-ID", "no tags"])
def test_what_names_no_one_dialog_is_refused(party, ue, headers):
    # covers: REF-025
    room, alice, bob = party
    assert ue("bob").invite(room, headers=headers(named(bob.call))).expect(400)
    fence(alice, bob)


@pytest.mark.parametrize("name", ["Replaces", "Join"])
@pytest.mark.parametrize("method", ["SUBSCRIBE", "REFER", "OPTIONS"])
def test_other_requests_name_no_dialog(party, ue, name, method):
    # covers: REF-025
    room, _, bob = party
    extra = {"SUBSCRIBE": [("Event", "conference")], "REFER": [("Refer-To", "<sip:x@y.example>")],
             "OPTIONS": []}[method]
    assert ue("bob").ua.request(method, room, [(name, named(bob.call)), *extra]).expect(400)


def test_join_comes_into_the_conference_of_a_dialog(party, ue, mrf):
    # covers: REF-024
    room, alice, bob = party
    elsewhere = ue("dave").create()
    for n, uri in enumerate((room, elsewhere, "conference-factory")):
        guest = ue("guest%d" % n)
        guest.join(uri, headers=[("Join", named(bob.call)), ("Require", "join")])
        guest.room = room
        fence(guest, alice, bob)
        assert guest.aor in people_in(mrf, room)
    assert set(people_in(mrf, elsewhere)) == {"sip:dave@example.com"}


def test_join_without_its_dialog_needs_a_conference(party, ue, mrf):
    # covers: REF-024
    room, alice, bob = party
    stale = named(bob.call, to="nothing")
    guest = ue("guest")
    guest.join(room, headers=[("Join", stale)])
    fence(guest, alice, bob)
    before = mrf.api("GET", "/v1/conferences")[1]
    assert ue("other").invite("conference-factory", headers=[("Join", stale)]).expect(481)
    assert ue("other").invite("no-such", headers=[("Join", stale)]).expect(481)
    assert mrf.api("GET", "/v1/conferences")[1] == before


def test_who_may_not_join_may_not_join_by_a_dialog(party, ue, mrf):
    # covers: REF-024, FOC-008
    room, alice, bob = party
    mallory = ue("mallory").join(room)
    status, _ = mrf.api("DELETE", "/v1/conferences/%s/participants/%s?ban=1" % (
        name_of(room), quote(mallory.aor, safe="")))
    assert status == 204
    mallory.call.wait_bye()
    assert ue("mallory").invite(room, headers=[("Join", named(bob.call))]).expect(403)


def test_a_session_of_two_becomes_part_of_the_conference(party, ue):
    # covers: REF-013, TGPP-004
    room, alice, bob = party
    carol = ue("carol")
    carol.aor = carol.ua.contact_uri
    value = "425928@phone.example;to-tag=7743;from-tag=6472"
    alice.ua.refer(room, "<%s?Replaces=%s&Subject=no&Route=%%3Csip:192.0.2.1%%3E>" % (
        carol.aor, quote(value, safe=""))).expect(202)
    inv = carol.wait_invite().invite
    assert inv.get("Replaces") == value
    assert inv.get("Subject") is None and inv.get("Route") is None
    carol.accept()
    fence(carol, alice, bob)


@pytest.mark.parametrize("value", ["nonsense", "a%0D%0AX-Evil: 1;to-tag=1;from-tag=2",
                                   "a%00b;to-tag=1;from-tag=2", "a;to-tag=1"])
def test_a_replaces_that_is_none_is_left_out(party, ue, value):
    # covers: REF-013
    room, alice, _ = party
    carol = ue("carol")
    carol.aor = carol.ua.contact_uri
    alice.ua.refer(room, "<%s?Replaces=%s>" % (carol.aor, quote(value, safe="%"))).expect(202)
    inv = carol.wait_invite().invite
    assert inv.get("Replaces") is None and inv.get("X-Evil") is None


def test_a_group_succeeds_a_session_without_a_gap(ue, mrf):
    # covers: IMS-024, TGPP-004, IMS-004
    alice, bob = ue("alice"), ue("bob")
    bob.aor = bob.ua.contact_uri
    room = "two-%s" % sipmsg.token(6)
    alice.join(room, headers=[("Contribution-ID", "of-two-" + room)])
    alice.ua.refer(alice.room, bob.aor).expect(202)
    bob.wait_invite()
    bob.accept()
    fence(alice, bob)
    group = ue("alice")
    group.invite("conference-factory", headers=[("Contribution-ID", "group-" + room),
                                                ("Session-Replaces", "of-two-" + room)])
    resp = group.call.expect(200)
    group.take_answer(resp.text)
    group.room = group._canonical(resp.contact.uri)
    fence(alice, bob)
    assert not alice.call.ended
    group.open_media()
    assert bye_reason(alice.call.wait_bye())[:2] == ("SIP", 200)
    # The one who is called learns which session of his it succeeds; his old one stays until then.
    assert not bob.call.ended
    there = ue("bob")
    there.aor = there.ua.contact_uri
    there.ua.asserted = "<%s>" % bob.aor
    group.ua.refer(group.room, there.aor).expect(202)
    inv = there.wait_invite().invite
    assert inv.get("Session-Replaces") == "of-two-" + room
    assert inv.get("Contribution-ID") == "group-" + room
    there.accept()
    fence(group, there)
