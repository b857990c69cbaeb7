# SPDX-License-Identifier: Apache-2.0
"""MIKEY messages with pre-shared keys as a member and a key server exchange them: RFC 3830, the empty map of RFC 4563,
the identities and suites of RFC 6043, the SDP-IDs extension of RFC 4567. Nothing here is the product's code.

    octets = build(B, mk, t=ntp(), rand=os.urandom(16), csb=csb_of(gkid), v=True, idri=ks, idrr=alice, idrpsk=b"mk:alice:1",
                   idrapp=room, tek=tek, gkid=gkid)
    m = parse(octets)              # or Refused
    key = open_(m, mk)             # Key(tek, gkid); None: a key request. Refused: not of this key
    answer = verification(m, mk)   # R_MESSAGE
    confirm(parse(answer), m, mk)  # or Refused
    e = error(octets, m, mk)       # an error message in answer to m: number, suite, clock, proven
"""

import collections
import hashlib
import hmac
import struct
import time

from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes

from .cms import Refused

MAX_SIZE, MAX_PAYLOADS = 1024, 16
PSK_INIT, PSK_VERIFY = 0, 1
# Types of payloads (RFC 3830 6.1, RFC 6043 6.1)
LAST, KEMAC, T, V, RAND, IDR, SDP_EXT = 0, 1, 5, 9, 11, 14, 21
INITIATOR, RESPONDER, PRESHARED, APPLICATION = 1, 2, 4, 5  # roles of identities
URI, OCTETS = 1, 2  # types of identities
EMPTY_MAP, NTP_UTC, TEK_WITH_SPI = 1, 0, 0x21

# Suites: PRF function, encryption, MAC, hash, octets of the encryption key, of the MAC and its key, of the TEK
Suite = collections.namedtuple("Suite", "prf encr mac hash encr_size mac_size tek_size")
A = Suite(0, 1, 1, hashlib.sha1, 16, 20, 16)
B = Suite(1, 3, 2, hashlib.sha256, 32, 32, 32)
SUITES = {s.prf: s for s in (A, B)}

Key = collections.namedtuple("Key", "tek gkid")
Error = collections.namedtuple("Error", "number suite clock proven")
ERR, ERROR, CLOCK_EXT = 12, 6, 241
BAD_TS, BAD_PRF, BAD_MAC, BAD_ENCR = 1, 2, 3, 4
Message = collections.namedtuple(
    "Message", "raw data_type v suite csb t rand idri idrr idrpsk idrapp sdp_ids encrypted mac")


# --- time ---

NTP_OFFSET = 2208988800  # 1900 to 1970 in seconds


def ntp(unix=None):
    """NTP-UTC, 32.32 bits."""
    unix = time.time() if unix is None else unix
    return (int(unix) + NTP_OFFSET & 0xffffffff) << 32 | int(unix % 1 * (1 << 32))


def unix_of(t):
    return (t >> 32) - NTP_OFFSET + (t & 0xffffffff) / (1 << 32)


# --- derivation, RFC 3830 4.1 ---

ENCR, AUTH, SALT = 0x150533E1, 0x2D22AC75, 0x29B88916
TGK_TEK, TGK_AUTH, TGK_ENCR, TGK_SALT = 0x2AD01C64, 0x1B5C7973, 0x15798CEF, 0x39A2C14B


def prf(hash_, inkey, label, size):
    """The first `size` octets: one P for each 256 bits of the key, all of them XORed."""
    out = bytes(size)
    for at in range(0, len(inkey), 32):
        part, a, stream = inkey[at:at + 32], label, b""
        while len(stream) < size:
            a = hmac.digest(part, a, hash_)
            stream += hmac.digest(part, a + label, hash_)
        out = bytes(x ^ y for x, y in zip(out, stream))
    return out


def label_of(constant, cs, csb, rand):
    return struct.pack(">IBI", constant, cs, csb) + rand


def keys_of(suite, psk, csb, rand):
    """(encryption key, salt of 14 octets, authentication key) of a message."""
    sizes = ((ENCR, suite.encr_size), (SALT, 14), (AUTH, suite.mac_size))
    return tuple(prf(suite.hash, psk, label_of(constant, 0xff, csb, rand), size) for constant, size in sizes)


def iv_of(salt, csb, t):
    return bytes(x ^ y for x, y in zip(salt, struct.pack(">HIQ", 0, csb, t))) + b"\0\0"


def counter_mode(key, iv, data):
    return Cipher(algorithms.AES(key), modes.CTR(iv)).encryptor().update(data)


def mac_of(suite, key, data):
    return hmac.digest(key, data, suite.hash)


def csb_of(gkid):
    domain, epoch = struct.unpack(">I4xI", gkid)
    return (domain + epoch) & 0xffffffff


# --- building ---

def header(data_type, following, v, suite, csb):
    return struct.pack(">BBBBIBB", 1, data_type, following, v << 7 | suite.prf, csb, 0, EMPTY_MAP)


