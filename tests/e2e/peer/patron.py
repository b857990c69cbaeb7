# SPDX-License-Identifier: Apache-2.0
"""A focus whose client is the key server of the conference: it says in frames who is in, and takes what comes.

    focus = Patron("focus", net); olga = Mrfue(..., "join", focus.conference, proxy=focus.place)
    focus.admit_owner(); focus.open()
    bob = focus.member("sip:bob@example.com", "b1", key)       # a gke.Member
    focus.change(joined=[bob]); focus.take(bob)                # his key
    focus.change(left=[bob]); focus.said                       # Frames of the client
    focus.read(bob, lambda said: said.payload == b"hi")        # what the client says, opened by bob
"""

from . import cpim, gke, inner, sdp
from .director import Director
from .keyserver import (CHANGE, CONFIRMED, EPOCH, HELLO, MESSAGE, OPEN, PING, PONG, REFUSED, REQUEST, frame, frames, item)
from .loop import DEADLINE, LOOP, wait
from .owner import BODY_MAX, TYPE


class Patron(Director):
    """pongs False: PINGs are not answered. bodies: what the client sent, as it came."""

    def __init__(self, name, net, **args):
        super().__init__(name, net, **args)
        self.pongs, self.bodies, self.said, self.used = True, [], [], set()

    # -- the call --------------------------------------------------------------------------

    def admit_owner(self, accept_types="message/cpim application/mikey " + TYPE, **media):
        """Its call is taken, without a key."""
        call = self.wait_invite()
        self.member_uri = call.invite.get("From").partition("<")[2].partition(">")[0]
        self.epoch = None
        self.accept(setup="passive", accept_types=accept_types, **media)
        return self

    def offer(self, new=True, **media):
        text = super().offer(new, **media)
        self.session.on_message = self._on_message
        return text

    def lists_frames(self):
        return TYPE in sdp.Sdp(self.call.offer).msg.accept_types

    def _on_message(self, message):
        if message.content_type != TYPE or not message.complete:
            return
        assert len(message.data) <= BODY_MAX
        self.bodies.append(message.data)
        for f in frames(message.data):
            self.said.append(f)
            if f.verb == PING and self.pongs:
                self.session.send(frame(PONG), content_type=TYPE)
        LOOP.changed()

    # -- frames ----------------------------------------------------------------------------

    def tell(self, *octets):
        """A body of these frames, taken with 200."""
        assert self.session.send(b"".join(octets), content_type=TYPE).status() == 200

    def hello(self):
        self.tell(frame(HELLO, 1))
        return self.next(HELLO)

    def open(self, suite=0):
        """The client begins to serve: GKID of its first epoch, which it has for itself."""
        self.hello()
        self.tell(frame(OPEN, suite, self.conference))
        return self.next_epoch()

    def member(self, uri, key_id, key, room=None):
        return gke.Member(key_id, key, uri, room or self.conference)

    def change(self, joined=(), left=(), ask=True, room=None):
        """joined: members, who ask by an offer unless ask is False; left: members. Waits for nothing."""
        who = [item(False, m.uri, m.mk_id.decode()) for m in left]
        who += [item(True, m.uri, m.mk_id.decode() if ask else "", m.request(sdp=True) if ask else b"") for m in joined]
        self.tell(frame(CHANGE, room=room or self.conference, data=b"".join(who)))

    def request(self, member, octets):
        self.tell(frame(REQUEST, room=self.conference, uri=member.uri, key_id=member.mk_id.decode(), data=octets))

    def next(self, verb, timeout=DEADLINE, **fields):
        """The oldest frame not asked for yet of this kind and these fields."""
        def fits(f):
            return f.verb == verb and all(getattr(f, k) == v for k, v in fields.items())
        i = wait(lambda: next(([i] for i, f in enumerate(self.said) if i not in self.used and fits(f)), None), timeout,
                 "frame %d %s" % (verb, fields), lambda: self.said)[0]
        self.used.add(i)
        return self.said[i]

    def next_epoch(self):
        return self.next(EPOCH).data

    def take(self, member, confirm=True):
        """His next message, as he takes it."""
        answer = member.take(self.next(MESSAGE, uri=member.uri, key_id=member.mk_id.decode()).data)
        if confirm:
            self.request(member, answer)
            assert self.next(CONFIRMED, uri=member.uri).data == member.current
        return member.current

    def refused(self, member):
        """Number and reason of his refusal."""
        f = self.next(REFUSED, uri=member.uri)
        return f.number, f.data.decode()

    def read(self, member, test=lambda said: True, timeout=DEADLINE):
        """The body of a message of the client that the member can open; test: of its Inner."""
        def look():
            for m in self.session.messages:
                if m.complete and m.content_type.startswith("message/cpim"):
                    body = cpim.Cpim(m.data).content
                    if member.can_read(body) and test(inner.Inner(member.open_raw(body))):
                        return body
            return None
        return wait(look, timeout, "a message that %s can open" % member.uri)
