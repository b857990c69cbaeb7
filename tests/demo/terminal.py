# SPDX-License-Identifier: Apache-2.0
"""A terminal that is not the product's: SIP, MSRP over TLS, MIKEY and CMS of the test suite's peers. It keeps all keys that it
was ever given and all that it ever received, as somebody would who wants to read more than he may."""
import os
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "e2e"))

from peer import cpim, gke, loop, sdp, tls  # noqa: E402
from peer.cms import Refused  # noqa: E402
from peer.sipmsg import NameAddr  # noqa: E402
from peer.ue import UE  # noqa: E402

PATIENCE_S = 20
ENCODED = ("Content-Encoding", "aes128gcm")


class Terminal(UE):
    def __init__(self, name, net, folder):
        super().__init__(name, net, display=name.capitalize(), tls=tls.Identity(os.path.join(folder, name + "-tls")))
        self.uri = self.aor
        self.called_at = f"sip:{name}@127.0.0.1:{self.ua.port}"
        self.member = None
        self.bodies, self.files = [], []    # sealed, as they came
        self.shown = []                     # (from, to, text)

    # -- in and out ------------------------------------------------------------------------

    def _media(self, value):
        return {"extra": [*self.media_args["extra"], f"a=key-mgmt:{value}"], "accept_types": "message/cpim application/mikey",
                "wrapped": "* application/pkcs7-mime"}

    def _take_key(self, value):
        return self.member.take(self.member.of_attribute(value))

    def dial(self, room, key_file):
        """Call a sealed conference under one's own name."""
        self.member = gke.Member(*gke.read_key_file(key_file), self.uri, room)
        call = self.invite(room, self.offer(**self._media(self.member.attribute(self.member.request(sdp=True)))))
        self.room = room
        self.take_answer(call.expect(200).text)
        confirmation = self._take_key(self.answer.msg.get("key-mgmt"))
        self.session.on_message = self._on_message
        self.open_media()
        self.session.send(confirmation, content_type=gke.KEY_TYPE)

    def pick_up(self, key_file):
        """Take the call of the focus, which knows us by the URI that it calls."""
        call = self.wait_invite(PATIENCE_S)
        room = NameAddr(call.invite.get("From")).uri
        self.member = gke.Member(*gke.read_key_file(key_file), self.called_at, room)
        confirmation = self._take_key(sdp.Sdp(call.offer).msg.get("key-mgmt"))
        self.accept(connect=False, **self._media(self.member.attribute(confirmation)))
        self.session.on_message = self._on_message
        self.open_media()

    def ended(self):
        """Wait for the BYE of the focus."""
        return self.call.wait_bye(PATIENCE_S)

    # -- messages --------------------------------------------------------------------------

    def say(self, text):
        message_id = os.urandom(6).hex()
        body = self.member.seal(text, message_id, sender=self.uri)
        head = cpim.build(f'"{self.ua.display}" <{self.uri}>', self.room, body, gke.TYPE,
                          extra=["NS: imdn <urn:ietf:params:imdn>", f"imdn.Message-ID: {message_id}"])
        return self.session.send(head).status()

    def _on_message(self, message):
        if not message.complete:
            return
        if message.content_type == gke.KEY_TYPE:
            self.session.send(self.member.take(message.data), content_type=gke.KEY_TYPE)
            return
        outer = cpim.Cpim(message.data)
        if ENCODED in outer.mime:
            self.files.append(outer.content)
            return
        self.bodies.append(outer.content)
        try:
            said = self.member.open(outer.content)
        except Refused:
            return
        if said.content_type.startswith("text/"):
            self.shown.append((said.sender, said.to, said.payload.decode()))

    def wait_text(self, text, timeout=PATIENCE_S):
        """The (from, to, text) of a message that was opened."""
        return loop.wait(lambda: next((m for m in self.shown if m[2] == text), None), timeout, f"{self.name}: {text}",
                         lambda: self.shown)

    def reads(self, bodies):
        """How many of these it can open with all the keys it ever had."""
        return sum(self.member.can_read(body) for body in bodies)

    def transcript(self):
        return [f"<{sender.removeprefix('sip:').split('@')[0]}> {text}" for sender, _, text in self.shown]
