#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""One sealed conference over TLS from its first INVITE to its last BYE, told as each UE saw it.

usage: demo.py BUILD      BUILD: the folder with mrfc, mrfp, mrfctl and mrfue

Starts both servers on conf/ and the terminals: chat clients of the product, and two of another make (terminal.py) for who
wants to read more than he may. Plays the story in story() and checks each step by what the programs themselves report, the wire
(wiretap.py) and the switch's memory. Exits 0 only if every check held; leaves nothing running.
"""
import hashlib
import os
import random
import signal
import socket
import struct
import sys
import tempfile
import zlib

from programs import Server, StoryError, Ue, ctl, stop_all
from terminal import Terminal
from wiretap import SEALED, Wiretap, image

DOMAIN = "conf.example.com"
FACTORY = f"sip:conference-factory@{DOMAIN}"
ALICE, BOB, CAROL, ERIN = (f"sip:{name}@example.com" for name in ("alice", "bob", "carol", "erin"))
PORTS = [("udp", 5060), ("tcp", 5060), ("tcp", 2855), ("tcp", 2856), ("tcp", 8060), ("tcp", 8061)]
IMAGE_BYTES = 300_000
CANARY = "The canary sings at five past seven: " + os.urandom(8).hex()

checks = []


def check(held, what):
    if not held:
        raise StoryError(f"not so: {what}")
    checks.append(what)
    print(f"   ok  {what}")


def scene(text):
    print(f"\n== {text}")


def make_png(path):
    """A PNG of noise in exactly IMAGE_BYTES octets: what a filtered picture cannot be squeezed to."""
    def chunk(kind, data):
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    width, height = 310, 310
    noise = random.Random(1)
    rows = b"".join(b"\0" + noise.randbytes(3 * width) for _ in range(height))
    head = b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0))
    body, end = chunk(b"IDAT", zlib.compress(rows, 0)), chunk(b"IEND", b"")
    text = b"Comment\0" + b"x" * (IMAGE_BYTES - len(head) - len(body) - len(end) - 12 - 8)
    data = head + chunk(b"tEXt", text) + body + end
    assert len(data) == IMAGE_BYTES
    with open(path, "wb") as f:
        f.write(data)
    return hashlib.sha256(data).hexdigest()


def ports_are_free():
    for kind, port in PORTS:
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM if kind == "udp" else socket.SOCK_STREAM) as s:
            if kind == "tcp":
                s.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                s.bind(("127.0.0.1", port))
            except OSError:
                raise StoryError(f"port 127.0.0.1:{port}/{kind} is taken by another program (ss -{kind[0]}lnp shows "
                                 "which); the demo needs the ports of conf/") from None


class Net:
    """Where the servers are, for terminals of another make."""
    sip, sips, domain = ("127.0.0.1", 5060), None, DOMAIN


def free_port():
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        return s.getsockname()[1]


def story(build, folder):
    picture = os.path.join(folder, "sunrise.png")
    digest = make_png(picture)

    def key_of(uri):
        """The operator gives a member its key: one line in a file."""
        path = os.path.join(folder, uri.removeprefix("sip:") + ".key")
        if not os.path.exists(path):
            ctl(build, "key", "add", uri, "--out", path)
        return path

    def ue(name, *arguments, uri=None):
        saved = os.path.join(folder, name)
        return Ue(build, name, ["--as", f"sip:{name}@example.com", "--name", name.capitalize(), "--download", saved,
                                "--tls", "--require-e2e", "--key-file", key_of(uri or f"sip:{name}@example.com"),
                                *arguments])

    scene("One MRFC and one MRFP start on loopback; conferences of users are sealed")
    tap = tap_wire()
    mrfc = Server(build, "mrfc", "conf/mrfc.conf", "-o", "conference.e2e=required", "-o", "msrp.transport=tls")
    look = () if os.geteuid() == 0 else ("-o", "process.dumps=true")  # root may look anyhow
    mrfp = Server(build, "mrfp", "conf/mrfp.conf", *look)
    check(mrfp.ready.endswith(" mp=up"), "the MRFP is registered at the MRFC")

    scene("Alice creates a conference by the factory URI")
    alice = ue("alice", "join", FACTORY)
    check(alice.wait("joined")["sealed"], "alice's conference is sealed")
    room = alice.wait("roster", count=1)["conference"]
    name = room.removeprefix("sip:").split("@")[0]
    check(room.endswith(f"@{DOMAIN}") and room != FACTORY, f"the conference is {room}")

    scene("Bob dials in")
    bob = ue("bob", "join", room)
    check(bob.wait("joined")["tls"], "bob's messages go over TLS")
    check(alice.wait("arrived", uri=BOB)["joining_method"] == "dialed-in", "alice is told that bob dialled in")
    check(alice.wait("epoch", epoch=2) and bob.wait("epoch")["epoch"] == 2, "they have a new group key, epoch 2")

    scene("The operator has the focus invite Carol")
    place = f"127.0.0.1:{free_port()}"
    carol_called = f"sip:carol@{place}"    # the roster has who was called by this URI
    carol = ue("carol", "--listen", place, "wait", uri=carol_called)
    carol.wait("ready")
    ctl(build, "invite", name, carol_called)
    check(carol.wait("invitation")["conference"].startswith(f"sip:{name}@"), "carol is invited by the focus")
    check(carol.wait("joined")["sealed"], "the offer to carol had the group key")
    for other in (alice, bob):
        check(other.wait("arrived", uri=carol_called)["joining_method"] == "dialed-out",
              f"{other.name} is told that the focus called carol")

    scene("Bob brings in Dave by REFER; Dave's terminal is of another make, and keeps every key it gets")
    dave = Terminal("dave", Net, folder)
    dave_key = key_of(dave.called_at)
    bob.do(f"/invite {dave.called_at}")
    dave.pick_up(dave_key)
    check(bob.wait("referred", final=True)["code"] == 200, "bob is told that dave answered 200")
    for other in (alice, bob, carol):
        other.wait("arrived", uri=dave.called_at)
    check(len(participants(build, name)) == 4, "four are in")
    everyone = [alice, bob, carol]
    same_epoch(dave, everyone)

    scene("They chat")
    for speaker, line in ((alice, "Good morning, everyone!"), (bob, "Morning. Coffee is ready."),
                          (carol, "Grüße aus dem Zug ☕"), (alice, CANARY)):
        speaker.do(line)
        speaker.wait("sent")
        for other in everyone:
            if other is not speaker:
                got = other.wait("message", text=line)
                check(got["from"] == speaker.uri and got["sealed"] and not got["private"],
                      f"{other.name} reads: [e{got['epoch']}] <{speaker.name}> {line}")
        check(dave.wait_text(line)[0] == speaker.uri, f"dave reads it, too")
    check(dave.say("Thanks for calling me in, Bob.") == 200, "dave says his line")
    for other in everyone:
        check(other.wait("message", text="Thanks for calling me in, Bob.")["from"] == dave.uri, f"{other.name} reads dave's line")

    scene("Carol whispers to Alice")
    carol.do(f"/msg {ALICE} I will be late, do not tell the others.")
    carol.wait("sent", private=True)
    check(alice.wait("message", private=True)["from"] == CAROL, "alice reads the private message")
    # Proof that it reached nobody else: a later message of the same sender has arrived there.
    carol.do("That is all from me for now.")
    for other in (alice, bob, dave):
        other.wait_text("That is all from me for now.") if other is dave else \
            other.wait("message", text="That is all from me for now.")
    check(not bob.seen("message", private=True) and not any("late" in text for _, _, text in dave.shown),
          "bob and dave, who read carol's next line, did not get it")

    scene("Alice takes a nickname")
    alice.do("/nick Captain")
    check(alice.wait("nickname")["nickname"] == "Captain", "alice is Captain")
    check(dave.nickname("Captain") == 425, "dave cannot take the same one (425)")

    scene("Bob sends an image of 300 kB")
    bob.do(f"/file {picture}")
    bob.wait("sent", size=IMAGE_BYTES)
    for other in (alice, carol):
        got = other.wait("file", type="image/png")
        check(got["size"] == IMAGE_BYTES and got["sha256"] == digest and sha256_of(got["path"]) == digest and got["sealed"],
              f"{other.name} has the image, {IMAGE_BYTES} octets, SHA-256 {digest[:12]}… as sent, sealed on its way")

    scene("The operator removes Dave")
    ctl(build, "remove", name, dave.called_at)
    check(dave.ended() is not None, "dave gets a BYE from the focus")
    for other in everyone:
        other.wait("departed", uri=dave.called_at)
    check(dave.called_at not in participants(build, name), "dave is gone from the list")
    last = dave.member.epoch
    for other in everyone:
        wait_epoch_after(other, last)
    check(True, f"those who stay have a newer key than dave's last, epoch {last}")

    scene("Erin joins late; her terminal is as curious as Dave's")
    erin = Terminal("erin", Net, folder)
    erin.dial(room, key_of(ERIN))
    for other in everyone:
        other.wait("arrived", uri=ERIN)
    same_epoch(erin, everyone)
    for line in ("Now that Dave is gone:", "the surprise for him is at eight."):
        alice.do(line)
        check(erin.wait_text(line)[0] == ALICE, f"erin reads: <alice> {line}")
        for other in (bob, carol):
            other.wait("message", text=line)

    scene("Who reads what, with all keys that he ever had")
    before, after = list(dave.bodies), list(erin.bodies)
    check(dave.reads(before) == len(before) >= 5, f"dave opens all {len(before)} bodies from his time")
    check(dave.reads(after) == 0 < len(after), f"dave opens none of the {len(after)} that came after it")
    check(erin.reads(after) == len(after), f"erin opens all {len(after)} from hers")
    check(erin.reads(before) == 0, f"erin opens none of the {len(before)} that were before it")

    scene("What the wire and the switch know")
    look_at_memory(mrfp, name)
    look_at_wire(tap, name)

    scene("Alice leaves")
    alice.do("/leave")
    check(alice.wait("ended")["by"] == "self" and alice.exit_code() == 0, "alice has left")
    for other in (bob, carol):
        other.wait("departed", uri=ALICE)
    check(participants(build, name) == {BOB, carol_called, ERIN}, "bob, carol and erin are still in")

    scene("The operator ends the conference")
    ctl(build, "end", name)
    for other in (bob, carol):
        ended = other.wait("ended")
        check(ended["by"] == "focus" and ended["cause"] == 410 and other.exit_code() == 0,
              f"{other.name} gets a BYE with Reason 410")
    check(erin.ended() is not None, "erin, too")
    left = [c for c in ctl(build, "list")["conferences"] if c["state"] == "active"]
    check(left == [], "no active conference is left")

    scene("Both servers stop when told to")
    for server in (mrfp, mrfc):
        check(server.stop() == 0, f"{server.name} ended with exit code 0")
    for terminal in (dave, erin):
        terminal.close()
    return [*everyone, dave, erin]


def wait_epoch_after(ue, epoch):
    while ue.wait("epoch")["epoch"] <= epoch:
        pass


def same_epoch(terminal, everyone):
    """All have the key that the terminal came in with."""
    for other in everyone:
        other.wait("epoch", epoch=terminal.member.epoch)
    check(True, f"everyone has the group key of epoch {terminal.member.epoch}")


def tap_wire():
    try:
        return Wiretap().open()
    except PermissionError:
        return None


def look_at_wire(tap, name):
    if tap is None:
        print("   --  no right to capture on loopback here: the wire is not looked at")
        return
    tap.close()
    check(name.encode() in tap.octets, f"a capture of loopback, {tap.frames} frames, has the call set-up in it")
    check(CANARY.encode() not in tap.octets, "it does not have the canary's sentence")


def look_at_memory(mrfp, name):
    try:
        size = sealed = canaries = names = 0
        for piece in image(mrfp.process.pid):
            size += len(piece)
            sealed, canaries = sealed + piece.count(SEALED), canaries + piece.count(CANARY.encode())
            names += piece.count(name.encode())
    except PermissionError:
        print("   --  the MRFP does not show its memory to us (only root may look): it is not looked at")
        return
    check(sealed > 0 and names > 0, f"the MRFP's memory, {size >> 20} MiB, has {sealed} sealed bodies and the conference's name")
    check(canaries == 0, "it does not have the canary's sentence")


def sha256_of(path):
    with open(path, "rb") as f:
        return hashlib.sha256(f.read()).hexdigest()


def participants(build, name):
    return {p["uri"] for p in ctl(build, "show", name)["participants"] if p["state"] == "connected"}


def main():
    if len(sys.argv) != 2:
        print(__doc__.strip(), file=sys.stderr)
        return 2
    build = os.path.abspath(sys.argv[1])
    os.chdir(os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", ".."))
    sys.stdout.reconfigure(line_buffering=True)
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    try:
        with tempfile.TemporaryDirectory(prefix="mrf-demo-") as folder:
            ports_are_free()
            try:
                everyone = story(build, folder)
            finally:
                stop_all()
    except KeyboardInterrupt:
        return 130
    except StoryError as error:
        print(f"\ndemo failed: {error}", file=sys.stderr)
        return 1
    for ue in everyone:
        scene(f"The conference as {ue.name} saw it")
        print("\n".join(f"   {line}" for line in ue.transcript()))
    print(f"\ndemo: all {len(checks)} checks held: sealed over TLS, factory, dial-in, dial-out, REFER, chat, private message, "
          "nickname, image by hash, removal, who reads what, wire and memory, leaving, end of conference, clean stop")
    return 0


if __name__ == "__main__":
    sys.exit(main())
