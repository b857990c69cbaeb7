# SPDX-License-Identifier: Apache-2.0
"""Rules read from the text alone. Each takes a Tree and yields findings "file:line: sentence"."""
import fnmatch
import os
import re

from source import FLOORS, LAYERS, line_of

SOURCE = (".c", ".h", ".py", ".sh", ".mk", ".def")

# Who may include a foreign library. Patterns match the file name without its ending.
DOORS = [
    ("Sofia-SIP", r"sofia-sip/|sofia-resolv/",
     ["mrfc/sip/*", "proto/sdp_msrp*", "ue/ue_sip*"]),
    ("OpenSSL", r"openssl/",
     ["common/tls*", "common/conn*", "common/rand*", "common/digest*", "common/secret*", "proto/mikey*", "proto/cms*", "proto/ece*", "proto/gke*",
      "mrfc/conference/identity*", "mrfc/conference/credential*"]),
    ("libevent", r"event2/|event\.h$",
     ["common/conn*", "common/listener*", "common/http*", "common/daemon*", "common/resolve", "common/tls*",
      "common/store_*",
      "common/bus_*", "mrfp/main", "mrfp/server*", "mrfp/session*", "mrfp/fanout*", "mrfp/ctl_client*",
      "mrfc/main", "mrfc/server*", "mrfc/ks/server", "mrfc/sip/sip*", "mrfc/mp/mrfp_link*", "mrfc/admin/*", "mrfc/rf*",
      "mrfc/timer*", "ue/*"]),
    ("libconfig", r"libconfig\.h", ["common/config*"]),
    ("libxml2", r"libxml/", ["proto/xml*", "proto/confinfo*", "proto/reslist*"]),
    ("jansson", r"jansson\.h", ["common/http*", "mrfc/admin/*", "ue/mrfue*", "ue/mrfload*"]),
    ("libsystemd", r"systemd/", ["common/daemon*"]),
    ("SQLite", r"sqlite3\.h", ["common/store_sqlite"]),
    ("libpq", r"libpq", ["common/store_pg"]),
    ("NATS", r"nats/|nats\.h", ["common/bus_nats"]),
    ("freeDiameter", r"freeDiameter/", ["mrfc/rf"]),
    ("libunistring", r"uni(?:case|ctype|norm|str)\.h$", ["proto/precis"]),
    ("liburing", r"liburing", ["mrfp/uring"]),
]

# Headers that would bring I/O, a clock, randomness or a log into the codecs.
IMPURE = re.compile(r"common/(clock|log|rand|conn|listener|http|http_client|daemon|store|metrics)\.h$|sys/socket\.h$|"
                    r"sys/epoll\.h$|netdb\.h$|poll\.h$|sys/time\.h$|event2/")

FORBIDDEN = {
    "strcpy": "copies without a bound", "strcat": "copies without a bound", "stpcpy": "copies without a bound",
    "sprintf": "writes without a bound", "vsprintf": "writes without a bound", "gets": "reads without a bound",
    "atoi": "hides errors", "atol": "hides errors", "atoll": "hides errors", "atof": "hides errors",
    "strtok": "keeps a hidden state", "sleep": "stops the loop", "usleep": "stops the loop",
    "nanosleep": "stops the loop", "alloca": "is unbounded on the stack", "rand": "is guessable",
    "srand": "is guessable", "random": "is guessable", "system": "starts a shell", "popen": "starts a shell",
    "gethostbyname": "blocks", "setjmp": "jumps over clean-up", "longjmp": "jumps over clean-up",
}

# Spelt in two halves, so that this file passes its own rule.
UNFINISHED = re.compile(r"\b(?:TO" r"DO|FIX" r"ME|XX" r"X|HA" r"CK|TB" r"D|W" r"IP)\b|not yet implemen" r"ted|"
                        r"\bplacehol" r"der\b")
OWN_WORLD = re.compile(r"(?<![\w./-])/wo" r"rk/|/(?:tmp|home|root)/[a-z]+/mrf")

