# SPDX-License-Identifier: Apache-2.0
"""The reactor: one daemon thread that owns all sockets of the peers in this process.

All state of the peers is changed under one lock (`LOOP.cond`), by the reactor or by the test's
thread; whoever changes something calls `LOOP.changed()`. Tests wait with `wait()`.
"""

import heapq
import itertools
import selectors
import socket
import threading
import time
import traceback

from . import ports
from .tls import TlsSocket

DEADLINE = 15.0


class Timeout(AssertionError):
    """A wait's deadline passed; the text says what was waited for and what was there."""


class Timer:
    """A pending call_later(); cancel() is idempotent."""

    def __init__(self, func):
        self.func = func

    def cancel(self):
        self.func = None


class Loop:
    def __init__(self):
        self.cond = threading.Condition(threading.RLock())
        self.selector = selectors.DefaultSelector()
        self.timers = []
        self.order = itertools.count()
        self.errors = []
        self.wake_r, self.wake_w = socket.socketpair()
        self.wake_r.setblocking(False)
        self.wake_w.setblocking(False)
        self.selector.register(self.wake_r, selectors.EVENT_READ, None)
        self.thread = threading.Thread(target=self._run, name="peer-loop", daemon=True)
        self.thread.start()

    # -- for the peers ---------------------------------------------------------------------

    def watch(self, sock, handler, read=True, write=False):
        """Call handler.on_readable() / on_writable() when sock is; both False: forget it."""
        events = (selectors.EVENT_READ if read else 0) | (selectors.EVENT_WRITE if write else 0)
        with self.cond:
            known = sock.fileno() in self.selector.get_map()
            if events and known:
                self.selector.modify(sock, events, handler)
            elif events:
                self.selector.register(sock, events, handler)
            elif known:
                self.selector.unregister(sock)
        self._wake()

    def call_later(self, delay_s, func):
        """Run func in the reactor after delay_s; returns a Timer."""
        timer = Timer(func)
        with self.cond:
            heapq.heappush(self.timers, (time.monotonic() + delay_s, next(self.order), timer))
        self._wake()
        return timer

    def changed(self):
        with self.cond:
            self.cond.notify_all()

    def _wake(self):
        if threading.current_thread() is not self.thread:
            try:
                self.wake_w.send(b"x")
            except BlockingIOError:
                pass

    # -- for the tests ---------------------------------------------------------------------

    def wait(self, predicate, timeout=DEADLINE, what="an event", state=None):
        """Wait until predicate() is true and return its value.

        predicate runs under the loop's lock. Past the deadline Timeout is raised, with `what`
        and, if given, the text of state().
        """
        end = time.monotonic() + timeout
        with self.cond:
            while True:
                value = predicate()
                if value:
                    return value
                left = end - time.monotonic()
                if left <= 0:
                    break
                self.cond.wait(left)
            seen = "\nseen: %s" % (state(),) if state else ""
        raise Timeout("no %s within %g s%s" % (what, timeout, seen))

    # -- the thread ------------------------------------------------------------------------

    def _run(self):
        while True:
            with self.cond:
                due = self.timers[0][0] - time.monotonic() if self.timers else 60.0
            try:
                ready = self.selector.select(max(0.0, due))
            except OSError:
                ready = []
            with self.cond:
                for key, mask in ready:
                    if key.data is None:
                        self._drain_wake()
                        continue
                    self._guard(self._dispatch, key, mask)
                now = time.monotonic()
                while self.timers and self.timers[0][0] <= now:
                    timer = heapq.heappop(self.timers)[2]
                    func, timer.func = timer.func, None
                    if func:
                        self._guard(func)
                self.cond.notify_all()

    def _dispatch(self, key, mask):
        current = self.selector.get_map().get(key.fd)
        if current is None or current.data is not key.data:
            return  # closed earlier in this turn
        if mask & selectors.EVENT_READ:
            key.data.on_readable()
        current = self.selector.get_map().get(key.fd)
        if mask & selectors.EVENT_WRITE and current is not None and current.data is key.data:
            key.data.on_writable()

    def _drain_wake(self):
        try:
            while self.wake_r.recv(4096):
                pass
        except BlockingIOError:
            pass

    def _guard(self, func, *args):
        """A bug in a peer's callback must show in the test, not end the thread."""
        try:
            func(*args)
        except Exception:  # the test's fixture re-raises these
            self.errors.append(traceback.format_exc())


