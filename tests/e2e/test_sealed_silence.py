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
    alice.wait_epoch(bob.keys.gkid)
    net.stop()
    logs = net.logs()
    assert "quiet" in logs and "alice" in logs  # there is something in them
    secrets = {one.key[1] for one in (alice, bob)} | {tek for one in (alice, bob) for tek in one.keys.epochs.values()}
    messages = {m for one in (alice, bob) for m in one.octets} | {base64.b64decode(v.split()[1]) for one in (alice, bob) for v in one.lines}
    assert len(secrets) >= 4 and len(messages) >= 3
    for octets in secrets | {m[10:] for m in messages}:
        for piece in (octets.hex(), octets.hex().upper(), base64.b64encode(octets).decode().rstrip("=")):
            assert piece[:32] not in logs
    assert "key-mgmt:mikey AQ" not in logs
