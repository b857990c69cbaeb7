# SPDX-License-Identifier: Apache-2.0
"""Sealed bodies as a terminal writes and reads them: CMS AuthEnvelopedData (RFC 5083, 5084, 5652) in DER with one
KEKRecipientInfo, and what is derived from an epoch's key. Nothing here is the product's code.

    keys = derive(tek, gkid)
    der = seal(keys, gkid, b"...")              # AES-128; bits=256 for the other
    plaintext = unseal(der, {gkid: keys})       # or Refused
"""

import collections
import os

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives import hashes, keywrap
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

GKID_SIZE = 12
TAG_SIZE = 16
MAX_SIZE = 1 << 20

INTEGER, OCTET_STRING, OID, GENERALIZED_TIME, SEQUENCE, SET = 0x02, 0x04, 0x06, 0x18, 0x30, 0x31
CONTEXT_0, CONTEXT_0_PRIMITIVE, CONTEXT_2 = 0xa0, 0x80, 0xa2  # constructed unless it says otherwise


class Refused(Exception):
    """Not of the one shape, or not genuine: nothing of it may be shown."""


# --- keys ---

Keys = collections.namedtuple("Keys", "kek128 kek256 mikey file")


def hkdf(ikm, salt, info, size):
    return HKDF(algorithm=hashes.SHA256(), length=size, salt=salt, info=info).derive(ikm)


def derive(tek, gkid):
    return Keys(hkdf(tek, gkid, b"GKE1 kek128", 16), hkdf(tek, gkid, b"GKE1 kek256", 32),
                hkdf(tek, gkid, b"GKE1 mikey", 32), hkdf(tek, gkid, b"GKE1 file", 32))


# --- DER ---

