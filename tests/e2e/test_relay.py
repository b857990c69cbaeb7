# SPDX-License-Identifier: Apache-2.0
"""Relay contexts: what passes between two terminations, what is reported, who has to wait."""

import os

import pytest

from peer import bulk, cpim
from peer.cpim import Cpim
from peer.loop import wait
from peer.msrp import Connection
from peer.msrpmsg import new_id
from relaying import (ABORTED, ACCOUNT, ACCOUNTING, DELIVERED, LOST, LOST_OUTCOME,
                      REFUSED, REFUSED_BY_PEER, UNPROVEN, End, make, relay)  # noqa: F401
from test_attack_media import balanced
from test_bulk import PLAIN, Job
from wire import octets, usable


# -- what passes ---------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", ["text/plain", "text/html;charset=UTF-8", "image/png",
                                  "multipart/mixed;boundary=x", "multipart/alternative;boundary=x",
                                  "application/im-iscomposing+xml"])
def test_any_type_that_the_other_accepts_passes_as_it_is(relay, kind):
    # covers: MSRP-101, MSRP-102
    a, b = relay.pair()
    for sender, receiver in ((a, b), (b, a)):
        body = os.urandom(3000)
        assert sender.session.send(body, kind).status() == 200
        got = receiver.session.wait_message()
        assert got.data == body and got.content_type == kind
        assert got.first.from_path == [receiver.session.remote[0]]
    relay.settled()


def test_a_type_that_the_other_does_not_accept_is_415(relay):
    # covers: MSRP-101
    a, b = relay.pair(accept_types="text/plain image/*")
    assert a.session.send(b"x", "video/x-none", message_id="vid1").status() == 415
    assert a.session.send(b"x", "image/gif").status() == 200
    tid, data = octets(a.session, body=b"x", content_type="video/x-none", fields=[
        "Message-ID: quiet001", "Byte-Range: 1-1/1", "Failure-Report: no"])
    a.conn.send_raw(data)
    usable(a.session)
    assert a.conn.responses(tid) == []
    assert relay.account("vid1")["outcome"] == REFUSED
    assert relay.account("vid1")["outcome_status"] == 415
    assert b.text("to one who takes all").status() == 200


@pytest.mark.parametrize("kind", ["multipart/mixed;boundary=x", "multipart/alternative;boundary=x"])
def test_the_two_multiparts_pass_whatever_is_listed(relay, kind):
    # covers: MSRP-102
    a, b = relay.pair(accept_types="text/plain")
    assert a.session.send(b"--x--", kind).status() == 200
    assert b.session.wait_message().data == b"--x--"
    assert a.session.send(b"--x--", "multipart/related;boundary=x").status() == 415


def test_cpim_passes_octet_by_octet_and_counts_by_its_payload(relay):
    # covers: MSRP-101
    a, b = relay.pair(accept_types="message/cpim text/plain", accept_wrapped_types="text/plain")
    odd = (b"X-Odd: 1\r\nFrom: <sip:nobody@x>\r\nTo: <sip:else@y>\r\nTo: <sip:b@y>\r\n\r\n"
           b"Content-ID: <1>\r\nContent-Type: text/plain\r\n\r\nhello")
    assert a.session.send(odd).status() == 200
    assert b.session.wait_message().data == odd
    html = odd.replace(b"text/plain", b"text/html")
    assert a.session.send(html).status() == 415
    note = cpim.build(a.aor, b.aor, "<imdn/>", "message/imdn+xml")
    assert {t.status() for t in a.session.send_chunks(note, 40)} == {200}
    wait(lambda: any(m.complete and m.data == note for m in b.session.messages), what="the note")
    assert relay.mrfp.metrics().sum("mrfp_copies_total", **{"class": "imdn"}) == 1
    relay.settled()


