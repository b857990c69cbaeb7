# SPDX-License-Identifier: Apache-2.0
"""Attacks on the signalling side: races, floods and odd moments, none of which may end the focus."""


def test_a_room_that_ends_while_its_sessions_look_for_another_server(own_mrf, ue, room):
    # covers: FOC-019a
    pair = own_mrf(mrfc={"conference.end": "creator-leaves"})
    desk = ue("alice", net=pair).join(room)
    members = [ue(name, net=pair).join(room) for name in ("bob", "carol")]
    # The creator's session is now the newest of the room, the first to be given up.
    members.append(ue("alice", net=pair).join(room))
    desk.leave()
    pair.mrfp.kill()
    for member in members:
        member.call.wait_bye(timeout=20)
    assert not pair.mrfc.gone
