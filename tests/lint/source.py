# SPDX-License-Identifier: Apache-2.0
"""What the lint rules share: the files of a tree, C source without comments, include lines."""
import os
import re
import subprocess

LAYERS = {"common": 0, "proto": 1, "mrfp": 2, "mrfc": 2, "ue": 2}
# Inside mrfc; files of the folder itself wire them and are wired to.
FLOORS = {"mrfc/sip": 0, "mrfc/mp": 0, "mrfc/groupkey": 0, "mrfc/conference": 1, "mrfc/state": 2, "mrfc/focus": 3, "mrfc/admin": 4}


class Tree:
    """The files to check below a root: those git knows or would add, or all when it is no repository."""

    def __init__(self, root):
        self.root = root
        self.files = sorted(f for f in self._list() if os.path.isfile(os.path.join(root, f)))
        self._text = {}

    def _list(self):
        git = ["git", "-C", self.root, "ls-files", "-z", "--cached", "--others", "--exclude-standard"]
        if os.path.exists(os.path.join(self.root, ".git")):
            out = subprocess.run(git, check=True, capture_output=True, text=True).stdout
            return [f for f in out.split("\0") if f]
        found = []
        for folder, below, names in os.walk(self.root):
            below[:] = [b for b in below if b not in ("build", "__pycache__")]
            found += [os.path.relpath(os.path.join(folder, n), self.root) for n in names]
        return found

    def text(self, name):
        if name not in self._text:
            with open(os.path.join(self.root, name), encoding="utf-8", errors="replace") as f:
                self._text[name] = f.read()
        return self._text[name]

    def c_files(self, endings=(".c", ".h"), folders=None):
        return [f for f in self.files
                if f.endswith(endings) and (folders is None or f.split("/")[0] in folders)]

    def code(self, name):
        """C source with comments and the insides of literals blanked; line numbers stay."""
        return blank(self.text(name))

    def includes(self, name):
        """[(line number, quoted, path)]"""
        found = []
        for no, line in enumerate(self.text(name).split("\n"), 1):
            m = re.match(r'\s*#\s*include\s*([<"])([^>"]+)[>"]', line)
            if m:
                found.append((no, m.group(1) == '"', m.group(2)))
        return found


_TOKEN = re.compile(r'/\*.*?\*/|//[^\n]*|"(?:\\.|[^"\\\n])*"|\'(?:\\.|[^\'\\\n])*\'', re.S)


def blank(text):
    def one(m):
        t = m.group(0)
        if t[0] == "/":
            return re.sub(r"[^\n]", " ", t)
        return t[0] + " " * (len(t) - 2) + t[0]
    return _TOKEN.sub(one, text)


def line_of(text, pos):
    return text.count("\n", 0, pos) + 1
