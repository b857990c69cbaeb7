# SPDX-License-Identifier: Apache-2.0
"""Several MRFPs at one MRFC, and members that go from one to another while they chat.

    other = another(net, "mrfp-2")               # a Server, up at the MRFC
    drain(net, "mrfp"); undrain(net, "mrfp")
    members = [mover(ue(...).join(room)) ...]    # answer re-INVITEs of the focus by themselves
    go_on(members)                               # connect where the latest one says
    Traffic(members)                             # numbered lines, and the ledger of who has what
"""

from .loop import wait
from .servers import Server, poll


def another(net, name, up=True, **options):
    """One more mrfp, under another id."""
    server = Server("mrfp", {**net.mrfp_options, "mp.id": name, **options})
    net.all.append(server)
    server.wait_ready()
    if up:
        poll(lambda: state(net, name) == "up", 10, name + " at the MRFC")
    return server


def mrfps(net):
    """{id: what GET /v1/mrfps tells}"""
    return {m["id"]: m for m in net.api("GET", "/v1/mrfps")[1]["mrfps"]}


def state(net, name):
    return mrfps(net).get(name, {}).get("state")


def drain(net, name, status=202):
    assert net.api("POST", "/v1/mrfps/%s/drain" % name)[0] == status


def undrain(net, name):
    assert net.api("DELETE", "/v1/mrfps/%s/drain" % name)[0] == 200


def place(net, room):
    """The MRFP that a conference is on."""
    return net.api("GET", "/v1/conferences/%s" % room)[1].get("mrfp")


def mover(member):
    """Answer each re-INVITE with a session of its own, to be connected by go_on()."""
    member.offers, member.followed, member.talk = [], 0, member.session

    def on_offer(offer):
        text = member.offer(setup="active")
        member.offers.append((offer, member.session))
        return text
    member.call.answer_offers(on_offer)
    return member


def go_on(members):
    """Connect whoever was re-invited since; True when somebody was."""
    moved = False
    for m in members:
        if len(m.offers) == m.followed:
            continue
        m.followed = len(m.offers)
        offer, m.session = m.offers[-1]
        m.take_answer(offer)
        m.role = "active"
        m.open_media()
        m.talk = m.session
        moved = True
    return moved


def all_moved(members, times=1, timeout=20):
    """Wait for so many re-INVITEs to each, and follow them."""
    def there():
        go_on(members)
        return all(m.followed >= times for m in members)
    poll(there, timeout, "re-INVITEs for all")


class Traffic:
    """Numbered lines of all members, and who got which."""

    def __init__(self, members):
        self.members, self.sent, self.number = list(members), [], 0

    def round(self):
        """One line of each member; returns the transactions."""
        self.number += 1
        for m in self.members:
            text = "%s says %d" % (m.name, self.number)
            self.sent.append((m, text, m.talk.send(m.cpim(
                text, extra=["NS: imdn <urn:ietf:params:imdn>",
                             "imdn.Message-ID: %s-%d" % (m.name, self.number)]))))

    def check(self, timeout=20):
        """Each line answered 200, and at each other member exactly once, each sender's in order."""
        for m, text, sent in self.sent:
            assert sent.status(timeout) == 200, text
        for m in self.members:
            expected = {other.name: [t for s, t, _ in self.sent if s is other]
                        for other in self.members if other is not m}
            total = sum(map(len, expected.values()))
            wait(lambda: len(self.lines(m)) >= total, timeout, "all lines at " + m.name,
                 lambda: "%d of %d; missing: %s" % (
                     len(self.lines(m)), total,
                     sorted(set(sum(expected.values(), [])) - set(self.lines(m)))[:10]))
            for name, texts in expected.items():
                assert [t for t in self.lines(m) if t.startswith(name + " says ")] == texts, \
                    "%s of %s" % (m.name, name)

    @staticmethod
    def lines(m):
        return [t for t in m.texts if " says " in t]
