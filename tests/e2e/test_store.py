# SPDX-License-Identifier: Apache-2.0
"""The durable store: what is in the file when an answer is out, and what happens when it fails."""

import os
import resource
import shutil
import sqlite3

import pytest

from peer.loop import wait
from peer.servers import poll
from peer.ue import fence

from test_startup import run


def store_of(net):
    return os.path.join(net.folder, "sub", "mrfc.db")


def durable(own_mrf, **more):
    """A pair whose MRFC stores in a file."""
    net = own_mrf(start=False)
    net.mrfc_options = {**net.mrfc_options, "store.path": store_of(net), **more}
    net.start_mrfc()
    net.start_mrfp()
    return net


def rows(net, table):
    """{key: text} of a table, as another process sees it."""
    db = sqlite3.connect(store_of(net), timeout=5)
    try:
        return {bytes(k).decode(): bytes(v).decode() for k, v in
                db.execute('SELECT key, value FROM "%s"' % table)}
    except sqlite3.OperationalError as err:
        assert "no such table" in str(err)
        return {}
    finally:
        db.close()


def field(record, name):
    return next((line.partition(" ")[2] for line in record.split("\n")
                 if line.startswith(name + " ")), None)


def test_an_answer_never_precedes_its_state(own_mrf, ue, room):
    net = durable(own_mrf)
    alice = ue("alice", net=net).join(room)
    net.mrfc.kill()
    assert field(rows(net, "conference")[room], "creator") == alice.aor
    (key, session), = rows(net, "session").items()
    assert key.startswith(room + "/") and field(session, "uri") == alice.aor
    assert os.stat(store_of(net)).st_mode & 0o777 == 0o600
    assert os.stat(os.path.dirname(store_of(net))).st_mode & 0o777 == 0o700


def test_what_is_over_is_gone_from_the_store(own_mrf, ue, room):
    net = durable(own_mrf)
    alice, bob = [ue(n, net=net).join(room) for n in ("alice", "bob")]
    fence(alice, bob)
    assert len(rows(net, "session")) == 2
    bob.leave()
    assert len(rows(net, "session")) == 1
    alice.leave()
    poll(lambda: not any(room in key for table in ("conference", "session", "member", "dialog")
                         for key in rows(net, table)), what="an empty store")


def test_names_are_data_in_the_store(own_mrf, ue):
    net = durable(own_mrf)
    evil = "\"sip:x'%3b--@h.example\""
    alice = ue("alice", net=net, aor="sip:al'%3bDROP%20TABLE%20session%3b--@example.com")
    alice.join("..")
    bob = ue("bob", net=net, display=evil.strip('"')).join("..")
    fence(alice, bob)
    sessions = rows(net, "session")
    assert len(sessions) == 2
    assert {field(s, "uri") for s in sessions.values()} == {
        "sip:al';DROP%20TABLE%20session;--@example.com", bob.aor}
    assert set(rows(net, "conference")) == {".."}
    assert set(os.listdir(net.folder)) == {"mp.sock", "sub"}


class Outage:
    """A store that fails from now on, until end()."""

    def __init__(self, net, how):
        self.net, self.how = net, how
        if how == "full":
            self.before = resource.prlimit(net.mrfc.pid, resource.RLIMIT_FSIZE)
            resource.prlimit(net.mrfc.pid, resource.RLIMIT_FSIZE, (0, self.before[1]))
        elif how == "locked":
            self.db = sqlite3.connect(store_of(net), timeout=5, isolation_level=None)
            self.db.execute("BEGIN IMMEDIATE")
        else:
            os.rename(store_of(net), store_of(net) + ".away")

    def end(self):
        if self.how == "full":
            resource.prlimit(self.net.mrfc.pid, resource.RLIMIT_FSIZE, self.before)
        elif self.how == "locked":
            self.db.execute("ROLLBACK")
            self.db.close()
        else:
            os.rename(store_of(self.net) + ".away", store_of(self.net))


def store_lines(net, word):
    return [line for _, line in net.mrfc.lines if " store: " in line and word in line]


