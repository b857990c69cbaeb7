# SPDX-License-Identifier: Apache-2.0
"""Sealed conferences: new keys for who stays, again until they are confirmed."""

import pytest

from peer import gke, mikey
from peer.loop import wait
from peer.sdp import Sdp
from peer.sipcall import bye_reason
from test_sealed_join import epoch_of, make, sealed  # noqa: F401  (sealed is a fixture)


@pytest.fixture
def three(mrf, sealed, room):  # noqa: F811
    make(mrf, room)
    members = [sealed(name).join(room) for name in ("alice", "bob", "carol")]
    for one in members:
        one.wait_epoch(members[-1].keys.hex)
    return members


def test_who_leaves_has_no_later_key(three, mrf, room):
    # covers: GK-005, KM-008
    alice, bob, carol = three
    before = bob.keys.hex
    bob.leave()
    alice.wait_epoch(lambda have: have > before)
    carol.wait_epoch(alice.keys.hex)
    assert alice.say("without bob") == 200
    carol.hear("without bob")
    sealed_body = carol.heard[-1].content
    assert not bob.keys.can_read(sealed_body) and bob.keys.hex == before
    assert epoch_of(mrf, room) == alice.keys.hex


def test_who_is_removed_is_locked_out_at_once(three, mrf, room):
    # covers: GK-005, GK-006
    alice, bob, carol = three
    before = bob.keys.epoch
    assert mrf.api("DELETE", "/v1/conferences/%s/participants/%s" % (room, bob.aor))[0] == 204
    alice.wait_epoch(lambda have: alice.keys.epoch == before + 1)
    carol.wait_epoch(alice.keys.hex)
    assert bob.keys.epoch == before


@pytest.mark.parametrize("again", ["in vain", "for good"])
def test_who_leaves_and_comes_again_at_once_has_left(three, mrf, sealed, room, again):  # noqa: F811
    # covers: GK-005
    alice, bob, carol = three
    before = bob.keys.epoch
    bob.leave()                             # the others' key is due in two seconds
    other = sealed("bob", key=bob.key)
    other.asked = uri = other.uri_of(room)
    request = bytearray(other.keys_for(uri).request(sdp=True))
    if again == "in vain":
        request[-1] ^= 1                    # as with a key that is not his
    call = other.invite(uri, key_mgmt=[gke.Member.attribute(bytes(request))])
    if again == "in vain":
        call.expect(488)
    else:
        other.room = uri
        other.take_answer(call.expect(200).text)
        other.open_media()
    carol.wait_epoch(lambda have: carol.keys.epoch > before)
    alice.wait_epoch(carol.keys.hex)
    assert alice.say("is bob here?") == 200
    carol.hear("is bob here?")
    assert not bob.keys.can_read(carol.heard[-1].content)
    if again == "for good":
        other.hear("is bob here?")
    late = sealed("dora").join(room)        # the key server has forgotten him, too
    for one in (alice, carol):
        one.wait_epoch(late.keys.hex)
    assert late.keys.epoch == alice.keys.epoch


def test_a_lost_leg_leaves_when_its_session_ends(own_mrf, sealed, room):  # noqa: F811
    # covers: GK-005
    net = own_mrf(mrfc={"media.grace": "0s"})
    make(net, room)
    alice, bob = sealed("alice", net).join(room), sealed("bob", net).join(room)
    alice.wait_epoch(bob.keys.hex)
    before = bob.keys.epoch
    bob.session.conn.close()
    bob.call.wait_bye()
    alice.wait_epoch(lambda have: alice.keys.epoch == before + 1)


def test_many_leave_for_one_new_key(mrf, sealed, room):  # noqa: F811
    # covers: GK-006
    make(mrf, room)
    alice = sealed("alice").join(room)
    others = [sealed("user%d" % i).join(room) for i in range(6)]
    alice.wait_epoch(others[-1].keys.hex)
    last = alice.keys.epoch
    calls = [one.call.bye() for one in others]
    for call in calls:
        call.expect(200)
    alice.wait_epoch(lambda have: alice.keys.epoch > last)
    mrf.wait_participants(room, lambda p: len(p) == 1)
    assert alice.keys.epoch == last + 1


def test_the_roster_tells_the_epoch(three, mrf, room):
    # covers: GK-008, CONF-009
    alice, bob, carol = three
    watch = alice.subscribe()
    marker = b'<epoch xmlns="urn:x-mrf:conference-info:1" id="%s"/>'
    watch.sub.wait_notify(lambda n: marker % alice.keys.hex.encode() in n.body)
    before = bob.keys.hex
    bob.leave()
    alice.wait_epoch(lambda have: have > before)
    watch.sub.wait_notify(lambda n: marker % alice.keys.hex.encode() in n.body)


