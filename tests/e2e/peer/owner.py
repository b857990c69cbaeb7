# SPDX-License-Identifier: Apache-2.0
"""A conference's owner whose terminal is its key server: frames of the focus come and go as MSRP bodies of TYPE. Nothing
here is the product's code.

    owner = Owner("olga", net)
    bob = Sealed("bob", net, key=owner.pair("sip:bob@example.com"))
    owner.join("room1")                                    # it lists TYPE, and asks for no key
    bob.join("room1"); owner.wait_epoch(bob.keys.hex)      # bob's key came from olga
    owner.service.refuse.add(bob.aor); owner.mute(); owner.unmute()

KeyService is the key server alone: frames in, frames out.
"""

import os
import struct
import time

from . import gke, mikey
from .cms import Refused
from .keyserver import (CHANGE, CLOSE, CONFIRMED, DENIED, EPOCH, HELLO, MESSAGE, NOT_FOUND, OPEN, PING, PONG, REFUSED, REQUEST,
                        SENT, STALE, frame, frames, items)
from .loop import DEADLINE, LOOP, wait
from .sealed import ACCEPT, Sealed

TYPE = "application/vnd.mrf.keyserver"
BODY_MAX = 65536  # octets of a body; frames are never cut
SYNTAX = 1
SUITES = (mikey.B, mikey.A)  # as OPEN numbers them


def bodies(out):
    """Frames put together to as few bodies as there may be."""
    made = [b""]
    for octets in out:
        if made[-1] and len(made[-1]) + len(octets) > BODY_MAX:
            made.append(b"")
        made[-1] += octets
    return [b for b in made if b]


class Room:
    def __init__(self, uri, suite):
        self.uri, self.suite = uri, suite
        self.domain, self.number, self.key, self.rand = os.urandom(8), 0, None, None
        self.members, self.sent, self.messages = {}, {}, 0  # (URI, key id): ...; what SENT told


class KeyService:
    """keys: {(URI, key id): key}; rooms: {URI: Room}; got: every Frame; refuse: URIs that get no key here; made: {GKID: TEK}."""

    def __init__(self, uri):
        self.uri, self.keys, self.rooms, self.got, self.refuse = uri, {}, {}, [], set()
        self.made, self.last_t, self.own_t, self.dropped = {}, {}, 0, []
        self.on_epoch = lambda room: None

    def pair(self, uri, key_id=None):
        """A new pairwise key of this user: (id, hex), as terminals take it."""
        key_id = key_id or "k%d:%s" % (len(self.keys), uri.partition(":")[2].partition("@")[0])
        self.keys[uri, key_id] = os.urandom(32)
        return key_id, self.keys[uri, key_id].hex()

    def take(self, body):
        """What is answered to the frames of a body: a list of frames."""
        out = []
        for f in frames(body):
            self.got.append(f)
            out += self._frame(f)
        return out

    def _frame(self, f):
        if f.verb == HELLO:
            self.rooms.clear()
            return [frame(HELLO, 1)]
        if f.verb == PING:
            return [frame(PONG)]
        if f.verb == OPEN:
            self.rooms[f.room] = Room(f.room, SUITES[f.number])
            return []
        assert f.verb in (CLOSE, CHANGE, REQUEST, SENT), f
        room = self.rooms.get(f.room)
        if room is None:
            return []
        if f.verb == CLOSE:
            del self.rooms[f.room]
        elif f.verb == SENT:
            room.messages += f.number
        elif f.verb == CHANGE:
            return self._change(room, items(f.data))
        else:
            return self._request(room, f)
        return []

    # -- epochs ----------------------------------------------------------------------------

    def change(self, room):
        """A new epoch: its frames."""
        room.number += 1
        room.rand, room.sent = os.urandom(16), {}
        room.key = mikey.Key(os.urandom(room.suite.tek_size), room.domain + struct.pack(">I", room.number))
        self.made[room.key.gkid] = room.key.tek
        self.on_epoch(room)
        return [frame(EPOCH, room=room.uri, data=room.key.gkid)] + [self.message(room, who, True) for who in room.members]

    def message(self, room, who, fresh):
        self.own_t = max(mikey.ntp(), self.own_t + 1)
        offered = room.members[who]
        octets = mikey.build(room.suite, self.keys[who], t=self.own_t, rand=room.rand, csb=mikey.csb_of(room.key.gkid), v=True,
                             idri=self.uri, idrr=who[0], idrpsk=who[1].encode(), idrapp=room.uri, tek=room.key.tek,
                             gkid=room.key.gkid, sdp_ids=b"mikey" if offered else None)
        room.members[who] = False
        room.sent.setdefault(who, []).append((octets, room.key.gkid))
        return frame(MESSAGE, int(fresh), room.uri, who[0], who[1], octets)

    def _change(self, room, changes):
        mine = any(w[0] == self.uri for w in self.keys)  # another terminal of hers
        changes = [c for c in changes if c[1] != self.uri or mine]  # its own keys need no message
        out, n_in = [], 0
        for joined, uri, key_id, _ in changes:
            if not joined:
                for who in [w for w in room.members if w[0] == uri and key_id in ("", w[1])]:
                    del room.members[who]
        for joined, uri, key_id, request in changes:
            if not joined:
                continue
            try:
                who = self._judge(room, uri, key_id, request)
                room.members[who] = not request
                n_in += 1
            except Refused as e:
                number, why = e.args if len(e.args) == 2 else (DENIED, str(e))
                out.append(frame(REFUSED, number, room.uri, uri, key_id, why.encode()))
        if n_in or not all(c[0] for c in changes) or not changes:
            out += self.change(room)
        return out

    def _judge(self, room, uri, key_id, request):
        """Whose key it is for: (URI, id)."""
        if uri in self.refuse:
            raise Refused(DENIED, "the owner does not want him")
        if not request:
            who = next((w for w in self.keys if w[0] == uri and key_id in ("", w[1])), None)
            if who is None:
                raise Refused(NOT_FOUND, "no key of his is known")
            return who
        m = mikey.parse(request)
        who = uri, m.idrpsk.decode()
        if who not in self.keys:
            raise Refused(NOT_FOUND, "there is no key of that name")
        if m.suite != room.suite:
            raise Refused(SYNTAX, "another suite")
        if mikey.open_(m, self.keys[who]) is not None or m.idri != uri.encode() or m.idrapp.decode() != room.uri or \
                m.idrr.decode() not in (room.uri, self.uri) or key_id not in ("", who[1]):
            raise Refused(DENIED, "it is for something else")
        if abs(mikey.unix_of(m.t) - time.time()) > 300 or m.t <= self.last_t.get(who, 0):
            raise Refused(STALE, "it is a replay, or a clock is off")
        self.last_t[who] = m.t
        return who

    # -- what members send -----------------------------------------------------------------

    def _request(self, room, f):
        if not any(w[0] == f.uri for w in room.members):
            return [frame(REFUSED, DENIED, room.uri, f.uri, f.key_id, b"he is no member, or no more")]
        try:
            m = mikey.parse(f.data)
            if m.data_type == mikey.PSK_INIT:
                return [self.message(room, self._judge(room, f.uri, "", f.data), False)]
            return self._confirmation(room, f, m)
        except Refused as e:
            self.dropped.append(str(e))
            return []

    def _confirmation(self, room, f, r):
        for who in [w for w in room.members if w[0] == f.uri]:
            for octets, gkid in room.sent.get(who, []):
                if mikey.parse(octets).t == r.t:
                    mikey.confirm(r, mikey.parse(octets), self.keys[who])
                    return [frame(CONFIRMED, 0, room.uri, who[0], who[1], gkid)]
        raise Refused("it confirms nothing of now")


