# SPDX-License-Identifier: Apache-2.0
"""Conference-info documents of every kind against the schema of RFC 4575; large conferences."""

import time

import pytest

from peer.confinfo import Document
from peer.loop import wait
from peer.schema import COLLECTED, IMS, RFC, breaches
from peer.sipcall import substate

NS = "urn:ietf:params:xml:ns:conference-info"
HEAD = '<conference-info xmlns="%s" entity="sip:a@b.example" version="1"%%s' % NS

BROKEN = {
    # covers: CONF-009, CONF-010
    "not well-formed": HEAD % ">",
    "no entity": '<conference-info xmlns="%s" version="1"/>' % NS,
    "an unknown state": HEAD % ' state="new"/>',
    "elements out of order": HEAD % "><users/><conference-state/></conference-info>",
    "an element of its own": HEAD % "><users><member/></users></conference-info>",
    "two counts": HEAD % ("><conference-state><user-count>1</user-count><user-count>1</user-count>"
                          "</conference-state></conference-info>"),
    "a count that is none": HEAD % ("><conference-state><user-count>-1</user-count>"
                                    "</conference-state></conference-info>"),
    "a status of its own": HEAD % ('><users><user entity="sip:c@d"><endpoint entity="sip:c@e">'
                                   "<status>gone</status></endpoint></user></users></conference-info>"),
    "a time that is none": HEAD % ('><users><user entity="sip:c@d"><endpoint entity="sip:c@e">'
                                   "<joining-info><when>today</when></joining-info></endpoint></user>"
                                   "</users></conference-info>"),
    "an attribute of no namespace": HEAD % ' mine="1"/>',
}


@pytest.mark.parametrize("case", BROKEN)
def test_what_the_schema_forbids_is_found(case):
    assert list(breaches([BROKEN[case].encode()], IMS)) == [0]


def test_extensions_of_other_namespaces_are_allowed():
    # covers: CONF-009, CONF-019
    text = HEAD % (' xmlns:x="urn:example:x" x:a="1"><users><user entity="sip:c@d" x:nickname="n"/></users>'
                   "<x:more/></conference-info>")
    assert breaches([text.encode(), b"<x/>", text.encode()], RFC).keys() == {1}


def states(docs):
    """What kinds of documents, users and endpoints these show."""
    seen = set()
    for body in docs:
        doc = Document(body)
        seen.add(doc.state)
        for user in doc.users.values():
            seen.add("user " + user.state)
            seen |= {"role " + r for r in user.roles}
            seen |= {"nickname"} if user.nickname else set()
            for end in user.endpoints.values():
                seen |= {end.status, end.joining_method, end.disconnection_method}
    return seen - {None}


def test_every_kind_of_document_is_valid(ue, own_mrf, room):
    # covers: CONF-006, CONF-009, CONF-010, CONF-011, CONF-012, CONF-013, CONF-014, CONF-015, CONF-019, CONF-020
    # Each change at once: who left is shown as gone for a while only, and a late document tells "deleted".
    mrf = own_mrf(mrfc={"event.min_interval": "0s"})
    alice = ue("alice", mrf).join(room)
    watch = alice.subscribe()
    bob, carol = ue("bob", mrf, display='<b>&amp; é ]]>').join(room), ue("carol", mrf).join(room)
    assert bob.nickname("<&> Böb") == 200
    for direction in ("sendonly", "inactive", "recvonly", "sendrecv"):
        bob.call.reinvite(bob.offer(new=False, direction=direction)).expect(200)
    assert mrf.api("PATCH", "/v1/conferences/%s" % room, {"subject": "<&> ]]> über"})[0] in (200, 204)
    dave = ue("dave", mrf)
    assert mrf.api("POST", "/v1/conferences/%s/participants" % room,
                   {"uri": dave.ua.contact_uri})[0] == 202
    incoming = dave.ua.wait_invite()
    incoming.ringing()
    watch.wait(lambda r: any(e.get("status") == "alerting" for u in r.users.values()
                             for e in u["endpoints"].values()))
    incoming.reject(486)
    assert mrf.api("DELETE", "/v1/conferences/%s/participants/%s" % (room, carol.aor))[0] == 204
    bob.leave()
    wait(lambda: set(watch.update().users) == {alice.aor}, 20, "that all have left")
    watch.sub.refresh().expect(200)
    assert mrf.api("DELETE", "/v1/conferences/%s" % room)[0] == 204
    watch.sub.wait_terminated(20)
    assert watch.update().problems == []
    docs = [n.body for n in watch.sub.notifies if n.body]
    assert breaches(docs) == {}
    seen = states(docs)
    assert {"full", "partial", "deleted", "user full", "user deleted", "nickname", "connected", "disconnected",
            "dialed-in", "dialed-out", "departed", "booted"} <= seen, seen


