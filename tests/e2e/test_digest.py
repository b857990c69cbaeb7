# SPDX-License-Identifier: Apache-2.0
"""SIP digest for terminals without an IMS core: users, challenges, replays, guessing."""

import hashlib
import re
import subprocess

import pytest

from peer.servers import hostport, poll, program
from peer.ue import fence

OUTSIDE = "127.0.0.2"
REALM = "conf.example.com"


def challenge(resp, algorithm="SHA-256"):
    """{name: value} of the challenge for that algorithm."""
    found = [dict(re.findall(r'(\w+)="?([^",]+)"?', v)) for v in resp.headers.all("WWW-Authenticate")]
    return next(c for c in found if c["algorithm"] == algorithm)


def credentials(method, target, given, user="alice", password="wonder land", nc=1, **changed):
    """An Authorization value for a challenge, computed here."""
    name = {"SHA-256": "sha256", "MD5": "md5"}[given["algorithm"]]

    def h(text):
        return hashlib.new(name, text.encode()).hexdigest()
    p = {"username": user, "realm": given["realm"], "nonce": given["nonce"], "uri": target,
         "qop": "auth", "nc": "%08x" % nc, "cnonce": "0a4f113b", "algorithm": given["algorithm"]}
    p["response"] = h(":".join((h("%s:%s:%s" % (user, p["realm"], password)), p["nonce"], p["nc"],
                                p["cnonce"], "auth", h("%s:%s" % (method, target)))))
    p.update(changed)
    return "Digest " + ", ".join('%s=%s' % (k, v if k in ("qop", "nc", "algorithm") else '"%s"' % v)
                                 for k, v in p.items())


def mrfctl(net, *args, password=None):
    host, port = net.mrfc.address("admin")
    return subprocess.run([program("mrfctl"), "--server", "%s:%d" % (host, port), *args],
                          input=password, capture_output=True, text=True, timeout=20, check=False)


@pytest.fixture
def net(own_mrf):
    def make(**options):
        pair = own_mrf(mrfc={"sip.trusted": "127.0.0.1", **options})
        done = mrfctl(pair, "user", "add", "alice", "--display", "Alice", password="wonder land\n")
        assert (done.returncode, done.stdout) == (0, "added alice\n"), done.stderr
        return pair
    return make


def outsider(ue, pair, name="alice", **args):
    return ue(name, net=pair, host=OUTSIDE, aor="sip:%s@%s" % (name, REALM), **args)


def sign_in(alice, target, **changed):
    """INVITE, 401, INVITE with credentials; the second call."""
    given = challenge(alice.invite(target).expect(401))
    uri = alice.uri_of(target)
    value = credentials("INVITE", uri, given, **changed)
    return alice.invite(target, headers=[("Authorization", value)]), given


def test_a_user_signs_in_and_is_who_he_is(ue, net, room):
    # covers: ID-003, ID-009, ID-001
    pair = net()
    bob = ue("bob", net=pair).join(room)
    alice = outsider(ue, pair, assert_identity="<sip:bob@example.com>")
    call, given = sign_in(alice, room)
    alice.room = alice.uri_of(room)
    alice.take_answer(call.expect(200).text)
    alice.open_media()
    assert given["realm"] == REALM and given["qop"] == "auth" and "stale" not in given
    assert list(pair.participants(room)) == [bob.aor, alice.aor]
    fence(alice, bob)
    assert alice.send("x", from_=bob.aor).status() == 403


@pytest.mark.parametrize("method,headers", [
    ("INVITE", []), ("SUBSCRIBE", [("Event", "conference")]),
    ("REFER", [("Refer-To", "<sip:carol@example.com>")])])
def test_all_that_makes_something_needs_credentials(ue, net, method, headers):
    # covers: ID-009
    pair = net()
    alice = outsider(ue, pair)
    resp = alice.ua.request(method, alice.uri_of("nowhere"), headers).expect(401)
    assert len(resp.headers.all("WWW-Authenticate")) == 1
    assert alice.ua.request("OPTIONS", "sip:" + REALM).expect(200)
    assert pair.api("GET", "/v1/conferences")[1]["conferences"] == []


