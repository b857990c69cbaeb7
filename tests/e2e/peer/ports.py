# SPDX-License-Identifier: Apache-2.0
"""Ports that stay ours: nobody else gets one between its being chosen and its being bound, or bound again.

    ports.take()        # free now for UDP and TCP, on every address of this machine

The kernel gives ports of its ephemeral range to whoever asks, also to runs of these tests beside this one; so a
port of that range which was bound and closed may be another's a moment later. Each process has a block below
that range instead, held by a socket that is bound to the block's first port, and takes its ports in turn: one
that was given back is not soon used again, so that what is still sent to it disturbs nobody.
"""

import socket

LOW, HIGH, BLOCK = 10000, 32768, 600  # Linux's ephemeral range begins at 32768


def _has_v6():
    try:
        with socket.socket(socket.AF_INET6) as sock:
            sock.bind(("::", 0))
    except OSError:
        return False
    return True


V6 = _has_v6()


def _bound(kind, port):
    """A socket bound to the port at every address, or None."""
    sock = socket.socket(socket.AF_INET6 if V6 else socket.AF_INET, kind)
    try:
        if V6:
            sock.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 0)
        if kind == socket.SOCK_STREAM:
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        sock.bind(("::" if V6 else "", port))
        if kind == socket.SOCK_STREAM:
            sock.listen(1)  # fails where another listens
        return sock
    except OSError:
        sock.close()
        return None


class Block:
    """The ports of this process."""

    def __init__(self):
        for first in range(LOW, HIGH - BLOCK + 1, BLOCK):
            self.held = _bound(socket.SOCK_STREAM, first)
            if self.held:
                self.first, self.last = first, first
                return
        raise AssertionError("all blocks of ports are taken")

    def take(self):
        for _ in range(BLOCK - 1):
            self.last += 1
            if self.last == self.first + BLOCK:
                self.last = self.first + 1
            socks = [_bound(kind, self.last) for kind in (socket.SOCK_DGRAM, socket.SOCK_STREAM)]
            for sock in socks:
                if sock:
                    sock.close()
            if all(socks):
                return self.last
        raise AssertionError("all ports of the block are taken")


_BLOCK = []


def take():
    """A port that is free now for UDP and TCP."""
    if not _BLOCK:
        _BLOCK.append(Block())
    return _BLOCK[0].take()
