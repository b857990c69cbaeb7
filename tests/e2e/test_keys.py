# SPDX-License-Identifier: Apache-2.0
"""Pairwise keys of members: mrfctl key, the API, and how they lie in the store."""

import json
import os
import sqlite3
import stat
import subprocess

import pytest

from peer.keyserver import add_key, ctl
from peer.loop import wait
from peer.servers import Server, program

ALICE, BOB = "sip:alice@example.com", "sip:bob@example.com"


def logged(server, text):
    wait(lambda: text in server.log(), 10, "%r in the log" % text, server.log)


class Mrfc:
    """An mrfc alone with a store, which can be started again."""

    def __init__(self, folder):
        self.folder, self.all = str(folder), []
        self.path = os.path.join(self.folder, "store", "mrfc.db")

    def start(self, **more):
        self.server = Server("mrfc", {
            "sip.port": 0, "admin.port": 0, "mp.socket": os.path.join(self.folder, "mp.sock"),
            "store.path": self.path, **{k.replace("__", "."): v for k, v in more.items()}})
        self.all.append(self.server)
        return self.server.wait_ready()

    def stop(self):
        assert self.server.stop() == []
        self.server.killed = True

    def rows(self):
        with sqlite3.connect(self.path) as db:
            return dict(db.execute("SELECT key, value FROM member_key"))

    def write(self, key, value):
        with sqlite3.connect(self.path) as db:
            assert db.execute("UPDATE member_key SET value = ? WHERE key = ?", (value, key)).rowcount == 1

    def ids(self):
        keys = json.loads(self.server.http("GET", "/v1/keys")[2])["keys"]
        assert all(k.keys() == {"uri", "id"} for k in keys)
        return [(k["uri"], k["id"]) for k in keys]


@pytest.fixture
def mrfc(tmp_path):
    it = Mrfc(tmp_path)
    yield it
    wrong = sum((s.stop() for s in it.all if not s.killed), [])
    assert not wrong, wrong


def test_a_key_is_shown_once(mrfc, tmp_path):
    # covers: MIKEY-014
    server, out = mrfc.start(), tmp_path / "alice.key"
    said, _ = ctl(server, "key", "add", ALICE, "--id", "mk:alice:1", "--out", str(out))
    assert said == "added mk:alice:1 in %s\n" % out
    assert stat.S_IMODE(os.stat(out).st_mode) == 0o600
    name, digits = out.read_text().split()
    assert name == "mk:alice:1" and len(bytes.fromhex(digits)) == 32
    made, other = ctl(server, "key", "add", ALICE)[0].split()
    assert len(made) == 8 and other != digits
    asked = json.loads(ctl(server, "--json", "key", "add", BOB)[0])
    assert asked.keys() == {"uri", "id", "key", "stored"} and asked["uri"] == BOB
    assert mrfc.ids() == [(ALICE, "mk:alice:1"), (ALICE, made), (BOB, asked["id"])]
    listed, _ = ctl(server, "key", "list")
    assert ALICE in listed and "mk:alice:1" in listed and digits not in listed
    for path in ("/v1/keys/" + ALICE, "/v1/keys/%s?id=mk:alice:1" % ALICE, "/v1/keys/mk:alice:1"):
        assert server.http("GET", path)[0] in (404, 405)
    ctl(server, "key", "remove", ALICE, "--id", "mk:alice:1")
    assert mrfc.ids() == [(ALICE, made), (BOB, asked["id"])]
    logged(server, "audit: key mk:alice:1 of %s is made and given to 127.0.0.1 port" % ALICE)
    logged(server, "audit: 1 key(s) of %s removed (mk:alice:1) by 127.0.0.1 port" % ALICE)
    assert not any(key in server.log() for key in (digits, other, asked["key"]))


def test_wrong_requests_change_nothing(mrfc, tmp_path):
    server, out = mrfc.start(), tmp_path / "a.key"
    out.write_text("something of mine")
    assert "cannot make" in ctl(server, "key", "add", ALICE, "--out", str(out), code=1)[1]
    assert out.read_text() == "something of mine" and mrfc.ids() == []
    add_key(server, ALICE, "a")
    for args, code, words in ((("add", ALICE, "--id", "a"), 1, "(exists)"), (("add", "alice"), 1, "(bad_request)"),
                              (("add", ALICE, "--id", "a b"), 1, "(bad_request)"), (("remove", BOB), 1, "(not_found)"),
                              (("remove", ALICE, "--id", "b"), 1, "(not_found)"), (("add",), 2, "arguments"),
                              (("show", ALICE), 2, "key what")):
        assert words.replace("key what", "no such command") in ctl(server, "key", *args, code=code)[1], args
    gone = tmp_path / "gone.key"
    ctl(server, "key", "add", ALICE, "--id", "a", "--out", str(gone), code=1)
    assert not gone.exists()
    for body in ("{", "[]", '{"uri":1}', '{"uri":"%s","id":7}' % ALICE, "{}",
                 '{"uri":"%s","ID":"x"}' % ALICE):
        assert server.http("POST", "/v1/keys", body)[0] == 400, body
    for _ in range(15):
        ctl(server, "key", "add", ALICE)
    assert "(full)" in ctl(server, "key", "add", ALICE, code=1)[1]
    ctl(server, "key", "remove", ALICE)
    assert mrfc.ids() == []


