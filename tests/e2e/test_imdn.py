# SPDX-License-Identifier: Apache-2.0
"""Disposition notifications through the switch: one by one in small rooms, summed up in large ones."""

import pytest

from peer import imdn
from peer.loop import wait
from peer.ue import fence

MIXED = "text/plain message/imdn+xml multipart/mixed"


@pytest.mark.parametrize("prefix", ["imdn", "x"])
def test_a_request_passes_untouched_and_is_answered_one_by_one(trio, prefix):
    # covers: IMDN-001, IMDN-002, CPIM-002, CPIM-005
    _, alice, bob, carol = trio
    data, mid = imdn.ask(alice, "notify me", prefix=prefix)
    assert alice.session.send(data).status() == 200
    for one in (bob, carol):
        chat = one.wait_text("notify me")
        assert chat.message.data == data
        assert imdn.header(chat, "Message-ID") == mid
        assert all(t.status() == 200 for t in imdn.answer(one, chat))
    fence(bob, alice, carol)
    fence(carol, alice, bob)
    docs = imdn.documents(alice)
    assert sorted((d.chat.from_, d.kind, d.status) for d in docs) == sorted(
        (one.aor, k, s) for one in (bob, carol)
        for k, s in (("delivery", "delivered"), ("display", "displayed")))
    assert {d.message_id for d in docs} == {mid}
    assert not imdn.documents(bob) and not imdn.documents(carol)


def test_notifications_need_no_private_messages(ue, room):
    # covers: IMDN-002, IMS-012
    alice = ue("alice").join(room, chatroom="", wrapped="text/plain")
    bob = ue("bob").join(room)
    data, _ = imdn.ask(alice, "from a plain leg")
    assert alice.session.send(data).status() == 200
    txs = imdn.answer(bob, bob.wait_text("from a plain leg"))
    assert [t.status() for t in txs] == [200, 200]
    fence(bob, alice)
    assert len(imdn.documents(alice)) == 2
    assert bob.send("private", to=alice).status() == 428


class Crowd:
    """alice and N - 1 others in a room of a pair of its own."""

    def __init__(self, own_mrf, ue, room, size, limit=3, window="300ms", **media):
        self.net = own_mrf(mrfp={"imdn.pass_limit": limit, "imdn.window": window})
        self.alice = ue("alice", net=self.net).join(room, **media)
        self.others = [ue("user%d" % i, net=self.net).join(room) for i in range(size - 1)]
        self.limit = limit

    def all_notify(self, text="a line", recipient=None, kinds=("delivery", "display")):
        """alice says a line, everybody answers; returns its Message-ID."""
        data, mid = imdn.ask(self.alice, text)
        assert self.alice.session.send(data).status() == 200
        txs = []
        for one in self.others:
            txs += imdn.answer(one, one.wait_text(text), kinds, recipient=recipient)
        assert all(t.status() == 200 for t in txs)
        return mid

    def wait_counted(self, mid, number):
        """Until alice has notifications of a message for this many (recipient, kind)."""
        mine = lambda: [d for d in imdn.documents(self.alice) if d.message_id == mid]  # noqa: E731
        wait(lambda: sum(d.count for d in mine()) >= number, 15, "%d notifications" % number,
             lambda: sum(d.count for d in mine()))
        docs = mine()
        assert sum(d.count for d in docs) == number
        return docs

    def settled(self):
        """Metrics when nothing is open; all sums hold."""
        m = self.net.mrfp.wait_metric(
            lambda m: m.sum("mrfp_copies_open") == 0 and m.sum("mrfp_imdn_held") == 0)
        for kind in ("chat", "imdn", "composing"):
            assert m.sum("mrfp_copies_total", **{"class": kind}) == \
                m.sum("mrfp_copies_settled_total", **{"class": kind})
        assert m.sum("mrfp_imdn_absorbed_total") == \
            m.sum("mrfp_imdn_summarised_total") + m.sum("mrfp_imdn_dropped_total")
        return m


