# SPDX-License-Identifier: Apache-2.0
"""Sealed conferences whose keys are made by the terminal of their owner (groupkey.server = member)."""

import pytest

from peer import memory
from peer.keyserver import CHANGE, EPOCH, HELLO, OPEN, ctl, frame, items
from peer.owner import TYPE, Owner
from peer.sealed import Sealed
from test_sealed_join import epoch_of, warning

MEMBER = {"conference.e2e": "required", "groupkey.server": "member"}


class Table:
    """Terminals of one pair of servers: an owner and members whom she gave keys."""

    def __init__(self, net, ue):
        self.net, self.ue = net, ue

    def owner(self, name="olga", **args):
        one = Owner(name, self.net, **args)
        self.ue.made.append(one)
        return one

    def member(self, name, *owners, aor=None, **args):
        """With a key that each of these owners' services knows, too."""
        uri = aor or "sip:%s@example.com" % name
        key = owners[0].pair(uri, "mk:" + name)
        for other in owners[1:]:
            other.service.keys[uri, key[0]] = bytes.fromhex(key[1])
        one = Sealed(name, self.net, key=key, aor=uri, **args)
        self.ue.made.append(one)
        return one


@pytest.fixture
def table(own_mrf, ue):
    """table(**settings of the MRFC) -> Table of an own pair."""
    return lambda mrfp=None, **more: Table(
        own_mrf(mrfc={**MEMBER, **{k.replace("__", "."): v for k, v in more.items()}}, mrfp=mrfp or {}), ue)


def agree(*members, but=None):
    """All of them have one key, that of the newest epoch; its name."""
    newest = members[0].wait_epoch(lambda have: have != but) if but else members[0].keys.hex
    for one in members[1:]:
        one.wait_epoch(newest)
    assert len({m.keys.teks[m.keys.current] for m in members}) == 1
    return newest


def test_the_owner_makes_the_keys(table, room):
    # covers: GK-002
    t = table()
    olga = t.owner()
    bob, carol = (t.member(n, olga) for n in ("bob", "carol"))
    olga.join(room)
    assert TYPE in olga.answer.msg.get("accept-types").split() and olga.answer.msg.get("key-mgmt") is None
    bob.join(room)
    first = bob.keys.hex
    assert olga.keys.hex == first == epoch_of(t.net, room)
    carol.join(room)
    second = carol.keys.hex
    assert second != first and agree(bob, olga, but=first) == second
    assert carol.say("good morning") == 200
    olga.hear("good morning"), bob.hear("good morning")
    assert olga.say("and to you") == 200
    bob.hear("and to you"), carol.hear("and to you")
    assert t.net.mrfc.metrics()["mrfc_groupkey_owners"] == 1
    status, _, body = t.net.mrfc.http("POST", "/v1/keys")  # who adds a key here is told where
    assert status == 404 and b"--serve-keys" in body and b"mrfks" not in body
    carol.leave()
    third = agree(bob, olga, but=second)
    assert third not in (first, second) and carol.keys.hex == second


def test_an_owner_who_cannot_is_refused_with_a_reason(table, room):
    # covers: GK-002, SMI-002
    t = table()
    olga = t.owner()
    for lacking in ("message/cpim application/mikey", "message/cpim application/mikey application/pkcs7-mime"):
        refused = olga.invite(room, accept_types=lacking).expect(488)
        assert warning(refused)[0] == 399 and TYPE in warning(refused)[1], refused
    assert t.net.api("GET", "/v1/conferences/" + room)[0] == 404  # nothing is left of it
    olga.join(room)
    call = olga.call.reinvite(olga.offer(new=False, accept_types="message/cpim application/mikey"))
    assert TYPE in warning(call.expect(488))[1]
    bob = t.member("bob", olga).join(room)  # her session is as it was
    agree(bob, olga)


def test_without_the_owner_nobody_comes_in_and_the_rest_chat_on(table, room):
    # covers: GK-002, GK-003
    t = table()
    olga = t.owner()
    bob, carol, dave = (t.member(n, olga) for n in ("bob", "carol", "dave"))
    olga.join(room)
    bob.join(room), carol.join(room)
    old = agree(carol, bob, olga)
    olga.leave()
    refused = dave.invite(room).expect(503)
    assert refused.get("Retry-After") == "5" and "owner is not connected" in warning(refused)[1]
    assert bob.say("still the old key") == 200 and bob.keys.hex == old
    carol.hear("still the old key")
    carol.leave()
    olga.join(room)  # she is its owner still
    new = agree(bob, olga, but=old)
    assert new[:16] != old[:16] and bob.keys.epoch == 1 and carol.keys.hex == old
    uris = [i[1] for f in olga.got(CHANGE)[-1:] for i in items(f.data) if i[0]]
    assert uris == [bob.aor]
    dave.join(room)
    assert agree(dave, bob, olga)[:16] == new[:16]
    assert t.net.mrfc.metrics().sum("mrfc_groupkey_owner_frames_total", what="wrong") == 0


def test_who_has_no_key_of_hers_stays_out(table, room):
    # covers: GK-002, KM-005
    t = table()
    olga = t.owner().join(room)
    stranger = t.member("mallory", t.owner("nobody"))
    stranger.invite(room).expect(403)
    bob = t.member("bob", olga).join(room)
    olga.service.refuse.add("sip:carol@example.com")
    t.member("carol", olga).invite(room).expect(488)
    assert agree(bob, olga) and t.net.mrfc.metrics().sum("mrfc_key_refused_total") == 2


