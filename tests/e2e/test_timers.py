# SPDX-License-Identifier: Apache-2.0
"""Session timers and what else takes its time: negotiation at once, expiry by `patience`."""

import time

import pytest

from patience import SE
from peer import sdp
from peer.servers import poll
from peer.sipcall import bye_reason, substate
from peer.sipmsg import parse_params
from peer.ue import UE, fence


def session_expires(msg):
    """(seconds, refresher) of Session-Expires, or None."""
    value = msg.get("Session-Expires")
    if value is None:
        return None
    seconds, _, params = value.partition(";")
    return int(seconds), parse_params(params).get("refresher")


ASKED = {
    # case: (headers of the INVITE, longest and shortest interval, refreshers, Require: timer)
    # covers: TIM-003, TIM-004
    "no timer, an interval": ([("Session-Expires", "1200")], 1200, 90, {"uas"}, False),
    "timer, nobody named": ([("Supported", "timer"), ("Session-Expires", "1200")], 1200, 90,
                            {"uas", "uac"}, None),
    "timer, caller": ([("Supported", "timer"), ("Session-Expires", "1200;refresher=uac")], 1200,
                      90, {"uac"}, True),
    "timer, callee": ([("Supported", "timer"), ("Session-Expires", "1200;refresher=uas")], 1200,
                      90, {"uas"}, None),
    "smallest": ([("Supported", "timer"), ("Session-Expires", "90;refresher=uac")], 90, 90,
                 {"uac"}, True),
    "long": ([("Supported", "timer"), ("Session-Expires", "100000")], 100000, 90,
             {"uas", "uac"}, None),
    "with a floor": ([("Supported", "timer"), ("Session-Expires", "4000"), ("Min-SE", "3000")],
                     4000, 3000, {"uas", "uac"}, None),
    "compact": ([("k", "timer"), ("x", "1200;refresher=uas")], 1200, 90, {"uas"}, None),
    # covers: TIM-008
    "timer, no interval": ([("Supported", "timer")], 1800, 1800, {"uas", "uac"}, None),
}


@pytest.mark.parametrize("case", ASKED)
def test_the_interval_and_who_refreshes(ue, room, case):
    # covers: TIM-003, TIM-004, TIM-008
    headers, longest, shortest, refreshers, require = ASKED[case]
    resp = ue("alice").invite(room, headers=headers).expect(200)
    seconds, refresher = session_expires(resp)
    assert shortest <= seconds <= longest and refresher in refreshers
    required = "timer" in resp.headers.tokens("Require")
    assert required or refresher == "uas" or "no timer" in case
    if require is not None:
        assert required is require
    assert "Min-SE" not in resp.headers


def test_who_knows_no_timer_is_asked_for_none(ue, room):
    # covers: TIM-003
    resp = ue("alice").invite(room).expect(200)
    assert session_expires(resp) is None or session_expires(resp)[1] == "uas"
    assert "timer" not in resp.headers.tokens("Require")


@pytest.mark.parametrize("seconds", [1, 60, 89])
def test_an_interval_too_small(ue, mrf, room, seconds):
    # covers: TIM-002
    alice = ue("alice")
    headers = [("Supported", "timer"), ("Session-Expires", str(seconds))]
    resp = alice.invite(room, headers=headers).expect(422)
    assert int(resp.get("Min-SE")) == 90
    poll(lambda: mrf.api("GET", "/v1/conferences/%s" % room)[0] == 404, what="no trace")
    alice.join(room, headers=headers[:1] + [("Session-Expires", resp.get("Min-SE"))])


@pytest.mark.parametrize("method", ["INVITE", "UPDATE"])
def test_a_refresh_with_an_interval_too_small(trio, method):
    # covers: TIM-002, FOC-023
    _, alice, bob, _ = trio
    headers = [("Supported", "timer"), ("Session-Expires", "60")]
    if method == "INVITE":
        resp = alice.call.reinvite(alice.offer(new=False), headers).final()
    else:
        resp = alice.call.update(None, headers).final()
    assert resp.code == 422 and int(resp.get("Min-SE")) == 90
    fence(bob, alice)


def test_refreshes_of_the_other_side(ue, room):
    # covers: TIM-003, TIM-001, FOC-012, OA-002
    alice = ue("alice").join(room, headers=[("Supported", "timer"),
                                            ("Session-Expires", "600;refresher=uac")])
    headers = [("Supported", "timer"), ("Session-Expires", "600;refresher=uac")]
    resp = alice.call.update(None, headers).expect(200)
    assert session_expires(resp) == (600, "uac") and not resp.body
    assert "isfocus" in resp.contact.params and "timer" in resp.headers.tokens("Require")
    alice.sdp_version -= 1
    resp = alice.call.reinvite(alice.offer(new=False), headers).expect(200)
    assert session_expires(resp) == (600, "uac")
    assert sdp.Sdp(resp.text).origin == alice.answer.origin
    # The refresher may change with each refresh.
    resp = alice.call.update(None, [("Supported", "timer"),
                                    ("Session-Expires", "600;refresher=uas")]).expect(200)
    assert session_expires(resp) == (600, "uas")
    alice.send_text("still here")


