# SPDX-License-Identifier: Apache-2.0
"""What members miss outlives both processes: kill -9 between message and return changes nothing."""

import os

import pytest

from peer.loop import wait
from peer.msrpmsg import response
from peer.servers import poll
from peer.ue import fence
from test_owed import answered, follow, line


@pytest.fixture
def kept_mrf(own_mrf, tmp_path):
    return own_mrf(mrfc={"conference.leave": "reason", "media.grace": "2s",
                         "store.path": os.path.join(str(tmp_path), "mrf.db")})


def is_up(net):
    return "up" in [m["state"] for m in net.api("GET", "/v1/mrfps")[1]["mrfps"]]


def chat(ue):
    return [t for t in ue.texts if not t.startswith("fence")]


def missed(sender, numbers):
    for n in numbers:
        sender.send_text("missed %d" % n, **line(n))


def in_order(n):
    return ["missed %d" % i for i in range(n)]


def test_a_killed_mrfc_changes_nothing(kept_mrf, ue, room):
    # covers: IMS-007
    net = kept_mrf
    alice, bob, carol = [ue(n, net=net).join(room) for n in ("alice", "bob", "carol")]
    fence(alice, bob, carol)
    answered(net)
    bob.leave()
    missed(alice, range(10))
    net.mrfc.kill()
    sent = [alice.send("missed %d" % n, **line(n)) for n in range(10, 15)]
    carol.wait_text("missed 14")
    net.start_mrfc()
    poll(lambda: is_up(net), 15, "the MRFP at the new MRFC")
    assert [tx.status() for tx in sent] == [200] * 5
    missed(alice, range(15, 20))
    back = ue("bob", net=net).join(room)
    fence(alice, back, carol)
    assert chat(back) == in_order(20) and chat(carol) == in_order(20)
    poll(lambda: net.mrfc.metrics().sum("mrfc_owed") == 0, what="the queue to be empty")


def test_a_mrfc_killed_while_it_gives_them_gives_each_once(kept_mrf, ue, room):
    # covers: IMS-007
    net = kept_mrf
    alice, bob = [ue(n, net=net).join(room) for n in ("alice", "bob")]
    fence(alice, bob)
    answered(net)
    bob.leave()
    missed(alice, range(100))
    back = ue("bob", net=net)
    back.join(room, connect=False)
    held = []
    back.session.answer = lambda frame: held.append(frame) if frame.body and len(held) < 40 else 200
    back.open_media()
    wait(lambda: len(held) > 3, what="the first messages")
    net.mrfc.kill()
    back.session.answer = None
    for frame in list(held):
        back.conn.send(response(frame, 200))
    net.start_mrfc()
    poll(lambda: is_up(net), 15, "the MRFP at the new MRFC")
    fence(alice, back)
    assert chat(back) == in_order(100)
    poll(lambda: net.mrfc.metrics().sum("mrfc_owed") == 0, what="the queue to be empty")


def test_both_killed_at_once_change_nothing(kept_mrf, ue, room):
    # covers: IMS-007
    net = kept_mrf
    alice, bob, carol = [ue(n, net=net).join(room) for n in ("alice", "bob", "carol")]
    fence(alice, bob, carol)
    answered(net)
    bob.leave()
    missed(alice, range(20))
    net.mrfc.kill()
    net.mrfp.kill()
    net.start_mrfc()
    net.start_mrfp()
    for m in (alice, carol):
        follow(m, m.call.wait_request("INVITE", timeout=30))
    missed(alice, range(20, 25))
    back = ue("bob", net=net).join(room)
    fence(alice, back, carol)
    assert chat(back) == in_order(25) and chat(carol) == in_order(25)
    poll(lambda: net.mrfc.metrics().sum("mrfc_owed") == 0, what="the queue to be empty")


def test_who_lost_his_connection_before_the_kill_misses_nothing_after_it(own_mrf, ue, room, tmp_path):
    # covers: IMS-007
    net = own_mrf(mrfc={"media.grace": "60s", "store.path": str(tmp_path / "mrf.db")})
    alice, bob = [ue(n, net=net).join(room) for n in ("alice", "bob")]
    fence(alice, bob)
    answered(net)
    bob.session.conn.reset()
    poll(lambda: alice.send("ping").status() == 200 and net.mrfc.metrics().sum("mrfc_owed"),
         what="a focus that knows of it")
    before = net.mrfc.metrics().sum("mrfc_owed")
    net.mrfc.kill()
    net.start_mrfc()
    poll(lambda: is_up(net), 15, "the MRFP at the new MRFC")
    missed(alice, range(5))
    assert net.mrfc.metrics().sum("mrfc_owed") == before + 5
    bob.take_answer(bob.call.reinvite(bob.offer()).expect(200).text)
    bob.open_media()
    fence(alice, bob)
    assert [t for t in chat(bob) if t != "ping"] == in_order(5)
