# SPDX-License-Identifier: Apache-2.0
"""mrfue, the chat client, against the servers: what it tells, what it prints, how it ends."""

import hashlib
import os
import subprocess

import pytest

from peer import ports
from peer.mrfue import Mrfue
from peer.servers import program


@pytest.fixture
def chat(request):
    """chat(name, "join", uri, net=pair, ...): a client; closed, and checked for sanitizer reports."""
    made = []

    def make(name, *command, net=None, **kwargs):
        made.append(Mrfue(net or request.getfixturevalue("mrf"), name, *command, **kwargs))
        return made[-1]
    yield make
    wrong = [line for one in made for line in one.close()]
    assert not wrong, "\n".join(wrong)


@pytest.fixture
def uri(mrf, room):
    return "sip:%s@%s" % (room, mrf.domain)


@pytest.fixture
def two(chat, uri):
    """alice and bob in a room; alice knows that bob is here."""
    alice = chat("alice", "join", uri)
    alice.wait("joined")
    bob = chat("bob", "join", uri)
    bob.wait("joined")
    alice.wait("arrived", uri=bob.aor)
    return alice, bob


def called(member):
    """The URI that an invitation to a waiting client is sent to."""
    return "sip:%s@%s" % (member.name, member.wait("ready")["sip"])


def waiting(chat, mrf, room, name, **kwargs):
    """A client in `wait` that the focus has invited."""
    member = chat(name, "wait", **kwargs)
    target = called(member)
    assert mrf.api("POST", "/v1/conferences/%s/participants" % room, {"uri": target})[0] == 202
    member.wait("joined")
    return member, target


# -- in and out --------------------------------------------------------------------------------


def test_join_chat_and_leave(two, uri):
    # covers: CONF-021
    alice, bob = two
    assert alice.events("joined")[0]["conference"] == uri
    alice.do("hello, world")
    sent = alice.wait("sent")
    assert (sent["line"], sent["private"], sent["file"], sent["size"]) == (1, False, None, 12)
    got = bob.wait("message", text="hello, world")
    assert (got["from"], got["private"], got["nickname"]) == (alice.aor, False, None)
    bob.do("//not a command")
    assert alice.wait("message")["text"] == "/not a command"
    assert bob.end() == 0
    assert bob.lines[-1]["event"] == "ended" and bob.lines[-1]["by"] == "self"
    alice.wait("departed", uri=bob.aor)
    last = alice.wait("roster", count=1)
    assert [u["uri"] for u in last["users"] if u["state"] == "connected"] == [alice.aor]
    assert alice.end() == 0


def test_what_was_said_is_sent_before_the_call_is_left(chat, uri, tmp_path):
    bob = chat("bob", "join", uri)
    bob.wait("joined")
    lines = ["line %d" % n for n in range(200)]
    script = tmp_path / "script"
    script.write_text("\n".join(lines) + "\n")
    alice = chat("alice", "join", uri, script=False, args=["--script", str(script)])
    assert alice.exit_code() == 0
    assert len(alice.events("sent")) == len(lines)
    bob.wait("message", text=lines[-1])
    assert [e["text"] for e in bob.events("message")] == lines


def test_the_operator_ends_the_conference(two, mrf, room):
    assert mrf.api("DELETE", "/v1/conferences/" + room)[0] in (200, 202, 204)
    for one in two:
        ended = one.wait("ended")
        assert (ended["by"], ended["joined"], ended["cause"]) == ("focus", True, 410)
        assert one.exit_code() == 0


def test_without_a_subscription_nobody_is_told_of(chat, uri):
    alice = chat("alice", "join", uri, args=["--no-subscribe"])
    alice.wait("joined")
    bob = chat("bob", "join", uri)
    bob.wait("roster")
    bob.do("hi")
    alice.wait("message", text="hi")
    alice.do("/who")
    assert alice.wait("who")["users"] == []
    assert alice.events("roster") == alice.events("arrived") == []
    assert alice.end() == 0


