# SPDX-License-Identifier: Apache-2.0
"""Participants who hide who they are: what others see of them, and that they see nothing else."""

import re

import pytest

from peer import confinfo
from peer.files import File, Push, Take
from peer.ue import fence
from test_identity import octets

ANON = re.compile(r"^sip:anonymous-[A-Za-z0-9]{14,}@anonymous\.invalid$")
GENERIC = "sip:anonymous@anonymous.invalid"
TRACES = [("User-Agent", "Secret-Phone/7"), ("Organization", "Secret Org"),
          ("Subject", "secret subject"), ("Call-Info", "<http://secret.example/me>;purpose=icon"),
          ("Referred-By", "<sip:secret-alice@example.com>"),
          ("P-Preferred-Identity", "<sip:secret-alice@example.com>")]
HIDING = {"id": [("Privacy", "id")], "user": [("Privacy", "user;critical")],
          "header and id": [("Privacy", "header;id")],
          "From": [("From", '"Anonymous" <sip:anonymous@anonymous.invalid>;tag=7')]}


def hidden(ue, name="secret-alice", **args):
    """A terminal in which each name has a word that nobody else has."""
    return ue(name, display="Secret Alice", **args)


def enter(terminal, room, headers=HIDING["id"], create=False):
    """Join hidden; an INVITE of another From keeps its tag in the dialog."""
    target = "sip:conference-factory@%s" % terminal.net.domain if create else room
    terminal.invite(target, headers=headers)
    if any(n == "From" for n, _ in headers):
        terminal.call.local = dict(headers)["From"]
        terminal.ua.dialogs[(terminal.call.call_id, "7")] = terminal.call
    resp = terminal.call.expect(200)
    terminal.room = terminal._canonical(resp.contact.uri)
    terminal.take_answer(resp.text)
    terminal.open_media()
    return terminal


def shown_of(net, room, terminal):
    """The anonymous URI that the operator sees beside the real one."""
    return net.participants(room.partition(":")[2].partition("@")[0] or room)[terminal.aor]["shown"]


def only_hidden(roster):
    (entity,) = [u for u in roster.connected() if u.startswith("sip:anonymous-")]
    return entity


def no_trace(*others, words=("secret",)):
    for other in others:
        text = octets(other)
        for word in words:
            assert word not in text, "%s got %r" % (other.name, word)


@pytest.mark.parametrize("how", sorted(HIDING))
def test_others_see_an_anonymous_uri_and_nothing_else(ue, mrf, room, how):
    # covers: PRV-001, PRV-002, PRV-007, PRV-010, CONF-017, ID-010, ID-011
    bob, carol = ue("bob").join(room), ue("carol").join(room)
    watch = bob.subscribe()
    alice = hidden(ue)
    alice.ua.contact = '<%s;gr=urn:uuid:secret>;+sip.instance="<urn:uuid:secret>"' % \
        alice.ua.contact_uri
    enter(alice, bob.room, HIDING[how] + TRACES)
    roster = watch.wait(lambda r: len(r.connected()) == 3)
    entity = only_hidden(roster)
    assert ANON.match(entity) and entity == shown_of(mrf, room, alice)
    user = roster.users[entity]
    assert list(user["endpoints"]) == [entity] and not user["display"]
    assert alice.send("who am I", from_=entity).status() == 200
    assert bob.wait_text("who am I").from_ == entity
    assert alice.send("psst", to=carol.aor, from_=entity).status() == 200
    assert carol.wait_text("psst").from_ == entity
    assert bob.send("psst back", to=entity).status() == 200
    assert alice.wait_text("psst back").from_ == bob.aor
    alice.nickname("Mask")
    watch.wait(lambda r: r.users.get(entity, {}).get("nickname") == "Mask")
    late = ue("dave").join(room)
    assert entity in late.subscribe().update().users
    alice.leave()
    watch.wait(lambda r: entity not in r.connected())
    fence(bob, carol, late)
    port = str(alice.ua.port)
    no_trace(bob, carol, late, words=("secret", ":" + port))
    # The operator and the log know (lawful duties).
    assert any(alice.aor in line and entity in line for _, line in mrf.mrfc.lines)


