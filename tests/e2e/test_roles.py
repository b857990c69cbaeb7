# SPDX-License-Identifier: Apache-2.0
"""Who may do what: roles, locked and full conferences, bans, who may invite, remove and watch."""

import json
import time
from urllib.parse import quote

import pytest

from peer.servers import poll
from peer.sipcall import bye_reason, substate
from peer.sipmsg import Uri
from peer.ue import fence
from test_mrfctl import ctl, table


class Admin:
    """The operator's requests about one conference."""

    def __init__(self, net, room):
        self.net, self.path = net, "/v1/conferences/" + (Uri(room).user if ":" in room else room)

    def __call__(self, method, path="", body=None, code=200):
        status, doc = self.net.api(method, self.path + path, body)
        assert status == code, (method, path, body, status, doc)
        return doc

    def change(self, **what):
        return self("PATCH", body=what)

    def role(self, member, role, code=200):
        return self("PATCH", "/participants/" + quote(member.aor, safe=""), {"role": role}, code)

    def ban(self, uri, method="PUT", code=204):
        return self(method, "/bans/" + quote(uri, safe=""), code=code)


def warning(resp):
    """Text of a Warning, which must be code 399."""
    code, _, text = resp.get("Warning").split(" ", 2)
    assert code == "399"
    return text.strip('"')


def described(watch, *path):
    """Texts of that element in all documents that have it, in order."""
    return [t for t in (d.text(*path) for d in watch.update().documents) if t is not None]


@pytest.fixture
def party(ue, mrf):
    """(room URI, alice who made it, bob, carol, the operator)."""
    alice = ue("alice")
    room = alice.create()
    return room, alice, ue("bob").join(room), ue("carol").join(room), Admin(mrf, room)


def kick(by, room, target):
    return by.ua.refer(room, "<%s;method=BYE>" % getattr(target, "aor", target))


def test_a_locked_conference_takes_nobody_new(party, ue):
    # covers: FOC-008, CONF-015
    room, alice, bob, carol, admin = party
    watch = alice.subscribe()
    assert admin.change(locked=True)["locked"] is True
    watch.wait(lambda r: r.documents[-1].text("conference-state", "locked") == "true")
    resp = ue("dave").invite(room).expect(403)
    assert "locked" in warning(resp)
    ue("bob").join(room)  # another device of who is in
    dave = ue("dave")
    dave.aor = dave.ua.contact_uri
    assert bob.ua.refer(room, dave.aor).expect(403)  # a speaker does not bring him past the lock
    alice.ua.refer(room, dave.aor).expect(202)       # its owner does
    dave.wait_invite()
    dave.accept()
    admin.change(locked=False)
    watch.wait(lambda r: r.documents[-1].text("conference-state", "locked") == "false")
    fence(ue("eve").join(room), alice, bob, carol)


def test_a_locked_conference_takes_its_members_back(own_mrf, ue, room):
    # covers: FOC-008
    net = own_mrf(mrfc={"media.grace": "0"})
    alice, bob = [ue(name, net=net).join(room) for name in ("alice", "bob")]
    Admin(net, room).change(locked=True)
    bob.conn.reset()
    bob.call.wait_bye()
    fence(ue("bob", net=net).join(room), alice)
    assert ue("carol", net=net).invite(room).expect(403)


def test_roles_are_shown_and_change(party):
    # covers: FOC-011, CONF-012
    room, alice, bob, carol, admin = party
    watch = carol.subscribe()
    roles = {u: v["roles"] for u, v in watch.update().users.items()}
    assert roles == {alice.aor: ["owner"], bob.aor: [], carol.aor: []}
    admin.role(bob, "moderator")
    watch.wait(lambda r: r.users[bob.aor]["roles"] == ["moderator"])
    admin.role(bob, "listener")
    watch.wait(lambda r: r.users[bob.aor]["roles"] == ["listener"])
    admin.role(bob, "speaker")
    watch.wait(lambda r: r.users[bob.aor]["roles"] == [])
    assert watch.update().users[bob.aor]["endpoints"]
    admin("PATCH", "/participants/sip%3Anobody%40example.com", {"role": "owner"}, 404)
    admin("PATCH", "/participants/" + quote(bob.aor, safe=""), {"role": "king"}, 400)


def test_a_listener_hears_and_is_not_heard(party, ue):
    # covers: FOC-011
    room, alice, bob, carol, admin = party
    admin.role(bob, "listener")
    poll(lambda: bob.send("let me speak").status() == 403, what="the listener's 403")
    fence(alice, bob, carol)
    again = ue("bob").join(room)  # a new session of his has the role too
    assert again.send("and now?").status() == 403
    assert kick(bob, room, carol).expect(403)
    assert bob.ua.refer(room, "sip:dave@example.com").expect(403)
    admin.role(bob, "speaker")
    poll(lambda: bob.send("thank you").status() == 200, what="the speaker's 200")
    alice.wait_text("thank you")
    fence(again, alice, carol)
    assert not {"let me speak", "and now?"} & set(alice.texts + carol.texts)


