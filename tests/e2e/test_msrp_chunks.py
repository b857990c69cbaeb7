# SPDX-License-Identifier: Apache-2.0
"""Chunks and byte ranges: what a switch takes from a sender and how it passes it on."""

import os

import pytest

from peer.loop import wait
from peer.msrpmsg import new_id
from peer.ue import fence
from wire import exchange, usable

OCTETS = "application/octet-stream"


def received(member, data):
    """Wait until member has exactly this CPIM message; returns the Incoming."""
    return member.session.wait_message(lambda m: m.complete and m.data == data,
                                       what="a message of %d octets" % len(data))


def send_ranges(session, data, cuts, mid=None, total=True):
    """Send chunks [(first octet, last octet, flag)] of data; returns their statuses."""
    mid = mid or new_id("m")
    txs = [session.conn.send(session.chunk(data[s - 1:e], s, len(data) if total else None, flag,
                                           message_id=mid)) for s, e, flag in cuts]
    return [t.status() for t in txs]


def test_a_send_without_message_id_is_400(trio):
    # covers: MSRP-060
    _, alice, bob, _ = trio
    assert exchange(alice.session, fields=["Byte-Range: 1-5/5"], body=alice.cpim("no id")) == 400
    assert exchange(alice.session, fields=["Byte-Range: 1-0/0"]) == 400
    fence(alice, bob)
    assert "no id" not in bob.texts


def test_only_a_first_chunk_may_do_without_byte_range(trio):
    # covers: MSRP-061
    _, alice, bob, _ = trio
    data = alice.cpim("x" * 4000)
    first = alice.session.chunk(data[:2100], 1, None, "+", message_id="norange1", byte_range=False)
    second = alice.session.chunk(data[2100:], 1, None, "$", message_id="norange1",
                                 byte_range=False)
    assert alice.conn.send(first).status() == 200
    assert alice.conn.send(second).status() == 400
    whole = alice.session.chunk(data, message_id="norange2", byte_range=False)
    assert alice.conn.send(whole).status() == 200
    assert received(bob, data).message_id


@pytest.mark.parametrize("byte_range", ["1-*/*", "1-{n}/*", "1-*/{n}", "1-{n}/{n}"])
def test_end_and_total_may_be_unknown(trio, byte_range):
    # covers: MSRP-062, MSRP-063
    _, alice, bob, _ = trio
    data = alice.cpim(os.urandom(5000), content_type=OCTETS)
    chunk = alice.session.chunk(data, byte_range=byte_range.format(n=len(data)))
    assert alice.conn.send(chunk).status() == 200
    copy = received(bob, data)
    for frame in copy.chunks:  # ours is interruptible, whatever the sender's was
        start, end, total = frame.byte_range
        assert end is None or len(frame.body) <= 2048
        assert total in (None, len(data)) and start >= 1


@pytest.mark.parametrize("size", [0, 1, 2047, 2048, 2049, 4096, 65536, 300000])
def test_messages_of_every_size_arrive(trio, size):
    # covers: MSRP-082, MSRP-065, SW-028
    _, alice, bob, carol = trio
    data = alice.cpim(os.urandom(size), content_type=OCTETS)
    assert alice.session.send(data).status() == 200
    for member in (bob, carol):
        copy = received(member, data)
        assert all(len(f.body) >= 2048 for f in copy.chunks[:-1]), "a small chunk amid others"
        starts = [f.byte_range[0] for f in copy.chunks]
        lengths = [len(f.body) for f in copy.chunks]
        assert starts == [1 + sum(lengths[:i]) for i in range(len(starts))]


def test_chunks_come_in_any_order_and_overlap(trio):
    # covers: MSRP-067, MSRP-090
    _, alice, bob, carol = trio
    data = alice.cpim(os.urandom(9000), content_type=OCTETS)
    last = len(data)
    cuts = [(6001, last, "$"), (1, 3000, "+"), (3001, 6000, "+")]
    assert send_ranges(alice.session, data, cuts) == [200] * 3
    received(bob, data)
    received(carol, data)
    # 3000..5000 arrives twice, the second time right
    wrong = data[:3000] + bytes(3000) + data[6000:]
    mid = new_id("m")
    assert send_ranges(alice.session, wrong, [(1, 5000, "+")], mid) == [200]
    assert send_ranges(alice.session, data, [(3001, last, "$")], mid) == [200]
    wait(lambda: sum(m.complete and m.data == data for m in bob.session.messages) == 2,
         what="the corrected message")