def test_the_anonymous_uri_is_for_one_stay_and_one_user(ue, mrf, room):
    # covers: PRV-002
    bob = ue("bob").join(room)
    watch = bob.subscribe()
    alice, other = hidden(ue), ue("secret-amy")
    enter(alice, room)
    first = shown_of(mrf, room, alice)
    enter(other, room)
    assert shown_of(mrf, room, other) != first
    # A change of the session changes nothing, nor does a second device without the wish.
    assert alice.call.update().expect(200)
    phone = hidden(ue)
    phone.join(room)
    assert shown_of(mrf, room, alice) == first
    roster = watch.wait(lambda r: len(r.users.get(first, {}).get("endpoints", ())) == 2)
    assert all(e.startswith(first) for e in roster.users[first]["endpoints"])
    for terminal in (alice, phone):
        terminal.leave()
    watch.wait(lambda r: first not in r.connected())
    again = enter(hidden(ue), room)
    second = shown_of(mrf, room, again)
    assert ANON.match(second) and second != first
    watch.wait(lambda r: second in r.connected())
    no_trace(bob)


def test_who_comes_back_openly_is_shown_openly(ue, mrf, room):
    # covers: PRV-002, PRV-006
    bob = ue("bob").join(room)
    watch = bob.subscribe()
    alice = enter(hidden(ue), room)
    first = shown_of(mrf, room, alice)
    watch.wait(lambda r: first in r.connected())
    alice.leave()
    open_ = ue("secret-alice").join(room, headers=[("Privacy", "none")])
    roster = watch.wait(lambda r: open_.aor in r.connected())
    assert first not in roster.connected()
    assert set(roster.users[open_.aor]["endpoints"]) == {open_.ua.contact_uri}


def test_a_member_learns_his_own_name(ue, mrf, room):
    # covers: PRV-003
    bob = ue("bob").join(room)
    alice = enter(hidden(ue), room)
    entity = shown_of(mrf, room, alice)
    mine = alice.subscribe(room)
    body = mine.sub.notifies[-1].body
    user = confinfo.Document(body).users[entity]
    uri = "associated-aors/entry/uri".replace("/", "/" + confinfo.NS)
    assert [e.text for e in user.el.findall(confinfo.NS + uri)] == [alice.aor]
    assert b"associated-aors" not in bob.subscribe(room).sub.notifies[-1].body
    no_trace(bob)


@pytest.mark.parametrize("from_,code", [("sip:secret-alice@example.com", 403),
                                        ("im:secret-alice@example.com", 403),
                                        ("sip:anonymous-other@anonymous.invalid", 403),
                                        (GENERIC, 200)])
def test_nobody_gives_himself_away_in_a_message(ue, mrf, room, from_, code):
    # covers: PRV-004, ID-010
    bob = ue("bob").join(room)
    alice = enter(hidden(ue), room)
    assert alice.send("oops", from_=from_).status() == code
    assert alice.send("fine", from_=shown_of(mrf, room, alice)).status() == 200
    bob.wait_text("fine")
    assert ("oops" in bob.texts) == (code == 200)
    no_trace(bob)


def test_the_generic_name_is_nobody_s(ue, room):
    # covers: PRV-002, IMS-001
    bob = ue("bob").join(room)
    enter(hidden(ue), room)
    carol = ue("carol").join(room)
    assert bob.send("to all", to=GENERIC).status() == 200
    carol.wait_text("to all")


def test_rooms_may_refuse_the_anonymous(ue, own_mrf):
    # covers: PRV-005
    net = own_mrf(mrfc={"conference.anonymous": "refuse"})
    bob = ue("bob", net=net)
    room = bob.create()
    for target in (room, "sip:conference-factory@" + net.domain, "sip:fresh@" + net.domain):
        call = hidden(ue, net=net).invite(target, headers=HIDING["id"])
        assert call.expect(433).reason == "Anonymity Disallowed"
    assert len(net.api("GET", "/v1/conferences")[1]["conferences"]) == 1
    assert ue("alice", net=net).join(room, headers=[("Privacy", "none")])


@pytest.mark.parametrize("value,code", [
    ("session;critical", 500), ("history;critical", 500), ("id;critical", 200), ("session", 200),
    ("none", 200), ("user;header;id;critical", 200)])
