# SPDX-License-Identifier: Apache-2.0
"""Subscriptions that ask for too much, odd ones that are fine, methods that nobody serves here."""

import pytest

from peer.confinfo import Document
from peer.loop import LOOP, wait
from peer.servers import poll
from peer.sipcall import substate
from peer.sipmsg import Uri
from peer.ue import RosterWatch

XML = "application/conference-info+xml"


@pytest.mark.parametrize("asked", ["4294967295", "4294967296", "99999999999999999999"])
def test_a_life_without_end_is_cut_to_ours(trio, asked):
    # covers: CONF-002
    _, alice, _, _ = trio
    sub = alice.ua.subscribe(trio[0], headers=[("Expires", asked)])
    resp = sub.final()
    if resp.code == 400:
        assert int(asked) > 0xffffffff
        return
    assert resp.code == 200 and int(resp.get("Expires")) == 3600
    assert int(substate(sub.wait_notify())[1]["expires"]) <= 3600


@pytest.mark.parametrize("expires,code", [("1", 423), ("59", 423), ("60", 200)])
def test_a_short_life_is_refused_with_the_shortest(trio, expires, code):
    # covers: CONF-003
    room, alice, _, _ = trio
    resp = alice.ua.subscribe(room, headers=[("Expires", expires)]).expect(code)
    if code == 423:
        assert resp.get("Min-Expires") == "60"
        alice.ua.subscribe(room, headers=[("Expires", resp.get("Min-Expires"))]).expect(200)


def test_a_refresh_may_be_too_brief_and_changes_nothing(trio):
    # covers: CONF-003
    _, alice, _, _ = trio
    watch = alice.subscribe()
    count = len(watch.sub.notifies)
    assert watch.sub.refresh(5).expect(423).get("Min-Expires") == "60"
    watch.sub.refresh(600).expect(200)  # the same subscription
    note = watch.sub.wait_notify(after=count)
    assert 500 < int(substate(note)[1]["expires"]) <= 600 and len(watch.sub.notifies) == count + 1


def subscriptions(mrf):
    return mrf.mrfc.metrics()["mrfc_subscriptions"]


def test_looks_in_a_loop_meet_the_rate_and_leave_nothing(ue, own_mrf):
    # covers: CONF-005
    mrf = own_mrf(mrfc={"event.subscribe_rate": 2})
    alice, bob = ue("alice", mrf).join("loop"), ue("bob", mrf).join("loop")
    looks = [alice.ua.subscribe(alice.room, expires=0) for _ in range(60)]
    codes = [sub.final().code for sub in looks]
    assert set(codes) == {200, 503} and 20 <= codes.count(200) <= 30
    for sub in looks:
        if sub.final().code == 503:
            assert 1 <= int(sub.final().get("Retry-After")) <= 10 and sub.notifies == []
        else:
            note = sub.wait_notify()
            assert substate(note) == ("terminated", {"reason": "timeout"})
            assert len(Document(note.body).users) == 2
    # Others are served as ever, and nothing of it all stays.
    watch = bob.subscribe()
    poll(lambda: subscriptions(mrf) == 1)
    watch.sub.unsubscribe().expect(200)
    poll(lambda: subscriptions(mrf) == 0)


def test_refreshes_in_a_loop_meet_the_rate_but_one_may_always_stop(ue, own_mrf):
    # covers: CONF-005, CONF-008
    mrf = own_mrf(mrfc={"event.subscribe_rate": 1})
    alice = ue("alice", mrf).join("loop")
    watch = alice.subscribe()
    codes = [watch.sub.refresh().final().code for _ in range(30)]
    assert codes[:5] == [200] * 5 and codes[-1] == 503
    watch.sub.unsubscribe().expect(200)
    assert Document(watch.sub.wait_terminated().body).state == "full"
    assert alice.ua.subscribe(alice.room).expect(503).get("Retry-After")


