# SPDX-License-Identifier: Apache-2.0
"""Servers that are killed and started again, and members that follow re-INVITEs."""

from .loop import wait
from .servers import poll


def up(net, timeout=10):
    """The MRFP is at the MRFC that runs."""
    poll(lambda: [m["state"] for m in net.api("GET", "/v1/mrfps")[1]["mrfps"]] == ["up"], timeout,
         "the MRFP at the MRFC")


def restart(net):
    """kill -9 of the mrfc, and a new one on its ports."""
    net.mrfc.kill()
    net.start_mrfc()
    up(net)


def heard(members):
    """Requests of the focus in the members' own dialogs."""
    return [(m.name, t.request.method) for m in members for t in m.call.requests]


def states(net, room):
    """{user part: state} of the participants, by the admin API."""
    return {uri.partition(":")[2].partition("@")[0]: p["state"]
            for uri, p in net.participants(room).items()}


def follow(member):
    """Answer re-INVITEs of the focus with a session of its own for each."""
    member.moved = []

    def on_offer(offer):
        text = member.offer(setup="active")
        member.moved.append((offer, member.session))
        return text
    member.call.answer_offers(on_offer)
    return member


def reconnect(member, timeout=15):
    """Wait for such a re-INVITE and connect where its last one says."""
    wait(lambda: member.moved, timeout, "a re-INVITE for " + member.name)
    member.take_answer(member.moved[-1][0])
    member.role = "active"
    member.open_media()