def test_a_critical_service_that_is_not_offered_fails(ue, room, value, code):
    # covers: PRV-006
    call = ue("alice").invite(room, headers=[("Privacy", value)])
    resp = call.expect(code)
    if code == 500:
        assert "privacy" in resp.get("Warning").lower()


def test_none_leaves_all_as_it_is(ue, mrf, room):
    # covers: PRV-006
    alice = ue("alice", display="Alice A").join(room, headers=[("Privacy", "none")])
    bob = ue("bob").join(room)
    user = bob.subscribe().update().users[alice.aor]
    assert user["display"] == "Alice A" and list(user["endpoints"]) == [alice.ua.contact_uri]


def test_who_is_known_already_cannot_be_hidden_any_more(ue, mrf, room):
    # covers: PRV-006, PRV-001
    alice, bob = ue("alice").join(room), ue("bob").join(room)
    assert ue("alice").invite(room, headers=[("Privacy", "id;critical")]).expect(500)
    # Without that his second device comes in below his name, itself not shown.
    phone = ue("alice").join(room, headers=[("Privacy", "id")])
    users = bob.subscribe().update().users
    assert set(users[alice.aor]["endpoints"]) == {alice.ua.contact_uri, GENERIC}
    assert str(phone.ua.port) not in octets(bob)


def test_what_an_anonymous_member_does_is_done_by_nobody_known(ue, mrf, room):
    # covers: PRV-001, PRV-010
    alice = enter(hidden(ue), room, HIDING["id"] + TRACES, create=True)
    bob = ue("bob").join(alice.room)
    watch = bob.subscribe()
    entity = only_hidden(watch.wait(lambda r: len(r.connected()) == 2))
    carol = ue("carol")
    carol.aor = carol.ua.contact_uri
    traces = [h for h in TRACES if h[0] != "Referred-By"]  # a REFER brings its own
    alice.call.refer(carol.aor, [("Privacy", "id"), *traces]).expect(202)
    inv = carol.wait_invite().invite
    assert inv.get("Referred-By") == "<%s>" % entity and "Subject" not in inv.headers
    carol.accept()
    roster = watch.wait(lambda r: carol.aor in r.connected())
    (end,) = roster.users[carol.aor]["endpoints"].values()
    assert end["joined_by"] == entity
    # Owner all the same, and named as who removes somebody.
    assert roster.users[entity]["roles"] == ["owner"]
    alice.call.refer("<%s;method=BYE>" % carol.aor, traces).expect(202)
    carol.call.wait_bye()
    watch.wait(lambda r: carol.aor not in r.connected())
    no_trace(bob, carol)


def test_a_hidden_member_is_removed_by_the_name_he_has(ue, mrf):
    # covers: PRV-001, REF-015
    bob = ue("bob")
    room = bob.create()
    alice = enter(hidden(ue), room)
    entity = shown_of(mrf, room, alice)
    bob.ua.refer(room, "<%s;method=BYE>" % entity).expect(202)
    alice.call.wait_bye()
    no_trace(bob)


def test_moderators_see_behind_it_where_policy_says_so(ue, own_mrf):
    # covers: PRV-009, PRV-008, CONF-017
    net = own_mrf(mrfc={"identity.reveal": "moderators"})
    owner, bob = ue("owner", net=net), ue("bob", net=net)
    room = owner.create()
    bob.join(room)
    alice = enter(hidden(ue, net=net), room)
    entity = shown_of(net, room, alice)
    seen = owner.subscribe().sub.notifies[-1].body
    assert entity.encode() in seen and b"secret-alice@example.com" in seen
    assert entity.encode() in bob.subscribe(room).sub.notifies[-1].body
    no_trace(bob)


def test_a_file_of_the_anonymous_comes_from_nobody_known(ue, mrf, room):
    # covers: PRV-001
    alice, bob = enter(hidden(ue), room), ue("bob").join(room)
    entity = shown_of(mrf, room, alice)
    push = Push(alice, [File(b"x" * 5000)], headers=[("Privacy", "id")])
    take = Take(bob).accept()
    assert take.call.invite.get("Referred-By") == "<%s>" % entity
    push.answered()
    push.send()
    take.wait()
    no_trace(bob)
