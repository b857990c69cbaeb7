# SPDX-License-Identifier: Apache-2.0
"""Transactions, responses and REPORTs, in both directions."""

import os

import pytest

from peer import sdp
from peer.loop import wait
from peer.msrpmsg import Frame, new_id
from peer.sipcall import bye_reason
from peer.ue import fence
from wire import exchange, octets, silent, usable

WANTED = {"yes": (True, True), None: (True, True), "partial": (False, True), "no": (False, False)}


@pytest.mark.parametrize("report", WANTED)
def test_answers_follow_failure_report(trio, report):
    # covers: MSRP-080, MSRP-093
    _, alice, bob, carol = trio
    on_ok, on_error = WANTED[report]
    extra = ["Failure-Report: " + report] if report else []

    def sent(body, expected, answered, content_type="message/cpim", method="SEND"):
        fields = ["Message-ID: " + new_id("m"), "Byte-Range: 1-%d/%d" % (len(body), len(body))]
        tid, data = octets(alice.session, fields=fields + extra, body=body, method=method,
                           content_type=content_type)
        alice.conn.send_raw(data)
        if answered:
            assert alice.conn.wait_response(tid).status == expected
        else:
            silent(alice.session, tid)

    sent(alice.cpim("fine"), 200, on_ok)
    sent(b"plain", 415, on_error, "text/plain")
    sent(alice.cpim("forged", from_="sip:bob@example.com"), 403, on_error)
    sent(alice.cpim("whom", to="sip:nobody@example.com"), 404, on_error)
    fence(alice, bob, carol)
    assert bob.texts[0] == "fine" and len(bob.texts) == 2
    assert alice.session.reports == []


def test_every_chunk_is_answered(trio):
    # covers: MSRP-090, SW-036
    _, alice, bob, _ = trio
    txs = alice.session.send_chunks(alice.cpim("x" * 9000), 3000)
    assert [t.status() for t in txs] == [200] * len(txs) and len(txs) >= 3
    bob.wait_text("x" * 9000)


@pytest.fixture
def behind(ue, room):
    """A member whose path has three URIs, as one behind two relays."""
    one = ue("mallory")
    one.new_session()
    hops = ["msrp://127.0.0.1:%d/hop%d%s;tcp" % (one.listener.addr[1], n, new_id())
            for n in (1, 2)]
    one.path = hops + [one.session.local]
    text = one.offer(new=False, setup="active", path=" ".join(one.path))
    call = one.invite(room, text)
    one.room = one.uri_of(room)
    one.take_answer(call.expect(200).text)
    one.open_media_as = " ".join(one.path)
    one.conns.append(one.session.connect().conn)
    assert exchange(one.session, from_=one.open_media_as) == 200
    return one


def test_who_is_behind_relays_gets_its_whole_path_where_it_is_due(behind, ue, room):
    # covers: MSRP-091, MSRP-092, MSRP-104, MSRP-130, SW-071
    bob = ue("bob").join(room)
    conn, path = behind.conn, " ".join(behind.path)
    body = behind.cpim("from afar")
    fields = ["Message-ID: afar1", "Success-Report: yes",
              "Byte-Range: 1-%d/%d" % (len(body), len(body))]
    tid, data = octets(behind.session, from_=path, fields=fields, body=body)
    conn.send_raw(data)
    assert conn.wait_response(tid).get("To-Path") == behind.path[0]
    assert conn.wait_response(tid).get("From-Path") == behind.session.remote[0]
    bob.wait_text("from afar")
    assert behind.session.wait_report("afar1").get("To-Path") == path
    tid, data = octets(behind.session, method="NICKNAME", from_=path,
                       fields=['Use-Nickname: "Far"'])
    conn.send_raw(data)
    assert conn.wait_response(tid).get("To-Path") == path
    bob.send_text("and back")
    copy = behind.wait_text("and back").message.first
    assert copy.get("To-Path") == path and copy.get("From-Path") == behind.session.remote[0]


