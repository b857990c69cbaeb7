# SPDX-License-Identifier: Apache-2.0
"""Who belongs to a conference, whether his device is there or not: what is kept with it, when it
ends, what the roster and the API show of the absent, who may be in a closed one."""

import re

import pytest

from peer.msrpmsg import new_id
from peer.reslist import document, part
from peer.servers import poll
from peer.sipcall import bye_reason
from peer.ue import fence
from test_lists import come_in, list_invite

FACTORY = "sip:conference-factory@conf.example.com"


def contribution():
    return ("Contribution-ID", "c-" + new_id())


def callable_as_itself(ue):
    """The terminal's identity is where it can be reached without a proxy."""
    ue.aor = ue.ua.aor = ue.ua.contact_uri
    ue.ua.asserted = "<%s>" % ue.aor
    return ue


def create(ue, *headers):
    """The terminal makes a conference at the factory; its name."""
    ue._dial(FACTORY, True, {}, headers)
    return name_of(ue.room)


def name_of(uri):
    return uri.partition(":")[2].partition("@")[0]


def conference(net, name):
    status, doc = net.api("GET", "/v1/conferences/" + name)
    return doc if status == 200 else None


def members(net, name):
    """{user: state of his membership} by the API."""
    return {u: p["member"] for u, p in net.participants(name).items() if p["member"]}


def users(net):
    """A pair on which a lost connection is a lost session at once."""
    return net(mrfc={"media.grace": "0ms"})


def lose(ue):
    """The terminal's MSRP connection breaks; it is told so."""
    call = ue.call
    ue.session.conn.close()
    assert bye_reason(call.wait_bye())[1] == 408


def made_with_members(net, *uris, **more):
    status, doc = net.api("POST", "/v1/conferences", {"members": list(uris), **more})
    assert status == 201, (status, doc)
    return doc


# -- what is kept with the conference ------------------------------------------------------------

def test_headers_of_the_creating_request_go_with_each_call(mrf, ue):
    # covers: IMS-004
    alice, carol, dora = ue("alice"), ue("carol"), ue("dora")
    kept = {"Contribution-ID": contribution()[1], "Conversation-ID": "conv-" + new_id(),
            "InReplyTo-Contribution-ID": "old-" + new_id(), "Subject": "Lunch at noon",
            "Referred-By": "<sip:zoe@example.com>"}
    name = create(alice, *kept.items())
    assert conference(mrf, name)["contribution_id"] == kept["Contribution-ID"]
    for callee in (carol, dora):
        mrf.api("POST", "/v1/conferences/%s/participants" % name, {"uri": callee.ua.contact_uri})
        invite = callee.wait_invite().invite
        assert {h: invite.get(h) for h in kept} == kept
        callee.accept()


def test_a_contribution_id_names_one_conference(mrf, ue):
    # covers: IMS-004, IMS-006
    alice, bob, carol = ue("alice"), ue("bob"), ue("carol")
    one, other = contribution(), contribution()
    first = create(alice, one)
    assert create(bob, other) != first
    assert create(carol, one) == first
    fence(carol, alice)
    alice.leave()
    carol.leave()  # the last member: it is over, and its key is free
    poll(lambda: conference(mrf, first) is None, what="the end")
    assert create(ue("dave"), one) != first


# -- when it ends --------------------------------------------------------------------------------

def test_all_sessions_end_idle_and_the_conference_stays(own_mrf, ue):
    # covers: IMS-005, IMS-018, IMS-022
    net = own_mrf(mrfp={"msrp.session_idle": "2s"})
    alice, bob = ue("alice", net), ue("bob", net)
    key = contribution()
    name = create(alice, key, ("Subject", "Quiet"))
    bob.join(name)
    watch = bob.subscribe()
    fence(alice, bob)
    for one in (alice, bob):
        assert bye_reason(one.call.wait_bye(30)) == ("SIP", 408, "Session idle")
    poll(lambda: set(members(net, name).values()) == {"away"}, what="both away")
    doc = conference(net, name)
    assert doc["state"] == "active" and doc["kept"] and doc["contribution_id"] == key[1]
    assert doc["participant_count"] == 0 and doc["member_count"] == 2
    assert {p["uri"]: (p["state"], p["endpoints"]) for p in doc["participants"]} == {
        one.aor: ("disconnected", []) for one in (alice, bob)}
    roster = watch.wait(lambda r: r.user_count == 0 and all(
        list(r.users.get(one.aor, {"endpoints": ()})["endpoints"]) == [one.aor] for one in (alice, bob)))
    for one in (alice, bob):
        (end,) = roster.users[one.aor]["endpoints"].values()
        assert end["status"] == "disconnected" and end["disconnection_method"] == "departed"
    again = alice.subscribe()  # she has no session, and belongs
    assert set(again.update().users) == {alice.aor, bob.aor}
    assert again.sub.notifies[0].text.count("<reason>SIP;cause=408</reason>") == 2
    bob.join(name)  # and is in again
    watch.wait(lambda r: r.connected() == {bob.aor} and len(r.users[bob.aor]["endpoints"]) == 1)
    assert members(net, name) == {alice.aor: "away", bob.aor: "in"}


