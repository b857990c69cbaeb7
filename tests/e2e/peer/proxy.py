# SPDX-License-Identifier: Apache-2.0
"""A TCP proxy that spoils what passes through it, octets and order excepted.

    proxy = Proxy(("127.0.0.1", 2855), seed=7, moods=("split", "throttle"))
    Connection.connect(proxy.addr)
    proxy.half_close(0)            # the first connection: FIN to the server, the way back stays

Each direction of each connection gets a mood, drawn with the seed:

    plain      passes on what comes as it comes
    split      in pieces of 1 to 700 octets, one write each
    coalesce   holds back until 16 KiB have come, or nothing more did for 20 ms
    throttle   4 KiB each 2 ms
    delay      holds each piece until 1 to 9 others have come anywhere in the proxy, or 50 ms

Nothing is kept beyond 64 KiB: who is ahead is not read from, so back-pressure passes through.
"""

import random
import socket

from .loop import LOOP, Listener, Stream

MOODS = ("plain", "split", "coalesce", "throttle", "delay")
AHEAD = 65536


class Side(Stream):
    """One end of a connection; what comes in goes to `pipe`."""

    RECV = 65536

    def __init__(self, sock):
        self.pipe = None
        self.write_shut = False
        super().__init__(sock)

    def on_data(self, data):
        self.pipe.take(data)

    def on_closed(self):
        if self.pipe:
            self.pipe.ended()

    def on_writable(self):
        super().on_writable()
        if self.pipe and not self.closed:
            self.pipe.back.pump()

    def shut(self):
        """FIN once everything is out."""
        if not self.closed and not self.write_shut:
            self.write_shut = True
            try:
                self.sock.shutdown(socket.SHUT_WR)
            except OSError:
                pass


class Pipe:
    """One direction."""

    def __init__(self, proxy, source, sink, mood, rng):
        self.proxy, self.source, self.sink, self.mood, self.rng = proxy, source, sink, mood, rng
        self.held = bytearray()
        self.releases = []  # delay: (events to come, octets)
        self.over, self.cut, self.timer, self.back = False, False, None, None

    def take(self, data):
        if self.cut:
            return
        self.held += data
        if self.mood == "delay":
            self.releases.append([self.proxy.events + self.rng.randint(1, 9), len(data)])
        if len(self.held) > AHEAD:
            self.source.pause_reading()
        if self.mood == "coalesce" and len(self.held) < 16384:
            self._later(0.02)
        elif self.mood == "throttle":
            self._later(0.002)
        else:
            self.pump(self.mood == "coalesce")
        if self.mood == "delay" and self.held:
            self._later(0.05)
        self.proxy.event()

    def _later(self, delay):
        if not self.timer:
            self.timer = LOOP.call_later(delay, self._due)

    def _due(self):
        self.timer = None
        self.pump(True)

    def pump(self, due=False):
        """Pass on what the mood allows now."""
        if self.mood in ("coalesce", "throttle") and not due and not self.over:
            return
        while self.held and len(self.sink.out) < AHEAD and not self.sink.closed:
            n = len(self.held)
            if self.mood == "split":
                n = self.rng.randint(1, 700)
            elif self.mood == "throttle":
                n = 4096
            elif self.mood == "delay":
                if not due and self.releases[0][0] > self.proxy.events:
                    break
                n = self.releases.pop(0)[1]
                if self.releases:
                    self._later(0.05)
                due = False
            self.sink.send_raw(bytes(self.held[:n]))
            del self.held[:n]
            if self.mood == "throttle" and self.held:
                self._later(0.002)
                break
        if len(self.held) <= AHEAD // 2 and not self.source.closed and not self.source.reading:
            self.source.resume_reading()
        if self.held and (self.mood == "throttle" or len(self.sink.out) >= AHEAD):
            self._later(0.005)
        if self.over and not self.held:
            if self.sink.out:
                self._later(0.005)
            else:
                self.sink.shut()

    def ended(self):
        """The source is over: what is held still goes, then FIN."""
        self.over = True
        self.pump(True)
        if self.sink.closed:
            self.held.clear()


class Proxy(Listener):
    """Listens on a port of its own; `addr` is where to connect."""

    def __init__(self, target, seed=1, moods=MOODS):
        self.target, self.rng, self.moods = target, random.Random(seed), moods
        self.pipes, self.events = [], 0
        super().__init__(self._accepted)

    def _accepted(self, sock):
        up = socket.create_connection(self.target, 10)
        sides = Side(sock), Side(up)
        rng = random.Random(self.rng.random())
        there = Pipe(self, sides[0], sides[1], rng.choice(self.moods), rng)
        back = Pipe(self, sides[1], sides[0], rng.choice(self.moods), rng)
        there.back, back.back = back, there
        sides[0].pipe, sides[1].pipe = there, back
        self.pipes.append((there, back))

    def event(self):
        """Something came: delayed pieces elsewhere may be due."""
        self.events += 1
        for pair in self.pipes:
            for pipe in pair:
                if pipe.mood == "delay" and pipe.releases and \
                        pipe.releases[0][0] <= self.events:
                    pipe.pump()

    def half_close(self, index):
        """Nothing more goes from the client of that connection to the server but a FIN."""
        with LOOP.cond:
            pipe = self.pipes[index][0]
            pipe.cut = True
            pipe.held.clear()
            pipe.releases.clear()
            pipe.sink.shut()

    def close(self):
        super().close()
        with LOOP.cond:
            for pair in self.pipes:
                for pipe in pair:
                    pipe.source.close()
