# SPDX-License-Identifier: Apache-2.0
"""Sealed conferences when a server dies: new keys or the same, and nobody hangs up."""

from peer.loop import wait
from test_sealed_join import epoch_of, make, sealed  # noqa: F401  (sealed is a fixture)


def test_after_a_restart_of_the_mrfc_all_get_keys_of_a_new_domain(own_mrf, sealed, tmp_path, room):  # noqa: F811
    # covers: GK-003, GK-012, MIKEY-006
    net = own_mrf(mrfc={"store.path": str(tmp_path / "mrf.db"), "store.sync": "normal"})
    make(net, room)
    alice, bob = sealed("alice", net).join(room), sealed("bob", net).join(room)
    alice.wait_epoch(bob.keys.hex)
    before = alice.keys.hex
    net.mrfc.kill()
    net.start_mrfc()
    alice.wait_epoch(lambda have: have[:16] != before[:16])
    bob.wait_epoch(alice.keys.hex)
    assert epoch_of(net, room) == alice.keys.hex
    assert not alice.call.ended and not bob.call.ended
    assert alice.say("as before") == 200
    bob.hear("as before")


def test_another_mrfp_gets_the_same_epoch(own_mrf, sealed, room):  # noqa: F811
    # covers: GK-003
    net = own_mrf()
    make(net, room)
    alice, bob = sealed("alice", net).join(room), sealed("bob", net).join(room)
    alice.wait_epoch(bob.keys.hex)
    before = alice.keys.hex
    for one in (alice, bob):
        one.call.on_offer = lambda text, one=one: moved(one, text)
    net.mrfp.kill()
    net.start_mrfp()
    wait(lambda: alice.moved and bob.moved, 30, "re-INVITEs")
    for one in (alice, bob):
        one.open_media()
    assert alice.keys.hex == before
    assert alice.say("moved") == 200
    bob.hear("moved")
    assert epoch_of(net, room) == before


def moved(one, text):
    from peer import gke, sdp
    one.take_line(sdp.Sdp(text))
    answer = one.offer(setup="active", key_mgmt=[gke.Member.attribute(one.confirmation)])
    one.session.remote = sdp.Sdp(text).msg.path
    one.role, one.owed, one.moved = "active", None, True
    return answer
