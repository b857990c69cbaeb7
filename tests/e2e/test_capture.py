# SPDX-License-Identifier: Apache-2.0
"""A whole conference as Wireshark's own SIP, SDP and MSRP dissectors see it on loopback."""

import shutil
import subprocess

import pytest

from peer.loop import wait
from peer.servers import poll
from peer.ue import fence

pytestmark = pytest.mark.skipif(not (shutil.which("tshark") and shutil.which("dumpcap")),
                                reason="tshark is not installed")


class Capture:
    """dumpcap on lo, limited to the ports given."""

    def __init__(self, path, ports):
        self.path, self.ports = str(path), ports
        self.proc = subprocess.Popen(
            ["dumpcap", "-q", "-i", "lo", "-w", self.path, "-f",
             " or ".join("port %d" % p for p in ports)],
            stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
        # It names its file once it captures, or ends with what it may not do.
        self.said = b""
        while b"File: " not in self.said:
            line = self.proc.stdout.readline()
            if not line:
                self.proc.wait()
                self.proc.stdout.close()
                pytest.skip("no capture: %s" % self.said.decode("utf-8", "replace").strip())
            self.said += line

    def wait_for(self, member):
        """What is sent from now on, or was until now, is in the file: a marker of ours is."""
        def marked():
            txn = member.ua.request("OPTIONS", member.uri_of("nowhere"))
            txn.final()
            marks.append(txn.request.call_id.encode())
            with open(self.path, "rb") as f:
                data = f.read()
            return any(mark in data for mark in marks)
        marks = []
        poll(marked, 20, "our packets in the capture")

    def stop(self):
        self.proc.terminate()
        self.proc.communicate(timeout=30)

    def frames(self, *fields, match="", decode=()):
        """Rows of the fields of all frames that match."""
        cmd = ["tshark", "-n", "-r", self.path, "-T", "fields", "-E", "separator=/t"]
        for rule in decode:
            cmd += ["-d", rule]
        for field in fields:
            cmd += ["-e", field]
        done = subprocess.run(cmd + ["-Y", match], capture_output=True, text=True, timeout=60,
                              check=False)
        assert done.returncode == 0, done.stderr
        return [line.split("\t") for line in done.stdout.splitlines()]


def conference(net, ue, room):
    """Something of everything: ways in and out, chat, private, nickname, roster, hold."""
    alice = ue("alice", net=net)
    uri = alice.create()
    bob, carol = ue("bob", net=net, transport="tcp").join(uri), ue("carol", net=net)
    watch = alice.subscribe()
    alice.ua.refer(uri, carol.ua.contact_uri).expect(202)
    carol.wait_invite().ringing()
    carol.accept()
    watch.wait(lambda r: len(r.connected()) == 3)
    fence(alice, bob, carol)
    bob.private(alice, "psst")
    alice.wait_text("psst")
    assert bob.nickname("Bobby") == 200
    alice.send("x" * 20000, headers=[("Success-Report", "yes")]).status()
    wait(lambda: alice.session.reports, what="a REPORT")
    bob.call.reinvite(bob.offer(new=False, direction="sendonly")).expect(200)
    bob.call.reinvite(bob.offer(new=False)).expect(200)
    alice.ua.request("OPTIONS", uri).expect(200)
    ue("dave", net=net).invite(room, accept_types="foo/bar").expect(488)
    bob.leave()
    watch.wait(lambda r: len(r.connected()) == 2)
    watch.sub.unsubscribe().expect(200)
    watch.sub.wait_terminated()
    net.api("DELETE", "/v1/conferences/%s" % uri.partition(":")[2].partition("@")[0])
    carol.call.wait_bye()
    return [alice, bob, carol]


def test_no_frame_is_malformed(own_mrf, ue, room, tmp_path):
    # covers: OA-004, MSRP-120, CONF-009, FOC-003, REF-005
    net = own_mrf()
    capture = Capture(tmp_path / "all.pcapng", [net.sip[1], net.msrp[1]])
    try:
        marker = ue("marker", net=net)
        capture.wait_for(marker)
        members = conference(net, ue, room)
        for member in members:
            for conn in member.conns:
                conn.close()
        capture.wait_for(marker)
    finally:
        capture.stop()
    decode = ["udp.port==%d,sip" % net.sip[1], "tcp.port==%d,sip" % net.sip[1],
              "tcp.port==%d,msrp" % net.msrp[1]]
    counts = {p: len(capture.frames("frame.number", match=p, decode=decode))
              for p in ("sip", "sdp", "msrp")}
    assert counts["sip"] > 40 and counts["sdp"] >= 8 and counts["msrp"] >= 15, counts
    # What the servers sent must be read without a complaint; what we sent, in whole.
    ours = "(udp.srcport==%d || tcp.srcport==%d || tcp.srcport==%d)" % (
        net.sip[1], net.sip[1], net.msrp[1])
    bad = capture.frames("frame.number", "_ws.col.Info", "_ws.expert.message", decode=decode,
                         match="(_ws.malformed || _ws.expert.severity >= 6291456) && " + ours)
    bad = [row for row in bad if row[2] != "D-SACK Sequence"]  # a slow kernel's, not ours
    assert bad == [], bad
    bad = capture.frames("frame.number", "_ws.col.Info", match="_ws.malformed", decode=decode)
    assert bad == [], bad
    methods = {row[0] for row in capture.frames("sip.Method", match="sip.Method", decode=decode)}
    assert {"INVITE", "ACK", "BYE", "SUBSCRIBE", "NOTIFY", "REFER", "OPTIONS"} <= methods
    requests = {method for row in capture.frames("msrp.method", match="msrp.method", decode=decode)
                for method in row[0].split(",")}
    assert {"SEND", "NICKNAME"} <= requests  # a REPORT shares its segment with a response
    # Each 2xx has a tag, each request of ours has its hops.
    assert capture.frames("frame.number", decode=decode, match=(
        "sip.Status-Code >= 200 && !sip.to.tag")) == []
    poll(lambda: net.mrfc.http("GET", "/healthz")[0] == 200)
