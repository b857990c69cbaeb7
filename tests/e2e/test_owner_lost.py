# SPDX-License-Identifier: Apache-2.0
"""The owner's terminal that makes the keys is lost, silent, hostile, or the servers around it die."""

import os

import pytest

from peer import sdp
from peer.keyserver import CHANGE, CONFIRMED, EPOCH, HELLO, MESSAGE, OPEN, PONG, REFUSED, frame, items, parse
from peer.loop import wait
from peer.owner import TYPE
from peer.servers import poll
from test_owner_keys import agree, table  # noqa: F401  (table is a fixture)
from test_sealed_crash import follows
from test_sealed_join import epoch_of, warning
from test_sealed_storms import Link


def owners(net, n):
    net.mrfc.wait_metric(lambda m: m["mrfc_groupkey_owners"] == n, what="%d owners that serve" % n)


def comes_back(one):
    """Its connection is gone: a new session by re-INVITE."""
    resp = one.call.reinvite(one.offer()).expect(200)
    one.take_answer(resp.text)
    one.open_media()


def owner_follows(one):
    """Answers re-INVITEs of the focus with a new session."""
    one.offers = []

    def on_offer(offer):
        text = one.offer(setup="active")
        one.offers.append(offer)
        one.session.remote = sdp.Sdp(offer).msg.path
        one.role = "active"
        return text
    one.call.answer_offers(on_offer)


def party(t, room, *names):
    olga = t.owner()
    members = [t.member(n, olga) for n in names]
    olga.join(room)
    for m in members:
        m.join(room)
    return (olga, *members, agree(members[-1], *members[:-1], olga))


def test_her_leg_is_cut_and_comes_back(table, room):  # noqa: F811
    # covers: GK-002, GK-003
    t = table(media__grace="60s")
    olga, bob, carol, old = party(t, room, "bob", "carol")
    dave = t.member("dave", olga)
    olga.conn.close()
    owners(t.net, 0)
    assert dave.invite(room).expect(503).get("Retry-After") == "5"
    carol.leave()
    comes_back(olga)
    new = agree(bob, olga, but=old)
    assert new[:16] != old[:16] and carol.keys.hex == old
    assert [i[1] for i in items(olga.got(CHANGE)[-1].data) if i[0]] == [bob.aor]
    dave.join(room)
    agree(dave, bob, olga)
    assert dave.say("all back") == 200
    olga.hear("all back"), bob.hear("all back")


def test_her_leg_is_cut_in_the_middle_of_a_rekey(table, room):  # noqa: F811
    # covers: GK-002, GK-003
    t = table(media__grace="60s")
    olga, bob, carol, old = party(t, room, "bob", "carol")
    dave = t.member("dave", olga)
    t.net.mrfc.wait_metric(lambda m: m["mrfc_key_confirmations_total"] == 3)  # nothing is under way
    olga.mute()
    call = dave.invite(room)
    olga.wait_got(CHANGE, lambda f: dave.aor in [i[1] for i in items(f.data)])
    # Of what she made the epoch goes out and bob's key, nobody else's: then the line is dead.
    made = wait(lambda: olga.held, 10, "her answer")[0]
    size = [int.from_bytes(made[:4], "big") + 4]
    size.append(int.from_bytes(made[size[0]:size[0] + 4], "big") + 4)
    olga.held.clear()
    olga.session.send(made[:sum(size)], content_type=TYPE).status()
    half = bob.wait_epoch(lambda have: have != old)
    assert carol.keys.hex == old
    olga.conn.close()
    refused = call.expect(503)
    assert "not connected" in warning(refused)[1]
    olga.muted = False
    comes_back(olga)
    new = agree(carol, bob, olga, but=old)
    assert new[:16] not in (old[:16], half[:16]) and epoch_of(t.net, room) == new
    assert carol.say("one key again") == 200
    bob.hear("one key again"), olga.hear("one key again")


def test_she_does_not_answer(table, room):  # noqa: F811
    # covers: GK-002
    t = table()
    olga, bob, old = party(t, room, "bob")
    carol = t.member("carol", olga)
    olga.mute()
    refused = carol.invite(room).expect(503, timeout=20)
    assert "does not answer" in warning(refused)[1]
    owners(t.net, 0)
    assert carol.invite(room).expect(503).get("Retry-After") == "5"
    assert bob.say("with the key that there is") == 200
    olga.hear("with the key that there is")
    assert t.net.mrfc.metrics()["mrfc_groupkey_owner_silent_total"] == 1
    olga.held.clear()
    olga.unmute()  # the next greeting is answered
    new = agree(bob, olga, but=old)
    assert new[:16] != old[:16]
    carol.join(room)
    agree(carol, bob, olga)