@pytest.mark.parametrize("ours", ["active", "passive"])
@pytest.mark.parametrize("theirs", ["active", "passive"])
def test_either_side_opens_the_connection(chat, own_mrf, room, ours, theirs):
    # covers: CMD-008
    net = own_mrf(mrfc={"media.setup": theirs})
    alice = chat("alice", "join", "sip:%s@%s" % (room, net.domain), net=net)
    alice.wait("joined")
    carol, _ = waiting(chat, net, room, "carol", net=net, args=["--setup", ours])
    carol.do("here")
    carol.wait("sent")
    alice.wait("message", text="here")
    alice.do("welcome")
    carol.wait("message", text="welcome")
    assert carol.end() == 0 and alice.end() == 0


# -- private messages, nicknames, others by REFER ------------------------------------------------


def test_a_private_message_is_told_as_private_by_either_uri(two, chat, mrf, room):
    alice, bob = two
    carol, target = waiting(chat, mrf, room, "carol")
    alice.wait("arrived", uri=target)
    for to, text in ((target, "by contact"), (bob.aor, "by name")):
        alice.do("/msg %s %s" % (to, text))
        assert alice.wait("sent")["private"] is True
    assert carol.wait("message", text="by contact")["private"] is True
    assert bob.wait("message", text="by name")["private"] is True
    alice.do("public")
    assert carol.wait("message")["text"] == "public"
    assert bob.wait("message")["private"] is False
    assert carol.events("message", private=False) == carol.events("message", text="public")


def test_a_private_message_to_nobody_names_whom(chat, uri):
    alice = chat("alice", "join", uri, text=True)
    alice.wait_line("* joined " + uri)
    alice.do("/msg sip:nobody@example.com hi")
    assert alice.wait_line("/msg") == ("* /msg sip:nobody@example.com: 404 Not Found "
                                       "(nobody of that URI is here, /who lists them)")


def test_nicknames_are_taken_given_back_and_told_to_the_others(two):
    # covers: SW-062, SW-066, SW-070
    alice, bob = two
    alice.do("/nick Captain")
    assert alice.wait("nickname")["nickname"] == "Captain"
    assert bob.wait("renamed", uri=alice.aor)["nickname"] == "Captain"
    alice.do("ahoy")
    assert bob.wait("message")["nickname"] == "Captain"
    bob.do("/nick Captain")
    refused = bob.wait("failed")
    assert (refused["command"], refused["about"], refused["code"]) == ("/nick", "Captain", 425)
    alice.do("/nick")
    assert alice.wait("nickname")["nickname"] is None
    assert bob.wait("renamed", uri=alice.aor)["nickname"] is None


def test_a_participant_invites_and_removes_another_by_refer(two, chat):
    # covers: REF-005, REF-006, REF-015
    alice, bob = two
    dave = chat("dave", "wait")
    target = called(dave)
    alice.do("/invite " + target)
    invitation = dave.wait("invitation")
    assert invitation["by"] == alice.aor
    dave.wait("joined")
    assert alice.wait("referred", final=True, method="INVITE", uri=target)["code"] == 200
    bob.wait("arrived", uri=target)
    alice.do("/remove " + target)
    assert alice.wait("referred", final=True, method="BYE", uri=target)["code"] == 200
    assert dave.wait("ended")["by"] == "focus"
    assert dave.exit_code() == 0
    bob.wait("departed", uri=target)


def test_who_is_not_there_cannot_be_removed(chat, uri):
    alice = chat("alice", "join", uri, text=True)
    alice.wait_line("* joined")
    alice.do("/remove sip:ghost@example.com")
    assert alice.wait_line("404").startswith("* /remove sip:ghost@example.com: 404 ")


# -- files ---------------------------------------------------------------------------------------


def test_a_file_arrives_with_its_hash(chat, uri, tmp_path):
    folder = tmp_path / "new" / "saved"
    bob = chat("bob", "join", uri, args=["--download", str(folder)])
    bob.wait("joined")
    alice = chat("alice", "join", uri)
    alice.wait("joined")
    data = os.urandom(700_001)
    path = tmp_path / "forty winks.md"
    path.write_bytes(data)
    for expected in ("forty winks.md", "forty winks.md.1"):
        alice.do("/file %s" % path)
        sent = alice.wait("sent")
        assert (sent["file"], sent["size"]) == (str(path), len(data))
        got = bob.wait("file")
        assert (got["name"], got["type"], got["size"]) == (path.name, "text/markdown", len(data))
        assert got["sha256"] == hashlib.sha256(data).hexdigest()
        assert got["path"] == str(folder / expected)
        assert (folder / expected).read_bytes() == data
    assert alice.end() == 0


