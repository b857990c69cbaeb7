# SPDX-License-Identifier: Apache-2.0
"""Sealed files in dialogs of their own (RFC 5547, RFC 8188): what descriptions may say, which keys pass, who can open them."""

import os

import pytest

from peer import ece, gke, inner, memory
from peer.files import File, Line, Push, Take, parse_selector
from peer.loop import wait
from peer.msrpmsg import new_id
from peer.servers import WRAP
from test_sealed_join import make, sealed, warning  # noqa: F401  (fixture)

TYPE = "application/octet-stream"


class Sealed(File):
    """A file as its sender seals it: the description says the type of all and the sealed size, nothing else."""

    def __init__(self, member, plain, name="plan of attack.png", kind="image/png", gkid=None,
                 octets=None, record=ece.RECORD, **attributes):
        member.keys.seq += 1
        self.entity = inner.build(member.aor, member.keys.room, plain, new_id("m"), member.keys.token,
                                  member.keys.seq, content_type=kind,
                                  disposition='attachment; filename="%s"' % name)
        octets = octets if octets is not None else \
            member.keys.seal_file(self.entity, gkid or member.keys.current, record)
        super().__init__(octets, name, TYPE)
        self.attributes["file-selector"] = "type:%s size:%d" % (TYPE, len(octets))
        self.attributes.update(attributes)


class SealedPush(Push):
    """Its octets go with the encoding that says what they are."""

    encoding = "aes128gcm"

    def send(self, i=0, data=None, size=65536, total=True, last_flag="$", kind=TYPE, first=0):
        """first: octets left out at the beginning."""
        data = self.files[i].data if data is None else data
        session, out = self.sessions[i], []
        mid = self.message_id = new_id("m")
        for at in range(first, max(1, len(data)), size):
            flag = "+" if at + size < len(data) else last_flag
            out.append(session.conn.send(session.chunk(
                data[at:at + size], at + 1, len(data) if total else None, flag, kind, mid,
                headers=[("Content-Encoding", self.encoding)] if self.encoding else [])))
        return out


class SealedLine(Line):
    send = SealedPush.send
    encoding = "aes128gcm"


@pytest.fixture
def three(mrf, sealed, room):  # noqa: F811
    make(mrf, room)
    return together(*[sealed(n).join(room) for n in ("alice", "bob", "carol")])


def together(*members):
    for one in members:
        one.wait_epoch(members[-1].keys.hex)
    return members


def called(member):
    return any(r.method == "INVITE" for r in member.ua.incoming)


def opened(member, octets):
    return inner.Inner(member.keys.open_file(octets))


@pytest.mark.parametrize("size", [0, 1, 200000])
def test_a_sealed_file_reaches_every_member(three, size):
    # covers: GK-014, FT-013
    alice, bob, carol = three
    plain = os.urandom(size)
    file = Sealed(alice, plain)
    push = SealedPush(alice, [file])
    takes = [Take(bob), Take(carol)]
    for take in takes:
        media = take.offer.msg
        assert parse_selector(media.get("file-selector")) == {"type": TYPE, "size": str(len(file.data))}
        assert media.get("file-icon") is None and media.get("key-mgmt") is None
        assert file.name not in take.call.offer and "image/png" not in take.call.offer
        take.accept()
    push.answered()
    assert parse_selector(push.answer.msg.get("file-selector"))["type"] == TYPE
    sent = push.send()
    for take, member in zip(takes, (bob, carol)):
        octets = take.wait()
        assert octets == file.data
        message = take.sessions[0].messages[0]
        assert (message.content_type, message.first.get("Content-Encoding")) == (TYPE, "aes128gcm")
        one = opened(member, octets)
        assert (one.payload, one.sender, one.to) == (plain, alice.aor, alice.keys.room)
        assert file.name in one.disposition and one.content_type == "image/png"
        take.call.wait_bye()
    assert {t.status() for t in sent} == {200}


