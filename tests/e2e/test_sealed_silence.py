# SPDX-License-Identifier: Apache-2.0
"""Sealed conferences in the logs: who joins what, and nothing of keys, key messages or what was said."""

import base64

from peer.sealed import Sealed

DEBUG = {"log.level": "debug"}


def test_logs_say_nothing_of_keys(own_mrf, ue):
    # covers: MIKEY-014
    net = own_mrf(mrfc=DEBUG, mrfp=DEBUG)
    status, doc = net.api("POST", "/v1/conferences", {"name": "quiet", "e2e": True})
    assert status == 201, doc
    alice, bob = Sealed("alice", net), Sealed("bob", net)
    ue.made += [alice, bob]
    alice.join("quiet")
    bob.join("quiet")
    alice.wait_epoch(bob.keys.hex)
    assert alice.say("said to members alone") == 200
    bob.hear("said to members alone")
    net.stop()
    logs = net.logs()
    assert "quiet" in logs and "alice" in logs  # there is something in them
    secrets = {bytes.fromhex(one.key[1]) for one in (alice, bob)} | {tek for one in (alice, bob) for tek in one.keys.teks.values()}
    messages = {m for one in (alice, bob) for m in one.octets} | {base64.b64decode(v.split()[1]) for one in (alice, bob) for v in one.lines}
    assert len(secrets) >= 4 and len(messages) >= 3
    for octets in secrets | {m[9:] for m in messages}:  # where base64 of the whole has a border
        for piece in (octets.hex(), octets.hex().upper(), base64.b64encode(octets).decode()):
            assert piece[:32] not in logs
    assert "key-mgmt:mikey" not in logs and "said to members" not in logs