def idr(following, role, kind, data):
    data = data.encode() if isinstance(data, str) else data
    return struct.pack(">BBBH", following, role, kind, len(data)) + data


def timestamp(following, t):
    return struct.pack(">BBQ", following, NTP_UTC, t)


def build(suite, psk, *, t, rand, csb, idri, idrr, idrpsk, idrapp, v=False, sdp_ids=None, tek=None, gkid=None):
    """What an initiator says: a key, or without tek the request of one."""
    after = SDP_EXT if sdp_ids is not None else KEMAC
    out = header(PSK_INIT, T, v, suite, csb) + timestamp(RAND, t) + struct.pack(">BB", IDR, len(rand)) + rand
    out += idr(IDR, INITIATOR, URI, idri) + idr(IDR, RESPONDER, URI, idrr)
    out += idr(IDR, PRESHARED, OCTETS, idrpsk) + idr(after, APPLICATION, URI, idrapp)
    if sdp_ids is not None:
        out += struct.pack(">BBH", KEMAC, 1, len(sdp_ids)) + sdp_ids
    encr, salt, auth = keys_of(suite, psk, csb, rand)
    encrypted = b""
    if tek is not None:
        data = struct.pack(">BBH", LAST, TEK_WITH_SPI, len(tek)) + tek + bytes([len(gkid)]) + gkid
        encrypted = counter_mode(encr, iv_of(salt, csb, t), data)
    out += struct.pack(">BBH", LAST, suite.encr if encrypted else 0, len(encrypted)) + encrypted + bytes([suite.mac])
    return out + mac_of(suite, auth, out)


def verification(m, psk):
    """R_MESSAGE: says to the initiator of m that its key has come."""
    out = header(PSK_VERIFY, T, False, m.suite, m.csb) + timestamp(IDR, m.t)
    out += idr(V, RESPONDER, URI, m.idrr) + bytes([LAST, m.suite.mac])
    return out + verification_mac(out, m, psk)


def verification_mac(head, m, psk):
    auth = keys_of(m.suite, psk, m.csb, m.rand)[2]
    return mac_of(m.suite, auth, head + m.idri + m.idrr + struct.pack(">Q", m.t))


# --- reading ---

class Payloads:
    """The chain of payloads behind the header; each names the type of the next one."""

    def __init__(self, octets, at, first):
        self.octets, self.at, self.next, self.n = octets, at, first, 0

    def take(self, size):
        if size > len(self.octets) - self.at:
            raise Refused("length past the end")
        self.at += size
        return self.octets[self.at - size:self.at]

    def fields(self, form):
        return struct.unpack(form, self.take(struct.calcsize(form)))

    def begin(self):
        """The type of the payload that begins here, after its first octet was read."""
        self.n += 1
        if self.n > MAX_PAYLOADS:
            raise Refused("too many payloads")
        kind, self.next = self.next, self.take(1)[0]
        return kind

    def end(self):
        if self.next != LAST or self.at != len(self.octets):
            raise Refused("more than there should be")


def parse(octets):
    """A Message; nothing of it is authentic before open_ or confirm."""
    octets = bytes(octets)
    if len(octets) > MAX_SIZE:
        raise Refused("too long")
    if len(octets) < 10:
        raise Refused("cut short")
    version, data_type, following, v_prf, csb, n_cs, map_type = struct.unpack(">BBBBIBB", octets[:10])
    if version != 1 or data_type not in (PSK_INIT, PSK_VERIFY):
        raise Refused("another version or type")
    if n_cs or map_type != EMPTY_MAP:
        raise Refused("another map of crypto sessions")
    if v_prf & 0x7f not in SUITES:
        raise Refused("another PRF")
    suite, p, found = SUITES[v_prf & 0x7f], Payloads(octets, 10, following), collections.OrderedDict()
    while p.next != LAST:
        kind = p.begin()
        read_payload(p, kind, suite, found)
    p.end()
    wanted = [T, RAND, INITIATOR_, RESPONDER_, PRESHARED_, APPLICATION_, KEMAC] if data_type == PSK_INIT else [T, RESPONDER_, V]
    if [k for k in found if k != SDP_EXT] != wanted or (SDP_EXT in found and list(found)[-2] != SDP_EXT):
        raise Refused("other payloads, or in another order")
    encrypted, mac = found.get(KEMAC, (b"", None))
    return Message(octets, data_type, bool(v_prf & 0x80), suite, csb, found[T], found.get(RAND), found.get(INITIATOR_),
                   found.get(RESPONDER_), found.get(PRESHARED_), found.get(APPLICATION_), found.get(SDP_EXT), encrypted,
                   mac if mac is not None else found.get(V))


INITIATOR_, RESPONDER_, PRESHARED_, APPLICATION_ = ((IDR, role) for role in (INITIATOR, RESPONDER, PRESHARED, APPLICATION))


