# SPDX-License-Identifier: Apache-2.0
"""Session timers of sealed conferences after a restart of the MRFC: no description of the focus is without its key."""

import re
import sqlite3
import time

import pytest

from patience import NO_UPDATE, SE, interval
from peer import gke, sdp
from peer.keyserver import add_key, start
from peer.loop import LOOP, wait
from peer.sealed import Sealed
from peer.servers import poll


class Terminal(Sealed):
    """It lets the focus refresh, by re-INVITE alone, and answers each with what confirms the key in it."""

    def enter(self, room):
        self.offers, self.rejected = [], []  # with a key that opens, and without one
        self.join(room, headers=[("Supported", "timer"), interval("uas"), NO_UPDATE])
        self.call.on_offer = self.on_offer
        return self

    def on_offer(self, text):
        self.take_line(sdp.Sdp(text))
        self.owed = None
        (self.offers if self.lines[-1] else self.rejected).append(text)
        LOOP.changed()
        return self.offer(new=False, setup=self.role, key_mgmt=[gke.Member.attribute(self.confirmation)])

    def same(self):
        """What it described last, once more."""
        self.sdp_version -= 1
        return self.offer(new=False, key_mgmt=[self.own_lines[0].partition(":")[2]])


class House:
    """An MRFC with a store, and mrfks where external is set; alice and bob are in a sealed conference."""

    def __init__(self, own_mrf, ue, room, folder, external):
        self.folder, self.room = folder, room
        self.store, settings = str(folder / "mrf.db"), {}
        self.mrfks = [start(folder)] if external else []
        if external:
            settings = {"groupkey.server": "external", "groupkey.connect": self.mrfks[0].options["listen.socket"]}
        self.net = own_mrf(mrfc={"store.path": self.store, "store.sync": "normal", **settings})
        if external:
            self.net.mrfc.wait_metric(lambda m: m["mrfc_groupkey_up"] == 1)
        status, doc = self.net.api("POST", "/v1/conferences", {"name": room, "e2e": True})
        assert status == 201, doc
        self.members = [self.terminal(ue, name).enter(room) for name in ("alice", "bob")]
        self.members[0].wait_epoch(self.members[1].keys.hex)
        self.before = self.members[0].keys.hex

    def terminal(self, ue, name):
        uri, key_id = "sip:%s@example.com" % name, "k:" + name
        key = (key_id, add_key(self.mrfks[0], uri, key_id).hex()) if self.mrfks else None
        one = Terminal(name, self.net, key=key)
        assert one.aor == uri or not self.mrfks
        ue.made.append(one)
        return one

    def are_confirmed(self):
        db = sqlite3.connect(self.store, timeout=5)
        try:
            return age(db, None) == len(self.members)
        finally:
            db.close()

    def restart(self, overdue=True):
        """Overdue: with a pause so long that the refreshes are due: the MRFC finds it in the times of its store."""
        poll(self.are_confirmed, 10, "their ACKs in the store")
        self.net.mrfc.kill()
        for server in self.mrfks:
            server.kill()
        if not overdue:
            self.net.start_mrfc()
            return
        due = b"expires-at %d" % ((time.time() + SE / 2 - 2) * 1000)
        with sqlite3.connect(self.store) as db:
            assert age(db, due) == len(self.members)
        db.close()
        self.net.start_mrfc()

    def log(self):
        return self.net.mrfc.log()

    def refreshed(self):
        for one in self.members:
            wait(lambda one=one: one.offers or one.rejected, 30, "a refresh for " + one.name, self.log)
            assert not one.rejected
            next(t for t in one.call.requests if t.request.method == "INVITE").wait_ack()

    def all_is_well(self):
        for one in self.members:
            assert not one.rejected and not one.failed and not one.call.ended
            one.wait_epoch(lambda have: have[:16] != self.before[:16])
        alice, bob = self.members
        bob.wait_epoch(alice.keys.hex)
        alice.wait_epoch(bob.keys.hex)
        assert alice.say("as before") == 200
        bob.hear("as before")

    def close(self):
        assert [line for server in self.mrfks for line in server.stop()] == []


def age(db, due):
    """The dialogs' sessions end then (None: as before); how many there are that have an ACK."""
    n = 0
    for (table,) in db.execute("SELECT name FROM sqlite_master WHERE type = 'table'").fetchall():
        for (column,) in [(row[1],) for row in db.execute("PRAGMA table_info(%s)" % table)]:
            for (value,) in db.execute("SELECT %s FROM %s" % (column, table)).fetchall():
                octets = value.encode() if isinstance(value, str) else value
                if isinstance(octets, bytes) and b"\nwe-refresh 1\n" in octets and b"\nconfirmed 1\n" in octets:
                    if due is None:
                        n += 1
                        continue
                    octets, found = re.subn(rb"(?m)^expires-at \d+$", due, octets)
                    new = octets.decode() if isinstance(value, str) else octets
                    db.execute("UPDATE %s SET %s = ? WHERE %s = ?" % (table, column, column), (new, value))
                    n += found
    return n


@pytest.fixture
def house(own_mrf, ue, room, tmp_path):
    made = []

    def make(external):
        made.append(House(own_mrf, ue, room, tmp_path, external))
        return made[-1]
    yield make
    for one in made:
        one.close()


def test_refreshes_after_a_restart_have_the_new_key(house):
    # covers: GK-003, TIM-005
    h = house(False)
    h.restart()
    h.refreshed()
    h.all_is_well()


def test_refreshes_wait_for_a_key_server_that_is_late(house):
    # covers: GK-003, TIM-005
    h = house(True)
    h.restart()
    wait(lambda: h.log().count("the refresh for") == len(h.members), 20, "refreshes that wait", h.log)
    assert not any(one.offers for one in h.members)
    alice = h.members[0]
    # Nor are descriptions without a key given to who asks for one, or offers his own.
    assert alice.call.reinvite().final().code == 491
    assert alice.call.reinvite(alice.same()).final().code == 491
    h.mrfks.append(start(h.folder))
    h.refreshed()
    h.all_is_well()


def test_descriptions_that_are_asked_for_after_a_restart_have_the_new_key(house):
    # covers: GK-003, OA-002
    h = house(False)
    h.restart(overdue=False)
    alice, bob = h.members
    for one in h.members:
        one.wait_epoch(lambda have: have[:16] != h.before[:16])
    # A refresh of hers, which changes nothing.
    alice.take_line(sdp.Sdp(alice.call.reinvite(alice.same()).expect(200).text))
    # And one without an offer: her answer is in the ACK.
    txn = bob.call.reinvite(auto_ack=False)
    answer = bob.on_offer(txn.expect(200).text)
    bob.call.ack_2xx(txn.final(), answer.encode(), "application/sdp")
    assert alice.lines[-1] and bob.lines[-1]
    h.all_is_well()
