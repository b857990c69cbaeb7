# SPDX-License-Identifier: Apache-2.0
"""REFER for many (RFC 5368): a list in the body brings users in, or removes them."""

import pytest

from peer import reslist, sipmsg
from peer.reslist import document, part
from peer.sipcall import bye_reason
from peer.ue import fence
from test_lists import ANONYMOUS, LIST, fence_by_options, guests, not_called  # noqa: F401

MANY = ("Require", "multiple-refer, norefersub")
CID = "l1@192.0.2.11"


def refer(sender, room, text, target="<cid:%s>" % CID, cid=CID, headers=(), dialog=False,
          disposition="recipient-list", kind=reslist.TYPE, require=MANY):
    """The REFER's ClientTxn."""
    fields = [("Refer-To", target), ("Referred-By", "<%s>" % sender.aor), ("Refer-Sub", "false"),
              ("Content-Type", kind), ("Content-Disposition", disposition),
              ("Content-ID", "<%s>" % cid)] + ([require] if require else []) + list(headers)
    body = text.encode() if isinstance(text, str) else text
    if dialog:
        return sender.call.request("REFER", fields, body)
    return sender.ua.request("REFER", room, fields, body)


def taken(txn):
    resp = txn.expect((200, 202))
    assert resp.get("Refer-Sub").lower() == "false"
    assert "isfocus" in resp.contact.params
    return resp


@pytest.mark.parametrize("dialog", [False, True], ids=["alone", "in the dialog"])
def test_many_are_brought_in(ue, guests, trio, dialog):  # noqa: F811
    # covers: REF-017, REF-020
    room, alice, bob, carol = trio
    one, two, three = guests(3)
    watch = alice.subscribe()
    taken(refer(alice, room, document((one.aor, "to"), (two.aor, "cc", True), (three.aor, "bcc")),
                dialog=dialog))
    for guest in (one, two, three):
        inv = guest.wait_invite().invite
        assert inv.uri == guest.aor and inv.from_.uri == room
        assert inv.get("Referred-By") == "<%s>" % alice.aor
        assert reslist.history(inv) == [(one.aor, {"copyControl": "to"}),
                                        (ANONYMOUS, {"copyControl": "cc", "count": "1"})]
        guest.accept()
    watch.wait(lambda r: {one.aor, two.aor, three.aor} <= set(r.connected()))
    fence(three, alice, bob, carol, one, two)
    told = [r for r in alice.ua.seen(method="NOTIFY") if r.get("Event", "").startswith("refer")]
    assert told == []  # not even where the sender did not say so


def test_no_reports_even_if_nobody_said_so(ue, guests, trio):  # noqa: F811
    # covers: REF-017
    room, alice, bob, _ = trio
    (one,) = guests(1)
    taken(refer(alice, room, document(one.aor), require=("Require", "multiple-refer"),
                headers=[("Refer-Sub", None)]))
    inv = one.wait_invite().invite
    assert reslist.history(inv) is None
    one.accept()
    fence(one, alice, bob)
    assert [r for r in alice.ua.seen(method="NOTIFY") if r.get("Event", "").startswith("refer")] == []


def test_each_is_called_once(ue, guests, trio):  # noqa: F811
    # covers: REF-019
    room, alice, bob, carol = trio
    (one,) = guests(1)
    user, _, rest = one.aor.partition("@")
    taken(refer(alice, room, document(one.aor, (one.aor + ";x=y", "to"), bob.aor,
                                      user + "@" + rest + "?method=INVITE")))
    one.wait_invite()
    one.accept()
    fence(one, alice, bob, carol)
    assert len(one.ua.seen(method="INVITE")) == 1 and not_called(bob)


def test_the_list_is_found_among_parts(ue, guests, trio):  # noqa: F811
    # covers: REF-017
    room, alice, bob, _ = trio
    one, two = guests(2)
    kind, body = sipmsg.multipart([part(document(two.aor), cid="other@h"),
                                   part(document(one.aor), cid="l-1@h")])
    taken(refer(alice, room, body, target="<cid:l-1@h>", kind=kind,
                disposition=None, headers=[("Content-ID", None)]))
    one.wait_invite()
    one.accept()
    fence(one, alice, bob)
    assert not_called(two)


