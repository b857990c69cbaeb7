# SPDX-License-Identifier: Apache-2.0
"""Charging headers (RFC 7315): whose are kept and echoed, what leaves the trust domain."""

import pytest

from peer.recovery import restart
from peer.sipmsg import parse_params
from test_identity import OUTSIDE, octets, outsider  # noqa: F401  (a fixture)

PCV = ('icid-value="AyretyU0dm+6O2IrT5tAFrbHLso=";icid-generated-at=192.0.6.8;orig-ioi=home1.net;'
       'transit-ioi="operatorA.1,void"')
HEADERS = [("P-Charging-Vector", PCV),
           ("P-Charging-Function-Addresses", "ccf=192.0.8.1;ecf=192.0.8.3"),
           ("P-Access-Network-Info", "3GPP-UTRAN-TDD;utran-cell-id-3gpp=234151D0FCE11"),
           ("P-Visited-Network-ID", '"Visited network number 1"')]
SECRETS = ("icid", "p-charging", "ioi", "192.0.8.1", "234151d0fce11", "visited network")


def vector(msg):
    """The one vector of a message; {} when there is none."""
    assert len(msg.headers.all("P-Charging-Vector")) <= 1
    return parse_params(";" + (msg.get("P-Charging-Vector") or ""))


@pytest.fixture
def net(own_mrf):
    """One that trusts 127.0.0.1 alone and has a name among networks."""
    return own_mrf(mrfc={"sip.trusted": "127.0.0.1", "charging.ioi": "home2.net"})


def test_the_vector_comes_back_in_each_answer(ue, net):
    # covers: CHG-001, CHG-004, CHG-008
    alice = ue("alice", net=net)
    alice.invite("conference-factory", headers=HEADERS)
    room = alice._canonical(alice.call.expect(200).contact.uri)
    answers = [r for r in alice.call.txn.responses if r.code > 100]
    answers.append(alice.call.update(headers=HEADERS[:1]).expect(200))
    answers.append(alice.ua.subscribe(room, headers=HEADERS[:1]).txn.expect(200))
    answers.append(ue("bob", net=net).invite("nowhere/", headers=HEADERS[:1]).expect(404))
    answers.append(alice.call.bye(HEADERS[:1]).expect(200))
    for answer in answers:
        got = vector(answer)
        assert got["icid-value"] == "AyretyU0dm+6O2IrT5tAFrbHLso="
        assert got["icid-generated-at"] == "192.0.6.8"
        assert got["orig-ioi"] == "home1.net" and got["term-ioi"] == "home2.net"
        assert got["transit-ioi"] == "operatorA.1,void"
        assert "P-Charging-Function-Addresses" not in answer.headers


def test_a_vector_that_names_its_end_keeps_it(ue, net):
    # covers: CHG-004
    resp = ue("alice", net=net).ua.request("OPTIONS", "sip:conf.example.com", [
        ("P-Charging-Vector", "icid-value=1;term-ioi=other.net")]).expect(200)
    assert vector(resp)["term-ioi"] == "other.net"


@pytest.mark.parametrize("headers", [
    [("P-Charging-Vector", "icid-value=1"), ("P-Charging-Vector", "icid-value=2")],
    [("P-Charging-Vector", "icid-value=1, icid-value=2")],
    [("P-Charging-Vector", "orig-ioi=home1.net")]], ids=["two", "two in one", "none"])
def test_a_request_has_one_vector_at_most(ue, net, headers):
    # covers: CHG-003
    assert ue("alice", net=net).invite("conference-factory", headers=headers).expect(400)


def test_where_none_comes_one_is_made_if_wanted(ue, own_mrf):
    # covers: CHG-002
    net = own_mrf(mrfc={"charging.create": "true"})
    seen = set()
    for name in ("alice", "bob"):
        call = ue(name, net=net).invite("conference-factory")
        got = vector(call.expect(200))
        assert got["icid-value"] and got["icid-generated-at"] == "127.0.0.1"
        seen.add(got["icid-value"])
        assert vector(call.bye().expect(200)) == {}  # that of a dialog is the peer's to repeat
    assert len(seen) == 2


