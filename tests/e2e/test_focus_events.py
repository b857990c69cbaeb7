# SPDX-License-Identifier: Apache-2.0
"""The conference event package: who may subscribe, documents, versions, throttling, ends."""

import time

import pytest

from peer.confinfo import Document
from peer.loop import LOOP, wait
from peer.servers import poll
from peer.sipcall import substate
from peer.sipmsg import Uri
from peer.ue import RosterWatch, fence
from test_focus_leave import documents

XML = "application/conference-info+xml"


def endpoints(doc, aor):
    return list(doc.users[aor].endpoints.values()) if aor in doc.users else []


def test_a_subscription_starts_with_the_whole(ue, mrf, trio):
    # covers: CONF-001, CONF-002, CONF-004, CONF-008, CONF-009, CONF-010, CONF-012, CONF-015
    room, alice, bob, carol = trio
    watch = alice.subscribe()
    resp = watch.sub.final()
    assert 0 < int(resp.get("Expires")) <= 3600 and "isfocus" in resp.contact.params
    note = watch.sub.notifies[0]
    assert note.content_type == XML and note.get("Event") == "conference"
    assert note.from_.uri == room and note.from_.tag == watch.sub.remote_tag
    assert "isfocus" in note.contact.params
    state, params = substate(note)
    assert state == "active" and 0 < int(params["expires"]) <= 3600
    doc = Document(note.body)
    assert doc.check() == [] and doc.state == "full" and doc.entity == room
    assert doc.text("conference-description", "conf-uris", "entry", "uri") == room
    assert doc.text("conference-description", "available-media", "entry", "type") == "message"
    assert doc.text("conference-state", "user-count") == "3"
    assert doc.text("conference-state", "active") == "true"
    assert doc.text("conference-state", "locked") == "false"
    assert set(doc.users) == {alice.aor, bob.aor, carol.aor}
    for member in (alice, bob, carol):
        (end,) = endpoints(doc, member.aor)
        assert (end.status, end.joining_method) == ("connected", "dialed-in")
        assert Uri(end.entity).user == member.name
        assert (end.media_type, end.media_status) == ("message", "sendrecv")
        assert end.joined_when.endswith("Z") or "+" in end.joined_when


def test_a_shorter_life_is_granted_as_asked(trio):
    # covers: CONF-002
    _, alice, _, _ = trio
    sub = alice.subscribe(expires=120).sub
    assert int(sub.final().get("Expires")) == 120
    assert int(substate(sub.notifies[0])[1]["expires"]) <= 120


def test_a_longer_life_is_cut(trio):
    # covers: CONF-002
    _, alice, _, _ = trio
    assert int(alice.subscribe(expires=1000000).sub.final().get("Expires")) <= 3600


def test_the_usual_life_is_an_hour(trio):
    # covers: CONF-002
    _, alice, _, _ = trio
    sub = alice.subscribe(headers=[("Expires", None)]).sub
    assert int(sub.final().get("Expires")) == 3600


REFUSED = {
    # covers: CONF-001
    "only other documents": ([("Accept", "text/plain, application/pidf+xml")], 406),
    # covers: CONF-003
    "another event": ([("Event", "presence")], 489),
    "no event": ([("Event", None)], (489, 400)),
    "too brief": ([("Expires", "1")], 423),
}


@pytest.mark.parametrize("case", REFUSED)
def test_subscriptions_that_are_refused(trio, case):
    # covers: CONF-001, CONF-003
    room, alice, _, _ = trio
    headers, status = REFUSED[case]
    resp = alice.ua.subscribe(room, headers=headers).expect(status)
    if resp.code == 489:
        assert "conference" in resp.headers.tokens("Allow-Events")
    if resp.code == 423:
        assert 1 < int(resp.get("Min-Expires")) <= 3600


@pytest.mark.parametrize("accept", [None, XML, "*/*", "application/*", "text/plain, " + XML])
def test_documents_that_are_accepted(trio, accept):
    # covers: CONF-001
    room, alice, _, _ = trio
    sub = alice.ua.subscribe(room, headers=[("Accept", accept)])
    sub.expect(200)
    assert sub.wait_notify().content_type == XML


def test_no_subscription_to_nothing(ue, mrf, room):
    # covers: CONF-003
    alice = ue("alice")
    assert alice.ua.subscribe(alice.uri_of(room)).expect(404)
    assert alice.ua.subscribe(alice.uri_of("conference-factory")).expect((403, 404, 405, 489))


