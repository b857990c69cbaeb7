# SPDX-License-Identifier: Apache-2.0
"""conference.require_tls and msrp.fingerprint_requires_sips: which offers of plain MSRP, or of certificates, are taken."""

import pytest

from peer import sdp, tls
from peer.recovery import restart
from peer.ue import fence
from test_digest import sign_in
from test_mrfctl import ctl
from test_sealed_join import warning


@pytest.fixture(scope="module")
def identity(tmp_path_factory):
    return tls.Identity(tmp_path_factory.mktemp("certs") / "alice")


def call_out(net, room, who):
    assert net.api("POST", "/v1/conferences/%s/participants" % room, {"uri": who.ua.contact_uri})[0] == 202
    return sdp.Sdp(who.wait_invite().invite.part("application/sdp").decode())


def test_hop_wants_tls_of_everybody_and_offers_it(own_mrf, ue, room, identity):
    # covers: SEC-013, IMS-017
    net = own_mrf(mrfc={"conference.require_tls": "hop"})
    bob = ue("bob", net=net)
    assert warning(bob.invite(room).expect(488))[0] == 305
    assert net.api("GET", "/v1/conferences")[1]["conferences"] == []
    alice = ue("alice", net=net, tls=identity).join(room)
    offer = call_out(net, room, bob)
    assert offer.msg.proto == "TCP/TLS/MSRP" and offer.msg.all("fingerprint")
    bob.call.reject()
    carol = ue("carol", net=net, tls=identity).join(room)
    fence(alice, carol)


def test_the_core_of_a_trusted_network_may_come_plain(own_mrf, ue, room):
    # covers: IMS-017
    net = own_mrf(mrfc={"conference.require_tls": "access-or-hop"})
    alice, bob = ue("alice", net=net).join(room), ue("bob", net=net).join(room)
    fence(alice, bob)


def test_direct_terminals_may_not(own_mrf, ue, room, identity):
    # covers: IMS-017, SEC-013, SEC-005
    net = own_mrf(mrfc={"conference.require_tls": "access-or-hop", "sip.trusted": ""})
    assert net.api("POST", "/v1/users", {"name": "alice", "password": "wonder land"})[0] == 201
    plain = ue("alice", net=net, aor="sip:alice@" + net.domain)
    resp = sign_in(plain, room)[0].final()
    assert resp.code == 488 and warning(resp)[1] == '"MSRP over TLS is required here"'
    direct = ue("alice", net=net, aor="sip:alice@" + net.domain, tls=identity)
    direct.media_args["extra"].append("a=3ge2ae:requested")
    resp = sign_in(direct, room)[0].final()
    assert resp.code == 200
    answer = sdp.Sdp(resp.text).msg
    assert answer.proto == "TCP/TLS/MSRP" and answer.all("fingerprint")


def test_fingerprints_of_unprotected_signalling_may_be_refused(own_mrf, ue, room, identity):
    # covers: SEC-010
    net = own_mrf(mrfc={"msrp.fingerprint_requires_sips": "true", "sip.trusted": ""})
    assert net.api("POST", "/v1/users", {"name": "alice", "password": "wonder land"})[0] == 201
    alice = ue("alice", net=net, aor="sip:alice@" + net.domain, tls=identity)
    resp = sign_in(alice, room)[0].final()
    assert resp.code == 488 and warning(resp)[1] == '"fingerprints need SIP over TLS here"'
    plain = ue("alice", net=net, aor="sip:alice@" + net.domain)
    resp = sign_in(plain, room)[0].final()
    assert resp.code == 200


def test_trusted_signalling_vouches_for_fingerprints(own_mrf, ue, room, identity):
    # covers: SEC-010
    net = own_mrf(mrfc={"msrp.fingerprint_requires_sips": "true"})
    alice, bob = ue("alice", net=net, tls=identity).join(room), ue("bob", net=net).join(room)
    fence(alice, bob)


