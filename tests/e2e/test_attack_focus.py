# SPDX-License-Identifier: Apache-2.0
"""Attacks on the focus by who is let in: what he may not learn, may not do and may not use up."""

import pytest

from peer import sipmsg
from peer.reslist import document, part
from peer.servers import poll
from peer.sipcall import substate
from peer.ue import fence
from test_digest import challenge, credentials, mrfctl, outsider, sign_in
from test_identity import octets
from test_lists import FACTORY, TAG, come_in, guests, list_invite  # noqa: F401
from test_members import callable_as_itself, contribution, create, lose
from test_multi_refer import refer as refer_many, taken
from test_privacy import HIDING, enter, hidden, no_trace, shown_of
from test_replaces import named
from test_roles import Admin, kick


# --- who hides ---

def test_a_list_of_the_anonymous_names_nobody(ue, mrf, guests):  # noqa: F811
    # covers: PRV-001, PRV-010
    """Hidden by an anonymous From, or by how he came in: his lists need not say so again."""
    bob = ue("bob")
    room = bob.create()
    watch = bob.subscribe()
    alice = enter(hidden(ue), room)
    entity = shown_of(mrf, room, alice)
    one, two = guests(2)
    taken(refer_many(alice, room, document(one.aor), headers=[]))
    inv = one.wait_invite().invite
    one.accept()
    roster = watch.wait(lambda r: one.aor in r.connected())
    assert "secret" not in str(inv.headers), inv.get("Referred-By")
    (end,) = roster.users[one.aor]["endpoints"].values()
    assert end["joined_by"] == entity
    taken(refer_many(alice, room, document(two.aor), headers=[("Privacy", "id")]))
    two.wait_invite()
    two.accept()
    fence(bob, alice, one, two)
    no_trace(bob, one, two)


def test_a_list_that_names_the_room_names_nobody_who_hides(ue, mrf, room):
    # covers: PRV-001, LIST-009
    """RFC 5318: the refusal lists who is in, for who is in, by the names that the roster has."""
    bob = ue("bob").join(room)
    enter(hidden(ue), room)
    txn = refer_many(bob, bob.room, document(bob.room))
    resp = txn.expect(403)
    assert bob.aor.encode() in resp.raw and b"anonymous.invalid" in resp.raw
    no_trace(bob)
    carol = ue("carol")
    assert bob.aor.encode() not in refer_many(carol, bob.room, document(bob.room)).expect(403).raw


def test_a_list_that_names_the_room_is_not_told_thousands(ue, own_mrf, guests, room):  # noqa: F811
    pair = own_mrf(mrfc={"list.max_entries": 2})
    users = [ue(n, net=pair).join(room) for n in ("alice", "bob", "carol")]
    resp = refer_many(users[0], users[0].room, document(users[0].room)).expect(403)
    assert resp.get("P-Refused-URI-List") == "<%s>" % users[0].room and not resp.body


def test_a_list_with_an_anonymous_from_names_nobody(ue, mrf, guests):  # noqa: F811
    # covers: PRV-001, PRV-010
    alice, (one,) = hidden(ue), guests(1)
    list_invite(alice, FACTORY, part(document(one.aor)),
                headers=[TAG, *HIDING["From"]])
    alice.call.local = dict(HIDING["From"])["From"]
    alice.ua.dialogs[(alice.call.call_id, "7")] = alice.call
    come_in(alice)
    inv = one.wait_invite().invite
    one.accept()
    fence(one, alice)
    no_trace(one)


def test_privacy_opens_no_lock(ue, mrf, guests):  # noqa: F811
    # covers: FOC-008
    alice, bob, (one, two) = ue("alice"), ue("bob"), guests(2)
    room = alice.create()
    bob.join(room)
    Admin(mrf, room).change(locked=True)
    assert bob.ua.refer(room, one.aor).final().code in (202, 403)
    txn = refer_many(bob, room, document(one.aor, two.aor), headers=[("Privacy", "id")])
    txn.final()
    fence(bob, alice)
    fence(alice, bob)
    ue("zed").ua.request("OPTIONS", "sip:" + mrf.domain).final()
    assert one.ua.seen(method="INVITE") == [] and two.ua.seen(method="INVITE") == []


