# SPDX-License-Identifier: Apache-2.0
"""NICKNAME: syntax, who may have which, how long, and what the roster shows."""

import signal

import pytest

from peer.loop import wait
from peer.ue import fence
from wire import exchange, octets, usable


def shown(net, room):
    """{uri: nickname} as the operator sees it."""
    return {u: p.get("nickname") or None for u, p in net.participants(room).items()}


def test_a_nickname_is_answered_and_shown(trio, mrf, room):
    # covers: SW-060, SW-068, SW-070, SW-071
    _, alice, bob, _ = trio
    watch = bob.subscribe()
    tx = alice.session.nickname('"Queen of Hearts"')
    resp = tx.response()
    assert resp.status == 200
    assert resp.headers == [("To-Path", alice.session.local),
                            ("From-Path", alice.session.remote[0])]
    watch.wait(lambda r: r.users.get(alice.aor, {}).get("nickname") == "Queen of Hearts",
               what="the nickname in the roster")
    assert shown(mrf, room)[alice.aor] == "Queen of Hearts"


MALFORMED = {
    # covers: SW-061
    "unquoted": ["Use-Nickname: Bob"],
    "half quoted": ['Use-Nickname: "Bob'],
    "text after the quote": ['Use-Nickname: "Bob" x'],
    "1024 octets": ['Use-Nickname: "%s"' % ("n" * 1024)],
    "not UTF-8": ['Use-Nickname: "\udcff\udcfe"'],
    "two": ['Use-Nickname: "a"', 'Use-Nickname: "b"'],
    "none": [],
    "bad escape": ['Use-Nickname: "a\\x"'],
    "only a quote": ['Use-Nickname: "'],
}


@pytest.mark.parametrize("case", MALFORMED)
def test_a_malformed_nickname_is_424(trio, bystanders, mrf, room, case):
    _, alice, bob, carol = trio
    assert alice.nickname("before") == 200
    expected = {424, 400} if case == "not UTF-8" else {424}
    assert exchange(alice.session, method="NICKNAME", fields=MALFORMED[case]) in expected
    assert shown(mrf, room)[alice.aor] == "before"
    fence(alice, bob, carol)
    bystanders.undisturbed()


@pytest.mark.parametrize("name", ["n", "n" * 1023, "h\u00e9 \u4e2d\u6587 \U0001f600", "sp ace",
                                  'quo"te', "back\\slash"],
                         ids=range(6))
def test_nicknames_of_all_kinds_are_taken(trio, mrf, room, name):
    # covers: SW-061
    _, alice, _, _ = trio
    name = name[:1023]
    assert alice.nickname(name) == 200
    assert shown(mrf, room)[alice.aor] == name


@pytest.mark.parametrize("header", ["Failure-Report: yes", "Success-Report: yes"])
def test_a_nickname_request_asks_for_no_reports(trio, header):
    # covers: SW-060
    _, alice, _, _ = trio
    assert exchange(alice.session, method="NICKNAME",
                    fields=['Use-Nickname: "x"', header]) == 400


def test_the_empty_nickname_removes_it(trio, mrf, room):
    # covers: SW-062, SW-069, SW-070
    _, alice, bob, _ = trio
    watch = bob.subscribe()
    assert alice.nickname("short lived") == 200
    watch.wait(lambda r: r.users.get(alice.aor, {}).get("nickname") == "short lived")
    assert bob.nickname("short lived") == 425
    assert alice.nickname("") == 200
    watch.wait(lambda r: not r.users.get(alice.aor, {}).get("nickname"), what="its removal")
    assert shown(mrf, room)[alice.aor] is None
    assert bob.nickname("short lived") == 200


def test_a_nickname_in_use_is_425_and_the_old_one_stays(trio, mrf, room):
    # covers: SW-066, SW-068
    _, alice, bob, carol = trio
    assert alice.nickname("queen") == 200
    assert bob.nickname("knave") == 200
    assert bob.nickname("queen") == 425
    assert shown(mrf, room)[bob.aor] == "knave"
    # the one given up is free at once
    assert alice.nickname("king") == 200
    assert carol.nickname("queen") == 200
    assert shown(mrf, room) == {alice.aor: "king", bob.aor: "knave", carol.aor: "queen"}


