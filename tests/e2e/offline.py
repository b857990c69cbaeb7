# SPDX-License-Identifier: Apache-2.0
"""A conference on a machine without any route but loopback, where no DNS server can be asked.

Run by test_hostile.py as `unshare -rn python3 offline.py FOLDER CONTACT`: a member whose Contact
names a host is removed, so that the focus has a request to send there. Prints "fine" when the
others chat on.
"""

import fcntl
import socket
import struct
import sys

from peer.servers import Pair
from peer.ue import UE, fence


def loopback_up():
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as s:
        flags = 0x1 | 0x8 | 0x40  # IFF_UP, IFF_LOOPBACK, IFF_RUNNING
        fcntl.ioctl(s, 0x8914, struct.pack("16sh14x", b"lo", flags))  # SIOCSIFFLAGS


def main():
    folder, contact = sys.argv[1:]
    loopback_up()
    net = Pair(folder)
    try:
        alice, bob = [UE(n, net).join("room") for n in ("alice", "bob")]
        UE("mallory", net).join("room", headers=[("Contact", "<%s>" % contact)])
        net.api("DELETE", "/v1/conferences/room/participants/sip%3Amallory%40example.com")
        carol = UE("carol", net).join("room")
        fence(alice, bob, carol)
        assert net.mrfc.http("GET", "/healthz")[0] == 200
    except BaseException:
        print(net.logs())
        net.abandon()
        raise
    net.stop()
    print("fine")


if __name__ == "__main__":
    main()
