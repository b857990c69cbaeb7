# SPDX-License-Identifier: Apache-2.0
"""Calls and subscriptions that wait for long timers (32 to 60 s) while all other tests run.

The shortest session interval of RFC 4028 is 90 s, so its timers cannot be tested in little time;
they are started before the first test of the run, on a pair of servers of their own, and looked at
by the tests marked `patience`, which come last.
"""

import time

from peer.loop import LOOP, Stream
from peer.recovery import restart
from peer.ue import UE

SE = 90


class Timed:
    """A terminal in a room of its own whose in-dialog requests are kept with their times."""

    def __init__(self, net, name, headers=(), answer=None, ack=True, connect=True):
        self.ue = UE(name, net)
        self.room = "room-" + name
        self.answer = answer
        self.stamps = []  # (seconds since the start, ServerTxn)
        headers = [("Supported", "timer"), *headers]
        with LOOP.cond:
            self.call = self.ue.ua.invite(self.ue.uri_of(self.room), self.ue.offer(), headers,
                                          auto_ack=ack)
            self.call.handle = self.handle
        self.ue.call, self.ue.room = self.call, self.ue.uri_of(self.room)
        self.ok = self.call.expect(200)
        self.start = time.monotonic()
        self.ue.take_answer(self.ok.text)
        if connect:
            self.ue.open_media()

    def handle(self, txn):
        self.stamps.append((time.monotonic() - self.start, txn))
        LOOP.changed()
        if self.answer:
            self.answer(self, txn)
        if not txn.answered:
            if txn.request.method in ("BYE", "UPDATE", "NOTIFY"):
                txn.respond(200)
            elif txn.request.method == "INVITE":
                txn.respond(200, body=self.ue.offer(new=False), content_type="application/sdp")

    def wait(self, method, nth=0, timeout=75):
        """(seconds since the 200, ServerTxn) of the nth request of that method."""
        return LOOP.wait(lambda: ([s for s in self.stamps if s[1].request.method == method]
                                  [nth:] or [None])[0], timeout,
                         "%s number %d for %s" % (method, nth, self.ue.name),
                         lambda: [(round(t, 1), x.request) for t, x in self.stamps])


class Trickle(Stream):
    """A connection that sends one octet of data now, and the next every pause_s; ended_s: how long it lived."""

    def __init__(self, sock, data, pause_s):
        self.start, self.ended_s, self.left, self.pause_s = time.monotonic(), None, data, pause_s
        self.octets_in = 0
        super().__init__(sock)
        self._next()

    def _next(self):
        if not self.closed and self.left:
            self.send_raw(self.left[:1])
            self.left = self.left[1:]
            LOOP.call_later(self.pause_s, self._next)

    def on_data(self, data):
        self.octets_in += len(data)

    def on_closed(self):
        self.ended_s = time.monotonic() - self.start


def refuse_with(code, headers=(), times=1000):
    """An answer() that refuses the first `times` UPDATEs and re-INVITEs."""
    left = [times]

    def answer(_timed, txn):
        if txn.request.method in ("UPDATE", "INVITE") and left[0] > 0:
            left[0] -= 1
            txn.respond(code, headers=headers)
    return answer


def never_content():
    """An answer() that wants a longer interval each time."""
    seconds = iter(range(SE + 10, 100000, 10))

    def answer(_timed, txn):
        if txn.request.method in ("UPDATE", "INVITE"):
            txn.respond(422, headers=[("Min-SE", str(next(seconds)))])
    return answer


NO_UPDATE = ("Allow", "INVITE, ACK, CANCEL, BYE, OPTIONS")


def interval(refresher):
    return ("Session-Expires", "%d;refresher=%s" % (SE, refresher))


class Restarted:
    """The same, on servers of which the mrfc is killed and started again at once."""

    def __init__(self, net):
        self.net = net
        self.updates = Timed(net, "updates", [interval("uas")])
        self.silent = Timed(net, "silent", [interval("uac")])
        # Who connects has the answer: that is as good as an ACK which the kill may have eaten.
        self.unacknowledged = Timed(net, "unacknowledged", ack=False, connect=False)
        self.host = UE("host", net).join("room-host")
        self.short = self.host.ua.subscribe(self.host.room, expires=60)
        self.short.wait_notify()
        self.short_start = time.monotonic()
        restart(net)
        self.again = time.monotonic() - self.unacknowledged.start  # seconds after its 200

    def close(self):
        for timed in (self.updates, self.silent, self.unacknowledged):
            timed.ue.close()
        self.host.close()


class Patience:
    """What was started; attributes are named after what the other side does or does not do."""

    def __init__(self, net):
        self.net = net
        ours, theirs = [interval("uas")], [interval("uac")]
        self.updates = Timed(net, "updates", ours)
        self.no_update = Timed(net, "noupdate", [*ours, NO_UPDATE],
                               refuse_with(422, [("Min-SE", "120")], 1))
        self.silent = Timed(net, "silent", theirs)
        self.forgetful = Timed(net, "forgetful", ours, refuse_with(481))
        self.late = Timed(net, "late", ours, refuse_with(408))
        self.greedy = Timed(net, "greedy", ours, never_content())
        self.unacknowledged = Timed(net, "unacknowledged", ack=False)
        self.hello = [Trickle.connect(net.msrps, b"\x16\x03\x01\x40\x00\x01\x00\x3f\xfc" + bytes(16380), 0.2),
                      Trickle.connect(net.msrps, b"\x16", 1), Trickle.connect(net.msrps, b"", 1)]
        self.host = UE("host", net).join("room-host")
        self.watch = self.host.subscribe()
        with LOOP.cond:
            self.mute = self.host.ua.subscribe(self.host.room)
            self.mute.answer = lambda txn: None
        self.short = self.host.ua.subscribe(self.host.room, expires=60)
        self.short_start = time.monotonic()

    def close(self):
        for timed in (self.updates, self.no_update, self.silent, self.forgetful, self.late,
                      self.greedy, self.unacknowledged):
            timed.ue.close()
        self.host.close()
        for stream in self.hello:
            stream.close()
