#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""One conference from its first INVITE to its last BYE, told as each UE saw it.

usage: demo.py BUILD      BUILD: the folder with mrfc, mrfp, mrfctl and mrfue

Starts both servers on conf/ and four chat clients, plays the story in story() and checks each step
by what the programs themselves report. Exits 0 only if every check held; leaves nothing running.
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

DOMAIN = "conf.example.com"
FACTORY = f"sip:conference-factory@{DOMAIN}"
ALICE, BOB, CAROL = (f"sip:{name}@example.com" for name in ("alice", "bob", "carol"))
PORTS = [("udp", 5060), ("tcp", 5060), ("tcp", 2855), ("tcp", 8060), ("tcp", 8061)]
IMAGE_BYTES = 300_000

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


def story(build, folder):
    image = os.path.join(folder, "sunrise.png")
    digest = make_png(image)

    def ue(name, *arguments):
        saved = os.path.join(folder, name)
        return Ue(build, name, ["--as", f"sip:{name}@example.com", "--name", name.capitalize(), "--download", saved,
                                *arguments])

    scene("One MRFC and one MRFP start on loopback")
    mrfc = Server(build, "mrfc", "conf/mrfc.conf")
    mrfp = Server(build, "mrfp", "conf/mrfp.conf")
    check(mrfp.ready.endswith(" mp=up"), "the MRFP is registered at the MRFC")

    scene("Alice creates a conference by the factory URI")
    alice = ue("alice", "join", FACTORY)
    alice.wait("joined")
    room = alice.wait("roster", count=1)["conference"]
    name = room.removeprefix("sip:").split("@")[0]
    check(room.endswith(f"@{DOMAIN}") and room != FACTORY, f"the conference is {room}")

    scene("Bob dials in")
    bob = ue("bob", "join", room)
    bob.wait("joined")
    check(alice.wait("arrived", uri=BOB)["joining_method"] == "dialed-in", "alice is told that bob dialled in")

    scene("The operator has the focus invite Carol")
    carol = ue("carol", "wait")
    carol_called = f"sip:carol@{carol.wait('ready')['sip']}"    # the roster has who was called by this URI
    ctl(build, "invite", name, carol_called)
    check(carol.wait("invitation")["conference"].startswith(f"sip:{name}@"), "carol is invited by the focus")
    carol.wait("joined")
    for other in (alice, bob):
        check(other.wait("arrived", uri=carol_called)["joining_method"] == "dialed-out",
              f"{other.name} is told that the focus called carol")

    scene("Bob brings in Dave by REFER")
    dave = ue("dave", "wait")
    dave_called = f"sip:dave@{dave.wait('ready')['sip']}"
    bob.do(f"/invite {dave_called}")
    dave.wait("joined")
    check(bob.wait("referred", final=True)["code"] == 200, "bob is told that dave answered 200")
    for other in (alice, carol):
        other.wait("arrived", uri=dave_called)
    check(len(dave.wait("roster", count=4)["users"]) == 4, "dave sees four participants")
    everyone = [alice, bob, carol, dave]

    scene("They chat")
    for speaker, line in ((alice, "Good morning, everyone!"), (bob, "Morning. Coffee is ready."),
                          (carol, "Grüße aus dem Zug ☕"), (dave, "Thanks for calling me in, Bob.")):
        speaker.do(line)
        speaker.wait("sent")
        for other in everyone:
            if other is not speaker:
                got = other.wait("message", text=line)
                check(got["from"] == speaker.uri and not got["private"], f"{other.name} reads: <{speaker.name}> {line}")

    scene("Carol whispers to Alice")
    carol.do(f"/msg {ALICE} I will be late, do not tell the others.")
    carol.wait("sent", private=True)
    check(alice.wait("message", private=True)["from"] == CAROL, "alice reads the private message")
    # Proof that it reached nobody else: a later message of the same sender has arrived there.
    carol.do("That is all from me for now.")
    for other in (alice, bob, dave):
        other.wait("message", text="That is all from me for now.")
    check(not bob.seen("message", private=True) and not dave.seen("message", private=True),
          "bob and dave, who read carol's next line, did not get it")

    scene("Alice takes a nickname")
    alice.do("/nick Captain")
    check(alice.wait("nickname")["nickname"] == "Captain", "alice is Captain")
    dave.do("/nick Captain")
    check(dave.wait("failed", command="/nick")["code"] == 425, "dave cannot take the same one (425)")

    scene("Bob sends an image of 300 kB")
    bob.do(f"/file {image}")
    bob.wait("sent", size=IMAGE_BYTES)
    for other in (alice, carol, dave):
        got = other.wait("file", type="image/png")
        check(got["size"] == IMAGE_BYTES and got["sha256"] == digest and sha256_of(got["path"]) == digest,
              f"{other.name} has the image, {IMAGE_BYTES} octets, SHA-256 {digest[:12]}… as sent")

    scene("The operator removes Dave")
    ctl(build, "remove", name, dave_called)
    check(dave.wait("ended")["by"] == "focus" and dave.exit_code() == 0, "dave gets a BYE from the focus")
    for other in (alice, bob, carol):
        other.wait("departed", uri=dave_called)
    check(dave_called not in participants(build, name), "dave is gone from the list")

    scene("Alice leaves")
    alice.do("/leave")
    check(alice.wait("ended")["by"] == "self" and alice.exit_code() == 0, "alice has left")
    for other in (bob, carol):
        other.wait("departed", uri=ALICE)
    check(participants(build, name) == {BOB, carol_called}, "bob and carol are still in")

    scene("The operator ends the conference")
    ctl(build, "end", name)
    for other in (bob, carol):
        ended = other.wait("ended")
        check(ended["by"] == "focus" and ended["cause"] == 410 and other.exit_code() == 0,
              f"{other.name} gets a BYE with Reason 410")
    left = [c for c in ctl(build, "list")["conferences"] if c["state"] == "active"]
    check(left == [], "no active conference is left")

    scene("Both servers stop when told to")
    for server in (mrfp, mrfc):
        check(server.stop() == 0, f"{server.name} ended with exit code 0")
    return everyone


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
    print(f"\ndemo: all {len(checks)} checks held: factory, dial-in, dial-out, REFER, chat, private message, nickname, "
          "image by hash, removal, leaving, end of conference, clean stop")
    return 0


if __name__ == "__main__":
    sys.exit(main())
