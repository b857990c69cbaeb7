# SPDX-License-Identifier: Apache-2.0
"""A focus, a switch and a key server in one peer, to be called by a client under test: what it sends is what a test
likes, genuine or not.

    focus = Director("focus", net); alice = Mrfue(..., "join", focus.conference, proxy=focus.place)
    focus.admit(key_id, key, epoch=7)         # takes the key request, answers with a member key
    focus.say("hi"); focus.send(sealed octets); focus.give(8)
"""

import base64
import os
import struct
import time

from . import cms, cpim, ece, inner, mikey, sdp
from .loop import DEADLINE, wait
from .msrpmsg import new_id
from .ue import UE

KS = "sip:keys@conf.example.com"
BOB = "sip:bob@example.com"
CMS = 'application/pkcs7-mime; smime-type=auth-enveloped-data; name="smime.p7m"'
IMDN_NS = "NS: imdn <urn:ietf:params:imdn>"


class Director(UE):
    def __init__(self, name, net, **args):
        super().__init__(name, net, **args)
        self.domain, self.epochs, self.last_t, self.number = os.urandom(8), {}, 0, int(time.time() * 1e6)
        self.sent_keys = []
        self.conference = "sip:%s@conf.example.com" % name
        self.place = "127.0.0.1:%d" % self.ua.port

    # -- keys ------------------------------------------------------------------------------

    def gkid(self, epoch):
        return self.domain + struct.pack(">I", epoch)

    def keys(self, epoch):
        """The epoch's keys; made when it is new."""
        gkid = self.gkid(epoch)
        if gkid not in self.epochs:
            self.epochs[gkid] = (os.urandom(32), os.urandom(16))
        return cms.derive(self.epochs[gkid][0], gkid)

    def member_key(self, epoch, to=None, room=None, ks=KS, key=None, key_id=None, v=True, at=None):
        """A MIKEY message with the epoch's key; any part of it can be another."""
        self.keys(epoch)
        gkid = self.gkid(epoch)
        tek, rand = self.epochs[gkid]
        self.last_t = max(self.last_t + 1, mikey.ntp()) if at is None else mikey.ntp(at)
        return mikey.build(mikey.B, key or self.key, t=self.last_t, rand=rand, csb=mikey.csb_of(gkid), v=v, idri=ks,
                           idrr=to or self.member, idrpsk=(key_id or self.key_id).encode(),
                           idrapp=room or self.conference, tek=tek, gkid=gkid)

    def confirms(self, octets, message):
        """Is this the R_MESSAGE to that message?"""
        return octets == mikey.verification(mikey.parse(message), self.key)

    # -- calls -----------------------------------------------------------------------------

    def admit(self, key_id, key, epoch=7, member=None, **media):
        """The call of the client is taken; with epoch None no key is in the answer."""
        self.key_id, self.key = key_id, key
        call = self.wait_invite()
        self.member = member or call.invite.get("From").partition("<")[2].partition(">")[0]
        extra = [*self.media_args.get("extra", [])]
        if epoch is not None:
            self.answer_key = media.pop("message", None) or self.member_key(epoch)
            extra.append("a=key-mgmt:mikey " + base64.b64encode(self.answer_key).decode())
        self.epoch = epoch
        media.setdefault("accept_types", "message/cpim application/mikey")
        return self.accept(setup="passive", extra=extra, **media)

    def request_of_offer(self):
        """Octets of the offer's a=key-mgmt; None: it has none."""
        value = self.offered().msg.get("key-mgmt")
        return base64.b64decode(value.removeprefix("mikey "), validate=True) if value else None

    def offered(self):
        return sdp.Sdp(self.call.offer)

    def mikeys(self):
        return [m.data for m in self.session.messages if m.complete and m.content_type == "application/mikey"]

    def wait_mikey(self, test, timeout=DEADLINE, what="a key message"):
        return wait(lambda: next((m for m in self.mikeys() if test(m)), None), timeout, what, self.mikeys)

    def give(self, epoch, **args):
        """A later key by MSRP; waits until it is confirmed."""
        message = self.member_key(epoch, **args)
        assert self.session.send(message, content_type="application/mikey").status() == 200
        self.wait_mikey(lambda m: self.confirms(m, message), what="the R_MESSAGE of epoch %d" % epoch)
        self.epoch = epoch
        return message

    # -- bodies ----------------------------------------------------------------------------

    def entity(self, payload, sender=BOB, to=None, message_id="m1", token="5f3a9c01", seq=None, **args):
        if seq is None:
            seq = self.number = self.number + 1
        return inner.build(sender, to or self.conference, payload, message_id, token, seq, **args)

    def sealed(self, payload, epoch=None, bits=128, **args):
        epoch = epoch or self.epoch
        return cms.seal(self.keys(epoch), self.gkid(epoch), self.entity(payload, **args), bits)

    def records(self, payload, epoch=None, record=16384, **args):
        epoch = epoch or self.epoch
        return ece.seal(self.keys(epoch).file, self.gkid(epoch), self.entity(payload, **args), record)

    def around(self, body, sender=BOB, to=None, message_id="m1", kind=CMS, encoding=None, extra=()):
        """The CPIM message that the switch would pass on."""
        mime = ["Content-Encoding: " + encoding] if encoding else []
        return cpim.build(sender, to or self.conference, body, kind,
                          extra=[*([IMDN_NS, "imdn.Message-ID: " + message_id] if message_id else []), *extra], mime=mime)

    def send(self, body, size=None, **args):
        """A sealed body, with a head that tells the truth unless said otherwise."""
        octets = self.around(body, **args)
        if size:
            return [tx.status() for tx in self.session.send_chunks(octets, size, message_id=new_id("m"))]
        return self.session.send(octets).status()

    def say(self, text, epoch=None, sender=BOB, to=None, message_id="m1", extra=(), **args):
        return self.send(self.sealed(text, epoch, sender=sender, to=to, message_id=message_id, **args),
                         sender=sender, to=to, message_id=message_id, extra=extra)

    def send_file(self, octets, **args):
        return self.send(octets, kind="application/octet-stream", encoding="aes128gcm", **args)

    # -- what the client says --------------------------------------------------------------

    def heard(self):
        """(outer Cpim, Inner) of each sealed message of the client."""
        out = []
        for m in self.session.messages:
            if not m.complete or not m.content_type.startswith("message/cpim"):
                continue
            outer = cpim.Cpim(m.data)
            if outer.content_type.startswith("application/pkcs7-mime"):
                plain = cms.unseal(outer.content, {g: cms.derive(t, g) for g, (t, _) in self.epochs.items()})
            elif ("Content-Encoding", "aes128gcm") in outer.mime:
                plain = ece.unseal(outer.content, {g: cms.derive(t, g).file for g, (t, _) in self.epochs.items()})
            else:
                continue
            out.append((outer, inner.Inner(plain)))
        return out

    def wait_heard(self, test=lambda outer, one: True, timeout=DEADLINE):
        return wait(lambda: next((p for p in self.heard() if test(*p)), None), timeout, "a sealed message")