def test_who_lists_cpim_first_gets_bare_messages_wrapped(relay):
    # covers: MSRP-144
    a, b = relay.pair(accept_types="message/cpim", accept_wrapped_types="text/plain")
    body = os.urandom(40000)
    ask = [("Success-Report", "yes")]
    assert a.session.send(body, "text/plain", ask, message_id="wrap1").status() == 200
    got = b.session.wait_message()
    inner = Cpim(got.data)
    assert got.content_type == "message/cpim" and inner.content == body
    assert inner.uri("From") == a.aor and inner.uri("To") == b.aor
    assert got.chunks[0].byte_range[2] == len(got.data)
    b.session.report(got.message_id, "1-%d/%d" % (len(got.data), len(got.data)))
    report = a.session.wait_report("wrap1")
    assert report.byte_range == (1, len(body), len(body))
    assert a.session.send(b"<p>", "text/html").status() == 415
    chunks = a.session.send_chunks(body, 7000, "text/plain")
    assert {t.status() for t in chunks} == {200}
    wait(lambda: len([m for m in b.session.messages if m.complete]) == 2, what="the second")
    assert Cpim(b.session.messages[1].data).content == body
    a.session.send(b"", "text/plain")
    wait(lambda: len([m for m in b.session.messages if m.complete]) == 3, what="the empty one")
    assert Cpim(b.session.messages[2].data).content == b""
    relay.settled()


def test_a_message_larger_than_the_other_takes_is_413(relay):
    # covers: MSRP-128, MSRP-075
    a, b = relay.pair(max_size=5000)
    assert a.session.send(b"x" * 5000, "text/plain").status() == 200
    assert a.session.send(b"x" * 5001, "text/plain").status() == 413
    mid = new_id("m")
    first = a.session.chunk(b"x" * 4000, 1, None, "+", "text/plain", mid)
    second = a.session.chunk(b"x" * 4000, 4001, None, "+", "text/plain", mid)
    assert [a.conn.send(f).status() for f in (first, second)] == [200, 413]
    b.session.wait_message(lambda m: m.aborted, what="the abort")
    relay.settled()


def test_chunks_in_any_order_pass_as_they_come_and_an_abort_too(relay):
    # covers: MSRP-067, MSRP-070
    a, b = relay.pair()
    data = os.urandom(9000)
    parts = [a.session.chunk(data[i:i + 3000], i + 1, 9000, "$" if i == 6000 else "+",
                             "image/png", "order1") for i in (0, 3000, 6000)]
    for i in (2, 0, 1):
        assert a.conn.send(parts[i]).status() == 200
    assert b.session.wait_message().data == data
    part = a.session.chunk(data[:3000], 1, 9000, "+", "image/png", "abort1")
    stop = a.session.chunk(data[3000:4000], 3001, 9000, "#", "image/png", "abort1")
    assert [a.conn.send(f).status() for f in (part, stop)] == [200, 200]
    b.session.wait_message(lambda m: m.aborted, what="the abort")
    assert relay.account("abort1")["outcome"] == ABORTED
    relay.settled()


def test_nickname_has_no_place_here_and_a_third_leg_neither(relay):
    a, b = relay.pair()
    assert a.session.nickname('"ann"').status() == 501
    third = End(relay, 3)
    assert third.reply["code"] == 5 and "two" in third.reply["reason"]
    reply = relay.control.ask("add", relay.context, termination=1, kind=1, conference="sip:r@x")
    assert reply["code"] == 5 and reply["reason"] == "kind"
    assert a.text("still").status() == 200
    b.got("still")


def test_direction_holds_content_back_only(relay):
    # covers: MSRP-113
    a, b = relay.pair()
    b.modify(direction=1)
    assert a.text("not now").status() == 403
    assert a.session.send(b"<x/>", "application/im-iscomposing+xml").status() == 200
    a.modify(direction=2)
    b.modify(direction=0)
    assert a.text("nor this").status() == 403
    assert b.text("but this").status() == 200


