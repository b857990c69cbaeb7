# SPDX-License-Identifier: Apache-2.0
"""Octets in a process' memory: has(pid, octets). Root may look at any process, also one that shows itself to nobody else."""

import os

PAGE = 4096
HUGE = 1 << 36  # what a sanitizer keeps about memory is larger than memory, and is none


def regions(pid):
    """What it can write, or could: programs and libraries as their files have them hold no secret, and a look would load
    them whole."""
    with open("/proc/%d/maps" % pid) as f:
        for line in f:
            place, rights, _, _, inode = line.split()[:5]
            if rights[0] == "r" and (rights[1] == "w" or inode == "0") and not line.rstrip().endswith(("[vvar]", "[vsyscall]")):
                begin, end = place.split("-")
                if int(end, 16) - int(begin, 16) < HUGE:
                    yield int(begin, 16), int(end, 16)


def has(pid, octets, block=1 << 22):
    """Are they anywhere in what the process may have written?"""
    fd = os.open("/proc/%d/mem" % pid, os.O_RDONLY)
    try:
        for at, end in regions(pid):
            tail = b""
            while at < end:
                try:
                    data = os.pread(fd, min(block, end - at), at)
                except OSError:
                    data = b""
                if octets in tail + data:
                    return True
                tail = data[-len(octets):]
                at += len(data) or PAGE - at % PAGE  # a page that cannot be read is passed over
    finally:
        os.close(fd)
    return False