def test_a_conference_that_is_not_kept_ends_with_its_sessions(own_mrf, ue, room):
    # covers: IMS-005, FOC-019
    net = users(own_mrf)
    alice, bob = ue("alice", net).join(room), ue("bob", net).join(room)
    watch = alice.subscribe()
    lose(bob)
    watch.wait(lambda r: bob.aor not in r.users)
    assert not conference(net, room)["kept"]
    assert conference(net, room)["participant_count"] == 1
    assert conference(net, room)["member_count"] == 2  # what he misses is told elsewhere
    lose(alice)
    poll(lambda: conference(net, room) is None, what="the end")


def test_with_durable_membership_every_conference_is_kept(own_mrf, ue, room):
    # covers: IMS-005
    net = own_mrf(mrfc={"media.grace": "0ms", "conference.membership": "durable"})
    alice = ue("alice", net).join(room)
    lose(alice)
    poll(lambda: members(net, room) == {alice.aor: "away"}, what="alice away")
    alice.join(room)
    alice.leave()
    poll(lambda: conference(net, room) is None, what="the end")


def test_who_leaves_is_no_member_and_who_is_removed_neither(own_mrf, ue):
    # covers: IMS-005, IMS-018, REF-015
    net = users(own_mrf)
    alice, bob, carol, dora = (ue(n, net) for n in ("alice", "bob", "carol", "dora"))
    name = create(alice, contribution())
    for one in (bob, carol, dora):
        one.join(name)
    watch = alice.subscribe()
    bob.leave()
    lose(dora)
    watch.wait(lambda r: set(r.users) == {alice.aor, carol.aor, dora.aor})
    carol_gone = carol.subscribe(alice.room)
    ref = alice.ua.refer(alice.room, "<%s;method=BYE>" % carol.aor)
    ref.wait_frag("SIP/2.0 200")
    assert bye_reason(carol.call.wait_bye())[1] == 603
    carol_gone.sub.wait_terminated()
    status, _ = net.api("DELETE", "/v1/conferences/%s/participants/%s" % (
        name, dora.aor.replace(":", "%3A").replace("@", "%40")))
    assert status == 204  # though she has no session
    watch.wait(lambda r: set(r.users) == {alice.aor})
    assert members(net, name) == {alice.aor: "in"}


def test_only_a_bye_that_says_so_ends_a_membership_where_it_is_set(own_mrf, ue):
    # covers: IMS-005
    net = own_mrf(mrfc={"conference.leave": "reason"})
    alice, bob, carol = (ue(n, net) for n in ("alice", "bob", "carol"))
    name = create(alice, contribution())
    bob.join(name)
    carol.join(name)
    bob.leave()
    poll(lambda: members(net, name)[bob.aor] == "away", what="bob away")
    carol.call.bye([("Reason", 'SIP;cause=200;text="Call completed"')]).expect(200)
    poll(lambda: carol.aor not in members(net, name), what="carol out")
    alice.call.bye([("Reason", "SIP ; text=\"bye\" ; cause=486")]).expect(200)
    poll(lambda: members(net, name) == {alice.aor: "away", bob.aor: "away"}, what="alice away")


def test_with_too_few_left_the_conference_ends(own_mrf, ue, room):
    # covers: IMS-005, FOC-019
    net = own_mrf(mrfc={"conference.end": "min-participants", "media.grace": "0ms"})
    alice, bob, carol = (ue(n, net).join(room) for n in ("alice", "bob", "carol"))
    alice.leave()
    fence(bob, carol)
    carol.leave()
    assert bye_reason(bob.call.wait_bye()) == ("SIP", 410, "Conference ended")
    name = create(alice, contribution())  # kept: it counts members
    bob.join(name)
    carol.join(name)
    lose(carol)
    bob.leave()
    fence(alice)
    assert members(net, name) == {alice.aor: "in", carol.aor: "away"}
    alice.leave()
    poll(lambda: conference(net, name) is None, what="the end")


