# SPDX-License-Identifier: Apache-2.0
"""Members and others who abuse key messages in sealed conferences: nobody gets a key that is not his, and the rest chat on."""

import os
import socket
import threading

import pytest

from peer import gke, keyserver, mikey
from peer.loop import wait
from peer.reslist import document, part, with_offer
from peer.sealed import provision
from peer.sipcall import bye_reason
from test_replaces import named
from test_sealed_join import attribute, epoch_of, make, sealed, warning  # noqa: F401  (sealed is a fixture)


@pytest.fixture
def pair(mrf, sealed, room):  # noqa: F811
    """Users of this test alone: how often a key may be asked for is counted for the key."""
    make(mrf, room)
    alice, bob = (sealed("%s-%s" % (name, room[-8:])).join(room) for name in ("alice", "bob"))
    alice.wait_epoch(bob.keys.hex)
    return alice, bob


def chat(sender, *others, text=None):
    """What they say arrives, sealed under the newest key."""
    text = text or "still well, " + os.urandom(4).hex()
    wait(lambda: sender.keys.hex and all(one.keys.hex == sender.keys.hex for one in others), 30,
         "one epoch at all", lambda: [one.keys.hex for one in (sender, *others)])
    assert sender.say(text) == 200
    for one in others:
        one.hear(text)


def dropped(net):
    return net.mrfc.metrics().sum("mrfc_groupkey_dropped_total")


def drop_all(net, member, messages):
    """All are answered as if they were fine, and none of them does anything."""
    before, n = dropped(net), len(member.octets)
    for octets in messages:
        assert member.send_key(octets).status() == 200
    net.mrfc.wait_metric(lambda m: m.sum("mrfc_groupkey_dropped_total") == before + len(messages))
    assert len(member.octets) == n


def ask(member):
    """A good request; the key comes anew."""
    had, n = member.keys.hex, len(member.octets)
    assert member.send_key(member.keys.request()).status() == 200
    wait(lambda: len(member.octets) > n, what="the key")
    assert member.keys.hex == had and not member.failed


def changed(octets, at, value):
    return octets[:at] + bytes([value]) + octets[at + 1:]


# -- forms -----------------------------------------------------------------------------------


def test_what_is_no_key_message_is_dropped(mrf, pair):
    # covers: MIKEY-013, MIKEY-001
    alice, bob = pair
    good = alice.keys.request()
    r = alice.confirmation
    drop_all(mrf, alice, [good[:n] for n in (1, 2, 9, 10, 11, 40, len(good) - 33, len(good) - 1)])
    drop_all(mrf, alice, [r[:-1], r + b"\0", good + b"\0", os.urandom(200), b"\0" * 1024])
    drop_all(mrf, alice, [changed(good, 8, 255), changed(good, 9, 0), changed(good, 2, 77), changed(good, 0, 2),
                          changed(good, 1, 3), changed(good, 1, 7)])
    ask(alice)
    chat(alice, bob)


def test_no_octet_of_a_request_or_of_a_confirmation_is_without_meaning(mrf, pair):
    # covers: MIKEY-005
    alice, bob = pair
    request = alice.keys.request()
    drop_all(mrf, alice, [changed(request, at, request[at] ^ 0x10) for at in range(3, len(request), 11)])
    ask(alice)
    chat(bob, alice)


# -- whose, when, where ----------------------------------------------------------------------


