# SPDX-License-Identifier: Apache-2.0
"""Sealed conferences: who gets in, with which key, and what keeps others out."""

import os

import pytest

from peer import gke, mikey, sdp
from peer.sealed import Sealed, provision
from peer.sipcall import bye_reason


def make(net, room):
    status, doc = net.api("POST", "/v1/conferences", {"name": room, "e2e": True})
    assert status == 201 and doc["e2e"] is True and doc["epoch"] is None, doc
    return "sip:%s@%s" % (room, net.domain)


def epoch_of(net, room):
    return net.api("GET", "/v1/conferences/" + room)[1]["epoch"]


@pytest.fixture
def sealed(request, ue):
    """sealed(name, net=None): a Sealed terminal, closed with the others."""
    def new(name, net=None, **args):
        one = Sealed(name, net or request.getfixturevalue("mrf"), **args)
        ue.made.append(one)
        return one
    return new


def warning(response):
    code, _, rest = response.get("Warning").partition(" ")
    return int(code), rest.partition(" ")[2]


# -- in --------------------------------------------------------------------------------------


def test_the_answer_has_the_key_of_the_epoch_and_the_api_names_it(mrf, sealed, room):
    # covers: KM-005, GK-003, GK-001, SMI-004
    make(mrf, room)
    alice = sealed("alice").join(room)
    assert alice.keys.hex == epoch_of(mrf, room) and alice.keys.epoch == 1
    assert alice.answer.msg.get("accept-types") == "message/cpim application/mikey"
    assert "application/pkcs7-mime" in alice.answer.msg.get("accept-wrapped-types").split()


def test_a_join_is_a_new_epoch_for_all(mrf, sealed, room):
    # covers: GK-004, GK-006, MIKEY-009
    make(mrf, room)
    alice, bob = sealed("alice").join(room), sealed("bob")
    first = alice.keys.hex
    bob.join(room)
    assert bob.keys.hex != first and len(bob.keys.order) == 1
    alice.wait_epoch(bob.keys.hex)
    assert alice.keys.teks[alice.keys.current] == bob.keys.teks[bob.keys.current]
    assert epoch_of(mrf, room) == bob.keys.hex
    assert {mikey.parse(o).rand for o in (alice.octets[-1], bob.last)} == {mikey.parse(bob.last).rand}
    assert alice.say("secret of both") == 200
    bob.hear("secret of both")


def test_an_invite_without_an_offer_gets_one_with_the_key(mrf, sealed, room):
    # covers: GK-003, KM-005, MSRP-133
    uri = make(mrf, room)
    alice = sealed("alice")
    alice.asked = alice.room = uri
    alice.keys_for(uri)
    alice.call = alice.ua.invite(uri, None)
    resp = alice.call.expect(200)
    alice.take_line(sdp.Sdp(resp.text))
    assert alice.keys.hex == epoch_of(mrf, room)


def test_factories_make_sealed_conferences_where_the_operator_says_so(own_mrf, sealed, ue):
    # covers: KM-010
    net = own_mrf(mrfc={"conference.e2e": "required"})
    factory = "sip:conference-factory@" + net.domain
    plain = ue("carol", net=net)
    resp = plain.invite("conference-factory").expect(488)
    assert warning(resp)[0] == 399 and net.api("GET", "/v1/conferences")[1]["conferences"] == []
    alice = sealed("alice", net)
    alice.asked = factory
    alice.keys_for(factory)
    request = alice.keys.request(sdp=True)
    resp = alice.invite("conference-factory", text=alice.offer(key_mgmt=[gke.Member.attribute(request)])).expect(200)
    room = alice._canonical(resp.contact.uri)
    member = gke.Member(alice.key[0], alice.key[1], alice.aor, room)
    member.take(gke.Member.of_attribute(sdp.Sdp(resp.text).msg.get("key-mgmt")))
    assert member.hex == epoch_of(net, room.partition(":")[2].partition("@")[0])
    assert net.api("GET", "/v1/conferences")[1]["conferences"][0]["e2e"] is True


def test_elsewhere_the_answer_has_no_key(mrf, sealed, room):
    # covers: KM-005
    alice = sealed("alice").join(room)
    assert alice.lines == [None] and alice.answer.msg.accept_types == ["message/cpim"]
    assert epoch_of(mrf, room) is None