@pytest.mark.parametrize("attributes, says", [
    ({"file-selector": 'name:"plan.png" type:%s size:%d' % (TYPE, 100)}, "the name in a=file-selector"),
    ({"file-selector": "type:%s size:100 hash:sha-1:%s" % (TYPE, ":".join(["AB"] * 20))}, "the hash"),
    ({"file-selector": "type:image/png size:100"}, "type:application/octet-stream"),
    ({"file-selector": 'type:%s;name="plan" size:100' % TYPE}, "type:application/octet-stream"),
    ({"file-selector": "size:100"}, "type:application/octet-stream"),
    ({"file-date": 'creation:"Mon, 15 May 2006 15:01:31 +0300"'}, "a=file-date"),
    ({"file-icon": "cid:id2@alicepc.example.com"}, "a=file-icon"),
    ({"file-range": "51-*"}, "sent whole"), ({"file-range": "1-50"}, "sent whole")])
def test_what_would_tell_the_server_is_refused(three, attributes, says):
    # covers: GK-014, FT-005
    alice, bob, _ = three
    response = SealedPush(alice, [Sealed(alice, b"data", **attributes)]).call.expect(488)
    code, text = warning(response)
    assert code == 399 and "end-to-end protected" in text and says in text
    assert not called(bob)


def test_one_line_that_tells_spoils_the_offer(three):
    # covers: GK-014
    alice, _, _ = three
    push = SealedPush(alice, [Sealed(alice, b"one"), File(b"two", "plan.png")])
    assert "the name" in warning(push.call.expect(488))[1]


def test_ranges_from_the_first_octet_are_whole_files(three):
    # covers: FT-001, GK-014
    alice, bob, _ = three
    file = Sealed(alice, b"all of it", **{"file-range": "1-*"})
    push = SealedPush(alice, [file])
    take = Take(bob).accept()
    push.answered().send()
    assert opened(bob, take.wait()).payload == b"all of it"


def wrong(alice, plain, how):
    """(octets, encoding, status) that the switch refuses."""
    good = alice.keys.seal_file(inner.build(alice.aor, alice.keys.room, plain, new_id("m"),
                                            alice.keys.token, 1))
    gkid = good[21:33]
    if how == "open":
        return plain, None, 415
    if how == "open, said to be sealed":
        return plain, "aes128gcm", 415
    if how == "another encoding":
        return good, "gzip", 415
    if how == "no octet":
        return b"", "aes128gcm", 415
    if how == "cut in its head":
        return good[:32], "aes128gcm", 415
    if how == "another domain":
        return good[:21] + os.urandom(8) + gkid[8:] + good[33:], "aes128gcm", 403
    epoch = int.from_bytes(gkid[8:], "big") + (1 if how == "an epoch to come" else -2)
    return good[:29] + epoch.to_bytes(4, "big") + good[33:], "aes128gcm", 403


@pytest.mark.parametrize("how", ["open", "open, said to be sealed", "another encoding", "no octet", "cut in its head",
                                 "another domain", "an epoch to come", "an epoch that is over"])
def test_the_switch_passes_what_names_a_key_of_now(three, how):
    # covers: GK-014, GK-007, CMS-008
    alice, bob, _ = three
    plain = b"\x89PNG" + os.urandom(3000)
    octets, encoding, status = wrong(alice, plain, how)
    push = SealedPush(alice, [Sealed(alice, plain, octets=octets, **{"file-selector": "type:%s size:5000" % TYPE})])
    push.encoding = encoding
    take = Take(bob).accept()
    push.answered()
    sent = push.send(size=1000)
    assert {t.status() for t in sent} == {status}
    take.call.wait_bye()
    assert not any(m.data for m in take.sessions[0].messages)


@pytest.mark.parametrize("size", [1, 7, 33, 128, 129])
def test_wherever_a_chunk_ends_the_key_is_looked_at(three, size):
    # covers: GK-014, GK-007
    alice, bob, carol = three
    for gkid, status in ((None, 200), (bytes(8) + b"\0\0\0\1", 403)):
        file = Sealed(alice, b"short")
        octets = file.data if gkid is None else file.data[:21] + gkid + file.data[33:]
        push = SealedPush(alice, [file])
        take = Take(bob).accept()
        Take(carol).call.reject(603)
        push.answered()
        assert push.send(data=octets, size=size)[-1].status() == status
        if status == 200:
            assert opened(bob, take.wait()).payload == b"short"
        take.call.wait_bye()