def test_the_creator_who_is_away_still_belongs(own_mrf, ue):
    # covers: IMS-005, FOC-019a
    net = own_mrf(mrfc={"conference.end": "creator-leaves", "media.grace": "0ms"})
    alice, bob = ue("alice", net), ue("bob", net)
    name = create(alice, contribution())
    bob.join(name)
    lose(alice)
    fence(bob)
    alice.join(name)
    fence(bob, alice)
    alice.leave()
    assert bye_reason(bob.call.wait_bye()) == ("SIP", 410, "Conference ended")


def test_nobody_in_for_long_ends_the_conference(own_mrf, ue, room):
    # covers: IMS-005
    net = own_mrf(mrfc={"conference.end": "max-idle", "conference.max_idle": "2s"})
    alice, bob = ue("alice", net).join(room), ue("bob", net)
    alice.leave()
    poll(lambda: conference(net, room)["participant_count"] == 0, what="nobody in")
    bob.join(room)  # it is still there, and not idle any more
    watch = bob.subscribe()
    bob.leave()
    watch.sub.wait_terminated(timeout=20)
    poll(lambda: conference(net, room) is None, what="the end")


# -- the roster as clients want it ---------------------------------------------------------------

def test_the_roster_tells_the_reader_who_he_is_and_who_is_absent(own_mrf, ue):
    # covers: IMS-018, CONF-010, CONF-015
    net = own_mrf(mrfc={"media.grace": "0ms", "conference.max_users": 50})
    alice, bob, carol = (ue(n, net) for n in ("alice", "bob", "carol"))
    key = contribution()
    name = create(alice, key, ("Subject", "Plans & more"))
    bob.join(name)
    status, _ = net.api("POST", "/v1/conferences/%s/participants" % name,
                        {"uri": carol.ua.contact_uri, "display": "Carol C"})
    assert status == 202
    carol.wait_invite().reject(480)
    invited = carol.ua.contact_uri
    poll(lambda: members(net, name).get(invited) == "invited", what="carol's failed call")
    for me, other in ((alice, bob), (bob, alice)):
        watch = me.subscribe(alice.room)
        roster = watch.wait(lambda r: [e["status"] for e in r.users.get(invited, {"endpoints": {}})[
            "endpoints"].values()] == ["pending"])
        assert roster.users[invited]["display"] == "Carol C"
        first = watch.sub.notifies[0].text
        own = re.findall(r'<user entity="([^"]*)"[^>]* yourown="true"', first)
        assert own == [me.aor] and first.count("yourown") == 1
        assert "<subject>Plans &amp; more</subject>" in first
        assert "<maximum-user-count>50</maximum-user-count>" in first
        assert "owner" in roster.users[alice.aor]["roles"] and not roster.users[bob.aor]["roles"]
        assert roster.user_count == 2 and not roster.problems


def test_owners_may_be_shown_as_administrators_too(own_mrf, ue):
    # covers: IMS-018
    net = own_mrf(mrfc={"conference.administrator": "true"})
    alice, bob = ue("alice", net), ue("bob", net)
    bob.join(create(alice))
    roster = bob.subscribe(alice.room).wait(lambda r: len(r.users) == 2)
    assert roster.users[alice.aor]["roles"] == ["owner", "administrator"]
    assert roster.users[bob.aor]["roles"] == [] and not roster.problems


def test_a_user_has_one_uri_however_it_is_written(own_mrf, ue):
    # covers: IMS-018
    net = users(own_mrf)
    alice, bob = ue("alice", net), ue("bob", net)
    name = create(alice, contribution())
    watch = alice.subscribe()
    bob.ua.asserted = "<sip:bob@EXAMPLE.com;transport=tcp;user=phone>"
    bob.join(name)
    watch.wait(lambda r: r.connected() == {alice.aor, "sip:bob@example.com"})
    lose(bob)
    bob.ua.asserted = "<sips:bob@Example.COM>"
    bob.join(name)
    watch.wait(lambda r: r.connected() == {alice.aor, "sip:bob@example.com"})
    assert set(members(net, name)) == {alice.aor, "sip:bob@example.com"}


def test_a_call_declined_for_good_is_no_membership(mrf, ue):
    # covers: IMS-005, CONF-013
    alice, carol, dora = ue("alice"), ue("carol"), ue("dora")
    name = create(alice, contribution())
    for callee, status in ((carol, 603), (dora, 486)):
        mrf.api("POST", "/v1/conferences/%s/participants" % name, {"uri": callee.ua.contact_uri})
        callee.wait_invite().reject(status)
    watch = alice.subscribe()
    watch.wait(lambda r: set(r.users) == {alice.aor, dora.ua.contact_uri})
    assert conference(mrf, name)["member_count"] == 2


# -- made by the operator, open and closed -------------------------------------------------------