def test_who_hides_has_the_key_as_himself(mrf, sealed, room):
    # covers: PRV-001, GK-003
    make(mrf, room)
    alice = sealed("alice").join(room)
    bob = sealed("bob")
    bob.join(room, headers=[("Privacy", "id")])
    alice.wait_epoch(bob.keys.hex)
    assert mikey.parse(bob.last).idrr == bob.aor.encode()
    shown = alice.subscribe().wait(lambda r: len(r.users) == 2).users
    assert bob.aor not in shown and alice.aor in shown


# -- refused ---------------------------------------------------------------------------------


def attribute(octets):
    return gke.Member.attribute(octets)


def another_id(alice):
    line = attribute(alice.keys.request(sdp=True))
    return [line, line.replace("mikey", "sdes", 1)]


def bad_mac(alice):
    octets = bytearray(alice.keys.request(sdp=True))
    octets[-1] ^= 1
    return [attribute(bytes(octets))]


def old(alice):
    return [attribute(alice.keys.request(sdp=True, t=mikey.ntp() - (400 << 32)))]


REFUSED = {
    "none": (lambda a: [], 488, 399),
    "unknown protocol": (lambda a: [attribute(a.keys.request(sdp=True)).replace("mikey", "MIKEY")], 488, 306),
    "bad base64": (lambda a: ["mikey AQAF@@@="], 488, 306),
    "no mikey": (lambda a: ["mikey AAAA"], 488, 306),
    "too long": (lambda a: ["mikey " + "QUFB" * 2100], 488, None),
    "one more protocol": (another_id, 488, 399),
    "bad mac": (bad_mac, 488, 399),
    "old": (old, 488, 399),
    "of another": (lambda a: [attribute(a.keys.request(sdp=True, idri="sip:mallory@example.com"))], 488, 399),
    "of another room": (lambda a: [attribute(a.keys.request(sdp=True, idrapp="sip:other@conf.example.com"))], 488, 399),
    "no key of that name": (lambda a: [attribute(a.keys.request(sdp=True, idrpsk=b"mk:none"))], 403, 399),
}


@pytest.mark.parametrize("case", REFUSED)
def test_offers_without_a_good_request_are_refused(mrf, sealed, room, case):
    # covers: KM-001, KM-003, KM-004, KM-009, KM-010, MIKEY-013
    lines, status, code = REFUSED[case]
    uri = make(mrf, room)
    bob, alice = sealed("bob").join(room), sealed("alice")
    epoch = bob.keys.hex
    alice.asked = uri
    alice.keys_for(uri)
    resp = alice.invite(uri, key_mgmt=lines(alice)).expect(status)
    if code:
        assert warning(resp)[0] == code, resp.get("Warning")
    assert alice.aor not in mrf.participants(room) or mrf.participants(room)[alice.aor]["state"] == "disconnected"
    assert alice.join(uri).keys.hex != epoch  # and may try again
    bob.wait_epoch(alice.keys.hex)
    assert bob.keys.epoch == 2  # the refused one cost no epoch


def test_a_request_serves_once(mrf, sealed, room):
    # covers: MIKEY-004, KM-004
    uri = make(mrf, room)
    alice = sealed("alice").join(uri)
    used = alice.own_lines[0].partition(":")[2]
    alice.leave()
    assert warning(alice.invite(uri, key_mgmt=[used]).expect(488)) == (399, '"it is a replay"')


@pytest.mark.parametrize("types", [{"accept_types": "message/cpim"}, {"wrapped": "text/plain"}])
def test_who_cannot_take_keys_or_sealed_bodies_is_refused(mrf, sealed, room, types):
    # covers: KM-010, SMI-004
    uri = make(mrf, room)
    assert warning(sealed("alice").invite(uri, **types).expect(488))[0] == 399


def test_a_key_of_the_media_line_is_the_one_that_counts(mrf, sealed, room):
    # covers: KM-002
    uri = make(mrf, room)
    alice = sealed("alice")
    alice.asked = uri
    text = alice.offer()
    text = text.replace("t=0 0\r\n", "t=0 0\r\na=key-mgmt:mikey AAAA\r\n", 1)
    alice.invite(uri, text=text).expect(200)


