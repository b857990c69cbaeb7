# SPDX-License-Identifier: Apache-2.0
"""The focus behind an IMS core: Kamailio as P-CSCF and S-CSCF, by conf/examples/ims-core/."""

import os
import re
import shutil

import pytest

from peer import imscore
from peer.imscore import Core, Tap
from peer.loop import wait
from peer.servers import ROOT, poll
from peer.sipmsg import NameAddr, Uri
from peer.ue import fence
from test_focus_dialout import dial, state_of

pytestmark = pytest.mark.skipif(not shutil.which("setpriv") or not os.path.exists(imscore.PROGRAM),
                                reason="no kamailio")
CPM = "urn:urn-7:3gpp-service.ims.icsi.oma.cpm"
TAG = '+g.3gpp.icsi-ref="%s.session.group"' % CPM.replace(":", "%3A")


@pytest.fixture
def cores(tmp_path, request):
    """cores(host=...) -> a Core; shown on failure, stopped afterwards."""
    made = []

    def make(**kwargs):
        folder = tmp_path / ("core%d" % len(made))
        folder.mkdir()
        made.append(Core(folder, **kwargs))
        return made[-1]
    yield make
    for core in made:
        core.stop()
        errors = [line for c in core.running for line in c.lines
                  if re.search(r"(ERROR|CRITICAL|BUG)", line)]
        if errors:
            print("\n".join(errors[-50:]))


@pytest.fixture
def core(cores, own_mrf):
    """(core, net): one mrfc behind it, which its probes have found."""
    core = cores()
    net = own_mrf(mrfc=core.mrfc_options())
    core.start({1: [net], 2: [net]})
    ready(core, net)
    return core, net


def ready(core, net):
    hop = 'mrfc_hop_up{hop="%s:%d"}' % (imscore.bracketed(core.host), core.s_port)
    poll(lambda: net.mrfc.metrics().get(hop) == 1, 15, "the S-CSCF as next hop")


@pytest.fixture
def member(ue):
    def make(name, core, register=False, **kwargs):
        one = ue(name, core, **{**core.user(name), **kwargs})
        return core.register(one) if register else one
    return make


def test_a_conference_made_through_the_core_is_reached_by_its_own_uri(core, member):
    # covers: IMS-002, IMS-003, TGPP-005, FOC-029, CAP-001
    core, net = core
    alice = member("alice", core)
    room = alice.create()
    user = Uri(room).user
    assert re.fullmatch(r"chat-a[a-z0-9]+", user)
    answer = alice.call.expect(200)
    assert "isfocus" in answer.contact.params
    assert TAG in answer.get("Contact")
    bob = member("bob", core).join(user)
    fence(alice, bob)
    fence(bob, alice)
    # In the dialog all goes along the route: P-CSCF, S-CSCF, focus.
    assert [Uri(NameAddr(r).uri).port for r in alice.call.routes] == [core.p_port, core.s_port]
    refreshed = alice.call.reinvite(alice.offer(new=False)).expect(200)
    assert refreshed.contact.uri == answer.contact.uri
    bob.leave()
    poll(lambda: state_of(net, user, "sip:bob@example.com") in (None, "disconnected"))
    # From the other side: the end of the conference comes by the same route.
    assert net.api("DELETE", "/v1/conferences/%s" % user)[0] == 204
    bye = alice.call.wait_bye()
    assert len(bye.headers.all("Via")) == 3


def test_who_somebody_is_the_core_says(core, member):
    # covers: FOC-006, ID-001, ID-006, ID-008
    """A UE's own P-Asserted-Identity dies at the P-CSCF; its preferred one becomes asserted."""
    core, net = core
    mallory = member("mallory", core, assert_identity="<sip:alice@example.com>")
    room = mallory.create()
    (person,) = net.participants(Uri(room).user)
    assert person == "sip:mallory@example.com"
    pref = member("carol", core)
    pref.join(room, headers=[("P-Preferred-Identity", '"Carol" <sip:carol.public@example.com>')])
    people = net.participants(Uri(room).user)
    assert people["sip:carol.public@example.com"]["display"] == "Carol"
    pref.aor = "sip:carol.public@example.com"
    fence(pref, mallory)


