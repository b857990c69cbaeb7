# SPDX-License-Identifier: Apache-2.0
"""kill -9 of the mrfc, which a durable store lets come back without a member noticing."""

import time

import pytest

from peer.confinfo import Document
from peer.loop import wait
from peer.recovery import follow, heard, reconnect, restart, states, up
from peer.servers import poll
from peer.sipcall import bye_reason, substate
from peer.ue import fence


@pytest.fixture
def durable(own_mrf, tmp_path):
    """own_mrf(), with a store that outlives the mrfc. normal: a kill is no power cut."""
    def make(mrfc=(), **settings):
        return own_mrf(mrfc={"store.path": str(tmp_path / "mrf.db"), "store.sync": "normal",
                             **dict(mrfc)}, **settings)
    return make


def test_fifty_members_chat_on_while_the_mrfc_is_killed(durable, ue, room):
    # covers: FOC-030, SW-036
    net = durable()
    members = [ue("m%d" % n, net=net, transport="tcp" if n % 2 else "udp").join(room)
               for n in range(50)]
    before = net.participants(room)
    assert len(before) == 50
    sent = []
    for turn in range(6):
        if turn == 2:
            net.mrfc.kill()
        if turn == 4:
            net.start_mrfc()
        for m in members[turn * 5:turn * 5 + 5]:
            sent.append("%s says %d" % (m.name, turn))
            m.send_text(sent[-1])
    up(net)
    after = net.participants(room)
    for uri, p in before.items():
        assert (after[uri]["state"], after[uri]["endpoints"]) == ("connected", p["endpoints"])
    sent.append(fence(members[0], *members[1:]))
    for m in members:
        others = [t for t in sent if not t.startswith(m.name + " ")]
        got = [t for t in m.texts if " says " in t or t == sent[-1]]
        assert sorted(got) == sorted(others if m is not members[0] else others[:-1])
    assert heard(members) == []


@pytest.mark.parametrize("transport", ["udp", "tcp"])
def test_requests_in_old_dialogs_are_served(durable, ue, room, transport):
    # covers: FOC-030, FOC-021, FOC-022, REF-002, TIM-001
    net = durable()
    alice, bob, carol, dora = [ue(n, net=net, transport=transport).join(room)
                               for n in ("alice", "bob", "carol", "dora")]
    assert bob.nickname("Robert") == 200
    poll(lambda: net.participants(room)[bob.aor].get("nickname"))
    restart(net)
    resp = bob.call.reinvite(bob.offer(new=False, extra=["a=sendonly"])).expect(200)
    assert "a=recvonly" in resp.text
    net.wait_participants(room, lambda p: p[bob.aor]["state"] == "on-hold")
    restart(net)
    assert states(net, room)["bob"] == "on-hold"
    bob.call.reinvite(bob.offer(new=False)).expect(200)
    net.wait_participants(room, lambda p: p[bob.aor]["state"] == "connected")
    assert net.participants(room)[bob.aor]["nickname"] == "Robert"
    fence(alice, bob, carol)
    refresh = carol.call.update(headers=[("Supported", "timer"),
                                         ("Session-Expires", "1800;refresher=uac")]).expect(200)
    assert refresh.get("Session-Expires")
    alice.call.refer("<%s;method=BYE>" % dora.aor).expect(202)
    notify = alice.call.wait_request("NOTIFY", lambda r: b"200" in r.body)
    assert notify.request.get("Event").startswith("refer")
    assert bye_reason(dora.call.wait_bye())[:2] == ("SIP", 603)
    erin = ue("erin", net=net)
    alice.call.refer("<%s>" % erin.ua.contact_uri).expect(202)
    erin.wait_invite()
    erin.accept()
    fence(erin, alice, bob, carol)
    restart(net)
    erin.leave()
    carol.leave()
    net.wait_participants(room, lambda p: [u for u in p if p[u]["state"] == "connected"] in (
        [alice.aor, bob.aor], [bob.aor, alice.aor]))
    fence(bob, alice)
    bob.leave()
    alice.leave()
    poll(lambda: net.api("GET", "/v1/conferences/%s" % room)[0] == 404, what="the end of the room")
    restart(net)
    assert net.api("GET", "/v1/conferences")[1]["conferences"] == []


