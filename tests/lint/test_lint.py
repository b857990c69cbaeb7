# SPDX-License-Identifier: Apache-2.0
"""Each lint rule fails on a bad snippet and passes on a good one."""
import os
import sys

import pytest

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))

import coverage  # noqa: E402
import docs  # noqa: E402
import rules  # noqa: E402
import tools  # noqa: E402
from source import Tree, blank  # noqa: E402

SPDX = "/* SPDX-License-Identifier: Apache-2.0 */\n"
C = SPDX + "/* A module. */\n"
# Words that the lint itself must not contain.
LATER = "TO" + "DO"

ALL = {rule.__name__: rule for rule in rules.RULES + tools.RULES + docs.RULES + coverage.RULES}


def header(name, body=""):
    guard = name.replace("/", "_").replace(".", "_").upper()
    return f"{SPDX}#ifndef {guard}\n#define {guard}\n{body}\n#endif\n"


def findings(tmp_path, rule, files):
    for name, text in files.items():
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    return list(ALL[rule](Tree(str(tmp_path))))


BAD = [
    ("layers", {"common/a.c": C + '#include "proto/cpim.h"\n'}),
    ("layers", {"mrfp/a.c": C + '#include "mrfc/focus/focus.h"\n'}),
    ("layers", {"mrfc/sip/a.c": C + '#include "mrfc/focus/focus.h"\n'}),
    ("layers", {"ue/a.h": header("ue/a.h", '#include "mrfp/session.h"')}),
    ("cycles", {"proto/a.h": header("proto/a.h", '#include "proto/b.h"'),
                "proto/b.c": C + '#include "proto/a.h"\n'}),
    ("cycles", {"mrfp/a.h": header("mrfp/a.h", '#include "mrfp/a_priv.h"'),
                "mrfp/a_priv.h": header("mrfp/a_priv.h", '#include "mrfp/a.h"')}),
    ("cycles", {"mrfp/a.c": C + '#include "mrfp/b.h"\n', "mrfp/b.c": C + '#include "mrfp/c.h"\n',
                "mrfp/c.c": C + '#include "mrfp/a.h"\n'}),
    ("doors", {"mrfc/focus/focus.c": C + "#include <sofia-sip/nta.h>\n"}),
    ("doors", {"mrfp/session.c": C + "#include <openssl/ssl.h>\n"}),
    ("doors", {"proto/cpim.c": C + "#include <event2/event.h>\n"}),
    ("doors", {"mrfc/conference/conference.c": C + "#include <event2/event.h>\n"}),
    ("doors", {"common/store.c": C + "#include <sqlite3.h>\n"}),
    ("doors", {"mrfc/conference/nickname.c": C + "#include <unicase.h>\n"}),
    ("purity", {"proto/cpim.c": C + '#include "common/clock.h"\n'}),
    ("purity", {"proto/cpim.c": C + "#include <sys/socket.h>\n"}),
    ("calls", {"common/a.c": C + "void f(char *p)\n{\n\tstrcpy(p, \"x\");\n}\n"}),
    ("calls", {"common/a.c": C + "int f(char *p)\n{\n\treturn atoi (p);\n}\n"}),
    ("calls", {"tests/unit/test_a.c": C + "void f(void)\n{\n\tsleep(1);\n}\n"}),
    ("calls", {"common/a.h": header("common/a.h", "typedef struct a {\n\tint b;\n} a_t;")}),
    ("calls", {"common/a.h": header("common/a.h", "extern int counter;")}),
    ("sizes", {"common/a.c": C + "\n" * 600}),
    ("sizes", {"Makefile": "# x\n" * 251}),
    ("listed", {"common/a.c": C, "common/sources.mk": "COMMON_SRC := common/b.c\n"}),
    ("listed", {"tests/unit/test_a.c": C, "common/sources.mk": "UNIT_TESTS += b\n"}),
    ("spdx", {"common/a.c": "/* A module. */\n"}),
    ("spdx", {"tests/run": "#!/bin/sh\ntrue\n"}),
    ("guards", {"common/a.h": SPDX + "#ifndef A_H\n#define A_H\n#endif\n"}),
    ("guards", {"common/a.c": SPDX + "#include <stdio.h>\n"}),
    ("words", {"common/a.c": C + f"/* {LATER}: rest */\n"}),
    ("words", {"docs/a.md": "This is " + "not yet " + "implemented.\n"}),
    ("covers", {"tests/unit/test_a.c": "/* covers: the parser */\n"}),
    ("covers", {"tests/e2e/test_a.py": "# covers: MSRP-61\n"}),
    ("covers", {"tests/e2e/test_a.py": "# covers: NOSUCH-001\n"}),
    ("untitled", {"tests/e2e/test_a.py": "# covers: MSRP-001\n", "docs/conformance.tsv": "MSRP-002\tx\n"}),
    ("untitled", {"tests/e2e/test_a.py": "# covers: MSRP-001\n", "docs/conformance.tsv": "MSRP-001\tx\tlater\n"}),
    ("style", {".clang-format": "BasedOnStyle: LLVM\n", "common/a.c": "int  a ;\n"}),
    ("headers", {"common/a.h": header("common/a.h", "int a_len(size_t n);")}),
    ("stale", {"docs/conformance.md": "<!-- generated: conformance -->\nold\n<!-- end of conformance -->\n"}),
    ("control_protocol", {"proto/ctl_docs.py": "import sys\nsys.exit('docs/x.md is stale')\n"}),
    ("stale", {"docs/a.md": "<!-- generated: nobody -->\n<!-- end of nobody -->\n"}),
]