class Owner(Sealed):
    """service: its KeyService, which outlives its calls."""

    def __init__(self, name, net, service=None, **args):
        super().__init__(name, net, key=("own", bytes(32).hex()), **args)
        self.service = service or KeyService(self.aor)
        self.service.on_epoch = self._on_epoch
        self.muted, self.held = False, []

    def pair(self, uri, key_id=None):
        return self.service.pair(uri, key_id)

    def offer(self, new=True, key_mgmt=(), **media):
        media.setdefault("accept_types", ACCEPT + " " + TYPE)
        return super().offer(new, key_mgmt=None if key_mgmt is None else list(key_mgmt), **media)

    def open_media(self, timeout=DEADLINE):
        self.keys_for(self.asked)
        super().open_media(timeout)

    def _on_epoch(self, room):
        if self.keys_for(room.uri):
            self.keys.keep(room.key)

    def _on_message(self, message):
        if message.content_type != TYPE:
            super()._on_message(message)
        elif message.complete:
            assert len(message.data) <= BODY_MAX
            self.answer_with(self.service.take(message.data))
            LOOP.changed()

    def answer_with(self, out):
        """Frames to the focus, or later."""
        self.held += bodies(out)
        while self.held and not self.muted:
            self.session.send(self.held.pop(0), content_type=TYPE)

    def mute(self):
        """Answers are kept back from now on."""
        self.muted = True

    def unmute(self):
        with LOOP.cond:
            self.muted = False
            self.answer_with([])

    def rekey(self, room=None):
        """A new epoch of its own accord."""
        with LOOP.cond:
            self.answer_with(self.service.change(self.service.rooms[room or self.room]))

    def got(self, verb):
        return [f for f in self.service.got if f.verb == verb]

    def wait_got(self, verb, test=lambda f: True, timeout=DEADLINE):
        """The first frame of this kind for which test holds."""
        return wait(lambda: next((f for f in self.got(verb) if test(f)), None), timeout, "frame %d at %s" % (verb, self.name),
                    lambda: self.service.got[-10:])

    def wait_any_epoch(self, timeout=DEADLINE):
        return self.wait_epoch(lambda have: True, timeout)