def test_the_real_length_counts_not_the_declared_end(trio):
    # covers: MSRP-068
    _, alice, bob, _ = trio
    data = alice.cpim("twenty octets of text")
    total = len(data)
    first = alice.session.chunk(data[:50], byte_range="1-70/%d" % total, flag="+",
                                message_id="lengths1")
    second = alice.session.chunk(data[50:], byte_range="51-60/%d" % total, message_id="lengths1")
    assert [alice.conn.send(c).status() for c in (first, second)] == [200, 200]
    received(bob, data)


@pytest.mark.parametrize("declared", [10, -2, 2])
def test_a_total_that_contradicts_the_content_harms_nobody(trio, bystanders, declared):
    # covers: MSRP-069
    _, alice, bob, carol = trio
    data = alice.cpim("content decides")
    total = declared if declared > 0 else len(data) + declared
    if declared == 2:
        total = len(data) + 2
    chunk = alice.session.chunk(data, byte_range="1-%d/%d" % (len(data), total))
    assert alice.conn.send(chunk).status() == (200 if total > len(data) else 400)
    usable(alice.session)
    fence(bob, alice, carol)
    bystanders.undisturbed()


def test_octets_beyond_the_announced_total_end_the_message(trio):
    # covers: MSRP-069
    _, alice, bob, carol = trio
    data = alice.cpim(os.urandom(200000), content_type=OCTETS)
    mid = new_id("m")
    first = alice.session.chunk(data[:4000], 1, 5000, "+", message_id=mid)
    rest = [alice.session.chunk(data[at:at + 40000], at + 1, 5000, "+", message_id=mid)
            for at in range(4000, 200000, 40000)]
    assert [alice.conn.send(c).status() for c in [first] + rest] == [200] + [400] * len(rest)
    for member in (bob, carol):
        msg = member.session.wait_message(lambda m: m.aborted, what="an abort")
        assert not msg.complete and len(msg.data) <= 5000
    fence(bob, alice, carol)


def test_an_aborted_message_is_aborted_for_all(trio):
    # covers: MSRP-070, SW-034
    _, alice, bob, carol = trio
    data = alice.cpim(os.urandom(20000), content_type=OCTETS)
    chunks = [alice.session.chunk(data[:8000], 1, 100000, "+", message_id="aborted1"),
              alice.session.chunk(data[8000:12000], 8001, 100000, "#", message_id="aborted1")]
    assert [alice.conn.send(c).status() for c in chunks] == [200, 200]
    for member in (bob, carol):
        msg = member.session.wait_message(lambda m: m.aborted, what="an abort")
        assert not msg.complete
    # before anything was passed on, nobody hears of it
    early = alice.session.chunk(data[:20], 1, 100, "#", message_id="aborted2")
    assert alice.conn.send(early).status() == 200
    fence(alice, bob, carol)
    assert len(bob.session.messages) == 2


def test_loss_of_the_sender_aborts_its_message(trio):
    # covers: SW-034
    _, alice, bob, carol = trio
    data = alice.cpim(os.urandom(9000), content_type=OCTETS)
    assert send_ranges(alice.session, data + bytes(9000), [(1, 9000, "+")]) == [200]
    alice.conn.reset()
    for member in (bob, carol):
        member.session.wait_message(lambda m: m.aborted, what="an abort")
    fence(bob, carol)


def test_numbers_beyond_63_bits_do_not_wrap(trio, bystanders):
    # covers: MSRP-074
    _, alice, bob, _ = trio
    for byte_range in ("1-99999999999999999999/99999999999999999999", "1-*/99999999999999999999",
                       "18446744073709551617-*/18446744073709551700", "1-*/18446744073709551617"):
        chunk = alice.session.chunk(alice.cpim("wrapped"), byte_range=byte_range)
        assert alice.conn.send(chunk).status() in (400, 413), byte_range
    fence(alice, bob)
    assert "wrapped" not in bob.texts
    bystanders.undisturbed()