def test_another_device_of_the_user_may_ask_for_it_too(ue, trio, mrf, room):
    # covers: SW-067
    _, alice, bob, _ = trio
    assert alice.nickname("queen") == 200
    phone = ue("alice").join(room)
    assert bob.nickname("queen") == 425
    assert phone.nickname("queen") == 200
    alice.leave()
    assert bob.nickname("queen") == 425
    phone.leave()
    wait_free(bob, "queen")


def test_a_nickname_ends_with_its_session(ue, trio, room):
    # covers: SW-067, SW-069
    _, alice, bob, _ = trio
    phone = ue("alice").join(room)
    assert alice.nickname("queen") == 200
    alice.leave()
    # the user is still here, with a device that never asked for the name
    wait_free(bob, "queen")
    usable(phone.session)


def wait_free(member, name):
    """BYE is answered when the leg is gone: the name must be free by then, at once."""
    assert member.nickname(name) == 200


def test_nicknames_pass_neither_to_members_nor_without_session(trio):
    # covers: SW-060, MSRP-106
    _, alice, bob, carol = trio
    assert alice.nickname("secret name") == 200
    fence(alice, bob, carol)
    assert not [f for f in bob.conn.frames + carol.conn.frames if f.method == "NICKNAME"]


def test_names_are_per_room(ue, trio, mrf):
    # covers: SW-066
    room, alice, bob, _ = trio
    other = ue("dave").join(room.split(":")[1].split("@")[0] + "-b")
    assert alice.nickname("queen") == 200
    assert other.nickname("queen") == 200


def test_a_burst_of_nicknames_is_answered_each(trio, mrf, room):
    # covers: SW-068, MSRP-023
    _, alice, _, _ = trio
    requests = [octets(alice.session, method="NICKNAME", fields=['Use-Nickname: "n%d"' % n])
                for n in range(50)]
    alice.conn.send_raw(b"".join(data for _, data in requests))
    assert [alice.conn.wait_response(tid).status for tid, _ in requests] == [200] * 50
    assert shown(mrf, room)[alice.aor] == "n49"


def test_where_nicknames_are_forbidden_they_are_403(own_mrf, ue, room):
    # covers: SW-063, SW-053, SW-005
    net = own_mrf(mrfc={"conference.nicknames": "false", "conference.private_messages": "false"})
    alice, bob = [ue(n, net=net).join(room) for n in ("alice", "bob")]
    assert alice.answer.msg.chatroom == []
    assert alice.nickname("queen") == 403
    assert alice.send("psst", to=bob).status() == 403
    fence(alice, bob)
    assert "psst" not in bob.texts




SHOWN = {  # asked for: shown (RFC 8266)
    "  Foo \u00a0 Bar ": "Foo Bar",
    "\uff26\uff4f\uff4f": "Foo",
    "e\u0301te\u0301": "\u00e9t\u00e9",
    "\ufb01sh": "fish",
    "Richard \u2163": "Richard IV",
    "stra\u00dfe": "stra\u00dfe",
    "\u0627\u0644\u0633\u0644\u0627\u0645": "\u0627\u0644\u0633\u0644\u0627\u0645",
}


@pytest.mark.parametrize("name", SHOWN, ids=range(len(SHOWN)))
def test_a_nickname_is_shown_as_the_profile_makes_it(trio, mrf, room, name):
    # covers: SW-064, SW-070
    _, alice, bob, _ = trio
    watch = bob.subscribe()
    assert alice.nickname(name) == 200
    assert shown(mrf, room)[alice.aor] == SHOWN[name]
    watch.wait(lambda r: r.users.get(alice.aor, {}).get("nickname") == SHOWN[name],
               what="the nickname in the roster")


CLASHES = [("foo bar", "  FOO \u3000 bar "), ("foo", "\uff26\uff2f\uff2f"), ("fish", "\ufb01SH"),
           ("z\u00f6e", "ZO\u0308E"), ("\u03c3", "\u03a3"), ("richard iv", "Richard \u2163"),
           ("i\u0307", "\u0130"), ("\u00df", "\u1e9e")]


