# SPDX-License-Identifier: Apache-2.0
"""Key requests that are refused: who has proven himself is told how he may do better, others are told nothing, and
what was agreed before lives on."""

import os

import pytest

from peer import gke, keyserver, mikey
from peer.loop import wait
from peer.sdp import Sdp
from test_abuse_keys import chat
from test_sealed_join import attribute, make, sealed, warning  # noqa: F401  (sealed is a fixture)

HOUR = 3600 << 32


@pytest.fixture
def late(mrf, sealed, room):  # noqa: F811
    """Alice is in; somebody of this test alone wants in."""
    uri = make(mrf, room)
    alice = sealed("alice").join(room)
    one = sealed("late-" + room[-8:])
    one.asked = uri
    one.keys_for(uri)
    return alice, one


def refused(one, octets, code=488):
    """The error message that comes with the refusal; None: there is none."""
    resp = one.invite(one.asked, key_mgmt=[attribute(octets)]).expect(code)
    return told(resp)


def told(resp):
    if not resp.body:
        return None
    assert resp.get("Content-Type") == "application/sdp"
    line, = Sdp(resp.text).media
    assert line.port == 0 and line.get("path") is None
    return gke.Member.of_attribute(line.get("key-mgmt"))


def come_in(one, octets):
    call = one.invite(one.asked, key_mgmt=[attribute(octets)])
    one.room = one.asked
    one.take_answer(call.expect(200).text)
    one.open_media()
    return one


def test_who_has_the_wrong_time_is_told_the_right_one(late):
    # covers: KM-006, MIKEY-003
    alice, one = late
    for off in (-HOUR, HOUR):
        request = one.keys.request(sdp=True, t=mikey.ntp() + off)
        e = mikey.error(refused(one, request), mikey.parse(request), one.keys.mk)
        assert (e.number, e.suite, e.proven) == (mikey.BAD_TS, mikey.B, True)
        assert abs(mikey.unix_of(e.clock) - mikey.unix_of(mikey.ntp())) < 60
    chat(come_in(one, one.keys.request(sdp=True, t=e.clock)), alice)


@pytest.mark.parametrize("spoken, other", [(mikey.B, mikey.A), (mikey.A, mikey.B)], ids=["b", "a"])
def test_who_asks_in_another_suite_is_told_which(own_mrf, sealed, room, spoken, other):  # noqa: F811
    # covers: KM-006, MIKEY-002, MIKEY-007
    net = own_mrf(mrfc={"groupkey.suite": "a" if spoken is mikey.A else "b"})
    uri = make(net, room)
    one = sealed("one", net)
    one.asked, one.keys = uri, gke.Member(*one.key, one.aor, uri, suite=other)
    request = one.keys.request(sdp=True)
    e = mikey.error(refused(one, request), mikey.parse(request), one.keys.mk)
    assert (e.number, e.suite, e.proven) == (mikey.BAD_PRF, spoken, True)
    one.keys.suite = spoken
    come_in(one, one.keys.request(sdp=True))
    assert one.keys.epoch is not None


def test_algorithms_that_are_not_spoken_are_told_of_without_proof(late):
    # covers: KM-006, MIKEY-002
    alice, one = late
    request = one.keys.request(sdp=True)
    for at, value, number in ((3, 5, mikey.BAD_PRF), (len(request) - 33, 1, mikey.BAD_MAC), (len(request) - 36, 3, mikey.BAD_ENCR)):
        bad = request[:at] + bytes([value]) + request[at + 1:]
        error = refused(one, bad)
        if number == mikey.BAD_PRF:  # before the time was read: to what would one answer?
            assert error is None
            continue
        e = mikey.error(error, mikey.parse(request), one.keys.mk)
        assert (e.number, e.suite, e.proven, e.clock) == (number, mikey.B, False, None)
    chat(come_in(one, one.keys.request(sdp=True)), alice)


def test_who_has_not_proven_himself_is_told_nothing(late):
    # covers: KM-006, KM-004
    alice, one = late
    bad = bytearray(one.keys.request(sdp=True, t=mikey.ntp() - HOUR))
    bad[-1] ^= 1
    foreign = gke.Member(one.key[0], os.urandom(32), one.aor, one.asked, suite=mikey.A)
    for octets in (bytes(bad), foreign.request(sdp=True), foreign.request(sdp=True, t=mikey.ntp() - HOUR),
                   one.keys.request(sdp=True, t=mikey.ntp() - HOUR, idri=alice.aor),
                   one.keys.request(sdp=True, t=mikey.ntp() - HOUR, idrapp="sip:other@conf.example.com"),
                   one.keys.request(sdp=True, t=mikey.ntp() - HOUR, idrpsk=b"none")):
        assert refused(one, octets) is None
    good = one.keys.request(sdp=True)
    chat(come_in(one, good), alice)