def test_nobody_is_found_out_by_asking_for_him(ue, mrf, room):
    # covers: PRV-004
    """A guess at who hides is answered as for somebody who is not in."""
    bob = ue("bob").join(room)
    alice = hidden(ue)
    alice.aor = alice.ua.aor = alice.ua.contact_uri
    alice.ua.asserted = "<%s>" % alice.aor
    enter(alice, room)
    call = bob.ua.refer(bob.room, alice.aor)
    call.expect(202)
    assert call.wait_terminated().text.startswith("SIP/2.0 480")
    own = alice.ua.refer(bob.room, shown_of(mrf, room, alice))
    own.expect(202)
    assert own.wait_terminated().text.startswith("SIP/2.0 200")
    assert not alice.ua.seen(method="INVITE")


def test_who_is_removed_by_his_mask_watches_no_more(ue, mrf):
    # covers: FOC-019b, PRV-001
    bob = ue("bob")
    room = bob.create()
    alice = enter(hidden(ue), room)
    watch = alice.subscribe()
    kick(bob, room, shown_of(mrf, room, alice)).expect(202)
    alice.call.wait_bye()
    assert substate(watch.sub.wait_terminated())[1]["reason"] == "rejected"


def test_who_is_barred_watches_no_more(ue, own_mrf, room):
    # covers: FOC-019b
    pair = own_mrf(mrfc={"event.watchers": "anyone"})
    alice = ue("alice", net=pair).join(room)
    m = ue("mallory", net=pair)
    watch = m.subscribe(alice.room)
    Admin(pair, alice.room).ban(m.aor)
    assert substate(watch.sub.wait_terminated())[1]["reason"] == "rejected"


def test_who_takes_his_own_place_hidden_is_not_named(ue, mrf, room):
    # covers: PRV-001, PRV-002
    bob = ue("bob").join(room)
    watch = bob.subscribe()
    alice = enter(hidden(ue), room)
    other = hidden(ue)
    enter(other, room, HIDING["id"] + [("Replaces", named(alice.call))])
    alice.call.wait_bye()
    fence(bob, other)
    other.leave()
    watch.wait(lambda r: len(r.connected()) == 1)
    no_trace(bob)


# --- rights ---

def test_a_ban_holds_who_answers_for_another(ue, mrf):
    # covers: FOC-008
    """The next hop asserts who answered: he is barred."""
    alice, bob = ue("alice"), ue("bob")
    room = alice.create()
    bob.join(room)
    Admin(mrf, room).ban("sip:mallory@example.com")
    phone = ue("phone")
    phone.aor = phone.ua.contact_uri
    bob.ua.refer(room, phone.aor).expect(202)
    inc = phone.wait_invite()
    phone.room = sipmsg.NameAddr(inc.invite.get("From")).uri
    answer = phone.offer(setup="active")
    phone.take_answer(inc.offer)
    inc.accept(answer, headers=[("P-Asserted-Identity", "<sip:mallory@example.com>")])
    inc.wait_bye()


@pytest.mark.parametrize("uri", [
    "sip:mallory@EXAMPLE.com", "sip:%6dallory@example.com", "sips:mallory@example.com",
    "sip:mallory@example.com:5060", "sip:mallory@example.com;gr=urn:uuid:1",
    "sip:mallory@example.com;transport=tcp", "sip:mallory:secret@example.com"])
def test_a_ban_holds_however_he_is_written(ue, mrf, uri):
    # covers: FOC-008
    alice = ue("alice")
    room = alice.create()
    Admin(mrf, room).ban("sip:mallory@example.com")
    m = ue("mallory", assert_identity="<%s>" % uri)
    resp = m.invite(room).final()
    assert resp.code == 403, (uri, resp.code)


def test_a_number_is_barred_as_a_number(ue, mrf):
    # covers: FOC-008
    alice = ue("alice")
    room = alice.create()
    Admin(mrf, room).ban("tel:+15551230001")
    for uri in ("tel:+1-555-123-0001", "sip:+15551230001@example.com;user=phone",
                "sip:+1-555-123-0001@example.com;user=phone"):
        m = ue("mallory", assert_identity="<%s>" % uri)
        resp = m.invite(room).final()
        assert resp.code == 403, (uri, resp.code)
    port = ue("x").ua.port
    call = alice.ua.refer(room, "sip:+15551230001@127.0.0.1:%d;user=phone" % port)
    assert call.final().code == 403


