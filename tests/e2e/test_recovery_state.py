# SPDX-License-Identifier: Apache-2.0
"""What a conference is, one thing at a time: each survives kill -9 of the mrfc.

Each case is a generator over a Party: up to its first yield it makes the thing, behind that it looks
at what the next mrfc knows of it. There are two kills between, as what was restored is kept too.
"""

import pytest

from peer.recovery import heard, restart
from peer.servers import poll
from peer.ue import fence
from test_digest import challenge, credentials, mrfctl, outsider, sign_in
from test_members import callable_as_itself, contribution, create, made_with_members, members
from test_owed import answered, line
from test_privacy import ANON, HIDING, TRACES, enter, hidden, no_trace, shown_of
from test_recovery import durable  # noqa: F401
from test_roles import Admin, kick


class Party:
    """alice made the room, bob and carol are in; the operator is admin."""

    def __init__(self, net, ue):
        self.net, self.ue = net, lambda name, **more: ue(name, net=net, **more)
        self.alice, self.bob, self.carol = [self.ue(n) for n in ("alice", "bob", "carol")]
        self.room = self.alice.create()
        for member in (self.bob, self.carol):
            member.join(self.room)
        self.name = self.room.partition(":")[2].partition("@")[0]
        self.admin = Admin(net, self.room)
        self.all = [self.alice, self.bob, self.carol]

    def doc(self):
        return self.admin("GET")

    def participant(self, member):
        return self.net.participants(self.name)[getattr(member, "aor", member)]

    def described(self, *path):
        """Text of an element of the conference's document, as who subscribes now gets it."""
        watch = self.alice.subscribe()
        return watch.update().documents[0].text(*path)


def bans(p):
    # covers: FOC-030, IMS-020
    p.admin.ban("sip:dora@example.com")
    p.admin.ban("sip:erin@example.com")
    p.admin.ban("sip:erin@example.com", "DELETE")
    yield
    assert p.ue("dora").invite(p.room).final().code == 403
    fence(p.ue("erin").join(p.room), *p.all)


def locked(p):
    # covers: FOC-030
    p.admin.change(locked=True)
    yield
    assert p.doc()["locked"] and p.described("conference-state", "locked") == "true"
    assert p.ue("dora").invite(p.room).final().code == 403


def unlocked(p):
    # covers: FOC-030
    p.admin.change(locked=True)
    p.admin.change(locked=False)
    yield
    assert not p.doc()["locked"]


def subject(p):
    # covers: FOC-030
    p.admin.change(subject="Plans & <more>")
    yield
    assert p.doc()["subject"] == "Plans & <more>"
    assert p.described("conference-description", "subject") == "Plans & <more>"


def places(p):
    # covers: FOC-030
    p.admin.change(max_users=3)
    yield
    assert p.described("conference-description", "maximum-user-count") == "3"
    assert p.ue("dora").invite(p.room).final().code in (403, 486)


def lifetime(p):
    # covers: FOC-030, FOC-019
    until = p.admin.change(lifetime=3600)["until"]
    yield
    assert p.doc()["until"] == until


def roles(p):
    # covers: FOC-030, FOC-011
    p.admin.role(p.bob, "moderator")
    yield
    assert p.participant(p.alice)["roles"] == ["owner"]
    assert p.participant(p.bob)["roles"] == ["moderator"]
    assert kick(p.carol, p.room, p.alice).final().code == 403
    assert kick(p.bob, p.room, p.alice).final().code == 403  # of a higher role


def listener(p):
    # covers: FOC-030
    p.admin.role(p.carol, "listener")
    yield
    assert p.carol.send("may I?").status() == 403
    p.alice.send_text("hear")
    p.carol.wait_text("hear")


def closed(p):
    # covers: FOC-030, IMS-020
    dora, erin = p.ue("dora"), p.ue("erin")
    other = made_with_members(p.net, dora.aor, erin.aor, mode="closed")
    room = other["uri"]
    p.admin.change(mode="closed")
    yield
    assert p.doc()["mode"] == "closed"
    assert dora.invite(p.room).final().code == 403
    assert p.ue("frank").invite(room).final().code == 403
    assert set(members(p.net, other["name"])) == {dora.aor, erin.aor}
    dora.join(room)
    dora.leave()


def anonymous(p):
    # covers: FOC-030, PRV-001, PRV-002, PRV-010
    alice = hidden(p.ue)
    alice.ua.contact = '<%s;gr=urn:uuid:secret>;+sip.instance="<urn:uuid:secret>"' % \
        alice.ua.contact_uri
    enter(alice, p.room, HIDING["id"] + TRACES)
    entity = shown_of(p.net, p.room, alice)
    assert ANON.match(entity)
    yield
    assert shown_of(p.net, p.room, alice) == entity
    roster = p.bob.subscribe().wait(lambda r: len(r.connected()) == 4)
    assert list(roster.users[entity]["endpoints"]) == [entity]
    assert alice.send("still nobody", from_=entity).status() == 200
    assert p.bob.wait_text("still nobody").from_ == entity
    assert p.bob.send("psst", to=entity).status() == 200
    assert alice.wait_text("psst").from_ == p.bob.aor
    assert alice.send("I am", from_=alice.aor).status() == 403
    no_trace(*p.all)


