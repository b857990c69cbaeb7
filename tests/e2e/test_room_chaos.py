# SPDX-License-Identifier: Apache-2.0
"""A conference that outlives sessions and processes, by chance: see peer/chaos.py for what may happen
and what must hold. MRF_CHAOS_SEEDS="40-60" runs other seeds, MRF_CHAOS_STEPS longer ones."""

import os

import pytest

from peer.chaos import Chaos


def seeds():
    first, _, last = os.environ.get("MRF_CHAOS_SEEDS", "3-4").partition("-")
    return range(int(first), int(last or first) + 1)


@pytest.mark.slow
@pytest.mark.parametrize("seed", seeds())
def test_whatever_happens_nothing_is_lost_in_silence(own_mrf, tmp_path, seed):
    # covers: IMS-007, FOC-030
    store, leave = str(tmp_path / "mrf.db"), ("bye", "reason")[seed % 2]
    net = own_mrf(mrfc={"store.path": store, "store.sync": "normal", "conference.leave": leave,
                        "media.grace": "1s", "event.min_interval": "200ms"})
    chaos = Chaos(net, store, seed, leave=leave)
    try:
        chaos.run(int(os.environ.get("MRF_CHAOS_STEPS", 40)))
        chaos.settle()
        chaos.check()
        chaos.finish()
    finally:
        chaos.close()
