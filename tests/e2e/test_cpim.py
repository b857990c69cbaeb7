# SPDX-License-Identifier: Apache-2.0
"""message/cpim as the switch reads it, and what IMS clients in the field send."""

import pytest

from peer.ue import fence

ME = "<sip:alice@example.com>"


def message(alice, head, mime="Content-Type: text/plain", content="body"):
    head = head.replace("ROOM", "<%s>" % alice.room)
    return "\r\n".join([head, "", mime, "", content]).encode()


ACCEPTED = {
    # covers: CPIM-001
    "plain": "From: " + ME + "\r\nTo: ROOM",
    "display names": 'From: "Alice" ' + ME + "\r\nTo: The Room ROOM",
    "commas in quotes": 'From: "A, B <c>" ' + ME + '\r\nTo: "x, <y>" ROOM',
    # covers: CPIM-004
    "escapes": "From: " + ME + "\r\nTo: ROOM\r\nSubject: a\\u0041 \\\\ \\q",
    "escaped quote in a name": 'From: "A\\"B" ' + ME + "\r\nTo: ROOM",
    # covers: CPIM-005
    "namespaces": "NS: imdn <urn:ietf:params:imdn>\r\nFrom: " + ME + "\r\nTo: ROOM\r\n"
                  "imdn.Message-ID: Jf1\r\nimdn.Disposition-Notification: display",
    "undeclared prefix": "From: " + ME + "\r\nTo: ROOM\r\nfoo.From: <sip:x@y>\r\nfoo.To: <sip:x@y>",
    "default namespace": "From: " + ME + "\r\nTo: ROOM\r\nNS: <urn:some:thing>\r\nOdd: 1",
    "unknown headers": "X-One: 1\r\nFrom: " + ME + "\r\nX-Two: 2\r\nTo: ROOM",
    "lower case look-alikes": "from: <sip:x@y>\r\nto: <sip:x@y>\r\nFrom: " + ME + "\r\nTo: ROOM",
    "UTF-8": 'From: "\u00c5sa \u4e2d" ' + ME + "\r\nTo: ROOM\r\nSubject: \u00e9",
    # covers: IMS-021
    "DateTime without zone": "From: " + ME + "\r\nTo: ROOM\r\nDateTime: 2026-01-31T12:00:00",
}


@pytest.mark.parametrize("case", ACCEPTED)
def test_heads_of_all_kinds_are_read(trio, case):
    # covers: CPIM-002
    _, alice, bob, carol = trio
    data = message(alice, ACCEPTED[case])
    assert alice.session.send(data).status() == 200
    fence(alice, bob, carol)
    assert bob.session.messages[0].data == data == carol.session.messages[0].data


ONE_BLOCK = {
    # covers: CPIM-003
    "RFC 7701 example": "From: {me}\r\nTo: {room}\r\nDateTime: 2009-03-02T15:02:31-03:00\r\n"
                        "Content-Type: text/plain\r\n\r\nbody",
    # covers: IMS-021
    "RCS mixture": "From: {me}\r\nTo: {room}\r\nNS: imdn <urn:ietf:params:imdn>\r\n"
                   "imdn.Message-ID: x1\r\nDateTime: 2026-01-31T12:00:00Z\r\n"
                   "Content-type: text/plain\r\nContent-length: 4\r\n\r\nbody",
}


@pytest.mark.parametrize("case", ONE_BLOCK)
@pytest.mark.parametrize("to", ["room", "bob"])
def test_mime_headers_in_the_first_block_route_alike(trio, case, to):
    _, alice, bob, carol = trio
    target = alice.room if to == "room" else bob.aor
    data = ONE_BLOCK[case].format(me=ME, room="<%s>" % target).encode()
    assert alice.session.send(data).status() == 200
    fence(alice, bob, carol)
    assert bob.session.messages[0].data == data
    assert len(carol.session.messages) == (2 if to == "room" else 1)


def test_the_type_in_the_first_block_decides_about_copies(ue, trio):
    # covers: CPIM-003, SW-029
    room, alice, bob, carol = trio
    picky = ue("dave").join(room, wrapped="text/plain")
    for kind in ("image/png", "text/plain"):
        data = "From: %s\r\nTo: <%s>\r\nContent-Type: %s\r\n\r\nbody" % (ME, room, kind)
        assert alice.session.send(data.encode()).status() == 200
    fence(alice, bob, picky)
    assert len(bob.session.messages) == 3 and len(picky.session.messages) == 2