def test_many_are_removed(ue, guests, trio):  # noqa: F811
    # covers: REF-018, REF-020, REF-015
    room, alice, bob, carol = trio
    (one,) = guests(1)
    watch = alice.subscribe()
    taken(refer(alice, room, document((bob.aor + "?method=BYE", "to"), carol.aor + ";method=BYE",
                                      "sip:nobody@127.0.0.1:9?method=BYE", one.aor)))
    for gone in (bob, carol):
        bye = gone.call.wait_bye()
        assert bye.body == b"" and bye_reason(bye)[1] == 603
    assert reslist.history(one.wait_invite().invite) is None
    one.accept()
    watch.wait(lambda r: set(r.connected()) == {alice.aor, one.aor})
    fence(one, alice)


def test_the_last_ones_are_removed_with_the_room(ue, trio, mrf):
    # covers: REF-018
    room, alice, bob, carol = trio
    taken(refer(alice, room, document(*[u.aor + "?method=BYE" for u in (bob, carol, alice)])))
    for gone in (bob, carol, alice):
        gone.call.wait_bye()
    fence_by_options(alice)


@pytest.mark.parametrize("wrong", [
    {"target": "<cid:other@h>"}, {"target": "<cid:>"}, {"cid": "other@h"},
    {"disposition": "render"}, {"disposition": None}, {"kind": "text/plain"},
    {"target": "<sip:dave@127.0.0.1:9>"}, {"target": "<cid:%s>, <cid:%s>" % (CID, CID)},
    {"require": None}, {"kind": "multipart/mixed;boundary=b"}], ids=str)
def test_a_list_that_is_not_there(ue, guests, trio, wrong):  # noqa: F811
    # covers: REF-018
    room, alice, bob, _ = trio
    (one,) = guests(1)
    refer(alice, room, document(one.aor), **wrong).expect(400)
    fence(alice, bob)
    assert not_called(one)


@pytest.mark.parametrize("text", [
    document(), "rubbish", document("cid:" + CID), document("mailto:x@h"),
    '<!DOCTYPE x>' + document("sip:x@127.0.0.1:9")], ids=["empty", "no XML", "itself", "mail", "DTD"])
def test_a_list_of_no_use(ue, trio, text):
    # covers: REF-018
    room, alice, bob, _ = trio
    refer(alice, room, text).expect(400)
    fence(alice, bob)


def test_other_methods_are_not_passed_on(ue, guests, trio):  # noqa: F811
    # covers: REF-018
    room, alice, bob, _ = trio
    (one,) = guests(1)
    refer(alice, room, document(one.aor, "sip:x@127.0.0.1:9?method=MESSAGE")).expect(501)
    fence(alice, bob)
    assert not_called(one)


def test_who_may_not_does_nothing(ue, guests, trio):  # noqa: F811
    # covers: LIST-006, REF-018
    room, alice, bob, carol = trio
    (one,) = guests(1)
    stranger = ue("stranger")
    refer(stranger, room, document(one.aor)).expect(403)
    resp = refer(bob, room, document(one.aor, alice.aor + "?method=BYE")).expect(403)
    assert "Warning" in resp.headers  # says why
    refer(alice, "sip:nobody-yet@conf.example.com", document(one.aor)).expect(404)
    fence(alice, bob, carol)
    fence(bob, alice, carol)
    assert not_called(one)


def test_limits_and_lists_of_ours_hold_here_too(ue, guests, trio):  # noqa: F811
    # covers: LIST-010, LIST-012
    room, alice, bob, _ = trio
    alice.ua.transport = "tcp"
    (one,) = guests(1)
    refer(alice, room, document(one.aor, *["sip:u%d@127.0.0.1:9" % i for i in range(100)])) \
        .expect(403)
    resp = refer(alice, room, document(one.aor, LIST, room)).expect(403)
    lists = resp.headers.list("P-Refused-URI-List")
    assert lists[0] == "<%s>" % LIST and lists[1].startswith("<%s>;members=" % room)
    txn = refer(alice, room, document(one.aor, "sip:x@127.0.0.1:9"), headers=[("Max-Breadth", "1")])
    assert txn.expect(440)
    fence(alice, bob)
    assert not_called(one)
