# SPDX-License-Identifier: Apache-2.0
"""A member of a sealed conference, without a terminal around it: its pairwise key, the epochs' keys it was given, what it
seals and opens. It keeps every key it ever had, so that a test can try to read what it must not.

    alice = Member("mk:alice:1", mk, "sip:alice@example.com", room)
    offer += "a=key-mgmt:" + alice.attribute(alice.request(sdp=True)) + "\\r\\n"
    answer = alice.take(alice.of_attribute(value))      # R_MESSAGE for the key server, or None when it wants none
    body = alice.seal("hello")                          # to be sent as TYPE, in message/cpim
    carol.open(body).payload                            # or Refused
    removed.can_read(body)                              # False

Here take() is as strict as security asks of a receiver; Refused says which check it was.
"""

import base64
import os
import struct
import time

from . import cms, ece, inner, mikey
from .cms import Refused

TYPE = 'application/pkcs7-mime; smime-type=auth-enveloped-data; name="smime.p7m"'
KEY_TYPE = "application/mikey"
SKEW = 300  # seconds


def read_key_file(path):
    """(id, key) of a file with one line, id and 64 hex digits."""
    with open(path, encoding="ascii") as f:
        mk_id, digits = f.read().split()
    return mk_id, bytes.fromhex(digits)