def test_a_moderator_removes_speakers_and_no_owner(party):
    # covers: REF-015, REF-002
    room, alice, bob, carol, admin = party
    assert kick(bob, room, carol).expect(403)
    admin.role(bob, "moderator")
    assert "higher" in warning(kick(bob, room, alice).expect(403))
    assert "higher" in warning(kick(bob, room, alice.ua.contact_uri).expect(403))
    assert bob.ua.refer(room, "<%s;method=BYE>" % room).expect(403)
    kick(bob, room, carol).expect(202)
    assert bye_reason(carol.call.wait_bye())[:2] == ("SIP", 603)
    fence(alice, bob)


def test_a_new_owner_ends_the_conference(party):
    # covers: FOC-011, FOC-019
    room, alice, bob, carol, admin = party
    admin.role(bob, "owner")
    bob.ua.refer(room, "<%s;method=BYE>" % room).expect(202)
    for member in (alice, bob, carol):
        assert bye_reason(member.call.wait_bye())[:2] == ("SIP", 410)


@pytest.mark.parametrize("who, bob_may, moderator_may", [
    ("owner", False, False), ("moderators", False, True), ("anyone", True, True)])
def test_who_may_invite_and_remove(own_mrf, ue, who, bob_may, moderator_may):
    # covers: REF-002, REF-015
    net = own_mrf(mrfc={"conference.invite": who, "conference.remove": who})
    alice = ue("alice", net=net)
    room = alice.create()
    bob, carol = [ue(name, net=net).join(room) for name in ("bob", "carol")]

    def allowed(member):
        codes = {member.ua.refer(room, "sip:x@127.0.0.1:9").final().code,
                 kick(member, room, "sip:nobody@example.com").final().code}
        assert len(codes) == 1 and codes <= {202, 403}
        return codes == {202}
    assert allowed(alice) and allowed(bob) is bob_may
    Admin(net, room).role(bob, "moderator")
    assert allowed(bob) is moderator_may
    assert not allowed(ue("stranger", net=net))
    if who == "anyone":
        assert kick(carol, room, alice).expect(403)  # of a higher role
        assert bob.ua.refer(room, "<%s;method=BYE>" % room).expect(202)
        carol.call.wait_bye()


def test_an_operator_acts_from_outside(own_mrf, ue):
    # covers: REF-002, REF-015
    net = own_mrf(mrfc={"conference.operators": "sip:x@example.com, sip:as@example.com"})
    alice, server = ue("alice", net=net), ue("as", net=net)
    room = alice.create()
    bob, carol = ue("bob", net=net).join(room), ue("carol", net=net)
    carol.aor = carol.ua.contact_uri
    assert server.subscribe(room).update().connected() == {alice.aor, bob.aor}
    server.ua.refer(room, carol.aor).expect(202)
    assert carol.wait_invite().invite.get("Referred-By") == "<%s>" % server.aor
    carol.accept()
    kick(server, room, alice).expect(202)
    assert bye_reason(alice.call.wait_bye())[:2] == ("SIP", 603)
    fence(bob, carol)


@pytest.mark.parametrize("policy, member, asserted", [
    ("members", 200, 403), ("trusted", 200, 200), ("anyone", 200, 200)])
def test_who_may_watch(own_mrf, ue, room, policy, member, asserted):
    # covers: CONF-004, CONF-003
    net = own_mrf(mrfc={"event.watchers": policy})
    alice = ue("alice", net=net).join(room)
    assert alice.ua.subscribe(alice.room).expect(member)
    assert ue("bob", net=net).ua.subscribe(alice.room).expect(asserted)


def test_who_left_for_good_cannot_go_on_watching(own_mrf, ue, room):
    # covers: CONF-004
    net = own_mrf(mrfc={"conference.leave": "bye"})
    alice, bob = [ue(name, net=net).join(room) for name in ("alice", "bob")]
    watch = bob.subscribe()
    assert watch.sub.refresh().final().code == 200
    bob.leave()
    assert watch.sub.refresh().final().code == 403
    assert watch.sub.refresh(0).final().code == 200
    assert substate(watch.sub.wait_terminated())[0] == "terminated"
    fence(alice)