def length(n):
    if n < 0x80:
        return bytes([n])
    octets = n.to_bytes((n.bit_length() + 7) // 8, "big")
    return bytes([0x80 | len(octets)]) + octets


def der(tag, *parts):
    """One element; its content are the parts one after the other."""
    content = b"".join(parts)
    return bytes([tag]) + length(len(content)) + content


def oid(dotted):
    first, second, *rest = (int(n) for n in dotted.split("."))
    out = bytearray()
    for n in [40 * first + second] + rest:
        groups = [n & 0x7f]
        while n > 0x7f:
            n >>= 7
            groups.append(0x80 | n & 0x7f)
        out += bytes(reversed(groups))
    return der(OID, bytes(out))


class Reader:
    """The elements of one constructed value. end() insists that all of them were taken."""

    def __init__(self, octets):
        self.octets, self.at = bytes(octets), 0

    def tag(self):
        return self.octets[self.at] if self.at < len(self.octets) else None

    def take(self, tag):
        """The content of the next element, which must have this tag."""
        if self.tag() != tag:
            raise Refused(f"tag {self.tag()} where {tag} should be")
        self.at += 1
        size = self._length()
        if size > len(self.octets) - self.at:
            raise Refused("length past the end")
        self.at += size
        return self.octets[self.at - size:self.at]

    def _octet(self):
        if self.at == len(self.octets):
            raise Refused("cut short")
        self.at += 1
        return self.octets[self.at - 1]

    def _length(self):
        n = self._octet()
        if n < 0x80:
            return n
        if n == 0x80 or n > 0x84:
            raise Refused("indefinite or absurd length")
        octets = bytes(self._octet() for _ in range(n & 0x7f))
        value = int.from_bytes(octets, "big")
        if octets[0] == 0 or value < 0x80:
            raise Refused("length is not minimal")
        return value

    def within(self, tag):
        return Reader(self.take(tag))

    def expect(self, element):
        """Exactly these octets come next."""
        if self.octets[self.at:self.at + len(element)] != element:
            raise Refused("another value than the one that is allowed here")
        self.at += len(element)

    def end(self):
        if self.at != len(self.octets):
            raise Refused("more than there should be")


# --- AuthEnvelopedData ---

AUTH_ENVELOPED = oid("1.2.840.113549.1.9.16.1.23")
DATA = oid("1.2.840.113549.1.7.1")
ZERO, FOUR, ICV = der(INTEGER, b"\0"), der(INTEGER, b"\4"), der(INTEGER, bytes([TAG_SIZE]))
WRAP = {128: oid("2.16.840.1.101.3.4.1.5"), 256: oid("2.16.840.1.101.3.4.1.45")}
GCM = {128: oid("2.16.840.1.101.3.4.1.6"), 256: oid("2.16.840.1.101.3.4.1.46")}

Sealed = collections.namedtuple("Sealed", "bits gkid date wrapped nonce ciphertext tag")


def kek_of(keys, bits):
    return keys.kek128 if bits == 128 else keys.kek256


def encode(s):
    """The octets of a Sealed."""
    kekid = der(SEQUENCE, der(OCTET_STRING, s.gkid), der(GENERALIZED_TIME, s.date.encode()) if s.date else b"")
    recipient = der(CONTEXT_2, FOUR, kekid, der(SEQUENCE, WRAP[s.bits]), der(OCTET_STRING, s.wrapped))
    algorithm = der(SEQUENCE, GCM[s.bits], der(SEQUENCE, der(OCTET_STRING, s.nonce), ICV))
    content = der(SEQUENCE, DATA, algorithm, der(CONTEXT_0_PRIMITIVE, s.ciphertext))
    enveloped = der(SEQUENCE, ZERO, der(SET, recipient), content, der(OCTET_STRING, s.tag))
    return der(SEQUENCE, AUTH_ENVELOPED, der(CONTEXT_0, enveloped))


def seal(keys, gkid, plaintext, bits=128, date=None, cek=None, nonce=None):
    """plaintext under a key of its own, which is wrapped under the epoch's. date: YYYYMMDDHHMMSSZ."""
    cek, nonce = cek or os.urandom(bits // 8), nonce or os.urandom(12)
    sealed = AESGCM(cek).encrypt(nonce, plaintext, None)
    return encode(Sealed(bits, gkid, date, keywrap.aes_key_wrap(kek_of(keys, bits), cek), nonce,
                         sealed[:-TAG_SIZE], sealed[-TAG_SIZE:]))


def algorithm_of(reader, known):
    """The number of bits of an algorithm of the table `known`."""
    element = der(OID, reader.take(OID))
    for bits, name in known.items():
        if element == name:
            return bits
    raise Refused("another algorithm")


def decode(octets):
    """A Sealed. Strict: DER alone, one recipient, no attributes, a tag of 16 octets."""
    if len(octets) > MAX_SIZE:
        raise Refused("too long")
    outer = Reader(octets)
    info = outer.within(SEQUENCE)
    outer.end()
    info.expect(AUTH_ENVELOPED)
    wrapper = info.within(CONTEXT_0)
    info.end()
    enveloped = wrapper.within(SEQUENCE)
    wrapper.end()
    enveloped.expect(ZERO)
    recipients = enveloped.within(SET)
    bits, gkid, date, wrapped = decode_recipient(recipients.within(CONTEXT_2))
    recipients.end()
    content_bits, nonce, ciphertext = decode_content(enveloped.within(SEQUENCE))
    tag = enveloped.take(OCTET_STRING)
    enveloped.end()
    if bits != content_bits or len(tag) != TAG_SIZE or len(wrapped) != bits // 8 + 8:
        raise Refused("sizes do not agree")
    return Sealed(bits, gkid, date, wrapped, nonce, ciphertext, tag)


def decode_recipient(r):
    r.expect(FOUR)
    kekid = r.within(SEQUENCE)
    gkid, date = kekid.take(OCTET_STRING), None
    if kekid.tag() == GENERALIZED_TIME:
        date = kekid.take(GENERALIZED_TIME)
        if len(date) != 15 or not date[:14].isdigit() or date[14:] != b"Z":
            raise Refused("date")
        date = date.decode()
    kekid.end()
    if len(gkid) != GKID_SIZE or gkid[8:] == bytes(4):
        raise Refused("keyIdentifier")
    algorithm = r.within(SEQUENCE)
    bits = algorithm_of(algorithm, WRAP)
    algorithm.end()
    wrapped = r.take(OCTET_STRING)
    r.end()
    return bits, gkid, date, wrapped


def decode_content(r):
    r.expect(DATA)
    algorithm = r.within(SEQUENCE)
    bits = algorithm_of(algorithm, GCM)
    parameters = algorithm.within(SEQUENCE)
    algorithm.end()
    nonce = parameters.take(OCTET_STRING)
    parameters.expect(ICV)
    parameters.end()
    if len(nonce) != 12:
        raise Refused("nonce")
    ciphertext = r.take(CONTEXT_0_PRIMITIVE)
    r.end()
    return bits, nonce, ciphertext


def unseal(octets, epochs):
    """The plaintext, by the keys of the epoch that it names; epochs: {gkid: Keys}."""
    s = decode(octets)
    if s.gkid not in epochs:
        raise Refused("no key of this epoch")
    try:
        cek = keywrap.aes_key_unwrap(kek_of(epochs[s.gkid], s.bits), s.wrapped)
        return AESGCM(cek).decrypt(s.nonce, s.ciphertext + s.tag, None)
    except (keywrap.InvalidUnwrap, InvalidTag) as error:
        raise Refused("not sealed under this key, or changed") from error