def test_a_name_outside_of_the_identities_is_not_served(core, member):
    # covers: TGPP-005, FOC-007
    """Neither by the core nor, should the core send it, by the focus; nor made by the operator."""
    core, net = core
    alice = member("alice", core)
    assert alice.invite("room-1").final().code == 404
    direct = member("bob", net_of(net), assert_identity=True, transport="udp")
    assert direct.invite("room-1").final().code == 404
    assert direct.invite("chat-a!").final().code in (200, 404)
    assert net.api("POST", "/v1/conferences", {"name": "room-1"})[0] == 400
    status, made = net.api("POST", "/v1/conferences", {"name": "chat-a-townhall"})
    assert status == 201
    alice.join("chat-a-townhall")
    status, made = net.api("POST", "/v1/conferences", {})
    assert status == 201 and made["name"].startswith("chat-a")


def net_of(net):
    """A net whose terminals speak to the mrfc itself."""
    class Direct:
        sip, domain, mrfc = net.sip, net.domain, net.mrfc

        @staticmethod
        def user(_):
            return {}
    return Direct


def test_calls_of_the_focus_reach_users_through_the_core(core, member):
    # covers: IMS-002, IMS-003, CAP-005, FOC-012, FOC-029, TGPP-005
    core, net = core
    alice, bob = member("alice", core), member("bob", core, register=True)
    room = alice.create()
    user = Uri(room).user
    dial(net, user, "sip:bob@example.com")
    inv = bob.wait_invite().invite
    assert Uri(inv.uri).user == "bob" and inv.get("P-Asserted-Identity") == "<%s>" % room
    assert inv.headers.all("Accept-Contact") == ["*;message", "*;" + TAG]
    assert "isfocus" in inv.contact.params and TAG in inv.get("Contact")
    # What is the core's own affair has not come out of it.
    assert "P-Asserted-Service" not in inv.headers
    assert "P-Charging-Function-Addresses" not in inv.headers
    assert [Uri(NameAddr(r).uri).port for r in inv.headers.list("Record-Route")] == [
        core.p_port, core.s_port]
    bob.call.ringing()
    poll(lambda: state_of(net, user, "sip:bob@example.com") == "alerting")
    bob.accept(setup="active")
    fence(bob, alice)
    fence(alice, bob)
    dial(net, user, "sip:nobody@example.com")
    poll(lambda: state_of(net, user, "sip:nobody@example.com") == "disconnected")
    assert net.participants(user)["sip:nobody@example.com"]["cause"] == 404
    bob.leave()


def test_a_request_for_another_service_is_refused(core, member):
    # covers: IMS-002
    core, net = core
    alice = member("alice", core)
    factory = "sip:conference-factory@conf.example.com"
    mmtel = "urn:urn-7:3gpp-service.ims.icsi.mmtel"
    # The S-CSCF asserts what the UE prefers.
    assert alice.invite(factory, headers=[("P-Preferred-Service", mmtel)]).final().code == 403
    alice.create()
    # At the focus itself the UE's wish means nothing, nor does one of a stranger's assertions.
    direct = member("bob", net_of(net), assert_identity=True, transport="udp")
    direct.join(alice.room, headers=[("P-Preferred-Service", mmtel)])
    again = member("carol", net_of(net), assert_identity=True, transport="udp")
    assert again.invite(alice.room, headers=[("P-Asserted-Service", mmtel)]).final().code == 403
    again.join(alice.room, headers=[("P-Asserted-Service", CPM + ".filetransfer")])


def test_caller_preferences_break_nothing(core, member):
    # covers: CAP-003, CAP-004, IMS-030
    core, net = core
    alice = member("alice", core)
    room = alice.create()
    bob = member("bob", core).join(room, headers=[
        ("Accept-Contact", "*;isfocus;require;explicit"), ("Reject-Contact", "*;isfocus"),
        ("Request-Disposition", "no-fork, queue, no-cancel"),
        ("Resource-Priority", "ets.0, example.99, wps.3"),
        ("Require", "resource-priority")])
    fence(bob, alice)


ODI = ("<sip:odi%5F0a1B-~7@127.0.0.1:{port};lr;Orig;x-odi=%41b;call=orig_case_UnReg>"
       ";x-rr=\"as, <is>\"")


def route_lines(request):
    """Route's elements, octet by octet; those on one line are parted by a comma."""
    text = ",".join(request.headers.all("Route"))
    return [element.strip() for element in re.findall(r'\s*<[^>]*>(?:;[^,"]*(?:"[^"]*")?)*', text)]