def test_unknown_methods_are_501(trio, bystanders):
    # covers: MSRP-099
    _, alice, bob, carol = trio
    assert exchange(alice.session, method="FOO") == 501
    assert exchange(alice.session, method="FOO", body=b"x" * 3000, content_type="text/plain") == 501
    assert exchange(alice.session, method="AUTH", fields=[]) == 501
    fence(alice, bob, carol)
    bystanders.undisturbed()


def test_a_type_we_do_not_take_is_415(trio):
    # covers: MSRP-101, SW-020
    _, alice, bob, _ = trio
    for kind in ("video/x-none", "text/plain", "multipart/mixed;boundary=b"):
        assert alice.session.send(b"content", kind).status() == 415
    fence(alice, bob)
    assert len(bob.session.messages) == 1


@pytest.mark.parametrize("chunk", [100000, 3000])
def test_one_success_report_for_the_whole_message(trio, chunk):
    # covers: MSRP-103, MSRP-104, SW-038
    _, alice, bob, carol = trio
    data = alice.cpim(os.urandom(9000), content_type="application/octet-stream")
    txs = alice.session.send_chunks(data, chunk, headers=[("Success-Report", "yes")],
                                    message_id="tell-me-1")
    assert {t.status() for t in txs} == {200}
    report = alice.session.wait_report("tell-me-1")
    n = len(data)
    assert report.headers == [
        ("To-Path", alice.session.local), ("From-Path", alice.session.remote[0]),
        ("Message-ID", "tell-me-1"), ("Byte-Range", "1-%d/%d" % (n, n)), ("Status", "000 200 OK")]
    assert report.body is None and report.flag == "$"
    fence(alice, bob, carol)
    usable(alice.session)
    assert len(alice.session.reports) == 1


@pytest.mark.parametrize("value", [None, "no"])
def test_no_success_report_unless_asked_for(trio, value):
    # covers: MSRP-105, MSRP-080
    _, alice, bob, carol = trio
    alice.send_text("quietly", headers=[("Success-Report", value)] if value else [])
    fence(alice, bob, carol)
    usable(alice.session)
    assert alice.session.reports == []


def test_nobody_answers_a_report(trio, bystanders):
    # covers: MSRP-106, MSRP-108, MSRP-110
    _, alice, bob, carol = trio
    for status in ("000 200 OK", "000 413 Stop", "123 500 x", "000 999 y", "nonsense", "000"):
        tx = alice.session.report("unknown1", status=status)
        silent(alice.session, tx.tid)
    for fields in ([], ["Message-ID: x"], ["Message-ID: abcd1", "Byte-Range: 9-/1"]):
        tid, data = octets(alice.session, method="REPORT", fields=fields)
        alice.conn.send_raw(data)
        silent(alice.session, tid)
    fence(bob, alice, carol)
    bystanders.undisturbed()


def test_reports_of_receivers_stay_here(trio):
    # covers: SW-037, MSRP-108, MSRP-110
    _, alice, bob, carol = trio
    tx = alice.send("report on me", headers=[("Success-Report", "yes")], message_id="mine-1")
    assert tx.status() == 200
    copy = bob.wait_text("report on me").message
    bob.session.report(copy.message_id, "1-1/1", "000 200 OK")
    bob.session.report(copy.message_id, "1-1/1", "123 413 other namespace")
    alice.session.wait_report("mine-1")
    fence(bob, alice, carol)
    fence(alice, bob, carol)
    assert len(alice.session.reports) == 1
    assert carol.session.reports == []


def test_a_private_message_lost_on_its_way_is_reported(ue, trio):
    # covers: MSRP-107, SW-055
    room, alice, bob, carol = trio
    slow = ue("dave")
    slow.rcvbuf = 4096
    slow.join(room)
    slow.conn.pause_reading()
    body = alice.cpim("p" * 400000, to=slow.aor)
    first = alice.session.send(body, message_id="lost-1")
    assert first.status() == 200
    quiet = alice.session.send(alice.cpim("q", to=slow.aor), message_id="lost-2",
                               headers=[("Failure-Report", "no")])
    slow.conn.reset()
    report = alice.session.wait_report("lost-1")
    namespace, code = report.get("Status").split(" ")[:2]
    assert namespace == "000" and code in ("408", "481")
    assert report.byte_range is not None
    fence(alice, bob, carol)
    usable(alice.session)
    assert [r.message_id for r in alice.session.reports] == ["lost-1"]
    assert not quiet.answered


