# SPDX-License-Identifier: Apache-2.0
"""mrfctl against an admin API of the test's own: the requests it makes, its tables, its exit codes."""
import http.server
import json
import os
import subprocess
import threading

import pytest

ROOT = os.path.realpath(os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", ".."))
MRFCTL = os.path.join(os.environ.get("MRF_BUILD") or os.path.join(ROOT, "build/release"), "mrfctl")

CONFERENCE = {"name": "room", "uri": "sip:room@conf.example.com", "state": "active", "subject": None, "e2e": False,
              "creator": "sip:alice@example.com", "created": "2026-02-01T10:00:00Z", "participant_count": 1,
              "mrfp": "mrfp-1"}
BOB = {"uri": "sip:bob@example.com", "display": "B\u00f6b \x1b[2J\u009b", "nickname": "Bobby", "roles": [],
       "state": "connected", "lost": 3,
       "endpoints": [{"contact": "sip:bob@192.0.2.1", "state": "connected", "joining_method": "dialed-in",
                      "since": "2026-02-01T10:01:00Z"}]}
EVE = {"uri": "sip:eve@example.com", "display": None, "nickname": None, "roles": [], "state": "disconnected",
       "cause": 486, "lost": 0, "endpoints": []}
MRFP = {"id": "mrfp-1", "state": "up", "msrp": "127.0.0.1:2855", "contexts": 1, "terminations": 2, "load": 125}


class API(http.server.BaseHTTPRequestHandler):
    def answer(self):
        size = int(self.headers.get("Content-Length") or 0)
        body = self.rfile.read(size)
        self.server.seen.append((self.command, self.path, json.loads(body) if body else None,
                                 self.headers.get("Authorization")))
        status, reply = self.server.replies.get((self.command, self.path.split("?")[0]),
                                                (404, {"error": {"code": "not_found", "message": "no such thing"}}))
        data = json.dumps(reply).encode() if reply is not None else b""
        self.send_response(status)
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)

    do_GET = do_POST = do_DELETE = answer

    def log_message(self, *args):
        pass


@pytest.fixture
def api():
    server = http.server.HTTPServer(("127.0.0.1", 0), API)
    server.seen = []
    server.replies = {}
    thread = threading.Thread(target=server.serve_forever, args=(0.02,))
    thread.start()
    yield server
    server.shutdown()
    thread.join()
    server.server_close()


def run(api, *args):
    at = ["--server", "127.0.0.1:%d" % api.server_address[1]] if api else []
    done = subprocess.run([MRFCTL, *at, *args], capture_output=True, text=True, timeout=30)
    return done.returncode, done.stdout, done.stderr


@pytest.mark.parametrize("words", [["conferences"], ["conferences", "list"], ["list"]])
def test_conferences_are_a_table(api, words):
    api.replies["GET", "/v1/conferences"] = 200, {"conferences": [CONFERENCE]}
    code, out, err = run(api, *words)
    assert (code, err) == (0, "")
    head, row = out.splitlines()
    assert head.split() == ["NAME", "STATE", "PARTICIPANTS", "MRFP", "CREATED", "SUBJECT"]
    assert row.split() == ["room", "active", "1", "mrfp-1", "2026-02-01T10:00:00Z", "-"]
    assert head.index("STATE") == row.index("active")


def test_show_lists_participants_and_lets_no_name_steer_the_terminal(api):
    api.replies["GET", "/v1/conferences/room"] = 200, dict(CONFERENCE, participants=[BOB, EVE])
    code, out, _ = run(api, "conferences", "show", "room")
    assert code == 0
    lines = out.splitlines()
    assert "uri       sip:room@conf.example.com" in lines
    head = next(line for line in lines if line.startswith("URI"))
    bob = next(line for line in lines if line.startswith("sip:bob@"))
    eve = next(line for line in lines if line.startswith("sip:eve@"))
    assert bob.index("B\u00f6b ?[2J?") == head.index("DISPLAY")
    assert bob.index("connected") == eve.index("disconnected 486") == head.index("STATE")
    assert bob.split()[-3:] == ["dialed-in", "2026-02-01T10:01:00Z", "3"]
    assert "\x1b" not in out and "\u009b" not in out