def test_without_users_there_is_nothing_to_answer(ue, own_mrf):
    # covers: ID-009
    pair = own_mrf(mrfc={"sip.trusted": "127.0.0.1"})
    resp = outsider(ue, pair).invite("room").expect(403)
    assert "WWW-Authenticate" not in resp.headers


def test_a_replay_is_stale(ue, net, room):
    # covers: ID-009
    pair = net()
    alice = outsider(ue, pair)
    call, given = sign_in(alice, room)
    call.expect(200)
    uri = alice.uri_of(room)
    again = credentials("INVITE", uri, given)
    resp = alice.ua.invite(uri, alice.offer(), [("Authorization", again)]).expect(401)
    fresh = challenge(resp)
    assert fresh["stale"] == "true" and fresh["nonce"] != given["nonce"]
    more = credentials("INVITE", uri, given, nc=2)
    other = alice.ua.invite(uri, alice.offer(), [("Authorization", more)])
    other.expect(200)
    for one in (other, call):
        one.bye().expect(200)


def test_an_aged_nonce_is_stale(ue, net, room):
    # covers: ID-009
    pair = net(**{"sip.nonce_life": "100ms"})
    alice = outsider(ue, pair)
    uri = alice.uri_of(room)
    given = challenge(alice.invite(room).expect(401))
    tries = []

    def is_old():
        tries.append(1)
        resp = alice.ua.request("REFER", uri, [
            ("Refer-To", "<sip:carol@example.com>"),
            ("Authorization", credentials("REFER", uri, given, nc=len(tries)))]).final()
        return resp.code == 401 and challenge(resp).get("stale") == "true"
    poll(is_old, 15, "an old nonce")


@pytest.mark.parametrize("changed,code", [
    ({"password": "wrong"}, 401), ({"user": "nobody"}, 401), ({"nc": 0}, 400),
    ({"qop": "auth-int"}, 400), ({"uri": "sip:other@conf.example.com"}, 400),
    ({"nonce": "00"}, 401), ({"realm": "elsewhere"}, 401)])
def test_what_is_not_right_is_refused(ue, net, room, changed, code):
    # covers: ID-009
    pair = net()
    call, _ = sign_in(outsider(ue, pair), room, **changed)
    call.expect(code)
    assert pair.api("GET", "/v1/conferences")[1]["conferences"] == []


def test_a_user_is_nobody_else(ue, net, room):
    # covers: ID-003
    pair = net()
    mallory = outsider(ue, pair, "mallory")
    call, _ = sign_in(mallory, room, user="alice")
    call.expect(403)


def test_guessing_is_stopped(ue, net, room):
    # covers: ID-009
    pair = net(**{"sip.auth_attempts": 3})
    alice = outsider(ue, pair)
    for _ in range(3):
        call, _given = sign_in(alice, room, password="guess")
        call.expect(401)
    assert alice.invite(room).expect(403)
    assert any("too many wrong passwords from 127.0.0.2" in line for _, line in pair.mrfc.lines)
    assert ue("bob", net=pair).join(room)  # others are heard


def test_md5_is_offered_last_and_only_if_wanted(ue, net, room):
    # covers: ID-009
    pair = net(**{"sip.digest_md5": "true"})
    alice = outsider(ue, pair)
    resp = alice.invite(room).expect(401)
    assert ["MD5" in v for v in resp.headers.all("WWW-Authenticate")] == [False, True]
    value = credentials("INVITE", alice.uri_of(room), challenge(resp, "MD5"))
    alice.invite(room, headers=[("Authorization", value)]).expect(200)


