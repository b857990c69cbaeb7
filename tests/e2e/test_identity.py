# SPDX-License-Identifier: Apache-2.0
"""Whose word is taken: P-Asserted-Identity of trusted peers only, one user by all of his names."""

import pytest

from peer.ue import fence

OUTSIDE = "127.0.0.2"  # where strict_mrf trusts nobody


def octets(ue):
    """All that this terminal has received, SIP and MSRP, as one lower-case text."""
    sip = b"\n".join(m.raw for way, m in ue.ua.log if way == "in")
    msrp = b"\n".join(m.data for s in ue.sessions for m in s.messages)
    return (sip + b"\n" + msrp).decode("utf-8", "replace").lower()


def test_what_an_untrusted_peer_asserts_is_neither_believed_nor_passed_on(ue, strict_mrf):
    # covers: ID-001
    alice = ue("alice", net=strict_mrf)
    room = alice.create()
    watch = alice.subscribe()
    mallory = ue("mallory", net=strict_mrf, host=OUTSIDE, assert_identity="<%s>" % alice.aor)
    assert mallory.invite(room).expect(403)
    assert mallory.ua.refer(room, "<%s;method=BYE>" % alice.aor).expect(403)
    assert mallory.ua.subscribe(room).txn.expect(403)
    bob = ue("bob", net=strict_mrf).join(room)
    watch.wait(lambda r: set(r.connected()) == {alice.aor, bob.aor})
    assert "mallory" not in octets(alice)


@pytest.mark.parametrize("asserted,code", [
    ("<sip:a@example.com>, <sip:b@example.com>", 400),
    ("<tel:+15551230001>, <tel:+15551230002>", 400),
    ("<sip:a@example.com>, <sip:b@example.com>, <tel:+15551230001>", 400),
    ("<sip:a@example.com>, <tel:+15551230001>", 200),
    ("<sips:a@example.com>", 200), ("<tel:+15551230001>", 200)],
    ids=["two sip", "two tel", "three", "sip and tel", "sips", "tel"])
def test_one_sip_and_one_tel_uri_name_a_user(ue, room, asserted, code):
    # covers: ID-002
    assert ue("alice", assert_identity=asserted).invite(room).expect(code)


def test_what_nobody_trusted_says_is_not_even_malformed(ue, strict_mrf):
    # covers: ID-001, ID-002
    mallory = ue("mallory", net=strict_mrf, host=OUTSIDE,
                 assert_identity="<sip:a@example.com>, <sip:b@example.com>")
    assert mallory.invite("conference-factory").expect(403)


def test_tel_and_sip_are_names_of_one_user(ue, mrf, room):
    # covers: ID-003, SW-010
    tel, sip = "tel:+15551230001", "sip:alice.one@example.com"
    first = ue("alice", assert_identity="<%s>, <%s>" % (tel, sip)).join(room)
    second = ue("phone", aor=sip, assert_identity="<%s>" % tel).join(room)
    people = mrf.participants(room)
    assert list(people) == [sip] and len(people[sip]["endpoints"]) == 2
    bob = ue("bob").join(room)
    assert first.send("by number", from_=tel).status() == 200
    assert second.send("by name", from_=sip).status() == 200
    bob.wait_text("by number")
    bob.wait_text("by name")


@pytest.mark.parametrize("order", ["tel first", "sip first"])
def test_the_name_that_came_first_stays(ue, mrf, room, order):
    # covers: ID-003
    tel, sip = "<tel:+15551230001>", "<sip:alice.one@example.com>"
    one, other = (tel, sip + ", " + tel) if order == "tel first" else (sip + ", " + tel, tel)
    ue("alice", assert_identity=one).join(room)
    ue("phone", assert_identity=other).join(room)
    people = mrf.participants(room)
    assert list(people) == [one.partition(",")[0].strip("<>")]
    assert len(next(iter(people.values()))["endpoints"]) == 2


def test_preferred_identities_and_services_go_nowhere(ue, mrf, room):
    # covers: ID-006, ID-008, ID-010
    alice, bob = ue("alice"), ue("bob").join(room)
    watch = bob.subscribe()
    alice.join(room, headers=[
        ("P-Preferred-Identity", "<sip:preferred.name@example.com>"),
        ("P-Served-User", "<sip:served.name@example.com>;sescase=orig;regstate=reg"),
        ("P-Preferred-Service", "urn:urn-7:3gpp-service.ims.icsi.mmtel.served")])
    watch.wait(lambda r: alice.aor in r.connected())
    fence(alice, bob)
    text = octets(bob)
    for secret in ("preferred", "served", "p-preferred"):
        assert secret not in text
    assert list(mrf.participants(room)) == [bob.aor, alice.aor]


def test_calls_of_the_focus_are_asserted_by_the_conference(ue, mrf, room):
    # covers: ID-007
    alice, carol = ue("alice").join(room), ue("carol")
    carol.aor = carol.ua.contact_uri
    alice.ua.refer(alice.room, carol.aor).expect(202)
    inv = carol.wait_invite().invite
    assert inv.get("P-Asserted-Identity") == "<%s>" % alice.room
    carol.call.reject(486)


@pytest.fixture
def outsider(ue):
    """Called at an address that strict_mrf does not trust."""
    def make(net):
        carol = ue("carol", net=net, host=OUTSIDE)
        carol.aor = carol.ua.contact_uri
        return carol
    return make


@pytest.mark.parametrize("asked,policy,told", [
    ("id", "all", False), ("none", "trusted", True), (None, "all", True), (None, "trusted", False),
    ("header;id", "all", False)])
def test_identities_leave_the_trust_domain_by_the_user_s_wish(ue, own_mrf, outsider, asked, policy,
                                                              told):
    # covers: ID-004, ID-005
    net = own_mrf(mrfc={"sip.trusted": "127.0.0.1", "identity.assert": policy})
    alice = ue("alice", net=net)
    room = alice.create()
    carol = outsider(net)
    headers = [("Privacy", asked)] if asked else []
    alice.ua.refer(room, carol.aor, headers).expect(202)
    inv = carol.wait_invite().invite
    assert ("P-Asserted-Identity" in inv.headers) == told
    assert (inv.get("Privacy") or "") == {"none": "none", "header;id": "header"}.get(asked, "")
    carol.call.reject(486)
    # A trusted next hop gets both, for whoever comes after it.
    dave = ue("dave", net=net)
    dave.aor = dave.ua.contact_uri
    alice.ua.refer(room, dave.aor, headers).expect(202)
    inv = dave.wait_invite().invite
    assert inv.get("P-Asserted-Identity") == "<%s>" % room
    assert inv.get("Privacy") == asked
    dave.call.reject(486)


def test_a_gruu_is_shown_by_policy_alone(ue, own_mrf):
    # covers: ID-011
    gruu = "urn:uuid:f81d4fae-7dec-11d0-a765-00a0c91e6bf6"
    for shown in (False, True):
        net = own_mrf(mrfc={"identity.gruu": str(shown).lower()})
        bob = ue("bob", net=net)
        room = bob.create()
        watch = bob.subscribe()
        alice = ue("alice", net=net)
        alice.ua.contact = '<%s;gr=%s>;+sip.instance="<%s>"' % (alice.ua.contact_uri, gruu, gruu)
        alice.join(room)
        roster = watch.wait(lambda r: alice.aor in r.connected())
        (entity,) = roster.users[alice.aor]["endpoints"]
        assert entity == (alice.ua.contact_uri + ";gr=" + gruu if shown else alice.ua.contact_uri)
        assert (gruu in octets(bob)) == shown

