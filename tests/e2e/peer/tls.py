# SPDX-License-Identifier: Apache-2.0
"""Certificates and TLS sockets of the peers: Python's ssl module, certificates by the openssl command.

    me = Identity(folder)                    # self-signed, P-256
    me.fingerprint()                         # "sha-256 AA:BB:..." as in a=fingerprint
    msrp.Connection.connect(addr, tls=me.client())
    msrp.Listener(tls=me.server())
"""

import hashlib
import os
import ssl
import subprocess

KEYS = {"p256": ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256"],
        "p384": ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-384"],
        "p521": ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-521"],
        "ed25519": ["-newkey", "ed25519"], "rsa2048": ["-newkey", "rsa:2048"],
        "rsa1024": ["-newkey", "rsa:1024"], "rsa4608": ["-newkey", "rsa:4608"]}


class Identity:
    """A key and a self-signed certificate in folder; extra: arguments for `openssl req`."""

    def __init__(self, folder, key="p256", extra=()):
        os.makedirs(str(folder), exist_ok=True)
        self.key = os.path.join(str(folder), "%s-%d.key" % (key, len(os.listdir(str(folder)))))
        self.cert = self.key[:-3] + "crt"
        subprocess.run(["openssl", "req", "-x509", *KEYS[key], "-nodes", "-days", "2", "-subj",
                        "/CN=peer", "-keyout", self.key, "-out", self.cert, *extra],
                       check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        with open(self.cert) as f:
            self.der = ssl.PEM_cert_to_DER_cert(f.read())

    def fingerprint(self, name="sha-256"):
        return fingerprint(self.der, name)

    def _context(self, protocol, level):
        ctx = ssl.SSLContext(protocol)
        ctx.set_ciphers("ALL:@SECLEVEL=%d" % level)
        ctx.check_hostname = False
        ctx.verify_mode = ssl.CERT_NONE
        ctx.load_cert_chain(self.cert, self.key)
        return ctx

    def client(self, level=1):
        return self._context(ssl.PROTOCOL_TLS_CLIENT, level)

    def server(self, trusted=None):
        """trusted: DER of the one certificate that clients must have (None: not asked for)."""
        ctx = self._context(ssl.PROTOCOL_TLS_SERVER, 1)
        if trusted:
            ctx.load_verify_locations(cadata=trusted)
            ctx.verify_mode = ssl.CERT_REQUIRED
        return ctx


class Authority(Identity):
    """A CA; issue() gives a certificate of it with these DNS names, the first also as CN."""

    def __init__(self, folder):
        self.folder = str(folder)
        super().__init__(folder, extra=["-subj", "/CN=authority of " + os.path.basename(self.folder)])

    def issue(self, *names, uris=(), ips=(), extra=()):
        """The subject's name is the first DNS name, else 127.0.0.1; extra: for `openssl req`."""
        san = ",".join(["DNS:" + n for n in names] + ["URI:" + u for u in uris] +
                       ["IP:" + i for i in ips])
        return Identity(self.folder, extra=[
            "-CA", self.cert, "-CAkey", self.key, "-subj", "/CN=" + (*names, "127.0.0.1")[0],
            *(["-addext", "subjectAltName=" + san] if san else ()), *extra])

    def expired(self, one):
        """one, an Identity, with a certificate that ended yesterday."""
        for args in (["-x509toreq", "-signkey", one.key, "-in", one.cert, "-out", one.cert + ".req"],
                     ["-req", "-CA", self.cert, "-CAkey", self.key, "-days", "-1",
                      "-in", one.cert + ".req", "-out", one.cert]):
            subprocess.run(["openssl", "x509", "-copy_extensions", "copyall", *args], check=True,
                           stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        return one


def nobody():
    """A client's context without a certificate."""
    ctx = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    ctx.check_hostname = False
    ctx.verify_mode = ssl.CERT_NONE
    return ctx


def fingerprint(der, name="sha-256"):
    digest = hashlib.new(name.replace("-", ""), der).hexdigest().upper()
    return name + " " + ":".join(digest[i:i + 2] for i in range(0, len(digest), 2))


class TlsSocket:
    """A non-blocking SSLSocket that behaves as a socket: all there is at once, BlockingIOError."""

    def __init__(self, sock, ctx, server):
        sock.setblocking(False) if server else sock.settimeout(10)
        self.ssl = ctx.wrap_socket(sock, server_side=server, do_handshake_on_connect=not server)
        self.rest = b""
        self.shown = None if server else self.ssl.getpeercert(binary_form=True)

    def __getattr__(self, name):
        return getattr(self.ssl, name)

    def recv(self, size):
        out = bytearray()
        while len(out) < size:
            try:
                data = self.ssl.recv(size - len(out))
            except (ssl.SSLWantReadError, ssl.SSLWantWriteError):
                break
            except OSError:
                if out:
                    break
                raise
            if not data:
                return bytes(out)
            out += data
        if not out:
            raise BlockingIOError
        return bytes(out)

    def send(self, data):
        data = self.rest or bytes(data)  # OpenSSL wants to see the same octets again
        try:
            sent = self.ssl.send(data)
        except (ssl.SSLWantReadError, ssl.SSLWantWriteError):
            self.rest = data
            raise BlockingIOError from None
        self.rest = b""
        return sent

    @property
    def peer_der(self):
        return self.shown or self.ssl.getpeercert(binary_form=True)