# -- what the run has waited for ---------------------------------------------------------------


@pytest.mark.patience
def test_an_answer_nobody_acknowledges_ends_the_call(patience):
    # covers: FOC-026, FOC-020
    at, bye = patience.unacknowledged.wait("BYE")
    assert 31 <= at < 45
    poll(lambda: not patience.net.participants(patience.unacknowledged.room))


@pytest.mark.patience
def test_the_focus_refreshes_at_half_time_by_update(patience):
    # covers: TIM-005, TIM-001
    at, txn = patience.updates.wait("UPDATE")
    req = txn.request
    assert SE / 2 - 1 <= at < SE / 2 + 10 and not req.body
    assert "timer" in req.headers.tokens("Supported")
    assert session_expires(req)[0] >= SE and "isfocus" in req.contact.params
    assert session_expires(req)[1] in (None, "uac")
    assert not patience.updates.call.ended


@pytest.mark.patience
def test_the_focus_refreshes_by_invite_and_obeys_422(patience):
    # covers: TIM-005, TIM-007, OA-002
    one = patience.no_update
    at, first = one.wait("INVITE")
    assert SE / 2 - 1 <= at < SE / 2 + 10
    assert sdp.Sdp(first.request.text).origin == sdp.Sdp(one.ok.text).origin
    _, second = one.wait("INVITE", 1)
    assert session_expires(second.request)[0] >= 120
    assert int(second.request.get("Min-SE")) >= 120
    second.wait_ack()
    assert not one.call.ended


@pytest.mark.patience
@pytest.mark.parametrize("who", ["forgetful", "late"])
def test_a_refresh_that_finds_nobody_ends_the_session(patience, who):
    # covers: TIM-007
    one = getattr(patience, who)
    one.wait("UPDATE")
    poll(lambda: not patience.net.participants(one.room), what="the end of the session")


@pytest.mark.patience
def test_who_always_wants_a_longer_interval_is_let_go(patience):
    # covers: TIM-007
    one = patience.greedy
    at, bye = one.wait("BYE")
    assert SE / 2 - 1 <= at < SE / 2 + 15
    assert bye_reason(bye.request)[:2] == ("SIP", 408)
    assert len([txn for _, txn in one.stamps if txn.request.method == "UPDATE"]) == 5
    poll(lambda: not patience.net.participants(one.room))


@pytest.mark.patience
def test_who_does_not_refresh_is_let_go(patience):
    # covers: TIM-006, FOC-020
    at, bye = patience.silent.wait("BYE")
    assert SE - 32 - 1 <= at < SE
    assert bye_reason(bye.request)[:2] == ("SIP", 408)
    poll(lambda: not patience.net.participants(patience.silent.room))


@pytest.mark.patience
def test_a_subscription_ends_with_its_time(patience):
    # covers: CONF-005, CONF-018
    final = patience.short.wait_notify(lambda n: substate(n)[0] == "terminated", 75)
    assert substate(final)[1]["reason"] == "timeout"
    assert time.monotonic() - patience.short_start >= 58


@pytest.mark.patience
def test_who_never_answers_notifications_gets_no_more(patience):
    # covers: CONF-018
    # A minute has passed: the first NOTIFY has long timed out.
    late = UE("latecomer", patience.net).join("room-host")
    patience.watch.wait(lambda r: late.aor in r.connected())
    late.leave()
    patience.watch.wait(lambda r: late.aor not in r.connected())
    late.close()
    assert len(patience.mute.notifies) == 1


# -- the same with another mrfc than the one that began it -----------------------------------------


@pytest.mark.patience
def test_an_answer_nobody_acknowledges_ends_after_a_restart(restarted_patience):
    # covers: FOC-026, FOC-030
    one = restarted_patience.unacknowledged
    at, bye = one.wait("BYE")
    assert 31 <= at < restarted_patience.again + 45
    assert bye_reason(bye.request)[:2] == ("SIP", 408)
    poll(lambda: not restarted_patience.net.participants(one.room))


@pytest.mark.patience
def test_another_mrfc_refreshes_at_half_time(restarted_patience):
    # covers: TIM-005, FOC-030
    one = restarted_patience.updates
    at, txn = one.wait("UPDATE")
    assert SE / 2 - 1 <= at < SE / 2 + 10 and not txn.request.body
    assert session_expires(txn.request)[0] >= SE and not one.call.ended
    fence(one.ue)


@pytest.mark.patience
def test_who_does_not_refresh_is_let_go_by_another_mrfc(restarted_patience):
    # covers: TIM-006, FOC-030
    one = restarted_patience.silent
    at, bye = one.wait("BYE")
    assert SE - 32 - 1 <= at < SE
    assert bye_reason(bye.request)[:2] == ("SIP", 408)
    poll(lambda: not restarted_patience.net.participants(one.room))


@pytest.mark.patience
def test_a_subscription_ends_with_its_time_after_a_restart(restarted_patience):
    # covers: CONF-005, FOC-030
    final = restarted_patience.short.wait_notify(lambda n: substate(n)[0] == "terminated", 75)
    assert substate(final)[1]["reason"] == "timeout"
    assert time.monotonic() - restarted_patience.short_start >= 58