@pytest.mark.parametrize("body,why", [
    (frame(EPOCH, room="sip:other@conf.example.com", data=bytes(8) + b"\0\0\0\1"), "another conference"),
    (frame(MESSAGE, 1, room="", uri="sip:x@y", key_id="k", data=b"x"), "another conference"),
    (b"no frame at all", "no frame"),
    (frame(PONG)[:-1], "no frame"),
    (frame(PONG) + b"\0\0", "no frame"),
    (b"\xff\xff\xff\xff" + bytes(100), "no frame"),
    (frame(OPEN, room="ROOM"), "no sense"),
    (frame(99, room="ROOM"), "no sense"),
    (frame(EPOCH, room="ROOM", data=b"short"), "no sense"),
    (frame(EPOCH, room="ROOM", data=bytes(12)), "no sense"),
    (frame(MESSAGE, 1, room="ROOM", uri="sip:bob@example.com", key_id="k" * 65, data=b"x"), "no sense"),
    (frame(MESSAGE, 1, room="ROOM", uri="sip:bob@example.com", key_id="mk:bob", data=bytes(1025)), "no sense"),
    (frame(MESSAGE, 1, room="ROOM", uri="sip:bob@example.com", key_id="a\nb", data=b"x"), "no sense"),
    (frame(HELLO, 1), "hello"),
], ids=str)
def test_what_she_should_not_send_is_refused_and_in_the_end_she_is_cut(hostile, body, why):
    # covers: GK-002
    t, room, olga, bob = hostile
    uri = "sip:%s@conf.example.com" % room
    if b"ROOM" in body:
        verb, number = body[4], int.from_bytes(body[5:13], "big")
        f = parse(body[4:])
        body = frame(verb, number, uri, f.uri, f.key_id, f.data)
    wrong = t.net.mrfc.metrics().sum("mrfc_groupkey_owner_frames_total", what="wrong")
    for _ in range(9):
        assert olga.session.send(body, content_type=TYPE).status() == 200
    t.net.mrfc.wait_metric(lambda m: m.sum("mrfc_groupkey_owner_frames_total", what="wrong") == wrong + 9)
    t.net.mrfc.wait_log(why)
    agree(bob, olga)  # nothing came of it, and she serves on
    assert bob.say("as before") == 200
    olga.hear("as before")
    olga.session.send(body, content_type=TYPE)
    bye = olga.call.wait_bye()
    assert "603" in bye.get("Reason"), bye
    owners(t.net, 0)


@pytest.fixture
def hostile(table, room):  # noqa: F811
    t = table()
    olga, bob, _ = party(t, room, "bob")
    return t, room, olga, bob


def test_a_flood_of_frames_ends_her_session_alone(table, room):  # noqa: F811
    # covers: GK-002
    t = table()
    olga, bob, old = party(t, room, "bob")
    uri = "sip:%s@conf.example.com" % room
    body = b"".join(frame(CONFIRMED, room=uri, uri=bob.aor, key_id="mk:bob", data=bob.keys.current) for _ in range(400))
    for _ in range(20):
        if olga.call.ended:
            break
        olga.session.send(body, content_type=TYPE)
    assert "603" in olga.call.wait_bye().get("Reason")
    assert bob.keys.hex == old and not bob.call.ended
    # She may come again.
    olga.join(room)
    agree(bob, olga, but=old)


def test_epochs_for_nobody_and_refusals_hurt_nobody_else(table, room):  # noqa: F811
    # covers: GK-002
    t = table()
    olga, bob, carol, old = party(t, room, "bob", "carol")
    uri = "sip:%s@conf.example.com" % room
    for body in (frame(MESSAGE, 1, uri, "sip:nobody@example.com", "k", b"x" * 200),
                 frame(CONFIRMED, 0, uri, "sip:nobody@example.com", "k", bob.keys.current),
                 frame(REFUSED, 9, uri, "sip:nobody@example.com", "k", b"no\r\nX: y"),
                 frame(REFUSED, 2 ** 63, uri, "", "", b"\xff" * 1000)):
        assert olga.session.send(body, content_type=TYPE).status() == 200
    # What she makes of a key is hers to say; carol, whom she refuses, is out.
    body = frame(REFUSED, 3, uri, carol.aor, "mk:carol", b'gone"\r\nEvil: yes')
    assert olga.session.send(body, content_type=TYPE).status() == 200
    bye = carol.call.wait_bye()
    assert bye.get("Evil") is None
    olga.rekey()  # what it has for carol goes nowhere
    agree(bob, olga, but=old)
    assert carol.keys.hex == old
    assert t.net.mrfc.metrics().sum("mrfc_groupkey_owner_frames_total", what="wrong") == 0