def test_the_route_of_the_core_comes_back_as_it_was(ue, mrf, room):
    # covers: IMS-003, FOC-029
    """The S-CSCF finds its dialog again by its own URI: not an octet of it is another one."""
    alice, core = ue("alice"), ue("scscf")
    mine, second = ODI.format(port=core.ua.port), "<sip:127.0.0.9;lr;second>"
    alice.join(room, headers=[("Record-Route", mine), ("Record-Route", second)])
    alice.ua.subscribe(alice.room, headers=[("Record-Route", mine + "," + second)]).expect(200)
    (notify, *_) = wait(lambda: core.ua.seen(method="NOTIFY"), 10, "the NOTIFY at the S-CSCF")
    assert route_lines(notify) == [mine, second]
    assert notify.uri == alice.ua.contact_uri
    assert mrf.api("DELETE", "/v1/conferences/" + room)[0] == 204
    (bye, *_) = wait(lambda: core.ua.seen(method="BYE"), 10, "the BYE at the S-CSCF")
    assert route_lines(bye) == [mine, second]
    assert bye.uri == alice.ua.contact_uri


def test_another_focus_is_one_participant(ue, mrf, room):
    # covers: CAP-002, IMS-031
    """Its Contact says isfocus, whether it calls or is called; it chats as anybody does."""
    alice = ue("alice").join(room)
    far = ue("far-room", aor="sip:room@far.example", contact_params=";isfocus").join(room)
    people = mrf.participants(room)
    assert set(people) == {alice.aor, far.aor}
    fence(far, alice)
    other = ue("other-room", contact_params=";isfocus")
    dial(mrf, room, other.ua.contact_uri)
    other.aor = other.ua.contact_uri
    other.wait_invite()
    other.accept()
    fence(other, alice)
    fence(alice, other)
    assert len(mrf.participants(room)) == 3
    # A conference of this very server would hear itself: no.
    assert mrf.api("POST", "/v1/conferences/%s/participants" % room,
                   {"uri": "sip:%s@%s" % (room, mrf.domain)})[0] == 400
    loop = ue("loop", aor="sip:%s@%s" % (room, mrf.domain), contact_params=";isfocus")
    assert loop.invite(room).final().code == 403


def test_one_mrfc_is_dead_and_the_core_takes_the_other(cores, own_mrf, member):
    # covers: IMS-029, TGPP-005
    """The factory is served by both in turn; each range of conferences where they are."""
    core = cores()
    one = own_mrf(mrfc=core.mrfc_options("chat-a"))
    two = own_mrf(mrfc=core.mrfc_options("chat-b"))
    core.start({1: [one, two], 2: [one], 3: [two]})
    ready(core, one)
    ready(core, two)
    made = {Uri(member("user%d" % i, core).create()).user[:6] for i in range(4)}
    assert made == {"chat-a", "chat-b"}
    for net, name in ((one, "chat-a-x"), (two, "chat-b-x")):
        member("m-" + name, core).join(name)
        assert net.participants(name)
    one.mrfc.kill()
    one.mrfp.kill()
    for i in range(3):
        assert Uri(member("later%d" % i, core).create()).user.startswith("chat-b")
    assert member("lost", core).invite("chat-a-x").final().code >= 500


def params_of(value):
    return dict(p.strip().partition("=")[::2] for p in value.split(";"))


