# SPDX-License-Identifier: Apache-2.0
"""Octets in a process' memory: has(pid, octets). Root may look at any process, also one that shows itself to nobody else."""


def regions(pid):
    with open("/proc/%d/maps" % pid) as f:
        for line in f:
            place, rights = line.split()[:2]
            if rights[0] == "r" and not line.rstrip().endswith(("[vvar]", "[vsyscall]")):
                begin, end = place.split("-")
                yield int(begin, 16), int(end, 16)


def has(pid, octets, block=1 << 24):
    """Are they anywhere in what the process can read?"""
    with open("/proc/%d/mem" % pid, "rb", 0) as f:
        for begin, end in regions(pid):
            tail = b""
            for at in range(begin, end, block):
                try:
                    f.seek(at)
                    data = f.read(min(block, end - at))
                except (OSError, ValueError):
                    break
                if octets in tail + data:
                    return True
                tail = data[-len(octets):]
    return False