def test_one_user_has_so_many_subscriptions(ue, own_mrf):
    # covers: CONF-004
    mrf = own_mrf(mrfc={"event.max_per_user": 3})
    alice, bob = ue("alice", mrf).join("many"), ue("bob", mrf).join("many")
    subs = [alice.ua.subscribe(alice.room) for _ in range(3)]
    for sub in subs:
        sub.expect(200)
        sub.wait_notify()
    assert int(alice.ua.subscribe(alice.room).expect(503).get("Retry-After")) > 0
    bob.subscribe()
    subs[1].unsubscribe().expect(200)
    subs[1].wait_terminated()
    extra = alice.ua.subscribe(alice.room)
    extra.expect(200)
    # Each goes on for itself: own versions, everybody told.
    watches = [RosterWatch(s) for s in (subs[0], subs[2], extra)]
    carol = ue("carol", mrf).join("many")
    for watch in watches:
        watch.wait(lambda r: carol.aor in r.connected())
        assert watch.roster.problems == []


@pytest.mark.parametrize("headers", [
    [("Suppress-If-Match", "abc")], [("SIP-If-Match", "1")], [("Accept-Encoding", "gzip")],
    [("Request-Disposition", "no-fork")], [("Accept-Contact", "*;isfocus;require;explicit")],
    [("Reject-Contact", "*;isfocus")], [("X-Other", "1")], [("Supported", "eventlist, gruu")],
    [("Event", "conference;id=17")], [("Event", "conference;x=y")], [("Recv-Info", "nothing")],
], ids=lambda h: "%s: %s" % h[0])
def test_what_we_need_not_know_is_tolerated(trio, headers):
    # covers: CONF-002, CAP-003, CAP-004
    room, alice, bob, carol = trio
    sub = alice.ua.subscribe(room, headers=headers)
    assert sub.expect(200).headers.tokens("Allow-Events") == ["conference"]
    note = sub.wait_notify()
    assert Document(note.body).state == "full"
    if headers[0][1].startswith("conference;id"):
        assert note.get("Event") == "conference;id=17"
        resp = sub.request("SUBSCRIBE", [("Event", "conference"), ("Expires", "0")]).final()
        assert resp.code in (200, 481)  # it is another subscription
        assert substate(sub.notifies[0])[0] == "active"


def test_a_document_in_another_type_is_asked_for_in_a_refresh(trio):
    # covers: CONF-001
    _, alice, _, _ = trio
    watch = alice.subscribe()
    resp = watch.sub.refresh(600, [("Accept", "application/pidf+xml")]).expect(406)
    watch.sub.refresh(600, [("Accept", XML)]).expect(200)
    assert resp.code == 406 and watch.roster.problems == []


METHODS = {
    # covers: TGPP-006, FOC-028
    "MESSAGE": 405, "PUBLISH": 405, "REGISTER": 405, "WHATEVER": 501,
}


@pytest.mark.parametrize("where", ["factory", "room", "list", "nobody"])
@pytest.mark.parametrize("method", METHODS)
def test_methods_that_are_not_served_are_named(trio, where, method):
    # covers: TGPP-006
    room, alice, bob, carol = trio
    uri = {"factory": alice.uri_of("conference-factory"), "room": room, "list": alice.uri_of("list"),
           "nobody": alice.uri_of("nobody-here")}[where]
    headers = [("Event", "presence")] if method == "PUBLISH" else []
    resp = alice.ua.request(method, uri, headers, b"hello", content_type="text/plain").final()
    assert resp.code == METHODS[method]
    allow = resp.headers.tokens("Allow")
    assert {"invite", "subscribe", "refer", "options"} <= set(allow)
    assert method.lower() not in allow
    bob.send_text("all is well")
    carol.wait_text("all is well")


@pytest.mark.parametrize("where", ["factory", "room"])
@pytest.mark.parametrize("event", ["presence", "reg", "dialog", "message-summary", "conference.winfo"])
def test_other_events_are_not_served(trio, where, event):
    # covers: TGPP-006, CONF-003
    room, alice, _, _ = trio
    uri = alice.uri_of("conference-factory") if where == "factory" else room
    resp = alice.ua.subscribe(uri, event=event).expect(489)
    assert resp.headers.tokens("Allow-Events") == ["conference"]


def test_info_is_of_no_dialog_or_not_served(trio):
    # covers: TGPP-006
    room, alice, _, _ = trio
    assert alice.ua.request("INFO", room).final().code in (405, 481)
    resp = alice.call.request("INFO", [("Info-Package", "x")]).final()
    assert resp.code == 405 and "invite" in resp.headers.tokens("Allow")
    resp = alice.call.request("MESSAGE", [], b"hi", "text/plain").final()
    assert resp.code == 405 and "invite" in resp.headers.tokens("Allow")
    alice.leave()