def read_payload(p, kind, suite, found):
    """One payload into found, by its type; identities by (type, role). None may come twice, none after the MAC."""
    if KEMAC in found or V in found:
        raise Refused("a payload behind the last")
    if kind == T:
        ts_type, value = p.fields(">BQ")
        if ts_type != NTP_UTC:
            raise Refused("another time")
    elif kind == RAND:
        value = p.take(p.take(1)[0])
        if len(value) < 16:
            raise Refused("RAND is short")
    elif kind == IDR:
        role, _, size = p.fields(">BBH")
        kind, value = (IDR, role), p.take(size)
        if not 1 <= size <= 255:
            raise Refused("identity")
    elif kind == SDP_EXT:
        ext, size = p.fields(">BH")
        value = p.take(size)
        if ext != 1:
            return  # other extensions are skipped
    elif kind == KEMAC:
        value = read_kemac(p, suite)
    elif kind == V:
        value = read_mac(p, suite)
    else:
        raise Refused(f"payload {kind}")
    if kind in found:
        raise Refused("a payload comes twice")
    found[kind] = value


def read_mac(p, suite):
    if p.take(1)[0] != suite.mac:
        raise Refused("another MAC")
    return p.take(suite.mac_size)


def read_kemac(p, suite):
    algorithm, size = p.fields(">BH")
    encrypted = p.take(size)
    if algorithm != (suite.encr if size else 0):
        raise Refused("another cipher")
    return encrypted, read_mac(p, suite)


def open_(m, psk):
    """The key that a genuine message of an initiator carries; None: it asks for one."""
    if m.data_type != PSK_INIT:
        raise Refused("not an initiator's")
    encr, salt, auth = keys_of(m.suite, psk, m.csb, m.rand)
    if not hmac.compare_digest(mac_of(m.suite, auth, m.raw[:-m.suite.mac_size]), m.mac):
        raise Refused("MAC")
    if not m.encrypted:
        return None
    data = counter_mode(encr, iv_of(salt, m.csb, m.t), m.encrypted)
    size = m.suite.tek_size
    if len(data) != size + 17 or data[:4] != struct.pack(">BBH", LAST, TEK_WITH_SPI, size) or data[4 + size] != 12:
        raise Refused("key data")
    gkid = data[-12:]
    if gkid[8:] == bytes(4) or csb_of(gkid) != m.csb:
        raise Refused("the key is of another bundle")
    return Key(data[4:4 + size], gkid)


def confirm(r, m, psk):
    """Is r the R_MESSAGE to m?"""
    if r.data_type != PSK_VERIFY or (r.suite, r.csb, r.t, r.idrr) != (m.suite, m.csb, m.t, m.idrr):
        raise Refused("no verification of this message")
    if not hmac.compare_digest(verification_mac(r.raw[:-r.suite.mac_size], m, psk), r.mac):
        raise Refused("MAC")


# --- errors ---

def error(octets, m, psk):
    """An error message (RFC 3830 5.1.2) to m; proven: by psk. Refused: it does not answer m, or its proof is wrong."""
    version, data_type, following, v_prf, csb, n_cs, map_type = struct.unpack(">BBBBIBB", octets[:10])
    if (version, data_type, csb, n_cs, map_type) != (1, ERROR, m.csb, 0, EMPTY_MAP):
        raise Refused("no error message to this")
    suite, p, number, clock, mac = SUITES[v_prf & 0x7f], Payloads(octets, 10, following), None, None, None
    while p.next != LAST:
        kind = p.begin()
        if kind == T:
            if p.fields(">BQ") != (NTP_UTC, m.t):
                raise Refused("to another message")
        elif kind == ERR:
            number, reserved = p.fields(">BH")
            assert reserved == 0
        elif kind == SDP_EXT:
            ext, size = p.fields(">BH")
            value = p.take(size)
            clock = struct.unpack(">Q", value)[0] if ext == CLOCK_EXT else clock
        elif kind == V:
            mac = read_mac(p, suite)
        else:
            raise Refused(f"payload {kind}")
    p.end()
    if mac is not None and not hmac.compare_digest(mac, proof(suite, octets[:-suite.mac_size], m, psk)):
        raise Refused("MAC")
    return Error(number, suite, clock, mac is not None)


def proof(suite, head, m, psk):
    auth = keys_of(suite, psk, m.csb, m.rand)[2]
    return mac_of(suite, auth, head + m.idri + m.idrr + struct.pack(">Q", m.t))


def build_error(m, number, suite, psk=None, clock=None):
    """An error message to m; without psk nobody proves it."""
    out = header(ERROR, T, False, suite, m.csb) + timestamp(ERR, m.t)
    last = V if psk else LAST
    out += struct.pack(">BBH", SDP_EXT if clock else last, number, 0)
    if clock:
        out += struct.pack(">BBHQ", last, CLOCK_EXT, 8, clock)
    if psk:
        out += bytes([LAST, suite.mac])
        out += proof(suite, out, m, psk)
    return out
