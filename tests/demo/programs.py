# SPDX-License-Identifier: Apache-2.0
"""The programs that the demo runs: servers by their ready line, chat clients by their JSON events."""
import json
import os
import queue
import subprocess
import threading

PATIENCE_S = 20
_running = []


class StoryError(Exception):
    """Something did not go as told."""


class Program:
    """A child process whose standard output is read line by line."""

    def __init__(self, build, name, command):
        self.name = name
        self.lines = queue.Queue()
        self.stderr = []
        try:
            self.process = subprocess.Popen([f"{build}/{command[0]}", *command[1:]], stdin=subprocess.PIPE,
                                            stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
                                            encoding="utf-8", errors="replace", bufsize=1)
        except OSError as error:
            raise StoryError(f"cannot start {command[0]}: {error.strerror} (make builds it)") from None
        _running.append(self)
        for target in (self._read_stdout, self._read_stderr):
            threading.Thread(target=target, daemon=True).start()

    def _read_stdout(self):
        for line in self.process.stdout:
            self.lines.put(line.rstrip("\n"))
        self.lines.put(None)

    def _read_stderr(self):
        for line in self.process.stderr:
            self.stderr.append(line.rstrip("\n"))
            del self.stderr[:-20]

    def next_line(self):
        """The next line, or None at the end of the output."""
        try:
            return self.lines.get(timeout=PATIENCE_S)
        except queue.Empty:
            raise StoryError(f"{self.name} said nothing for {PATIENCE_S} s{self.last_words()}") from None

    def last_words(self):
        return "".join(f"\n   {self.name}: {line}" for line in self.stderr[-5:])

    def exit_code(self):
        try:
            return self.process.wait(PATIENCE_S)
        except subprocess.TimeoutExpired:
            raise StoryError(f"{self.name} does not end{self.last_words()}") from None


class Server(Program):
    """mrfc or mrfp, up when its ready line has come."""

    def __init__(self, build, name, config, *options):
        super().__init__(build, name, [name, "-c", config, *options])
        self.ready = self.next_line()
        if self.ready is None or not self.ready.startswith("ready "):
            self.process.wait(PATIENCE_S)
            raise StoryError(f"{name} did not start{self.last_words()}")

    def stop(self):
        self.process.terminate()
        return self.exit_code()


class Ue(Program):
    """mrfue with --json and a script that is typed as the story goes."""

    def __init__(self, build, name, arguments):
        super().__init__(build, name, ["mrfue", "--json", "--script", "-", *arguments])
        self.uri = f"sip:{name}@example.com"
        self.events = []
        self.used = set()

    def do(self, line):
        self.events.append({"event": "typed", "line": line})
        try:
            self.process.stdin.write(line + "\n")
            self.process.stdin.flush()
        except OSError:
            raise StoryError(f"{self.name} has ended and cannot {line}{self.last_words()}") from None

    def wait(self, name, **fields):
        """The oldest event not yet waited for that has this name and these fields."""
        examined = 0
        while True:
            for i in range(examined, len(self.events)):
                if i not in self.used and matches(self.events[i], name, fields):
                    self.used.add(i)
                    return self.events[i]
            examined = len(self.events)
            try:
                line = self.next_line()
            except StoryError:
                line = None
            if line is None:
                raise StoryError(f"{self.name} did not report {name} {fields or ''}{self.story_so_far()}")
            self.events.append(json.loads(line))

    def story_so_far(self):
        return "".join(f"\n   {self.name}: {json.dumps(e)}" for e in self.events) + self.last_words()

    def seen(self, name, **fields):
        return [e for e in self.events if matches(e, name, fields)]

    def transcript(self):
        """What a person at this client would have typed and read."""
        while (line := self.next_line()) is not None:
            self.events.append(json.loads(line))
        told = (tell(event, self.uri) for event in self.events)
        return [line for line in told if line]


def matches(event, name, fields):
    return event.get("event") == name and all(event.get(key) == value for key, value in fields.items())


def short(uri):
    return uri.removeprefix("sip:").split("@")[0]


def person(event, uri="uri"):
    return event["display"] or short(event[uri])


def sender(event):
    return event["nickname"] or person(event, "from")


def tell(event, own_uri):
    """The line that mrfue prints without --json, but for oneself; what was typed after "> "."""
    kind = event["event"]
    if kind == "typed":
        return f"> {event['line']}"
    if kind == "message":
        mark = "[private] " if event["private"] else ""
        epoch = f"[e{event['epoch']}] " if event["sealed"] else ""
        return f"{epoch}{mark}<{sender(event)}> {event['text']}"
    if kind == "file":
        saved = f", saved as {os.path.basename(event['path'])}" if event["path"] else ""
        return f"* {sender(event)} sent {event['name']} ({event['type']}, {event['size']} bytes){saved}"
    if kind == "sent" and event["file"]:
        return f"* {os.path.basename(event['file'])}: sent"
    if kind in ("arrived", "departed") and short(event["uri"]) != short(own_uri):
        how = f" ({event['joining_method']})" if kind == "arrived" else ""
        return f"* {person(event)} {'is here' if kind == 'arrived' else 'has left'}{how}"
    if kind == "renamed" and short(event["uri"]) != short(own_uri):
        return f"* {person(event)} is now known as {event['nickname']}"
    if kind == "joined":
        return f"* joined {event['conference']}" + (", which is sealed" if event["sealed"] else "")
    if kind == "epoch":
        return f"* new group key: epoch {event['epoch']}"
    if kind == "dropped":
        return f"* a message from {sender(event)} cannot be shown: {event['why']}"
    if kind == "invitation":
        return f"* invited to {event['conference']}"
    if kind == "nickname":
        return f"* you are now known as {event['nickname']}"
    if kind == "referred":
        return f"* /{'remove' if event['method'] == 'BYE' else 'invite'} {event['uri']}: {event['code']} {event['reason']}"
    if kind == "failed":
        return f"* {event['command']} {event['about']}: {event['code']} {event['reason']}"
    if kind == "ended":
        return ("* you have left" if event["by"] == "self" else "* the focus has ended the call") + (
            f" ({event['cause']} {event['text']})" if event["cause"] else "")
    return None


def ctl(build, *command):
    """mrfctl --json: its answer, {} when it has none in JSON."""
    done = subprocess.run([f"{build}/mrfctl", "--json", *command], capture_output=True, text=True, timeout=PATIENCE_S,
                          check=False)
    if done.returncode:
        raise StoryError(f"mrfctl {' '.join(command)}: {done.stderr.strip() or done.returncode}")
    return json.loads(done.stdout) if done.stdout.startswith("{") else {}


def stop_all():
    """End what still runs, servers last; by force what does not end."""
    for program in reversed(_running):
        if program.process.poll() is None:
            program.process.terminate()
            try:
                program.process.wait(5)
            except subprocess.TimeoutExpired:
                program.process.kill()
                program.process.wait()