@pytest.fixture(scope="module")
def small_mrf(tmp_path_factory):
    """A pair whose messages end at 64 KiB."""
    from peer.servers import Pair
    pair = Pair(tmp_path_factory.mktemp("small"), mrfp={"msrp.max_size": 65536})
    yield pair
    pair.stop()


@pytest.fixture
def small_trio(small_mrf, ue, room):
    return [ue(n, net=small_mrf).join(room) for n in ("alice", "bob", "carol")]


def test_max_size_is_told_and_kept(small_trio):
    # covers: MSRP-075, MSRP-128
    alice, bob, carol = small_trio
    assert alice.answer.msg.max_size == 65536
    fits = alice.cpim(b"x", content_type=OCTETS)
    fits += b"x" * (65536 - len(fits))
    assert alice.session.send(fits).status() == 200
    received(bob, fits)
    assert alice.session.send(fits + b"x").status() == 413
    fence(alice, bob, carol)
    assert len(bob.session.messages) == 2


def test_too_large_by_total_is_413_at_once_and_for_every_further_chunk(small_trio, small_mrf):
    # covers: MSRP-073, MSRP-075
    alice, bob, carol = small_trio
    before = small_mrf.mrfp.rss_bytes()
    data = alice.cpim("0123456789")
    for total in (65537, 10 ** 12, 2 ** 62):
        mid = new_id("m")
        first = alice.session.chunk(data, byte_range="1-*/%d" % total, flag="+", message_id=mid)
        assert alice.conn.send(first).status() == 413
        more = alice.session.chunk(data, byte_range="%d-*/%d" % (len(data) + 1, total), flag="+",
                                   message_id=mid)
        assert alice.conn.send(more).status() == 413
        end = alice.session.chunk(b"", byte_range="%d-*/%d" % (len(data) + 1, total), flag="#",
                                  message_id=mid)
        alice.conn.send(end)
    fence(alice, bob, carol)
    assert [m for m in bob.session.messages if m.data == data] == []
    assert small_mrf.mrfp.rss_bytes() - before < 8 << 20


def test_too_large_by_count_is_413_and_aborted_for_all(small_trio):
    # covers: MSRP-075, SW-034
    alice, bob, carol = small_trio
    data = alice.cpim(os.urandom(100000), content_type=OCTETS)
    mid = new_id("m")
    statuses = [alice.conn.send(alice.session.chunk(
        data[at:at + 20000], at + 1, None, "+", message_id=mid)).status()
        for at in range(0, 100000, 20000)]
    assert statuses[:3] == [200] * 3 and statuses[3:] == [413] * 2
    for member in (bob, carol):
        member.session.wait_message(lambda m: m.aborted, what="an abort")
    fence(alice, bob, carol)


def test_a_receiver_that_says_413_gets_no_more_of_that_message(trio):
    # covers: MSRP-076, MSRP-109, SW-035
    _, alice, bob, carol = trio
    data = alice.cpim(os.urandom(30000), content_type=OCTETS)
    bob.session.answer = lambda frame: 413
    assert send_ranges(alice.session, data, [(1, 5000, "+")], "stopped1") == [200]
    mine = bob.session.wait_message(lambda m: True)
    wait(lambda: mine.aborted, what="the abort at bob")
    bob.session.answer = None
    assert send_ranges(alice.session, data, [(5001, 20000, "+"), (20001, len(data), "$")],
                       "stopped1") == [200, 200]
    received(carol, data)
    fence(alice, bob, carol)
    assert mine.chunks[-1].flag == "#" and len(mine.buf) < 20000


def test_a_failure_report_stops_a_message_in_flight(trio):
    # covers: MSRP-109, SW-037
    _, alice, bob, carol = trio
    data = alice.cpim(os.urandom(30000), content_type=OCTETS)
    assert send_ranges(alice.session, data, [(1, 5000, "+")], "reported1") == [200]
    mine = bob.session.wait_message(lambda m: True)
    bob.session.report(mine.message_id, "1-5000/%d" % len(data), "000 413 Stop")
    wait(lambda: mine.aborted, what="the abort at bob")
    assert send_ranges(alice.session, data, [(5001, len(data), "$")], "reported1") == [200]
    received(carol, data)
    fence(alice, bob, carol)
    assert mine.chunks[-1].flag == "#" and alice.session.reports == []


