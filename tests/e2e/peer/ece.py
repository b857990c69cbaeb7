# SPDX-License-Identifier: Apache-2.0
"""Sealed files as a terminal writes and reads them: RFC 8188 "aes128gcm" under an epoch's file key, the GKID as key id.

    octets = seal(keys.file, gkid, plaintext)
    plaintext = unseal(octets, {gkid: keys.file})     # or Refused
"""

import os
import struct

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from .cms import GKID_SIZE, Refused, hkdf

SALT_SIZE = 16
RECORD = 16384
RECORDS = range(4096, 65537)  # sizes that a receiver takes
TAG_SIZE = 16
MORE, LAST = b"\1", b"\2"


def head(salt, record, keyid):
    return salt + struct.pack(">IB", record, len(keyid)) + keyid


def read_head(octets):
    """(salt, record size, key id, octets after the head)"""
    fixed = SALT_SIZE + 5
    if len(octets) < fixed or len(octets) < fixed + octets[fixed - 1]:
        raise Refused("cut short")
    record, size = struct.unpack(">IB", octets[SALT_SIZE:fixed])
    if size != GKID_SIZE or record not in RECORDS:
        raise Refused("another kind of head")
    return octets[:SALT_SIZE], record, octets[fixed:fixed + size], octets[fixed + size:]


class Stream:
    """The keys of one file: each record can be sealed and opened by its number alone."""

    def __init__(self, file_key, salt):
        self.aead = AESGCM(hkdf(file_key, salt, b"Content-Encoding: aes128gcm\0", 16))
        self.nonce = hkdf(file_key, salt, b"Content-Encoding: nonce\0", 12)

    def _nonce(self, n):
        return (int.from_bytes(self.nonce, "big") ^ n).to_bytes(12, "big")

    def seal(self, n, plaintext, last, padding=0):
        return self.aead.encrypt(self._nonce(n), plaintext + (LAST if last else MORE) + bytes(padding), None)

    def unseal(self, n, record, last):
        try:
            padded = self.aead.decrypt(self._nonce(n), record, None).rstrip(b"\0")
        except InvalidTag as error:
            raise Refused(f"record {n} is not genuine") from error
        if padded[-1:] != (LAST if last else MORE):
            raise Refused(f"record {n} is of another place")
        return padded[:-1]


def seal(file_key, gkid, plaintext, record=RECORD, salt=None):
    salt = salt or os.urandom(SALT_SIZE)
    stream, step = Stream(file_key, salt), record - TAG_SIZE - 1
    pieces = [plaintext[i:i + step] for i in range(0, len(plaintext), step)] or [b""]
    return head(salt, record, gkid) + b"".join(
        stream.seal(n, piece, n == len(pieces) - 1) for n, piece in enumerate(pieces))


def unseal(octets, epochs):
    """The plaintext; epochs: {gkid: file key}. A file that does not end in its last record is none."""
    salt, record, gkid, rest = read_head(octets)
    if gkid not in epochs:
        raise Refused("no key of this epoch")
    if not rest:
        raise Refused("no record")
    stream = Stream(epochs[gkid], salt)
    records = [rest[i:i + record] for i in range(0, len(rest), record)]
    return b"".join(stream.unseal(n, r, n == len(records) - 1) for n, r in enumerate(records))
