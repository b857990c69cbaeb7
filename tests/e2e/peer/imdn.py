# SPDX-License-Identifier: Apache-2.0
"""IMDN (RFC 5438) and isComposing (RFC 3994): ask, answer, read what comes, summaries included.

    data, mid = imdn.ask(alice, "hello")           # CPIM with Message-ID and the request
    imdn.answer(bob, bob.wait_text("hello"))       # delivered and displayed, to its sender
    imdn.documents(alice)                          # [Document] of singles and of summaries
"""

import email
import xml.etree.ElementTree as ET

from .msrpmsg import new_id

NS = "urn:ietf:params:xml:ns:imdn"
NS_COUNT = "urn:x-mrf:imdn"
NS_COMPOSING = "urn:ietf:params:xml:ns:im-iscomposing"
TYPE, COMPOSING = "message/imdn+xml", "application/im-iscomposing+xml"
HEADER = "NS: imdn <urn:ietf:params:imdn>"
STATUS = {"delivery": "delivered", "display": "displayed", "processing": "processed"}


def ask(ue, text, to=None, wanted="positive-delivery, display", prefix="imdn"):
    """A CPIM message that asks for notifications; (octets, its imdn.Message-ID)."""
    mid = new_id() + new_id()
    extra = ["NS: %s <urn:ietf:params:imdn>" % prefix, "%s.Message-ID: %s" % (prefix, mid),
             "%s.Disposition-Notification: %s" % (prefix, wanted)]
    return ue.cpim(text, to=to, extra=extra), mid


def document(message_id, kind="delivery", status=None, recipient=None, date="2026-01-02T03:04:05Z",
             more=""):
    """A message/imdn+xml document."""
    lines = ['<?xml version="1.0" encoding="UTF-8"?>', '<imdn xmlns="%s">' % NS,
             "<message-id>%s</message-id>" % message_id, "<datetime>%s</datetime>" % date]
    if recipient:
        lines.append("<recipient-uri>%s</recipient-uri>" % recipient)
    lines += ["<%s-notification><status><%s/></status></%s-notification>" % (
        kind, status or STATUS[kind], kind), more, "</imdn>"]
    return "\r\n".join(lines).encode()


def notification(ue, to, doc, **kwargs):
    """A document as a CPIM message of ue to a URI or UE."""
    return ue.cpim(doc, to=to, content_type=TYPE, extra=[HEADER, "imdn.Message-ID: " + new_id()],
                   mime=["Content-Disposition: notification"], **kwargs)


def answer(ue, chat, kinds=("delivery", "display"), status=None, recipient=None):
    """What a device returns for a message that asks; the MSRP transactions."""
    mid = header(chat, "Message-ID")
    return [ue.session.send(notification(ue, chat.from_, document(mid, k, status, recipient)))
            for k in kinds]


def header(chat, name):
    """An IMDN header of a message, by the declared prefix."""
    prefixes = [v.split()[0] for n, v in chat.cpim.headers
                if n == "NS" and "urn:ietf:params:imdn" in v]
    return next((v for n, v in chat.cpim.headers if n in [p + "." + name for p in prefixes]), None)


class Document:
    """One notification: message_id, kind, status, recipient, count, and the Chat it came in."""

    def __init__(self, text, chat):
        self.chat, self.text = chat, text
        root = ET.fromstring(text)
        if root.tag != "{%s}imdn" % NS:
            raise ValueError("root %s" % root.tag)
        self.message_id, self.date = self._child(root, "message-id"), self._child(root, "datetime")
        self.recipient = self._child(root, "recipient-uri")
        self.original = self._child(root, "original-recipient-uri")
        kinds = [e for e in root if e.tag.endswith("-notification")]
        if len(kinds) != 1 or self.message_id is None or self.date is None:
            raise ValueError("no valid notification: %r" % text)
        self.kind = kinds[0].tag.partition("}")[2].removesuffix("-notification")
        status = kinds[0].find("{%s}status" % NS)
        self.status = status[0].tag.partition("}")[2]
        self.count = int(root.findtext("{%s}count" % NS_COUNT) or 1)

    @staticmethod
    def _child(root, name):
        return root.findtext("{%s}%s" % (NS, name))


def is_summary(chat):
    """A notification that the room sent."""
    return chat.content_type == "multipart/mixed" or (chat.content_type == TYPE and
                                                      "@example.com" not in chat.from_)


def of_chat(chat):
    """Documents in one CPIM message: one, many (multipart/mixed), or none."""
    if chat.content_type == TYPE:
        return [Document(chat.content, chat)]
    if chat.content_type != "multipart/mixed":
        return []
    head = "\r\n".join("%s: %s" % h for h in chat.cpim.mime).encode()
    whole = email.message_from_bytes(head + b"\r\n\r\n" + chat.content)
    if whole.defects or not whole.is_multipart():
        raise ValueError("bad multipart: %s" % whole.defects)
    found = []
    for part in whole.get_payload():
        if part.get_content_type() != TYPE:
            raise ValueError("a part of type %s" % part.get_content_type())
        # the parser takes message/* for a nested message: its text is the XML
        inner = part.get_payload()
        text = inner[0].as_string() if isinstance(inner, list) else inner
        found.append(Document(text.strip().encode(), chat))
    return found


def documents(ue):
    """All notifications that a terminal got."""
    return [d for chat in ue.chats for d in of_chat(chat)]


def composing(state="active", refresh=None, more=""):
    return ('<?xml version="1.0" encoding="UTF-8"?><isComposing xmlns="%s"><state>%s</state>%s%s'
            "</isComposing>" % (NS_COMPOSING, state, more,
                                "<refresh>%d</refresh>" % refresh if refresh else "")).encode()