def test_the_focus_ends_old_dialogs_along_their_routes(durable, ue, room):
    # covers: FOC-029, FOC-030
    net = durable()
    alice = ue("alice", net=net)
    here, beyond = "<sip:%s;lr>" % alice.ua.sent_by, "<sip:core.example.com:5060;lr;x=y>"
    alice.join(room, headers=[("Record-Route", here), ("Record-Route", beyond)])
    watch = alice.ua.subscribe(alice.room, headers=[("Record-Route", here),
                                                    ("Record-Route", beyond)])
    first = watch.wait_notify()
    bob = ue("bob", net=net)
    net.api("POST", "/v1/conferences/%s/participants" % room, {"uri": bob.ua.contact_uri})
    bob.wait_invite()
    answer = bob.offer(setup="active")
    bob.take_answer(bob.call.offer)
    near = "<sip:%s;lr>" % bob.ua.sent_by
    bob.call.txn.respond(200, headers=[("Record-Route", beyond), ("Record-Route", near)],
                         body=answer, content_type="application/sdp")
    bob.call.txn.wait_ack()
    bob.role = "active"
    bob.open_media()
    restart(net)
    again = watch.wait_notify(lambda n: n.cseq[0] > first.cseq[0] + 1)
    assert again.headers.list("Route") == [here, beyond]
    cseqs = [n.cseq[0] for n in watch.notifies]
    assert cseqs == sorted(set(cseqs))
    assert net.api("DELETE", "/v1/conferences/%s" % room)[0] == 204
    for m, routes in ((alice, [here, beyond]), (bob, [near, beyond])):
        bye = m.call.wait_bye()
        assert bye.headers.list("Route") == routes
        assert bye.uri == m.ua.contact_uri


@pytest.mark.parametrize("transport", ["udp", "tcp"])
def test_watchers_get_a_whole_document_with_a_higher_version(durable, ue, room, transport):
    # covers: FOC-030, CONF-010, CONF-012, CONF-015
    net = durable()
    alice, bob = [ue(n, net=net, transport=transport).join(room) for n in ("alice", "bob")]
    watch = alice.subscribe(expires=600)
    watch.wait(lambda r: len(r.users) == 2)
    seen = len(watch.sub.notifies)
    last = Document(watch.sub.notifies[-1].body)
    restart(net)
    note = watch.sub.wait_notify(after=seen)
    doc = Document(note.body)
    assert (doc.state, doc.check()) == ("full", [])
    assert doc.version > last.version
    assert set(doc.users) == {alice.aor, bob.aor}
    assert substate(note)[0] == "active" and int(substate(note)[1]["expires"]) <= 600
    carol = ue("carol", net=net).join(room)
    watch.wait(lambda r: carol.aor in r.users)
    assert int(watch.sub.refresh(expires=300).expect(200).get("Expires")) == 300
    assert watch.update().problems == []
    restart(net)
    watch.sub.unsubscribe().expect(200)
    watch.sub.wait_terminated()
    fence(alice, bob, carol)


def test_an_invite_repeated_after_the_restart_makes_no_second_session(durable, ue, room):
    # covers: FOC-030
    net = durable()
    alice, bob = ue("alice", net=net).join(room), ue("bob", net=net)
    call = bob.ua.invite(bob.uri_of(room), bob.offer(), auto_ack=False)
    first = call.expect(200)
    restart(net)
    assert states(net, room)["bob"] == "dialing-in"
    bob.ua.send(call.txn.request, net.sip, "udp")  # its retransmission
    wait(lambda: len(call.txn.responses) > 1 and call.txn.responses[-1].code == 200, 10,
         "an answer to the INVITE once more", lambda: call.txn.responses)
    again = call.txn.responses[-1]
    assert again.to.tag == first.to.tag and again.body == first.body
    assert len(net.participants(room)[bob.aor]["endpoints"]) == 1
    call.ack_2xx(again)
    bob.call, bob.room = call, bob.uri_of(room)
    bob.take_answer(first.text)
    bob.open_media()
    net.wait_participants(room, lambda p: p[bob.aor]["state"] == "connected")
    fence(bob, alice)


def test_who_connects_has_our_answer(durable, ue, room):
    # covers: FOC-030
    net = durable()
    alice, bob = ue("alice", net=net).join(room), ue("bob", net=net)
    call = bob.ua.invite(bob.uri_of(room), bob.offer(), auto_ack=False)
    resp = call.expect(200)
    net.mrfc.kill()
    bob.call, bob.room = call, bob.uri_of(room)
    bob.take_answer(resp.text)
    bob.open_media()
    net.start_mrfc()
    net.wait_participants(room, lambda p: p.get(bob.aor, {}).get("state") == "connected")
    fence(bob, alice)


