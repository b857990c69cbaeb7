# SPDX-License-Identifier: Apache-2.0
"""How the servers start and stop: options, ready lines, exit codes, what they say when they cannot."""

import os
import signal
import socket
import subprocess

import pytest

from peer.servers import ROOT, Server, hostport, poll, program
from peer.ue import fence

LIBRARIES = ("libevent", "evhttp", "libconfig", "sofia", "nta_", "tport", "su_", "assert", "[err]")


def run(name, *args):
    """(exit code, stdout and stderr) of a program that ends by itself."""
    done = subprocess.run([program(name), *args], cwd=ROOT, capture_output=True, text=True,
                          timeout=30, check=False)
    return done.returncode, done.stdout + done.stderr


@pytest.fixture(scope="module", autouse=True)
def built():
    if not os.access(program("mrfc"), os.X_OK):
        pytest.fail("no program %s: build first" % program("mrfc"), pytrace=False)


BAD = {
    # name: (program, line of a file, what the message must name besides file and line)
    "unknown setting": ("mrfp", "msrp: { prot = 1; };", ["msrp.prot"]),
    "unknown group": ("mrfc", 'nosuch: { a = 1; };', ["nosuch"]),
    "out of range": ("mrfp", "msrp: { port = 70000; };", ["msrp.port", "65535"]),
    "wrong type": ("mrfc", 'sip: { port = "many"; };', ["sip.port"]),
    "unknown word": ("mrfc", 'profile = "gsm";', ["profile", "ims", "rfc"]),
    "bad size": ("mrfp", 'context: { log_bytes = "16 apples"; };', ["context.log_bytes"]),
    "bad time": ("mrfp", 'context: { grace = "soon"; };', ["context.grace"]),
    "no syntax": ("mrfc", "sip: { port = ; };", []),
}


@pytest.mark.parametrize("case", BAD)
def test_a_bad_configuration_is_named_by_file_line_and_setting(tmp_path, case):
    name, line, words = BAD[case]
    path = tmp_path / "bad.conf"
    path.write_text("# a comment\n\n%s\n" % line)
    for args in (("-c", str(path)), ("-t", "-c", str(path))):
        code, text = run(name, *args)
        assert code == 78, text
        assert "%s:3" % path in text
        for word in words:
            assert word in text
        assert "ready" not in text


@pytest.mark.parametrize("name, option, words", [
    ("mrfp", "msrp.port=99999", ["msrp.port", "65535"]), ("mrfp", "nosuch=1", ["nosuch"]),
    ("mrfc", "sip.port=x", ["sip.port"]), ("mrfc", "profile=x", ["profile", "ims"]),
    ("mrfp", "msrp.address=nowhere.example", ["msrp.address"]),
    ("mrfc", "sip.address=300.1.1.1", ["sip.address"]),
    ("mrfp", "msrp.address=0.0.0.0", ["msrp.address", "msrp.advertise"]),
    ("mrfc", "sip.address=::", ["sip.address", "sip.contact"]),
    ("mrfp", "msrp.connect_allow=10.0.0.0/99", ["msrp.connect_allow"]),
    ("mrfc", "sip.trusted=me", ["sip.trusted"]), ("mrfc", "domain=not a host", ["domain"]),
    ("mrfc", "sip.contact=a b", ["sip.contact"]),
    ("mrfc", "sip.outbound_proxy=proxy.example", ["sip.outbound_proxy", "numeric"]),
    ("mrfc", "sip.outbound_proxy=sips:192.0.2.5", ["sip.outbound_proxy"]),
    ("mrfc", "sip.tls_verify=required", ["sip.tls_ca"]),
    ("mrfc", "sip.tls_key=/nowhere", ["sip.tls_certificate"]),
    ("mrfc", "sip.outbound_proxy=192.0.2.5;transport=tls", ["sip.outbound_proxy", "sip.tls_port"]),
    ("mrfc", "conference.factory=a b", ["conference.factory"]),
    ("mrfc", "conference.aliases=sip:a@b,not a uri", ["conference.aliases", "not a uri"]),
    ("mrfc", "sip.session_expires=89", ["sip.session_expires", "90"]),
    ("mrfc", "admin.address=0.0.0.0", ["admin.address", "admin.token_file"]),
    ("mrfc", "admin.token_file=/nonexist", ["admin.token_file", "No such file"]),
    ("mrfp", "admin.token_file=/dev/null", ["admin.token_file", "no token"]),
    ("mrfc", "mp.socket=", ["mp.socket"]), ("mrfc", "mp.socket=" + "x" * 108, ["mp.socket", "107"]),
    ("mrfp", "mp.socket=" + "x" * 108, ["mp.socket", "107"]), ("mrfp", "mp.id=", ["mp.id"]),
    ("mrfp", "msrp.address=127.0.0.1,localhost", ["msrp.address", "localhost", "numeric"]),
    ("mrfp", "msrp.address=::1,127.0.0.1,[::1]", ["msrp.address", "twice"]),
    ("mrfp", "msrp.address=127.0.0.1,", ["msrp.address", "numeric"]),
    ("mrfp", "msrp.address=127.0.0.1,127.0.0.2,127.0.0.3,127.0.0.4,::1", ["msrp.address", "four"]),
    ("mrfp", "msrp.advertise=a.example,b.example", ["msrp.advertise", "b.example"]),
    ("mrfc", "store.path=/tmp", ["store.path", "directory"]),
    ("mrfc", "store.path=/dev/null", ["store.path", "no file"]),
    ("mrfc", "store.path=/dev/null/x/m.db", ["store.path", "cannot be made"]),
    ("mrfc", "store.max_size=262143", ["store.max_size", "256 KiB"]),
    ("mrfc", "conference.operators=sip:a@b,bob", ["conference.operators", "'bob'"]),
    ("mrfp", "msrp.tls_port=2855", ["msrp.tls_port", "msrp.port", "2855"]),
    ("mrfp", "mp.id=a b", ["mp.id", "blanks"]),
    ("mrfp", "msrp.advertise=a b", ["msrp.advertise"]), ("mrfp", "msrp.port=-1", ["msrp.port"])])
