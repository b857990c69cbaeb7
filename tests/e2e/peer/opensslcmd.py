# SPDX-License-Identifier: Apache-2.0
"""openssl(1) as a TLS peer, for what Python's ssl module cannot do, and as the owner of a certificate, to whom bodies
are sealed and by whom they are signed (RFC 5652).

    with SClient(place, "-tls1_2", "-cipher", "aNULL") as client:
        client.said(b"handshake failure")
    alice, bob = (Person(folder, name) for name in ("alice", "bob"))
    bob.open(alice.seal_to(bob.cert, b"for bob")); alice.verify(alice.sign(b"by alice"))
"""

import json
import os
import subprocess
import threading

DATA = os.path.join(os.path.dirname(os.path.realpath(__file__)), "..", "..", "data", "gke-vectors.json")


class Refused(Exception):
    """openssl cms does not open or verify it."""


def cms(octets, *args):
    done = subprocess.run(["openssl", "cms", "-binary", *args], input=octets, capture_output=True)
    if done.returncode:
        raise Refused(done.stderr.decode(errors="replace"))
    return done.stdout


def seal_to(octets, *certs, kdf="sha256"):
    """AuthEnvelopedData with a KeyAgreeRecipientInfo for the owner of each of these certificates."""
    args = [a for cert in certs for a in ("-recip", cert, *(["-keyopt", "ecdh_kdf_md:" + kdf] if kdf else []))]
    return cms(octets, "-encrypt", "-aes-128-gcm", "-keyid", "-outform", "DER", *args)


class Person:
    """NAME.pem and NAME.key in a folder: those of the test vectors (alice, bob), or made, with more lines of
    extensions (openssl req -addext)."""

    def __init__(self, folder, name, *extensions):
        self.cert, self.key = (os.path.join(str(folder), name + end) for end in (".pem", ".key"))
        with open(DATA, encoding="utf-8") as f:
            vector = json.load(f)["V10_message_two_recipients_kari"]
        if name + "_cert_pem" in vector and not extensions:
            for path, what in ((self.cert, "_cert_pem"), (self.key, "_key_pem")):
                with open(path, "w", encoding="utf-8") as f:
                    f.write(vector[name + what])
            return
        subprocess.run(["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-keyout",
                        self.key, "-out", self.cert, "-subj", "/CN=" + name, "-days", "30",
                        *(a for e in extensions for a in ("-addext", e))], check=True, capture_output=True)

    def sign(self, octets):
        return cms(octets, "-sign", "-nodetach", "-nocerts", "-keyid", "-md", "sha256", "-signer", self.cert, "-inkey", self.key,
                   "-outform", "DER")

    def verify(self, der):
        """What this one signed."""
        return cms(der, "-verify", "-inform", "DER", "-certfile", self.cert, "-nointern", "-noverify")

    def open(self, der):
        """What was sealed to this one."""
        return cms(der, "-decrypt", "-inform", "DER", "-recip", self.cert, "-inkey", self.key)


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