def test_one_look(trio):
    # covers: CONF-005, CONF-008
    room, alice, bob, carol = trio
    sub = alice.ua.subscribe(room, expires=0)
    assert int(sub.expect(200).get("Expires") or 0) == 0
    note = sub.wait_notify()
    assert substate(note)[0] == "terminated" and substate(note)[1]["reason"] == "timeout"
    doc = Document(note.body)
    assert doc.check() == [] and doc.state == "full" and len(doc.users) == 3
    bob.leave()
    watch = carol.subscribe()
    watch.wait(lambda r: bob.aor not in r.connected())
    assert len(sub.notifies) == 1


def test_unsubscribing(ue, trio):
    # covers: CONF-005, CONF-008
    room, alice, bob, carol = trio
    watch = alice.subscribe()
    other = bob.subscribe()
    watch.sub.unsubscribe().expect(200)
    final = watch.sub.wait_terminated()
    assert substate(final)[1]["reason"] == "timeout"
    assert Document(final.body).state == "full"
    ue("dave").join(room)
    other.wait(lambda r: "sip:dave@example.com" in r.users)
    assert watch.sub.notifies[-1] is final
    assert watch.sub.refresh().final().code == 481


def test_a_refresh_brings_the_whole_again(ue, trio):
    # covers: CONF-007, CONF-008
    room, alice, bob, carol = trio
    watch = alice.subscribe()
    count = len(watch.sub.notifies)
    watch.sub.refresh(1800).expect(200)
    note = watch.sub.wait_notify(after=count)
    doc, before = Document(note.body), Document(watch.sub.notifies[count - 1].body)
    assert doc.state == "full" and len(doc.users) == 3
    assert doc.version in (before.version, before.version + 1)
    assert 1700 <= int(substate(note)[1]["expires"]) <= 1800
    ue("dave").join(room)
    watch.wait(lambda r: "sip:dave@example.com" in r.connected())
    assert watch.roster.problems == []


def test_versions_count_one_by_one(ue, trio):
    # covers: CONF-007, CONF-008, CONF-013, CONF-011
    room, alice, bob, carol = trio
    watch = alice.subscribe()
    for name in ("dave", "erik", "fred"):
        one = ue(name).join(room)
        watch.wait(lambda r, u=one.aor: u in r.connected())
        one.leave()
        watch.wait(lambda r, u=one.aor: u not in r.connected())
    docs = documents(watch)
    assert docs[0].state == "full"
    assert [d.version for d in docs] == list(range(docs[0].version, docs[0].version + len(docs)))
    assert "partial" in {d.state for d in docs}
    assert all(d.check() == [] for d in docs)
    # Leavers are shown leaving, then taken off.
    wait(lambda: set(watch.update().users) == {alice.aor, bob.aor, carol.aor},
         what="the removal of who left")
    methods = {e.disconnection_method for d in documents(watch) for u in d.users.values()
               for e in u.endpoints.values() if e.status == "disconnected"}
    assert methods <= {"departed"}


def test_two_subscribers_count_for_themselves(ue, trio):
    # covers: CONF-007
    room, alice, bob, carol = trio
    early = alice.subscribe()
    dave = ue("dave").join(room)
    early.wait(lambda r: dave.aor in r.connected())
    late = bob.subscribe()
    ue("erik").join(room)
    for watch in (early, late):
        watch.wait(lambda r: "sip:erik@example.com" in r.connected())
        assert watch.roster.problems == []
        assert watch.roster.users.keys() == early.roster.users.keys()


def test_the_state_of_media_is_shown(trio):
    # covers: FOC-021, CONF-012
    _, alice, bob, _ = trio
    watch = alice.subscribe()
    for direction, shown in (("sendonly", "on-hold"), ("sendrecv", "connected")):
        bob.call.reinvite(bob.offer(new=False, direction=direction)).expect(200)
        watch.wait(lambda r, s=shown: s in [
            e["status"] for e in r.users[bob.aor]["endpoints"].values()])


def test_display_names_are_data(ue, trio):
    # covers: CONF-020, CONF-009
    room, alice, _, _ = trio
    watch = alice.subscribe()
    odd = ue("dave", display='<b>&amp; \'é" ]]>'.replace('"', '\\"')).join(room)
    roster = watch.wait(lambda r: odd.aor in r.connected())
    assert roster.users[odd.aor]["display"] == '<b>&amp; \'é" ]]>'


def test_nicknames_are_shown_and_are_data(trio):
    # covers: CONF-019, CONF-020
    _, alice, bob, _ = trio
    watch = alice.subscribe()
    assert bob.nickname("<&> Böb") == 200
    watch.wait(lambda r: r.users[bob.aor]["nickname"] == "<&> Böb")


def crowd(agent, room, count):
    """INVITEs of `count` users at once from one address; the calls."""
    calls = []
    for n in range(count):
        agent.ua.aor = "sip:user%d@example.com" % n
        agent.ua.asserted = "<%s>" % agent.ua.aor
        calls.append(agent.ua.invite(room, agent.offer()))
    return calls


