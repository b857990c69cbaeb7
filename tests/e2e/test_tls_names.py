# SPDX-License-Identifier: Apache-2.0
"""Peers over TLS that are known by the name in their certificate, without a fingerprint in SDP."""

import signal
import pytest

from peer import msrp, sdp, tls
from peer.control import Control
from peer.msrpmsg import new_id
from peer.servers import Server, poll
from peer.ue import fence
from wire import usable

CTX = b"n" * 16


@pytest.fixture(scope="module")
def ca(tmp_path_factory):
    return tls.Authority(tmp_path_factory.mktemp("ca"))


@pytest.fixture(scope="module")
def identities(ca, tmp_path_factory):
    """Certificates by what is said of them; the host of the peer's URI is 127.0.0.1."""
    folder = tmp_path_factory.mktemp("others")
    stranger = tls.Authority(folder / "ca")
    client = ["-addext", "extendedKeyUsage=clientAuth"]
    server = ["-addext", "extendedKeyUsage=serverAuth"]
    return {"good": ca.issue(ips=["127.0.0.1"]),
            "of the role": ca.issue(ips=["127.0.0.1"], extra=client),
            "by URI": ca.issue(uris=["sip:127.0.0.1"]),
            "one of two": ca.issue("x.example.net", ips=["192.0.2.1", "127.0.0.1"]),
            "other address": ca.issue(ips=["127.0.0.2"]),
            "other name": ca.issue("x.example.net"),
            "name in the subject alone": ca.issue(),
            "address as a name": ca.issue("127.0.0.1"),
            "of a user": ca.issue(uris=["sip:alice@127.0.0.1"]),
            "other role": ca.issue(ips=["127.0.0.1"], extra=server),
            "ended": ca.expired(ca.issue(ips=["127.0.0.1"])),
            "other authority": stranger.issue(ips=["127.0.0.1"]),
            "self-signed": tls.Identity(folder, extra=["-addext", "subjectAltName=IP:127.0.0.1"])}


GOOD = ["good", "of the role", "by URI", "one of two"]
BAD = ["other address", "other name", "name in the subject alone", "address as a name", "of a user",
       "other role", "ended", "other authority", "self-signed", None]


@pytest.fixture(scope="module")
def named(ca, tmp_path_factory):
    """start(verify) -> (mrfp, the MRFC's part), once for each."""
    made, folder = {}, tmp_path_factory.mktemp("mp")

    def start(verify):
        if verify not in made:
            path = str(folder / (verify + ".sock"))
            control = Control(path)
            server = Server("mrfp", {"msrp.port": 0, "msrp.tls_port": 0, "tls.ca": ca.cert,
                                     "tls.verify": verify,
                                     "msrp.connect_allow": "127.0.0.1", "mp.socket": path,
                                     "admin.address": "127.0.0.1", "admin.port": 0})
            server.wait_ready()
            made[verify] = server, control
        return made[verify]
    yield start
    for server, control in made.values():
        wrong = server.stop()
        control.close()
        assert not wrong, wrong


numbers = iter(range(1, 1000))


def added(pair, host="127.0.0.1", listener=None, **fields):
    """A termination of a peer at host: its session."""
    number = next(numbers)
    session = msrp.Session(listener.uri() if listener else "msrps://%s:9/%s;tcp" % (host, new_id()),
                           "msrps://127.0.0.1:9/unknown;tcp")
    if listener:
        listener.add(session)
    reply = pair[1].ask("add", CTX, termination=number, conference="sip:room@conf.example.com",
                        uris=["sip:u%d@example.com" % number], accept_types="message/cpim",
                        transport=2, remote_path=session.local, **{"setup": 2, "by_name": 1, **fields})
    assert reply["code"] == 0, reply
    session.remote = [reply["local_path"]]
    return session


def refused(server):
    return server.metrics().sum("mrfp_tls_peers_refused_total")


def connect(pair, session, who):
    ctx = who.client() if who else tls.nobody()
    session.attach(msrp.Connection.connect(pair[0].address("tls"), tls=ctx))
    return session


@pytest.mark.parametrize("who", GOOD)
def test_who_has_a_certificate_for_its_host_may_come(named, identities, who):
    # covers: SEC-004
    pair = named("either")
    session = added(pair)
    connect(pair, session, identities[who]).bind()
    usable(session)


@pytest.mark.parametrize("who", BAD)
def test_who_has_none_for_its_host_gets_nothing(named, identities, who):
    # covers: SEC-004
    pair = named("either")
    before = refused(pair[0])
    session = added(pair)
    connect(pair, session, identities.get(who)).keepalive()
    session.conn.wait_closed()
    assert session.conn.frames == [] and refused(pair[0]) == before + 1


@pytest.mark.parametrize("host, name, fine", [
    ("a.example.net", "a.example.net", True), ("A.example.NET", "a.example.net", True),
    ("a.example.net", "*.example.net", False), ("a.example.net", "example.net", False),
    ("example.net", "a.example.net", False), (".example.net", "a.example.net", False)])
def test_names_are_compared_whole_and_without_wildcards(named, ca, host, name, fine):
    # covers: SEC-004
    pair = named("either")
    session = added(pair, host=host)
    connect(pair, session, ca.issue(name))
    if fine:
        session.bind()
    else:
        session.keepalive()
        session.conn.wait_closed()
        assert session.conn.frames == []