def test_messages_that_are_old_far_off_or_pasted_change_nothing(mrf, pair):
    # covers: MIKEY-004, MIKEY-007
    alice, bob = pair
    keys = alice.keys
    once = keys.request()
    assert alice.send_key(once).status() == 200
    wait(lambda: len(alice.octets) > 1, what="the key")
    day = 86400 << 32
    drop_all(mrf, alice, [
        once,  # again
        keys.request(t=mikey.ntp() - day), keys.request(t=mikey.ntp() + day),
        keys.request(idri=bob.aor), keys.request(idrpsk=bob.key[0].encode()),
        keys.request(idrapp="sip:elsewhere@" + mrf.domain), keys.request(idrr="sip:ks@elsewhere.example.com"),
        bob.keys.request(),  # a genuine one, of another
        alice.octets[-1], bob.last,  # what the key server said, to her and to him
        gke.Member(alice.key[0], "00" * 32, alice.aor, alice.room).request(),
        gke.Member(alice.key[0], alice.key[1], alice.aor, alice.room, suite=mikey.A).request(),
    ])
    # A time far ahead without a right MAC did not move hers, and the one a day ahead neither.
    ask(alice)
    assert mrf.participants(alice.room.partition(":")[2].partition("@")[0])[bob.aor]["state"] == "connected"
    chat(alice, bob)


def test_nobody_confirms_for_another(mrf, sealed, room):  # noqa: F811
    # covers: MIKEY-012, GK-008
    make(mrf, room)
    alice = sealed("alice").join(room)
    alice.confirms = False
    bob = sealed("bob").join(room)
    alice.wait_epoch(bob.keys.hex)
    drop_all(mrf, bob, [alice.confirmation])  # after his own
    done = mrf.mrfc.metrics()["mrfc_key_confirmations_total"]
    wait(lambda: alice.octets.count(alice.last) > 1, what="the key again, as she has not confirmed")
    assert mrf.mrfc.metrics()["mrfc_key_confirmations_total"] == done
    assert alice.send_key(alice.confirmation).status() == 200
    mrf.mrfc.wait_metric(lambda m: m["mrfc_key_confirmations_total"] == done + 1)


def test_a_flood_of_requests_is_answered_three_times(mrf, pair):
    # covers: GK-008
    alice, bob = pair
    n = len(alice.octets)
    before = mrf.mrfc.metrics().get('mrfc_groupkey_dropped_total{reason="rate"}', 0)
    for _ in range(12):
        assert alice.send_key(alice.keys.request()).status() == 200
    mrf.mrfc.wait_metric(lambda m: m['mrfc_groupkey_dropped_total{reason="rate"}'] >= before + 8)
    wait(lambda: len(alice.octets) > n, what="a key")
    assert len(alice.octets) <= n + 4
    chat(alice, bob)


def test_who_was_removed_asks_in_vain(mrf, pair, room):
    # covers: GK-005, GK-008
    alice, bob = pair
    had = bob.keys.hex
    octets, request = len(bob.octets), bob.keys.request()
    assert mrf.api("DELETE", "/v1/conferences/%s/participants/%s" % (room, bob.aor))[0] == 204
    alice.wait_epoch(lambda have: have > had)
    assert bob.send_key(request).status() == 481
    bob.call.reinvite(bob.offer(new=False)).expect(481)
    assert len(bob.octets) == octets and bob.keys.hex == had
    assert alice.say("he is out") == 200


# -- ways in ---------------------------------------------------------------------------------


def test_two_come_at_once_and_one_of_them_lies(mrf, sealed, room):  # noqa: F811
    # covers: GK-006, KM-004
    uri = make(mrf, room)
    alice = sealed("alice").join(room)
    first = alice.keys.epoch
    bob, mallory = sealed("bob"), sealed("mallory")
    mallory.asked = uri
    lie = bytearray(mallory.keys_for(uri).request(sdp=True))
    lie[-1] ^= 1
    bad = mallory.invite(uri, key_mgmt=[attribute(bytes(lie))])
    good = bob.invite(uri)
    bad.expect(488)
    bob.room = uri
    bob.take_answer(good.expect(200).text)
    bob.open_media()
    alice.wait_epoch(bob.keys.hex)
    assert alice.keys.epoch == first + 1
    assert mallory.keys.order == []
    chat(alice, bob)


def test_who_hangs_up_before_the_key_came_leaves_no_trace(mrf, sealed, room):  # noqa: F811
    # covers: GK-006
    uri = make(mrf, room)
    alice = sealed("alice").join(room)
    call = sealed("bob").invite(uri)
    call.cancel()
    call.expect(487)
    carol = sealed("carol").join(room)
    chat(carol, alice)
    assert epoch_of(mrf, room) == carol.keys.hex


