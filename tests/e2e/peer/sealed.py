# SPDX-License-Identifier: Apache-2.0
"""A terminal in sealed conferences: a UE whose descriptions ask for and confirm group keys.

    alice = Sealed("alice", net); alice.join("room1")   # net has groupkey.server = local
    alice.keys.gkid                                     # newest epoch, hex
    alice.wait_epoch(lambda: alice.keys.gkid != old)

`confirms` False: it takes keys and keeps silent. `takes` False: it answers keys by MSRP with 200
and has not got them.
"""

from . import member_keys as gke
from .loop import DEADLINE, LOOP, wait
from .ue import UE

KS = "sip:keys@conf.example.com"
ACCEPT = "message/cpim application/mikey"
WRAPPED = "application/pkcs7-mime application/octet-stream"


def provision(net, uri, key_id=None):
    """A pairwise key made by the admin API: (id, octets)."""
    status, doc = net.api("POST", "/v1/keys", {"uri": uri, **({"id": key_id} if key_id else {})})
    assert status == 201, doc
    return doc["id"], bytes.fromhex(doc["key"])


class Sealed(UE):
    def __init__(self, name, net, key=None, **args):
        super().__init__(name, net, **args)
        self.key = key or provision(net, self.aor)
        self.keys, self.confirms, self.takes = None, True, True
        self.octets, self.failed = [], []  # key messages by MSRP; what could not be taken
        self.lines = []  # a=key-mgmt values that came
        self.owed = None  # R_MESSAGE for the first SEND

    def keys_for(self, room):
        if self.keys is None or self.keys.room != room.encode():
            self.keys = gke.MemberKeys(self.aor, self.key[0], self.key[1], room, KS)
        return self.keys

    def offer(self, new=True, key_mgmt=None, room=None, **media):
        """key_mgmt: None, a request of ours; False: no such line; else values."""
        if key_mgmt is None:
            key_mgmt = [self.keys_for(room or self.asked).request()]
        extra = list(media.pop("extra", self.media_args.get("extra", [])))
        extra += ["a=key-mgmt:" + v for v in key_mgmt or []]
        media.setdefault("accept_types", ACCEPT)
        media.setdefault("wrapped", WRAPPED)
        text = super().offer(new, extra=extra, **media)
        self.session.on_message = self._on_message
        return text

    def invite(self, room, text=None, headers=(), **media):
        self.asked = self.uri_of(room)
        return super().invite(room, text, headers, **media)

    def take_answer(self, text):
        super().take_answer(text)
        self.take_line()

    def take_line(self):
        value = self.answer.msg.get("key-mgmt")
        self.lines.append(value)
        if value is None:
            return None
        octets = gke.answer_octets(value)
        if self.keys.last is not None and octets == self.keys.last.octets:
            return self.keys.gkid
        gkid, self.owed = self.keys.take(octets)
        return gkid

    def open_media(self, timeout=DEADLINE):
        super().open_media(timeout)
        if self.owed and self.confirms:
            self.send_key(self.owed)
        self.owed = None

    def accept(self, setup="active", connect=True, **media):
        """The offer's key is taken; the answer confirms it unless key_mgmt says otherwise."""
        self.asked = self._canonical(self.call.invite.get("From"))
        self.asked = self.call.invite.headers.get("From") if not self.asked else self.asked
        return super().accept(setup, connect, **media)

    def send_key(self, octets):
        """A key message by MSRP; returns its transaction."""
        return self.session.send(octets, content_type="application/mikey")

    def _on_message(self, message):
        if message.content_type != "application/mikey" or not message.complete:
            return
        self.octets.append(message.data)
        if not self.takes:
            return
        if self.keys.last is not None and message.data == self.keys.last.octets:
            r = self.last_r
        else:
            try:
                _, r = self.keys.take(message.data)
            except AssertionError as e:
                self.failed.append(str(e))
                return
        self.last_r = r
        if self.confirms:
            self.session.send(r, content_type="application/mikey")
        LOOP.changed()

    def wait_epoch(self, gkid, timeout=DEADLINE):
        """Until the newest key is of this epoch (hex, or a predicate of it)."""
        test = gkid if callable(gkid) else lambda have: have == gkid
        wait(lambda: self.keys.gkid is not None and test(self.keys.gkid), timeout,
             "an epoch at " + self.name, lambda: self.keys.taken)
        return self.keys.gkid