@pytest.mark.parametrize("verify, who, print_of, fine", [
    ("either", "self-signed", "self-signed", True), ("either", "good", "self-signed", False),
    ("ca", "good", "good", True), ("ca", "self-signed", "self-signed", False),
    ("ca", "good", "self-signed", False), ("fingerprint", "self-signed", "self-signed", True)])
def test_fingerprints_and_names_together(named, identities, verify, who, print_of, fine):
    # covers: SEC-004, SEC-006
    pair = named(verify)
    session = added(pair, by_name=0, fingerprints=[identities[print_of].fingerprint()])
    connect(pair, session, identities[who])
    if fine:
        session.bind()
    else:
        session.keepalive()
        session.conn.wait_closed()
        assert session.conn.frames == []


@pytest.mark.parametrize("who, fine", [("good", True), ("other address", False),
                                       ("of the role", False)])
def test_where_the_switch_connects_it_sends_nothing_to_another(named, identities, who, fine):
    # covers: SEC-004
    pair = named("either")
    listener = msrp.Listener(tls=identities[who].server())
    before = refused(pair[0])
    session = added(pair, listener=listener, setup=1)
    if fine:
        poll(lambda: session.conn is not None, what="its connection")
        usable(session)
    else:
        poll(lambda: refused(pair[0]) == before + 1, what="a refusal")
        poll(lambda: all(c.closed for c in listener.connections), what="the end")
        assert all(c.frames == [] for c in listener.connections)
    listener.close()


def test_by_fingerprint_alone_such_a_peer_is_refused_at_once(named):
    _, control = named("fingerprint")
    reply = control.ask("add", CTX, termination=next(numbers), conference="sip:r@conf.example.com",
                        uris=["sip:u@example.com"], accept_types="message/cpim", transport=2,
                        by_name=1)
    assert reply["code"] == 5 and reply["reason"].startswith("by_name")


# -- with the focus --------------------------------------------------------------------------


def test_an_offer_without_fingerprint_is_taken_where_names_do(own_mrf, ue, room, ca, identities):
    # covers: SEC-004, SEC-005
    net = own_mrf(mrfp={"tls.ca": ca.cert, "tls.verify": "either"},
                  mrfc={"msrp.tls_verify": "either"})
    alice = ue("alice", net, tls=identities["good"]).join(room, extra=())
    assert alice.answer.msg.get("fingerprint")
    bob = ue("bob", net, tls=identities["self-signed"]).join(room)  # by its fingerprint
    fence(alice, bob)
    fence(bob, alice)
    mallory = ue("mallory", net, tls=identities["self-signed"])
    mallory.join(room, extra=(), connect=False)
    session = mallory.session.connect(tls=mallory.tls.client())
    session.keepalive()
    session.conn.wait_closed()
    assert session.conn.frames == []
    again = alice.call.reinvite(alice.offer(new=False, extra=())).expect(200)
    assert sdp.Sdp(again.text).msg.proto == "TCP/TLS/MSRP"
    fence(alice, bob)


def test_where_the_mrfp_knows_no_authority_such_an_offer_fails(own_mrf, ue, room, identities):
    # covers: SEC-004
    net = own_mrf(mrfc={"msrp.tls_verify": "either"})
    alice = ue("alice", net, tls=identities["good"])
    assert alice.invite(room, extra=()).final().code >= 400
    assert net.participants(room) == {}


@pytest.mark.parametrize("settings, said", [
    ({"tls.verify": "ca"}, "tls.ca"), ({"tls.ca": "/nowhere"}, "/nowhere"),
    ({"tls.ca": "/dev/null"}, "/dev/null")])
def test_wrong_settings_are_named(tmp_path, settings, said):
    server = Server("mrfp", {"msrp.port": 0, "mp.socket": str(tmp_path / "s"), **settings})
    assert server.proc.wait(10) == 78
    poll(lambda: said in server.log(), what="the reason")


def test_another_rule_holds_from_the_next_start(ca, identities, tmp_path):
    """HUP reads tls.verify but keeps the rule that waiting legs were made by, and the CA that it needs."""
    # covers: SEC-004
    conf = tmp_path / "mrfp.conf"
    text = 'tls:\n{\n\tca = "%s";\n\tverify = "%s";\n};\n'
    conf.write_text(text % (ca.cert, "either"))
    control = Control(str(tmp_path / "mp.sock"))
    server = Server("mrfp", {"msrp.port": 0, "msrp.tls_port": 0, "msrp.connect_allow": "127.0.0.1",
                             "mp.socket": str(tmp_path / "mp.sock")}, args=["-c", str(conf)])
    server.wait_ready()
    conf.write_text(text % ("", "fingerprint"))
    server.signal(signal.SIGHUP)
    server.wait_log("tls.verify is as before")
    server.wait_log("tls.ca is as before")
    server.wait_log("configuration read")
    listener = msrp.Listener(tls=identities["good"].server())
    session = added((server, control), listener=listener, setup=1)
    poll(lambda: session.conn is not None, what="its connection")
    usable(session)
    listener.close()
    wrong = server.stop()
    control.close()
    assert not wrong, wrong