def test_json_is_the_answer_of_the_api(api):
    api.replies["GET", "/v1/conferences/room"] = 200, dict(CONFERENCE, participants=[BOB])
    code, out, _ = run(api, "--json", "show", "room")
    assert code == 0
    assert json.loads(out) == dict(CONFERENCE, participants=[BOB])


def test_create_sends_what_was_given(api):
    api.replies["POST", "/v1/conferences"] = 201, CONFERENCE
    assert run(api, "conferences", "create", "room", "--subject", "Plans")[0] == 0
    assert run(api, "create")[0] == 0
    assert [s[2] for s in api.seen] == [{"name": "room", "subject": "Plans"}, {}]


def test_end_invite_and_remove_name_their_targets(api):
    api.replies["DELETE", "/v1/conferences/a%20b"] = 204, None
    api.replies["POST", "/v1/conferences/room/participants"] = 202, EVE
    api.replies["DELETE", "/v1/conferences/room/participants/sip%3Aeve%40example.com"] = 204, None
    assert run(api, "conferences", "end", "a b")[:2] == (0, "ended a b\n")
    assert run(api, "participants", "invite", "room", "sip:eve@example.com", "--display", "Eve")[0] == 0
    assert run(api, "participants", "remove", "room", "sip:eve@example.com")[:2] == (0, "removed sip:eve@example.com\n")
    assert run(api, "--json", "end", "a b")[:2] == (0, "{}\n")
    assert api.seen[1][2] == {"uri": "sip:eve@example.com", "display": "Eve"}


def test_mrfps_are_a_table(api):
    api.replies["GET", "/v1/mrfps"] = 200, {"mrfps": [MRFP]}
    code, out, _ = run(api, "mrfps")
    assert code == 0
    assert out.splitlines()[1].split() == ["mrfp-1", "up", "127.0.0.1:2855", "1", "2", "12.5", "%"]


@pytest.mark.parametrize("ready, code", [(200, 0), (503, 1)])
def test_status_counts_and_its_exit_code_is_the_readiness(api, ready, code):
    api.replies["GET", "/readyz"] = ready, {}
    api.replies["GET", "/v1/conferences"] = 200, {"conferences": [CONFERENCE, CONFERENCE]}
    api.replies["GET", "/v1/mrfps"] = 200, {"mrfps": [MRFP, dict(MRFP, state="down")]}
    found, out, _ = run(api, "status", "--json")
    assert found == code
    assert json.loads(out) == {"ready": ready == 200, "conferences": 2, "participants": 2, "mrfps": 2, "mrfps_up": 1}
    assert "mrfps up      1 of 2" in run(api, "status")[1]


def test_a_refusal_is_told_and_exits_1(api):
    code, out, err = run(api, "show", "nothing")
    assert (code, out) == (1, "")
    assert err == "mrfctl: no such thing (not_found)\n"


def test_no_server_is_told_and_exits_1(api):
    api.server_close()
    code, out, err = run(api, "list")
    assert (code, out) == (1, "")
    assert err.startswith("mrfctl: no answer from 127.0.0.1:")


def test_the_token_of_the_file_goes_along(api, tmp_path):
    (tmp_path / "token").write_text("s3cret \n")
    api.replies["GET", "/v1/mrfps"] = 200, {"mrfps": []}
    assert run(api, "--token-file", str(tmp_path / "token"), "mrfps")[0] == 0
    assert api.seen[0][3] == "Bearer s3cret"
    assert run(api, "--token-file", str(tmp_path / "none"), "mrfps")[0] == 1


@pytest.mark.parametrize("words", [[], ["shwo"], ["show"], ["show", "a", "b"], ["participants"], ["--no-such"],
                                   ["list", "--server", "nowhere:99999"]])
def test_wrong_usage_exits_2(words):
    code, out, err = run(None, *words)
    assert (code, out) == (2, "")
    assert "usage: mrfctl" in err


def test_help_and_version_exit_0():
    assert run(None, "--help")[1].startswith("usage: mrfctl")
    assert run(None, "-V")[1].startswith("mrfctl ")