@pytest.mark.parametrize("pair", CLASHES, ids=range(len(CLASHES)))
def test_names_that_compare_equal_clash(trio, pair):
    # covers: SW-064, SW-066
    _, alice, bob, _ = trio
    assert alice.nickname(pair[0]) == 200
    assert bob.nickname(pair[1]) == 425
    assert alice.nickname(pair[1]) == 200  # her own in another form
    assert bob.nickname(pair[0]) == 425
    assert alice.nickname("") == 200
    assert bob.nickname(pair[0]) == 200


APART = [("\u03c3", "\u03c2"), ("I", "\u0131"), ("strasse", "stra\u00dfe"), ("foo bar", "foobar"),
         ("root", "r00t"), ("paul", "p\u0430ul")]


@pytest.mark.parametrize("pair", APART, ids=range(len(APART)))
def test_names_that_compare_different_do_not_clash(trio, pair):
    # covers: SW-064
    _, alice, bob, _ = trio
    assert alice.nickname(pair[0]) == 200
    assert bob.nickname(pair[1]) == 200


NO_NAMES = {
    "only blanks": "   ", "only odd blanks": "\u3000\u00a0", "control": "a\u0085b", "tab": "a\tb",
    "unassigned": "\u0378", "private use": "a\ue000", "no character": "\ufdd0",
    "bidi override": "a\u202eb", "direction mark": "a\u200eb", "zero width": "a\u200bb",
    "joiner": "a\u200db", "soft hyphen": "a\u00adb", "old jamo": "\u1100", "tatweel": "a\u0640",
    "a limit passed by mapping": "\ufdfa" * 341,
}


@pytest.mark.parametrize("case", NO_NAMES)
def test_what_no_nickname_has_is_424(trio, mrf, room, case):
    # covers: SW-061, SW-065
    _, alice, _, _ = trio
    assert alice.nickname("before") == 200
    assert alice.nickname(NO_NAMES[case]) == 424
    assert shown(mrf, room)[alice.aor] == "before"
    usable(alice.session)


def test_reserved_words_and_look_alikes_where_policy_says_so(own_mrf, ue, room):
    # covers: SW-066, SW-072
    net = own_mrf(mrfc={"conference.reserved_nicknames": "Moderator, the  Focus",
                        "conference.refuse_lookalikes": "true"})
    alice, bob = [ue(n, net=net).join(room) for n in ("alice", "bob")]
    for name in ("moderator", "MODERATOR", " Moderator ", "The Focus", "M0derat0r", "rnoderator"):
        assert alice.nickname(name) == 425, name
    assert alice.nickname("Paul") == 200
    for name in ("paul", "PauI", "pau1", "p\u0430ul", "\u0391lice x"):
        assert bob.nickname(name) == 425, name
    assert bob.nickname("\u0418\u0432\u0430\u043d Smith") == 200
    assert alice.nickname("Pau1") == 200  # like her own
    assert shown(net, room) == {alice.aor: "Pau1", bob.aor: "\u0418\u0432\u0430\u043d Smith"}


def test_a_nickname_may_be_the_first_request(ue, room, mrf):
    # covers: SW-073
    alice = ue("alice").join(room)
    bob = ue("bob").join(room, connect=False)
    bob.conns.append(bob.session.connect().conn)
    assert bob.nickname("early") == 200
    assert shown(mrf, room)[bob.aor] == "early"
    fence(alice, bob)
    fence(bob, alice)


def test_a_nickname_that_waits_delays_no_message(own_mrf, ue, room):
    # covers: SW-060
    net = own_mrf()
    alice, bob = [ue(n, net=net).join(room) for n in ("alice", "bob")]
    net.mrfc.signal(signal.SIGSTOP)
    try:
        tx = alice.session.nickname('"Alice"')
        fence(alice, bob)
        fence(bob, alice)
        assert not tx.answered
    finally:
        net.mrfc.signal(signal.SIGCONT)
    assert wait(lambda: tx.answered, what="its answer") and tx.status() == 200
