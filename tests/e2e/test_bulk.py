# SPDX-License-Identifier: Apache-2.0
"""Large messages: byte-exact, in bounded memory, while others chat."""

import json
import os
import subprocess
import sys
import threading

import pytest

from peer import bulk
from peer.servers import WRAP, poll, program
from peer.ue import fence

HERE = os.path.dirname(os.path.abspath(__file__))
PLAIN = not WRAP and "san" not in os.path.basename(os.path.dirname(program("mrfp")))


class Job:
    """A peer.bulk process."""

    def __init__(self, **job):
        self.proc = subprocess.Popen([sys.executable, "-B", "-m", "peer.bulk"], cwd=HERE,
                                     stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        self.proc.stdin.write(json.dumps(job) + "\n")
        self.proc.stdin.flush()

    def line(self):
        return self.proc.stdout.readline().strip()

    def close(self):
        self.proc.stdin.close()
        self.proc.stdout.close()
        self.proc.wait(20)


def transfer(net, ue, room, size, receivers, processes):
    """One SEND of `size` octets to that many receivers, two others chatting; results, lines."""
    sender = ue("alice", net=net).join(room, connect=False)
    chatters = [ue(n, net=net).join(room, wrapped="text/plain") for n in ("dora", "emil")]
    members = [ue("r%d" % n, net=net).join(room, connect=False) for n in range(receivers)]
    head = sender.cpim("", content_type="application/octet-stream").decode()
    pairs = [[m.session.local, m.session.remote[0]] for m in members]
    common = dict(address=net.msrp, size=size, head=head)
    jobs = []
    try:
        for n in range(processes):
            jobs.append(Job(receive=pairs[n::processes], **common))
        for job in jobs:
            assert job.line() == "bound"
        sending = Job(send=[sender.session.local, sender.session.remote[0]], **common)
        jobs.append(sending)
        lines = 0
        done = {}

        def reader():
            done["sender"] = sending.line()
        thread = threading.Thread(target=reader)
        thread.start()
        while thread.is_alive():
            fence(chatters[lines % 2], chatters[1 - lines % 2])
            lines += 1
            thread.join(0.02)  # leave most of the machine to the file
        thread.join(150)
        results = [r for job in jobs[:processes] for r in json.loads(job.line())]
    finally:
        for job in jobs:
            job.close()
    assert done.get("sender"), "the sender failed; receivers: %s" % results
    return json.loads(done["sender"]), results, lines


@pytest.mark.slow
def test_a_hundred_megabytes_reach_ten_receivers_in_little_memory(own_mrf, ue, room):
    # covers: MSRP-063, MSRP-064, MSRP-073, MSRP-082, SW-026, SW-028, SW-038, SW-083
    size = 100 << 20 if PLAIN else 10 << 20
    net = own_mrf()
    sender, results, lines = transfer(net, ue, room, size, 10, 2)
    expected = bulk.digest(size)
    assert sender == {"status": 200, "report": True}
    assert [r["error"] for r in results] == [None] * 10
    assert [r["digest"] for r in results] == [expected] * 10
    assert min(r["smallest"] for r in results) >= 2048
    assert lines > 5, "nobody chatted meanwhile"
    if PLAIN:
        assert net.mrfp.rss_bytes(peak=True) < 64 << 20
        assert net.mrfc.rss_bytes(peak=True) < 64 << 20


def test_a_smaller_file_does_the_same_every_time(mrf, ue, room):
    # covers: MSRP-063, SW-026, SW-028
    size = 3 << 20
    sender, results, _ = transfer(mrf, ue, room, size, 3, 1)
    assert sender == {"status": 200, "report": True}
    assert {r["digest"] for r in results} == {bulk.digest(size)}
    assert max(r["largest"] for r in results) <= 65536


def test_memory_returns_after_a_large_message(mrf, ue, room):
    # covers: MSRP-056, MSRP-073
    for n in range(3):
        transfer(mrf, ue, "%s-%d" % (room, n), 3 << 20, 2, 1)
    if PLAIN:
        poll(lambda: mrf.mrfp.rss_bytes() < 64 << 20, what="memory below 64 MB")
