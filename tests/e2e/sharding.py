# SPDX-License-Identifier: Apache-2.0
"""A pytest plugin: this process is one of several that share the run (started by tests/run_e2e).

MRF_SHARD is "NUMBER QUEUE OTHERS TOLD", the last three being pipes. Every shard collects the same tests, in
files; a file belongs to the shard that reads its number from QUEUE, the slow ones first. Shard 0 has the
`patience` tests besides, and, when OTHERS ends because no other shard runs any more, the tests marked `alone`.
How it goes is written to TOLD, a line of JSON each: ["collected", [test]], ["unit", file, seconds],
["test", test, phase, outcome].
"""

import json
import os
import time

import pytest

NUMBER, QUEUE, OTHERS, TOLD = (int(word) for word in os.environ["MRF_SHARD"].split())


def pytest_configure():
    os.environ.pop("MRF_SHARD")  # for this process only, not for pytests that tests start


def tell(*what):
    """Lines are long at times: several writes, and nobody else writes here."""
    data = json.dumps(what).encode() + b"\n"
    while data:
        data = data[os.write(TOLD, data):]


def marked(item, name):
    return item.get_closest_marker(name) is not None


class Plan:
    """Which tests this shard may run: units from the queue, patient ones, solitary ones."""

    def __init__(self, items):
        self.units, self.patient, self.alone = {}, [], []
        for item in items:
            if marked(item, "alone"):
                self.alone.append(item)
            elif marked(item, "patience"):
                self.patient.append(item)
            else:
                self.units.setdefault(item.nodeid.split("::")[0], []).append(item)

    def order(self):
        """[[test]], a unit each, as the queue gives them."""
        names = sorted(self.units, key=lambda n: (-sum(marked(i, "slow") for i in self.units[n]), n))
        while True:
            place = os.read(QUEUE, 4)
            if not place or int(place) >= len(names):
                break
            yield self.units[names[int(place)]]
        if NUMBER == 0:
            yield from (some for some in (self.patient, self.alone) if some)


@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(items):
    tell("collected", [item.nodeid for item in items])
    if NUMBER:
        items[:] = [item for item in items if not marked(item, "patience") and not marked(item, "alone")]


def with_next(items):
    """(test, the one after it), the last of all with None: what pytest tears down depends on it."""
    before = None
    for item in items:
        if before:
            yield before, item
        before = item
    if before:
        yield before, None


def pytest_runtestloop(session):
    if session.testsfailed and not session.config.option.continue_on_collection_errors:
        raise session.Interrupted("%d errors during collection" % session.testsfailed)
    if session.config.option.collectonly:
        return True
    plan = Plan(session.items)
    start, waited = time.monotonic(), False
    for item, after in with_next(item for unit in plan.order() for item in unit):
        if item in plan.alone and not waited:
            os.read(OTHERS, 1)
            waited = True
        item.config.hook.pytest_runtest_protocol(item=item, nextitem=after)
        if after is None or after.fspath != item.fspath:
            tell("unit", item.nodeid.split("::")[0], time.monotonic() - start)
            start = time.monotonic()
        if session.shouldfail:
            raise session.Failed(session.shouldfail)
        if session.shouldstop:
            raise session.Interrupted(session.shouldstop)
    return True


def pytest_runtest_logreport(report):
    outcome = report.outcome
    if hasattr(report, "wasxfail"):
        outcome = "xfailed" if report.skipped else "xpassed"
    tell("test", report.nodeid, report.when, outcome)
