# SPDX-License-Identifier: Apache-2.0
"""Every way out of a conference shows the same four things: BYE with its Reason, who is still in the
roster and how the other went, the end of his subscription where he was removed, a room that goes on.
And calls that come to nothing or are sent elsewhere."""

from urllib.parse import quote

import pytest

from peer.sipcall import bye_reason, substate
from peer.sipmsg import Uri
from peer.ue import fence
from test_focus_leave import documents, wait_session_over
from test_focus_refer import fragment
from test_roles import Admin


def kick(by, room, uri):
    return by.ua.refer(room, "<%s;method=BYE>" % uri)


def endpoints(watch, aor):
    """(status, how it went, by whom) of the user's endpoints in all documents."""
    return [(e.status, e.disconnection_method, e.booted_by) for d in documents(watch)
            for u in d.users.values() if u.entity == aor for e in u.endpoints.values()]


def reason_of(watch, aor):
    """disconnection-info/reason of the user's endpoints, as it was last told."""
    found = [e.el.find("{*}disconnection-info/{*}reason") for d in documents(watch)
             for u in d.users.values() if u.entity == aor for e in u.endpoints.values()
             if e.status == "disconnected"]
    return [r.text for r in found if r is not None][-1]


class Room:
    def __init__(self, ue, net, names=("alice", "bob", "carol")):
        self.net = net
        self.alice, *others = [ue(n, net=net) for n in names]
        self.uri = self.alice.create()
        self.bob, self.carol = [member.join(self.uri) for member in others]
        self.watch, self.own = self.alice.subscribe(), self.carol.subscribe()
        self.admin = Admin(net, self.uri)

    def gone(self, how, cause=None, by=None):
        """carol is out, as everybody sees it; the others chat on."""
        self.watch.wait(lambda r: self.carol.aor not in r.connected())
        ends = [e for e in endpoints(self.watch, self.carol.aor) if e[0] == "disconnected"]
        assert ends and ends[0][1:] == (how, by)
        if cause:
            assert reason_of(self.watch, self.carol.aor) == "SIP;cause=%d" % cause
        wait_session_over(self.carol)
        self.watch.wait(lambda r: r.user_count == 2)
        fence(self.alice, self.bob)


@pytest.fixture
def party(ue, mrf):
    return Room(ue, mrf)


def test_by_a_bye(party):
    # covers: FOC-017, CONF-013
    party.carol.call.bye().expect(200)
    party.gone("departed")
    party.alice.ua.refer(party.uri, "<%s;method=BYE>" % party.bob.aor).expect(202)
    # who left by himself may go on watching, by his own decision
    assert not [n for n in party.own.sub.notifies if substate(n)[0] == "terminated"]


def test_by_the_owners_refer(party):
    # covers: REF-015, FOC-019b, FOC-020, CONF-013
    referral = kick(party.alice, party.uri, party.carol.aor)
    referral.expect(202)
    assert bye_reason(party.carol.call.wait_bye())[:2] == ("SIP", 603)
    assert substate(party.own.sub.wait_terminated())[0] == "terminated"
    referral.wait_frag("SIP/2.0 200")
    party.gone("booted", 603, party.alice.aor)


@pytest.mark.parametrize("ban", ["", "?ban=1"])
def test_by_the_operator(party, ban):
    # covers: FOC-020, FOC-019b, CONF-013
    party.admin("DELETE", "/participants/" + quote(party.carol.aor, safe="") + ban, code=204)
    assert bye_reason(party.carol.call.wait_bye())[:2] == ("SIP", 603)
    assert substate(party.own.sub.wait_terminated())[0] == "terminated"
    party.gone("booted", 603)


def test_by_the_end_of_the_conference(party):
    # covers: FOC-019, FOC-019b, FOC-020, CONF-006
    kick(party.alice, party.uri, party.uri).expect(202)
    for member in (party.alice, party.bob, party.carol):
        assert bye_reason(member.call.wait_bye())[:2] == ("SIP", 410)
    for watch in (party.watch, party.own):
        assert substate(watch.sub.wait_terminated()) == ("terminated", {"reason": "noresource"})


def test_by_lost_media(own_mrf, ue):
    # covers: FOC-020, CONF-013
    party = Room(ue, own_mrf(mrfc={"media.grace": "0"}))
    party.carol.conn.reset()
    assert bye_reason(party.carol.call.wait_bye())[:2] == ("SIP", 408)
    party.gone("failed", 408)


@pytest.fixture
def devices(ue, mrf):
    """(room, alice who made it, two terminals of carol)."""
    alice = ue("alice")
    room = alice.create()
    return room, alice, [ue("carol") for _ in range(2)]


def test_one_device_by_its_contact(devices):
    # covers: REF-015, FOC-024
    room, alice, (phone, tablet) = devices
    phone.join(room), tablet.join(room)
    own = phone.subscribe()
    referral = kick(alice, room, phone.ua.contact_uri)
    referral.expect(202)
    assert bye_reason(phone.call.wait_bye())[:2] == ("SIP", 603)
    referral.wait_frag("SIP/2.0 200")
    fence(alice, tablet)
    assert not tablet.call.ended
    assert not [n for n in own.sub.notifies if substate(n)[0] == "terminated"]
    kick(alice, room, tablet.ua.contact_uri).expect(202)  # his last: he is removed
    tablet.call.wait_bye()
    assert substate(own.sub.wait_terminated())[0] == "terminated"


