# SPDX-License-Identifier: Apache-2.0
"""What an idle leg over TLS holds at the switch."""

import resource

import pytest

from peer import msrp, tls
from peer.control import Control
from peer.msrpmsg import new_id
from peer.servers import Server, program

CTX = b"m" * 16
LEGS = 1000
LIMIT = 20 * 1024


@pytest.mark.slow
@pytest.mark.parametrize("transport, limit", [(1, None), (2, LIMIT)], ids=["TCP", "TLS"])
def test_an_idle_leg_is_small(tmp_path, transport, limit):
    me = tls.Identity(tmp_path / "me").client()
    path = str(tmp_path / "mp.sock")
    control = Control(path)
    server = Server("mrfp", {"msrp.port": 0, "msrp.tls_port": 0, "mp.socket": path,
                             "msrp.trusted_media": "127.0.0.1", "admin.address": "127.0.0.1",
                             "admin.port": 0}).wait_ready()
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    sessions, place = [], server.address("tls" if transport == 2 else "msrp")

    def join(number):
        mine = "msrp%s://127.0.0.1:9/%s;tcp" % ("s" if transport == 2 else "", new_id())
        reply = control.ask("add", CTX, termination=number, conference="sip:room@conf.example.com",
                            uris=["sip:u%d@example.com" % number], accept_types="message/cpim",
                            remote_path=mine, setup=2, transport=transport)
        session = msrp.Session(mine, reply["local_path"])
        sessions.append(session)
        session.attach(msrp.Connection.connect(place, tls=me if transport == 2 else None)).bind()
    try:
        for number in range(1, 101):  # what the process allocates once
            join(number)
        before = server.rss_bytes()
        for number in range(101, 101 + LEGS):
            join(number)
        each = (server.rss_bytes() - before) / LEGS
        print("\nmemory of an idle leg over %s: %.1f KiB" % ("TLS" if limit else "TCP", each / 1024))
        for session in sessions:
            session.conn.close()
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
        wrong = server.stop()
        control.close()
    assert not wrong, wrong
    if limit and not any(v in program("mrfp") for v in ("asan", "tsan", "debug")):
        assert each <= limit