def test_a_path_of_several_uris_is_used_as_it_is(relay):
    # covers: REL-001, REL-002
    a = End(relay, 1).connect()
    b = End(relay, 2)
    hops = ["msrp://127.0.0.1:9/%s;tcp" % new_id() for _ in range(2)]
    path = hops + [b.session.local]
    assert b.modify(remote_path=" ".join(path))["code"] == 0
    b.session.attach(Connection.connect(relay.mrfp.address("msrp")))
    paths = ["To-Path: " + b.session.remote[0], "From-Path: " + " ".join(path)]
    tid, data = octets(b.session, paths=paths, body=b"hi", content_type="text/plain", fields=[
        "Message-ID: viarelay1", "Byte-Range: 1-2/2", "Success-Report: yes"])
    b.conn.send_raw(data)
    assert b.conn.wait_response(tid).to_path == [hops[0]]
    got = a.got("hi")
    a.session.report(got.message_id, "1-2/2")
    b.conn.auto_answer = False  # not ours to answer: only the last URI is
    report = b.conn.wait_frame(lambda f: f.method == "REPORT")
    assert report.to_path == path and report.message_id == "viarelay1"
    a.text("back")
    frame = b.conn.wait_frame(lambda f: f.body == b"back")
    assert frame.to_path == path and frame.from_path == [b.session.remote[0]]


def test_both_ends_may_come_over_one_connection(relay):
    # covers: MSRP-045
    a, b = End(relay, 1).connect(), End(relay, 2)
    b.session.attach(a.conn).bind()
    for n in range(20):
        a.text("a%d" % n, message_id="a%04d" % n, headers=[("Success-Report", "yes")])
        b.text("b%d" % n, message_id="b%04d" % n)
    a.got("b19")
    got = b.got("a19")
    assert {len(a.session.messages), len(b.session.messages)} == {20}
    b.session.report(got.message_id, "1-3/3")
    assert a.session.wait_report("a0019").byte_range == (1, 3, 3)
    data = os.urandom(1 << 20)
    assert {t.status() for t in (a.session.send(data, "image/png"),
                                 b.session.send(data, "image/png"))} == {200}
    for end in (a, b):
        end.session.wait_message(lambda m: m.complete and m.data == data, what="the picture")
    relay.settled()


# -- reports -------------------------------------------------------------------------------------


def test_success_reports_come_from_the_receiver_and_not_from_us(relay):
    # covers: MSRP-103, MSRP-104, MSRP-105
    a, b = relay.pair()
    assert a.text("one", headers=[("Success-Report", "yes")], message_id="ask01").status() == 200
    one = b.got("one")
    assert one.first.get("Success-Report") == "yes" and one.message_id != "ask01"
    assert a.text("two", message_id="noask01").status() == 200
    two = b.got("two")
    assert two.first.get("Success-Report") is None
    usable(a.session)
    assert a.session.reports == [], "a REPORT before the receiver's"
    b.session.report(two.message_id, "1-3/3")
    b.session.report("Unknown0001", "1-3/3")
    b.session.report(one.message_id, "1-2/3")
    b.session.report(one.message_id, "3-3/3")
    wait(lambda: len(a.session.reports) == 2, what="two REPORTs")
    assert [(r.message_id, r.byte_range, r.get("Status")) for r in a.session.reports] == [
        ("ask01", (1, 2, 3), "000 200 OK"), ("ask01", (3, 3, 3), "000 200 OK")]
    assert a.session.reports[0].from_path == [a.session.remote[0]]
    done = relay.account("ask01")
    assert done["outcome"] == DELIVERED and done["outcome_status"] == 200
    a.text("one", headers=[("Success-Report", "yes")], message_id="ask01").status()
    usable(a.session)
    assert len(a.session.reports) == 2, "a repeated message is not reported by us"