@pytest.mark.parametrize("how", ["full", "locked", "taken away"])
def test_while_the_store_fails_live_conferences_go_on(own_mrf, ue, room, how):
    net = durable(own_mrf)
    alice, bob, carol = [ue(n, net=net).join(room) for n in ("alice", "bob", "carol")]
    fence(alice, bob, carol)
    assert net.mrfc.metrics()["mrfc_store_up"] == 1
    outage = Outage(net, how)
    # Who comes now is told to come later, and that is how the failure is found out.
    first = ue("dave", net=net).invite(room).final(timeout=20)
    assert first.code == 503 and int(first.get("Retry-After")) > 0
    net.mrfc.wait_metric(lambda m: m["mrfc_store_up"] == 0)
    again = ue("erin", net=net).invite(room + "-new").final()
    assert again.code == 503 and int(again.get("Retry-After")) > 0
    status, headers, body = net.mrfc.http("POST", "/v1/conferences", {"name": room + "-api"})
    assert status == 503 and headers["Retry-After"] and b"stored" in body
    status, _, body = net.mrfc.http("GET", "/readyz")
    assert status == 503 and b"mrfc.db" in body
    assert net.mrfc.http("GET", "/healthz")[0] == 200
    # The room goes on: chat, a change of a session, and leaving.
    fence(alice, bob, carol)
    fence(bob, alice, carol)
    change = bob.call.reinvite(bob.offer(new=False, direction="sendonly"))
    assert change.final(timeout=20).code == 200
    poll(lambda: net.participants(room)[bob.aor]["state"] == "on-hold")
    carol.leave()
    fence(bob, alice)
    outage.end()
    metrics = net.mrfc.wait_metric(lambda m: m["mrfc_store_up"] == 1)
    assert metrics["mrfc_store_failures_total"] > 0 and metrics["mrfc_store_unsaved_rows"] == 0
    assert net.mrfc.http("GET", "/readyz")[0] == 200
    # What happened meanwhile is stored now, and what comes in is taken again.
    assert {field(s, "uri") for s in rows(net, "session").values()} == {alice.aor, bob.aor}
    frank = ue("frank", net=net).join(room)
    fence(alice, frank)
    assert len(rows(net, "session")) == 3
    assert set(rows(net, "conference")) == {room}
    assert len(store_lines(net, "ERROR")) == 1 and len(store_lines(net, "takes changes again")) == 1


def refused(net, path, code, *words):
    got, text = run("mrfc", "-o", "sip.port=0", "-o", "admin.port=0", "-o",
                    "mp.socket=%s/x.sock" % net, "-o", "store.path=%s" % path)
    lines = [line for line in text.split("\n") if line]
    assert got == code, text
    assert len(lines) == 1 and "store.path" in lines[0], text
    for word in words:
        assert word in lines[0]


def made(folder, *commands):
    path = os.path.join(folder, "made.db")
    db = sqlite3.connect(path)
    for command in commands:
        db.execute(command)
    db.commit()
    db.close()
    return path


def test_two_mrfcs_never_share_a_store(own_mrf, tmp_path):
    net = durable(own_mrf)
    refused(tmp_path, store_of(net), 1, store_of(net), "another process uses it")
    net.mrfc.kill()  # the lock dies with its process
    net.start_mrfc()


def test_a_store_that_another_program_has_locked_is_named(own_mrf, tmp_path):
    net = durable(own_mrf)
    path = store_of(net)
    net.mrfc.stop()
    db = sqlite3.connect(path, isolation_level=None)
    db.execute("BEGIN IMMEDIATE")
    refused(tmp_path, path, 1, "another process has locked it")
    db.close()