REFUSED = {
    # covers: CPIM-001
    "lower case from": "from: " + ME + "\r\nTo: ROOM",
    "no colon": "From " + ME + "\r\nTo: ROOM",
    "leading blank": " From: " + ME + "\r\nTo: ROOM",
    "two From": "From: " + ME + "\r\nFrom: " + ME + "\r\nTo: ROOM",
    "no angle brackets": "From: sip:alice@example.com\r\nTo: ROOM",
    "LF only": "From: " + ME + "\nTo: ROOM",
    "From in an undeclared namespace": "x.From: " + ME + "\r\nTo: ROOM",
}


@pytest.mark.parametrize("case", REFUSED)
def test_heads_that_cannot_be_read_are_400(trio, bystanders, case):
    # covers: SW-025
    _, alice, bob, carol = trio
    assert alice.session.send(message(alice, REFUSED[case])).status() == 400
    fence(alice, bob, carol)
    assert len(carol.session.messages) == 7
    bystanders.undisturbed()


@pytest.mark.parametrize("to", ["sip:anonymous@anonymous.invalid", "sip:Anonymous@anonymous.invalid"])
def test_the_anonymous_alias_means_the_room(trio, to):
    # covers: IMS-001
    _, alice, bob, carol = trio
    if to == "sip:anonymous@anonymous.invalid":
        alice.send_text("to the alias", to=to)
        bob.wait_text("to the alias")
        carol.wait_text("to the alias")
    else:  # the user part is compared with its case
        assert alice.send("to the alias", to=to).status() == 404


NOTIFICATION = b'<?xml version="1.0"?><imdn xmlns="urn:ietf:params:xml:ns:imdn"/>'
COMPOSING = (b'<?xml version="1.0"?><isComposing xmlns="urn:ietf:params:xml:ns:im-iscomposing">'
             b"<state>active</state></isComposing>")


@pytest.mark.parametrize("kind, content", [("message/imdn+xml", NOTIFICATION),
                                           ("application/im-iscomposing+xml", COMPOSING)])
def test_notifications_reach_who_did_not_list_them(ue, trio, kind, content):
    # covers: IMS-012, SW-029
    room, alice, bob, carol = trio
    picky = ue("dave").join(room, wrapped="text/plain")
    data = alice.cpim(content, content_type=kind)
    assert alice.session.send(data).status() == 200
    private = alice.cpim(content, to=picky, content_type=kind)
    assert alice.session.send(private).status() == 200
    fence(alice, bob, picky)
    assert [m.data for m in picky.session.messages][:2] in ([data, private], [private, data])


def test_a_bare_composing_indication_is_taken(ue, trio):
    # covers: IMS-012, SW-020
    room, alice, bob, carol = trio
    assert alice.session.send(COMPOSING, "application/im-iscomposing+xml").status() == 200
    fence(alice, bob, carol)
    assert not [r for r in alice.session.reports]


@pytest.mark.parametrize("message_id", ["1", "12", "abc"])
def test_short_message_ids_pass(trio, message_id):
    # covers: IMS-021
    _, alice, bob, _ = trio
    assert alice.send("numbered", message_id=message_id).status() == 200
    got = bob.wait_text("numbered").message
    assert len(got.message_id) >= 4


def test_both_sides_may_bind(ue, room):
    # covers: IMS-021
    bob = ue("bob").join(room)
    alice = ue("alice").join(room, setup="passive")
    alice.session.bind()
    fence(alice, bob)
    fence(bob, alice)


def test_strict_intake_refuses_what_is_tolerated_otherwise(own_mrf, ue, room):
    # covers: IMS-021
    net = own_mrf(mrfc={"media.strict": "true"})
    alice, bob = [ue(n, net=net).join(room) for n in ("alice", "bob")]
    assert alice.send("short id", message_id="1").status() == 400
    mixed = ONE_BLOCK["RCS mixture"].format(me=ME, room="<%s>" % alice.room).encode()
    assert alice.session.send(mixed).status() == 400
    odd = ue("carol", net=net)
    assert odd.invite(room, odd.offer().replace("t=0 0\r\n", "")).final().code in (400, 488)
    fence(alice, bob)
    assert len(bob.session.messages) == 1
