# SPDX-License-Identifier: Apache-2.0
"""What members miss, as the MRFP hands it up: the MRFP alone, the test in the MRFC's place."""

import pytest

from peer import cpim
from peer.loop import wait
from test_attack_chaos import ROOM, Leg, alone, books  # noqa: F401  (alone is a fixture)

CONTEXT = b"\x31" * 16
KEEP, LOST, OWED, TOLD, BOUND = 128, 2, 10, 11, 1
SEALED = 'application/pkcs7-mime; smime-type=auth-enveloped-data; name="smime.p7m"'


class KeptLeg(Leg):
    def add(self, **fields):
        self.fresh()
        reply = self.control.ask(
            "add", self.context, termination=self.number, conference=ROOM, policy=KEEP + 3,
            uris=[self.aor], remote_path=self.session.local, setup=2, match=1, caps=7,
            accept_types="message/cpim", **fields)
        assert reply["code"] == 0, reply
        self.session.remote, self.there = [reply["local_path"]], True

    def join(self, **fields):
        self.add(**fields)
        self.connect()
        assert self.session.keepalive().status() == 200
        return self

    def bodies(self):
        return [m.data for m in self.session.messages if m.complete]


def events(control, kind=OWED, termination=None):
    return [e for e in control.events if e.get("event") == kind and
            (termination is None or e.get("termination", 0) == termination)]


def messages(control, termination=None):
    """(body, content type, sender) of what was handed up."""
    return [(e["raw"][0x502], e["payload_type"], e.get("sender", 0))
            for e in events(control, OWED, termination) if 0x502 in e["raw"]]


def numbered(leg, n):
    return leg.cpim("line %04d" % n)


@pytest.fixture
def legs(alone):  # noqa: F811
    return [KeptLeg(alone, CONTEXT, n).join() for n in (1, 2, 3)]


def test_nothing_goes_up_while_everybody_is_there(alone, legs):  # noqa: F811
    # covers: IMS-007
    assert legs[0].session.send(legs[0].cpim("hello")).status() == 200
    legs[1].session.wait_message()
    assert not events(alone[1])
    wait(lambda: alone[0].metrics().sum("mrfp_held_octets", part="kept") == 0,
         what="the answered message to be forgotten")


def test_each_message_for_who_is_away_goes_up_whole(alone, legs):  # noqa: F811
    # covers: IMS-007
    control = alone[1]
    assert control.ask("modify", CONTEXT, away=1)["code"] == 0
    small = legs[0].cpim("for all, and who is away")
    long = legs[0].cpim("x" * 50000)
    sealed = cpim.build(legs[0].aor, ROOM, bytes(range(256)) * 40, SEALED)
    assert legs[0].session.send(small).status() == 200
    assert legs[0].session.send_chunks(long, 7000)[-1].status() == 200
    assert legs[0].session.send(sealed).status() == 200
    assert messages(control) == [(body, "message/cpim", 1) for body in (small, long, sealed)]
    assert all("termination" not in e for e in events(control))
    wait(lambda: legs[1].bodies() == [small, long, sealed], what="those who are there to have them")
    typing = cpim.build(legs[0].aor, ROOM, b"<isComposing/>", "application/im-iscomposing+xml")
    assert legs[0].session.send(typing).status() == 200
    assert len(messages(control)) == 3
    big = legs[0].cpim("y" * 70000)
    assert legs[0].session.send_chunks(big, 16000)[-1].status() == 200
    assert len(messages(control)) == 3, "more than 64 KiB is nobody's to keep"
    assert control.ask("modify", CONTEXT, away=0)["code"] == 0
    assert legs[0].session.send(small).status() == 200
    assert len(messages(control)) == 3
    assert alone[0].metrics().sum("mrfp_owed_total") == 3


