# SPDX-License-Identifier: Apache-2.0
"""Relay contexts of an MRFP of one's own: the test in the MRFC's place and at both ends."""

import os
import tempfile

import pytest

from peer.control import Control
from peer.loop import wait
from peer.msrp import Connection, Session
from peer.msrpmsg import new_id
from peer.servers import Server
from test_attack_media import settled

RELAY = 2
ACCOUNT, AUTHORISE = 16, 32
ACCOUNTING, LOST, ALARM = 5, 2, 7
DELIVERED, REFUSED_BY_PEER, REFUSED, ABORTED, LOST_OUTCOME, UNPROVEN = 1, 2, 3, 4, 5, 6
OPTIONS = {"msrp.address": "127.0.0.1", "msrp.port": 0, "admin.port": 0}


class End:
    """One side of a relay: its termination and its peer."""

    def __init__(self, relay, number, **fields):
        self.relay, self.number = relay, number
        self.aor = "sip:u%d@example.com" % number
        self.session = Session("msrp://127.0.0.1:9/%s;tcp" % new_id())
        fields.setdefault("accept_types", "*")
        fields.setdefault("kind", RELAY)
        self.reply = relay.control.ask(
            "add", relay.context, termination=number, policy=relay.policy,
            uris=[self.aor], remote_path=self.session.local, setup=2, match=1, **fields)
        if self.reply["code"] == 0:
            self.session.remote = [self.reply["local_path"]]

    def connect(self, rcvbuf=None):
        self.session.attach(Connection.connect(self.relay.mrfp.address("msrp"), rcvbuf=rcvbuf))
        self.session.bind()
        return self

    @property
    def conn(self):
        return self.session.conn

    def again(self):
        """A new path, as after a re-INVITE; not connected yet."""
        old, self.session = self.session, Session("msrp://127.0.0.1:9/%s;tcp" % new_id())
        reply = self.modify(remote_path=self.session.local, new_local=1)
        self.session.remote = [reply["local_path"]]
        return old

    def modify(self, **fields):
        return self.relay.control.ask("modify", self.relay.context, termination=self.number,
                                      **fields)

    def text(self, text, **kwargs):
        return self.session.send(text.encode(), "text/plain", **kwargs)

    def got(self, text, timeout=15):
        return self.session.wait_message(lambda m: m.complete and m.data == text.encode(), timeout,
                                         what=text)


class Relay:
    """A context, its MRFP and its control link."""

    def __init__(self, mrfp, control, policy=0):
        self.mrfp, self.control, self.policy = mrfp, control, policy
        self.context = os.urandom(16)

    def pair(self, **fields):
        """Both ends connected; fields are those of the second."""
        return End(self, 1).connect(), End(self, 2, **fields).connect()

    def events(self, kind):
        return [e for e in self.control.events if e["context"] == self.context and
                e.get("event") == kind]

    def account(self, message_id, timeout=15):
        """The accounting event about a message."""
        return wait(lambda: next((e for e in self.events(ACCOUNTING)
                                  if e.get("message_id") == message_id), None), timeout,
                    "accounting of " + message_id)

    def settled(self):
        """The sums hold, and nothing is open."""
        settled(self)

    def end(self):
        self.control.ask("subtract", self.context)


@pytest.fixture
def make():
    """make(options, policy=0) -> Relay, each with an MRFP of its own."""
    made = []
    with tempfile.TemporaryDirectory(prefix="mrf-e2e-") as folder:
        def start(options=None, policy=0):
            path = os.path.join(folder, "mp%d.sock" % len(made))
            control = Control(path)
            mrfp = Server("mrfp", {**OPTIONS, "mp.socket": path, **(options or {})}).wait_ready()
            made.append(Relay(mrfp, control, policy))
            return made[-1]
        yield start
        wrong = []
        for relay in made:
            wrong += relay.mrfp.stop()
            relay.control.close()
            print("\n".join(line for _, line in relay.mrfp.lines[-60:]))
    assert not wrong, "\n".join(wrong)


@pytest.fixture
def relay(make):
    """A relay that accounts for its messages."""
    return make(policy=ACCOUNT)
