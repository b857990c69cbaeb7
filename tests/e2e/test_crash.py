# SPDX-License-Identifier: Apache-2.0
"""kill -9 of either server: what the members and the other server notice."""

import time

from peer.loop import wait
from peer.servers import poll
from peer.sipcall import bye_reason
from peer.ue import fence


def mrfp_states(net):
    status, doc = net.api("GET", "/v1/mrfps")
    assert status == 200
    return [m["state"] for m in doc["mrfps"]]


def told(member):
    """The focus has hung up or re-invited since the loss."""
    return any(t.request.method in ("BYE", "INVITE") for t in member.call.requests
               if t is not member.call.txn)


def test_when_the_mrfp_dies_the_members_are_told_why(own_mrf, ue, room):
    # covers: FOC-010, FOC-020, MSRP-048
    net = own_mrf()
    members = [ue(n, net=net).join(room) for n in ("alice", "bob")]
    fence(*members)
    net.mrfp.kill()
    killed = time.monotonic()
    poll(lambda: "up" not in mrfp_states(net), 10, "the loss of the MRFP at the MRFC")
    assert time.monotonic() - killed < 5  # three keep-alives of a second, and the poll
    for m in members:
        wait(lambda m=m: told(m), 20, "BYE or re-INVITE for " + m.name)
        if m.call.ended:
            assert bye_reason(m.call.wait_bye())[:2] == ("SIP", 503)
    late = ue("carol", net=net)
    resp = late.invite(room).final()
    assert resp.code == 503 and resp.get("Retry-After")
    assert net.mrfc.http("GET", "/healthz")[0] == 200
    net.start_mrfp()
    poll(lambda: "up" in mrfp_states(net), 10, "the new MRFP")
    again = [ue(n, net=net).join(room + "-again") for n in ("alice", "bob")]
    fence(*again)


def test_when_the_mrfc_dies_the_mrfp_goes_on_switching(own_mrf, ue, room):
    # covers: SW-036
    net = own_mrf()
    alice, bob, carol = [ue(n, net=net).join(room) for n in ("alice", "bob", "carol")]
    fence(alice, bob, carol)
    net.mrfc.kill()
    for n in range(20):
        alice.send_text("still %d" % n)
        bob.private(carol, "psst %d" % n)
    bob.wait_text("still 19")
    carol.wait_text("psst 19")
    assert not [t for t in carol.texts if t.startswith("still")] == []
    fence(carol, alice, bob)
    assert net.mrfp.http("GET", "/healthz")[0] == 200
    net.start_mrfc()
    poll(lambda: "up" in mrfp_states(net), 15, "the MRFP at the new MRFC")
    again = [ue(n, net=net).join(room + "-again") for n in ("dora", "emil")]
    fence(*again)


def test_a_mrfc_without_mrfp_says_so(own_mrf, ue, room):
    # covers: FOC-010
    net = own_mrf(start_mrfp=False)
    resp = ue("alice", net=net).invite(room).final()
    assert resp.code == 503 and resp.get("Retry-After")
    assert net.mrfc.http("GET", "/healthz")[0] == 200
    assert net.mrfc.http("GET", "/readyz")[0] == 503
    net.start_mrfp()
    poll(lambda: "up" in mrfp_states(net), 10, "the MRFP")
    assert net.mrfc.http("GET", "/readyz")[0] == 200
    alice, bob = [ue(n, net=net).join(room) for n in ("alice", "bob")]
    fence(alice, bob)


def test_a_mrfp_without_mrfc_starts_and_waits(own_mrf, ue, room):
    # covers: FOC-010
    net = own_mrf(start_mrfp=False)
    net.mrfc.kill()
    mrfp = net.start_mrfp(up=False)
    assert mrfp.ready["mp"] == "down"
    assert mrfp.http("GET", "/healthz")[0] == 200
    net.start_mrfc()
    poll(lambda: "up" in mrfp_states(net), 15, "the MRFP")
    alice, bob = [ue(n, net=net).join(room) for n in ("alice", "bob")]
    fence(alice, bob)
