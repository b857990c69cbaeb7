# SPDX-License-Identifier: Apache-2.0
"""The admin API: conferences and participants over HTTP, its errors, its token, its metrics."""

import json
import re
from urllib.parse import quote

import pytest

from peer.servers import poll
from peer.sipmsg import Uri
from peer.ue import fence

RFC3339 = re.compile(r"^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?Z$")
CONFERENCE = {"name", "uri", "state", "subject", "e2e", "creator", "created", "participant_count",
              "mrfp"}
PARTICIPANT = {"uri", "display", "nickname", "roles", "state", "lost", "endpoints"}
ENDPOINT = {"contact", "state", "joining_method", "since"}


def path(*parts):
    return "/v1/conferences" + "".join("/" + quote(p, safe="") for p in parts)


def participants(room, *uri):
    return path(room) + "/participants" + "".join("/" + quote(u, safe="") for u in uri)


def made(net, name, **more):
    """A conference made by the API."""
    status, doc = net.api("POST", path(), {"name": name, **more})
    assert status == 201, doc
    return doc


def is_error(answer, status, code=None):
    """The API's error form; code: the machine-readable word."""
    got, headers, body = answer
    assert got == status, (got, body)
    assert headers["Content-Type"].startswith("application/json")
    error = json.loads(body)["error"]
    assert re.fullmatch(r"[a-z_]+", error["code"]) and error["message"]
    assert code is None or error["code"] == code
    return error


def test_a_conference_from_its_making_to_its_end(ue, mrf, room):
    # covers: FOC-019, FOC-001, FOC-007
    status, headers, body = mrf.mrfc.http("POST", path(), {"name": room, "subject": "Tëa & <b>"})
    doc = json.loads(body)
    assert status == 201 and headers["Location"] == path(room)
    assert CONFERENCE <= set(doc) and doc["name"] == room
    assert doc["uri"] == "sip:%s@%s" % (room, mrf.domain)
    assert (doc["state"], doc["subject"], doc["e2e"]) == ("active", "Tëa & <b>", False)
    assert doc["participant_count"] == 0 and RFC3339.match(doc["created"])
    # It lives without anybody in it, and after its last member.
    alice = ue("alice").join(room)
    alice.leave()
    poll(lambda: mrf.api("GET", path(room))[1]["participant_count"] == 0)
    bob, carol = ue("bob").join(room), ue("carol").join(room)
    fence(bob, carol)
    status, doc = mrf.api("GET", path(room))
    assert status == 200 and CONFERENCE | {"participants"} <= set(doc)
    assert doc["participant_count"] == 2 and doc["mrfp"]
    assert [c["name"] for c in mrf.api("GET", path())[1]["conferences"]].count(room) == 1
    status, _, body = mrf.mrfc.http("DELETE", path(room))
    assert (status, body) == (204, b"")
    for member in (bob, carol):
        member.call.wait_bye()
    poll(lambda: mrf.api("GET", path(room))[0] == 404)
    is_error(mrf.mrfc.http("DELETE", path(room)), 404, "not_found")


def test_a_conference_gets_a_name_when_none_is_given(mrf):
    # covers: FOC-001
    names = [mrf.api("POST", path(), {})[1]["name"] for _ in range(3)]
    assert len(set(names)) == 3 and all(re.fullmatch(r"[A-Za-z0-9._-]+", n) for n in names)
    for name in names:
        assert mrf.api("DELETE", path(name))[0] == 204


def test_a_name_that_is_taken(ue, mrf, room):
    made(mrf, room)
    is_error(mrf.mrfc.http("POST", path(), {"name": room}), 409)
    ue("alice").join(room + "-by-call")
    is_error(mrf.mrfc.http("POST", path(), {"name": room + "-by-call"}), 409)
    assert mrf.api("DELETE", path(room))[0] == 204


@pytest.mark.parametrize("body", [
    b"{", b"[]", b"null", b'"x"', b'{"name":', b'{"name": 7}', b'{"name": ["a"]}',
    b'{"name": "a b"}', b'{"name": "a/b"}', b'{"name": "a@b"}', b'\xff\xfe',
    b'{"name": "%s"}' % (b"x" * 300), b'{"subject": {}}', b'{"name": "a\\u0000b"}',
    b'{"name": "conference-factory"}', b'{"e2e": "yes"}', b"[" * 5000,
    b'{"sealed": true}', b'{"e2E": true}'], ids=range(19))
def test_bodies_that_make_no_conference(mrf, body):
    before = len(mrf.api("GET", path())[1]["conferences"])
    got = mrf.mrfc.http("POST", path(), body, {"Content-Type": "application/json"})
    is_error(got, 409 if b"factory" in body and got[0] == 409 else 400)
    assert len(mrf.api("GET", path())[1]["conferences"]) == before


