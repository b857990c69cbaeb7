# SPDX-License-Identifier: Apache-2.0
"""kill -9 of the mrfc, of MRFPs, and of both at once where there are two, each with rooms."""

import pytest

from peer.msrpmsg import Uri as MsrpUri
from peer.recovery import follow, heard, reconnect
from peer.servers import Server, poll
from peer.ue import fence
from test_recovery import durable  # noqa: F401

ROOMS, SIZE = 4, 3


class Site:
    """An mrfc with two MRFPs; rooms of follow()ing members on each."""

    def __init__(self, net, ue, room):
        self.net = net
        self.mrfps = [net.mrfp, self.start("two")]
        self.up()
        self.rooms = {}
        for n in range(ROOMS):
            name = "%s-%d" % (room, n)
            self.rooms[name] = [follow(ue("m%d%d" % (n, k), net=net,
                                          transport="tcp" if k % 2 else "udp").join(name))
                                for k in range(SIZE)]
        assert {self.place(members) for members in self.rooms.values()} == {0, 1}
        for name, members in self.rooms.items():  # their ACKs are in
            net.wait_participants(name, lambda p: [v["state"] for v in p.values()] ==
                                  ["connected"] * SIZE)

    def start(self, name, **ports):
        server = Server("mrfp", {**self.net.mrfp_options, "mp.id": name, **ports})
        self.net.all.append(server)
        server.wait_ready()
        return server

    def restart_mrfp(self, n):
        port = self.mrfps[n].address("msrp")[1]
        self.mrfps[n] = self.start("two" if n else "mrfp", **{"msrp.port": port})
        if n == 0:
            self.net.mrfp = self.mrfps[0]

    def place(self, members):
        """Which MRFP a room is on, by the paths that its members were told."""
        (port,) = {MsrpUri(m.session.remote[0]).port for m in members}
        return [s.address("msrp")[1] for s in self.mrfps].index(port)

    def on(self, n):
        return [members for members in self.rooms.values() if self.place(members) == n]

    def states(self):
        return {m["id"]: m["state"] for m in self.net.api("GET", "/v1/mrfps")[1]["mrfps"]}

    def up(self, n=2):
        poll(lambda: list(self.states().values()).count("up") == n, 15, "%d MRFPs" % n)

    def check(self, alive=(0, 1)):
        """All chat in their rooms, and the MRFPs have them and nothing else."""
        for members in self.rooms.values():
            fence(*members)
            fence(*reversed(members))
        for name, members in self.rooms.items():
            assert {u: p["state"] for u, p in self.net.participants(name).items()} == {
                m.aor: "connected" for m in members}
            assert not any(m.call.ended for m in members)
        poll(lambda: sum(self.mrfps[n].metrics().sum("mrfp_terminations") for n in alive) ==
             ROOMS * SIZE, what="no termination without a member")


@pytest.fixture
def site(durable, ue, room):  # noqa: F811
    return Site(durable(), ue, room)


def test_two_mrfps_keep_their_rooms(site):
    # covers: FOC-030
    site.net.mrfc.kill()
    site.net.start_mrfc()
    site.up()
    site.check()
    assert heard([m for members in site.rooms.values() for m in members]) == []


def test_rooms_of_an_mrfp_that_died_too_go_to_the_other(site):
    # covers: FOC-030, MSRP-048
    gone, kept = site.on(1), site.on(0)
    site.net.mrfc.kill()
    site.mrfps[1].kill()
    site.net.start_mrfc()
    for members in gone:
        for m in members:
            reconnect(m)
    site.check(alive=[0])
    assert all(site.place(members) == 0 for members in gone)
    assert heard([m for members in kept for m in members]) == []


def test_a_dead_mrfp_that_comes_back_gets_rooms_again(site):
    # covers: FOC-030
    site.net.mrfc.kill()
    site.mrfps[1].kill()
    gone = site.on(1)
    site.net.start_mrfc()
    site.restart_mrfp(1)
    for members in gone:
        for m in members:
            reconnect(m)
    site.up()
    site.check()


def test_all_three_die(site):
    # covers: FOC-030, MSRP-048
    for server in (site.net.mrfc, *site.mrfps):
        server.kill()
    site.net.start_mrfc()
    for n in (0, 1):
        site.restart_mrfp(n)
    for members in site.rooms.values():
        for m in members:
            reconnect(m)
    site.up()
    site.check()


def test_the_mrfc_dies_while_rooms_move(site):
    # covers: FOC-030
    gone = site.on(1)
    movers = [m for members in gone for m in members]
    answers, asked = [m.call.on_offer for m in movers], []
    for m in movers:
        m.call.on_offer = None  # the re-INVITE has no answer while this mrfc lives
    site.mrfps[1].kill()
    for m in movers:
        asked.append(m.call.wait_request("INVITE"))
    site.net.mrfc.kill()
    for m, answer, txn in zip(movers, answers, asked):
        m.call.on_offer = answer
        if m.ua.transport == "udp":
            txn.respond(491)  # nobody is there to hear it
    site.net.start_mrfc()
    for m in movers:
        reconnect(m)
    site.check(alive=[0])


@pytest.mark.slow
def test_one_room_after_another_while_both_kinds_die(site):
    # covers: FOC-030
    for dead in (0, 1, 0):
        moved = site.on(dead)
        site.mrfps[dead].kill()
        site.net.mrfc.kill()
        for members in moved:
            for m in members:
                m.moved.clear()
        site.net.start_mrfc()
        for members in moved:
            for m in members:
                reconnect(m)
        site.restart_mrfp(dead)
        site.up()
        site.check()