def test_a_bad_override_is_named_before_anything_is_opened(tmp_path, name, option, words):
    used = tmp_path / "mp.sock"
    with socket.socket(socket.AF_UNIX) as sock:
        sock.bind(str(used))
        sock.listen()
        place = [] if option.startswith("mp.socket") else ["-o", "mp.socket=%s" % used]
        for check in (["-t"], []):
            code, text = run(name, *check, "-o", "admin.port=0", *place, "-o", option)
            assert code == 78, text
            for word in words:
                assert word in text


@pytest.mark.parametrize("option", [
    "sip.outbound_proxy=192.0.2.5:5060", "sip.outbound_proxy=sip:192.0.2.5:5060;lr",
    "sip.outbound_proxy=<sip:[::1];transport=tcp>", "sip.contact=mrfc.example.net:5060",
    "conference.aliases=sip:a@b, im:c@d", "sip.session_expires=0", "conference.factory=",
    "store.max_size=256KiB", "store.max_size=0", "conference.operators=sip:a@b, tel:+1555",
    "store.path=/tmp/nowhere/deep/m.db"])
def test_a_good_override_is_taken(option):
    code, text = run("mrfc", "-t", "-o", option)
    assert code == 0, text


@pytest.mark.parametrize("server, option, idle", [
    ("local", "groupkey.connect=127.0.0.1:8064", True), ("local", "groupkey.pins=x", True),
    ("local", "groupkey.tls_certificate=/x.pem", True), ("local", "groupkey.name=sip:k@a", False),
    ("local", "groupkey.store_key=/tmp/x.key", False), ("member", "groupkey.connect=/tmp/s", True),
    ("member", "groupkey.store_key=/tmp/x.key", True), ("member", "msrp.tls_psk=true", True),
    ("member", "groupkey.suite=a", False), ("local", "groupkey.connect=", False)])
def test_settings_of_another_key_server_are_said_to_have_no_effect(server, option, idle):
    code, text = run("mrfc", "-t", "-o", "groupkey.server=" + server, "-o", option)
    said = "WARN config: %s has no effect: groupkey.server = %s" % (option.split("=")[0], server)
    assert code == 0 and (said in text) == idle and text.count("has no effect") == idle, text


def test_the_sample_configuration_is_good():
    for name in ("mrfc", "mrfp"):
        code, text = run(name, "-t", "-c", "conf/%s.conf" % name)
        assert code == 0, text


def test_a_configuration_that_is_not_there(tmp_path):
    for name in ("mrfc", "mrfp"):
        code, text = run(name, "-c", str(tmp_path / "none.conf"))
        assert code == 78 and "none.conf" in text