AREAS = ("MSRP SW CMD CEMA REL WS FT CPIM IMDN COMP FOC REF LIST CONF CAP TIM OA TGPP MSG LMSG DEF SMI ID PRV CHG RF "
         "IMS SEC KM MIKEY TKT CMS GK").split()
ROW = re.compile(r"(?:%s)-\d{3}[a-z]?(?:\.\.(?:(?:%s)-)?\d{3}[a-z]?)?" % ("|".join(AREAS), "|".join(AREAS)))


def layers(tree):
    """An include goes down: common < proto < mrfp, mrfc, ue, none between the last three; likewise inside mrfc."""
    for f in tree.c_files(folders=LAYERS):
        mine, my_floor = f.split("/")[0], os.path.dirname(f)
        for no, _, path in tree.includes(f):
            theirs, floor = path.split("/")[0], os.path.dirname(path)
            if "/" in path and theirs in LAYERS and theirs != mine and LAYERS[theirs] >= LAYERS[mine]:
                yield f"{f}:{no}: {mine}/ must not include {path}"
            if floor in FLOORS and my_floor in FLOORS and floor != my_floor and FLOORS[floor] >= FLOORS[my_floor]:
                yield f"{f}:{no}: {my_floor}/ must not include {path}"


def circle(graph):
    """One circle of a directed graph as a list of nodes, or None."""
    done, path = set(), []

    def visit(node):
        if node in path:
            return path[path.index(node):] + [node]
        if node in done or node not in graph:
            return None
        path.append(node)
        for following in sorted(graph[node]):
            found = visit(following)
            if found:
                return found
        done.add(path.pop())
        return None

    for node in sorted(graph):
        found = visit(node)
        if found:
            return found
    return None


def cycles(tree):
    """Neither headers nor modules include each other in a circle. x.c, x.h and the pieces x_*.c, x_*.h are one module."""
    files = tree.c_files(folders=LAYERS)
    includes = {f: {path for _, quoted, path in tree.includes(f) if quoted} for f in files}
    found = circle({f: deps for f, deps in includes.items() if f.endswith(".h")})
    if found:
        yield f"{found[0]}:1: headers in a circle: {' > '.join(found)}"
        return
    stems = {f.rsplit(".", 1)[0] for f in files if f.endswith(".h")}

    def module(name):
        stem = name.rsplit(".", 1)[0]
        folder, _, base = stem.partition("/")
        words = base.split("_")
        shorter = (f"{folder}/{'_'.join(words[:n])}" for n in range(1, len(words)))
        return next((s for s in shorter if s in stems), stem)

    graph = {}
    for f in files:
        graph.setdefault(module(f), set()).update(module(i) for i in includes[f] if module(i) != module(f))
    found = circle(graph)
    if found:
        yield f"{found[0]}.h:1: modules in a circle: {' > '.join(found)}"


def doors(tree):
    """Each foreign library is included by its own files only."""
    for f in tree.c_files(folders=LAYERS):
        stem = f.rsplit(".", 1)[0]
        for no, _, path in tree.includes(f):
            for name, header, allowed in DOORS:
                if re.match(header, path) and not any(fnmatch.fnmatch(stem, a) for a in allowed):
                    yield f"{f}:{no}: {name} is not included here, only in {', '.join(allowed)}"


def purity(tree):
    """The codecs do no I/O and know no clock, no randomness, no log."""
    for f in tree.c_files(folders={"proto"}):
        for no, _, path in tree.includes(f):
            if IMPURE.match(path):
                yield f"{f}:{no}: a codec must not include {path}"


