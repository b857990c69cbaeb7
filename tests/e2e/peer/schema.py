# SPDX-License-Identifier: Apache-2.0
"""Documents held against an XML schema by xmllint: libxml2's validator, not the code under test.

COLLECTED takes every conference-info document that any terminal of the run receives (SipUA hands
them in); conftest.py has them validated after each file of tests, in one call of xmllint for many.
"""

import os
import re
import subprocess
import tempfile

DATA = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "..", "data")
RFC = "rfc4575.xsd"  # as in the RFC
IMS = "conference-info-ims.xsd"  # and what clients of RCS read
CONFINFO = "application/conference-info+xml"
BATCH = 500


def breaches(documents, schema=IMS):
    """{index: sentences of xmllint} of those documents (octets) that are not valid."""
    found = {}
    for start in range(0, len(documents), BATCH):
        found.update({start + n: text for n, text in
                      _batch(documents[start:start + BATCH], schema).items()})
    return found


def _batch(documents, schema):
    with tempfile.TemporaryDirectory(prefix="mrf-xml-") as folder:
        names = ["%d.xml" % n for n in range(len(documents))]
        for name, document in zip(names, documents):
            with open(os.path.join(folder, name), "wb") as out:
                out.write(document)
        done = subprocess.run(
            ["xmllint", "--nonet", "--noout", "--schema", os.path.abspath(os.path.join(DATA, schema)),
             *names], cwd=folder, stderr=subprocess.PIPE, stdout=subprocess.PIPE, check=False)
    text = done.stderr.decode("utf-8", "replace")
    assert done.returncode in (0, 1, 3, 4), "xmllint ended with %d: %s" % (done.returncode, text)
    valid = {int(n) for n in re.findall(r"^(\d+)\.xml validates$", text, re.M)}
    return {n: "\n".join(line for line in text.splitlines() if line.startswith("%d.xml" % n))
            for n in range(len(documents)) if n not in valid}


class Collected:
    """Documents since the last validation, each once, with the test that had it first."""

    def __init__(self):
        self.tests = {}

    def add(self, document):
        self.tests.setdefault(bytes(document), os.environ.get("PYTEST_CURRENT_TEST", "?"))

    def validate(self):
        """Sentences on what was not valid; forgets all."""
        tests, self.tests = self.tests, {}
        documents = list(tests)
        return ["%s received a document that is not valid:\n%s\n%s" % (
            tests[documents[n]], text, documents[n].decode("utf-8", "replace"))
            for n, text in sorted(breaches(documents).items())]


COLLECTED = Collected()