class Member:
    """keys: {gkid: cms.Keys} of every epoch that it was given; current: the one it sends with; teks: {gkid: TEK}."""

    def __init__(self, mk_id, mk, uri, room, suite=mikey.B, ks=None):
        self.mk_id = mk_id.encode() if isinstance(mk_id, str) else mk_id
        self.mk = bytes.fromhex(mk) if isinstance(mk, str) else mk
        self.uri, self.room, self.suite, self.ks = uri, room, suite, ks
        self.keys, self.teks, self.order, self.current = {}, {}, [], None
        self.last_t, self.own_t = 0, 0
        self.token, self.seq = os.urandom(4).hex(), int(time.time() * 1e6)
        self.windows = {}

    # --- keys ---

    @property
    def epoch(self):
        """Number of the current epoch, or None."""
        return struct.unpack(">I", self.current[8:])[0] if self.current else None

    @property
    def hex(self):
        """The current epoch as the roster names it, or None."""
        return self.current.hex() if self.current else None

    def _now(self):
        self.own_t = max(mikey.ntp(), self.own_t + 1)
        return self.own_t

    def request(self, sdp=False, **changes):
        """A request for the current key. The key server is named by the room while its own name is not known.
        changes: any argument of mikey.build that shall be another."""
        said = {"t": self._now(), "rand": os.urandom(16), "csb": int.from_bytes(os.urandom(4), "big"), "idri": self.uri,
                "idrr": self.ks or self.room, "idrpsk": self.mk_id, "idrapp": self.room,
                "sdp_ids": b"mikey" if sdp else None}
        return mikey.build(self.suite, self.mk, **{**said, **changes})

    @staticmethod
    def attribute(message):
        """Value of a=key-mgmt."""
        return "mikey " + base64.b64encode(message).decode()

    @staticmethod
    def of_attribute(value):
        protocol, _, text = value.strip().partition(" ")
        if protocol != "mikey":
            raise Refused("another protocol")
        return base64.b64decode(text, validate=True)

    def take(self, octets, strict=True):
        """A key came: it becomes the current one. R_MESSAGE, or None when none is wanted. Not strict: what a thief of
        the pairwise key would do, without a look at times and names."""
        m = mikey.parse(octets)
        if strict:
            self._check(m)
        key = mikey.open_(m, self.mk)
        if key is None:
            raise Refused("a request")
        if strict:
            self.last_t = m.t
            self.ks = self.ks or m.idri.decode()
        self.keep(key)
        return mikey.verification(m, self.mk) if m.v else None

    def _check(self, m):
        if abs(mikey.unix_of(m.t) - time.time()) > SKEW:
            raise Refused("T is of another time")
        if m.t <= self.last_t:
            raise Refused("T was seen, or is older")
        if m.suite != self.suite:
            raise Refused("another suite")
        if m.idrr != self.uri.encode() or m.idrapp != self.room.encode():
            raise Refused("for another member, or another room")
        if m.idrpsk != self.mk_id or m.idri == self.uri.encode():
            raise Refused("another key")
        if self.ks and m.idri != self.ks.encode():
            raise Refused("another key server")

    def keep(self, key):
        """Have this key, however it came here, and send with it."""
        if key.gkid not in self.keys:
            self.order.append(key.gkid)
        self.keys[key.gkid], self.teks[key.gkid] = cms.derive(key.tek, key.gkid), key.tek
        self.current = key.gkid

    # --- bodies ---

    def seal(self, text, message_id=None, to=None, gkid=None, **inner_fields):
        """A sealed text under the current epoch, or another one that it had; inner_fields as of inner.build."""
        self.seq += 1
        said = {"sender": self.uri, "to": to or self.room, "payload": text,
                "message_id": message_id or os.urandom(6).hex(), "token": self.token, "seq": self.seq}
        return self.seal_entity(inner.build(**{**said, **inner_fields}), gkid)

    def seal_entity(self, entity, gkid=None):
        gkid = gkid or self.current
        if gkid not in self.keys:
            raise Refused("no key")
        return cms.seal(self.keys[gkid], gkid, entity)

    def open_raw(self, body):
        """The plaintext, by any key it ever had."""
        return cms.unseal(body, self.keys)

    def open(self, body, sender=None, to=None, message_id=None):
        """The inner.Inner of a body that is genuine and new. sender, to, message_id: of the head around it."""
        said = inner.Inner(self.open_raw(body))
        if said.signed is not None:
            return said
        if sender is not None and said.sender != sender:
            raise Refused("the sender inside is another")
        if said.to not in ((to,) if to else (self.room, self.uri)):
            raise Refused("for another room")
        if message_id is not None and said.message_id != message_id:
            raise Refused("another message")
        window = self.windows.setdefault((cms.decode(body).gkid, said.sender, said.token), inner.Window())
        if not window.take(said.seq):
            raise Refused("seen before")
        return said

    def can_read(self, body):
        """With all the keys it ever had. Neither replays nor names matter."""
        try:
            self.open_raw(body)
        except Refused:
            return False
        return True

    # --- files ---

    def seal_file(self, entity, gkid=None, record=ece.RECORD):
        gkid = gkid or self.current
        return ece.seal(self.keys[gkid].file, gkid, entity, record)

    def open_file(self, octets):
        return ece.unseal(octets, {gkid: keys.file for gkid, keys in self.keys.items()})


class KeyServer:
    """The other end, for tests of Member and of terminals: one room, keys for whom the test says."""

    def __init__(self, uri, room, suite=mikey.B):
        self.uri, self.room, self.suite = uri, room, suite
        self.domain, self.number, self.own_t = os.urandom(8), 0, 0
        self.key = self.rand = None
        self.change()

    def change(self):
        """A new epoch."""
        self.number += 1
        self.rand = os.urandom(16)
        self.key = mikey.Key(os.urandom(self.suite.tek_size), self.domain + struct.pack(">I", self.number))
        return self.key

    def message(self, member, **changes):
        """The key for a Member, under its own MK."""
        self.own_t = max(mikey.ntp(), self.own_t + 1)
        said = {"t": self.own_t, "rand": self.rand, "csb": mikey.csb_of(self.key.gkid), "v": True, "idri": self.uri,
                "idrr": member.uri, "idrpsk": member.mk_id, "idrapp": self.room, "tek": self.key.tek,
                "gkid": self.key.gkid}
        return mikey.build(self.suite, member.mk, **{**said, **changes})