def test_an_old_request_that_is_played_back_tells_three_times_and_locks_nobody_out(late):
    # covers: KM-006, MIKEY-004
    alice, one = late
    old = one.keys.request(sdp=True, t=mikey.ntp() - HOUR)
    assert [refused(one, old) is not None for _ in range(5)] == [True, True, True, False, False]
    chat(come_in(one, one.keys.request(sdp=True)), alice)


# -- in a session ----------------------------------------------------------------------------


@pytest.fixture(params=["local", "external"])
def pair(request, own_mrf, sealed, tmp_path, room):  # noqa: F811
    """Members of a conference whose keys come of this process, or of mrfks."""
    if request.param == "local":
        net = own_mrf()
        alice, bob = sealed("alice", net), sealed("bob", net)
    else:
        ks = keyserver.start(tmp_path, name="sip:keys@conf.example.com")
        request.addfinalizer(ks.stop)
        net = own_mrf(mrfc={"groupkey.server": "external", "groupkey.connect": ks.options["listen.socket"]})
        net.mrfc.wait_metric(lambda m: m["mrfc_groupkey_up"] == 1)
        alice, bob = (sealed(n, net, key=("mk:" + n, keyserver.add_key(ks, "sip:%s@example.com" % n, "mk:" + n).hex()))
                      for n in ("alice", "bob"))
    make(net, room)
    alice.join(room)
    bob.join(room)
    alice.wait_epoch(bob.keys.hex)
    return alice, bob


def renew(member, octets, code):
    resp = member.call.reinvite(member.offer(new=False, key_mgmt=[attribute(octets)])).expect(code)
    if code == 200:
        member.take_line(Sdp(resp.text))
        if member.owed:
            member.send_key(member.owed)
        member.owed = None
    return resp


def test_a_new_offer_with_a_bad_request_is_refused_and_the_session_stays(pair):
    # covers: KM-007, KM-006, FOC-023
    alice, bob = pair
    had, calls = alice.keys.hex, (alice.call, bob.call)
    spoilt = bytearray(alice.keys.request(sdp=True))
    spoilt[-1] ^= 1
    once = alice.keys.request(sdp=True)
    renew(alice, once, 200)
    for octets in (bytes(spoilt), once, bob.keys.request(sdp=True), alice.last):
        if octets == once:  # the same line again would be no news
            renew(alice, alice.keys.request(sdp=True), 200)
        resp = renew(alice, octets, 488)
        assert warning(resp)[0] in (306, 399) and not resp.body
    off = alice.keys.request(sdp=True, t=mikey.ntp() - HOUR)
    e = mikey.error(told(renew(alice, off, 488)), mikey.parse(off), alice.keys.mk)
    assert (e.number, e.proven) == (mikey.BAD_TS, True)
    assert alice.keys.hex == had and not any(call.ended for call in calls)
    chat(alice, bob)
    chat(bob, alice)


def test_a_new_offer_with_a_good_request_brings_the_key_anew(pair):
    # covers: KM-007
    alice, bob = pair
    had, before = alice.keys.hex, mikey.parse(alice.last).t
    renew(alice, alice.keys.request(sdp=True), 200)
    assert mikey.parse(alice.last).t > before and alice.keys.hex == had
    chat(bob, alice)


def test_a_new_offer_that_is_taken_back_while_it_is_judged_changes_nothing(pair):
    # covers: KM-007, FOC-023
    alice, bob = pair
    call = alice.call.reinvite(alice.offer(new=False, key_mgmt=[attribute(alice.keys.request(sdp=True))]))
    call.cancel()
    assert call.final().code in (200, 487)
    chat(alice, bob)
    for _ in range(100):  # until that judgement has come
        resp = alice.call.reinvite(alice.offer(new=False, key_mgmt=[attribute(alice.keys.request(sdp=True))])).final()
        if resp.code == 200:
            break
        assert resp.code in (491, 500)
    alice.take_line(Sdp(resp.text))
    chat(bob, alice)
