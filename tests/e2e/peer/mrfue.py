# SPDX-License-Identifier: Apache-2.0
"""mrfue as a child process: lines typed, events read, exit code.

    alice = Mrfue(pair, "alice", "join", "sip:tea@conf.example.com")      # --json --script -
    alice.wait("joined")            # the oldest event of that name and fields not waited for yet
    alice.do("hello")
    alice.end()                     # /leave; returns the exit code

text=True runs it without --json: wait_line(part) instead of wait().
"""

import json
import subprocess
import threading

from .loop import LOOP, wait
from .servers import REPORTS, WRAP, program

WAIT_S = 60 if WRAP else 20


class Mrfue:
    def __init__(self, net, name, *command, args=(), text=False, script=True, proxy=None, cwd=None):
        self.name, self.aor = name, "sip:%s@example.com" % name
        self.cmd = WRAP + [program("mrfue"), "--as", self.aor,
                           "--proxy", proxy or "%s:%d" % tuple(net.sip)]
        self.cmd += ([] if text else ["--json"]) + (["--script", "-"] if script else [])
        self.cmd += list(args) + list(command)
        self.lines, self.errors, self.used = [], [], set()
        self.closed_streams, self.is_text = 0, text
        self.proc = subprocess.Popen(self.cmd, cwd=cwd, stdin=subprocess.PIPE,
                                     stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        self.threads = [threading.Thread(target=self._read, args=a, daemon=True) for a in
                        ((self.proc.stdout, self.lines), (self.proc.stderr, self.errors))]
        for t in self.threads:
            t.start()

    def _read(self, stream, into):
        for raw in stream:
            line = raw.decode("utf-8", "replace").rstrip("\n")
            with LOOP.cond:
                into.append(line if into is self.errors or self.is_text else
                            json.loads(line))
                LOOP.changed()
        with LOOP.cond:
            self.closed_streams += 1
            LOOP.changed()

    def said(self):
        return "\n".join("%s| %s" % (self.name, line) for line in self.lines + self.errors)

    def do(self, line):
        data = line if isinstance(line, bytes) else line.encode()
        self.proc.stdin.write(data + b"\n")
        self.proc.stdin.flush()

    def events(self, name, **fields):
        return [e for e in self.lines if fits(e, name, fields)]

    def wait(self, name, timeout=WAIT_S, **fields):
        """The oldest event not yet waited for that has this name and these fields."""
        found = {}

        def look():
            for i, event in enumerate(self.lines):
                if i not in self.used and fits(event, name, fields):
                    found["i"] = i
                    return True
            return self.closed_streams == 2
        wait(look, timeout, "%s %s at %s" % (name, fields, self.name), self.said)
        assert "i" in found, "%s ended without %s %s\n%s" % (self.name, name, fields, self.said())
        self.used.add(found["i"])
        return self.lines[found["i"]]

    def wait_line(self, part, timeout=WAIT_S):
        """The oldest line of text that contains part and was not waited for."""
        found = {}

        def look():
            for i, line in enumerate(self.lines):
                if i not in self.used and part in line:
                    found["i"] = i
                    return True
            return self.closed_streams == 2
        wait(look, timeout, "%r at %s" % (part, self.name), self.said)
        assert "i" in found, "%s ended without %r\n%s" % (self.name, part, self.said())
        self.used.add(found["i"])
        return self.lines[found["i"]]

    def exit_code(self, timeout=WAIT_S):
        """Wait for the end; the output is complete then."""
        code = self.proc.wait(timeout)
        for t in self.threads:
            t.join(10)
        return code

    def end(self):
        self.do("/leave")
        return self.exit_code()

    def close(self):
        """Kill what is left; a list of what a sanitizer said."""
        if self.proc.poll() is None:
            self.proc.kill()
        self.exit_code()
        for stream in (self.proc.stdin, self.proc.stdout, self.proc.stderr):
            try:
                stream.close()
            except BrokenPipeError:
                pass
        return [line for line in self.errors if REPORTS.search(line)]


def fits(event, name, fields):
    return event.get("event") == name and all(event.get(k) == v for k, v in fields.items())
