# SPDX-License-Identifier: Apache-2.0
"""openssl(1) as a TLS peer, for what Python's ssl module cannot do.

    with SClient(place, "-tls1_2", "-cipher", "aNULL") as client:
        client.said(b"handshake failure")
"""

import subprocess
import threading


class Openssl:
    """A command of openssl(1) that runs; said() waits for a text of it."""

    def __init__(self, *args):
        self.proc = subprocess.Popen(["openssl", *args], stdin=subprocess.PIPE,
                                     stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
        self.text = b""
        self.limit = threading.Timer(60, self.proc.kill)  # whoever waits for it sees its end
        self.limit.daemon = True
        self.limit.start()

    def write(self, data):
        self.proc.stdin.write(data)
        self.proc.stdin.flush()

    def said(self, *texts):
        """Which of texts came first."""
        while True:
            for text in texts:
                if text in self.text:
                    return text
            piece = self.proc.stdout.read1(65536)
            assert piece, self.text.decode(errors="replace")
            self.text += piece

    def rest(self):
        """All it says until its end."""
        self.text += self.proc.stdout.read()
        return self.text

    def __enter__(self):
        return self

    def __exit__(self, *exc):
        self.limit.cancel()
        self.proc.kill()
        self.proc.wait()
        self.proc.stdout.close()
        try:
            self.proc.stdin.close()
        except BrokenPipeError:
            pass


class SClient(Openssl):
    def __init__(self, place, *args):
        super().__init__("s_client", "-connect", "%s:%d" % place, *args)


class SServer(Openssl):
    """At place, with identity."""

    def __init__(self, identity, *args):
        super().__init__("s_server", "-accept", "127.0.0.1:0", "-cert", identity.cert, "-key",
                         identity.key, *args)
        self.said(b"ACCEPT 127.0.0.1:")
        line = self.text.split(b"ACCEPT ")[1]
        while b"\n" not in line:
            line += self.proc.stdout.read1(1)
        self.place = ("127.0.0.1", int(line.split()[0].split(b":")[1]))