def test_an_unconfirmed_key_comes_again_with_the_same_octets(mrf, sealed, room):  # noqa: F811
    # covers: GK-008, MIKEY-012
    make(mrf, room)
    alice = sealed("alice").join(room)
    alice.confirms = False
    bob = sealed("bob").join(room)
    alice.wait_epoch(bob.keys.hex)
    n = len(alice.octets)
    alice.session.wait_message(lambda m: m.complete and len(alice.octets) > n, what="the key again")
    assert alice.octets[-1] == alice.octets[n - 1]
    confirmed = mrf.mrfc.metrics()["mrfc_key_confirmations_total"]
    alice.send_key(alice.confirmation).status()
    mrf.mrfc.wait_metric(lambda m: m["mrfc_key_confirmations_total"] == confirmed + 1)
    # Twice is once.
    alice.send_key(alice.confirmation).status()
    assert mrf.mrfc.metrics()["mrfc_key_confirmations_total"] == confirmed + 1


def test_a_member_may_ask_for_the_key_again(three):
    # covers: GK-008
    alice, _, _ = three
    had = alice.keys.hex
    n = len(alice.octets)
    assert alice.send_key(alice.keys.request()).status() == 200
    alice.session.wait_message(lambda m: m.complete and len(alice.octets) > n, what="the key")
    alice.wait_epoch(had)
    assert mikey.parse(alice.octets[-1]).t > mikey.parse(alice.octets[n - 1]).t


def test_a_key_that_was_used_much_is_replaced(own_mrf, sealed, room):  # noqa: F811
    # covers: GK-010
    net = own_mrf(mrfc={"groupkey.max_messages": 256})
    make(net, room)
    alice = sealed("alice", net).join(room)
    assert alice.keys.epoch == 1
    sent = [alice.session.send(alice.seal("line %d" % i)) for i in range(256)]
    assert {tx.status() for tx in sent} == {200}
    alice.wait_epoch(lambda have: alice.keys.epoch == 2)


@pytest.mark.parametrize("policy", ["drop", "keep"])
def test_who_never_confirms_is_asked_by_reinvite_then_policy_decides(own_mrf, sealed, room, policy):  # noqa: F811
    # covers: GK-008, KM-007
    net = own_mrf(mrfc={"groupkey.confirm_timeout": "1s", "conference.stale_member": policy})
    make(net, room)
    alice = sealed("alice", net).join(room)
    watch = alice.subscribe()
    bob = sealed("bob", net)
    bob.confirms = False
    bob.join(room)
    offer = bob.call.wait_request("INVITE").request
    assert Sdp(offer.text).msg.get("key-mgmt") == gke.Member.attribute(bob.last)
    (txn,) = [t for t in bob.call.requests if t.request.method == "INVITE"]
    txn.respond(488)
    before = alice.keys.hex
    if policy == "drop":
        assert bye_reason(bob.call.wait_bye())[1] == 488
        alice.wait_epoch(lambda have: have > before or alice.keys.epoch > 2)
        return
    seen = net.wait_participants(room, lambda p: p[bob.aor]["endpoints"][0].get("stale"))
    assert seen[bob.aor]["state"] == "connected"
    watch.sub.wait_notify(lambda n: b"<stale " in n.body)
    assert bob.send_key(bob.confirmation).status() == 200
    net.wait_participants(room, lambda p: not p[bob.aor]["endpoints"][0].get("stale"))


def test_a_new_offer_with_the_key_confirms_it(own_mrf, sealed, room):  # noqa: F811
    # covers: GK-008, KM-007
    net = own_mrf(mrfc={"groupkey.confirm_timeout": "1s"})
    make(net, room)
    bob = sealed("bob", net)
    bob.confirms = False
    bob.join(room)
    confirmed = net.mrfc.metrics()["mrfc_key_confirmations_total"]
    txn = bob.call.wait_request("INVITE")
    txn.respond(200, body=bob.offer(new=False, setup="active", key_mgmt=[gke.Member.attribute(bob.confirmation)]),
                content_type="application/sdp")
    txn.wait_ack()
    net.mrfc.wait_metric(lambda m: m["mrfc_key_confirmations_total"] == confirmed + 1)
    assert not bob.call.ended


def test_who_is_on_hold_gets_the_key_when_he_returns(mrf, sealed, room):  # noqa: F811
    # covers: GK-015, FOC-021
    make(mrf, room)
    alice = sealed("alice").join(room)
    same = [alice.own_lines[0].partition(":")[2]]
    alice.call.reinvite(alice.offer(new=False, key_mgmt=same, direction="inactive")).expect(200)
    n = len(alice.octets)
    bob = sealed("bob").join(room)
    carol = sealed("carol").join(room)
    bob.wait_epoch(carol.keys.hex)
    assert len(alice.octets) == n and alice.keys.hex != bob.keys.hex
    resp = alice.call.reinvite(alice.offer(new=False, key_mgmt=same, direction="sendrecv")).expect(200)
    alice.take_line(Sdp(resp.text))
    assert alice.keys.hex == bob.keys.hex
    alice.send_key(alice.owed).status()
    assert alice.say("back again") == 200
    bob.hear("back again")


