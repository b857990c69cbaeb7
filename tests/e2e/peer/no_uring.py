#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""Run a command in a sandbox that refuses io_uring, as container engines do: no_uring.py COMMAND..."""

import ctypes
import errno
import os
import struct
import sys

PR_SET_NO_NEW_PRIVS, PR_SET_SECCOMP, MODE_FILTER = 38, 22, 2
IO_URING_SETUP = 425  # on every architecture
LOAD_NUMBER, IF_EQUAL, RETURN = 0x20, 0x15, 0x06
ALLOW, ERRNO = 0x7fff0000, 0x00050000


def filter_program():
    steps = [(LOAD_NUMBER, 0, 0, 0), (IF_EQUAL, 0, 1, IO_URING_SETUP), (RETURN, 0, 0, ERRNO | errno.EPERM),
             (RETURN, 0, 0, ALLOW)]
    return b"".join(struct.pack("=HBBI", *s) for s in steps), len(steps)


def main():
    libc = ctypes.CDLL(None, use_errno=True)
    code, n = filter_program()
    steps = ctypes.create_string_buffer(code)
    program = ctypes.create_string_buffer(struct.pack("@HP", n, ctypes.addressof(steps)))
    if libc.prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) or libc.prctl(PR_SET_SECCOMP, MODE_FILTER, program, 0, 0):
        sys.exit("no_uring: " + os.strerror(ctypes.get_errno()))
    os.execv(sys.argv[1], sys.argv[1:])


if __name__ == "__main__":
    main()