def test_the_response_waits_for_the_store_and_nobody_else_does(alone, legs):  # noqa: F811
    # covers: IMS-007
    control = alone[1]
    control.ask("modify", CONTEXT, away=1)
    control.keeps = lambda event: None
    body = legs[0].cpim("keep this")
    sent = legs[0].session.send(body, headers=[("Success-Report", "yes")])
    wait(lambda: legs[1].bodies() == [body] and legs[2].bodies() == [body], what="the fan-out")
    wait(lambda: events(control), what="the event")
    assert not sent.answered and not legs[0].session.reports
    control.keeps = lambda event: 0
    control.sock.close()  # unanswered ones come again
    assert sent.status() == 200
    legs[0].session.wait_report(sent.frame.message_id)
    books(alone[0].metrics())


def test_the_response_does_not_wait_for_ever(alone, legs):  # noqa: F811
    # covers: IMS-007
    control = alone[1]
    control.ask("modify", CONTEXT, away=1)
    control.keeps = lambda event: None
    sent = [legs[0].session.send(numbered(legs[0], n)) for n in range(3)]
    assert [s.status(9) for s in sent] == [200] * 3
    assert alone[0].metrics().sum("mrfp_owed_late_total") == 3
    assert alone[0].metrics().sum("mrfp_control_events_queued") == 3


def test_what_a_vanished_leg_has_not_answered_is_owed_to_it(alone, legs):  # noqa: F811
    # covers: IMS-007
    control = alone[1]
    first = legs[0].cpim("answered")
    assert legs[0].session.send(first).status() == 200
    wait(lambda: legs[2].bodies() == [first], what="the first message")
    legs[2].session.answer = lambda frame: None  # reads, and says nothing any more
    bodies = [numbered(legs[0], n) for n in range(10)] + [legs[0].cpim("z" * 40000)]
    for body in bodies:
        assert legs[0].session.send_chunks(body, 9000)[-1].status() == 200
    wait(lambda: len(legs[1].bodies()) == 12, what="the others to have all")
    legs[2].session.conn.reset()
    wait(lambda: events(control, LOST, 3), what="the loss")
    assert [m[0] for m in messages(control, 3)] == bodies
    last = [e for e in control.events if e.get("termination") == 3 and e["event"] in (OWED, LOST)][-2:]
    assert [e["event"] for e in last] == [OWED, LOST] and 0x502 not in last[0]["raw"]
    # From now on all that comes goes up, though nobody said so.
    later = legs[0].cpim("later")
    assert legs[0].session.send(later).status() == 200
    assert messages(control)[-1][0] == later and "termination" not in events(control)[-1]
    m = books(alone[0].metrics())
    assert m.sum("mrfp_copies_settled_total", outcome="lost") == 11
    assert m.sum("mrfp_owed_total") == 12
    # Taken away: the MRFC says itself whether anybody is away.
    legs[2].subtract()
    assert legs[0].session.send(first).status() == 200
    assert messages(control)[-1][0] == later


def test_a_leg_that_is_subtracted_is_owed_only_if_asked(alone, legs):  # noqa: F811
    # covers: IMS-007
    control = alone[1]
    for leg in legs[1:]:
        leg.session.answer = lambda frame: None
    body = legs[0].cpim("who has it?")
    assert legs[0].session.send(body).status() == 200
    wait(lambda: legs[1].bodies() and legs[2].bodies(), what="the message")
    control.ask("subtract", CONTEXT, termination=2)
    assert not events(control)
    control.ask("subtract", CONTEXT, termination=3, missed=1)
    wait(lambda: len(events(control, OWED, 3)) == 2, what="the message and the end mark")
    assert messages(control, 3) == [(body, "message/cpim", 1)]