def test_a_file_under_way_outlives_its_epoch_and_a_new_one_does_not_begin_under_it(three, sealed, room):  # noqa: F811
    # covers: GK-007, GK-014
    alice, bob, carol = three
    file = Sealed(alice, os.urandom(100000))
    first = SealedPush(alice, [file])
    take = Take(bob).accept()
    Take(carol).call.reject(603)
    first.answered()
    half = 50000
    mid = new_id("m")
    session = first.sessions[0]

    def chunk(at, end, flag):
        return session.conn.send(session.chunk(file.data[at:end], at + 1, len(file.data), flag, TYPE, mid,
                                               headers=[("Content-Encoding", "aes128gcm")])).status()
    assert chunk(0, half, "+") == 200
    old = alice.keys.current
    second = SealedPush(alice, [Sealed(alice, b"late", gkid=old)])
    late = Take(bob).accept()
    second.answered()
    dave, erin = sealed("dave").join(room), sealed("erin").join(room)
    together(alice, bob, carol, dave, erin)  # two epochs on
    assert chunk(half, len(file.data), "$") == 200
    assert opened(bob, take.wait()).payload == inner.Inner(file.entity).payload
    assert second.send()[-1].status() == 403
    late.call.wait_bye()
    assert not called(dave) and not called(erin)


def test_who_comes_later_is_not_called_and_could_not_open_it(three, sealed, room):  # noqa: F811
    # covers: GK-004, GK-014, FT-013
    alice, bob, _ = three
    file = Sealed(alice, b"before dave's time")
    push = SealedPush(alice, [file])
    take = Take(bob).accept()
    push.answered()
    dave = sealed("dave").join(room)
    push.send()
    octets = take.wait()
    assert not called(dave)
    with pytest.raises(gke.Refused):
        dave.keys.open_file(octets)


def test_who_has_no_key_sends_no_file(mrf, three, ue, room):
    # covers: GK-011
    alice, bob, _ = three
    mallory = ue("mallory")
    mallory.room = alice.room
    SealedPush(mallory, [Sealed(alice, b"data")]).call.expect(403)
    assert not called(bob)


def test_a_sealed_file_in_a_line_of_the_chat_dialog(three):
    # covers: GK-014, FT-013
    alice, bob, _ = three
    line = SealedLine(alice, [Sealed(alice, b"in a line")])
    line.description = lambda closed=(), files=None: described(line, closed)
    line.open()
    take = Take(bob).accept()
    line.send()
    assert opened(bob, take.wait()).payload == b"in a line"
    again = SealedLine(alice, [File(b"two", "plan.png")])
    again.description = lambda closed=(), files=None: described(again, closed)
    assert again.reoffer().media[1].port == 0
    assert not called(bob)


def described(line, closed):
    """The chat as it is, and the lines of the files behind it."""
    from peer import sdp
    from peer.files import line as media_line
    from peer.sealed import ACCEPT, WRAPPED
    ue, port = line.ue, line.ue.listener.addr[1]
    ue.sdp_version += 1
    media = [sdp.message_media(ue.session.local, port, accept_types=ACCEPT, wrapped=WRAPPED,
                               extra=ue.own_lines)]
    media += [media_line(session, 0 if i in closed else port, file.lines(), TYPE, "sendonly")
              for i, (session, file) in enumerate(zip(line.sessions, line.files))]
    return sdp.build(media, ue.host, ue.name, ue.sdp_session, ue.sdp_version)


@pytest.mark.skipif(bool(WRAP), reason="memory of a wrapped process")
def test_neither_name_nor_content_is_in_the_servers(mrf, three):
    # covers: GK-014
    alice, bob, _ = three
    canary = os.urandom(24).hex().encode()
    name = "canary-%s.bin" % os.urandom(12).hex()
    file = Sealed(alice, canary * 3000, name=name)
    push = SealedPush(alice, [file])
    take = Take(bob).accept()
    push.answered()
    assert push.send(last_flag="+")[-1].status() == 200  # still under way: the switch holds what it holds
    wait(lambda: take.sessions[0].requests, what="the file on its way")
    assert memory.has(mrf.mrfp.pid, take.sessions[0].local.encode()) and memory.has(mrf.mrfc.pid, file.id.encode())
    for server in (mrf.mrfp, mrf.mrfc):
        for secret in (canary, name.encode()):
            assert not memory.has(server.pid, secret)
