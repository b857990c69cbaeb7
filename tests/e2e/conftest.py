# SPDX-License-Identifier: Apache-2.0
"""Fixtures of the black-box tests.

    mrf        one mrfc and mrfp for the whole run, with the sample's policy
    strict_mrf another pair for the whole run: profile rfc, no create on join, three users a room,
               only 127.0.0.1 trusted
    patience   long timers, started with the run, for tests marked so
    restarted_patience  the same, and then the mrfc was killed and started again
    own_mrf    a function that starts a pair of one's own: own_mrf(mrfp={"context.grace": "1s"})
    ue         a function that makes terminals on `mrf`: ue("alice", net=..., transport="tcp")
    room       the name of a room nobody else uses
    trio       (room URI, alice, bob, carol), all three in one room of `mrf`
    bystanders two more members in the room of trio: a function; call it at the end to check that
               they chatted undisturbed

Every terminal is closed after its test, and what the servers sent to it is checked against the
grammar (peer.msrpmsg.check): a breach fails the test unless it calls ue.forgive(terminal).
Conference-info documents that arrived anywhere are validated by schema after each file of tests
(peer.schema).
"""

import os
import sys
import tempfile

import pytest

sys.dont_write_bytecode = True
sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))

from patience import Patience, Restarted  # noqa: E402
from peer import loop, msrpmsg, schema  # noqa: E402
from peer.servers import Pair, program  # noqa: E402
from peer.ue import UE  # noqa: E402


def pytest_configure(config):
    config.addinivalue_line("markers", "slow: takes more than a few seconds")
    config.addinivalue_line("markers", "patience: looks at what began with the run; comes last")
    config.addinivalue_line("markers", "alone: measures time or the machine; nothing else runs meanwhile")


def pytest_collection_modifyitems(items):
    items.sort(key=lambda item: item.get_closest_marker("patience") is not None)


@pytest.hookimpl(hookwrapper=True)
def pytest_runtest_makereport(item, call):
    """On failure show what the servers said during the test, not their whole life."""
    report = (yield).get_result()
    if not report.failed:
        return
    for name in ("mrf", "strict_mrf", "own_mrf"):
        value = getattr(item, "funcargs", {}).get(name)
        for pair in getattr(value, "pairs", [value] if isinstance(value, Pair) else []):
            for server in pair.all:
                start = item.stash.get(MARKS, {}).get(id(server), 0)
                lines = ["%s| %s" % line for line in server.lines[start:][-300:]]
                report.sections.append(("%s pid %d" % (server.name, server.proc.pid),
                                        "\n".join(lines)))


MARKS = pytest.StashKey()


@pytest.fixture(scope="module", autouse=True)
def valid_documents():
    """Every conference-info document that the tests of a file saw keeps the schema (CONF-009)."""
    yield
    wrong = schema.COLLECTED.validate()
    assert not wrong, "%d documents\n%s" % (len(wrong), "\n".join(wrong[:3]))


def whole_run_pair(**settings):
    if not os.access(program("mrfc"), os.X_OK):
        pytest.fail("no program %s: build first" % program("mrfc"), pytrace=False)
    with tempfile.TemporaryDirectory(prefix="mrf-e2e-") as folder:
        pair = Pair(folder, **settings)
        yield pair
        pair.stop()


@pytest.fixture(scope="session")
def shared_pair():
    yield from whole_run_pair()


@pytest.fixture(scope="session")
def strict_pair():
    yield from whole_run_pair(mrfc={
        "profile": "rfc", "conference.create_on_join": "false", "conference.max_users": 3,
        "conference.end": "profile", "sip.trusted": "127.0.0.1"})


@pytest.fixture(scope="session")
def patience():
    """Calls that wait for long timers; see patience.py."""
    for pair in whole_run_pair():
        waiting = Patience(pair)
        yield waiting
        waiting.close()


@pytest.fixture(scope="session")
def restarted_patience():
    """The same where the mrfc was killed meanwhile."""
    with tempfile.TemporaryDirectory(prefix="mrf-e2e-") as folder:
        for pair in whole_run_pair(mrfc={"store.path": os.path.join(folder, "mrf.db"),
                                         "store.sync": "normal"}):
            waiting = Restarted(pair)
            yield waiting
            waiting.close()


@pytest.fixture(scope="session", autouse=True)
def patience_begins(request):
    patient = [item for item in request.session.items if item.get_closest_marker("patience")]
    for name in ("patience", "restarted_patience"):
        if any(name in item.fixturenames for item in patient):
            request.getfixturevalue(name)