def test_a_success_request_without_answer_is_told_at_the_end(relay):
    # covers: MSRP-111
    a, b = relay.pair()
    yes = [("Success-Report", "yes")]
    a.text("one", headers=yes, message_id="open01").status()
    a.text("two", headers=yes, message_id="half01").status()
    a.text("three", message_id="plain01").status()
    b.got("three")
    b.session.report(b.got("two").message_id, "1-2/3")
    assert relay.account("plain01")["outcome"] == DELIVERED
    wait(lambda: a.session.reports, what="the half")
    told = {e["message_id"] for e in relay.events(ACCOUNTING)}
    assert told == {"plain01"}
    b.conn.close()
    for name in ("open01", "half01"):
        assert relay.account(name)["outcome"] == UNPROVEN
    relay.settled()


def test_what_the_receiver_refuses_is_reported_and_stopped(relay):
    # covers: MSRP-107, MSRP-109, MSRP-076
    a, b = relay.pair()
    b.session.answer = lambda f: 413 if f.body and f.body[:1] == b"x" else 200
    assert a.text("xyz", message_id="small01").status() == 200
    report = a.session.wait_report("small01")
    assert report.get("Status").startswith("000 413") and report.byte_range == (1, 3, 3)
    done = relay.account("small01")
    assert (done["outcome"], done["outcome_status"], done["size"]) == (REFUSED_BY_PEER, 413, 3)
    first = a.session.chunk(b"x" * 20000, 1, 90000, "+", "text/plain", "large01")
    assert a.conn.send(first).status() == 200
    b.session.wait_message(lambda m: m.aborted, what="'#' to who refused")
    report = a.session.wait_report("large01")
    assert report.get("Status").startswith("000 413") and report.byte_range[:2] == (1, 20000)
    more = a.session.chunk(b"x" * 20000, 20001, 90000, "+", "text/plain", "large01")
    assert a.conn.send(more).status() == 413
    a.text("xn", headers=[("Failure-Report", "no")], message_id="silent01")
    assert relay.account("silent01")["outcome"] == REFUSED_BY_PEER
    usable(a.session)
    assert len(a.session.reports) == 2
    relay.settled()


def test_a_type_refused_late_is_415_at_once_the_next_time(relay):
    # covers: MSRP-097, MSRP-107
    a, b = relay.pair()
    b.session.answer = lambda f: 415 if f.body and f.content_type == "image/png" else 200
    assert a.session.send(b"png", "image/png", message_id="png01").status() == 200
    assert a.session.wait_report("png01").get("Status").startswith("000 415")
    assert a.session.send(b"png", "image/png").status() == 415
    assert a.text("fine").status() == 200


def test_no_answer_in_time_is_408_to_the_sender(make):
    # covers: MSRP-094, MSRP-107
    relay = make({"msrp.response_timeout": "300ms"}, ACCOUNT)
    a, b = relay.pair()
    b.session.answer = lambda f: None if f.body else 200
    a.text("lost", message_id="mute01").status()
    a.text("lost", headers=[("Failure-Report", "partial")], message_id="mute02")
    a.text("lost", headers=[("Failure-Report", "no")], message_id="mute03")
    for name in ("mute01", "mute02"):
        report = a.session.wait_report(name)
        assert report.get("Status").startswith("000 408") and report.byte_range == (1, 4, 4)
    for name in ("mute01", "mute02", "mute03"):
        done = relay.account(name)
        assert (done["outcome"], done["outcome_status"]) == (LOST_OUTCOME, 408)
    usable(a.session)
    assert len(a.session.reports) == 2
    relay.settled()