def check_summed_up(crowd, docs, mid):
    """The first few of each kind one by one, the rest in summaries of the room, nothing to others."""
    single = [d for d in docs if not imdn.is_summary(d.chat)]
    assert {k: sum(d.kind == k for d in single) for k in ("delivery", "display")} == \
        {"delivery": crowd.limit, "display": crowd.limit}
    for d in docs:
        if imdn.is_summary(d.chat):
            assert d.chat.from_ == crowd.alice.room and d.chat.to == crowd.alice.aor
            assert imdn.header(d.chat, "Message-ID")
            assert imdn.header(d.chat, "Disposition-Notification") is None
            assert ("Content-Disposition", "notification") in d.chat.cpim.mime
            assert d.chat.cpim.get("DateTime")
            assert len(d.chat.message.data) <= 60 << 10
    for one in crowd.others:
        assert not imdn.documents(one)
    n = len(crowd.others)
    m = crowd.settled()
    assert m.sum("mrfp_imdn_absorbed_total") == 2 * (n - crowd.limit)
    assert m.sum("mrfp_imdn_dropped_total") == 0
    assert m.sum("mrfp_messages_total", **{"class": "imdn", "result": "accepted"}) == 2 * n
    summaries = len({id(d.chat) for d in docs if imdn.is_summary(d.chat)})
    assert m.sum("mrfp_imdn_summaries_total") == summaries
    assert m.sum("mrfp_copies_total", **{"class": "imdn"}) == 2 * crowd.limit + summaries
    assert {d.message_id for d in docs} == {mid}


@pytest.mark.parametrize("size", [30, 100])
def test_a_large_room_sends_summaries_to_the_sender_only(own_mrf, ue, room, size):
    # covers: IMS-013, IMDN-009
    crowd = Crowd(own_mrf, ue, room, size, wrapped=MIXED)
    mid = crowd.all_notify()
    docs = crowd.wait_counted(mid, 2 * (size - 1))
    check_summed_up(crowd, docs, mid)
    for kind, status in (("delivery", "delivered"), ("display", "displayed")):
        named = [d.recipient if imdn.is_summary(d.chat) else d.chat.from_
                 for d in docs if (d.kind, d.status) == (kind, status)]
        assert sorted(named) == sorted(one.aor for one in crowd.others)


def test_a_client_without_multipart_gets_numbers(own_mrf, ue, room):
    # covers: IMS-013, IMDN-009
    crowd = Crowd(own_mrf, ue, room, 12, wrapped="text/plain message/imdn+xml")
    mid = crowd.all_notify()
    docs = crowd.wait_counted(mid, 22)
    check_summed_up(crowd, docs, mid)
    summaries = [d for d in docs if imdn.is_summary(d.chat)]
    assert all(d.recipient is None and d.original is None for d in summaries)
    assert all(d.chat.content_type == imdn.TYPE for d in summaries)
    for kind in ("delivery", "display"):
        assert sum(d.count for d in summaries if d.kind == kind) == 11 - crowd.limit


def test_documents_keep_their_octets_or_are_given_a_name(own_mrf, ue, room):
    # covers: IMDN-009
    crowd = Crowd(own_mrf, ue, room, 3, limit=0, wrapped=MIXED)
    bob, carol = crowd.others
    own = imdn.document("m1", recipient=bob.aor, more='<x:y xmlns:x="urn:x">kept</x:y>')
    other = imdn.document("m1", recipient=crowd.alice.room)
    assert bob.session.send(imdn.notification(bob, crowd.alice, own)).status() == 200
    assert carol.session.send(imdn.notification(carol, crowd.alice, other)).status() == 200
    docs = crowd.wait_counted("m1", 2)
    assert [(d.recipient, d.original) for d in docs] == [
        (bob.aor, None), (carol.aor, crowd.alice.room)]
    assert b'<x:y xmlns:x="urn:x">kept</x:y>' in docs[0].text


def test_each_window_has_its_summary_and_both_legs_of_a_sender_get_it(own_mrf, ue, room):
    # covers: IMS-013, SW-082
    crowd = Crowd(own_mrf, ue, room, 4, limit=0, wrapped=MIXED)
    second = ue("alice", net=crowd.net).join(room, wrapped="text/plain")
    mid = crowd.all_notify("first", kinds=("delivery",))
    crowd.wait_counted(mid, 3)
    wait(lambda: sum(d.count for d in imdn.documents(second)) == 3, what="the second leg's numbers")
    for one in crowd.others:
        assert all(t.status() == 200 for t in imdn.answer(one, one.wait_text("first"), ("display",)))
    docs = crowd.wait_counted(mid, 6)
    assert len({id(d.chat) for d in docs}) == 2
    assert crowd.settled().sum("mrfp_imdn_summarised_total") == 6


