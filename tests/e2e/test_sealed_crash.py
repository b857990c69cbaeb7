# SPDX-License-Identifier: Apache-2.0
"""Sealed conferences whose servers die in the middle of a new key, or that move: all agree afterwards, and chat on."""

import pytest

from peer import gke, inner, sdp
from peer.loop import wait
from peer.several import all_moved, another, drain, go_on, place
from peer.servers import poll
from test_abuse_keys import chat
from test_sealed_join import epoch_of, make, sealed  # noqa: F401  (sealed is a fixture)


def crowd(net, new, room, n):
    """n members who come in together and have one key."""
    uri = make(net, room)
    members = [new("m%d" % i, net) for i in range(n)]
    calls = [m.invite(uri) for m in members]
    for m, call in zip(members, calls):
        m.room = uri
        m.take_answer(call.expect(200, 60).text)
        m.open_media()
        follows(m)
    agree(net, room, members)
    return members


def follows(m):
    """Answer re-INVITEs with a new session and the confirmation of the key that they carry."""
    m.offers, m.followed = [], 0

    def on_offer(offer):
        m.take_line(sdp.Sdp(offer))
        m.owed = None
        text = m.offer(setup="active", key_mgmt=[gke.Member.attribute(m.confirmation)])
        m.offers.append((offer, m.session))
        return text
    m.call.answer_offers(on_offer)


def agree(net, room, members):
    """All have the epoch that the focus tells."""
    def same():
        epoch = epoch_of(net, room)
        return epoch is not None and all(m.keys.hex == epoch for m in members)
    poll(same, 60, "one epoch at all")
    poll(lambda: net.mrfp.metrics().get("mrfp_injects_open", 0) == 0, what="the last keys")


def kick(net, room, one):
    assert net.api("DELETE", "/v1/conferences/%s/participants/%s" % (room, one.aor))[0] == 204


def gate_is(member, old):
    """The switch takes the epoch of now alone."""
    text = member.keys.seal("stale", gkid=old)
    poll(lambda: member.session.send(member.cpim(text, content_type=gke.TYPE)).status() == 403, 15,
         "a closed gate for " + old.hex())


def test_an_mrfc_killed_while_it_gives_fifty_a_new_key(own_mrf, sealed, tmp_path, room):  # noqa: F811
    # covers: GK-003, GK-005, GK-007
    net = own_mrf(mrfc={"store.path": str(tmp_path / "mrf.db"), "store.sync": "normal"})
    members = crowd(net, sealed, room, 50)
    out = members.pop()
    before = members[0].keys.current
    out_had = out.keys.hex
    kick(net, room, out)
    wait(lambda: any(m.keys.current != before for m in members), what="the first who has the new one")
    net.mrfc.kill()
    net.start_mrfc()
    wait(lambda: all(m.keys.current[:8] != before[:8] for m in members), 60, "keys of a new domain")
    agree(net, room, members)
    assert out.keys.hex == out_had and not any(m.call.ended for m in members)
    chat(members[0], *members[1:])
    assert not out.keys.can_read(members[1].heard[-1].content)
    gate_is(members[2], before)
    chat(members[3], members[4])


def test_an_mrfp_killed_while_it_hands_out_a_new_key(own_mrf, sealed, room):  # noqa: F811
    # covers: GK-003, GK-005, GK-007, GK-015
    net = own_mrf()
    members = crowd(net, sealed, room, 20)
    out = members.pop()
    before = members[0].keys.current
    kick(net, room, out)
    wait(lambda: any(m.keys.current != before for m in members), what="the first who has the new one")
    net.mrfp.kill()
    net.start_mrfp()
    all_moved(members, timeout=60)
    agree(net, room, members)
    assert members[0].keys.current[:8] == before[:8]
    chat(members[0], *members[1:])
    # The new switch was told what its forerunner knew.
    poll(lambda: gate_knows(members[1], before), 20, "the gate")
    other = before[:7] + bytes([before[7] ^ 1]) + before[8:]
    members[2].keys.keys[other] = members[2].keys.keys[members[2].keys.current]
    gate_is(members[2], other)
    chat(members[3], members[4])


@pytest.mark.parametrize("when", ["he asked", "it is made"])
def test_an_mrfp_dies_while_somebody_waits_for_his_key(own_mrf, sealed, room, when):  # noqa: F811
    # covers: GK-003, KM-004
    net = own_mrf()
    make(net, room)
    alice, bob = sealed("alice", net).join(room), sealed("bob", net)
    had = alice.keys.hex
    follows(alice)
    bob.room = alice.room
    call = bob.invite(room)
    follows(bob)
    if when == "it is made":
        alice.wait_epoch(lambda have: have != had)
    net.mrfp.kill()
    net.start_mrfp()
    resp = call.final(30)
    poll(lambda: go_on([alice]), 20, "alice's new session")
    if resp.code == 200:
        poll(lambda: go_on([bob]), 20, "bob's new session")
    else:
        assert resp.code == 503
        bob.join(room)
    chat(alice, bob)
    chat(bob, alice)


