# SPDX-License-Identifier: Apache-2.0
"""Small steps the MSRP tests share: odd octets, silence, an intact connection."""

from peer.loop import wait
from peer.msrpmsg import Uri, new_id
from peer.servers import poll


def octets(session, tid=None, method="SEND", to=None, from_=None, fields=None, body=None,
           flag="$", content_type="message/cpim", paths=None):
    """A request of session as octets, every part replaceable; returns (tid, octets).

    fields: header lines between the paths and Content-Type (default: Message-ID and Byte-Range).
    paths: the first two lines instead of To-Path, From-Path. body None: none; content_type None
    with a body: a blank line without Content-Type.
    """
    tid = tid if tid is not None else new_id()
    if paths is None:
        paths = ["To-Path: " + (to or " ".join(session.remote)),
                 "From-Path: " + (from_ or session.local)]
    if fields is None:
        size = len(body or b"")
        fields = ["Message-ID: " + new_id("m"), "Byte-Range: 1-%d/%d" % (size, size)]
    lines = ["MSRP %s %s" % (tid, method)] + paths + list(fields)
    if body is not None and content_type is not None:
        lines.append("Content-Type: " + content_type)
    out = "\r\n".join(lines).encode("utf-8", "surrogateescape") + b"\r\n"
    if body is not None:
        out += b"\r\n" + body + b"\r\n"
    return tid, out + ("-------%s%s\r\n" % (tid, flag)).encode()


def exchange(session, **kwargs):
    """Send octets(...) and return the status of the response."""
    tid, data = octets(session, **kwargs)
    session.conn.send_raw(data)
    return session.conn.wait_response(tid).status


def usable(session):
    """The connection still works: a bodiless SEND is answered 200."""
    assert session.keepalive().status() == 200


def silent(session, tid):
    """No response to tid: one to a later request has come (responses keep their order here)."""
    usable(session)
    assert session.conn.responses(tid) == [], "answered %s" % session.conn.responses(tid)


def gone(session):
    """Wait until the switch knows the session no more: 481 to a request, or a closed connection."""
    def asked():
        tid, data = octets(session)
        session.conn.send_raw(data)
        wait(lambda: session.conn.closed or session.conn.responses(tid), what="481 or the end")
        answers = session.conn.responses(tid)
        return not answers or answers[0].status == 481
    poll(asked, what="the end of a session")


def replaced(uri, host=None, port=None, session=None, scheme=None, transport=None):
    """An MSRP URI with parts replaced."""
    u = Uri(uri)
    return "%s://%s:%s/%s;%s" % (scheme or u.scheme, host or u.host, port or u.port,
                                 session or u.session, transport or u.transport)
