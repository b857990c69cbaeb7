# SPDX-License-Identifier: Apache-2.0
"""mrfue: notifications asked for, answered and counted; typing sent and shown."""

import pytest

from peer import imdn
from peer.loop import wait
from peer.mrfue import Mrfue


@pytest.fixture
def chat(request):
    made = []

    def make(name, *command, net=None, **kwargs):
        made.append(Mrfue(net or request.getfixturevalue("mrf"), name, *command, **kwargs))
        return made[-1]
    yield make
    wrong = [line for one in made for line in one.close()]
    assert not wrong, "\n".join(wrong)


@pytest.fixture
def joined(chat, mrf, room):
    def make(name, *args, net=None, **kwargs):
        one = chat(name, "join", "sip:%s@%s" % (room, mrf.domain), net=net, args=args, **kwargs)
        one.wait_line("joined") if kwargs.get("text") else one.wait("joined")
        return one
    return make


def test_a_client_asks_and_counts_who_got_and_read_it(joined):
    # covers: IMDN-001, IMDN-003
    alice, bob, carol = joined("alice", "--imdn"), joined("bob"), joined("carol")
    alice.do("who reads this?")
    line = alice.wait("sent")["line"]
    alice.wait("receipt", line=line, delivered=2, displayed=2, failed=0)
    assert not alice.events("file") and not bob.events("file")
    alice.do("/msg %s only you" % bob.aor)
    alice.wait("receipt", delivered=1, displayed=1, line=alice.wait("sent")["line"])
    bob.do("nobody is asked")
    alice.wait("message", text="nobody is asked")
    assert not bob.events("receipt") and not carol.events("receipt")


@pytest.mark.parametrize("answers, kinds", [("none", []), ("delivery", ["delivery"]),
                                            ("display", ["delivery", "display"])])
def test_a_client_answers_as_told(joined, ue, room, answers, kinds):
    # covers: IMDN-001, IMDN-003, IMDN-007, IMDN-011
    bob = joined("bob", "--receipts", answers)
    alice = ue("alice").join(room)
    data, mid = imdn.ask(alice, "please tell")
    assert alice.session.send(data).status() == 200
    wait(lambda: len(imdn.documents(alice)) == len(kinds), what="%d notifications" % len(kinds))
    for doc, kind in zip(imdn.documents(alice), kinds):
        cpim = doc.chat.cpim
        assert (doc.message_id, doc.kind, doc.status) == (mid, kind, imdn.STATUS[kind])
        assert doc.date in data.decode() and doc.recipient == alice.room
        assert imdn.header(doc.chat, "Disposition-Notification") is None
        assert imdn.header(doc.chat, "Message-ID") not in (None, mid)
        assert len(imdn.header(doc.chat, "Message-ID")) >= 16
        assert ("Content-Disposition", "notification") in cpim.mime
    # no notification about a notification, even when one asks
    note = imdn.notification(alice, "sip:bob@example.com", imdn.document("m1")).replace(
        b"\r\nimdn.Message-ID", b"\r\nimdn.Disposition-Notification: display, positive-delivery"
        b"\r\nimdn.Message-ID", 1)
    assert alice.session.send(note).status() == 200
    alice.send_text("a last line")
    bob.wait("message", text="a last line")
    bob.do("that is all")
    alice.wait_text("that is all")
    assert len(imdn.documents(alice)) == len(kinds)


def test_routes_and_original_recipient_are_copied(joined, ue, room):
    # covers: IMDN-011, CPIM-005
    joined("bob")
    alice = ue("alice").join(room)
    data = alice.cpim("through others", extra=[
        "NS: i <urn:ietf:params:imdn>", "i.Message-ID: abcdefghij0123456789",
        "i.Disposition-Notification: display", "i.Original-To: List <sip:list@example.com>",
        "i.IMDN-Record-Route: <sip:one@example.com>", "i.IMDN-Record-Route: <sip:two@example.com>"])
    assert alice.session.send(data).status() == 200
    wait(lambda: imdn.documents(alice), what="the notification")
    doc, = imdn.documents(alice)
    assert doc.original == "sip:list@example.com"
    routes = [v for n, v in doc.chat.cpim.headers if n == "imdn.IMDN-Route"]
    assert routes == ["<sip:one@example.com>", "<sip:two@example.com>"]
    assert not [n for n, _ in doc.chat.cpim.headers if "Record" in n]


