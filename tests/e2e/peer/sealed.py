# SPDX-License-Identifier: Apache-2.0
"""A terminal in sealed conferences: a UE whose descriptions ask for and confirm group keys.

    alice = Sealed("alice", net); alice.join("room1")
    alice.keys.hex                                # newest epoch
    alice.wait_epoch(bob.keys.hex)
    alice.say("hi"); bob.hear("hi")               # sealed, opened

confirms False: it takes keys and keeps silent. takes False: it answers keys by MSRP with 200 and
has not got them.
"""

from urllib.parse import quote

from . import gke, inner, sdp
from .loop import DEADLINE, LOOP, wait
from .sipmsg import NameAddr
from .ue import UE

ACCEPT = "message/cpim application/mikey"
WRAPPED = "application/pkcs7-mime application/octet-stream"


def provision(net, uri, key_id=None):
    """A pairwise key made by the admin API: (id, hex); without an id the same one each time."""
    made = vars(net).setdefault("member_keys", {})
    if key_id is None and uri in made:
        return made[uri]
    if key_id is None:  # who is called gets a key of the server's choice: let there be no other
        net.api("DELETE", "/v1/keys/" + quote(uri, safe=""))
    status, doc = net.api("POST", "/v1/keys", {"uri": uri, **({"id": key_id} if key_id else {})})
    assert status == 201, doc
    if key_id is None:
        made[uri] = doc["id"], doc["key"]
    return doc["id"], doc["key"]


class Sealed(UE):
    def __init__(self, name, net, key=None, **args):
        super().__init__(name, net, **args)
        self.key = key or provision(net, self.aor)
        self.keys, self.confirms, self.takes = None, True, True
        self.octets, self.failed = [], []  # key messages by MSRP; why some could not be taken
        self.lines = []  # a=key-mgmt values of the focus' descriptions
        self.last, self.confirmation, self.owed = None, None, None
        self.moved = False

    def keys_for(self, room):
        if self.keys is None or self.keys.room != room:
            self.keys = gke.Member(self.key[0], self.key[1], self.aor, room)
        return self.keys

    # -- SDP -------------------------------------------------------------------------------

    def offer(self, new=True, key_mgmt=None, **media):
        """key_mgmt: None, a request of ours; else a list of values."""
        if key_mgmt is None:
            key_mgmt = [gke.Member.attribute(self.keys_for(self.asked).request(sdp=True))]
        extra = list(media.pop("extra", self.media_args.get("extra", [])))
        self.own_lines = ["a=key-mgmt:" + v for v in key_mgmt]
        media.setdefault("accept_types", ACCEPT)
        media.setdefault("wrapped", WRAPPED)
        text = super().offer(new, extra=extra + self.own_lines, **media)
        self.session.on_message = self._on_message
        return text

    def invite(self, room, text=None, headers=(), **media):
        self.asked = self.uri_of(room)
        return super().invite(room, text, headers, **media)

    def take_answer(self, text):
        super().take_answer(text)
        self.take_line(self.answer)

    def take_line(self, description):
        """The key of a description of the focus."""
        value = description.msg.get("key-mgmt")
        self.lines.append(value)
        if value is not None:
            self.owed = self._take(gke.Member.of_attribute(value))

    def open_media(self, timeout=DEADLINE):
        super().open_media(timeout)
        if self.owed and self.confirms and self.role_in_key == "answered":
            self.send_key(self.owed)
        self.owed = None

    role_in_key = "answered"  # the key came in the answer: R_MESSAGE goes by MSRP

    def accept(self, setup="active", connect=True, key_mgmt=None, **media):
        """The offer's key is taken; the answer confirms it unless key_mgmt says otherwise."""
        self.asked = self.room = NameAddr(self.call.invite.get("From")).uri
        self.keys_for(self.room)
        if key_mgmt is None:
            self.take_line(sdp.Sdp(self.call.offer))
            key_mgmt, self.owed = [gke.Member.attribute(self.owed)], None
        self.role_in_key = "offered"
        return super().accept(setup, connect, key_mgmt=key_mgmt, **media)

    # -- keys ------------------------------------------------------------------------------

    def _take(self, octets):
        if octets != self.last:
            self.confirmation = self.keys.take(octets)
            self.last = octets
        return self.confirmation

    def send_key(self, octets):
        """A key message by MSRP; returns its transaction."""
        return self.session.send(octets, content_type="application/mikey")

    def _on_message(self, message):
        if message.content_type != "application/mikey" or not message.complete:
            return
        self.octets.append(message.data)
        if self.takes:
            try:
                r = self._take(message.data)
                if self.confirms:
                    self.session.send(r, content_type="application/mikey")
            except gke.Refused as e:
                self.failed.append(str(e))
        LOOP.changed()

    def wait_epoch(self, gkid, timeout=DEADLINE):
        """Until the newest key is of this epoch or a later one (hex), or a predicate of its hex holds."""
        test = gkid if callable(gkid) else lambda have: have[:16] == gkid[:16] and have >= gkid
        wait(lambda: self.keys.hex is not None and test(self.keys.hex), timeout,
             "an epoch at " + self.name, lambda: [g.hex() for g in self.keys.order])
        return self.keys.hex

    # -- chat ------------------------------------------------------------------------------

    def seal(self, text, gkid=None, message_id=None, **more):
        """The CPIM message around a sealed text."""
        body = self.keys.seal(text, gkid=gkid, message_id=message_id)
        return self.cpim(body, content_type=gke.TYPE, **more)

    def say(self, text, gkid=None):
        """Sealed, to all; the MSRP status."""
        return self.session.send(self.seal(text, gkid)).status()

    @property
    def heard(self):
        out = []
        for chat in self.chats:
            if chat.content_type.startswith("application/pkcs7-mime") and self.keys.can_read(chat.content):
                out.append(chat)
        return out

    def hear(self, text, timeout=DEADLINE):
        wait(lambda: any(inner.Inner(self.keys.open_raw(c.content)).payload == text.encode()
                         for c in self.heard), timeout, "%r, sealed, at %s" % (text, self.name))