def test_one_conference_may_want_more_than_the_server(own_mrf, ue, room, identity, tmp_path):
    # covers: SEC-013, SEC-005
    net = own_mrf(mrfc={"store.path": str(tmp_path / "mrf.db"), "store.sync": "normal"})
    code, made = net.api("POST", "/v1/conferences", {"name": room, "require_tls": "hop"})
    assert code == 201 and made["require_tls"] == "hop"
    open_room = room + "-open"
    code, made = net.api("POST", "/v1/conferences", {"name": open_room})
    assert code == 201 and made["require_tls"] == "off"

    def hold():
        assert net.api("GET", "/v1/conferences/" + room)[1]["require_tls"] == "hop"
        assert net.api("GET", "/v1/conferences/" + open_room)[1]["require_tls"] == "off"
        resp = ue("plain", net=net).invite(room).expect(488)
        assert warning(resp) == (305, '"MSRP over TLS is required here"')
        callee = ue("callee", net=net)
        offer = call_out(net, room, callee)
        assert offer.msg.proto == "TCP/TLS/MSRP" and offer.msg.all("fingerprint")
        callee.call.reject()
        plain = ue("other", net=net)
        assert call_out(net, open_room, plain).msg.proto == "TCP/MSRP"
        plain.call.reject()
    alice = ue("alice", net=net, tls=identity).join(room)
    hold()
    restart(net)
    hold()
    carol = ue("carol", net=net, tls=identity).join(room)
    fence(alice, carol)
    ue("dora", net=net).join(open_room)


def test_a_plain_line_does_not_hide_one_over_tls(own_mrf, ue, room, identity):
    # covers: SEC-013
    net = own_mrf()
    assert net.api("POST", "/v1/conferences", {"name": room, "require_tls": "hop"})[0] == 201
    alice = ue("alice", net=net, tls=identity)
    offer = alice.offer()
    head, _, line = offer.partition("m=")
    assert line.count("TCP/TLS/MSRP") == 1
    plain = line.replace("TCP/TLS/MSRP", "TCP/MSRP").replace("msrps:", "msrp:")
    plain = "".join(x for x in plain.splitlines(True) if not x.startswith("a=fingerprint"))
    resp = alice.invite(room, head + "m=" + plain + "m=" + line).expect(200)
    first, second = resp.text.split("m=")[1:]
    assert first.startswith("message 0 ") and "TCP/TLS/MSRP" in second.splitlines()[0]


def test_trusted_peers_of_one_conference_may_come_plain(own_mrf, ue, room, identity):
    # covers: IMS-017, SEC-013
    net = own_mrf(mrfc={"sip.trusted": ""})
    assert net.api("POST", "/v1/users", {"name": "alice", "password": "wonder land"})[0] == 201
    assert net.api("POST", "/v1/conferences",
                   {"name": room, "require_tls": "access-or-hop"})[0] == 201
    plain = ue("alice", net=net, aor="sip:alice@" + net.domain)
    assert sign_in(plain, room)[0].final().code == 488
    assert sign_in(ue("alice", net=net, aor="sip:alice@" + net.domain), room + "2")[0].final().code == 200
    direct = ue("alice", net=net, aor="sip:alice@" + net.domain, tls=identity)
    assert sign_in(direct, room)[0].final().code == 200
    near = own_mrf()
    assert near.api("POST", "/v1/conferences",
                    {"name": room, "require_tls": "access-or-hop"})[0] == 201
    fence(ue("bob", net=near).join(room), ue("carol", net=near).join(room))


def test_none_may_want_less(own_mrf, ue, room):
    # covers: SEC-013
    net = own_mrf(mrfc={"conference.require_tls": "access-or-hop"})
    assert net.api("POST", "/v1/conferences", {"name": room})[1]["require_tls"] == "access-or-hop"
    code, wrong = net.api("POST", "/v1/conferences", {"name": room + "2", "require_tls": "off"})
    assert code == 400 and "conference.require_tls" in wrong["error"]["message"]
    assert ctl(net, "create", room + "3", "--require-tls=off", code=1)[1].count("require_tls")
    out, _ = ctl(net, "create", room + "4", "--require-tls")
    assert "tls       hop\n" in out
    assert warning(ue("bob", net=net).invite(room + "4").expect(488))[0] == 305
    assert "tls       access-or-hop\n" in ctl(net, "show", room)[0]
