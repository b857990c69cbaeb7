# SPDX-License-Identifier: Apache-2.0
"""Members who are away get what they missed when they come back: in order, each once, as it was."""

import random
import threading

import pytest

from peer.loop import LOOP, wait
from peer.servers import poll
from peer.ue import fence

IMDN = ["NS: imdn <urn:ietf:params:imdn>"]
SEALED = 'application/pkcs7-mime; smime-type=auth-enveloped-data; name="smime.p7m"'


@pytest.fixture
def away_mrf(own_mrf):
    """A BYE ends the session alone, as a device that sleeps does it."""
    def make(mrfc=(), mrfp=()):
        return own_mrf(mrfc={"conference.leave": "reason", "media.grace": "1s", **dict(mrfc)},
                       mrfp=dict(mrfp))
    return make


def answered(net):
    """All that went out has its 200: a BYE by SIP may overtake one, and then the message comes again."""
    poll(lambda: net.mrfp.metrics().sum("mrfp_copies_open") == 0, what="the last answers")


def line(n, date=True):
    return {"extra": IMDN + ["imdn.Message-ID: imdn-%d" % n], "date": date}


def owed(net, **labels):
    return net.mrfc.metrics().sum("mrfc_owed_total", **labels)


def own_texts(ue, prefix):
    return [t for t in ue.texts if t.startswith(prefix)]


def test_twenty_messages_come_after_the_return_as_they_were_sent(away_mrf, ue, room):
    # covers: IMS-007
    net = away_mrf()
    alice, bob, carol = [ue(n, net=net).join(room) for n in ("alice", "bob", "carol")]
    fence(alice, bob, carol)
    answered(net)
    bob.leave()
    sent = []
    for n in range(20):
        date = "2024-02-0%dT10:11:%02dZ" % (n % 9 + 1, n)
        body = alice.cpim("missed %d" % n, **line(n, date))
        assert alice.session.send(body).status() == 200
        sent.append(body)
    carol.wait_text("missed 19")
    assert net.mrfc.metrics().sum("mrfc_owed") == 20
    assert net.api("GET", "/v1/conferences/%s" % room)[1]["owed"] == 20
    back = ue("bob", net=net).join(room)
    back.wait_text("missed 19")
    fence(alice, back)
    got = [m.data for m in back.session.messages][:20]
    assert got == sent, "octets, order, DateTime and imdn.Message-ID"
    assert [c.cpim.get("imdn.Message-ID") for c in back.chats[:20]] == ["imdn-%d" % n for n in range(20)]
    assert len(back.chats) == 21
    poll(lambda: net.mrfc.metrics().sum("mrfc_owed") == 0, what="the queue to be empty")
    assert owed(net, event="delivered") == 20
    # A second return brings nothing.
    answered(net)
    back.leave()
    again = ue("bob", net=net).join(room)
    fence(alice, again)
    assert len(again.chats) == 1


def test_what_a_vanished_device_had_not_answered_comes_again(away_mrf, ue, room):
    # covers: IMS-007
    net = away_mrf()
    alice, bob, carol = [ue(n, net=net).join(room) for n in ("alice", "bob", "carol")]
    fence(alice, bob, carol)
    bob.session.answer = lambda frame: None
    for n in range(6):
        alice.send_text("unanswered %d" % n, **line(n))
    bob.wait_text("unanswered 5")
    bob.session.conn.reset()
    for n in range(6, 12):
        alice.send_text("unanswered %d" % n, **line(n))
    wait(lambda: bob.call.ended, 20, "the focus to give the session up")
    for n in range(12, 15):
        alice.send_text("unanswered %d" % n, **line(n))
    back = ue("bob", net=net).join(room)
    back.wait_text("unanswered 14")
    fence(carol, back)
    assert own_texts(back, "unanswered") == ["unanswered %d" % n for n in range(15)]
    assert own_texts(carol, "unanswered") == ["unanswered %d" % n for n in range(15)]


def test_a_connection_that_breaks_and_comes_back_by_a_new_offer_misses_nothing(away_mrf, ue, room):
    # covers: IMS-007
    net = away_mrf(mrfc={"media.grace": "20s"})
    alice, bob = [ue(n, net=net).join(room) for n in ("alice", "bob")]
    fence(alice, bob)
    bob.session.conn.reset()
    for n in range(5):
        alice.send_text("gap %d" % n)
    old = bob.session
    resp = bob.call.reinvite(bob.offer())
    bob.take_answer(resp.expect(200).text if hasattr(resp, "expect") else resp.text)
    bob.open_media()
    bob.wait_text("gap 4")
    fence(alice, bob)
    assert own_texts(bob, "gap") == ["gap %d" % n for n in range(5)]
    assert old is not bob.session