def test_many_changes_make_few_notifications(ue, mrf, room):
    # covers: CONF-016, CONF-007
    alice, agent = ue("alice").join(room), ue("agent")
    watch = alice.subscribe()
    first = len(watch.sub.notifies)
    start = time.monotonic()
    for call in crowd(agent, alice.room, 100):
        call.expect(200)
    watch.wait(lambda r: len(r.connected()) == 101, 30)
    elapsed = time.monotonic() - start
    got = len(watch.sub.notifies) - first
    assert got <= 3 + elapsed / 1.0 + 1, "%d NOTIFYs in %.1f s" % (got, elapsed)
    assert watch.roster.user_count == 101 and watch.roster.problems == []
    assert mrf.api("DELETE", "/v1/conferences/%s" % room)[0] == 204
    watch.sub.wait_terminated(30)


def answering(member, room, answer):
    """A subscription whose NOTIFYs are answered so from the first one on."""
    with LOOP.cond:
        sub = member.ua.subscribe(room)
        sub.answer = answer
    return sub


def test_one_notification_at_a_time(ue, trio):
    # covers: CONF-016, CONF-018
    room, alice, bob, carol = trio
    held = []
    sub = answering(alice, room, held.append)
    other = bob.subscribe()
    wait(lambda: held, what="the first NOTIFY")
    dave = ue("dave").join(room)
    other.wait(lambda r: dave.aor in r.connected())
    dave.leave()
    other.wait(lambda r: dave.aor not in r.connected())
    with LOOP.cond:
        assert len({t.request.cseq for t in held}) == 1
        sub.answer = 200
    held[0].respond(200)
    watch = RosterWatch(sub)
    watch.wait(lambda r: r.users and dave.aor not in r.connected())
    assert watch.roster.problems == []


@pytest.mark.parametrize("status", [481, 404, 500])
def test_who_refuses_notifications_gets_no_more(ue, trio, status):
    # covers: CONF-018
    room, alice, bob, carol = trio
    other, sub = bob.subscribe(), answering(alice, room, status)
    sub.wait_notify()
    for name in ("dave", "erik"):
        member = ue(name).join(room)
        other.wait(lambda r, u=member.aor: u in r.connected())
    assert len(sub.notifies) == 1


def test_who_is_busy_gets_it_later(ue, trio):
    # covers: CONF-018
    room, alice, bob, carol = trio
    def busy(txn):
        sub.answer = 200
        txn.respond(503, headers=[("Retry-After", "1")])
    sub = answering(alice, room, busy)
    sub.expect(200)
    first = sub.wait_notify()
    ue("dave").join(room)
    watch = RosterWatch(sub)
    sub.wait_notify(lambda n: n is not first)
    with LOOP.cond:
        watch.fed = 1  # the first was refused
    watch.wait(lambda r: "sip:dave@example.com" in r.connected())


def test_notifications_follow_the_recorded_route(ue, trio):
    # covers: FOC-029, CONF-002
    room, alice, _, _ = trio
    here, beyond = "<sip:%s;lr>" % alice.ua.sent_by, "<sip:far.example.com;lr>"
    sub = alice.ua.subscribe(room, headers=[("Record-Route", here), ("Record-Route", beyond)])
    sub.expect(200)
    note = sub.wait_notify()
    assert note.headers.list("Route") == [here, beyond] and note.uri == alice.ua.contact_uri


def test_a_subscription_may_share_the_calls_dialog(trio, ue):
    # covers: CONF-002, CONF-004
    room, alice, bob, carol = trio
    txn = alice.call.request("SUBSCRIBE", [("Event", "conference"), ("Expires", "600"),
                                           ("Accept", XML)])
    txn.expect(200)
    note = alice.call.wait_request("NOTIFY").request
    assert Document(note.body).state == "full" and len(Document(note.body).users) == 3
    # Leaving the call leaves the subscription.
    alice.call.bye().expect(200)
    wait(lambda: [t for t in alice.call.requests if t.request.method == "NOTIFY"][1:],
         what="a NOTIFY after the BYE")
    fence(bob, carol)


def test_who_only_watches_is_no_participant(ue, mrf, trio):
    # covers: CONF-004
    room, alice, bob, carol = trio
    ua = ue("watcher").ua
    sub = ua.subscribe(room)
    resp = sub.final()
    assert resp.code in (200, 403)
    if resp.code == 200:
        doc = Document(sub.wait_notify().body)
        assert set(doc.users) == {alice.aor, bob.aor, carol.aor}
    poll(lambda: len(mrf.participants(Uri(room).user)) == 3)