@pytest.mark.parametrize("name, saved", [
    ("../../evil", "evil"), ("/etc/passwd", "passwd"), ("..", "file"), (".bashrc", "bashrc"),
    ("a\\\\..\\\\b", "b"), ("", "file")])
def test_a_file_name_never_leaves_the_folder(chat, ue, uri, room, tmp_path, name, saved):
    folder = tmp_path / "in"
    bob = chat("bob", "join", uri, args=["--download", str(folder)])
    bob.wait("joined")
    mallory = ue("mallory").join(room)
    mallory.send_text("data", content_type="application/x-data", mime=(
        'Content-Disposition: attachment; filename="%s"' % name,))
    got = bob.wait("file")
    assert got["name"] == saved and got["path"] == str(folder / saved)
    assert os.listdir(folder) == [saved] and os.listdir(tmp_path) == ["in"]


def test_a_file_that_is_too_long_is_not_sent(chat, own_mrf, room, tmp_path):
    net = own_mrf(mrfp={"msrp.max_size": "100KiB"})
    bob = chat("bob", "join", "sip:%s@%s" % (room, net.domain), net=net)
    bob.wait("joined")
    alice = chat("alice", "join", "sip:%s@%s" % (room, net.domain), net=net)
    alice.wait("joined")
    path = tmp_path / "long"
    path.write_bytes(b"x" * 110_000)
    alice.do("/file %s" % path)
    failed = alice.wait("failed")
    assert (failed["about"], failed["code"]) == (str(path), 0)
    assert failed["reason"].startswith("longer than the conference takes (10")
    alice.do("still here")
    bob.wait("message", text="still here")
    assert bob.events("file") == bob.events("aborted") == []


@pytest.mark.parametrize("line, sentence", [
    ("/file", "* /file: usage: /file PATH"),
    ("/file /nonexistent/x", "* /file /nonexistent/x: No such file or directory"),
    ("/file /", "* /file /: not a regular file"),
    ("/msg", "* /msg: usage: /msg URI TEXT"),
    ("/invite", "* /invite: usage: /invite URI"),
    ("/bogus now", "* /bogus: no such command; /help lists them"),
    (b"caf\xe9", "* not sent: the line is not UTF-8 text")])
def test_mistakes_are_named(chat, uri, line, sentence):
    alice = chat("alice", "join", uri, text=True)
    alice.wait_line("* joined")
    alice.do(line)
    assert alice.wait_line(sentence) == sentence


# -- text of others ------------------------------------------------------------------------------


def test_names_come_as_they_were_given(chat, uri):
    name = 'Al "the\\one"\tT\u00e4st'
    bob = chat("bob", "join", uri)
    bob.wait("joined")
    alice = chat("alice", "join", uri, args=["--name", name])
    alice.wait("joined")
    assert bob.wait("arrived", uri=alice.aor)["display"] == name
    alice.do("hi")
    assert bob.wait("message")["display"] == name


def test_text_that_is_not_utf8_is_shown_all_the_same(chat, ue, uri, room):
    bob = chat("bob", "join", uri)
    bob.wait("joined")
    mallory = ue("mallory").join(room)
    mallory.send_text(b"caf\xe9 \xc3\xa4")
    assert bob.wait("message")["text"] == "caf\ufffd \u00e4"


def test_control_characters_are_not_printed(chat, ue, uri, room):
    bob = chat("bob", "join", uri, text=True)
    bob.wait_line("* joined")
    mallory = ue("mallory").join(room)
    mallory.send_text("a\x1b[2Jb\u009b1mc\td")
    assert bob.wait_line("> a").endswith("> a?[2Jb?1mc\td")


# -- how it ends ---------------------------------------------------------------------------------


def test_waits_of_a_script_that_cannot_come_true_end_it(chat, uri):
    alice = chat("alice", "join", uri, args=["--timeout", "1"])
    alice.do("/wait message text=never")
    assert alice.exit_code() == 1
    assert "mrfue: line 1: timed out: /wait message text=never" in alice.errors
    bob = chat("bob", "join", uri)
    bob.do("/wait mesage")
    assert bob.exit_code() == 1
    assert "mrfue: line 1: no such event: /wait mesage" in bob.errors