def test_requests_in_dialogs_by_policy(ue, net, room):
    # covers: ID-009
    for policy, code in (("initial", 200), ("all", 401)):
        pair = net(**{"sip.authenticate": policy})
        alice = outsider(ue, pair)
        call, given = sign_in(alice, room)
        call.expect(200)
        assert call.update().expect(code)
        assert call.bye().expect(code)
        if code == 401:
            value = credentials("BYE", call.target, given, nc=2)
            call.bye([("Authorization", value)]).expect(200)


def test_anonymity_with_a_password(ue, net, room):
    # covers: PRV-001, ID-003
    pair = net()
    alice = outsider(ue, pair)
    hidden = [("From", "<sip:anonymous@anonymous.invalid>;tag=4")]
    given = challenge(alice.invite(room, headers=hidden).expect(401))
    value = credentials("INVITE", alice.uri_of(room), given)
    call = alice.invite(room, headers=[*hidden, ("Authorization", value)])
    call.local = hidden[0][1]
    call.expect(200)
    assert pair.participants(room)[alice.aor]["shown"].startswith("sip:anonymous-")


def test_users_are_managed_without_a_restart(net, ue, room):
    # covers: ID-009
    pair = net()
    status, doc = pair.api("GET", "/v1/users")
    assert status == 200 and doc == {"realm": REALM, "users": [
        {"name": "alice", "realm": REALM, "uri": "sip:alice@" + REALM, "display": "Alice",
         "algorithms": ["SHA-256"]}]}
    assert mrfctl(pair, "user", "add", "alice", password="x\n").returncode == 1
    assert mrfctl(pair, "user", "add", "bob", password="\n").returncode == 2
    assert mrfctl(pair, "user", "passwd", "alice", password="other one\n").returncode == 0
    alice = outsider(ue, pair)
    sign_in(alice, room)[0].expect(401)
    sign_in(alice, room, password="other one")[0].expect(200)
    alice.call.bye().expect(200)
    assert "alice" in mrfctl(pair, "user", "list").stdout
    assert mrfctl(pair, "user", "del", "alice").returncode == 0
    assert mrfctl(pair, "user", "del", "alice").returncode == 1
    alice.invite(room).expect(403)
    text = pair.mrfc.log()
    assert "wonder" not in text and "other one" not in text


def test_users_outlive_the_server(own_mrf, ue, room, tmp_path):
    # covers: ID-009
    pair = own_mrf(mrfc={"sip.trusted": "127.0.0.1", "store.path": str(tmp_path / "mrf.db")})
    assert mrfctl(pair, "user", "add", "alice", password="wonder land\n").returncode == 0
    assert mrfctl(pair, "user", "list").stdout.count("alice") == 2
    assert pair.mrfc.stop() == []
    pair.start_mrfc()
    assert hostport(pair.mrfc.ready["sip"])[1]
    sign_in(outsider(ue, pair), "conference-factory")[0].expect((200, 503))
    assert b"wonder" not in (tmp_path / "mrf.db").read_bytes()


def test_a_user_known_by_his_password_is_no_trusted_watcher(ue, net, room):
    # covers: CONF-004
    pair = net(**{"event.watchers": "trusted"})
    carol = ue("carol", net=pair).join(room)
    assert ue("bob", net=pair).ua.subscribe(carol.room).expect(200)
    alice = outsider(ue, pair)
    given = challenge(alice.ua.subscribe(carol.room).expect(401))
    value = credentials("SUBSCRIBE", carol.room, given)
    assert alice.ua.subscribe(carol.room, headers=[("Authorization", value)]).expect(403)


def test_what_is_not_known_of_a_user_is_refused_by_name(net):
    pair = net()
    for method, path, body in (("POST", "/v1/users", {"name": "walrus", "password": "oyster", "dispaly": "Walrus"}),
                               ("PUT", "/v1/users/walrus/password", {"password": "oyster", "name": "carpenter"})):
        status, doc = pair.api(method, path, body)
        assert status == 400 and '"%s"' % list(body)[-1] in doc["error"]["message"]
    assert "walrus" not in [u["name"] for u in pair.api("GET", "/v1/users")[1]["users"]]