def test_a_body_too_large(mrf):
    big = b'{"subject": "' + b"x" * 200000 + b'"}'
    is_error(mrf.mrfc.http("POST", path(), big), 413)
    assert mrf.mrfc.http("GET", "/healthz")[0] == 200


@pytest.mark.parametrize("method, where, status", [
    ("GET", "/v1/nothing", 404), ("GET", "/v2/conferences", 404), ("GET", "/v1/conferences/", 404),
    ("PUT", "/v1/conferences", 405), ("DELETE", "/v1/conferences", 405),
    ("POST", "/v1/conferences/x", 405), ("GET", "/v1/conferences/x/participants", 405),
    ("GET", "/v1/conferences/%zz", 400), ("GET", "/v1/conferences/none", 404),
    ("DELETE", "/v1/conferences/none", 404), ("POST", "/v1/mrfps", 405),
    ("DELETE", "/v1/conferences/none/participants/sip%3Aa%40b", 404)])
def test_places_and_methods_that_are_not(mrf, method, where, status):
    got = mrf.mrfc.http(method, where, {} if method in ("POST", "PUT") else None)
    is_error(got, status)
    if status == 405:
        assert "Allow" in got[1] and method not in got[1]["Allow"]


def test_participants_as_they_are(ue, mrf, room):
    # covers: FOC-011, FOC-024, CONF-012
    alice = ue("alice", display='Älice \\"A\\"').join(room)
    bob = ue("bob").join(room)
    assert bob.nickname("Bobby") == 200
    poll(lambda: mrf.participants(room)[bob.aor]["nickname"] == "Bobby")
    for person in mrf.participants(room).values():
        assert PARTICIPANT <= set(person) and person["state"] == "connected"
        assert person["lost"] == 0
        for end in person["endpoints"]:
            assert ENDPOINT <= set(end) and end["joining_method"] == "dialed-in"
            assert end["state"] == "connected" and RFC3339.match(end["since"])
            assert Uri(end["contact"]).user in ("alice", "bob")
    assert mrf.participants(room)[alice.aor]["roles"] == ["owner"]
    assert mrf.participants(room)[alice.aor]["display"] == 'Älice "A"'
    assert mrf.participants(room)[bob.aor]["roles"] == []
    bob.call.reinvite(bob.offer(new=False, direction="inactive")).expect(200)
    poll(lambda: mrf.participants(room)[bob.aor]["state"] == "on-hold")


@pytest.mark.parametrize("body", [
    {}, {"uri": 5}, {"uri": None}, {"uri": ""}, {"uri": "carol"}, {"uri": "mailto:c@example.com"},
    {"uri": "sip:"}, {"uri": "sip:c@127.0.0.1:9\r\nX: y"}, {"uri": "sip:c@127.0.0.1:9>"},
    {"uri": "sip:c@127.0.0.1:9", "display": 5}], ids=range(10))
def test_invitations_that_cannot_be(mrf, room, body):
    made(mrf, room)
    is_error(mrf.mrfc.http("POST", participants(room), body), 400)
    assert mrf.participants(room) == {}
    assert mrf.api("DELETE", path(room))[0] == 204


def test_an_invitation_from_the_call_to_the_removal(ue, mrf, room):
    # covers: REF-001, CONF-014, FOC-020
    made(mrf, room, subject="All hands")
    carol = ue("carol")
    uri = carol.ua.contact_uri
    status, doc = mrf.api("POST", participants(room), {"uri": uri, "display": 'C "x" <y>'})
    assert status == 202 and PARTICIPANT <= set(doc)
    assert doc["uri"] == uri and doc["state"] in ("pending", "dialing-out")
    inv = carol.wait_invite().invite
    assert inv.to.uri == uri and inv.get("Subject") == "All hands"
    assert mrf.participants(room)[uri]["display"] == 'C "x" <y>'
    is_error(mrf.mrfc.http("POST", participants(room), {"uri": uri}), 409)
    carol.accept()
    poll(lambda: mrf.participants(room)[uri]["state"] == "connected")
    assert mrf.participants(room)[uri]["endpoints"][0]["joining_method"] == "dialed-out"
    status, _, body = mrf.mrfc.http("DELETE", participants(room, uri))
    assert (status, body) == (204, b"")
    carol.call.wait_bye()
    is_error(mrf.mrfc.http("DELETE", participants(room, uri)), 404)
    is_error(mrf.mrfc.http("DELETE", participants(room, "sip:nobody@example.com")), 404)
    assert mrf.api("DELETE", path(room))[0] == 204


