# SPDX-License-Identifier: Apache-2.0
"""Lists of users in SIP bodies: resource-lists (RFC 4826, 5364) written by hand and read by
ElementTree, multipart bodies taken apart to their headers."""

import re
import xml.etree.ElementTree as ET

from .sipmsg import multipart, parse_params

TYPE = "application/resource-lists+xml"
LISTS = "urn:ietf:params:xml:ns:resource-lists"
COPY = "urn:ietf:params:xml:ns:copycontrol"
HEAD = ('<?xml version="1.0" encoding="UTF-8"?>\n<resource-lists xmlns="%s" xmlns:cp="%s">'
        % (LISTS, COPY))


def document(*entries):
    """Text of a list: an entry is a URI, (URI, copyControl), (URI, copyControl, True: anonymize)."""
    out = [HEAD, "<list>"]
    for entry in entries:
        uri, copy, hide = ((entry, None, False) if isinstance(entry, str)
                           else (*entry, None, False)[:2] + (len(entry) > 2 and entry[2],))
        out.append('<entry uri="%s"%s%s/>' % (
            uri.replace("&", "&amp;"), ' cp:copyControl="%s"' % copy if copy else "",
            ' cp:anonymize="true"' if hide else ""))
    return "".join(out) + "</list></resource-lists>\n"


def part(text, handling=None, cid=None, kind=TYPE):
    """A part for sipmsg.multipart()."""
    headers = [("Content-Disposition", "recipient-list" +
                ("; handling=" + handling if handling else ""))]
    if cid:
        headers.append(("Content-ID", "<%s>" % cid))
    return (kind, headers, text)


def with_offer(offer, *parts):
    """(Content-Type, body) of an offer and parts."""
    return multipart([("application/sdp", [], offer), *parts])


def entries(xml):
    """[(uri, {attribute: value})] of a document; its form is checked."""
    root = ET.fromstring(xml)
    assert root.tag == "{%s}resource-lists" % LISTS, root.tag
    found = []
    for el in root:
        assert el.tag == "{%s}list" % LISTS, el.tag
        for entry in el:
            assert entry.tag == "{%s}entry" % LISTS, entry.tag
            attrs = {}
            for name, value in entry.attrib.items():
                if name != "uri":
                    assert name.startswith("{%s}" % COPY), name
                    attrs[name.partition("}")[2]] = value
            found.append((entry.get("uri"), attrs))
    return found


def parts(msg):
    """[({header in lower case: value}, octets)] of a multipart/mixed message, its form checked."""
    kind, _, params = msg.get("Content-Type").partition(";")
    assert kind.strip() == "multipart/mixed", kind
    boundary = parse_params(params)["boundary"].strip('"').encode()
    assert 1 <= len(boundary) <= 70
    pieces = (b"\r\n" + msg.body).split(b"\r\n--" + boundary)
    assert pieces[0] == b"", "a preamble"
    assert pieces[-1] in (b"--", b"--\r\n"), "the closing delimiter is missing"
    found = []
    for piece in pieces[1:-1]:
        assert piece.startswith(b"\r\n")
        head, blank, content = piece[2:].partition(b"\r\n\r\n")
        assert blank
        headers = dict(re.match(r"([\w-]+):\s*(.*)$", line).groups()
                       for line in head.decode().split("\r\n"))
        found.append(({n.lower(): v for n, v in headers.items()}, content))
    return found


def history(msg):
    """Entries of the recipient-list-history of an INVITE beside its one offer; None: it has none."""
    if msg.content_type != "multipart/mixed":
        assert msg.content_type == "application/sdp"
        return None
    (offer, _), (listed, xml) = parts(msg)
    assert offer == {"content-type": "application/sdp"}
    assert listed["content-type"] == TYPE
    assert listed["content-disposition"].replace(" ", "") == \
        "recipient-list-history;handling=optional"
    return entries(xml)
