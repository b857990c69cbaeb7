# SPDX-License-Identifier: Apache-2.0
"""mrfue with a password, at a server that trusts nobody's word (sip.trusted names another host)."""

import re
import socket
import subprocess

import pytest

from peer.mrfue import Mrfue
from peer.servers import program

REALM = "conf.example.com"
PASSWORDS = {"alice": "wonder land", "bob": "build it"}


@pytest.fixture
def net(own_mrf):
    def make(**options):
        pair = own_mrf(mrfc={"sip.trusted": "192.0.2.1", **options})
        for name, password in PASSWORDS.items():
            done = subprocess.run(
                [program("mrfctl"), "--server", "%s:%d" % pair.mrfc.address("admin"),
                 "user", "add", name],
                input=password + "\n", capture_output=True, text=True, timeout=20, check=False)
            assert done.returncode == 0, done.stderr
        return pair
    return make


@pytest.fixture
def chat(tmp_path):
    made = []

    def make(pair, name, room, password=None, args=(), user=None,
             proxy=None):
        file = tmp_path / ("%s-%d" % (name, len(made)))
        file.write_text((password or PASSWORDS[user or name]) + "\nsecond line\n")
        one = Mrfue(pair, name, "join", "sip:%s@%s" % (room, REALM),
                    args=["--as", "sip:%s@%s" % (name, REALM), "--password-file", str(file), *args],
                    proxy="%s:%d" % proxy if proxy else None)
        one.aor = "sip:%s@%s" % (name, REALM)
        made.append(one)
        return one
    yield make
    wrong = [line for one in made for line in one.close()]
    assert not wrong, "\n".join(wrong)


@pytest.mark.parametrize("policy", ["initial", "all"])
@pytest.mark.parametrize("transport", ["udp", "tcp"])
def test_two_users_sign_in_and_talk(net, chat, room, policy, transport):
    # covers: ID-009
    pair = net(**{"sip.authenticate": policy})
    args = ["--transport", transport]
    alice = chat(pair, "alice", room, args=args)
    alice.wait("joined")
    bob = chat(pair, "bob", room, args=[*args, "--user", "bob"])
    bob.wait("joined")
    alice.wait("arrived", uri=bob.aor)  # the subscription was let in too
    alice.do("hello")
    assert bob.wait("message", text="hello")["from"] == alice.aor
    assert sorted(pair.participants(room)) == [alice.aor, bob.aor]
    assert bob.end() == 0
    alice.wait("departed", uri=bob.aor)
    assert alice.end() == 0
    assert not alice.events("error") and not bob.events("error")


def test_a_refer_is_answered_too(net, chat, room):
    # covers: ID-009
    pair = net(**{"sip.authenticate": "all"})
    alice = chat(pair, "alice", room)
    alice.wait("joined")
    bob = chat(pair, "bob", room)
    bob.wait("joined")
    alice.wait("arrived", uri=bob.aor)
    alice.do("/remove " + bob.aor)
    assert bob.wait("ended")["by"] == "focus"
    alice.wait("departed", uri=bob.aor)
    assert alice.end() == 0


def test_a_wrong_password_is_told_after_one_try(net, chat, room):
    # covers: ID-009
    pair = net()
    alice = chat(pair, "alice", room, password="wrong")
    error = alice.wait("error")
    assert error["code"] == 401 and "wrong user or password" in str(error)
    assert alice.exit_code() == 1
    assert pair.api("GET", "/v1/conferences")[1]["conferences"] == []
    other = chat(pair, "bob", room, user="bob", args=["--user", "nobody"])
    assert "wrong user or password" in str(other.wait("error"))


def challenges(*given):
    return "".join("WWW-Authenticate: Digest realm=\"r\", nonce=\"%s\", qop=\"auth\", algorithm=%s%s\r\n"
                   % one for one in given)


def refuse(sock, lines):
    """Refuse the next INVITE with 401 and these lines; the INVITE, as a dictionary."""
    while True:
        data, peer = sock.recvfrom(65535)
        start, *rest = data.decode().partition("\r\n\r\n")[0].split("\r\n")
        if start.startswith("INVITE "):
            break
    heads = dict(line.split(": ", 1) for line in rest)
    same = "".join("%s: %s%s\r\n" % (name, heads[name], ";tag=x" if name == "To" else "")
                   for name in ("Via", "From", "To", "Call-ID", "CSeq"))
    sock.sendto(("SIP/2.0 401 Unauthorized\r\n%s%sContent-Length: 0\r\n\r\n"
                 % (same, lines)).encode(), peer)
    return heads


def test_the_same_request_again_and_with_a_new_nonce_when_stale(chat):
    # covers: ID-009
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
        sock.bind(("127.0.0.1", 0))
        sock.settimeout(20)
        alice = chat(None, "alice", "tea", args=["--transport", "udp"], proxy=sock.getsockname())
        tries = [refuse(sock, challenges(("m", "MD5", ""), ("one", "SHA-256", ""))),
                 refuse(sock, challenges(("two", "SHA-256", ", stale=true"))),
                 refuse(sock, challenges(("two", "SHA-256", ", stale=true")))]
        assert alice.wait("error")["text"] == "wrong user or password"
    assert "Authorization" not in tries[0]
    assert [re.search('nonce="(.*?)"', t["Authorization"]).group(1) for t in tries[1:]] == [
        "one", "two"]
    assert all(t["Authorization"].endswith("nc=00000001") for t in tries[1:])
    numbers = [int(t["CSeq"].split()[0]) for t in tries]
    assert numbers == [numbers[0], numbers[0] + 1, numbers[0] + 2]
    assert len({t["Via"] for t in tries}) == 3
    assert len({(t["Call-ID"], t["From"], t["To"], t["Contact"]) for t in tries}) == 1


def test_md5_alone_is_not_answered(chat):
    # covers: ID-009
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
        sock.bind(("127.0.0.1", 0))
        sock.settimeout(20)
        alice = chat(None, "alice", "tea", args=["--transport", "udp"], proxy=sock.getsockname())
        refuse(sock, challenges(("m", "MD5", "")))
        assert alice.wait("error")["text"] == "Unauthorized"


def test_a_password_file_without_a_password(net, chat, room):
    alice = chat(net(), "alice", room, password="\n")
    assert alice.exit_code() == 1
    assert any("no password in the first line" in line for line in alice.errors)