def test_the_operator_makes_a_conference_of_members(mrf, ue):
    # covers: IMS-005, IMS-018
    alice, bob = ue("alice"), callable_as_itself(ue("bob"))
    doc = made_with_members(mrf, alice.aor, bob.aor, bob.aor + ";transport=udp", invite=True,
                            subject="By the office")
    assert doc["mode"] == "open" and doc["kept"] and doc["member_count"] == 2
    name = doc["name"]
    assert bob.wait_invite().invite.get("Subject") == "By the office"
    bob.accept()
    poll(lambda: members(mrf, name) == {alice.aor: "invited", bob.aor: "in"}, what="bob in")
    watch = bob.subscribe()
    assert watch.update().users[alice.aor]["endpoints"][alice.aor]["status"] == "pending"
    bob.leave()
    alice.join(name)  # it was kept for her
    mrf.api("DELETE", "/v1/conferences/" + name)
    alice.call.wait_bye()


@pytest.mark.parametrize("body", [
    {"mode": "shut"}, {"mode": "closed"}, {"mode": 7}, {"members": "sip:a@b"}, {"members": [7]},
    {"members": ["sip:alice@example.com", "mailto:x@y"]}, {"members": ["sip:@example.com"]},
    {"members": ["sip:alice@example.com"], "invite": "yes"},
    {"members": ["sip:u%d@example.com" % n for n in range(1001)]}])
def test_wrong_members_are_refused(mrf, room, body):
    # covers: IMS-020
    status, doc = mrf.api("POST", "/v1/conferences", {"name": room, **body})
    assert status == 400 and doc["error"]["code"] == "bad_request"
    poll(lambda: conference(mrf, room) is None, what="no conference")


def test_a_closed_conference_is_for_its_members_alone(mrf, ue):
    # covers: IMS-020, FOC-008
    alice, bob, eve, zoe = ue("alice"), ue("bob"), ue("eve"), ue("zoe")
    doc = made_with_members(mrf, alice.aor, bob.aor, mode="closed")
    name = doc["name"]
    assert doc["mode"] == "closed"
    alice.join(name)
    bob.join(name)
    fence(alice, bob)
    refused = eve.invite(name).final()
    assert refused.code == 403 and re.match(r'399 \S+ ".*closed.*"', refused.get("Warning"))
    ref = alice.ua.refer(alice.room, zoe.ua.contact_uri)
    assert ref.final().code == 403
    status, doc = mrf.api("POST", "/v1/conferences/%s/participants" % name,
                          {"uri": zoe.ua.contact_uri})
    assert status == 403 and doc["error"]["code"] == "refused"
    assert set(members(mrf, name)) == {alice.aor, bob.aor}
    assert not zoe.ua.seen("in", "INVITE")
    bob.leave()
    again = bob.invite(name).final()
    assert again.code == 403  # he left it


def test_a_list_makes_a_closed_conference_where_it_is_set(own_mrf, ue):
    # covers: IMS-020, IMS-005, LIST-001
    net = own_mrf(mrfc={"media.grace": "0ms", "conference.mode": "closed",
                        "conference.text_closed": "Nur geladene Gaeste"})
    alice, bob, eve = ue("alice", net), callable_as_itself(ue("bob", net)), ue("eve", net)
    list_invite(alice, FACTORY, part(document((bob.aor, "to"))))
    name = name_of(come_in(alice))
    bob.wait_invite().reject(486)
    poll(lambda: members(net, name) == {alice.aor: "in", bob.aor: "invited"}, what="bob invited")
    assert conference(net, name)["mode"] == "closed" and conference(net, name)["kept"]
    refused = eve.invite(name).final()
    assert refused.code == 403 and '"Nur geladene Gaeste"' in refused.get("Warning")
    assert alice.ua.refer(alice.room, eve.ua.contact_uri).final().code == 403
    bob.join(name)  # he is on the list
    fence(bob, alice)
    lose(alice)
    lose(bob)
    alice.join(name)  # as is who made it
    bob.wait_invite()
    bob.accept()
    fence(alice, bob)
    other = create(eve)  # without a list there is nobody to be closed for
    assert conference(net, other)["mode"] == "open"


def test_a_full_conference_says_so(own_mrf, ue, room):
    # covers: IMS-020, FOC-009
    net = own_mrf(mrfc={"conference.max_users": 2, "conference.text_full": "Voll"})
    alice, bob = ue("alice", net).join(room), ue("bob", net).join(room)
    refused = ue("eve", net).invite(room).final()
    assert refused.code == 486 and '"Voll"' in refused.get("Warning")
    fence(alice, bob)
