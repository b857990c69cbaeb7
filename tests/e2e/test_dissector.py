# SPDX-License-Identifier: Apache-2.0
"""docs/mrf-mp.lua in tshark reads what the codec writes: every field of every body, frames side by side
in one packet and cut across two."""
import json
import os
import shutil
import struct
import subprocess
import sys

import pytest

ROOT = os.path.realpath(os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", ".."))
BUILD = os.environ.get("MRF_BUILD") or os.path.join(ROOT, "build/release")
LUA = os.path.join(ROOT, "docs/mrf-mp.lua")
PORT = 28800

sys.dont_write_bytecode = True
sys.path.insert(0, os.path.join(ROOT, "proto"))
import ctl_docs  # noqa: E402

needs_tshark = pytest.mark.skipif(not shutil.which("tshark"), reason="tshark is not installed")


@pytest.fixture(scope="module")
def model():
    return ctl_docs.Model(ctl_docs.read(ctl_docs.DEF))


@pytest.fixture(scope="module")
def frames():
    """The codec's frames, cut apart by their length fields."""
    program = os.path.join(BUILD, "tests/e2e/ctl_frames")
    data = subprocess.run([program], check=True, capture_output=True).stdout
    out = []
    while data:
        size = 4 + struct.unpack(">I", data[:4])[0]
        out.append(data[:size])
        data = data[size:]
    return out


def capture(path, link_type, packets):
    with open(path, "wb") as f:
        f.write(struct.pack("=IHHiIII", 0xa1b2c3d4, 2, 4, 0, 0, 1 << 18, link_type))
        for i, p in enumerate(packets):
            f.write(struct.pack("=IIII", 1700000000 + i, 0, len(p), len(p)) + p)


def tcp_segment(sequence, payload):
    tcp = struct.pack(">HHIIBBHHH", 40000, PORT, sequence, 1, 5 << 4, 0x18, 65535, 0, 0) + payload
    ip = struct.pack(">BBHHHBBH4s4s", 0x45, 0, 20 + len(tcp), 0, 0, 64, 6, 0, bytes([127, 0, 0, 1]), bytes([127, 0, 0, 1]))
    return ip + tcp


def dissect(path, *args):
    """Per packet: a list of (field, shown value) in order, from tshark's JSON."""
    text = subprocess.run(["tshark", "-n", "-X", f"lua_script:{LUA}", "-r", str(path), "-T", "json", "-J", "mrf",
                           "--no-duplicate-keys", *args], check=True, capture_output=True, text=True).stdout
    packets = []
    for packet in json.loads(text):
        found = []
        collect(packet["_source"]["layers"].get("mrf", {}), found)
        packets.append(found)
    return packets


def collect(node, found):
    if isinstance(node, list):
        for n in node:
            collect(n, found)
    elif isinstance(node, dict):
        for key, value in node.items():
            for v in value if isinstance(value, list) else [value]:
                if not isinstance(v, dict):
                    found.append((key, v))
            collect(value, found)


def shown(field):
    """What ctl_frames puts in a field, as tshark prints it."""
    return {"U8": "2", "U16": "6", "U32": "70000",
            "U64": "0x0000000100000002" if field.name == "incarnation" else "4294967298",
            "STR": f"text of {field.name}", "BYTES": b"0123456789abcdef".hex(":")}[field.type]


@needs_tshark
def test_every_field_of_every_body_is_shown_with_its_value(model, frames, tmp_path):
    capture(tmp_path / "all.pcap", 147, frames)
    packets = dissect(tmp_path / "all.pcap")
    bodies = [b for b in model.bodies if b.kind != "record"]
    record = next(b for b in model.bodies if b.kind == "record")
    assert len(packets) == len(bodies) == len(frames)
    for body, found in zip(bodies, packets):
        number = next(c.number for c in model.commands if c.name == body.command)
        assert ("mrf.command", str(number)) in found
        assert ("mrf.reply", "1" if body.kind == "reply" else "0") in found
        assert ("mrf.context", b"the 16th context".hex(":")) in found
        for field in body.fields:
            name = f"mrf.{body.name}.{field.name}"
            if field.type == "STRS":
                assert [v for k, v in found if k == name] == ["first", "second"]
            elif field.type == "BLOBS":
                for f in record.fields:
                    assert [v for k, v in found if k == f"mrf.{record.name}.{f.name}"] == [shown(f)] * 2
            else:
                assert (name, shown(field)) in found


@needs_tshark
def test_frames_are_found_in_a_tcp_stream_that_cuts_them_anywhere(model, frames, tmp_path):
    stream = b"".join(frames)
    cuts = [0, 3, 40, 41, len(stream) // 2, len(stream)]
    segments, sequence = [], 1
    for a, b in zip(cuts, cuts[1:]):
        segments.append(tcp_segment(sequence, stream[a:b]))
        sequence += b - a
    capture(tmp_path / "tcp.pcap", 101, segments)
    packets = dissect(tmp_path / "tcp.pcap", "-d", f"tcp.port=={PORT},mrf")
    numbers = [int(v) for found in packets for k, v in found if k == "mrf.transaction"]
    assert numbers == [i + 1 for i, b in enumerate(model.bodies) if b.kind != "record"]


@needs_tshark
def test_a_field_that_passes_its_frame_is_marked_and_an_unknown_one_is_kept(tmp_path):
    head = struct.pack(">BBBBI", 1, 8, 0, 0, 1) + bytes(16)
    tlvs = struct.pack(">HI", 0x7001, 2) + b"xy" + struct.pack(">HI", 0x0605, 400)
    capture(tmp_path / "bad.pcap", 147, [struct.pack(">I", len(head + tlvs)) + head + tlvs])
    found = dissect(tmp_path / "bad.pcap")[0]
    assert ("mrf.unknown", "70:01:00:00:00:02:78:79") in found
    assert any(k == "mrf.short" for k, _ in found)


def test_the_page_and_the_dissector_are_those_of_the_declaration(model):
    assert ctl_docs.page(model, ctl_docs.read(ctl_docs.PAGE)) == ctl_docs.read(ctl_docs.PAGE)
    assert ctl_docs.lua(model, "") == ctl_docs.read(ctl_docs.LUA)


def test_a_stale_page_is_told(tmp_path):
    """The check sees a sentence of the declaration that the page does not have."""
    for name in ("proto/ctl_docs.py", "proto/ctl_msgs.def", "docs/control-protocol.md", "docs/mrf-mp.lua"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        shutil.copy(os.path.join(ROOT, name), tmp_path / name)
    check = [sys.executable, str(tmp_path / "proto/ctl_docs.py"), "--check"]
    assert subprocess.run(check).returncode == 0
    declaration = tmp_path / "proto/ctl_msgs.def"
    declaration.write_text(declaration.read_text().replace("Make a context if it is new", "Make a context"))
    told = subprocess.run(check, capture_output=True, text=True)
    assert told.returncode == 1
    assert told.stdout == "docs/control-protocol.md:1: stale (make docs)\n"