def test_a_closed_conference_adds_nobody(party, ue):
    # covers: IMS-020, CONF-004
    room, alice, bob, carol, admin = party
    assert admin.change(mode="closed")["mode"] == "closed"
    dave = ue("dave")
    assert "closed" in warning(dave.invite(room).expect(403))
    assert "closed" in warning(alice.ua.refer(room, dave.ua.contact_uri).expect(403))
    assert dave.ua.subscribe(room).expect(403)
    answer = admin("POST", "/participants", {"uri": dave.ua.contact_uri}, 403)
    assert answer["error"]["code"] == "refused"
    fence(ue("bob").join(room), alice, carol)  # its members come and go
    admin.change(mode="open")
    fence(dave.join(room), alice, bob, carol)


def test_places_are_counted_and_who_is_too_many_is_told(party, ue):
    # covers: FOC-009, IMS-020, CONF-009
    room, alice, bob, carol, admin = party
    watch = alice.subscribe()
    assert admin.change(max_users=3)["max_users"] == 3
    watch.wait(lambda r: r.documents[-1].text("conference-description", "maximum-user-count")
               == "3")
    assert "full" in warning(ue("dave").invite(room).expect(486))
    referral = alice.ua.refer(room, "sip:dave@127.0.0.1:9")
    referral.expect(202)
    referral.wait_frag("SIP/2.0 486")
    fence(ue("bob").join(room), alice, carol)  # a second device takes no place
    admin.change(max_users=None)
    ue("dave").join(room)


def test_texts_of_refusals_are_the_operators(own_mrf, ue, room):
    # covers: IMS-020, FOC-009, FOC-008
    net = own_mrf(mrfc={"conference.text_full": 'No "seat" left', "conference.max_users": 1,
                        "conference.text_locked": "Closed shop"})
    ue("alice", net=net).join(room)
    assert warning(ue("bob", net=net).invite(room).expect(486)) == "No  seat  left"
    Admin(net, room).change(locked=True)
    assert warning(ue("bob", net=net).invite(room).expect(403)) == "Closed shop"


def test_who_is_barred_stays_out_until_he_is_not(party, ue):
    # covers: FOC-008, CONF-003
    room, alice, bob, carol, admin = party
    own = carol.subscribe()
    admin("DELETE", "/participants/%s?ban=1" % quote(carol.aor, safe=""), code=204)
    carol.call.wait_bye()
    own.sub.wait_terminated()
    assert admin("GET", "/bans") == {"bans": [{"uri": carol.aor}]}
    carol = ue("carol")
    assert "arred" in warning(carol.invite(room).expect(403))
    assert carol.ua.subscribe(room).expect(403)
    assert carol.ua.refer(room, "sip:x@127.0.0.1:9").expect(403)
    assert "arred" in warning(alice.ua.refer(room, carol.aor).expect(403))
    assert admin("POST", "/participants", {"uri": carol.aor}, 403)["error"]["code"] == "refused"
    admin.ban(carol.aor, "DELETE")
    admin.ban(carol.aor, "DELETE", 404)
    assert admin("GET", "/bans") == {"bans": []}
    fence(ue("carol").join(room), alice, bob)


def test_who_is_barred_is_so_by_all_his_names(party, ue):
    # covers: FOC-008
    room, alice, _, _, admin = party
    both = [("P-Asserted-Identity", "<sip:dave@example.com>"),
            ("P-Asserted-Identity", "<tel:+15550123>")]
    dave = ue("dave", assert_identity=False).join(room, headers=both)
    admin.ban("tel:+15550123")
    assert admin("GET", "/bans") == {"bans": [{"uri": dave.aor}]}
    fence(dave, alice)  # who is in stays
    dave.leave()
    again = ue("dave", assert_identity=False)
    assert again.invite(room, headers=both[1:]).expect(403)
    assert again.invite(room, headers=both[:1]).expect(403)


def test_a_new_subject_reaches_watchers_and_who_is_called(party, ue):
    # covers: CONF-009, IMS-004
    room, alice, _, _, admin = party
    watch = alice.subscribe()
    admin.change(subject="Plans <&> töasts")
    watch.wait(lambda r: r.documents[-1].text("conference-description", "subject")
               == "Plans <&> töasts")
    dave = ue("dave")
    admin("POST", "/participants", {"uri": dave.ua.contact_uri}, 202)
    assert dave.wait_invite().invite.get("Subject") == "Plans <&> töasts"
    dave.call.reject(486)
    admin.change(subject=None)
    watch.wait(lambda r: r.documents[-1].text("conference-description", "subject") is None
               and r.documents[-1].text("conference-description") is not None)