def test_usage_mistakes_are_2():
    for name in ("mrfc", "mrfp"):
        assert run(name, "--nosuch")[0] == 2
        assert run(name, "-o")[0] == 2
        assert run(name, "stray")[0] == 2
        code, text = run(name, "-h")
        assert code == 0 and "-o" in text


@pytest.mark.parametrize("name, setting", [("mrfc", "sip.port"), ("mrfc", "admin.port"),
                                           ("mrfp", "msrp.port"), ("mrfp", "admin.port")])
def test_a_port_in_use_is_said_in_a_sentence(tmp_path, name, setting):
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        options = {"mp.socket": str(tmp_path / "mp.sock"), "admin.port": 0,
                   "sip.port" if name == "mrfc" else "msrp.port": 0, setting: port}
        args = [a for k, v in options.items() for a in ("-o", "%s=%s" % (k, v))]
        code, text = run(name, *args)
    assert code == 1, text
    assert str(port) in text and "in use" in text
    assert not [word for word in LIBRARIES if word in text.lower()]


def test_a_socket_path_that_cannot_be_made_is_said_in_a_sentence(tmp_path):
    (tmp_path / "file").write_text("")
    code, text = run("mrfc", "-o", "sip.port=0", "-o", "admin.port=0", "-o",
                     "mp.socket=%s/mp.sock" % (tmp_path / "file"))
    assert code == 1 and str(tmp_path / "file") in text


def test_a_second_mrfc_on_the_same_socket_says_so(own_mrf):
    net = own_mrf(start_mrfp=False)
    code, text = run("mrfc", "-o", "sip.port=0", "-o", "admin.port=0", "-o",
                     "mp.socket=%s" % net.mrfc.options["mp.socket"])
    assert code == 1 and "another mrfc" in text


def test_not_ready_says_why(own_mrf, tmp_path):
    net = own_mrf(start_mrfp=False)
    assert "no MRFP" in net.mrfc.http("GET", "/readyz")[2].decode()
    alone = Server("mrfp", {"msrp.port": 0, "admin.port": 0, "mp.socket": "none.sock"},
                   cwd=str(tmp_path)).wait_ready()
    status, _, body = alone.http("GET", "/readyz")
    assert status == 503 and "none.sock" in body.decode()
    alone.stop()


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_term_ends_both_in_order(own_mrf, ue, room, number):
    net = own_mrf()
    members = [ue(n, net=net).join(room) for n in ("alice", "bob")]
    fence(*members)
    for server in (net.mrfp, net.mrfc):
        server.signal(number)
        assert server.proc.wait(30) == 0


def test_hup_and_usr1_disturb_nobody(own_mrf, ue, room):
    net = own_mrf()
    members = [ue(n, net=net).join(room) for n in ("alice", "bob")]
    for server in (net.mrfp, net.mrfc):
        server.signal(signal.SIGHUP)
        server.signal(signal.SIGUSR1)
        poll(lambda s=server: s.http("GET", "/healthz")[0] == 200)
    fence(*members)
    fence(*reversed(members))


def test_ready_lines_name_real_addresses(mrf):
    assert set(mrf.mrfc.ready) == {"sip", "admin"}
    assert {"msrp", "admin", "mp"} <= set(mrf.mrfp.ready) <= {"msrp", "tls", "wss", "ws", "admin", "mp"}
    for server, keys in ((mrf.mrfc, ("sip", "admin")), (mrf.mrfp, ("msrp", "admin"))):
        for key in keys:
            host, port = hostport(server.ready[key])
            assert host == "127.0.0.1" and port > 0
            socket.create_connection((host, port), 5).close()
    for server in (mrf.mrfc, mrf.mrfp):
        for path in ("/healthz", "/readyz"):
            assert server.http("GET", path)[0] == 200
        assert server.http("GET", "/nosuch")[0] == 404
        assert server.metrics()


def test_a_server_without_files_leaves_nothing_behind(tmp_path):
    server = Server("mrfc", {"sip.port": 0, "admin.port": 0, "mp.socket": "run/mp.sock"},
                    cwd=str(tmp_path)).wait_ready()
    assert sorted(os.listdir(tmp_path)) == ["run"]
    assert os.stat(tmp_path / "run").st_mode & 0o777 == 0o700
    assert server.stop() == []
    assert os.listdir(tmp_path) in (["run"], []) and not list((tmp_path / "run").iterdir())