def test_events_are_named_wherever_they_belong(trio):
    # covers: CONF-001, TGPP-006
    room, alice, _, _ = trio
    assert alice.call.txn.final().headers.tokens("Allow-Events") == ["conference"]
    assert alice.ua.request("OPTIONS", room).expect(200).headers.tokens("Allow-Events") == ["conference"]
    assert alice.subscribe().sub.final().headers.tokens("Allow-Events") == ["conference"]
    alice.call.reinvite(alice.offer(new=False)).expect(200)
    assert alice.call.request("UPDATE").expect(200).headers.tokens("Allow-Events") == ["conference"]


def test_a_refused_notify_in_the_calls_dialog_ends_the_subscription_not_the_call(trio, ue):
    # covers: CONF-018
    room, alice, bob, carol = trio
    codes = iter([200, 481])
    alice.call.ua.auto["NOTIFY"] = lambda t: t.respond(next(codes, 200))
    alice.call.request("SUBSCRIBE", [("Event", "conference"), ("Expires", "600"), ("Accept", XML)]).expect(200)
    alice.call.wait_request("NOTIFY")
    other = bob.subscribe()
    dave = ue("dave").join(room)
    alice.call.wait_request("NOTIFY")
    dave.leave()
    other.wait(lambda r: dave.aor not in r.users, 20)
    with LOOP.cond:
        assert len([t for t in alice.call.requests if t.request.method == "NOTIFY"]) == 2
    resp = alice.call.request("SUBSCRIBE", [("Event", "conference"), ("Expires", "0"), ("Accept", XML)])
    resp.final()
    bob.send_text("still here?")
    alice.wait_text("still here?")


@pytest.mark.slow
def test_a_silent_watcher_is_given_up(ue, own_mrf):
    # covers: CONF-018
    mrf = own_mrf(mrfc={"event.min_interval": "0s"})
    alice, bob = ue("alice", mrf).join("silent"), ue("bob", mrf).join("silent")
    with LOOP.cond:
        sub = alice.ua.subscribe(alice.room)
        sub.answer = lambda txn: None
    sub.expect(200)
    sub.wait_notify()
    watch = bob.subscribe()
    assert subscriptions(mrf) == 2
    poll(lambda: subscriptions(mrf) == 1, 45)
    assert sub.refresh().final().code == 481
    carol = ue("carol", mrf).join("silent")
    watch.wait(lambda r: carol.aor in r.connected())
    assert len({n.cseq for n in sub.notifies}) == 1 and not alice.call.ended


def test_a_removed_watcher_is_told_and_sees_nothing_more(ue, mrf, trio):
    # covers: CONF-006, FOC-019b
    room, alice, bob, carol = trio
    name = Uri(room).user
    watches = [alice.subscribe(), alice.subscribe()]
    assert mrf.api("DELETE", "/v1/conferences/%s/participants/%s" % (name, alice.aor))[0] == 204
    for watch in watches:
        note = watch.sub.wait_terminated()
        assert substate(note)[1]["reason"] == "rejected"
        assert watch.sub.refresh().final().code == 481
    ue("dave").join(room)
    wait(lambda: len(mrf.participants(name)) >= 3, what="dave in the room")
    assert all(substate(w.sub.notifies[-1])[0] == "terminated" for w in watches)


@pytest.mark.parametrize("policy,code", [("members", 403), ("trusted", 200), ("anyone", 200)])
def test_watchers_are_a_matter_of_policy(ue, own_mrf, policy, code):
    # covers: CONF-004
    mrf = own_mrf(mrfc={"event.watchers": policy})
    alice = ue("alice", mrf).join("watched")
    sub = ue("eve", mrf).ua.subscribe(alice.room)
    sub.expect(code)
    if code != 200:
        assert sub.notifies == []
        return
    doc = Document(sub.wait_notify().body)
    assert set(doc.users) == {alice.aor} and b"yourown" not in sub.notifies[0].body
    bob = ue("bob", mrf).join("watched")
    RosterWatch(sub).wait(lambda r: bob.aor in r.connected())
    assert len(mrf.participants("watched")) == 2