def test_who_comes_back_gets_the_missed_before_the_live(alone, legs):  # noqa: F811
    # covers: IMS-007
    control = alone[1]
    legs[2].session.conn.reset()
    wait(lambda: events(control, LOST, 3), what="the loss")
    legs[2].subtract()
    control.ask("modify", CONTEXT, away=1)
    missed = [numbered(legs[0], n) for n in range(5)]
    for body in missed:
        assert legs[0].session.send(body).status() == 200
    back = KeptLeg(alone, CONTEXT, 4)
    back.aor = legs[2].aor
    back.join(hold=1)
    wait(lambda: events(control, BOUND, 4), what="the event that it is bound")
    live = [numbered(legs[0], n) for n in range(5, 10)]
    for body in live:
        assert legs[0].session.send(body).status() == 200
    # The border is in the stream of events: what comes behind `bound` it will get live.
    at = control.events.index(events(control, BOUND, 4)[0])
    assert [e["raw"][0x502] for e in control.events[:at] if e["event"] == OWED and 0x502 in e["raw"]] == missed
    assert not back.bodies()
    for n, body in enumerate(missed, 1):
        reply = control.ask("inject", CONTEXT, termination=4, content_type="message/cpim", body=body, number=n)
        assert reply["code"] == 0
    wait(lambda: [e["told"] for e in events(control, TOLD, 4)] == [1, 2, 3, 4, 5], what="their fate")
    assert all(e["outcome_status"] == 200 for e in events(control, TOLD, 4))
    again = control.ask("inject", CONTEXT, termination=4, content_type="message/cpim", body=missed[4], number=5)
    assert again["code"] == 0
    assert back.bodies() == missed, "live ones wait, a repeated one has no effect"
    control.ask("modify", CONTEXT, termination=4, hold=0)
    wait(lambda: len(back.bodies()) == 10, what="the live messages")
    assert back.bodies() == missed + live
    books(alone[0].metrics())


def test_what_was_under_way_when_a_leg_came_back_is_handed_up_for_it(alone, legs):  # noqa: F811
    # covers: IMS-007
    control = alone[1]
    body = legs[0].cpim("w" * 30000)
    half = legs[0].session.chunk(body[:15000], 1, len(body), "+", message_id="half")
    assert legs[0].session.conn.send(half).status() == 200
    back = KeptLeg(alone, CONTEXT, 4).join(hold=1)
    rest = legs[0].session.chunk(body[15000:], 15001, len(body), "$", message_id="half")
    assert legs[0].session.conn.send(rest).status() == 200
    assert messages(control, 4) == [(body, "message/cpim", 1)] and len(messages(control)) == 1
    control.ask("modify", CONTEXT, termination=4, hold=0)
    live = legs[0].cpim("live")
    assert legs[0].session.send(live).status() == 200
    wait(lambda: back.bodies() == [live], what="only what began behind it")


def test_an_injected_message_that_is_not_answered_is_told_so(alone, legs):  # noqa: F811
    # covers: IMS-007
    control = alone[1]
    back = KeptLeg(alone, CONTEXT, 4).join(hold=1)
    long = legs[0].cpim("q" * 60000)
    refused = legs[0].cpim("no")
    back.session.answer = lambda frame: 413 if b"\r\n\r\nno" in (frame.body or b"") else 200
    fields = {"termination": 4, "content_type": "message/cpim"}
    control.ask("inject", CONTEXT, body=refused, number=1, **fields)
    control.ask("inject", CONTEXT, body=long, number=2, **fields)
    wait(lambda: len(events(control, TOLD, 4)) == 2, what="two fates")
    assert [e["outcome_status"] for e in events(control, TOLD, 4)] == [413, 200]
    assert back.bodies()[-1] == long
    back.session.answer = lambda frame: None
    control.ask("inject", CONTEXT, body=long, number=3, **fields)
    wait(lambda: back.bodies()[1:] == [long, long], what="it to be there")
    back.session.conn.reset()
    wait(lambda: len(events(control, TOLD, 4)) == 3, what="the third")
    assert events(control, TOLD, 4)[-1]["outcome_status"] == 481
    assert control.ask("inject", CONTEXT, body=long, number=4, **fields)["code"] == 8
    books(alone[0].metrics())