@pytest.mark.parametrize("name", [b"mk\0", b"\0", b"mk:\n1", b"\xff", b"k" * 64, b"k" * 65, b"k" * 255])
def test_odd_names_of_keys_are_refused_at_once(mrf, pair, sealed, room, name):  # noqa: F811
    # covers: KM-004
    alice, bob = pair
    mallory = sealed("mallory")
    mallory.asked = alice.room
    request = mallory.keys_for(alice.room).request(sdp=True, idrpsk=name)
    assert mallory.invite(room, key_mgmt=[attribute(request)]).final().code in (403, 488)
    chat(alice, bob)


class Mute(threading.Thread):
    """A key server that is there and makes no keys."""

    def __init__(self, path):
        super().__init__(daemon=True)
        self.listener = socket.socket(socket.AF_UNIX)
        self.listener.bind(path)
        self.listener.listen(1)
        self.start()

    def run(self):
        link = object.__new__(keyserver.Link)
        link.sock, link.held = self.listener.accept()[0], b""
        try:
            while True:
                asked = link.next()
                if asked.verb in (keyserver.HELLO, keyserver.PING):
                    link.send(asked.verb if asked.verb == keyserver.HELLO else keyserver.PONG, asked.number)
        except (EOFError, OSError):
            link.close()

    def close(self):
        self.listener.close()


def test_a_silent_key_server_keeps_nobody_waiting_for_ever(own_mrf, sealed, tmp_path):  # noqa: F811
    # covers: KM-004
    path = str(tmp_path / "ks.sock")
    mute = Mute(path)
    net = own_mrf(mrfc={"conference.e2e": "required", "groupkey.server": "external", "groupkey.connect": path})
    net.mrfc.wait_metric(lambda m: m["mrfc_groupkey_up"] == 1)
    alice = sealed("alice", net, key=("mk:alice:1", "00" * 32))
    resp = alice.invite("tea").expect(503, timeout=25)
    assert "does not answer" in resp.get("Warning") and resp.get("Retry-After")
    assert net.api("GET", "/v1/conferences")[1]["conferences"] == []
    mute.close()


@pytest.fixture
def strict(own_mrf):
    return own_mrf(mrfc={"conference.e2e": "required"})


def factory_offer(member, net, spoilt):
    factory = "sip:conference-factory@" + net.domain
    member.asked = factory
    request = bytearray(member.keys_for(factory).request(sdp=True))
    request[-1] ^= spoilt
    return factory, member.offer(key_mgmt=[attribute(bytes(request))])


@pytest.mark.parametrize("spoilt", [0, 1])
def test_a_list_is_called_only_for_who_had_a_key(strict, sealed, ue, spoilt):  # noqa: F811
    # covers: KM-004, LIST-001
    alice, carol = sealed("alice", strict), sealed("carol", strict, key=("", "00" * 32))
    carol.aor = carol.ua.contact_uri
    carol.key = provision(strict, carol.aor)
    factory, offer = factory_offer(alice, strict, spoilt)
    kind, body = with_offer(offer, part(document(carol.aor)))
    alice.call = alice.ua.invite(factory, body, content_type=kind, headers=[("Require", "recipient-list-invite")])
    if spoilt:
        assert warning(alice.call.expect(488))[0] == 399
        assert strict.api("GET", "/v1/conferences")[1]["conferences"] == [] and carol.ua.incoming == []
        return
    room = alice._canonical(alice.call.expect(200).contact.uri)
    carol.wait_invite()
    carol.accept()
    assert carol.keys.room == room and len(carol.keys.order) == 1


