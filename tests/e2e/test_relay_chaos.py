# SPDX-License-Identifier: Apache-2.0
"""Relays whose ends do whatever they like: the books balance, and each message ends once."""

import collections
import random

import pytest

from peer.loop import LOOP
from peer.servers import poll
from test_attack_chaos import Leg, alone, books, one_act  # noqa: F401  (alone is a fixture)

ACCOUNTING = 5
POLICIES = (0, 16, 32, 48)


class RelayLeg(Leg):
    """A termination of a relay."""

    def add(self):
        self.fresh()
        reply = self.control.ask(
            "add", self.context, termination=self.number, kind=2,
            policy=POLICIES[self.context[0] % 4], uris=[self.aor],
            remote_path=self.session.local, setup=2, match=1,
            accept_types=("message/cpim *", "*", "text/plain message/cpim")[self.number % 3])
        assert reply["code"] == 0, reply
        self.session.remote, self.there = [reply["local_path"]], True


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(4))
def test_whatever_the_ends_do_the_books_balance(alone, seed):  # noqa: F811
    # covers: MSRP-098, SW-080
    mrfp, control = alone
    rng = random.Random(seed)
    control.verdict = lambda event: rng.choice((200, 200, 200, 403, 413, None))
    legs = [RelayLeg(alone, bytes([n // 2]) * 16, n + 1) for n in range(8)]
    for n in range(600):
        leg = rng.choice(legs)
        one_act(rng, [x for x in legs if x.context == leg.context], leg)
        if leg.up and rng.random() < 0.2:
            leg.session.send(b"bare" * 100, rng.choice(("text/plain", "image/png")),
                             headers=[("Success-Report", "yes")])
        if n % 100 == 0:
            books(mrfp.metrics())
    for leg in legs:
        if leg.up:
            leg.session.conn.resume_reading()
    poll(lambda: books(mrfp.metrics()).sum("mrfp_copies_open") == 0, 20, "an end of open copies")
    for leg in legs:
        if leg.there:
            leg.subtract()
    metrics = books(mrfp.metrics())
    assert metrics["mrfp_terminations"] == 0 and metrics["mrfp_contexts"] == 0
    for leg in legs:
        if leg.session and leg.session.conn:
            leg.session.conn.close()
    poll(lambda: mrfp.metrics()["mrfp_connections"] == 0, 10, "an end of connections")
    poll(lambda: mrfp.metrics()["mrfp_control_events_queued"] == 0, 10, "an end of events")
    told = collections.Counter((e["context"], e["termination"], e["message_id"])
                               for e in control.events if e.get("event") == ACCOUNTING)
    # Ids are chosen anew for each message, but one may be begun again after it was given up.
    assert told and sum(n > 1 for n in told.values()) < len(told) // 10
    assert not [line for _, line in mrfp.lines if "settled twice" in line or "is no step" in line]
    assert mrfp.metrics()["mrfp_paused"] == 0
    LOOP.errors.clear()