def test_one_device_by_its_gruu(devices):
    # covers: REF-015, FOC-024
    room, alice, pair = devices
    for n, device in enumerate(pair):
        device.ua.contact_uri = "%s;gr=urn:uuid:%d" % (device.aor, n)
        device.ua.contact = "<%s>" % device.ua.contact_uri
        device.call = device.ua.invite(room, device.offer())
        device.take_answer(device.call.expect(200).text)
        device.open_media()
        device.room = room
    phone, tablet = pair
    referral = kick(alice, room, "%s;gr=urn:uuid:7" % phone.aor)
    referral.expect(202)
    referral.wait_frag("SIP/2.0 404")  # no such device; the others stay
    fence(alice, phone, tablet)
    kick(alice, room, tablet.ua.contact_uri).expect(202)
    fence(alice, phone)
    kick(alice, room, phone.aor).expect(202)
    fence(alice)


def test_one_device_of_a_user_who_removes_it_himself(devices):
    # covers: REF-015
    room, alice, (phone, tablet) = devices
    phone.join(room), tablet.join(room)
    kick(tablet, room, phone.ua.contact_uri).expect(202)
    phone.call.wait_bye()
    fence(alice, tablet)


@pytest.fixture
def moving(own_mrf, ue):
    """(room, alice who made it, the operator) where the focus follows two contacts."""
    net = own_mrf(mrfc={"conference.max_redirects": 2})
    alice = ue("alice", net=net)
    room = alice.create()
    return room, alice, Admin(net, room)


def redirect(member, to, code=302):
    inv = member.wait_invite().invite
    uri = to if isinstance(to, str) else to.ua.contact_uri
    member.call.reject(code, headers=[("Contact", "<%s>" % uri)])
    return inv


def test_a_call_follows_where_it_is_sent(moving, ue):
    # covers: REF-022
    room, alice, _ = moving
    watch = alice.subscribe()
    dave, eve = ue("dave", net=alice.net), ue("eve", net=alice.net)
    referral = alice.ua.refer(room, dave.ua.contact_uri)
    referral.expect(202)
    first = redirect(dave, eve)
    second = eve.wait_invite().invite
    assert second.uri == eve.ua.contact_uri and second.call_id != first.call_id
    assert second.get("Referred-By") == "<%s>" % alice.aor and second.from_.uri == room
    eve.accept()
    referral.wait_frag("SIP/2.0 200")
    roster = watch.wait(lambda r: dave.ua.contact_uri in r.connected())
    assert eve.aor not in roster.users  # the user who was called, wherever he is
    eve.aor = dave.ua.contact_uri
    fence(eve, alice)
    eve.call.bye().expect(200)


def test_calls_are_not_sent_around_for_ever(moving, ue):
    # covers: REF-022, REF-006
    room, alice, _ = moving
    watch = alice.subscribe()
    dave, eve = ue("dave", net=alice.net), ue("eve", net=alice.net)
    referral = alice.ua.refer(room, dave.ua.contact_uri)
    referral.expect(202)
    redirect(dave, eve)
    redirect(eve, dave)
    redirect(dave, eve)
    assert fragment(referral.wait_terminated())[0].startswith("SIP/2.0 302")
    watch.wait(lambda r: ("disconnected", "failed", None) in
               endpoints(watch, dave.ua.contact_uri))


@pytest.mark.parametrize("to", ["room", "tel:+1555", "sip:barred@127.0.0.1:9"])
def test_calls_are_not_sent_just_anywhere(moving, ue, to):
    # covers: REF-022
    room, alice, admin = moving
    dave = ue("dave", net=alice.net)
    admin.ban("sip:barred@127.0.0.1:9")
    referral = alice.ua.refer(room, dave.ua.contact_uri)
    referral.expect(202)
    redirect(dave, room if to == "room" else to)
    assert fragment(referral.wait_terminated())[0].startswith("SIP/2.0 302")


def test_a_redirection_is_a_refusal_by_default(party, ue):
    # covers: REF-022
    dave, eve = ue("dave"), ue("eve")
    referral = party.alice.ua.refer(party.uri, dave.ua.contact_uri)
    referral.expect(202)
    redirect(dave, eve)
    assert fragment(referral.wait_terminated())[0].startswith("SIP/2.0 302")
    fence(party.alice, party.bob)


@pytest.mark.parametrize("code, how", [(486, "busy"), (600, "busy"), (480, "failed"),
                                       (404, "failed"), (603, "failed")])
def test_how_a_call_failed_is_shown(party, ue, code, how):
    # covers: REF-022, REF-006
    dave = ue("dave")
    uri = dave.ua.contact_uri
    referral = party.alice.ua.refer(party.uri, uri)
    referral.expect(202)
    party.watch.wait(lambda r: uri in r.users)
    dave.wait_invite()
    dave.call.reject(code)
    assert fragment(referral.wait_terminated())[0].startswith("SIP/2.0 %d" % code)
    party.watch.wait(lambda r: uri not in r.users)
    assert ("disconnected", how, None) in endpoints(party.watch, uri)
    assert reason_of(party.watch, uri) == "SIP;cause=%d" % code
    shown = party.net.participants(Uri(party.uri).user)[uri]
    assert (shown["state"], shown["cause"]) == ("disconnected", code)


def test_who_is_in_is_not_called_again(party):
    # covers: REF-023
    referral = party.alice.ua.refer(party.uri, party.bob.aor)
    referral.expect(202)
    referral.wait_frag("SIP/2.0 200")
    fence(party.alice, party.bob, party.carol)
    assert not party.bob.ua.seen("in", method="INVITE")
