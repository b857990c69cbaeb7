# SPDX-License-Identifier: Apache-2.0
"""Random damage to valid traffic: whatever comes, two other members chat on."""

import os
import random
import subprocess
import sys

import pytest

from peer.loop import wait
from peer.msrp import Connection
from peer.msrpmsg import new_id
from peer.sipcall import bye_reason
from peer.ue import fence
from wire import octets, usable


def traffic(member):
    """Octets of typical requests of a member, one after the other."""
    session = member.session
    parts = [octets(session, body=member.cpim("hello"))[1],
             octets(session)[1],
             octets(session, method="NICKNAME", fields=['Use-Nickname: "x"'])[1],
             octets(session, method="REPORT", fields=["Message-ID: abcd", "Status: 000 200 OK"])[1],
             octets(session, body=member.cpim("p" * 5000), flag="+")[1],
             octets(session, body=member.cpim("html", content_type="text/html"), flag="#")[1]]
    return b"".join(parts)


def damage(data, rng):
    """A few random edits of octets, lines or pieces."""
    data = bytearray(data)
    for _ in range(rng.randint(1, 6)):
        kind, at = rng.randint(0, 6), rng.randrange(len(data))
        if kind == 0:
            data[at] = rng.randrange(256)
        elif kind == 1:
            del data[at:at + rng.choice((1, 2, 10, 200))]
        elif kind == 2:
            data[at:at] = rng.randbytes(rng.choice((1, 3, 50)))
        elif kind == 3:
            data[at:at] = data[max(0, at - 80):at]
        elif kind == 4:
            data[at:at] = rng.choice((b"\r\n", b"\n", b"\0", b"-------", b": ", b"MSRP ", b" " * 9))
        elif kind == 5:
            data[at:at] = str(rng.getrandbits(70)).encode()
        else:
            end = data.find(b"\r\n", at)
            del data[at:max(end, at)]
        if not data:
            return b"x"
    return bytes(data)


@pytest.mark.parametrize("seed", range(10))
def test_damaged_traffic_harms_nobody_else(ue, room, bystanders, seed):
    # covers: MSRP-020, MSRP-021, MSRP-022
    rng = random.Random(seed)
    mallory = ue("mallory").join(room)
    ue.forgive(mallory)
    ue.forgive(bystanders.one)
    ue.forgive(bystanders.two)
    for _ in range(15):
        conn = mallory.session.conn
        if conn.closed:
            conn = Connection.connect(mallory.net.msrp)
            mallory.conns.append(conn)
            mallory.session.attach(conn)
        conn.send_split(damage(traffic(mallory), rng), [rng.randint(1, 3000)])
        bystanders.chat(1)
        if rng.random() < 0.3:
            conn.reset()
    # Others hear at most what mallory was allowed to say.
    bystanders.undisturbed()


def test_a_connection_full_of_rubbish_is_dropped(ue, room, mrf, bystanders):
    # covers: MSRP-056
    before = mrf.mrfp.rss_bytes()
    for _ in range(50):
        conn = Connection.connect(mrf.msrp)
        conn.send_raw(random.Random(1).randbytes(100000))
        conn.wait_closed()
    bystanders.undisturbed()
    assert mrf.mrfp.rss_bytes() - before < 16 << 20


def test_an_endless_body_without_session_is_not_kept(ue, room, mrf, bystanders):
    # covers: MSRP-073, MSRP-056
    before = mrf.mrfp.rss_bytes()
    conn = Connection.connect(mrf.msrp)
    conn.send_raw(("MSRP endless1 SEND\r\nTo-Path: msrp://127.0.0.1:1/%s;tcp\r\n"
                   "From-Path: msrp://127.0.0.1:2/x;tcp\r\nMessage-ID: endless1\r\n"
                   "Byte-Range: 1-*/*\r\nContent-Type: text/plain\r\n\r\n" % new_id()).encode())
    block = bytes(1 << 20)
    for _ in range(24):
        conn.send_raw(block)
        wait(lambda: conn.closed or len(conn.out) < 1 << 20, what="the octets to be taken")
    bystanders.undisturbed()
    assert mrf.mrfp.rss_bytes() - before < 16 << 20
    if not conn.closed:
        conn.send_raw(b"\r\n-------endless1$\r\n")
        assert conn.wait_response("endless1").status == 481
    conn.close()


def test_a_flood_of_silent_requests_gets_no_answer(trio, bystanders):
    # covers: MSRP-093
    _, alice, _, _ = trio
    fields = ["Failure-Report: no", "Byte-Range: 1-1/1"]
    flood, tids = [], []
    for method in ("SEND", "FOO", "SEND"):
        for n in range(100):
            tid, data = octets(alice.session, method=method, body=b"x", content_type="text/plain",
                               fields=["Message-ID: " + new_id()] + fields)
            flood.append(data)
            tids.append(tid)
    alice.conn.send_raw(b"".join(flood))
    usable(alice.session)
    assert not [t for t in tids if alice.conn.responses(t)]
    bystanders.undisturbed()


def test_a_contact_where_nobody_listens_stops_nothing(own_mrf, ue, room):
    # covers: FOC-029
    net = own_mrf()
    alice, bob = [ue(n, net=net).join(room) for n in ("alice", "bob")]
    mallory = ue("mallory", net=net).join(room, headers=[("Contact", "<sip:mallory@127.0.0.1:1>")])
    assert net.api("DELETE", "/v1/conferences/%s/participants/sip%%3Amallory%%40example.com" %
                   room)[0] == 204
    carol = ue("carol", net=net).join(room)
    fence(alice, bob, carol)
    fence(carol, alice, bob)
    assert not mallory.call.ended


@pytest.mark.parametrize("contact", ["<sip:bob@phone.invalid>", "<sip:bob@phone.invalid:5060;transport=tcp>"])
def test_a_peer_whose_contact_is_a_name_is_reached_where_it_called_from(mrf, ue, room, contact):
    # covers: FOC-029
    alice = ue("alice").join(room)
    bob = ue("bob").join(room, headers=[("Contact", contact)])
    fence(alice, bob)
    assert mrf.api("DELETE", "/v1/conferences/%s/participants/sip%%3Abob%%40example.com" % room)[0] == 204
    assert bye_reason(bob.call.wait_bye())[1] == 603


@pytest.mark.parametrize("contact", ["sip:mallory@nowhere.invalid", "sip:mallory@127.0.0L1:5060",
                                     "sip:mallory@nowhere.invalid:5060;transport=tcp",
                                     "sip:mallory@192.0.2.1:5060"])
def test_where_no_name_can_be_resolved_a_name_stops_nothing(tmp_path, contact):
    # covers: FOC-029
    if subprocess.run(["unshare", "-rn", "true"], capture_output=True, check=False).returncode:
        pytest.skip("no network namespace of our own to be had here")
    here = os.path.dirname(os.path.abspath(__file__))
    done = subprocess.run(["unshare", "-rn", sys.executable, "-B", "offline.py", str(tmp_path),
                           contact], cwd=here, capture_output=True, text=True, timeout=120,
                          check=False)
    assert done.stdout.splitlines()[-1:] == ["fine"], done.stdout[-3000:] + done.stderr[-3000:]
