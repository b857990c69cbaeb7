# SPDX-License-Identifier: Apache-2.0
"""mrfue whose key request is refused: what it believes of the reason, and what it does about it, once."""

import base64
import time

import pytest

from peer import mikey
from peer.sealed import provision
from test_mrfue_sealed import KEY, KEY_ID, call, chat, focus, key_file  # noqa: F401  (fixtures)
from test_sealed_join import make, sealed  # noqa: F401  (sealed is a fixture)

HOUR = 3600


@pytest.fixture
def client(chat, focus, key_file):  # noqa: F811
    def start(*args):
        return chat("alice", "join", focus.conference, proxy=focus.place, args=["--no-subscribe", "--key-file", key_file, *args])
    return start


def asked(focus):  # noqa: F811
    """The key request of the next call."""
    focus.wait_invite()
    return mikey.parse(focus.request_of_offer())


def refuse(focus, octets):  # noqa: F811
    """488, with a message of the key server's."""
    sdp = ("v=0\r\no=- 1 1 IN IP4 127.0.0.1\r\ns=-\r\nc=IN IP4 127.0.0.1\r\nt=0 0\r\nm=message 0 TCP/MSRP *\r\n"
           "a=key-mgmt:mikey %s\r\n" % base64.b64encode(octets).decode())
    txn = focus.call.txn
    txn.respond(488, body=sdp, content_type="application/sdp")
    txn.wait_ack()


def given_up(alice, *words):
    said = alice.wait("error", code=488)["text"]
    assert all(w in said for w in words), said
    assert alice.proc.wait(20) != 0


def test_a_proven_time_is_taken_over(client, focus):  # noqa: F811
    # covers: KM-006
    alice = client()
    first = asked(focus)
    refuse(focus, mikey.build_error(first, mikey.BAD_TS, mikey.B, KEY, mikey.ntp(time.time() + HOUR)))
    second = asked(focus)
    assert abs(mikey.unix_of(second.t) - time.time() - HOUR) < 60 and second.suite is mikey.B
    focus.key_id, focus.key, focus.epoch = KEY_ID, KEY, 7
    focus.member = second.idri.decode()
    message = focus.member_key(7, at=time.time() + HOUR)
    focus.accept(setup="passive", accept_types="message/cpim application/mikey",
                 extra=["a=key-mgmt:mikey " + base64.b64encode(message).decode()])
    alice.wait("joined", sealed=True)
    alice.do("in my own time")
    outer, inner = focus.wait_heard()
    assert inner.payload == b"in my own time"
    assert time.gmtime(time.time() + HOUR - 300) < time.strptime(outer.get("DateTime")[:19], "%Y-%m-%dT%H:%M:%S")


def test_it_tries_once(client, focus):  # noqa: F811
    # covers: KM-006
    alice = client()
    for _ in range(2):
        refuse(focus, mikey.build_error(asked(focus), mikey.BAD_TS, mikey.B, KEY, mikey.ntp(time.time() + HOUR)))
    given_up(alice, "clock is off")
    assert not focus.ua.incoming


@pytest.mark.parametrize("psk, words", [(None, ["does not prove"]), (bytes(32), ["none of our key server"])], ids=["unproven", "forged"])
def test_a_time_that_is_not_proven_is_only_told(client, focus, psk, words):  # noqa: F811
    # covers: KM-006
    alice = client()
    refuse(focus, mikey.build_error(asked(focus), mikey.BAD_TS, mikey.B, psk, mikey.ntp(time.time() + HOUR)))
    given_up(alice, *words)
    assert not focus.ua.incoming


def test_the_answer_to_another_request_means_nothing(client, focus):  # noqa: F811
    # covers: KM-006
    alice = client()
    first = asked(focus)
    refuse(focus, mikey.build_error(first._replace(t=first.t - 1), mikey.BAD_TS, mikey.B, KEY, mikey.ntp(time.time() + HOUR)))
    given_up(alice, "none of our key server")


@pytest.mark.parametrize("psk", [KEY, None], ids=["proven", "unproven"])
def test_nobody_talks_it_into_a_weaker_suite(client, focus, psk):  # noqa: F811
    # covers: KM-006, MIKEY-007
    alice = client()
    refuse(focus, mikey.build_error(asked(focus), mikey.BAD_PRF, mikey.A, psk))
    given_up(alice, "suite A", "--suite a")
    assert not focus.ua.incoming


def test_a_stronger_suite_is_taken(own_mrf, chat, sealed, tmp_path, room):  # noqa: F811
    # covers: KM-006, MIKEY-007
    net = own_mrf()
    make(net, room)
    bob = sealed("bob", net).join(room)
    key_id, digits = provision(net, "sip:alice@example.com", "mk:alice:2")
    path = tmp_path / "real.key"
    path.write_text("%s %s\n" % (key_id, digits))
    path.chmod(0o600)
    alice = chat("alice", "join", bob.room, proxy="%s:%d" % tuple(net.sip), args=["--suite", "a", "--key-file", str(path)])
    alice.wait("joined", sealed=True)
    alice.do("as strong as you")
    bob.hear("as strong as you")


def test_a_new_offer_with_a_bad_key_is_refused_and_the_session_stays(call, focus):  # noqa: F811
    # covers: KM-007
    alice = call()
    alice.wait("joined", sealed=True)
    bad = bytearray(focus.member_key(8))
    bad[-1] ^= 1
    stale = focus.member_key(8, at=time.time() - HOUR)
    for octets in (bytes(bad), stale, focus.member_key(8, key=bytes(32)), focus.member_key(8, to="sip:carol@example.com"), b"\1\0"):
        line = "a=key-mgmt:mikey " + base64.b64encode(octets).decode()
        focus.call.reinvite(focus.offer(new=False, setup="actpass", extra=[line],
                                        accept_types="message/cpim application/mikey")).expect(488)
    focus.say("still under the key of before", message_id="m9")
    alice.wait("message", text="still under the key of before")
    assert not focus.call.ended
