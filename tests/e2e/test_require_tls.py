# SPDX-License-Identifier: Apache-2.0
"""conference.require_tls and msrp.fingerprint_requires_sips: which offers of plain MSRP, or of certificates, are taken."""

import pytest

from peer import sdp, tls
from peer.ue import fence
from test_digest import sign_in
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