def test_sealed_bodies_and_long_ones_stay_what_they_are(away_mrf, ue, room):
    # covers: IMS-007
    net = away_mrf()
    alice, bob = [ue(n, net=net).join(room) for n in ("alice", "bob")]
    fence(alice, bob)
    answered(net)
    bob.leave()
    sealed = alice.cpim(bytes(range(256)) * 16, content_type=SEALED)
    long = alice.cpim("l" * 60000)
    assert alice.session.send(sealed).status() == 200
    assert alice.session.send_chunks(long, 8000)[-1].status() == 200
    back = ue("bob", net=net).join(room)
    fence(alice, back)
    assert [m.data for m in back.session.messages if m.complete][:2] == [sealed, long]


def test_a_private_message_and_a_notification_wait_for_the_one_they_are_for(away_mrf, ue, room):
    # covers: IMS-007
    net = away_mrf()
    alice, bob, carol = [ue(n, net=net).join(room) for n in ("alice", "bob", "carol")]
    fence(alice, bob, carol)
    answered(net)
    bob.leave()
    carol.leave()
    alice.private(bob.aor, "psst")
    notice = alice.cpim("<imdn/>", bob.aor, "message/imdn+xml",
                        mime=["Content-Disposition: notification"])
    assert alice.session.send(notice).status() == 200
    assert alice.send("nobody", "sip:stranger@example.com").status() == 404
    back = ue("bob", net=net).join(room)
    other = ue("carol", net=net).join(room)
    fence(alice, back, other)
    assert [m.data for m in back.session.messages if b"<imdn/>" in m.data] == [notice]
    assert back.texts[0] == "psst" and len(other.chats) == 1


def test_the_oldest_give_way_to_the_limits(away_mrf, ue, room):
    # covers: IMS-007
    net = away_mrf(mrfc={"queue.max_messages": 5, "queue.max_octets": "64KiB"})
    alice, bob = [ue(n, net=net).join(room) for n in ("alice", "bob")]
    fence(alice, bob)
    answered(net)
    bob.leave()
    for n in range(6):
        alice.send_text("short %d" % n)
    assert owed(net, event="dropped") == 1 and net.mrfc.metrics().sum("mrfc_owed") == 5
    back = ue("bob", net=net).join(room)
    back.wait_text("short 5")
    fence(alice, back)
    assert own_texts(back, "short") == ["short %d" % n for n in range(1, 6)]
    answered(net)
    back.leave()
    for n in range(3):
        alice.send_text("%d " % n + "o" * 25000)
    assert net.mrfc.metrics().sum("mrfc_owed") == 2
    again = ue("bob", net=net).join(room)
    fence(alice, again)
    assert [t[:2] for t in again.texts[:2]] == ["1 ", "2 "]


def test_who_leaves_for_good_or_was_never_in_is_owed_nothing(away_mrf, ue, room):
    # covers: IMS-007
    net = away_mrf()
    alice, bob, carol = [ue(n, net=net).join(room) for n in ("alice", "bob", "carol")]
    fence(alice, bob, carol)
    answered(net)
    carol.leave()
    alice.send_text("for carol")
    assert net.mrfc.metrics().sum("mrfc_owed") == 1
    bob.call.bye(headers=[("Reason", "SIP;cause=200;text=\"left\"")]).expect(200)
    alice.send_text("not for bob")
    assert net.mrfc.metrics().sum("mrfc_owed") == 2
    assert net.api("DELETE", "/v1/conferences/%s/participants/%s" % (
        room, "sip%3Acarol%40example.com"))[0] == 204
    poll(lambda: net.mrfc.metrics().sum("mrfc_owed") == 0, what="the queue to go with its member")
    assert owed(net, event="left") == 2
    for name in ("bob", "carol", "dora"):
        one = ue(name, net=net).join(room)
        fence(alice, one)
        assert len(one.chats) == 1


def test_without_the_option_nobody_is_owed_anything(own_mrf, ue, room):
    # covers: IMS-007
    net = own_mrf(mrfc={"conference.leave": "reason", "conference.offline": "off"})
    alice, bob = [ue(n, net=net).join(room) for n in ("alice", "bob")]
    fence(alice, bob)
    answered(net)
    bob.leave()
    alice.send_text("into the void")
    back = ue("bob", net=net).join(room)
    fence(alice, back)
    assert len(back.chats) == 1
    assert net.mrfp.metrics().sum("mrfp_owed_total") == 0