GOOD = [
    ("untitled", {"tests/e2e/test_a.py": "# covers: MSRP-001\n", "docs/conformance.tsv": "MSRP-001\tx\n"}),
    ("layers", {"mrfp/a.c": C + '#include "common/buf.h"\n#include "proto/cpim.h"\n#include "mrfp/b.h"\n'}),
    ("cycles", {"proto/a.c": C + '#include "proto/a.h"\n#include "proto/b.h"\n', "proto/a.h": header("proto/a.h"),
                "proto/b.h": header("proto/b.h")}),
    ("cycles", {"mrfp/a.c": C + '#include "mrfp/a_priv.h"\n', "mrfp/a.h": header("mrfp/a.h"),
                "mrfp/a_priv.h": header("mrfp/a_priv.h", '#include "mrfp/a.h"')}),
    ("doors", {"mrfc/sip/sip_in.c": C + "#include <sofia-sip/nta.h>\n", "common/config.c": C + "#include <libconfig.h>\n"}),
    ("purity", {"proto/cpim.c": C + '#include "common/slice.h"\n'}),
    ("calls", {"common/a.c": C + "/* unlike strcpy() */\nconst char *s = \"strcpy(\";\nint my_atoi(int a);\n"}),
    ("calls", {"common/a.h": header("common/a.h", "extern const int table[];")}),
    ("sizes", {"common/a.c": C + "\n" * 400}),
    ("listed", {"common/a.c": C, "common/main.c": C, "tests/unit/test_a.c": C,
                "common/sources.mk": "COMMON_SRC := common/a.c\nUNIT_TESTS += a\n"}),
    ("spdx", {"common/a.c": C, "tests/run": "#!/bin/sh\n# SPDX-License-Identifier: Apache-2.0\n"}),
    ("guards", {"common/a.h": header("common/a.h"), "common/a.c": C}),
    ("words", {"docs/a.md": "All of it works.\n"}),
    ("covers", {"tests/e2e/test_a.py": "# covers: MSRP-061, SW-001..005, CMD-003a\n"}),
    ("style", {".clang-format": "BasedOnStyle: LLVM\n", "common/a.c": "int a;\n"}),
    ("headers", {"common/a.h": header("common/a.h", "#include <stddef.h>\nint a_len(size_t n);")}),
]


@pytest.mark.parametrize("rule,files", BAD, ids=[f"{r}-{i}" for i, (r, _) in enumerate(BAD)])
def test_a_bad_snippet_is_found(tmp_path, rule, files):
    assert findings(tmp_path, rule, files)


@pytest.mark.parametrize("rule,files", GOOD, ids=[f"{r}-{i}" for i, (r, _) in enumerate(GOOD)])
def test_a_good_snippet_passes(tmp_path, rule, files):
    assert findings(tmp_path, rule, files) == []


def test_every_rule_has_a_bad_snippet():
    assert {rule for rule, _ in BAD} == set(ALL)


def test_findings_name_file_and_line(tmp_path):
    found = findings(tmp_path, "calls", {"common/a.c": C + "\nint f(void)\n{\n\treturn atoi(\"1\");\n}\n"})
    assert found == ["common/a.c:6: atoi() hides errors"]


def test_blanking_keeps_line_numbers_and_code():
    assert blank('a /* b\nc */ "d" // e\nf') == 'a     \n     " "     \nf'


def test_covered_rows_are_collected_with_ranges(tmp_path):
    files = {"tests/unit/test_a.c": "/* covers: MSRP-001..003, SW-060 */\n", "tests/e2e/test_b.py": "# covers: SW-060\n"}
    findings(tmp_path, "covers", files)
    assert coverage.coverage(Tree(str(tmp_path))) == {
        "MSRP-001": ["unit/test_a.c"], "MSRP-002": ["unit/test_a.c"], "MSRP-003": ["unit/test_a.c"],
        "SW-060": ["e2e/test_b.py", "unit/test_a.c"]}


def test_generated_parts_become_fresh(tmp_path):
    files = {"docs/conformance.md": "A\n<!-- generated: conformance -->\nold\n<!-- end of conformance -->\nB\n",
             "docs/conformance.tsv": "MSRP-001\tstart lines\n"}
    findings(tmp_path, "stale", files)
    tree = Tree(str(tmp_path))
    (tmp_path / "docs/conformance.md").write_text(docs.renew(tree, "docs/conformance.md"))
    assert findings(tmp_path, "stale", {}) == []
    assert (tmp_path / "docs/conformance.md").read_text().startswith("A\n")