def test_keys_outlive_the_process_sealed(mrfc):
    # covers: GK-012
    server = mrfc.start()
    keys = [add_key(server, uri, "k:1") for uri in (ALICE, BOB)]
    wrap = mrfc.path + ".key"
    logged(server, "%s is made" % wrap)
    assert stat.S_IMODE(os.stat(wrap).st_mode) == 0o600
    mrfc.stop()
    rows = mrfc.rows()
    assert len(rows) == 2
    for name in os.listdir(os.path.dirname(mrfc.path)):
        with open(os.path.join(os.path.dirname(mrfc.path), name), "rb") as f:
            data = f.read()
        assert not any(k in data or k.hex().encode() in data for k in keys), name
    server = mrfc.start()
    assert mrfc.ids() == [(ALICE, "k:1"), (BOB, "k:1")]
    assert "is made" not in server.log()
    ctl(server, "key", "remove", BOB)
    server.kill()
    mrfc.start()
    assert mrfc.ids() == [(ALICE, "k:1")]


def test_rows_that_were_edited_or_swapped_are_skipped_with_an_alarm(mrfc):
    # covers: GK-012
    server = mrfc.start()
    for uri in (ALICE, BOB):
        add_key(server, uri, "k")
    mrfc.stop()
    rows = mrfc.rows()
    alice, bob = sorted(rows)
    for value in (rows[alice], rows[bob][:-1] + bytes([rows[bob][-1] ^ 1]), rows[bob][:40], b""):
        mrfc.write(bob, value)  # the first: her key as his
        server = mrfc.start()
        assert mrfc.ids() == [(ALICE, "k")]
        logged(server, "alarm: the stored key 'sip:bob@example.com k' was changed")
        mrfc.stop()
    mrfc.write(bob, rows[bob])
    mrfc.start()
    assert mrfc.ids() == [(ALICE, "k"), (BOB, "k")]


def ends(name, *args, **settings):
    """Exit code and log of a server that does not start."""
    proc = Server(name, {k.replace("__", "."): v for k, v in settings.items()}, args=args)
    code = proc.proc.wait(20)
    wait(lambda: proc.gone, 10, "its end")
    proc.killed = True
    proc.stop()
    return code, proc.log()


def test_the_store_key_is_for_us_alone(mrfc, tmp_path):
    server, key = mrfc.start(groupkey__store_key=tmp_path / "k" / "wrap"), tmp_path / "k" / "wrap"
    add_key(server, ALICE, "a")
    mrfc.stop()
    wrong = {"store__path": mrfc.path, "groupkey__store_key": key, "sip__port": 0, "admin__port": 0,
             "mp__socket": tmp_path / "mp.sock"}
    os.chmod(key, 0o640)
    for args in (("-t",), ()):
        code, log = ends("mrfc", *args, **wrong)
        assert code == 78 and "groupkey.store_key" in log and "others may read" in log
    os.chmod(key, 0o600)
    key.write_text("0" * 63 + "\n")
    assert ends("mrfc", **wrong)[0] == 78
    key.write_text("0" * 64 + "\n")  # a key, but another
    server = mrfc.start(groupkey__store_key=key)
    logged(server, "alarm:")
    assert mrfc.ids() == []


def test_a_store_key_that_is_missing_is_not_made_anew(mrfc, tmp_path):
    # covers: MIKEY-014
    key, aside = tmp_path / "wrap", tmp_path / "aside"
    server = mrfc.start(groupkey__store_key=key)
    add_key(server, ALICE, "a")
    mrfc.stop()
    os.rename(key, aside)
    code, log = ends("mrfc", store__path=mrfc.path, groupkey__store_key=key, sip__port=0, admin__port=0,
                     mp__socket=tmp_path / "mp.sock")
    assert code == 78 and "groupkey.store_key" in log and "is not there" in log and not key.exists()
    os.rename(aside, key)
    mrfc.start(groupkey__store_key=key)
    assert len(mrfc.ids()) == 1


def test_no_key_is_given_where_others_may_listen(mrfc, tmp_path):
    # covers: MIKEY-014
    token = tmp_path / "token"
    token.write_text("secret-token\n")
    server = mrfc.start(admin__address="0.0.0.0", admin__token_file=token)
    args = [program("mrfctl"), "--server", "127.0.0.1:%d" % server.address("admin")[1], "--token-file", str(token)]
    done = subprocess.run([*args, "key", "add", ALICE], capture_output=True, text=True, timeout=60)
    assert (done.returncode, done.stdout) == (1, "") and "loopback" in done.stderr
    done = subprocess.run([*args, "--json", "key", "list"], capture_output=True, text=True, timeout=60)
    assert json.loads(done.stdout) == {"keys": []}


def test_who_makes_a_key_that_will_not_last_is_warned(mrfc, tmp_path):
    kept = ctl(mrfc.start(), "key", "add", ALICE, "--id", "a1")
    assert kept[1] == ""
    mrfc.stop()
    other = mrfc.start(store__path="")
    out, warned = ctl(other, "key", "add", ALICE, "--id", "a2")
    assert out.split()[0] == "a2" and "store.path is empty" in warned
    status, _, body = other.http("POST", "/v1/keys", json.dumps({"uri": ALICE, "id": "a3"}).encode())
    assert status == 201 and json.loads(body)["stored"] is False