def test_a_listener_may_not_send_to_the_conference(alone, legs):  # noqa: F811
    # covers: IMS-007
    control = alone[1]
    listener = KeptLeg(alone, CONTEXT, 4).join(listener=1)
    assert listener.session.send(listener.cpim("may I?")).status() == 403
    assert listener.session.send(listener.cpim("psst", to=legs[1].aor)).status() == 200
    assert listener.session.send(b"<isComposing/>", "application/im-iscomposing+xml").status() == 403
    control.ask("modify", CONTEXT, termination=4, listener=0)
    assert listener.session.send(listener.cpim("now I may")).status() == 200
    control.ask("modify", CONTEXT, termination=4, listener=1)
    assert listener.session.send(listener.cpim("and now not")).status() == 403
    assert legs[0].session.send(legs[0].cpim("hear")).status() == 200
    wait(lambda: any(b"hear" in b for b in listener.bodies()), what="a listener to hear")


def test_a_private_message_to_who_is_away_is_the_mrfcs_to_judge(alone, legs):  # noqa: F811
    # covers: IMS-007
    control = alone[1]
    private = legs[0].cpim("for you alone", to="sip:away@example.com")
    assert legs[0].session.send(private).status() == 404
    assert not events(control)
    control.ask("modify", CONTEXT, away=1)
    assert legs[0].session.send_chunks(private, 50)[-1].status() == 200
    event = events(control)[0]
    assert event["to"] == "sip:away@example.com" and event["sender"] == 1
    assert event["raw"][0x502] == private
    control.keeps = lambda event: 9
    report = [("Success-Report", "yes")]
    assert legs[0].session.send(private, headers=report).status() == 404
    notice = cpim.build(legs[0].aor, "sip:away@example.com", "<imdn/>", "message/imdn+xml",
                        mime=["Content-Disposition: notification"])
    control.keeps = lambda event: 0
    assert legs[0].session.send(notice).status() == 200
    assert events(control)[-1]["raw"][0x502] == notice
    control.keeps = lambda event: None
    n = len(events(control))
    assert legs[0].session.send(private).status(9) == 404, "nobody has promised anything"
    assert len(events(control)) == n + 1
    assert alone[0].metrics().sum("mrfp_control_events_queued") == 0, "so it is taken back"
    big = legs[0].cpim("b" * 70000, to="sip:away@example.com")
    assert legs[0].session.send_chunks(big, 16000)[-1].status() == 404
    assert not legs[0].session.reports
    assert not legs[1].bodies() and not legs[2].bodies()
    books(alone[0].metrics())


def mark(control, termination):
    """The events up to the one that says that the leg misses everything from here on."""
    return [e for e in events(control, OWED, termination) if 0x502 not in e["raw"]]


@pytest.mark.parametrize("answers", [True, False], ids=["answers", "does not answer"])
def test_a_leg_with_grace_goes_when_it_has_answered(alone, legs, answers):  # noqa: F811
    # covers: IMS-007
    control = alone[1]
    legs[1].session.conn.pause_reading()
    for n in range(5):
        assert legs[0].session.send(numbered(legs[0], n)).status() == 200
    ask = {"termination": 2, "missed": 1, "grace": 20000 if answers else 500}
    for _ in range(2):  # said again it is no other order
        assert control.ask("subtract", CONTEXT, **ask)["code"] == 0
    if answers:
        assert not events(control, OWED, 2)
        legs[1].session.conn.resume_reading()
    wait(lambda: mark(control, 2), 15, "the end of the leg")
    assert len(messages(control, 2)) == (0 if answers else 5)
    assert len(mark(control, 2)) == 1
    legs[1].there = False
    assert legs[0].session.send(numbered(legs[0], 9)).status() == 200
    legs[2].session.wait_message(lambda m: m.data == numbered(legs[0], 9))


def test_a_leg_in_its_grace_goes_at_once_when_told_so(alone, legs):  # noqa: F811
    # covers: IMS-007
    control = alone[1]
    legs[1].session.conn.pause_reading()
    assert legs[0].session.send(numbered(legs[0], 0)).status() == 200
    assert control.ask("subtract", CONTEXT, termination=2, missed=1, grace=20000)["code"] == 0
    assert control.ask("subtract", CONTEXT, termination=2)["code"] == 0
    wait(lambda: mark(control, 2), 5, "the end of the leg")
    assert len(messages(control, 2)) == 1
    legs[1].there = False