def test_a_call_under_way_at_the_kill_is_over(durable, ue, room):
    # covers: FOC-030
    net = durable()
    alice, bob = ue("alice", net=net).join(room), ue("bob", net=net)
    net.api("POST", "/v1/conferences/%s/participants" % room, {"uri": bob.ua.contact_uri})
    call = bob.wait_invite()
    call.ringing()
    net.wait_participants(room, lambda p: "alerting" in [e["state"] for e in p.values()])
    restart(net)
    assert "alerting" not in states(net, room).values()
    transport, _, stream = call.invite.source
    call.invite.source = (transport, net.sip, stream)  # its Via's address (RFC 3261 18.2.2)
    call.accept(bob.offer(setup="active"))
    call.wait_ack()
    assert bye_reason(call.wait_bye())[1] == 487
    assert "connected" not in [p["state"] for u, p in net.participants(room).items()
                               if u != alice.aor]
    fence(alice)


def test_a_stop_keeps_the_conferences(durable, ue, room):
    # covers: FOC-030
    net = durable()
    alice, bob = [ue(n, net=net).join(room) for n in ("alice", "bob")]
    assert net.mrfc.stop() == []
    net.start_mrfc()
    up(net)
    assert states(net, room) == {"alice": "connected", "bob": "connected"}
    assert heard([alice, bob]) == []
    fence(alice, bob)


def test_a_stop_may_end_the_conferences(durable, ue, room):
    # covers: FOC-020
    net = durable(mrfc={"conference.stop": "end"})
    alice = ue("alice", net=net).join(room)
    assert net.mrfc.stop() == []
    assert bye_reason(alice.call.wait_bye())[:2] == ("SIP", 503)
    net.start_mrfc()
    assert net.api("GET", "/v1/conferences")[1]["conferences"] == []


def test_the_mrfp_dies_and_members_chat_again_in_five_seconds(durable, ue, room):
    # covers: FOC-030, MSRP-048
    net = durable()
    members = [follow(ue("m%d" % n, net=net).join(room)) for n in range(10)]
    fence(*members)
    began = time.monotonic()
    net.mrfp.kill()
    net.start_mrfp()
    for m in members:
        reconnect(m)
    fence(*members)
    assert time.monotonic() - began < 5
    assert [p["state"] for p in net.participants(room).values()] == ["connected"] * 10


def test_both_die_and_members_chat_again_in_five_seconds(durable, ue, room):
    # covers: FOC-030, MSRP-048
    net = durable()
    members = [follow(ue("m%d" % n, net=net, transport="tcp" if n % 2 else "udp").join(room))
               for n in range(10)]
    fence(*members)
    began = time.monotonic()
    net.mrfp.kill()
    net.mrfc.kill()
    net.start_mrfc()
    net.start_mrfp()
    for m in members:
        reconnect(m)
    fence(*members)
    assert time.monotonic() - began < 5
    assert [p["state"] for p in net.participants(room).values()] == ["connected"] * 10
    assert not any(m.call.ended for m in members)


def test_both_die_before_the_ack_is_known(durable, ue, room):
    # covers: FOC-030
    net = durable()
    alice, bob = follow(ue("alice", net=net).join(room)), ue("bob", net=net)
    bob.call = bob.ua.invite(bob.uri_of(room), bob.offer(), auto_ack=False)
    bob.room = bob.uri_of(room)
    follow(bob).call.expect(200)
    net.mrfp.kill()
    net.mrfc.kill()
    bob.call.ack()  # nobody hears it; bob is in all the same
    net.start_mrfc()
    net.start_mrfp()
    for m in (alice, bob):
        reconnect(m)
    fence(alice, bob)
    assert [p["state"] for p in net.participants(room).values()] == ["connected"] * 2
    assert not alice.call.ended and not bob.call.ended


def test_killed_while_members_move_to_another_mrfp(durable, ue, room):
    # covers: FOC-030
    net = durable()
    members = [follow(ue("m%d" % n, net=net).join(room)) for n in range(4)]
    answers, asked = [m.call.on_offer for m in members], []
    for m in members:
        m.call.on_offer = None  # the re-INVITE has no answer while this mrfc lives
    net.mrfp.kill()
    net.start_mrfp()
    for m in members:
        asked.append(m.call.wait_request("INVITE"))
    net.mrfc.kill()
    for m, answer, txn in zip(members, answers, asked):
        m.call.on_offer = answer
        txn.respond(491)  # nobody is there to hear it
    net.start_mrfc()
    for m in members:
        reconnect(m)
    fence(*members)
    assert not any(m.call.ended for m in members)
