# SPDX-License-Identifier: Apache-2.0
"""The key server of owners' terminals in tests: it gives members what they take, and nobody else."""

from peer.gke import Member
from peer.keyserver import (CHANGE, CONFIRMED, DENIED, EPOCH, HELLO, MESSAGE, NOT_FOUND, OPEN, PING, PONG, REFUSED, REQUEST,
                            STALE, frame, frames, item)
from peer.owner import BODY_MAX, KeyService, bodies

ROOM = "sip:room1@conf.example.com"
OLGA, ALICE, BOB = ("sip:%s@example.com" % n for n in ("olga", "alice", "bob"))


class Rig:
    def __init__(self):
        self.service = KeyService(OLGA)
        self.alice, self.bob = (Member(*self.service.pair(u), u, ROOM) for u in (ALICE, BOB))
        assert self.send(HELLO, 1)[0][:2] == (HELLO, 1)
        assert self.send(OPEN, room=ROOM) == []

    def send(self, *args, **fields):
        return frames(b"".join(self.service.take(frame(*args, **fields))))

    def change(self, *who):
        return self.send(CHANGE, room=ROOM, data=b"".join(item(*w) for w in who))

    def request(self, member, data):
        return self.send(REQUEST, room=ROOM, uri=member.uri, key_id=member.mk_id.decode(), data=data)


def test_members_get_keys_that_they_confirm():
    rig = Rig()
    epoch, to_alice, to_bob = rig.change((True, OLGA, ""), (True, ALICE, ""), (True, BOB, "", rig.bob.request(sdp=True)))
    assert (epoch.verb, to_alice.verb, to_bob.verb) == (EPOCH, MESSAGE, MESSAGE)
    for member, f in ((rig.alice, to_alice), (rig.bob, to_bob)):
        r = member.take(f.data)
        assert member.current == epoch.data and member.ks == OLGA
        assert rig.request(member, r)[0][:5] == (CONFIRMED, 0, ROOM, member.uri, member.mk_id.decode())
        assert rig.request(member, r[:-1] + bytes([r[-1] ^ 1])) == []
    second = rig.change((False, BOB, ""))
    assert [f.verb for f in second] == [EPOCH, MESSAGE] and second[1].uri == ALICE
    assert [(f.verb, f.number) for f in rig.request(rig.bob, rig.bob.request())] == [(REFUSED, DENIED)]
    rig.alice.take(second[1].data)
    answer, = rig.request(rig.alice, rig.alice.request())
    rig.alice.take(answer.data)
    assert answer[:2] == (MESSAGE, 0) and rig.alice.epoch == 2
    assert rig.service.made[rig.alice.current] == rig.alice.teks[rig.alice.current]
    assert [f.verb for f in rig.change()] == [EPOCH, MESSAGE] and rig.send(PING)[0].verb == PONG


def test_others_are_refused():
    rig = Rig()
    asked = rig.bob.request(sdp=True)
    assert [(f.verb, f.number) for f in rig.change((True, "sip:eve@example.com", ""))] == [(REFUSED, NOT_FOUND)]
    assert rig.change((True, ALICE, "", asked))[0].verb == REFUSED
    bad = asked[:-1] + bytes([asked[-1] ^ 1])
    assert [(f.verb, f.number) for f in rig.change((True, BOB, "", bad))] == [(REFUSED, DENIED)]
    assert [f.verb for f in rig.change((True, BOB, "", asked))] == [EPOCH, MESSAGE]
    assert [(f.verb, f.number) for f in rig.change((True, BOB, "", asked))] == [(REFUSED, STALE)]
    rig.service.refuse.add(ALICE)
    assert [(f.verb, f.number) for f in rig.change((True, ALICE, ""))] == [(REFUSED, DENIED)]


def test_frames_are_put_together_and_never_cut():
    out = [frame(MESSAGE, data=bytes(1000)) for _ in range(200)]
    made = bodies(out)
    assert len(made) == 4 and max(map(len, made)) <= BODY_MAX and b"".join(made) == b"".join(out)
    assert sum(len(frames(b)) for b in made) == 200 and bodies([]) == []