def test_a_list_and_a_call_of_the_operator_wait_for_the_owner(table, room):
    # covers: GK-002, SMI-004
    t = table()
    status, doc = t.net.api("POST", "/v1/conferences", {"name": room, "e2e": True})
    assert status == 400 and "owner" in doc["error"]["message"], doc
    assert t.net.api("POST", "/v1/conferences", {"name": room, "e2e": True, "owner": "nobody"})[0] == 400
    olga = t.owner()
    olga.aor = olga.service.uri = olga.ua.contact_uri
    assert t.net.api("POST", "/v1/conferences", {"name": room, "e2e": True, "owner": olga.aor})[0] == 201
    path = "/v1/conferences/%s/participants" % room
    bob = t.member("bob", olga)
    bob.invite(room).expect(503)
    bob.aor = bob.ua.contact_uri
    bob.key, bob.keys = olga.pair(bob.aor, "mk:called"), None
    # Called by the operator: she gets no key in the offer, and is the key server when she answers.
    assert t.net.api("POST", path, {"uri": olga.aor})[0] == 202
    call = olga.wait_invite()
    assert "key-mgmt" not in call.offer and TYPE in call.offer
    olga.accept(key_mgmt=[])
    olga.wait_got(HELLO)
    assert t.net.api("POST", path, {"uri": bob.aor})[0] == 202
    bob.wait_invite()
    bob.accept()
    agree(bob, olga)
    assert bob.say("called") == 200
    olga.hear("called")


def test_a_new_owner_makes_new_keys(table, room):
    # covers: GK-002, GK-003
    t = table(conference__owner_leaves="transfer")
    olga = t.owner()
    otto = t.owner("otto")
    bob = t.member("bob", olga, otto)
    key = olga.pair(otto.aor, "mk:otto")
    otto.service.keys[bob.aor, bob.key[0]] = bytes.fromhex(bob.key[1])
    olga.join(room)
    # While she is there he is a member as others are.
    otto.key = key
    otto.join(room, key_mgmt=None)
    bob.join(room)
    first = agree(bob, otto, olga)
    assert not otto.got(HELLO)
    olga.leave()
    otto.wait_got(OPEN)
    bob.keys.ks = None
    new = bob.wait_epoch(lambda have: have[:16] != first[:16])
    otto.wait_epoch(new)
    assert otto.say("mine now") == 200
    bob.hear("mine now")


def test_the_operator_names_the_owner(table, room):
    # covers: GK-002
    t = table()
    olga = t.owner()
    _, why = ctl(t.net.mrfc, "create", room, "--sealed", code=1)
    assert "owner" in why
    ctl(t.net.mrfc, "create", room, "--sealed", "--owner", olga.aor)
    t.member("early", olga).invite(room).expect(503)
    olga.join(room)
    bob = t.member("bob", olga).join(room)
    agree(bob, olga)
    watch = bob.subscribe()
    watch.wait(lambda r: len(r.users) == 2 and r.users[olga.aor]["roles"] == ["owner"])


@pytest.mark.parametrize("how", ["lost", "dead", "left"])
def test_another_terminal_of_the_owner_waits_for_the_first(table, room, how):
    # covers: GK-002, GK-003
    t = table(media__grace="60s")
    olga = t.owner()
    second = t.owner("second", aor=olga.aor)
    second.service.keys = olga.service.keys
    bob = t.member("bob", olga)
    olga.join(room), bob.join(room)
    first = agree(bob, olga)
    if how == "dead":
        olga.mute()
    assert "another terminal" in warning(second.invite(room).expect(488))[1]
    assert second.invite(room, accept_types="message/cpim application/mikey").expect(488)
    if how == "left":  # the first goes on as before, until it leaves by itself
        assert olga.say("still the one") == 200
        bob.hear("still the one")
        assert epoch_of(t.net, room) == first
        olga.leave()
    elif how == "lost":
        olga.conn.close()
    t.net.mrfc.wait_metric(lambda m: m["mrfc_groupkey_owners"] == 0, 20)
    second.join(room)
    new = agree(bob, second, but=first)
    assert new[:16] != first[:16] and not second.got(HELLO)[1:]
    assert second.say("here again") == 200
    bob.hear("here again")
    if how == "dead":  # it makes no keys any more, and has none
        olga.unmute()
        assert olga.session.send(frame(EPOCH), content_type=TYPE).status() == 403 and olga.keys.hex == first


def test_what_carries_the_keys_does_not_have_them(table, room):
    # covers: GK-002, GK-012, GK-013
    t = table()
    olga = t.owner()
    members = [t.member(n, olga) for n in ("bob", "carol")]
    olga.join(room)
    for m in members:
        m.join(room)
    agree(members[1], members[0], olga)
    olga.rekey()
    agree(members[1], members[0], olga, but=members[1].keys.hex)
    secrets = {*olga.service.made.values(), *olga.service.keys.values()}
    assert len(secrets) >= 5
    for process in (t.net.mrfc, t.net.mrfp):
        assert not any(memory.has(process.pid, octets) for octets in secrets), process.name
    # The search finds what is there: the name of the epoch, which is no secret.
    assert memory.has(t.net.mrfc.pid, members[0].keys.current)
