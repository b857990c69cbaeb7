# SPDX-License-Identifier: Apache-2.0
"""Wireshark's MIKEY dissector reads the messages of the vectors, which the codec writes octet by octet
(tests/unit/test_mikey_vectors.c): suite A in all its fields, suite B but for the algorithms that the dissector does not know."""
import json
import os
import shutil
import struct
import subprocess
from datetime import datetime, timedelta, timezone

import pytest

ROOT = os.path.realpath(os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", ".."))
MIKEY_PORT = 2269
RAW_IP = 101
EPOCH = datetime(1900, 1, 1, tzinfo=timezone.utc)

pytestmark = pytest.mark.skipif(not shutil.which("tshark"), reason="tshark is not installed")


@pytest.fixture(scope="module")
def vectors():
    with open(os.path.join(ROOT, "tests/data/gke-vectors.json"), encoding="utf-8") as f:
        return json.load(f)


def dissect(folder, message):
    """What tshark says of one message in a datagram to MIKEY's port: {payload: {field: value}}, ids as a list."""
    udp = struct.pack(">HHHH", 40000, MIKEY_PORT, 8 + len(message), 0) + message
    home = bytes([127, 0, 0, 1])
    packet = struct.pack(">BBHHHBBH4s4s", 0x45, 0, 20 + len(udp), 0, 0, 64, 17, 0, home, home) + udp
    path = os.path.join(folder, "mikey.pcap")
    with open(path, "wb") as f:
        f.write(struct.pack("=IHHiIII", 0xa1b2c3d4, 2, 4, 0, 0, 1 << 16, RAW_IP))
        f.write(struct.pack("=IIII", 1700000000, 0, len(packet), len(packet)) + packet)
    text = subprocess.run(["tshark", "-n", "-r", path, "-T", "json", "-J", "mikey", "--no-duplicate-keys"],
                          check=True, capture_output=True, text=True).stdout
    layers = json.loads(text)[0]["_source"]["layers"]
    assert "_ws.malformed" not in layers
    return layers["mikey"]


def hexed(octets):
    return ":".join(f"{o:02x}" for o in octets)


def shown_time(ts):
    seconds, fraction = struct.unpack(">II", bytes.fromhex(ts))
    nanoseconds = fraction * 1000000000 >> 32
    return (EPOCH + timedelta(seconds=seconds)).strftime("%b %d, %Y %H:%M:%S") + f".{nanoseconds:09d} UTC"


def ids(layer):
    found = layer["mikey.idr"]
    return [(int(i["mikey.id.role"]), int(i["mikey.id.type"]), i["mikey.id.data"])
            for i in (found if isinstance(found, list) else [found])]


MEMBER_IDS = [(1, 1, "sip:ks@conf.example.com"), (2, 1, "sip:alice@example.com"), (4, 2, "mk:alice:1"),
              (5, 1, "sip:room1@conf.example.com")]


def head(layer, data_type, v, prf):
    assert layer["mikey.hdr"] == {
        "mikey.version": "1", "mikey.type": str(data_type), "mikey.next_payload": "5", "mikey.v.set": str(v),
        "mikey.prf_func": str(prf), "mikey.csb_id": "0xc0ffee08", "mikey.cs_count": "0", "mikey.cs_id_map_type": "1"}


def test_a_member_key_of_suite_a_is_read_whole(vectors, tmp_path):
    # covers: MIKEY-007
    vector = vectors["V2_mikey_unicast_suiteA"]
    message = bytes.fromhex(vector["message"])
    layer = dissect(tmp_path, message)
    head(layer, 0, 1, 0)
    assert layer["mikey.t"] == {"mikey.next_payload": "11", "mikey.t.ts_type": "0", "mikey.t.ntp": shown_time(vector["ts"])}
    assert layer["mikey.rand"] == {"mikey.next_payload": "14", "mikey.rand.len": "16",
                                   "mikey.rand.data": hexed(bytes.fromhex(vector["rand"]))}
    assert ids(layer) == MEMBER_IDS
    assert layer["mikey.kemac"] == {
        "mikey.next_payload": "0", "mikey.kemac.encr_alg": "1", "mikey.kemac.key_data_len": "33",
        "mikey.kemac.key_data": hexed(message[-54:-21]), "mikey.kemac.mac_alg": "1", "mikey.kemac.mac": hexed(message[-20:])}


def test_its_confirmation_is_read_whole(vectors, tmp_path):
    vector = vectors["V2_mikey_unicast_suiteA"]
    message = bytes.fromhex(vector["verification"])
    layer = dissect(tmp_path, message)
    head(layer, 1, 0, 0)
    assert layer["mikey.t"]["mikey.t.ntp"] == shown_time(vector["ts"])
    assert ids(layer) == [MEMBER_IDS[1]]
    assert layer["mikey.v"] == {"mikey.next_payload": "0", "mikey.v.auth_alg": "1", "mikey.v.ver_data": hexed(message[-20:])}


def test_a_member_key_of_suite_b_has_the_same_payloads(vectors, tmp_path):
    vector = vectors["V3_mikey_unicast_suiteB"]
    message = bytes.fromhex(vector["message"])
    layer = dissect(tmp_path, message)
    head(layer, 0, 1, 1)
    assert layer["mikey.t"]["mikey.t.ntp"] == shown_time(vector["ts"])
    assert layer["mikey.rand"]["mikey.rand.data"] == hexed(bytes.fromhex(vector["rand"]))
    assert ids(layer) == MEMBER_IDS
    kemac = layer["mikey.kemac"]
    assert (kemac["mikey.kemac.encr_alg"], kemac["mikey.kemac.key_data_len"], kemac["mikey.kemac.mac_alg"]) == ("3", "49", "2")
    assert kemac["mikey.kemac.key_data"] == hexed(message[-82:-33])


def test_the_list_of_protocols_of_a_key_request_is_read(vectors, tmp_path):
    layer = dissect(tmp_path, bytes.fromhex(vectors["V5_mikey_key_request_suiteB"]["message"]))
    assert [i[0] for i in ids(layer)] == [1, 2, 4, 5]
    assert layer["mikey.ext"] == {"mikey.next_payload": "1", "mikey.ext.type": "1", "mikey.ext.len": "5", "mikey.ext.value": "mikey"}
    assert layer["mikey.kemac"]["mikey.kemac.key_data_len"] == "0"