@pytest.mark.parametrize("wrapped", [True, False])
def test_summaries_are_counted_like_single_ones(chat, own_mrf, ue, room, wrapped):
    # covers: IMS-013
    net = own_mrf(mrfp={"imdn.pass_limit": 2, "imdn.window": "200ms"})
    alice = chat("alice", "join", "sip:%s@%s" % (room, net.domain), net=net, args=["--imdn"])
    alice.wait("joined")
    others = [ue("user%d" % i, net=net).join(room) for i in range(8)]
    alice.do("all of you")
    for one in others:
        imdn.answer(one, one.wait_text("all of you"))
    alice.wait("receipt", delivered=8, displayed=8)
    # nobody but the room speaks for many
    mid = imdn.header(others[0].chats[0], "Message-ID")
    forged = imdn.document(mid, more='<n:count xmlns:n="urn:x-mrf:imdn">99</n:count>')
    assert others[0].session.send(
        imdn.notification(others[0], alice.aor, forged)).status() == 200
    others[0].send_text("done")
    alice.wait("message", text="done")
    assert max(e["delivered"] for e in alice.events("receipt")) == 8


def test_people_are_told_in_words(joined):
    # covers: COMP-002
    alice = joined("alice", "--imdn", text=True)
    bob = joined("bob")
    alice.wait_line("bob is here")
    alice.do("hello")
    alice.wait_line("delivered to 1, displayed by 1")
    bob.do("/typing")
    alice.wait_line("bob is typing")
    bob.do("/typing off")
    alice.wait_line("bob has stopped typing")


def test_typing_is_sent_and_ends_by_content(joined, ue, room):
    # covers: COMP-001, COMP-002
    bob = joined("bob")
    alice = ue("alice").join(room)
    bob.do("/typing")
    bob.do("/typing")  # still: nothing new to tell
    bob.do("so I said")
    alice.wait_text("so I said")
    shown = [c for c in alice.chats if c.content_type == imdn.COMPOSING]
    assert len(shown) == 1 and b"<state>active</state>" in shown[0].content
    assert b"<refresh>60</refresh>" in shown[0].content
    bob.do("/typing off")  # what was typed is said: idle already
    bob.do("next")
    alice.wait_text("next")
    assert len([c for c in alice.chats if c.content_type == imdn.COMPOSING]) == 1


@pytest.mark.parametrize("end", ["idle", "unknown", "content", "time"])
def test_typing_of_others_is_shown_until_it_ends(joined, ue, room, end):
    # covers: COMP-002
    bob = joined("bob")
    alice = ue("alice").join(room)

    def say(state, **kwargs):
        data = alice.cpim(imdn.composing(state, **kwargs), content_type=imdn.COMPOSING)
        assert alice.session.send(data).status() == 200
    say("active", refresh=1 if end == "time" else None)
    bob.wait("typing", active=True, **{"from": alice.aor})
    if end == "idle":
        say("idle")
    elif end == "unknown":
        say("thinking")
    elif end == "content":
        alice.send_text("content")
    bob.wait("typing", active=False, **{"from": alice.aor})
    if end == "content":
        bob.wait("message", text="content")


@pytest.mark.parametrize("require, shown", [
    ("From, DateTime,imdn.Message-ID", True), ("To, Priority", False), ("x.Unknown", False)])
def test_a_message_that_needs_an_unknown_header_fails_there(joined, ue, room, require, shown):
    # covers: CPIM-006, MSRP-140
    bob = joined("bob")
    alice, carol = ue("alice").join(room), ue("carol").join(room)
    data = alice.cpim("conditional", extra=[
        imdn.HEADER, "imdn.Message-ID: abcdefghij0123456789", "Require: " + require])
    assert alice.session.send(data).status() == 200
    assert carol.wait_text("conditional").message.data == data  # the switch passes it on as it is
    alice.send_text("after it")
    bob.wait("message", text="after it")
    assert len(bob.events("message", text="conditional")) == shown