def test_a_sender_who_left_gets_nothing_and_it_is_counted(own_mrf, ue, room):
    # covers: IMS-013
    crowd = Crowd(own_mrf, ue, room, 4, limit=0, window="2s", wrapped=MIXED)
    crowd.all_notify(kinds=("delivery",))
    crowd.alice.leave()
    m = crowd.net.mrfp.wait_metric(lambda m: m.sum("mrfp_imdn_dropped_total") == 3)
    assert m.sum("mrfp_imdn_absorbed_total") == 3 and m.sum("mrfp_imdn_held") == 0
    fence(*crowd.others)
    assert not any(imdn.documents(one) for one in crowd.others)


def test_what_cannot_be_summed_up_passes_as_it_came(own_mrf, ue, room):
    # covers: IMS-013, CPIM-002
    crowd = Crowd(own_mrf, ue, room, 4, limit=0, wrapped="*")
    alice, bob = crowd.alice, crowd.others[0]
    odd = [imdn.notification(bob, alice, b"no XML"),
           imdn.notification(bob, alice, imdn.document("m1", more=" " * 9000)),
           imdn.notification(bob, alice, imdn.document("m1", status="read")),
           bob.cpim(b"sealed", to=alice, content_type="application/pkcs7-mime")]
    for data in odd:
        assert bob.session.send(data).status() == 200
    for tx in bob.session.send_chunks(odd[1], 1000):
        assert tx.status() == 200
    fence(bob, alice)
    got = [m.data for m in alice.session.messages if m.complete]
    for data in odd:
        assert data in got
    assert got.count(odd[1]) == 2
    assert crowd.settled().sum("mrfp_imdn_absorbed_total") == 0


def test_a_notification_in_any_chunks_is_summed_up(own_mrf, ue, room):
    # covers: IMS-013, MSRP-067
    crowd = Crowd(own_mrf, ue, room, 4, limit=0, wrapped=MIXED)
    bob = crowd.others[0]
    data = imdn.notification(bob, crowd.alice, imdn.document("m1", recipient=bob.aor))
    for size in (1, 50, 300):
        assert all(t.status() == 200 for t in bob.session.send_chunks(data, size))
    assert bob.session.send_chunks(data, 200, last_flag="#")[-1].status() == 200
    crowd.wait_counted("m1", 3)
    fence(bob, crowd.alice)
    m = crowd.settled()
    assert m.sum("mrfp_imdn_absorbed_total") == 3
    assert m.sum("mrfp_messages_total", **{"class": "imdn", "result": "aborted"}) == 1


def test_a_client_that_refuses_multipart_gets_numbers_from_then_on(own_mrf, ue, room):
    # covers: IMS-013, MSRP-097
    crowd = Crowd(own_mrf, ue, room, 3, limit=0, wrapped=MIXED)
    alice = crowd.alice
    alice.session.answer = lambda f: 415 if b"multipart/mixed" in (f.body or b"") else 200
    crowd.all_notify("one", kinds=("delivery",))
    crowd.net.mrfp.wait_metric(lambda m: m.sum(
        "mrfp_copies_settled_total", **{"class": "imdn", "outcome": "refused"}) == 1)
    mid = crowd.all_notify("two", kinds=("delivery",))
    docs = crowd.wait_counted(mid, 2)
    assert [d.recipient for d in docs] == [None]


CLASSES = {
    "chat": "text/plain", "composing": imdn.COMPOSING, "imdn": imdn.TYPE,
    "file": "application/vnd.gsma.rcs-ft-http+xml",
    "geoloc": "application/vnd.gsma.rcspushlocation+xml",
}


def test_every_class_passes_octet_by_octet_and_is_counted(own_mrf, ue, room):
    # covers: IMS-011
    net = own_mrf()
    alice, bob = [ue(n, net=net).join(room, wrapped="*") for n in ("alice", "bob")]
    bodies = [(kind, bytes(range(256)) + kind.encode()) for kind in CLASSES.values()]
    bodies += [("message/mls", b"\0\r\n\r\n-------\xff"), ("application/x-unknown", b"?")]
    for kind, body in bodies:
        data = alice.cpim(body, content_type=kind)
        assert alice.session.send(data).status() == 200
        wait(lambda: data in [m.data for m in bob.session.messages if m.complete],
             what="the same octets")
    m = net.mrfp.wait_metric(lambda m: m.sum("mrfp_copies_open") == 0)
    for name in CLASSES:
        number = 3 if name == "chat" else 1
        assert m.sum("mrfp_messages_total", **{"class": name, "result": "accepted"}) == number
        assert m.sum("mrfp_copies_settled_total",
                     **{"class": name, "outcome": "delivered"}) == number