def test_receivers_need_not_answer_for_the_next_message_to_come(trio):
    # covers: MSRP-095, SW-036
    _, alice, bob, carol = trio
    bob.conn.auto_answer = False
    for n in range(50):
        alice.send_text("n%d" % n)
    bob.wait_text("n49")
    fence(alice, carol)
    late = [Frame(f.tid, status=200, headers=[("To-Path", f.from_path[0]),
                                              ("From-Path", f.to_path[0])])
            for f in bob.conn.frames if f.method == "SEND"]
    bob.conn.send_raw(b"".join(f.build() for f in late))
    bob.conn.auto_answer = True
    usable(bob.session)


def test_a_receiver_that_never_answers_is_counted_and_the_sender_does_not_mind(own_mrf, ue, room):
    # covers: MSRP-094, SW-036
    net = own_mrf(mrfp={"msrp.response_timeout": "200ms"})
    alice, bob, carol = [ue(n, net=net).join(room) for n in ("alice", "bob", "carol")]
    bob.conn.auto_answer = False
    before = net.mrfp.metrics().sum("mrfp_copies_settled_total", outcome="lost")
    alice.send_text("hello?")
    bob.wait_text("hello?")
    net.mrfp.wait_metric(lambda m: m.sum("mrfp_copies_settled_total", outcome="lost") > before)
    fence(alice, carol)
    assert alice.session.reports == []


FATAL = {481: "SIP"}


def test_a_receiver_that_says_481_has_no_session(trio):
    # covers: MSRP-097, SW-035
    _, alice, bob, carol = trio
    bob.session.answer = lambda frame: 481
    alice.send_text("are you there")
    assert bye_reason(bob.call.wait_bye(30))[0] == "SIP"
    fence(alice, carol)
    assert not carol.call.ended and not alice.call.ended


def test_a_receiver_that_says_415_gets_no_more_of_that_type(trio):
    # covers: MSRP-097, SW-035
    _, alice, bob, carol = trio
    bob.session.answer = lambda f: 415 if b"text/html" in f.body else 200
    alice.send_text("<b>one</b>", content_type="text/html")
    bob.wait_text("<b>one</b>")
    fence(alice, bob, carol)
    alice.send_text("<b>two</b>", content_type="text/html")
    fence(alice, bob, carol)
    assert "<b>two</b>" in carol.texts and "<b>two</b>" not in bob.texts


@pytest.mark.parametrize("status", [400, 403, 408, 413, 501, 299, 499, 599])
def test_other_refusals_stop_one_copy_and_nothing_else(trio, status):
    # covers: SW-035, MSRP-096, SW-037
    _, alice, bob, carol = trio
    bob.session.answer = lambda f: status if b"refuse" in f.body else 200
    alice.send_text("refuse me")
    carol.wait_text("refuse me")
    bob.session.answer = None
    fence(alice, bob, carol)
    assert alice.session.reports == [] and not bob.call.ended


def test_a_receiver_of_content_only_may_not_send_it(ue, trio):
    # covers: MSRP-113
    room, alice, bob, carol = trio
    mute = ue("dave").join(room, direction="recvonly")
    assert mute.answer.msg.direction == "sendonly"
    assert mute.send("content").status() == 403
    usable(mute.session)
    alice.send_text("to all")
    assert mute.wait_text("to all")
    fence(bob, carol)
    assert "content" not in carol.texts
    # and back again
    txn = mute.call.reinvite(mute.offer(new=False, direction="sendrecv"))
    assert sdp.Sdp(txn.expect(200).text).msg.direction == "sendrecv"
    wait(lambda: mute.send("now I may").status() == 200, what="permission")
    carol.wait_text("now I may")