def test_a_referrer_is_believed_of_trusted_peers_alone(ue, own_mrf, room):
    # covers: REF-014
    pair = own_mrf(mrfc={"sip.trusted": "127.0.0.1"})
    assert mrfctl(pair, "user", "add", "alice", password="wonder land\n").returncode == 0
    bob = ue("bob", net=pair).join(room)
    alice = outsider(ue, pair)
    alice.room = alice.uri_of(room)
    alice.take_answer(sign_in(alice, room)[0].expect(200).text)
    alice.open_media()
    phone = ue("phone", net=pair)
    for said, told in ((bob.aor, alice.aor), (alice.aor, alice.aor)):
        given = challenge(alice.ua.refer(alice.room, phone.ua.contact_uri).expect(401))
        alice.ua.refer(alice.room, phone.ua.contact_uri, [
            ("Referred-By", "<%s>" % said),
            ("Authorization", credentials("REFER", alice.room, given))]).expect(202)
        assert phone.wait_invite().invite.get("Referred-By") == "<%s>" % told
        phone.call.reject(486)
        pair.wait_participants(room, lambda p: not any(
            e["state"] != "disconnected" for e in p.get(phone.ua.contact_uri, {}).get("endpoints", ())))


def test_who_is_removed_stops_watching_by_all_his_names(ue, mrf):
    # covers: FOC-019b, ID-005
    alice, m = ue("alice"), ue("mallory")
    room = alice.create()
    m.ua.asserted = "<sip:mallory@example.com>, <tel:+15551230009>"
    m.join(room)
    m.ua.asserted = "<tel:+15551230009>"
    watch = m.subscribe()
    assert kick(alice, room, "sip:mallory@example.com").expect(202)
    m.call.wait_bye()
    watch.sub.wait_terminated(timeout=5)


def test_replaces_by_order_is_believed_of_trusted_peers_alone(ue, own_mrf, room):
    # covers: REF-028
    pair = own_mrf(mrfc={"sip.trusted": "127.0.0.1"})
    assert mrfctl(pair, "user", "add", "alice", password="wonder land\n").returncode == 0
    bob = ue("bob", net=pair).join(room)
    alice = outsider(ue, pair)
    given = challenge(alice.invite(room).expect(401))
    uri = alice.uri_of(room)
    call = alice.invite(room, headers=[
        ("Authorization", credentials("INVITE", uri, given)),
        ("Replaces", named(bob.call)), ("Referred-By", "<%s>" % bob.aor)])
    assert call.final().code == 403


def test_half_open_calls_of_one_user_take_one_place(ue, mrf):
    # covers: FOC-009
    alice = ue("alice")
    room = alice.create()
    Admin(mrf, room).change(max_users=3)
    m = ue("mallory")
    calls = []
    for _ in range(6):
        call = m.ua.invite(room, m.offer(), auto_ack=False)
        call.expect(200)
        calls.append(call)
    bob = ue("bob")
    resp = bob.invite(room).final()
    for c in calls:
        c.ack_2xx(c.final())
        c.bye()
    assert resp.code == 200


# --- credentials ---

def test_wrong_passwords_without_a_nonce_of_ours_lock_nobody_out(ue, own_mrf, room):
    # covers: ID-009
    pair = own_mrf(mrfc={"sip.trusted": "127.0.0.1", "sip.auth_attempts": 3})
    assert mrfctl(pair, "user", "add", "alice", password="wonder land\n").returncode == 0
    alice = outsider(ue, pair)
    uri = alice.uri_of(room)
    forged = {"realm": "conf.example.com", "nonce": "0" * 64, "algorithm": "SHA-256"}
    for n in range(6):
        resp = alice.ua.request("SUBSCRIBE", uri, [
            ("Event", "conference"),
            ("Authorization", credentials("SUBSCRIBE", uri, forged, password="x%d" % n))]).final()
        call, _ = sign_in(alice, room)
    alice.take_answer(call.expect(200).text)


def test_a_nonce_is_for_whom_it_was_given(ue, own_mrf, room):
    # covers: ID-009
    pair = own_mrf(mrfc={"sip.trusted": "127.0.0.1", "sip.auth_attempts": 3})
    assert mrfctl(pair, "user", "add", "alice", password="wonder land\n").returncode == 0
    alice = outsider(ue, pair)
    given = challenge(alice.invite(room).expect(401))
    thief = ue("alice", net=pair, host="127.0.0.3", aor="sip:alice@conf.example.com")
    uri = thief.uri_of(room)
    resp = thief.ua.invite(uri, thief.offer(), [
        ("Authorization", credentials("INVITE", uri, given))]).final()
    assert resp.code == 401