def test_the_strict_profile_keeps_to_the_letter_of_the_rfc(ue, strict_mrf):
    # covers: CONF-009
    assert strict_mrf.api("POST", "/v1/conferences", {"name": "letter"})[0] == 201
    alice = ue("alice", strict_mrf).join("letter")
    watch = alice.subscribe()
    watch.sub.unsubscribe().expect(200)
    watch.sub.wait_terminated()
    docs = [n.body for n in watch.sub.notifies]
    assert len(docs) >= 2 and breaches(docs, RFC) == {} and b"yourown" not in docs[0]
    assert strict_mrf.api("DELETE", "/v1/conferences/letter")[0] == 204


def test_documents_of_all_terminals_are_collected(trio):
    _, alice, bob, _ = trio
    notes = [member.subscribe().sub.notifies[0].body for member in (alice, bob)]
    assert set(notes) <= set(COLLECTED.tests)


def test_large_conferences_list_ranks_and_the_reader(ue, own_mrf):
    # covers: CONF-009, CONF-015, CONF-016
    mrf = own_mrf(mrfc={"event.roster_limit": 3, "event.min_interval": "0s"})
    owner = ue("owner", mrf).join("large")
    watch = owner.subscribe()
    members = [ue("m%d" % n, mrf).join("large") for n in range(2)]
    watch.wait(lambda r: len(r.connected()) == 3)
    third = ue("m2", mrf).join("large")
    roster = watch.wait(lambda r: r.user_count == 4)
    doc = roster.documents[-1]
    assert doc.state == "full" and set(doc.users) == {owner.aor} and doc.check() == []
    # Whoever else asks finds himself and the owner, and then counts only.
    other = third.subscribe()
    assert set(Document(other.sub.notifies[0].body).users) == {owner.aor, third.aor}
    ue("m3", mrf).join("large")
    roster = other.wait(lambda r: r.user_count == 5)
    doc = roster.documents[-1]
    assert doc.state == "partial" and doc.users == {}
    assert not doc.root.findall("{%s}users" % NS)
    # A new moderator appears, and goes when he is none.
    uri = "/v1/conferences/large/participants/%s" % members[0].aor
    assert mrf.api("PATCH", uri, {"role": "moderator"})[0] in (200, 204)
    other.wait(lambda r: members[0].aor in r.users)
    assert mrf.api("PATCH", uri, {"role": "speaker"})[0] in (200, 204)
    other.wait(lambda r: members[0].aor not in r.users)
    assert set(other.roster.users) == {owner.aor, third.aor}
    # Small again, all are listed again.
    members[0].leave()
    members[1].leave()
    roster = other.wait(lambda r: r.user_count == 3)
    wait(lambda: len(other.update().connected()) == 3, what="everybody in the list")
    assert other.roster.problems == []


def test_many_joins_cost_each_watcher_the_same_few_notifies(ue, own_mrf):
    # covers: CONF-016, CONF-007
    mrf = own_mrf(mrfc={"event.burst": 3, "event.min_interval": "5s"})
    alice, agent = ue("alice", mrf).join("crowd"), ue("agent", mrf)
    watch = alice.subscribe()
    first, start = len(watch.sub.notifies), time.monotonic()
    calls = []
    for n in range(100):
        agent.ua.aor = "sip:user%d@example.com" % n
        agent.ua.asserted = "<%s>" % agent.ua.aor
        calls.append(agent.ua.invite(alice.room, agent.offer()))
    for call in calls:
        call.expect(200)
    watch.wait(lambda r: r.user_count == 101, 30)
    took = time.monotonic() - start
    assert len(watch.sub.notifies) - first <= 3 + took / 5
    assert len(watch.roster.connected()) == 101 and watch.roster.problems == []
    assert substate(watch.sub.notifies[-1])[0] == "active"
    assert mrf.api("DELETE", "/v1/conferences/crowd")[0] == 204
    watch.sub.wait_terminated(30)