def test_a_rekey_meets_a_change_of_the_peer(own_mrf, sealed, room):  # noqa: F811
    # covers: GK-015
    net = own_mrf(mrfc={"groupkey.confirm_timeout": "1s"})
    make(net, room)
    bob = sealed("bob", net)
    bob.confirms = False
    bob.join(room)
    first = bob.call.wait_request("INVITE")
    first.respond(491)
    first.wait_ack()
    again = bob.call.wait_request("INVITE", lambda r: r.cseq[0] > first.request.cseq[0])
    assert Sdp(again.request.text).msg.get("key-mgmt") == gke.Member.attribute(bob.last)
    again.respond(200, body=bob.offer(new=False, setup="active", key_mgmt=[gke.Member.attribute(bob.confirmation)]),
                  content_type="application/sdp")
    again.wait_ack()
    confirmed = "mrfc_key_confirmations_total"
    net.mrfc.wait_metric(lambda m: m[confirmed] >= 1)


# -- who confirms, who does not, while others come and go ----------------------------------------


@pytest.fixture
def brisk(own_mrf, room):
    net = own_mrf(mrfc={"groupkey.confirm_timeout": "2s", "conference.stale_member": "keep"})
    make(net, room)
    return net


def offered(one):
    """The re-INVITEs that came to it."""
    return [t for t in one.call.requests if t.request.method == "INVITE"]


def come_and_go(sealed, net, room, watcher, until):  # noqa: F811
    """Members come, one after the other, a new key each, until something holds; how many keys that were."""
    n = 0
    while not until():
        assert n < 60, "no end of it"
        late = sealed("late%d" % n, net).join(room)
        watcher.wait_epoch(late.keys.hex)
        if n % 3 == 2:
            late.leave()
        n += 1
    return n


def test_new_keys_do_not_renew_the_patience_with_who_confirms_none(brisk, sealed, room):  # noqa: F811
    # covers: GK-008
    alice, bob = sealed("alice", brisk).join(room), sealed("bob", brisk)
    bob.confirms = False
    bob.join(room)
    assert come_and_go(sealed, brisk, room, alice, lambda: offered(bob)) > 3
    assert offered(alice) == []
    offered(bob)[0].respond(488)
    seen = brisk.wait_participants(room, lambda p: p[bob.aor]["endpoints"][0].get("stale"))
    assert not seen[alice.aor]["endpoints"][0].get("stale")


def test_who_confirms_late_is_not_taken_for_who_does_not(brisk, sealed, room):  # noqa: F811
    # covers: GK-008
    alice, bob, carol = sealed("alice", brisk).join(room), sealed("bob", brisk), sealed("carol", brisk)
    for one in (bob, carol):
        one.confirms = False
        one.join(room)

    def late():  # he says that he has the key before the present one
        if len(bob.keys.order) > 1 and bob.confirmation != bob.owed:
            before, bob.owed = bob.owed, bob.confirmation
            if before is not None:
                bob.send_key(before)
        return offered(carol)
    assert come_and_go(sealed, brisk, room, alice, late) > 3
    assert offered(bob) == []
    assert bob.send_key(bob.confirmation).status() == 200


def test_two_devices_with_one_key_confirm_each_for_itself(brisk, sealed, room):  # noqa: F811
    # covers: GK-008, MIKEY-012
    alice = sealed("alice", brisk).join(room)
    desk = sealed("bob", brisk).join(room)
    alice.wait_epoch(desk.keys.hex)
    pocket = sealed("bob", brisk, key=desk.key)
    pocket.confirms = False
    pocket.join(room)
    for one in (alice, desk):
        one.wait_epoch(pocket.keys.hex)
    n = len(pocket.octets)
    wait(lambda: pocket.octets[n:].count(pocket.last) >= 1 or offered(pocket), what="the key again")
    txn = pocket.call.wait_request("INVITE")
    assert Sdp(txn.request.text).msg.get("key-mgmt") == gke.Member.attribute(pocket.last)
    confirmed = brisk.mrfc.metrics()["mrfc_key_confirmations_total"]
    txn.respond(200, body=pocket.offer(new=False, setup="active", key_mgmt=[gke.Member.attribute(pocket.confirmation)]),
                content_type="application/sdp")
    txn.wait_ack()
    brisk.mrfc.wait_metric(lambda m: m["mrfc_key_confirmations_total"] == confirmed + 1)
    assert offered(alice) == [] and offered(desk) == []
    assert desk.say("both are here") == 200
    pocket.hear("both are here")