def gate_knows(member, old):
    return member.session.send(member.cpim(member.keys.seal("old", gkid=old), content_type=gke.TYPE)).status() == 403


def said(members):
    """{name: texts of the others that he could open}"""
    return {m.name: [inner.Inner(m.keys.open_raw(c.content)).payload.decode() for c in m.heard] for m in members}


def test_a_sealed_conference_moves_while_keys_change(own_mrf, sealed, room):  # noqa: F811
    # covers: FOC-022, GK-003, GK-007
    net = own_mrf()
    members = crowd(net, sealed, room, 6)
    out = members.pop()
    another(net, "mrfp-2")
    sent, n = [], 0

    def round_():
        nonlocal n
        n += 1
        for m in members:
            text = "%s %d" % (m.name, n)
            sent.append((m, text, m.talk.send(m.seal(text))))
    for m in members:
        m.talk = m.session
    round_()
    drain(net, "mrfp")
    kick(net, room, out)
    joined = sealed("late", net)
    joined.join(room)
    follows(joined)
    for _ in range(200):
        round_()
        go_on(members)
        for m in members:
            m.talk = m.session if m.followed == len(m.offers) else m.talk
        if all(m.followed for m in members) and place(net, room) == "mrfp-2":
            break
    all_moved(members)
    poll(lambda: not go_on([joined]) and place(net, room) == "mrfp-2" and
         net.mrfc.metrics().sum("mrfc_conferences_moving") == 0, 20, "the end of the move")
    go_on([joined])
    for m in members:
        m.talk = m.session
    round_()
    for m, text, txn in sent:
        assert txn.status(30) == 200, text
    agree(net, room, members + [joined])
    for m in members:
        wanted = {text for s, text, _ in sent if s is not m}
        wait(lambda: wanted <= set(said([m])[m.name]), 30, "all lines at " + m.name,
             lambda: sorted(wanted - set(said([m])[m.name]))[:5])
        assert len(said([m])[m.name]) == len(wanted)
    chat(joined, *members)
    chat(members[0], joined)


def test_a_key_is_confirmed_by_the_session_that_is_moved_from(own_mrf, sealed, room):  # noqa: F811
    # covers: FOC-022, GK-015
    net = own_mrf()
    make(net, room)

    def confirmed(n):
        net.mrfc.wait_metric(lambda m: m.sum("mrfc_key_confirmations_total") == n, what="%d confirmations" % n)
    alice = sealed("alice", net).join(room)
    confirmed(1)
    bob = sealed("bob", net).join(room)
    follows(bob)
    confirmed(3)
    alice.confirms = False
    carol = sealed("carol", net).join(room)
    follows(carol)
    alice.wait_epoch(carol.keys.hex)
    confirmed(5)
    another(net, "mrfp-2")
    drain(net, "mrfp")
    alice.call.wait_request("INVITE")
    assert alice.send_key(alice.confirmation).status() == 200  # she has not answered yet
    confirmed(6)
    assert net.mrfc.metrics().sum("mrfc_groupkey_dropped_total") == 0
    follows(alice)
    all_moved([alice, bob, carol])
    poll(lambda: net.mrfc.metrics().sum("mrfc_conferences_moving") == 0, 20, "the end of the move")
    chat(alice, bob, carol)
    chat(carol, alice, bob)


def test_who_was_away_gets_nothing_sealed_for_others(own_mrf, sealed, room):  # noqa: F811
    # covers: GK-005, IMS-007
    net = own_mrf(mrfc={"conference.leave": "reason", "media.grace": "1s"})
    make(net, room)
    alice, bob, carol = [sealed(name, net).join(room) for name in ("alice", "bob", "carol")]
    chat(alice, bob, carol)
    had = bob.keys.hex
    bob.leave()  # ends the session alone: he still belongs
    alice.wait_epoch(lambda have: have > had)
    chat(alice, carol, text="while he was away")
    missed = carol.heard[-1].content
    back = sealed("bob", net).join(room)
    chat(back, alice, carol)
    chat(alice, back, carol)
    assert not back.keys.can_read(missed) and not bob.keys.can_read(missed)
    assert all(c.content != missed for c in back.chats)


@pytest.mark.parametrize("first", ["he changes", "the key changes"])
def test_a_new_key_meets_a_broken_connection(own_mrf, sealed, room, first):  # noqa: F811
    # covers: GK-015
    net = own_mrf(mrfc={"media.grace": "20s"})
    make(net, room)
    alice, bob = sealed("alice", net).join(room), sealed("bob", net).join(room)
    alice.wait_epoch(bob.keys.hex)
    had = bob.keys.hex
    if first == "he changes":
        bob.conn.close()
    carol = sealed("carol", net).join(room)
    if first == "the key changes":
        bob.conn.close()
    alice.wait_epoch(carol.keys.hex)
    resp = bob.call.reinvite(bob.offer(setup="active", key_mgmt=[bob.own_lines[0].partition(":")[2]]))
    bob.take_answer(resp.expect(200).text)
    bob.open_media()
    bob.wait_epoch(carol.keys.hex)
    assert bob.keys.hex > had
    chat(bob, alice, carol)
    chat(carol, bob)
