# SPDX-License-Identifier: Apache-2.0
"""Keys of sealed conferences as a terminal has them: MIKEY of the profile's suite B, by hand.

    keys = MemberKeys("sip:alice@example.com", "mk:1", key, room, ks)
    line = keys.request()                         # value of a=key-mgmt for an offer
    epoch, r = keys.take(octets)                  # a member key; r confirms it
"""

import base64
import hashlib
import hmac
import os
import struct
import time

from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes

NTP = 2208988800
ENCR, AUTH, SALT = 0x150533E1, 0x2D22AC75, 0x29B88916
NAMES = {1: "idri", 2: "idrr", 4: "idrpsk", 5: "idrapp"}


def ntp(at=None):
    at = time.time() if at is None else at
    return struct.pack(">Q", int((at + NTP) * (1 << 32)))


def derive(psk, const, csb_id, rand, octets):
    label = struct.pack(">I", const) + b"\xff" + csb_id + rand
    a, out = label, b""
    while len(out) < octets:
        a = hmac.new(psk, a, hashlib.sha256).digest()
        out += hmac.new(psk, a + label, hashlib.sha256).digest()
    return out[:octets]


def crypt(psk, csb_id, rand, t, data):
    key = derive(psk, ENCR, csb_id, rand, 32)
    salt = derive(psk, SALT, csb_id, rand, 14)
    iv = bytes(a ^ b for a, b in zip(salt, bytes(2) + csb_id + t)) + bytes(2)
    return Cipher(algorithms.AES(key), modes.CTR(iv)).encryptor().update(data)


def mac(psk, csb_id, rand, data):
    return hmac.new(derive(psk, AUTH, csb_id, rand, 32), data, hashlib.sha256).digest()


def idr(following, role, kind, data):
    return struct.pack(">BBBH", following, role, kind, len(data)) + data


class Message:
    """A MIKEY message taken apart; nothing is checked."""

    def __init__(self, octets):
        self.octets = octets
        version, self.type, following, self.prf = octets[:4]
        assert version == 1
        self.v, self.prf = bool(self.prf & 0x80), self.prf & 0x7f
        self.csb_id, at = octets[4:8], 10
        self.sdp_ids = b""
        while following:
            kind, following = following, octets[at]
            if kind == 5:
                self.t, at = octets[at + 2:at + 10], at + 10
            elif kind == 11:
                n = octets[at + 1]
                self.rand, at = octets[at + 2:at + 2 + n], at + 2 + n
            elif kind == 14:
                n = struct.unpack(">H", octets[at + 3:at + 5])[0]
                setattr(self, NAMES[octets[at + 1]], octets[at + 5:at + 5 + n])
                at += 5 + n
            elif kind == 21:
                n = struct.unpack(">H", octets[at + 2:at + 4])[0]
                self.sdp_ids, at = octets[at + 4:at + 4 + n], at + 4 + n
            elif kind == 1:
                n = struct.unpack(">H", octets[at + 2:at + 4])[0]
                self.data, at = octets[at + 4:at + 4 + n], at + 4 + n + 1
                self.signed, self.mac = octets[:at], octets[at:]
                at = len(octets)
            else:
                raise AssertionError("payload %d" % kind)


class MemberKeys:
    """One member key and what came under it: epochs {number: TEK}, the newest GKID."""

    def __init__(self, uri, key_id, key, room, ks):
        self.uri, self.id, self.key = uri.encode(), key_id.encode(), key
        self.room, self.ks = room.encode(), ks.encode()
        self.epochs, self.gkid, self.last = {}, None, None
        self.taken = []

    def request_octets(self, at=None, ids=b"mikey", uri=None, key=None):
        csb_id, rand, t = os.urandom(4), os.urandom(16), ntp(at)
        body = b"\x01\x00\x05\x01" + csb_id + b"\x00\x01" + b"\x0b\x00" + t + b"\x0e\x10" + rand
        body += idr(14, 1, 1, (uri or self.uri)) + idr(14, 2, 1, self.ks) + idr(14, 4, 2, self.id)
        body += idr(21 if ids else 1, 5, 1, self.room)
        if ids:
            body += b"\x01\x01" + struct.pack(">H", len(ids)) + ids
        body += b"\x00\x00\x00\x00\x02"
        return body + mac(key or self.key, csb_id, rand, body)

    def request(self, **args):
        return "mikey " + base64.b64encode(self.request_octets(**args)).decode()

    def take(self, octets):
        """A member key for us: remembered. Returns its GKID (hex) and the R_MESSAGE, or raises."""
        m = Message(octets)
        assert (m.type, m.prf, m.v) == (0, 1, True)
        assert m.idrr == self.uri and m.idrapp == self.room and m.idri == self.ks, "not for us"
        assert m.idrpsk == self.id, "of another key"
        assert hmac.compare_digest(m.mac, mac(self.key, m.csb_id, m.rand, m.signed)), "MAC"
        data = crypt(self.key, m.csb_id, m.rand, m.t, m.data)
        assert data[:2] == b"\x00\x21" and data[2:4] == b"\x00\x20" and data[36] == 12
        tek, gkid = data[4:36], data[37:]
        assert len(gkid) == 12
        self.gkid, self.last = gkid.hex(), m
        self.epochs[self.gkid] = tek
        self.taken.append(self.gkid)
        head = b"\x01\x01\x05\x01" + m.csb_id + b"\x00\x01" + b"\x0e\x00" + m.t
        head += idr(9, 2, 1, self.uri) + b"\x00\x02"
        return self.gkid, head + mac(self.key, m.csb_id, m.rand, head + m.idri + m.idrr + m.t)


def answer_octets(value):
    """Octets of an a=key-mgmt value."""
    protocol, _, data = value.strip().partition(" ")
    assert protocol == "mikey", value
    return base64.b64decode(data, validate=True)


def line(octets):
    return "mikey " + base64.b64encode(octets).decode()