def test_many_unfinished_messages_of_one_sender_are_bounded(trio, bystanders):
    # covers: MSRP-078
    _, alice, bob, carol = trio
    data = alice.cpim("unfinished")
    statuses = [alice.conn.send(alice.session.chunk(
        data, 1, len(data) + 100, "+", message_id="open%d" % n)).status() for n in range(33)]
    assert statuses[:32] == [200] * 32 and statuses[32] == 413
    tail = alice.session.chunk(b"y" * 100, len(data) + 1, len(data) + 100, "$",
                               message_id="open0")
    assert alice.conn.send(tail).status() == 200
    received(bob, data + b"y" * 100)
    one_more = alice.session.chunk(data, 1, len(data) + 100, "+", message_id="open99")
    assert alice.conn.send(one_more).status() == 200
    bystanders.undisturbed()


def test_the_first_chunk_decides_about_reports_and_type(trio):
    # covers: MSRP-079, MSRP-081
    _, alice, bob, carol = trio
    data = alice.cpim(os.urandom(6000), content_type=OCTETS)
    first = alice.session.chunk(data[:3000], 1, len(data), "+", message_id="mixed1",
                                headers=[("Success-Report", "yes")])
    second = alice.session.chunk(data[3000:], 3001, len(data), "$", message_id="mixed1",
                                 content_type="text/plain", headers=[("Success-Report", "no")])
    assert [alice.conn.send(c).status() for c in (first, second)] == [200, 200]
    copy = received(bob, data)
    assert {f.content_type for f in copy.chunks} == {"message/cpim"}
    assert alice.session.wait_report("mixed1").get("Status").startswith("000 200")
    fence(alice, bob, carol)


def test_an_unknown_disposition_that_must_be_handled_is_415(trio):
    # covers: MSRP-083
    _, alice, bob, _ = trio
    fields = ["Message-ID: " + new_id("m"), "Byte-Range: 1-*/*"]
    body = alice.cpim("disposed")
    odd = ["Content-Disposition: x-odd;handling=required"]
    assert exchange(alice.session, fields=fields + odd, body=body) == 415
    fields[0] = "Message-ID: " + new_id("m")
    soft = ["Content-Disposition: x-odd;handling=optional"]
    assert exchange(alice.session, fields=fields + soft, body=body) == 200
    fence(alice, bob)
    assert bob.texts.count("disposed") == 1


def test_chat_and_answers_pass_a_file_in_flight(ue, trio):
    # covers: MSRP-064, MSRP-066, SW-042
    room, alice, bob, carol = trio
    slow = ue("dave")
    slow.rcvbuf = 4096
    slow.join(room)
    slow.conn.pause_reading()
    size = 3 << 20
    data = carol.cpim(bytes(size), content_type=OCTETS)
    file_tx = carol.session.send(data)
    assert file_tx.status() == 200
    asked = slow.session.keepalive()
    alice.send_text("chat does not wait")
    bob.wait_text("chat does not wait")
    slow.conn.resume_reading()
    assert asked.status() == 200
    received(slow, data)
    frames = slow.conn.frames
    last = max(i for i, f in enumerate(frames) if f.method == "SEND" and f.body and
               f.byte_range[2] == len(data))
    chat = next(i for i, f in enumerate(frames) if f.body and b"chat does not wait" in f.body)
    answer = next(i for i, f in enumerate(frames) if f.tid == asked.tid)
    assert chat < last and answer < last, "the file was not interrupted"


def test_two_files_to_one_receiver_alternate(ue, trio):
    # covers: MSRP-066, SW-042
    room, alice, bob, carol = trio
    data = {m: m.cpim(os.urandom(1 << 20), content_type=OCTETS) for m in (alice, carol)}
    txs = []
    step = 65536
    for at in range(0, max(map(len, data.values())), step):
        for member, body in data.items():
            flag = "+" if at + step < len(body) else "$"
            if at < len(body):
                txs.append(member.conn.send(member.session.chunk(
                    body[at:at + step], at + 1, len(body), flag,
                    message_id="file-" + member.name)))
    assert {t.status() for t in txs} == {200}
    copies = [received(bob, body) for body in data.values()]
    spans = [[i for i, f in enumerate(bob.conn.frames) if f.message_id == c.message_id]
             for c in copies]
    assert spans[0][0] < spans[1][-1] and spans[1][0] < spans[0][-1]