def test_a_damaged_store_is_refused(own_mrf, ue, room, tmp_path):
    net = durable(own_mrf)
    members = [ue("user%d" % n, net=net).join(room) for n in range(8)]
    fence(*members)
    net.mrfc.kill()
    db = sqlite3.connect(store_of(net))
    db.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    db.close()
    whole = tmp_path / "whole.db"
    shutil.copy(store_of(net), whole)
    size = os.path.getsize(whole)
    for at in (0, 4096, size // 2 // 4096 * 4096):
        torn = tmp_path / "torn.db"
        octets = bytearray(whole.read_bytes())
        octets[at:at + 2048] = b"\xa5" * 2048
        torn.write_bytes(octets)
        refused(tmp_path, torn, 1, "damaged")
    (tmp_path / "text.db").write_text("this is no database\n" * 100)
    refused(tmp_path, tmp_path / "text.db", 1, "damaged, or no database")


def test_a_store_that_is_none_of_ours_is_refused(tmp_path):
    refused(tmp_path, made(tmp_path, "CREATE TABLE bookmarks(url)"), 78,
            "another program's database")
    (tmp_path / "folder").mkdir()
    refused(tmp_path, tmp_path / "folder", 78)
    refused(tmp_path, "/proc/nowhere/x.db", 78 if os.geteuid() else 1, "folder cannot be made")


def test_a_failed_start_leaves_nothing_beside_a_foreign_file(tmp_path):
    folder = tmp_path / "theirs"
    folder.mkdir()
    (folder / "text.db").write_text("this is no database\n" * 100)
    refused(tmp_path, folder / "text.db", 1, "damaged, or no database")
    assert os.listdir(folder) == ["text.db"]


def test_a_later_release_s_store_is_refused(own_mrf, tmp_path):
    net = durable(own_mrf)
    path = store_of(net)
    net.mrfc.stop()
    db = sqlite3.connect(path)
    db.execute("UPDATE meta SET value=CAST('2' AS BLOB) WHERE key=CAST('schema' AS BLOB)")
    db.commit()
    db.close()
    refused(tmp_path, path, 1, "a later release made it", "schema 2")


def test_a_store_without_room_is_refused(tmp_path):
    """The limit of file sizes stands for a full disk: not one page can be written."""
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (0, hard))
    try:
        refused(tmp_path, tmp_path / "x.db", 1, str(tmp_path / "x.db"))
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


@pytest.mark.skipif(not shutil.which("setpriv"), reason="needs setpriv to be somebody without rights")
def test_a_store_that_cannot_be_written_is_refused(own_mrf, tmp_path):
    net = durable(own_mrf)
    path = store_of(net)
    net.mrfc.stop()
    os.chmod(path, 0o400)
    wrap = ["setpriv", "--bounding-set=-dac_override"] if os.geteuid() == 0 else []
    server = net.mrfc.__class__("mrfc", {**net.mrfc_options, "sip.port": 0, "admin.port": 0},
                                wrap=wrap)
    wait(lambda: server.gone, 20, "its end")
    assert server.proc.wait(10) == 78
    server.wait_log("Permission denied")
    server.wait_log(path)
    server.stop()


def test_a_store_of_limited_size_fills_up_and_heals(own_mrf, ue, room):
    net = durable(own_mrf, **{"store.max_size": "256KiB"})
    alice, bob = [ue(n, net=net).join(room) for n in ("alice", "bob")]
    subject = "s" * 900
    names = []
    status = 201
    while status == 201 and len(names) < 2000:
        name = "%s-%d" % (room, len(names))
        status, _, _ = net.mrfc.http("POST", "/v1/conferences", {"name": name, "subject": subject})
        names.append(name)
    assert status == 503
    assert b"no room is left" in net.mrfc.http("GET", "/readyz")[2]
    net.mrfc.wait_log("%s: ends (store_failed)" % names[-1])
    fence(alice, bob)
    for name in names[:-1]:
        assert net.mrfc.http("DELETE", "/v1/conferences/" + name)[0] == 204
    net.mrfc.wait_metric(lambda m: m["mrfc_store_up"] == 1)
    fence(alice, ue("carol", net=net).join(room))


def test_who_writes_to_the_absent_is_told_that_it_is_not_stored(own_mrf, ue, room):
    # covers: IMS-007
    net = durable(own_mrf, **{"conference.leave": "reason"})
    alice, bob, carol = [ue(n, net=net).join(room) for n in ("alice", "bob", "carol")]
    fence(alice, bob, carol)
    bob.leave()
    assert alice.send("stored").status() == 200
    outage = Outage(net, "full")
    for text in ("first", "second"):
        assert alice.send(text).status() == 408
        carol.wait_text(text)
    assert net.mrfc.metrics().sum("mrfc_owed_total", event="unstored") == 2
    assert len([line for _, line in net.mrfc.lines if "cannot be stored; their" in line]) == 1
    outage.end()
    net.mrfc.wait_metric(lambda m: m["mrfc_store_up"] == 1)
    assert alice.send("third").status() == 200
    back = ue("bob", net=net).join(room)
    fence(alice, back, carol)
    assert [t for t in back.texts if not t.startswith("fence")] == [
        "stored", "first", "second", "third"]
