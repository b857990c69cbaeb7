# SPDX-License-Identifier: Apache-2.0
"""Private messages, and the order of the checks that a message has to pass."""

import pytest

from peer import cpim
from peer.cpim import Cpim
from peer.msrpmsg import new_id
from peer.servers import poll
from peer.ue import fence
from wire import exchange, replaced, usable


def test_a_private_message_goes_to_one(trio):
    # covers: SW-050
    _, alice, bob, carol = trio
    data = alice.cpim("psst", to=bob)
    assert alice.session.send(data).status() == 200
    got = bob.wait_text("psst")
    assert got.message.data == data and got.to == bob.aor
    fence(alice, bob, carol)
    fence(bob, carol, alice)
    assert "psst" not in carol.texts + alice.texts and bob.texts.count("psst") == 1


@pytest.mark.parametrize("to", ["sip:nobody@example.com", "sip:bob@example.org", "tel:+123",
                                "sip:anonymous@anonymous.invalid.example.com", "mailto:bob@x"])
def test_to_a_stranger_is_404(trio, to):
    # covers: SW-051
    _, alice, bob, carol = trio
    assert alice.send("whom", to=to).status() == 404
    fence(alice, bob, carol)
    assert "whom" not in bob.texts + carol.texts


def test_who_has_left_is_a_stranger(trio, mrf, room):
    # covers: SW-051
    _, alice, bob, carol = trio
    bob.leave()
    poll(lambda: alice.send("gone", to=bob).status() == 404, what="bob a stranger")
    fence(alice, carol)
    assert "gone" not in carol.texts


@pytest.mark.parametrize("chatroom", [None, "", "nickname"])
def test_who_did_not_declare_private_messages_gets_none(ue, trio, chatroom):
    # covers: SW-052, SW-008
    room, alice, bob, carol = trio
    plain = ue("dave").join(room, chatroom=chatroom)
    assert alice.send("psst", to=plain).status() == 428
    fence(alice, bob, carol, plain)
    assert "psst" not in plain.texts + bob.texts


def test_each_capable_device_gets_a_copy(ue, trio):
    # covers: SW-054
    room, alice, bob, carol = trio
    phone = ue("bob").join(room)
    old = ue("bob").join(room, chatroom=None)
    alice.private(bob, "to all of you")
    bob.wait_text("to all of you")
    phone.wait_text("to all of you")
    fence(alice, bob, phone, old, carol)
    assert "to all of you" not in old.texts + carol.texts


def test_a_success_report_about_a_private_message_names_both(trio):
    # covers: SW-055, SW-038
    _, alice, bob, carol = trio
    tx = alice.send("psst", to=bob, headers=[("Success-Report", "yes")], message_id="priv-1")
    assert tx.status() == 200
    report = alice.session.wait_report("priv-1")
    assert report.get("Status").startswith("000 200")
    assert report.content_type.startswith("message/cpim")
    body = report.body if report.body.count(b"\r\n\r\n") > 1 else report.body + b"\r\n\r\n"
    told = Cpim(body)
    assert told.uri("From") == alice.aor and told.uri("To") == bob.aor
    fence(alice, bob, carol)
    usable(alice.session)
    assert len(alice.session.reports) == 1


def test_the_first_fault_in_order_is_the_one_answered(ue, small_pair, room):
    # covers: SW-056, MSRP-100
    alice, bob, mute = [ue(n, net=small_pair) for n in ("alice", "bob", "mute")]
    alice.join(room)
    bob.join(room)
    mute.join(room, chatroom=None)
    nowhere = replaced(alice.session.remote[0], session=new_id())
    big = "b" * 70000
    both = ["sip:ghost@example.com", alice.room]

    def status(from_=alice.aor, to=bob.aor, content="x", kind="text/plain", **kwargs):
        kwargs.setdefault("body", cpim.build(from_, to, content, kind))
        size = len(kwargs["body"])
        kwargs.setdefault("fields", ["Message-ID: " + new_id("m"), "Byte-Range: 1-*/%d" % size])
        return exchange(alice.session, **kwargs)

    # each line has all the faults of those below it
    assert status(to=both, from_="sip:ghost@example.com", method="FOO") == 501
    assert exchange(alice.session, to=nowhere, method="FOO", body=b"x") == 481
    assert status(body=b"no cpim", content_type="text/plain") == 415
    assert status(from_="sip:ghost@example.com", to=both) == 403
    assert status(to=both) == 403
    assert status(to="sip:ghost@example.com", kind="video/x") == 404
    assert status(to=mute.aor, kind="video/x") == 428
    assert status(kind="video/x") == 415
    assert status(content=big) == 413
    assert status() == 200
    fence(alice, bob, mute)
    assert bob.texts[0] == "x" and len(bob.texts) == 2 and len(mute.texts) == 1


@pytest.fixture
def small_pair(own_mrf):
    return own_mrf(mrfc={"conference.wrapped_types": "text/plain"}, mrfp={"msrp.max_size": 65536})


def test_a_private_message_in_chunks_and_its_abort(trio):
    # covers: SW-050, SW-034
    _, alice, bob, carol = trio
    data = alice.cpim("p" * 10000, to=bob)
    assert {t.status() for t in alice.session.send_chunks(data, 3000)} == {200}
    assert bob.wait_text("p" * 10000).message.data == data
    part = alice.session.chunk(data[:3000], 1, len(data), "+", message_id="priv-abort")
    stop = alice.session.chunk(data[3000:4000], 3001, len(data), "#", message_id="priv-abort")
    assert [alice.conn.send(c).status() for c in (part, stop)] == [200, 200]
    bob.session.wait_message(lambda m: m.aborted, what="the abort")
    fence(alice, bob, carol)
    assert len(carol.session.messages) == 1