# --- what is smuggled in ---

@pytest.mark.parametrize("user", ["a%0d%0aX-Evil:1", "a%22b", "a%3Cb%3E", "a%0aX-Evil:1",
                                  "%0d%0a%0d%0a"])
def test_nothing_is_smuggled_in_a_uri(ue, room, user):
    # covers: REF-003, REF-013
    alice, phone = ue("alice").join(room), ue("phone")
    where = "127.0.0.1:%d" % phone.ua.port
    for uri in ("sip:%s@%s" % (user, where),
                "sip:phone@%s?Replaces=%s%%3Bto-tag%%3D1%%3Bfrom-tag%%3D2" % (where, user)):
        alice.ua.refer(alice.room, "<%s>" % uri).expect(202)
        inv = phone.wait_invite().invite
        assert "X-Evil" not in inv.headers and inv.part("application/sdp")
        phone.call.reject(486)


def test_a_nul_is_in_no_uri(ue, room):
    # covers: REF-003
    alice = ue("alice").join(room)
    assert alice.ua.refer(alice.room, "<sip:a%00b@127.0.0.1:9>").expect(400)


@pytest.mark.parametrize("subject", ['"><script>alert(1)</script>', "]]>", "\\", "\x01\x02", "&#0;",
                                     "\u202e", "a\r\n X-Evil: b", "a\xff"])
def test_nothing_is_smuggled_in_a_subject(ue, mrf, subject):
    # covers: CONF-017
    alice, phone = ue("alice"), ue("phone")
    alice._dial(FACTORY, True, {}, [("Subject", subject)])
    assert not alice.subscribe().update().problems
    assert mrf.api("GET", "/v1/conferences/" + alice.room[4:].split("@")[0])[0] == 200
    alice.ua.refer(alice.room, phone.ua.contact_uri).expect(202)
    assert "X-Evil" not in phone.wait_invite().invite.headers
    phone.call.reject()


@pytest.mark.parametrize("display", ['"><script>', '\\" <sip:x@y>', "\x01"])
def test_nothing_is_smuggled_in_a_display_name(ue, room, display):
    # covers: CONF-017
    bob, alice = ue("bob").join(room), ue("alice")
    watch = bob.subscribe()
    alice.ua.asserted = '"%s" <sip:alice@example.com>' % display.replace("\\", "\\\\").replace(
        '"', '\\"')
    alice.join(room)
    seen = watch.wait(lambda r: alice.aor in r.connected()).users[alice.aor]["display"]
    assert seen == display or display == "\x01"
    assert not watch.update().problems


def test_a_phrase_of_who_is_called_goes_nowhere(ue, room):
    # covers: REF-008
    alice, phone = ue("alice").join(room), ue("phone")
    watch = alice.subscribe()
    call = alice.ua.refer(alice.room, phone.ua.contact_uri)
    call.expect(202)
    phone.wait_invite()
    phone.call.reject(480, 'x"></conference-info>\x01 evil')
    assert call.wait_terminated().text == "SIP/2.0 480 Temporarily Unavailable\r\n"
    bob = ue("bob").join(room)
    watch.wait(lambda r: bob.aor in r.connected())
    assert "evil" not in octets(alice)


@pytest.mark.parametrize("host", ["0.0.0.0", "127.0.0.1", "CONF.EXAMPLE.COM", "127.1",
                                  "[::ffff:127.0.0.1]", "0x7f000001", "2130706433"])
def test_a_conference_does_not_join_another(ue, mrf, room, host):
    # covers: REF-012
    alice, bob = ue("alice").join(room), ue("bob").join(room + "x")
    port = "" if "EX" in host else ":%d" % mrf.sip[1]
    call = alice.ua.refer(alice.room, "sip:%sx@%s%s" % (room, host, port))
    call.expect(202)
    assert call.wait_terminated().text.split()[1] in ("403", "404", "503")
    assert list(mrf.participants(room + "x")) == [bob.aor]


# --- what is used up, and by whom ---