def test_a_failure_report_is_passed_on_and_a_missing_range_ends_the_session(relay):
    # covers: MSRP-107, MSRP-108, MSRP-112
    a, b = relay.pair()
    for n, name in enumerate(("late01", "late02", "late03")):
        a.text(name, message_id=name).status()
    ours = {m.data.decode(): m.message_id for m in [b.got(n) for n in ("late01", "late02", "late03")]}
    assert relay.account("late03")["outcome"] == DELIVERED
    b.session.report(ours["late01"], "1-6/6", "123 500 other")
    b.session.report(ours["late02"], "2-3/6", "000 403 no")
    report = a.session.wait_report("late02")
    assert report.byte_range == (2, 3, 6) and report.get("Status").startswith("000 403")
    usable(b.session)
    b.session.report(ours["late03"], "1-6/6", "000 408 gone")
    assert a.session.wait_report("late03").get("Status").startswith("000 408")
    lost = wait(lambda: relay.events(LOST), what="the end of the session")
    assert lost[0]["termination"] == 2
    b.conn.wait_closed()
    assert [r.message_id for r in a.session.reports] == ["late02", "late03"]
    assert a.text("nobody there").status() == 481
    b.again()
    b.connect()
    assert a.text("after the new negotiation").status() == 200
    b.got("after the new negotiation")
    relay.settled()


# -- who is not there, or slow --------------------------------------------------------------------


def test_what_is_sent_before_the_other_is_there_waits_for_it(relay):
    a, b = End(relay, 1).connect(), End(relay, 2)
    for n in range(50):
        assert a.text("early %d" % n).status() == 200
    assert relay.mrfp.metrics().sum("mrfp_copies_open") == 50
    b.connect()
    b.got("early 49")
    assert [m.data for m in b.session.messages] == [b"early %d" % n for n in range(50)]
    relay.settled()


def test_who_does_not_come_in_time_costs_a_408(make):
    relay = make({"msrp.response_timeout": "500ms", "context.high_water": "64KiB"}, ACCOUNT)
    a = End(relay, 1).connect()
    assert a.text("nobody yet").status() == 481
    End(relay, 2)
    assert a.text("early", message_id="early01").status() == 200
    big = a.session.send(os.urandom(4 << 20), "image/png", message_id="big01")
    assert a.session.wait_report("early01").get("Status").startswith("000 408")
    assert big.status() == 413  # not 408: that would be no answer on this hop
    done = relay.account("early01")
    assert (done["outcome"], done["outcome_status"]) == (LOST_OUTCOME, 408)
    assert relay.account("big01")["outcome"] == LOST_OUTCOME
    relay.settled()


def test_a_new_negotiation_loses_nothing_without_a_word(relay):
    a, b = relay.pair()
    b.session.answer = lambda f: None if f.body else 200
    assert a.text("in doubt", message_id="doubt01").status() == 200
    b.got("in doubt")
    old = b.again()
    for n in range(20):
        assert a.text("between %d" % n).status() == 200
    assert a.session.wait_report("doubt01").get("Status").startswith("000 408")
    b.connect()
    b.got("between 19")
    assert [m.data for m in b.session.messages] == [b"between %d" % n for n in range(20)]
    assert b.text("and back").status() == 200
    a.got("and back")
    assert not old.messages[1:] and len(a.session.reports) == 1
    relay.settled()


def test_a_new_negotiation_in_the_midst_of_waiting_lines_keeps_them(make):
    relay = make({"context.grace": "60s", "msrp.send_buffer": "16KiB"})
    a, b = End(relay, 1).connect(), End(relay, 2).connect(rcvbuf=4096)
    b.conn.pause_reading()
    lines = ["%04d " % n + "x" * 3000 for n in range(200)]
    sent = [a.text(line, message_id="line%04d" % n) for n, line in enumerate(lines)]
    assert {t.status() for t in sent} == {200}
    b.again()
    b.connect()
    b.got(lines[-1])
    there = {m.data.decode() for m in b.session.messages if m.complete}
    doubtful = {r.message_id for r in a.session.reports}
    assert doubtful and there
    for n, line in enumerate(lines):
        assert (line in there) != ("line%04d" % n in doubtful), n
    relay.settled()