def lent(pair, request):
    """A pair that outlives the test; fails when one of its servers does not."""
    for server in pair.all:
        if server.gone:
            pytest.fail("%s is dead since an earlier test\n%s" % (
                server.name, server.log()[-4000:]), pytrace=False)
    marks = request.node.stash.setdefault(MARKS, {})
    marks.update({id(s): len(s.lines) for s in pair.all})
    yield pair
    dead = [s for s in pair.all if s.gone]
    assert not dead, "this test ended %s:\n%s" % (dead[0].name, dead[0].log()[-4000:])


@pytest.fixture
def mrf(shared_pair, request):
    """The shared pair; fails at once when an earlier test has killed one of its servers."""
    yield from lent(shared_pair, request)


@pytest.fixture
def strict_mrf(strict_pair, request):
    """Another shared pair, with other policies."""
    yield from lent(strict_pair, request)


class OwnPairs:
    def __init__(self, folder):
        self.folder, self.pairs = folder, []

    def __call__(self, **kwargs):
        pair = Pair(os.path.join(self.folder, str(len(self.pairs))), **kwargs)
        self.pairs.append(pair)
        return pair


@pytest.fixture
def own_mrf():
    """own_mrf(mrfc={...}, mrfp={...}, start_mrfp=True) -> Pair, stopped and checked afterwards."""
    with tempfile.TemporaryDirectory(prefix="mrf-e2e-") as folder:
        own = OwnPairs(folder)
        yield own
        wrong = []
        for pair in own.pairs:
            try:
                pair.stop()
            except AssertionError as err:
                wrong.append(str(err))
        assert not wrong, "\n".join(wrong)


class UeFactory:
    def __init__(self, net):
        self.net, self.made, self.forgiven = net, [], set()

    def __call__(self, name, net=None, **kwargs):
        ue = UE(name, net or self.net(), **kwargs)
        self.made.append(ue)
        return ue

    def forgive(self, ue):
        """What this terminal receives need not be checked (its octets were provoked)."""
        self.forgiven.add(ue)


@pytest.fixture
def ue(request):
    factory = UeFactory(lambda: request.getfixturevalue("mrf"))
    yield factory
    wrong = []
    # Not leaving by BYE would keep the room, and with it its legs, until the grace time.
    calls = [(one, one.call) for one in factory.made if one.call and not one.call.ended and
             any(200 <= r.code < 300 for r in one.call.txn.responses)]
    for txn in [call.bye() for one, call in calls if not one.net.mrfc.gone]:
        try:
            txn.final(2)
        except loop.Timeout:
            pass  # a server that this test has stopped or crippled
    for one in factory.made:
        if one not in factory.forgiven:
            wrong += ["%s: %s" % (one.name, v) for v in one.violations()]
        one.close()
    errors, loop.LOOP.errors[:] = list(loop.LOOP.errors), []
    assert not wrong, "the servers broke the grammar:\n" + "\n".join(wrong[:20])
    assert not errors, "a peer's callback failed:\n" + errors[0]


@pytest.fixture
def room():
    return "room-" + msrpmsg.new_id()


@pytest.fixture
def trio(ue, room):
    """(room URI, alice, bob, carol), joined and bound."""
    members = [ue(name).join(room) for name in ("alice", "bob", "carol")]
    return (members[0].room, *members)


class Bystanders:
    """Two members who chat while a test does harm to others."""

    def __init__(self, one, two):
        self.one, self.two, self.count = one, two, 0

    def chat(self, lines=3):
        """Some lines each way, delivered."""
        for _ in range(lines):
            self.count += 1
            for sender, receiver in ((self.one, self.two), (self.two, self.one)):
                text = "line %d of %s" % (self.count, sender.name)
                sender.send_text(text)
                receiver.wait_text(text)

    def undisturbed(self):
        """Chat once more, and nothing but our own lines ever came."""
        self.chat()
        for me, other in ((self.one, self.two), (self.two, self.one)):
            assert not me.call.ended and not me.session.lost
            own = [c.text for c in me.chats if c.from_ == other.aor]
            assert own == ["line %d of %s" % (n + 1, other.name) for n in range(self.count)]
            assert me.session.reports == []


@pytest.fixture
def bystanders(ue, room):
    """Two members in `room`, already chatting; undisturbed() at the end of the test."""
    two = Bystanders(ue("dora").join(room), ue("emil").join(room))
    two.chat()
    return two