def test_a_strangers_conference_succeeds_nobodys(ue):
    # covers: IMS-024
    """Session-Replaces of who is not in the former conference pulls nobody out of it."""
    cid = contribution()
    alice, bob, m = ue("alice"), callable_as_itself(ue("bob")), ue("mallory")
    create(alice, cid)
    bob.join(alice.room)
    create(m, ("Session-Replaces", cid[1]))
    first = bob.call
    m.ua.refer(m.room, bob.aor).expect(202)
    assert "Session-Replaces" not in bob.wait_invite().invite.headers
    bob.accept()
    fence(bob, m)
    fence(alice)
    assert not first.ended


def test_who_proves_nothing_does_not_learn_which_conferences_there_are(ue, own_mrf, room):
    # covers: FOC-013
    pair = own_mrf(mrfc={"sip.trusted": "127.0.0.1"})
    ue("bob", net=pair).join(room)
    x = outsider(ue, pair)

    def asked(name):
        resp = x.ua.request("OPTIONS", x.uri_of(name)).expect(200)
        return [resp.get(n) for n in ("Contact", "Allow", "Supported", "Content-Type")]
    assert asked(room) == asked("nobody")
    bob = ue("bob", net=pair)
    assert bob.ua.request("OPTIONS", bob.uri_of("nobody")).expect(404)


def test_a_user_has_so_many_conferences(ue, own_mrf):
    # covers: FOC-008
    """Kept conferences whose maker vanished live on, so they count."""
    pair = own_mrf(mrfc={"conference.max_per_user": 2, "media.grace": "0ms",
                         "conference.operators": "sip:boss@example.com"})
    ues = [ue("mallory", net=pair) for _ in range(3)]
    for m in ues[:2]:
        create(m, contribution())
        lose(m)
    resp = ues[2].invite(FACTORY, headers=[contribution()]).expect(403)
    assert "too many" in resp.get("Warning")
    assert ues[2].invite("a-free-name").expect(403)
    ues[2].session = None
    ues[2].join(ues[0].room)  # his own are open to him
    boss = [ue("boss", net=pair) for _ in range(3)]
    for one in boss:
        create(one)
    ues[2].leave()  # and it ends
    poll(lambda: len(pair.api("GET", "/v1/conferences")[1]["conferences"]) == 4)
    create(ues[2])


def test_no_conference_waits_behind_the_calls_of_another(ue, own_mrf, guests, room):  # noqa: F811
    # covers: REF-020
    pair = own_mrf(mrfc={"dialout.rate": 2, "dialout.max_waiting": 30})
    m, alice = ue("mallory", net=pair).join(room), ue("alice", net=pair).join(room + "x")
    sink, phone = ue("sink", net=pair), ue("phone", net=pair)
    where = "@127.0.0.1:%d" % sink.ua.port
    taken(refer_many(m, m.room, document(*["sip:v%d%s" % (n, where) for n in range(60)])))
    poll(lambda: len(pair.participants(room)) > 30)
    assert len(pair.participants(room)) < 36
    call = m.ua.refer(m.room, "sip:more" + where)
    call.expect(202)
    assert call.wait_terminated().text.startswith("SIP/2.0 486")
    alice.ua.refer(alice.room, phone.ua.contact_uri).expect(202)
    phone.wait_invite(timeout=5)  # thirty calls wait, fifteen seconds of them
    phone.accept()
    fence(phone, alice)


def test_who_hides_stays_hidden_when_the_server_dies(ue, own_mrf, room, tmp_path):
    # covers: PRV-001, PRV-002
    pair = own_mrf(mrfc={"store.path": str(tmp_path / "mrfc.db")})
    bob = ue("bob", net=pair).join(room)
    watch = bob.subscribe()
    alice = enter(hidden(ue, net=pair), room)
    alice.subscribe()
    entity = shown_of(pair, room, alice)
    phone = callable_as_itself(ue("phone", net=pair))
    alice.call.refer(phone.aor).expect(202)
    phone.wait_invite()
    phone.accept()
    pair.mrfc.kill()
    pair.start_mrfc()
    carol = ue("carol", net=pair).join(room)
    assert entity in carol.subscribe().update().users
    assert shown_of(pair, room, alice) == entity
    refer_many(bob, bob.room, document(bob.room)).expect(403)
    other = hidden(ue, net=pair).join(room)
    watch.wait(lambda r: carol.aor in r.connected())
    fence(bob, carol, alice, other, phone)
    alice.leave()
    other.leave()
    watch.wait(lambda r: entity not in r.connected())
    no_trace(bob, carol, phone)