def test_a_conference_ends_when_its_time_is_over(party, mrf):
    # covers: FOC-019, FOC-020, CONF-006
    room, alice, bob, carol, admin = party
    watch = alice.subscribe()
    until = admin.change(lifetime=3600)["until"]
    left = time.mktime(time.strptime(until, "%Y-%m-%dT%H:%M:%SZ")) - time.mktime(time.gmtime())
    assert 3590 <= left <= 3600
    assert admin.change(until=None)["until"] is None
    admin.change(lifetime=1)
    for member in (alice, bob, carol):
        proto, cause, text = bye_reason(member.call.wait_bye())
        assert (proto, cause) == ("SIP", 410) and "time" in text
    assert substate(watch.sub.wait_terminated()) == ("terminated", {"reason": "noresource"})
    poll(lambda: mrf.api("GET", admin.path)[0] == 404)


def test_all_conferences_have_the_configured_lifetime(own_mrf, ue, room):
    # covers: FOC-019
    net = own_mrf(mrfc={"conference.lifetime": "1s"})
    alice = ue("alice", net=net).join(room)
    assert bye_reason(alice.call.wait_bye())[:2] == ("SIP", 410)


def test_the_owners_role_goes_to_the_oldest_moderator(own_mrf, ue):
    # covers: FOC-011, FOC-019a
    net = own_mrf(mrfc={"conference.owner_leaves": "transfer",
                        "conference.end": "creator-leaves"})
    alice, names = ue("alice", net=net), ("bob", "carol", "dave")
    room = alice.create()
    bob, carol, dave = [ue(name, net=net).join(room) for name in names]
    admin, watch = Admin(net, room), dave.subscribe()
    admin.role(dave, "moderator")
    admin.role(carol, "moderator")
    alice.leave()
    roles = watch.wait(lambda r: alice.aor not in r.connected()).users
    watch.wait(lambda r: r.users[carol.aor]["roles"] == ["owner"])
    assert roles[dave.aor]["roles"] == ["moderator"]
    carol.leave()
    watch.wait(lambda r: r.users[dave.aor]["roles"] == ["owner"])
    fence(bob, dave)
    alice = ue("alice", net=net).join(room)  # whoever made it is one of them now
    watch.wait(lambda r: alice.aor in r.connected())
    assert watch.update().users[alice.aor]["roles"] == []
    assert alice.ua.refer(room, "<%s;method=BYE>" % room).expect(403)


def test_without_a_transfer_the_creator_is_owner_again_when_he_comes_back(party, ue):
    # covers: FOC-011
    room, alice, bob, _, _ = party
    watch = bob.subscribe()
    alice.leave()
    watch.wait(lambda r: alice.aor not in r.connected())
    ue("alice").join(room)
    watch.wait(lambda r: alice.aor in r.connected())
    assert watch.update().users[alice.aor]["roles"] == ["owner"]


def test_strictly_json(party):
    room, *_, admin = party
    for body in ({"locked": "yes"}, {"nosuch": 1}, {"max_users": -1}, {"mode": "ajar"},
                 {"until": "tomorrow"}, {"lifetime": 1, "until": None}, {"subject": 7}):
        assert admin("PATCH", body=body, code=400)["error"]["code"] == "bad_request"
    assert admin("GET")["locked"] is False


def test_the_same_by_mrfctl(party, mrf, ue):
    # covers: FOC-008, FOC-011, FOC-019b
    room, alice, bob, carol, _ = party
    name = Uri(room).user
    ctl(mrf, "lock", name)
    ctl(mrf, "conferences", "subject", name, "Tëa")
    ctl(mrf, "limit", name, "9")
    ctl(mrf, "participants", "role", name, bob.aor, "moderator")
    out, _ = ctl(mrf, "show", name)
    assert "moderator" in table(out[out.index("URI "):])[bob.aor]
    for words in ("locked    yes", "subject   Tëa", "limit     9 users", "mode      open"):
        assert words in out
    assert ue("dave").invite(room).expect(403)
    ctl(mrf, "unlock", name)
    ctl(mrf, "kick", name, bob.aor)
    assert bye_reason(bob.call.wait_bye())[:2] == ("SIP", 603)
    ctl(mrf, "ban", name, carol.aor)
    carol.call.wait_bye()
    assert list(table(ctl(mrf, "bans", name)[0])) == [carol.aor]
    assert json.loads(ctl(mrf, "--json", "bans", name)[0])["bans"] == [{"uri": carol.aor}]
    ctl(mrf, "unban", name, carol.aor)
    assert carol.aor in ctl(mrf, "unban", name, carol.aor, code=1)[1]
    ctl(mrf, "role", name, "sip:nobody@example.com", "owner", code=1)
    ctl(mrf, "role", name, alice.aor, "king", code=1)
    ctl(mrf, "limit", name, "many", code=2)
    ue("carol").join(room)
