# SPDX-License-Identifier: Apache-2.0
"""mrfctl: what an operator types and reads."""

import json
import subprocess

import pytest

from peer import ports
from peer.servers import poll, program
from peer.ue import fence


def ctl(net, *args, code=0, address=None):
    """Run mrfctl; (stdout, stderr) after its exit code is as said."""
    host, port = address or net.mrfc.address("admin")
    done = subprocess.run([program("mrfctl"), "--server", "%s:%d" % (host, port), *args],
                          capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == code, (args, done)
    return done.stdout, done.stderr


def table(text):
    """{first cell: whole line} of a table; its first line is the head."""
    lines = text.splitlines()
    assert lines and lines[0] == lines[0].upper()
    return {line.split()[0]: line for line in lines[1:]}


def test_conferences_in_a_table(ue, mrf, room):
    # covers: FOC-019
    out, _ = ctl(mrf, "create", room, "--subject", "Tëa time")
    assert room in out and "Tëa time" in out
    members = [ue(n).join(room) for n in ("alice", "bob")]
    fence(*members)
    for words in (["list"], ["conferences"], ["conferences", "list"]):
        line = table(ctl(mrf, *words)[0])[room]
        assert "active" in line and " 2 " in line and "Tëa time" in line
    out, _ = ctl(mrf, "show", room)
    assert "sip:%s@%s" % (room, mrf.domain) in out
    for member in members:
        (line,) = [row for row in out.splitlines() if member.aor in row]
        assert "connected" in line
    out, _ = ctl(mrf, "conferences", "end", room)
    assert room in out
    for member in members:
        member.call.wait_bye()
    poll(lambda: mrf.api("GET", "/v1/conferences/%s" % room)[0] == 404)


def test_the_same_as_json(ue, mrf, room):
    made = json.loads(ctl(mrf, "--json", "conferences", "create", room)[0])
    assert made["name"] == room
    ue("alice").join(room)
    listed = json.loads(ctl(mrf, "list", "--json")[0])["conferences"]
    assert [c for c in listed if c["name"] == room][0]["participant_count"] == 1
    shown = json.loads(ctl(mrf, "--json", "show", room)[0])
    assert shown == mrf.api("GET", "/v1/conferences/%s" % room)[1]
    assert json.loads(ctl(mrf, "--json", "mrfps")[0]) .keys() == {"mrfps"}
    assert json.loads(ctl(mrf, "--json", "end", room)[0]) == {}


def test_a_sealed_one_says_so(mrf, room):
    # covers: FOC-019
    out, _ = ctl(mrf, "create", room, "--sealed")
    assert "sealed " in out
    ctl(mrf, "create", room + "-open")
    assert mrf.api("GET", "/v1/conferences/" + room)[1]["e2e"] is True
    assert mrf.api("GET", "/v1/conferences/" + room + "-open")[1]["e2e"] is False
    list_, _ = ctl(mrf, "list")
    column = list_.splitlines()[0].split().index("SEALED")
    rows = {row.split()[0]: row.split()[column] for row in list_.splitlines()[1:]}
    assert rows[room] in ("yes", "epoch") and rows[room + "-open"] == "-"
    assert "sealed " not in ctl(mrf, "show", room + "-open")[0]
    for name in (room, room + "-open"):
        ctl(mrf, "end", name)


def test_participants_come_and_go(ue, mrf, room):
    # covers: REF-001, FOC-020
    ctl(mrf, "create", room)
    carol = ue("carol")
    uri = carol.ua.contact_uri
    out, _ = ctl(mrf, "participants", "invite", room, uri, "--display", "Carol C")
    assert uri in out
    carol.wait_invite()
    assert "Carol C" in ctl(mrf, "show", room)[0]
    carol.accept()
    poll(lambda: "connected" in ctl(mrf, "show", room)[0])
    out, _ = ctl(mrf, "remove", room, uri)
    assert uri in out
    carol.call.wait_bye()
    ctl(mrf, "end", room)


def test_the_state_of_things(mrf, trio):
    out, _ = ctl(mrf, "status")
    assert "yes" in out and "1 of 1" in out
    state = json.loads(ctl(mrf, "--json", "status")[0])
    assert state["ready"] is True and state["mrfps_up"] == 1 and state["participants"] >= 3
    (line,) = ctl(mrf, "mrfps")[0].splitlines()[1:]
    assert "up" in line and "%s:%d" % mrf.msrp in line


def test_not_ready_is_a_failure(own_mrf):
    # covers: FOC-010
    net = own_mrf(start_mrfp=False)
    assert "no" in ctl(net, "status", code=1)[0]
    assert ctl(net, "mrfps")[0].count("\n") == 1


@pytest.mark.parametrize("args, words", [
    (["show", "none"], ["none"]), (["end", "none"], ["none"]),
    (["invite", "none", "sip:a@127.0.0.1:9"], ["none"]),
    (["create", "not a name"], ["name"]), (["remove", "none", "sip:a@b"], ["none"])])
def test_what_is_refused_is_said(mrf, args, words):
    out, err = ctl(mrf, *args, code=1)
    assert out == "" and err.count("\n") == 1
    for word in words:
        assert word in err


@pytest.mark.parametrize("args", [
    [], ["nosuch"], ["show"], ["show", "a", "b"], ["invite", "a"], ["--nosuch"],
    ["participants"], ["conferences", "nosuch"]], ids=str)
def test_usage_mistakes_are_2(mrf, args):
    out, err = ctl(mrf, *args, code=2)
    assert out == "" and "usage" in err and len(err.splitlines()) <= 2


def test_half_a_command_names_the_whole_ones(mrf):
    assert "participants invite" in ctl(mrf, "participants", code=2)[1]
    err = ctl(mrf, "conferences", "bogus", code=2)[1]
    assert "conferences bogus" in err and "conferences show" in err


def test_a_wrong_server_is_named(mrf):
    assert "HOST:PORT" in ctl(mrf, "--server", "nonsense:x", "list", code=2)[1]
    assert "--server" in ctl(mrf, "list", code=1, address=mrf.mrfp.address("admin"))[1]
    assert "no HTTP" in ctl(mrf, "list", code=1, address=mrf.msrp)[1]


def test_a_call_that_failed_says_why(mrf, room):
    ctl(mrf, "create", room)
    assert "sip:nobody@example.com" in ctl(mrf, "remove", room, "sip:nobody@example.com",
                                           code=1)[1]
    assert "'carol'" in ctl(mrf, "invite", room, "carol", code=1)[1]
    ctl(mrf, "invite", room, "sip:dave@some.host.invalid")
    poll(lambda: "sip.outbound_proxy" in ctl(mrf, "show", room)[0])
    ctl(mrf, "end", room)


def test_help_and_version(mrf):
    assert "usage" in ctl(mrf, "--help")[0] and ctl(mrf, "--version")[0].startswith("mrfctl ")


def test_a_server_that_is_not_there():
    address = ("127.0.0.1", ports.take())
    _, err = ctl(None, "list", code=1, address=address)
    assert "%s:%d" % address in err and err.count("\n") == 1


def test_the_token_is_taken_from_a_file(own_mrf, tmp_path):
    token = tmp_path / "token"
    token.write_text("s3cret\n")
    net = own_mrf(mrfc={"admin.token_file": str(token)}, start_mrfp=False)
    _, err = ctl(net, "create", "guarded", code=1)
    assert "token" in err
    ctl(net, "--token-file", str(token), "create", "guarded")
    ctl(net, "list")
    _, err = ctl(net, "--token-file", str(tmp_path / "none"), "list", code=1)
    assert "none" in err


def test_names_cannot_steer_a_terminal(ue, mrf, room):
    mallory = ue("mallory", assert_identity='"x\x1b[31mred" <sip:mallory@example.com>').join(room)
    assert mallory.nickname("evil\u009b2J") in (200, 424)
    out, _ = ctl(mrf, "show", room)
    assert "\x1b" not in out and "\u009b" not in out
    assert "sip:mallory@example.com" in out


def test_a_closed_conference_and_its_changes(ue, mrf, room):
    alice, mallory = ue("alice"), ue("mallory")
    made = json.loads(ctl(mrf, "--json", "create", room, "--member", alice.aor, "--member",
                          "sip:zoe@example.com", "--closed")[0])
    assert made["mode"] == "closed" and made["member_count"] == 2
    mallory.invite(room).expect(403)
    alice.join(room)
    out, _ = ctl(mrf, "mode", room, "open")
    assert room in out and "open" in out
    mallory.join(room)
    ctl(mrf, "until", room, "2096-02-01T10:00:00Z")
    assert mrf.api("GET", "/v1/conferences/%s" % room)[1]["until"] == "2096-02-01T10:00:00Z"
    _, err = ctl(mrf, "until", room, "2001-02-01T10:00:00Z", code=1)
    assert "past" in err
    ctl(mrf, "conferences", "until", room, "never")
    assert mrf.api("GET", "/v1/conferences/%s" % room)[1]["until"] is None
    _, err = ctl(mrf, "mode", room, "ajar", code=1)
    assert "open" in err and "closed" in err
    _, err = ctl(mrf, "create", "--invite", code=1)
    assert "members" in err
    out, _ = ctl(mrf, "limit", room, "5")
    assert "5" in out
    out, _ = ctl(mrf, "subject", room)
    assert out.startswith("no subject any more")