def test_nothing_to_be_had_without_a_mrfp(own_mrf, ue, room):
    # covers: FOC-010
    net = own_mrf(start_mrfp=False)
    made(net, room)
    is_error(net.mrfc.http("POST", participants(room), {"uri": "sip:c@127.0.0.1:9"}), 503)
    assert net.api("GET", "/v1/mrfps") == (200, {"mrfps": []})


def test_mrfps_as_they_are(ue, mrf, trio):
    status, doc = mrf.api("GET", "/v1/mrfps")
    (one,) = doc["mrfps"]
    assert status == 200 and {"id", "state", "msrp", "contexts", "terminations",
                              "load"} <= set(one)
    assert one["state"] == "up" and one["contexts"] >= 1 and one["terminations"] >= 3
    assert one["msrp"] == "%s:%d" % mrf.msrp


@pytest.fixture
def guarded(own_mrf, tmp_path):
    """A pair whose API wants a token for changes."""
    token = tmp_path / "token"
    token.write_text("s3cret-token\n")
    token.chmod(0o600)
    return own_mrf(mrfc={"admin.token_file": str(token)}, start_mrfp=False)


def test_changes_need_the_token(guarded, room):
    server = guarded.mrfc
    for headers in ({}, {"Authorization": "Bearer wrong"}, {"Authorization": "Basic czpz"},
                    {"Authorization": "Bearer s3cret-token2"}, {"Authorization": "Bearer "}):
        got = server.http("POST", path(), {"name": room}, {"Content-Type": "application/json",
                                                           **headers})
        is_error(got, 401)
        assert "Bearer" in got[1]["WWW-Authenticate"]
        is_error(server.http("DELETE", path("x"), None, headers or {"X": "y"}), 401)
    right = {"Authorization": "Bearer s3cret-token", "Content-Type": "application/json"}
    assert server.http("POST", path(), {"name": room}, right)[0] == 201
    assert server.http("GET", path(room))[0] == 200
    assert server.http("DELETE", path(room), None, right)[0] == 204


def test_another_address_than_loopback_needs_a_token(tmp_path):
    from test_startup import run
    code, text = run("mrfc", "-o", "sip.port=0", "-o", "admin.port=0", "-o",
                     "mp.socket=%s/mp.sock" % tmp_path, "-o", "admin.address=0.0.0.0")
    assert code == 78 and "admin.token_file" in text


def test_pages_of_other_origins_may_not_change_anything(mrf, room):
    for headers in ({"Origin": "http://evil.example"}, {"Host": "evil.example"}):
        got = mrf.mrfc.http("POST", path(), {"name": room},
                            {"Content-Type": "application/json", **headers})
        assert got[0] in (400, 403)
    got = mrf.mrfc.http("POST", path(), '{"name": "%s"}' % room, {"Content-Type": "text/plain"})
    assert got[0] in (201, 400, 403, 415)
    mrf.api("DELETE", path(room))


def test_the_live_page(mrf):
    status, headers, body = mrf.mrfc.http("GET", "/")
    assert status == 200 and headers["Content-Type"].startswith("text/html")
    assert b"http://" not in body.replace(b"http://www.w3.org", b"")  # nothing from elsewhere
    assert "default-src" in headers["Content-Security-Policy"]


def test_what_happens_is_counted(ue, mrf, room):
    before = mrf.mrfc.metrics()
    alice = ue("alice").join(room)
    bob = ue("bob").join(room)
    watch = alice.subscribe()
    bob.leave()
    watch.wait(lambda r: bob.aor not in r.connected())
    ue("carol").invite("conference-factory", "v=0\r\nx\r\n").expect((400, 488))

    def grown(name, **labels):
        return mrf.mrfc.metrics().sum(name, **labels) - before.sum(name, **labels)
    assert grown("mrfc_sip_answers_total", method="INVITE", status="200") >= 2
    assert grown("mrfc_sessions_joined_total", how="dialed-in") == 2
    assert grown("mrfc_sessions_ended_total", cause="departed") == 1
    assert grown("mrfc_notifies_total", event="conference") >= 1
    now = mrf.mrfc.metrics()
    for gauge in ("mrfc_conferences", "mrfc_sessions", "mrfc_subscriptions", "mrfc_dialogs"):
        assert now[gauge] >= 1
    text = mrf.mrfc.http("GET", "/metrics")[2].decode()
    names = {re.match(r"\w+", line).group(0) for line in text.splitlines()
             if line and line[0] != "#"}
    for name in names:
        base = re.sub(r"_(bucket|sum|count)$", "", name)
        assert "# TYPE %s " % name in text or "# TYPE %s " % base in text
        assert "# HELP %s " % name in text or "# HELP %s " % base in text