def test_a_user_connects_into_a_conference_as_ts_24_247_has_it(cores, own_mrf, member):
    # covers: IMS-003, IMS-015, FOC-029, OA-004, CEMA-001, CHG-001, CHG-004, TGPP-005
    """TS 24.247 A.5.1 message by message, over IPv6 and with CEMA; a tap shows the ISC leg."""
    core, tap = cores(host="::1"), Tap("::1")
    net = own_mrf(mrfc=core.mrfc_options(**{"sip.contact": "[::1]:%d" % tap.addr[1]}),
                  mrfp={"msrp.address": "::1"})
    tap.target = net.sip
    core.start({1: [tap], 2: [tap]})
    core.mrfc = net.mrfc
    ready(core, net)
    status, _ = net.api("POST", "/v1/conferences", {"name": "chat-a-51"})
    assert status == 201
    bob = member("bob", core, cema=True).join("chat-a-51")
    alice = member("alice", core, cema=True)
    conf = alice.uri_of("chat-a-51")

    # 1-11: INVITE with the UE's own path; the core asserts, charges, records its route.
    call = alice.invite(conf, headers=[
        ("P-Preferred-Identity", '"Alice" <sip:alice@example.com>'), ("Privacy", "none"),
        ("P-Access-Network-Info", "3GPP-E-UTRAN-FDD;utran-cell-id-3gpp=2341500000FCE11"),
        ("Supported", "gruu")])
    final = call.expect(200)
    isc = tap.call(call.call_id)
    (_, invite), *_ = isc
    assert isc[0][0] == "in" and invite.method == "INVITE" and invite.uri == conf
    assert invite.get("P-Asserted-Identity") == '"Alice" <sip:alice@example.com>'
    assert "P-Preferred-Identity" not in invite.headers
    assert invite.get("P-Served-User") == "<%s>;sescase=term;regstate=reg" % conf
    charging = params_of(invite.get("P-Charging-Vector"))
    assert charging["icid-value"] and charging["orig-ioi"] == "example.com"
    routes = invite.headers.list("Record-Route")
    assert [Uri(NameAddr(r).uri).port for r in routes] == [core.s_port, core.p_port]
    # 12-19: 100, then (the MRFP has its resources) 200 with the conference, the MRFP's path.
    answers = [m for d, m in isc if d == "out"]
    assert [m.code for m in answers] == [100, 200]
    ok = answers[1]
    assert ok.headers.list("Record-Route") == routes
    assert NameAddr(ok.get("Contact")).uri == "sip:chat-a-51@[::1]:%d" % tap.addr[1]
    assert "isfocus" in ok.contact.params
    told = params_of(ok.get("P-Charging-Vector"))
    assert told["icid-value"] == charging["icid-value"]
    assert told["orig-ioi"] == charging["orig-ioi"] and told["term-ioi"]
    # What the UE gets: the same without what is the operators'.
    assert "P-Charging-Vector" not in final.headers
    assert final.contact.uri == ok.contact.uri
    alice.room = conf
    alice.take_answer(final.text)
    line = alice.answer.msg
    assert line.proto == "TCP/MSRP" and line.accept_types == ["message/cpim"]
    assert line.get("msrp-cema") is not None and line.setup == "passive"
    assert alice.answer.address(line) == net.msrp and ":" in net.msrp[0]
    assert line.path[0].startswith("msrp://[::1]:%d/" % net.msrp[1])
    # 20-23: ACK along the route.
    wait(lambda: len(tap.call(call.call_id)) > 3, 10, "the ACK at the focus")
    ack = tap.call(call.call_id)[3][1]
    assert ack.method == "ACK" and ack.uri == ok.contact.uri and len(ack.headers.all("Via")) == 3
    assert ack.cseq[0] == invite.cseq[0] and "Route" not in ack.headers
    # 24-28: TCP to the MRFP, SEND and its 200, and so to the others.
    alice.open_media()
    alice.send_text("hello")
    assert bob.wait_text("hello").from_ == "sip:alice@example.com"
    bob.send_text("hello, Alice")
    alice.wait_text("hello, Alice")
    # And out again, by the same way.
    call.bye().expect(200)
    bye = tap.call(call.call_id)[4][1]
    assert bye.method == "BYE" and len(bye.headers.all("Via")) == 3
    assert state_of(net, "chat-a-51", "sip:alice@example.com") in (None, "disconnected")
    assert state_of(net, "chat-a-51", "sip:bob@example.com") == "connected"
    tap.close()


def test_the_sample_is_what_the_manual_says(tmp_path):
    # covers: IMS-003
    """Both commands of the recipe start from the files as they are."""
    import subprocess
    mrfc = os.path.join(os.environ.get("MRF_BUILD") or os.path.join(ROOT, "build", "release"),
                        "mrfc")
    for cmd in ([mrfc, "-t", "-c", "conf/examples/ims-core/mrfc.conf"],
                [imscore.PROGRAM, "-c", "-f", "conf/examples/ims-core/kamailio.cfg"],
                [imscore.PROGRAM, "-c", "-A", "PCSCF", "-f",
                 "conf/examples/ims-core/kamailio.cfg"]):
        done = subprocess.run(cmd, cwd=ROOT, capture_output=True, timeout=60)
        assert done.returncode == 0, done.stdout + done.stderr