def test_a_key_of_the_whole_description_serves_too(mrf, sealed, room):
    # covers: KM-002
    uri = make(mrf, room)
    alice = sealed("alice")
    alice.asked = uri
    text = alice.offer()
    line = alice.own_lines[0] + "\r\n"
    text = text.replace(line, "").replace("t=0 0\r\n", "t=0 0\r\n" + line, 1)
    alice.invite(uri, text=text).expect(200)


# -- called ----------------------------------------------------------------------------------


@pytest.fixture
def called(mrf, sealed, room):
    """(alice, carol): alice is in, carol has a key and is being called."""
    make(mrf, room)
    alice = sealed("alice").join(room)
    carol = sealed("carol", key=("", "00" * 32))
    carol.aor = carol.ua.contact_uri
    carol.key = provision(mrf, carol.aor)
    status, _ = mrf.api("POST", "/v1/conferences/%s/participants" % room, {"uri": carol.aor})
    assert status == 202
    carol.wait_invite()
    return alice, carol


def test_our_offer_has_the_key_and_the_answer_confirms_it(called, mrf, room):
    # covers: GK-003, KM-005, MIKEY-012
    alice, carol = called
    carol.accept()
    assert len(carol.keys.order) == 1
    alice.wait_epoch(carol.keys.hex)
    assert carol.say("here I am") == 200
    alice.hear("here I am")
    assert carol.octets == []  # confirmed: nothing more is sent


@pytest.mark.parametrize("answer", ["no key", "another's", "not understood"])
def test_an_answer_that_does_not_confirm_the_key_is_hung_up(called, mrf, room, answer):
    # covers: KM-004, KM-005, GK-005
    alice, carol = called
    carol.asked = carol.room = alice.room
    carol.keys_for(alice.room)
    carol.take_line(sdp.Sdp(carol.call.offer))
    r = bytearray(carol.owed)
    r[-1] ^= 1
    lines = {"no key": [], "another's": [attribute(bytes(r))], "not understood": ["mikey AAAA"]}[answer]
    before = carol.keys.hex
    carol.call.accept(carol.offer(setup="active", key_mgmt=lines))
    assert bye_reason(carol.call.wait_bye())[1] == 488
    alice.wait_epoch(lambda have: have > before)  # carol has seen the former one


def test_who_has_no_key_is_not_called(mrf, sealed, ue, room):
    # covers: GK-003
    make(mrf, room)
    sealed("alice").join(room)
    dave = ue("dave")
    uri = dave.ua.contact_uri
    mrf.api("POST", "/v1/conferences/%s/participants" % room, {"uri": uri})
    seen = mrf.wait_participants(room, lambda p: p.get(uri, {}).get("state") == "disconnected")
    assert seen[uri]["cause"] == 403 and dave.ua.incoming == []


# -- changes ---------------------------------------------------------------------------------


def test_a_change_without_a_key_is_refused_and_the_session_stays(mrf, sealed, room):
    # covers: KM-010, FOC-023
    make(mrf, room)
    alice, bob = sealed("alice").join(room), sealed("bob").join(room)
    resp = alice.call.reinvite(alice.offer(new=False, key_mgmt=[], direction="inactive")).expect(488)
    assert warning(resp)[0] == 399
    assert bob.say("still with you?") == 200
    alice.wait_epoch(bob.keys.hex)
    alice.hear("still with you?")


def test_members_of_other_conferences_have_no_say(mrf, sealed, room):
    # covers: GK-008
    refused = 'mrfc_key_refused_total{cause="denied"}'
    before = mrf.mrfc.metrics().get(refused, 0)
    alice = sealed("alice").join(room)  # not sealed
    assert alice.send_key(alice.keys.request()).status() in (200, 403, 415)
    mrf.mrfc.wait_metric(lambda m: m.get(refused, 0) == before + 1)


def test_what_is_kept_is_nothing_that_opens_bodies(own_mrf, sealed, tmp_path, room):
    # covers: GK-012, MIKEY-014
    net = own_mrf(mrfc={"store.path": str(tmp_path / "mrf.db"), "log.level": "debug"})
    uri = make(net, room)
    alice = sealed("alice", net).join(uri)
    stored = b"".join((tmp_path / name).read_bytes() for name in os.listdir(tmp_path))
    value = alice.lines[0].encode()
    assert room.encode() in stored and value not in stored
    assert alice.lines[0] not in net.logs() and alice.keys.teks[alice.keys.current].hex() not in net.logs()
    assert alice.keys.teks[alice.keys.current] not in stored