class Talkers:
    """Threads that talk without pause; each line is numbered."""

    def __init__(self, *ues):
        self.ues, self.sent, self.stop = ues, {u.name: 0 for u in ues}, False
        self.threads = [threading.Thread(target=self._talk, args=(u,), daemon=True) for u in ues]
        for t in self.threads:
            t.start()

    def _talk(self, u):
        while not self.stop:
            u.send_text("%s %d" % (u.name, self.sent[u.name]))
            with LOOP.cond:
                self.sent[u.name] += 1
                LOOP.changed()

    def wait_lines(self, n):
        goal = sum(self.sent.values()) + n
        wait(lambda: sum(self.sent.values()) >= goal, 30, "more talk")

    def end(self):
        self.stop = True
        for t in self.threads:
            t.join(20)
            assert not t.is_alive()


def test_returns_during_traffic_lose_nothing_and_double_nothing(away_mrf, ue, room):
    # covers: IMS-007
    net = away_mrf(mrfc={"queue.max_messages": 100000, "queue.max_octets": "64MiB"})
    alice, carol = [ue(n, net=net).join(room) for n in ("alice", "carol")]
    bobs = [ue("bob", net=net).join(room)]
    fence(alice, carol, bobs[0])
    talk = Talkers(alice, carol)
    rng = random.Random(7)
    for round_ in range(6):
        talk.wait_lines(rng.randrange(20, 60))
        if round_ % 2:
            bobs[-1].session.conn.reset()
            wait(lambda: bobs[-1].call.ended, 20, "the end of a broken session")
        else:
            bobs[-1].leave()
        talk.wait_lines(rng.randrange(20, 60))
        bobs.append(ue("bob", net=net).join(room))
    talk.wait_lines(50)
    talk.end()
    for speaker in (alice, carol):
        bobs[-1].wait_text("%s %d" % (speaker.name, talk.sent[speaker.name] - 1), 30)
    fence(alice, carol, bobs[-1])
    for speaker, hearer in ((alice, carol), (carol, alice)):
        lines = ["%s %d" % (speaker.name, n) for n in range(talk.sent[speaker.name])]
        assert own_texts(hearer, speaker.name + " ") == lines
        heard = sum((own_texts(b, speaker.name + " ") for b in bobs), [])
        # What a device got but had not answered when it vanished comes again to the next one.
        unique = sorted(set(heard), key=lambda t: int(t.split()[1]))
        assert unique == lines, "missing: %s" % sorted(set(lines) - set(heard))
        for b in bobs:
            mine = own_texts(b, speaker.name + " ")
            numbers = [int(t.split()[1]) for t in mine]
            assert numbers == sorted(set(numbers)), "one device has it in order, each once"
    poll(lambda: net.mrfc.metrics().sum("mrfc_owed") == 0, what="the queue to be empty")
    m = net.mrfp.metrics()
    assert m.sum("mrfp_copies_total", **{"class": "chat"}) == \
        m.sum("mrfp_copies_settled_total", **{"class": "chat"}) + m.sum("mrfp_copies_open", **{"class": "chat"})
    assert m.sum("mrfp_holds_late_total") == 0


def follow(member, txn):
    """Answer the focus' re-INVITE and bind where it says."""
    member.take_answer(txn.request.text)
    member.role = "active"
    txn.respond(200, body=member.offer(new=False, setup="active"), content_type="application/sdp")
    txn.wait_ack()
    member.open_media()


def follow_all(*members):
    for m in members:
        follow(m, m.call.wait_request("INVITE", timeout=30))


def test_a_killed_mrfp_changes_nothing(away_mrf, ue, room):
    # covers: IMS-007
    net = away_mrf()
    alice, bob, carol = [ue(n, net=net).join(room) for n in ("alice", "bob", "carol")]
    fence(alice, bob, carol)
    answered(net)
    bob.leave()
    for n in range(10):
        alice.send_text("before %d" % n, **line(n))
    net.mrfp.kill()
    net.start_mrfp()
    follow(alice, alice.call.wait_request("INVITE", timeout=30))
    # carol's device is slow to follow: what comes meanwhile, she misses as bob does.
    for n in range(5):
        alice.send_text("after %d" % n, **line(100 + n))
    follow(carol, carol.call.wait_request("INVITE", timeout=30))
    back = ue("bob", net=net).join(room)
    fence(alice, back, carol)
    wanted = ["before %d" % n for n in range(10)] + ["after %d" % n for n in range(5)]
    assert [t for t in back.texts if not t.startswith("fence")] == wanted
    assert [t for t in carol.texts if not t.startswith("fence")] == wanted
    assert net.mrfc.metrics().sum("mrfc_owed") == 0
