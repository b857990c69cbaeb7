# SPDX-License-Identifier: Apache-2.0
"""Coming back: a member without a session joins and the focus calls the others; a conference that is
gone is made again, once, however many do it at the same time."""

import pytest

from peer.loop import wait
from peer.reslist import document, part
from peer.servers import poll
from peer.ue import fence
from test_lists import TAG, come_in, list_invite
from test_members import (FACTORY, callable_as_itself, conference, contribution, create, lose,
                          members, users)


@pytest.fixture
def absent(own_mrf, ue):
    """A function: (net, name, key, alice, bob, carol), all members of one conference and away."""
    def make(**mrfc):
        net = own_mrf(mrfc={"media.grace": "0ms", **mrfc})
        people = [callable_as_itself(ue(n, net)) for n in ("alice", "bob", "carol")]
        key = contribution()
        name = create(people[0], key)
        for one in people[1:]:
            one.join(name)
        for one in people:
            lose(one)
        poll(lambda: set(members(net, name).values()) == {"away"}, what="all away")
        return (net, name, key, *people)
    return make


def invites(ue):
    """Call-IDs of the calls that came."""
    return {m.get("Call-ID") for m in ue.ua.seen("in", "INVITE") if m.to.tag is None}


def test_who_comes_back_brings_the_others_back(absent):
    # covers: IMS-006, IMS-004
    net, name, key, alice, bob, carol = absent()
    bob.join(name)
    for one in (alice, carol):
        invite = one.wait_invite().invite
        assert invite.get("Contribution-ID") == key[1]
        assert invite.get("P-Asserted-Identity").strip("<>") == bob.room
        one.accept()
    fence(alice, bob, carol)
    fence(bob, alice, carol)
    assert set(members(net, name).values()) == {"in"}
    assert len(invites(alice)) == len(invites(carol)) == 1 and not invites(bob)


def test_two_who_come_back_at_once_are_not_called(absent):
    # covers: IMS-006
    net, name, _, alice, bob, carol = absent()
    calls = [one.invite(name) for one in (alice, bob)]
    for one, call in zip((alice, bob), calls):
        one.room = "sip:%s@%s" % (name, net.domain)
        one.take_answer(call.expect(200).text)
        one.open_media()
    carol.wait_invite()
    carol.accept()
    fence(carol, alice, bob)
    assert not invites(alice) and not invites(bob) and len(invites(carol)) == 1


def test_who_does_not_answer_is_not_called_again_for_a_while(absent):
    # covers: IMS-006
    net, name, _, alice, bob, carol = absent()
    bob.join(name)
    alice.wait_invite().reject(480)
    carol.wait_invite()
    carol.accept()
    lose(bob)
    lose(carol)
    bob.join(name)
    wait(lambda: len(invites(carol)) == 2, what="carol's second call")
    fence(bob)
    assert len(invites(alice)) == 1
    assert members(net, name)[alice.aor] == "away"


def test_nobody_is_called_where_it_is_off(absent):
    # covers: IMS-006
    net, name, _, alice, bob, carol = absent(**{"conference.reinvite": "false"})
    bob.join(name)
    alice.join(name)
    fence(bob, alice)
    assert members(net, name) == {alice.aor: "in", bob.aor: "in", carol.aor: "away"}
    assert not invites(alice) and not invites(carol)


def test_two_who_start_again_at_once_make_one_conference(own_mrf, ue):
    # covers: IMS-006
    net = own_mrf(mrfc={"conference.create_on_join": "false"})
    alice, bob, carol = (ue(n, net) for n in ("alice", "bob", "carol"))
    key = contribution()
    name = create(alice, key)
    alice.leave()
    poll(lambda: conference(net, name) is None, what="the end")
    for one in (alice, bob):
        assert one.invite(name).final().code == 404
    calls = [one.invite(FACTORY, headers=[key]) for one in (alice, bob, carol)]
    answers = [call.expect(200) for call in calls]
    rooms = {answer.contact.uri for answer in answers}
    assert len(rooms) == 1 and name not in rooms.pop()
    for one, answer in zip((alice, bob, carol), answers):
        one.room = one._canonical(answer.contact.uri)
        one.take_answer(answer.text)
        one.open_media()
    fence(alice, bob, carol)
    fence(bob, alice, carol)
    (only,) = [c for c in net.api("GET", "/v1/conferences")[1]["conferences"]]
    assert only["contribution_id"] == key[1] and only["participant_count"] == 3


def test_two_who_start_a_list_again_at_once_make_one_conference(own_mrf, ue):
    # covers: IMS-006, LIST-001
    net = own_mrf(mrfc={"conference.create_on_join": "false"})
    people = [callable_as_itself(ue(n, net)) for n in ("alice", "bob", "carol")]
    alice, bob, carol = people
    key = contribution()
    assert alice.invite("sip:gone@" + net.domain).final().code == 404
    for me, other in ((alice, bob), (bob, alice)):
        list_invite(me, FACTORY, part(document((other.aor, "to"), (carol.aor, "to"))), headers=(TAG, key))
    rooms = {come_in(one) for one in (alice, bob)}
    assert len(rooms) == 1
    assert carol.wait_invite().invite.get("Contribution-ID") == key[1]
    carol.accept()
    fence(carol, alice, bob)
    fence(alice, bob, carol)
    assert len(invites(carol)) == 1
    name = alice.room.partition(":")[2].partition("@")[0]
    assert members(net, name) == {one.aor: "in" for one in people}


def test_a_conference_whose_maker_gave_up_is_not_kept(own_mrf, ue):
    # covers: IMS-005, IMS-006
    net = users(own_mrf)
    alice, bob = ue("alice", net), ue("bob", net)
    key = contribution()
    text = alice.offer(setup="passive", path="msrp://127.0.0.1:9/abcdefgh;tcp", port=9, address="203.0.113.9")
    code = alice.invite(FACTORY, text, headers=[key]).final().code
    assert code == 488  # where the switch may not connect to
    poll(lambda: net.api("GET", "/v1/conferences")[1]["conferences"] == [], what="no conference")
    create(bob, key)
    assert conference(net, bob.room.partition(":")[2].partition("@")[0])["member_count"] == 1