def test_without_that_none_is_made(ue, net):
    # covers: CHG-002
    assert vector(ue("alice", net=net).invite("conference-factory").expect(200)) == {}


def test_outside_the_trust_domain_nothing_is_read(ue, net):
    # covers: CHG-006, FOC-029
    mallory = ue("mallory", net=net, host=OUTSIDE)
    resp = mallory.invite("conference-factory", headers=HEADERS + HEADERS[:1]).expect(403)
    assert vector(resp) == {}


def test_a_call_has_a_vector_of_its_own_that_names_its_cause(ue, net):
    # covers: CHG-005, CHG-001
    alice = ue("alice", net=net)
    alice.invite("conference-factory", headers=HEADERS)
    room = alice._canonical(alice.call.expect(200).contact.uri)
    seen = set()
    for headers, cause in (([("P-Charging-Vector", "icid-value=refer7;icid-generated-at=[::1]")],
                            ("refer7", "[::1]")),
                           ([], ("AyretyU0dm+6O2IrT5tAFrbHLso=", "192.0.6.8"))):
        carol = ue("carol", net=net)
        carol.aor = carol.ua.contact_uri
        assert alice.call.refer(carol.aor, headers).expect(202)
        got = vector(carol.wait_invite().invite)
        assert (got["related-icid"], got["related-icid-generated-at"]) == cause
        assert got["orig-ioi"] == "home2.net" and got["icid-generated-at"] == "127.0.0.1"
        assert "transit-ioi" not in got
        seen.add(got["icid-value"])
        carol.call.reject(486)
    assert len(seen) == 2 and room


def test_a_call_names_its_cause_after_a_restart_too(ue, own_mrf, tmp_path):
    # covers: CHG-005, CHG-009, FOC-030
    net = own_mrf(mrfc={"store.path": str(tmp_path / "mrf.db"), "store.sync": "normal",
                        "log.level": "debug"})
    alice = ue("alice", net=net)
    alice.invite("conference-factory", headers=HEADERS)
    alice.take_answer(alice.call.expect(200).text)
    alice.open_media()
    restart(net)
    carol = ue("carol", net=net)
    carol.aor = carol.ua.contact_uri
    assert alice.call.refer(carol.aor).expect(202)
    got = vector(carol.wait_invite().invite)
    assert (got["related-icid"], got["related-icid-generated-at"]) == \
        ("AyretyU0dm+6O2IrT5tAFrbHLso=", "192.0.6.8")
    text = octets(carol)
    for secret in SECRETS[3:]:
        assert secret not in text
    carol.call.reject(486)


def test_nothing_of_it_goes_to_untrusted_next_hops(ue, net, outsider):  # noqa: F811
    # covers: CHG-006, FOC-029
    alice = ue("alice", net=net)
    alice.invite("conference-factory", headers=HEADERS)
    alice.call.expect(200)
    carol = outsider(net)
    assert alice.call.refer(carol.aor, HEADERS).expect(202)
    carol.wait_invite()
    text = octets(carol)
    for secret in SECRETS:
        assert secret not in text
    carol.call.reject(486)


def test_nothing_of_it_goes_to_participants(ue, net):
    # covers: CHG-006, CHG-009, FOC-029
    bob = ue("bob", net=net)
    room = bob.create()
    watch = bob.subscribe()
    alice = ue("alice", net=net).join(room, headers=HEADERS)
    watch.wait(lambda r: alice.aor in r.connected())
    alice.send_text("hello")
    bob.wait_text("hello")
    alice.leave()
    watch.wait(lambda r: alice.aor not in r.connected())
    text = octets(bob)
    for secret in SECRETS:
        assert secret not in text