def calls(tree):
    """Functions that have no place here, and type names that hide a struct."""
    word = re.compile(r"(?<![\w.>])(%s)\s*\(" % "|".join(FORBIDDEN))
    for f in tree.c_files():
        code = tree.code(f)
        for m in word.finditer(code):
            yield f"{f}:{line_of(code, m.start())}: {m.group(1)}() {FORBIDDEN[m.group(1)]}"
        for m in re.finditer(r"^\s*typedef\s+(?:struct|union|enum)\b", code, re.M):
            yield f"{f}:{line_of(code, m.start(0)) + m.group(0).count(chr(10))}: no typedef of a struct, union or enum"
        for m in re.finditer(r"^extern\s+(?!const\b)[^(\n]*;", code, re.M):
            yield f"{f}:{line_of(code, m.start())}: no extern variable"


def sizes(tree):
    """A source file has at most 600 lines; more than 500 is told on the side."""
    for f in tree.files:
        if f.endswith((".c", ".h", ".py", ".sh")) or f == "Makefile":
            n = tree.text(f).count("\n")
            limit = 250 if f == "Makefile" else 600
            if n > limit:
                yield f"{f}:{limit}: {n} lines, at most {limit}: split by verb or by role"
            elif n > 500:
                print(f"note: {f} has {n} lines; over 600 fails")


def listed(tree):
    """Every C file of a layer and every unit test is named by a sources.mk or the Makefile, else nobody builds it."""
    makefiles = " ".join(tree.text(f) for f in tree.files if f.endswith(".mk") or f == "Makefile")
    names = set(re.findall(r"[\w/.]+", makefiles))
    for f in tree.c_files((".c",)):
        unit = re.fullmatch(r"tests/unit/test_(\w+)\.c", f)
        if f.endswith("/main.c"):
            continue
        if (f.split("/")[0] in LAYERS and f not in names) or (unit and unit.group(1) not in names):
            yield f"{f}:1: in no sources.mk"


def spdx(tree):
    """Every source names its licence in the first three lines."""
    for f in tree.files:
        script = "." not in f.split("/")[-1] and tree.text(f).startswith("#!")
        if f.endswith(SOURCE) or script or f == "Makefile":
            head = tree.text(f).split("\n", 3)[:3]
            if not any("SPDX-License-Identifier: Apache-2.0" in line for line in head):
                yield f"{f}:1: no SPDX-License-Identifier line"


def guards(tree):
    """A header's guard is FOLDER_NAME_H, and a .c in a folder of ours has a comment at its top."""
    for f in tree.c_files(folders=LAYERS):
        text = tree.text(f)
        if f.endswith(".h"):
            guard = re.sub(r"\W", "_", f).upper()
            if f"#ifndef {guard}\n#define {guard}\n" not in text:
                yield f"{f}:1: no include guard {guard}"
        elif not re.match(r"/\* SPDX[^\n]*\n+/\*", text):
            yield f"{f}:2: no file comment"


def words(tree):
    """No words of unfinished work, no paths of one machine."""
    for f in tree.files:
        if f.endswith(SOURCE + (".md", ".conf", ".service", ".1", ".8", ".lua")) or f == "Makefile":
            for no, line in enumerate(tree.text(f).split("\n"), 1):
                m = UNFINISHED.search(line) or OWN_WORLD.search(line)
                if m:
                    yield f"{f}:{no}: unfinished or out of place: {m.group(0)}"


def covers(tree):
    """Lines that name catalogue rows are a list of rows and ranges: covers: MSRP-061, SW-001..005"""
    for f in tree.files:
        if not f.startswith("tests/") or f.startswith("tests/lint/") or not f.endswith((".c", ".h", ".py", ".xml", ".sh")):
            continue
        for no, line in enumerate(tree.text(f).split("\n"), 1):
            m = re.search(r"covers:(.*)", line)
            if not m:
                continue
            rows = re.sub(r'\*/.*|-->.*|"""|\)\s*$', "", m.group(1)).strip().rstrip(".,;")
            for row in re.split(r"[,\s]+", rows):
                if not ROW.fullmatch(row):
                    yield f"{f}:{no}: covers: wants rows such as MSRP-061 or SW-001..005, not {row!r}"


RULES = [layers, cycles, doors, purity, calls, sizes, listed, spdx, guards, words, covers]
