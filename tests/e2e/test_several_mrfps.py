# SPDX-License-Identifier: Apache-2.0
"""Several MRFPs at one MRFC: where conferences go, what a full one says, ids, one that dies."""

import time

from peer.several import Traffic, all_moved, another, mover, mrfps, place, state
from peer.servers import Server, poll
from peer.ue import fence


def test_conferences_spread_and_members_of_one_meet(own_mrf, ue, room):
    # covers: FOC-010
    net = own_mrf()
    another(net, "mrfp-2")
    rooms = ["%s-%d" % (room, n) for n in range(8)]
    members = [[ue("u%d%s" % (n, side), net=net).join(name) for side in "ab"]
               for n, name in enumerate(rooms)]
    for a, b in members:
        fence(a, b)
        fence(b, a)
    places = [place(net, name) for name in rooms]
    assert set(places) == {"mrfp", "mrfp-2"}
    now = mrfps(net)
    assert sum(m["contexts"] for m in now.values()) == 8
    assert all(m["terminations"] == 2 * places.count(i) for i, m in now.items())
    metrics = net.mrfc.metrics()
    for i in now:
        assert metrics.sum("mrfc_mrfp_terminations", mrfp=i) == now[i]["terminations"]
        assert metrics.sum("mrfc_mrfp_contexts", mrfp=i) == now[i]["contexts"]
        assert metrics.sum("mrfc_mrfp_state", mrfp=i) == 0


def test_full_ones_take_nobody_and_the_next_one_does(own_mrf, ue, room):
    # covers: FOC-010
    net = own_mrf(mrfp={"mp.max_terminations": 2})
    alice, bob = [ue(n, net=net).join(room) for n in ("alice", "bob")]
    assert mrfps(net)["mrfp"]["max_terminations"] == 2
    for name in (room, room + "-new"):
        refused = ue("carol", net=net).invite(name).final()
        assert refused.code == 503 and int(refused.get("Retry-After")) > 0
    assert net.mrfc.metrics().sum("mrfc_mp_full_total") == 2
    another(net, "mrfp-2", **{"mp.max_terminations": 3})
    dora, emil = [ue(n, net=net).join(room + "-new") for n in ("dora", "emil")]
    assert place(net, room + "-new") == "mrfp-2"
    fence(alice, bob)
    fence(dora, emil)
    bob.leave()
    poll(lambda: mrfps(net)["mrfp"]["terminations"] == 1, what="bob's place to be free")
    frank = ue("frank", net=net).join(room)
    fence(alice, frank)


def test_tls_goes_where_it_is_served(own_mrf, ue, room):
    # covers: FOC-010
    net = own_mrf(mrfc={"msrp.transport": "tls"}, mrfp={"msrp.tls_port": -1})
    another(net, "mrfp-2", **{"msrp.tls_port": 0})
    for n in range(4):
        assert net.api("POST", "/v1/conferences", {"name": "%s-%d" % (room, n)})[0] == 201
        callee = ue("c%d" % n, net=net)
        net.api("POST", "/v1/conferences/%s-%d/participants" % (room, n),
                {"uri": callee.ua.contact_uri})
        callee.wait_invite()
        assert "TCP/TLS/MSRP" in callee.call.offer
        assert place(net, "%s-%d" % (room, n)) == "mrfp-2"
        callee.call.txn.respond(486)


def test_an_id_that_is_taken_is_refused(own_mrf, ue, room):
    # covers: FOC-010
    net = own_mrf()
    alice, bob = [ue(n, net=net).join(room) for n in ("alice", "bob")]
    thief = Server("mrfp", {**net.mrfp_options, "mp.id": "mrfp"})
    net.all.append(thief)
    thief.wait_ready()
    assert thief.ready["mp"] == "down"
    assert net.mrfc.metrics().sum("mrfc_mp_links_total", event="refused") > 0
    assert mrfps(net)["mrfp"]["terminations"] == 2
    fence(alice, bob)
    thief.kill()


def test_when_one_of_two_dies_its_members_chat_again_on_the_other(own_mrf, ue, room):
    # covers: FOC-010
    net = own_mrf()
    members = [mover(ue("m%d" % n, net=net).join(room)) for n in range(5)]
    fence(members[0], *members[1:])
    another(net, "mrfp-2")
    net.mrfp.kill()
    start = time.monotonic()
    all_moved(members)
    assert time.monotonic() - start < 6  # 5 s, and the slowness of a busy machine
    fence(members[0], *members[1:])
    assert place(net, room) == "mrfp-2" and state(net, "mrfp") == "down"
    traffic = Traffic(members)
    traffic.round()
    traffic.check()
    poll(lambda: mrfps(net)["mrfp"]["contexts"] == 0, what="nothing left of the dead one")