def test_a_wait_that_the_end_of_the_call_leaves_open_fails(chat, mrf, room, uri):
    alice = chat("alice", "join", uri)
    alice.wait("joined")
    alice.do("/wait joined")
    alice.do("/nick Almost\n/wait message\nnever said")  # in one piece: with the first it has read the second
    alice.wait("nickname")
    assert mrf.api("DELETE", "/v1/conferences/" + room)[0] in (200, 202, 204)
    assert alice.exit_code() == 1
    assert any("the call has ended" in line for line in alice.errors)


@pytest.mark.parametrize("args", [[], ["--as", "alice", "wait"], ["--as", "sip:a@b"],
                                  ["--as", "sip:a@b", "--name", "a\nb", "wait"],
                                  ["--as", "sip:a@b", "--listen", "localhost:0", "wait"],
                                  ["--as", "sip:a@b", "--bogus", "wait"]])
def test_a_wrong_command_line_is_2(args):
    done = subprocess.run([program("mrfue")] + args, capture_output=True, timeout=20)
    assert done.returncode == 2 and done.stderr and not done.stdout


def test_a_refused_call_is_told_once(chat, strict_mrf):
    alice = chat("alice", "join", "sip:no-such-room@" + strict_mrf.domain, net=strict_mrf, text=True)
    assert alice.exit_code() == 1
    assert alice.lines[1:] == ["* the call was refused: 404 Not Found"]


@pytest.mark.parametrize("transport", ["udp", "tcp"])
def test_nobody_at_the_proxy_is_no_refusal(chat, uri, transport):
    proxy = "127.0.0.1:%d" % ports.take()
    alice = chat("alice", "join", uri, proxy=proxy, args=["--transport", transport])
    error = alice.wait("error")
    assert error["code"] == 0
    assert error["text"] == "cannot reach %s (is mrfc running there? see --proxy)" % proxy
    assert alice.exit_code() == 1


def test_an_address_that_cannot_be_listened_at_is_explained(chat, mrf, uri):
    taken = "%s:%d" % tuple(mrf.sip)
    alice = chat("alice", "join", uri, args=["--listen", taken])
    assert alice.exit_code() == 1
    assert alice.errors == ["mrfue: cannot listen at %s: the port is in use (see --listen)" % taken]
    bob = chat("bob", "join", uri, args=["--listen", "192.0.2.1:0"])
    assert bob.exit_code() == 1
    assert bob.errors == ["mrfue: cannot listen at 192.0.2.1:0: not an address of this machine"]


def test_a_download_folder_that_cannot_be_written_is_an_error_at_the_start(chat, uri):
    alice = chat("alice", "join", uri, args=["--download", "/proc/none"])
    assert alice.exit_code() == 1
    assert alice.errors[0].startswith("mrfue: --download: cannot write in /proc/none: ")


def test_leaving_at_once_prints_no_log_line(chat, uri):
    alice = chat("alice", "join", uri, text=True)
    assert alice.end() == 0
    assert alice.errors == []


# -- a lost session ------------------------------------------------------------------------------


def test_a_session_comes_back_after_a_restart_of_the_mrfp(chat, own_mrf, room):
    net = own_mrf(mrfc={"media.grace": "10s"})
    to = "sip:%s@%s" % (room, net.domain)
    alice, bob = chat("alice", "join", to, net=net), chat("bob", "join", to, net=net)
    alice.wait("joined")
    bob.wait("joined")
    net.mrfp.kill()
    assert alice.wait("lost")["text"]
    bob.wait("lost")
    alice.do("into the void")
    assert alice.wait("failed")["reason"] == "not connected"
    net.start_mrfp()
    alice.wait("rejoined")
    bob.wait("rejoined")
    alice.do("back again")
    bob.wait("message", text="back again")
    assert alice.end() == 0 and bob.end() == 0


@pytest.mark.slow
def test_a_session_that_the_switch_does_not_know_any_more_is_lost_for_good(chat, own_mrf, room):
    net = own_mrf()
    to = "sip:%s@%s" % (room, net.domain)
    alice = chat("alice", "join", to, net=net)
    alice.wait("joined")
    net.mrfc.kill()
    net.mrfp.kill()
    alice.wait("lost")
    error = alice.wait("error", timeout=60)
    assert (error["code"], error["text"]) == (0, "the session was lost and did not come back")
    assert alice.exit_code(60) == 1