LOOP = Loop()
wait = LOOP.wait


class Stream:
    """A TCP stream with an unbounded output buffer; subclasses implement on_data()."""

    RECV = 262144

    def __init__(self, sock):
        self.sock = sock
        self.out = bytearray()
        self.closed = False
        self.reading = True
        self.close_reason = None
        sock.setblocking(False)
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.local = sock.getsockname()[:2]
        try:
            self.remote = sock.getpeername()[:2]
        except OSError:
            self.remote = None
        LOOP.watch(sock, self)

    @classmethod
    def connect(cls, addr, *args, source=None, rcvbuf=None, tls=None, **kwargs):
        """Connect (blocking, 10 s), shake hands over TLS if it is a context, hand it to the loop."""
        family = socket.AF_INET6 if ":" in addr[0] else socket.AF_INET
        sock = socket.socket(family, socket.SOCK_STREAM)
        try:
            if rcvbuf:
                sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, rcvbuf)
            if source:
                sock.bind(source)
            sock.settimeout(10)
            sock.connect(addr)
            if tls:
                sock = TlsSocket(sock, tls, server=False)
        except OSError:
            sock.close()
            raise
        return cls(sock, *args, **kwargs)

    def on_data(self, data):
        raise NotImplementedError

    def on_closed(self):
        """Hook: the stream has ended."""

    def send_raw(self, data):
        """Send octets as they are; what the kernel does not take now goes out later."""
        with LOOP.cond:
            if self.closed:
                return
            if not self.out:
                try:
                    sent = self.sock.send(data)
                except BlockingIOError:
                    sent = 0
                except OSError as err:
                    self._end(str(err))
                    return
                data = memoryview(data)[sent:]
            self.out += data
            self._rewatch()

    def flush(self, timeout=DEADLINE):
        """Wait until the kernel has taken everything."""
        wait(lambda: not self.out or self.closed, timeout, "flushed output")

    def pause_reading(self):
        with LOOP.cond:
            self.reading = False
            self._rewatch()

    def resume_reading(self):
        with LOOP.cond:
            self.reading = True
            self._rewatch()

    def _rewatch(self):
        if not self.closed:
            LOOP.watch(self.sock, self, self.reading, bool(self.out))

    def on_writable(self):
        if self.out:
            try:
                del self.out[: self.sock.send(memoryview(self.out)[:262144])]
            except BlockingIOError:
                return
            except OSError as err:
                self._end(str(err))
                return
        self._rewatch()

    def on_readable(self):
        try:
            data = self.sock.recv(self.RECV)
        except BlockingIOError:
            return
        except OSError as err:
            self._end(str(err))
            return
        if data:
            self.on_data(data)
        else:
            self._end("end of stream")

    def _end(self, reason):
        if not self.closed:
            LOOP.watch(self.sock, self, False, False)
            self.closed = True
            self.close_reason = reason
            self.sock.close()
            self.on_closed()
            LOOP.changed()

    def close(self):
        with LOOP.cond:
            self._end("closed by us")

    def reset(self):
        """Close with a TCP RST, as a crashed peer."""
        with LOOP.cond:
            if not self.closed:
                self.sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")
                self._end("reset by us")

    def wait_closed(self, timeout=DEADLINE):
        """Wait until the other side has closed the stream."""
        wait(lambda: self.closed, timeout, "close by the peer of %s" % (self.local,))


class Listener:
    """A TCP listener, with a context of TLS; each accepted socket is given to accept(sock)."""

    def __init__(self, accept, host="127.0.0.1", port=None, tls=None):
        self.accept, self.tls = accept, tls
        family = socket.AF_INET6 if ":" in host else socket.AF_INET
        self.sock = socket.socket(family, socket.SOCK_STREAM)
        self.sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            self.sock.bind((host, ports.take() if port is None else port))
            self.sock.listen(64)
        except OSError:
            self.sock.close()
            raise
        self.sock.setblocking(False)
        self.addr = self.sock.getsockname()[:2]
        LOOP.watch(self.sock, self)

    def on_readable(self):
        try:
            sock, _ = self.sock.accept()
        except OSError:
            return
        self.accept(TlsSocket(sock, self.tls, server=True) if self.tls else sock)

    def on_writable(self):
        pass

    def close(self):
        with LOOP.cond:
            if self.sock.fileno() >= 0:
                LOOP.watch(self.sock, self, False, False)
                self.sock.close()
