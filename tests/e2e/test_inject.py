# SPDX-License-Identifier: Apache-2.0
"""Messages of the focus itself: Inject over the control protocol, the test in the MRFC's place."""

import pytest

from peer import cpim
from peer.loop import wait
from test_attack_chaos import ROOM, Leg, alone  # noqa: F401  (alone is a fixture)

CONTEXT = b"\x11" * 16


def bodies(leg):
    return [f.body for f in leg.session.requests if f.method == "SEND" and f.body]


@pytest.fixture
def legs(alone):  # noqa: F811
    three = [Leg(alone, CONTEXT, n) for n in (1, 2, 3)]
    for leg in three:
        leg.add()
        leg.connect()
        assert leg.session.keepalive().status() == 200
    return three


def test_a_notice_of_the_room_reaches_every_member(alone, legs):  # noqa: F811
    # covers: SW-045, MSRP-141
    notice = cpim.build(ROOM, ROOM, "The meeting ends in five minutes", "text/plain")
    assert alone[1].ask("inject", CONTEXT, content_type="message/cpim", body=notice)["code"] == 0
    for leg in legs:
        wait(lambda leg=leg: notice in bodies(leg), what="the notice")
        assert bodies(leg).count(notice) == 1


def test_a_notice_to_one_member_reaches_only_that_one(alone, legs):  # noqa: F811
    # covers: SW-045
    one = cpim.build(ROOM, legs[1].aor, "Only for you", "text/plain")
    everyone = cpim.build(ROOM, ROOM, "For all", "text/plain")
    assert alone[1].ask("inject", CONTEXT, termination=2, content_type="message/cpim",
                        body=one)["code"] == 0
    assert alone[1].ask("inject", CONTEXT, content_type="message/cpim", body=everyone)["code"] == 0
    for leg in legs:
        wait(lambda leg=leg: everyone in bodies(leg), what="the notice to all")
    wait(lambda: one in bodies(legs[1]), what="the notice to one")
    assert one not in bodies(legs[0]) and one not in bodies(legs[2])


def test_a_notice_needs_a_context_and_a_termination_that_exist(alone, legs):  # noqa: F811
    # covers: SW-045
    notice = cpim.build(ROOM, ROOM, "x", "text/plain")
    fields = {"content_type": "message/cpim", "body": notice}
    assert alone[1].ask("inject", b"\x22" * 16, **fields)["code"] == 7
    assert alone[1].ask("inject", CONTEXT, termination=99, **fields)["code"] == 8