def test_keys_that_were_removed_open_nothing_more(mrf, pair, sealed, room):  # noqa: F811
    # covers: GK-005
    alice, bob = pair
    had = bob.keys.hex
    made = vars(mrf)["member_keys"]
    assert mrf.api("DELETE", "/v1/keys/" + bob.aor)[0] in (200, 204)
    del made[bob.aor]
    carol = sealed("carol").join(room)
    alice.wait_epoch(carol.keys.hex)
    assert bye_reason(bob.call.wait_bye())[1] == 403
    assert bob.keys.hex == had
    chat(alice, carol)
    assert epoch_of(mrf, room) == carol.keys.hex  # his going costs no other key


def test_new_offers_bring_neither_rubbish_nor_foreign_messages_in(mrf, pair):
    # covers: KM-007, KM-010, MIKEY-013
    alice, bob = pair
    before = dropped(mrf)
    foreign = [bob.keys.request(), alice.keys.request(idrapp="sip:elsewhere@" + mrf.domain)]
    for octets in [*foreign, alice.last]:  # the last one asks for nothing
        alice.call.reinvite(alice.offer(new=False, key_mgmt=[attribute(octets)])).expect(488)
    alice.call.reinvite(alice.offer(new=False, key_mgmt=[attribute(bob.confirmation)])).expect(200)
    mrf.mrfc.wait_metric(lambda m: m.sum("mrfc_groupkey_dropped_total") == before + len(foreign) + 1)
    alice.call.update(alice.offer(new=False, key_mgmt=[])).expect(488)
    chat(bob, alice)
    chat(alice, bob)


def test_who_takes_a_place_takes_it_with_a_key_of_his_own(mrf, pair, sealed, room):  # noqa: F811
    # covers: GK-004, GK-005
    alice, bob = pair
    other = sealed("other", aor=bob.aor, key=provision(mrf, bob.aor, "second-" + room[-8:]))
    other.join(room, headers=[("Replaces", named(bob.call))])
    bob.call.wait_bye()
    carol = sealed("carol").join(room)
    chat(carol, alice, other)
    chat(other, alice, carol)
    assert not bob.keys.can_read(carol.heard[-1].content)


def test_who_is_brought_by_a_referral_gets_the_key_too(mrf, pair, sealed):  # noqa: F811
    # covers: GK-003, KM-005
    alice, bob = pair
    carol = sealed("carol", key=("", "00" * 32))
    carol.aor = carol.ua.contact_uri
    carol.key = provision(mrf, carol.aor)
    alice.call.refer("<%s>" % carol.aor)
    carol.wait_invite()
    carol.accept()
    chat(carol, alice, bob)


def test_who_hides_is_named_to_nobody_by_keys(mrf, sealed, room):  # noqa: F811
    # covers: PRV-001
    make(mrf, room)
    alice, bob = sealed("alice").join(room), sealed("bob")
    bob.join(room, headers=[("Privacy", "id")])
    alice.wait_epoch(bob.keys.hex)
    watch = alice.subscribe()
    watch.wait(lambda r: len(r.users) == 2)
    for octets in alice.octets + [gke.Member.of_attribute(v) for v in alice.lines]:
        assert bob.aor.encode() not in octets and bob.key[0].encode() not in octets
    for notify in watch.sub.notifies:
        assert bob.aor.encode() not in notify.body


# -- secrets ---------------------------------------------------------------------------------


def test_no_page_of_the_api_has_a_key_and_no_core_is_dumped(mrf, pair, room):
    # covers: GK-012
    alice, bob = pair
    secrets = [one.key[1] for one in (alice, bob)] + [t.hex() for t in alice.keys.teks.values()]
    for path in ("/v1/keys", "/v1/conferences", "/v1/conferences/" + room, "/metrics", "/v1/mrfps"):
        status, _, body = mrf.mrfc.http("GET", path)
        assert status == 200, path
        assert not any(s.encode() in body.lower() for s in secrets), path
    for path in ("/v1/keys/" + alice.aor, "/v1/conferences/%s/key" % room):
        assert mrf.mrfc.http("GET", path)[0] in (404, 405)
    with open("/proc/%d/limits" % mrf.mrfc.pid) as f:
        core = next(line for line in f if line.startswith("Max core file size"))
    assert core.split()[4:6] == ["0", "0"]