def test_frames_of_who_is_not_the_key_server_are_refused(table, room):  # noqa: F811
    # covers: GK-002
    t = table()
    olga, bob, old = party(t, room, "bob")
    uri = "sip:%s@conf.example.com" % room
    body = frame(EPOCH, room=uri, data=os.urandom(8) + b"\0\0\0\1")
    assert bob.session.send(body, content_type=TYPE).status() == 403
    assert bob.session.send(bob.cpim(body, content_type=TYPE)).status() == 415
    assert epoch_of(t.net, room) == old


def test_the_mrfc_is_killed(table, room, tmp_path):  # noqa: F811
    # covers: GK-002, GK-003, GK-012
    t = table(store__path=str(tmp_path / "mrf.db"), store__sync="normal")
    olga, bob, carol, old = party(t, room, "bob", "carol")
    t.net.mrfc.kill()
    t.net.start_mrfc()
    new = agree(bob, carol, olga, but=old)
    assert new[:16] != old[:16] and epoch_of(t.net, room) == new
    assert len(olga.got(HELLO)) == 2 and not olga.call.ended
    assert bob.say("as before") == 200
    olga.hear("as before"), carol.hear("as before")
    t.member("dave", olga).join(room)


def test_the_mrfp_is_killed(table, room):  # noqa: F811
    # covers: GK-002, GK-003
    t = table()
    olga, bob, old = party(t, room, "bob")
    owner_follows(olga)
    follows(bob)
    t.net.mrfp.kill()
    t.net.start_mrfp()
    wait(lambda: olga.offers and bob.offers, 30, "re-INVITEs")
    for one in (olga, bob):
        if one is bob:
            one.session.remote, one.role = sdp.Sdp(one.offers[-1][0]).msg.path, "active"
        one.open_media()
    new = agree(bob, olga, but=old)
    assert new[:16] != old[:16] and epoch_of(t.net, room) == new
    assert bob.say("moved") == 200
    olga.hear("moved")
    t.member("carol", olga).join(room)


def test_more_members_than_one_body_has_room_for(table, room):  # noqa: F811
    # covers: GK-002
    t = table(media__grace="60s")
    olga = t.owner()
    members = [t.member("m%d" % i, olga) for i in range(12)]
    olga.join(room)
    calls = [m.invite(room, headers=[]) for m in members]
    for m, call in zip(members, calls):
        m.room = "sip:%s@conf.example.com" % room
        m.take_answer(call.expect(200, 30).text)
        m.open_media()
    poll(lambda: all(m.keys.hex == epoch_of(t.net, room) for m in members), 20, "one key at all")
    assert len(olga.got(CHANGE)) < 12  # they were gathered


@pytest.fixture
def cable(table, tmp_path, request):  # noqa: F811
    """(Table, its control link)"""
    real, place = str(tmp_path / "mrfc.sock"), str(tmp_path / "link.sock")
    link = Link(place, real)
    request.addfinalizer(link.close)
    return table(mrfp={"mp.socket": place}, mp__socket=real), link


@pytest.mark.parametrize("octets", [0, 300, 1500])
def test_the_control_link_is_cut_while_she_makes_a_key(cable, room, octets):
    # covers: GK-002, GK-003
    t, link = cable
    olga, bob, carol, old = party(t, room, "bob", "carol")
    pids = t.net.mrfc.pid, t.net.mrfp.pid
    olga.mute()
    assert t.net.api("DELETE", "/v1/conferences/%s/participants/%s" % (room, carol.aor))[0] == 204
    link.cut(after=octets, reopen=False)
    t.net.api("DELETE", "/v1/conferences/%s/participants/%s" % (room, "sip:nobody@example.com"))
    poll(lambda: link.cuts or olga.held, 10, "a cut, or her answer")
    link.cut(reopen=False)
    poll(lambda: link.cuts, 10, "the cut")
    olga.unmute()  # what she says waits in the switch for the link, and comes before the hello or is too late
    assert bob.keys.hex == old
    link.open = True
    poll(lambda: epoch_of(t.net, room) == bob.keys.hex == olga.keys.hex and bob.keys.hex[:16] != old[:16], 20,
         "one key of a new domain")
    assert agree(bob, olga) == epoch_of(t.net, room) and carol.keys.hex == old
    assert (t.net.mrfc.pid, t.net.mrfp.pid) == pids and not bob.call.ended and not olga.call.ended
    assert bob.say("as before") == 200
    olga.hear("as before")
    t.member("dave", olga).join(room)