@pytest.mark.slow
def test_twenty_thousand_messages_to_one_who_stops_and_goes_on(make):
    relay = make({"context.grace": "60s", "context.high_water": "256KiB",
                  "msrp.send_buffer": "16KiB"})
    a, b = End(relay, 1).connect(), End(relay, 2).connect(rcvbuf=4096)
    a.conn.keep = b.conn.keep = False
    b.conn.pause_reading()
    count = 20000 if PLAIN else 4000
    sent = [a.text("message %d" % n) for n in range(count)]
    relay.mrfp.wait_metric(lambda m: m.sum("mrfp_paused") == 1, 60, "the sender paused")
    b.conn.resume_reading()
    wait(lambda: len(b.session.messages) == count, 120, "all messages",
         lambda: len(b.session.messages))
    assert [m.data for m in b.session.messages] == [b"message %d" % n for n in range(count)]
    assert {t.status(60) for t in sent} == {200}
    assert a.session.reports == []
    assert relay.mrfp.metrics().sum("mrfp_legs_cut_total") == 0
    relay.settled()


def test_who_stops_for_good_is_cut_and_each_message_is_reported(make):
    relay = make({"context.grace": "2s", "context.high_water": "1MiB",
                  "msrp.send_buffer": "16KiB"}, ACCOUNT)
    a, b = End(relay, 1).connect(), End(relay, 2).connect(rcvbuf=4096)
    b.conn.pause_reading()
    sent = [a.text("message %d" % n, message_id="n%05d" % n) for n in range(8000)]
    wait(lambda: relay.events(LOST), 60, "the cut")
    assert relay.events(LOST)[0]["cause"] == 5
    wait(lambda: all(t.answered for t in sent), 60, "all answers")
    taken = {t.frame.message_id for t in sent if t.status() == 200}
    assert {t.status() for t in sent} <= {200, 481}
    b.conn.resume_reading()

    def missing():
        """Of those taken, neither reported nor received; what was in flight may be both."""
        there = {b"n%05d" % int(m.data[8:]) for m in b.session.messages if m.complete}
        counted = {e["message_id"] for e in relay.events(ACCOUNTING) if e["outcome"] == LOST_OUTCOME}
        return taken - {r.message_id for r in a.session.reports} - {n.decode() for n in there} - counted

    wait(lambda: not missing(), 60, "the rest", lambda: sorted(missing())[:5])
    assert {r.message_id for r in a.session.reports} <= taken
    relay.settled()


def test_both_send_much_before_they_read(make):
    relay = make({"context.grace": "60s", "msrp.send_buffer": "16KiB"})
    a, b = End(relay, 1).connect(rcvbuf=4096), End(relay, 2).connect(rcvbuf=4096)
    data = os.urandom(3 << 20)
    for end in (a, b):
        end.conn.pause_reading()
    sent = [end.session.send(data, "image/png") for end in (a, b)]
    for end in (a, b):
        end.conn.flush(30)
    for end in (a, b):
        end.conn.resume_reading()
    assert [t.status(60) for t in sent] == [200, 200]
    for end in (a, b):
        assert end.session.wait_message(timeout=60).data == data
    relay.settled()


@pytest.mark.slow
def test_a_hundred_megabytes_pass_in_little_memory(make):
    # covers: MSRP-063, MSRP-073
    relay = make()
    size = 100 << 20 if PLAIN else 10 << 20
    a, b = End(relay, 1), End(relay, 2)
    head = cpim.build(a.aor, b.aor, "", "application/octet-stream").decode()
    common = dict(address=relay.mrfp.address("msrp"), size=size, head=head)
    receiving = Job(receive=[[b.session.local, b.session.remote[0]]], **common)
    jobs = [receiving]
    try:
        assert receiving.line() == "bound"
        before = relay.mrfp.rss_bytes()
        jobs.append(Job(send=[a.session.local, a.session.remote[0]], **common))
        result = receiving.line()
        assert bulk.digest(size) in result and '"error": null' in result
        if PLAIN:
            assert relay.mrfp.rss_bytes(peak=True) - before < 16 << 20
    finally:
        for job in jobs:
            job.proc.kill() if job is not receiving else None
            job.close()
    balanced(relay.mrfp.metrics())