def digest_users(p):
    # covers: FOC-030, ID-003
    done = mrfctl(p.net, "user", "add", "amy", "--display", "Amy", password="wonder land\n")
    assert done.returncode == 0, done.stderr
    amy = outsider(p.ue_at, p.net, "amy")
    call, _ = sign_in(amy, p.room, user="amy")
    amy.take_answer(call.expect(200).text)
    amy.open_media()
    amy.room = p.room
    p.all.append(amy)
    yield
    other = outsider(p.ue_at, p.net, "amy")
    given = challenge(other.invite(p.room).expect(401))
    for password, code in (("wonderland", 401), ("wonder land", 200)):
        value = credentials("INVITE", p.room, given, user="amy", password=password)
        assert other.invite(p.room, headers=[("Authorization", value)]).final().code == code
        given = given if code == 200 else challenge(other.invite(p.room).expect(401))
    other.call.bye().expect(200)


def contribution_id(p):
    # covers: FOC-030, IMS-004
    key, dora = contribution(), p.ue("dora")
    name = create(dora, key)
    yield
    assert create(p.ue("erin"), key) == name


def owed(p):
    # covers: FOC-030, IMS-007
    fence(*p.all)
    answered(p.net)
    p.carol.leave()
    p.all.remove(p.carol)
    p.alice.send_text("missed 0", **line(0))
    yield
    p.alice.send_text("missed 1", **line(1))
    back = p.ue("carol").join(p.room)
    fence(p.alice, back, p.bob)
    assert [t for t in back.texts if t.startswith("missed")] == ["missed 0", "missed 1"]


def nicknames(p):
    # covers: FOC-030
    assert p.bob.nickname("Robert") == 200
    poll(lambda: p.participant(p.bob).get("nickname"))
    yield
    assert p.participant(p.bob)["nickname"] == "Robert"
    assert p.carol.nickname("robert") == 425
    assert p.bob.subscribe().update().users[p.bob.aor]["nickname"] == "Robert"


def on_hold(p):
    # covers: FOC-030, FOC-022
    p.carol.call.reinvite(p.carol.offer(new=False, direction="sendonly")).expect(200)
    poll(lambda: p.participant(p.carol)["state"] == "on-hold")
    yield
    assert p.participant(p.carol)["state"] == "on-hold"
    p.alice.send_text("not for carol")
    p.bob.wait_text("not for carol")
    assert "not for carol" not in p.carol.texts
    p.all = [p.alice, p.bob]


def absent(p):
    # covers: FOC-030, IMS-005, IMS-018
    erin = callable_as_itself(p.ue("erin"))
    name = create(erin, contribution())
    p.net.api("POST", "/v1/conferences/%s/participants" % name, {"uri": p.bob.ua.contact_uri})
    p.bob.ua.wait_invite().reject(480)
    poll(lambda: members(p.net, name).get(p.bob.ua.contact_uri) == "invited")
    yield
    assert members(p.net, name) == {erin.aor: "in", p.bob.ua.contact_uri: "invited"}


CASES = [bans, locked, unlocked, subject, places, lifetime, roles, listener, closed, anonymous,
         digest_users, contribution_id, owed, nicknames, on_hold, absent]


@pytest.mark.parametrize("case", CASES, ids=[c.__name__ for c in CASES])
def test_it_survives_a_kill(durable, ue, case):  # noqa: F811
    # covers: FOC-030
    net = durable(mrfc={"conference.leave": "reason", "conference.offline": "on",
                        "sip.trusted": "127.0.0.1"})
    p = Party(net, ue)
    p.ue_at = ue
    run = case(p)
    next(run)
    restart(net)
    restart(net)  # what was restored is stored
    assert next(run, "done") == "done"
    fence(*p.all)
    assert [m for m in heard(p.all) if m[1] != "NOTIFY"] == []


def test_an_idle_conference_waits_on_after_a_restart(durable, ue, room):  # noqa: F811
    # covers: FOC-030, IMS-005
    net = durable(mrfc={"conference.end": "max-idle", "conference.max_idle": "1h"})
    alice = ue("alice", net=net).join(room)
    alice.leave()
    poll(lambda: net.api("GET", "/v1/conferences/" + room)[1]["participant_count"] == 0)
    restart(net)
    assert net.api("GET", "/v1/conferences/" + room)[1]["state"] == "active"
    fence(ue("bob", net=net).join(room))
