# SPDX-License-Identifier: Apache-2.0
"""Sealed conferences when several servers die at once, as with a power cut: mrfue clients over TLS are all connected again, with
a key of a new domain, whoever of the servers comes back last."""

import pytest

from peer.keyserver import add_key, start
from peer.loop import wait
from peer.mrfue import Mrfue
from peer.servers import Pair, poll
from test_mrfue_owner import MEMBER, Table

NAMES = ("alice", "bob", "carol")


class House:
    """An MRFC and an MRFP with stores, and mrfks where external is set."""

    def __init__(self, folder, external, **more):
        self.folder, self.made, self.mrfks = folder, [], []
        settings = {"conference.e2e": "required", "msrp.transport": "tls", "store.path": str(folder / "mrfc.db"), "store.sync": "full",
                    "groupkey.store_key": str(folder / "wrap"), **more}
        if external:
            self.start_mrfks()
            del settings["groupkey.store_key"]
            settings |= {"groupkey.server": "external", "groupkey.connect": self.mrfks[0].options["listen.socket"]}
        self.pair = Pair(folder / "pair", mrfc=settings)
        if external:
            self.up()

    def start_mrfks(self):
        self.mrfks.append(start(self.folder))

    def up(self):
        self.pair.mrfc.wait_metric(lambda m: m["mrfc_groupkey_up"] == 1)

    @property
    def servers(self):
        return {"mrfc": self.pair.mrfc, "mrfp": self.pair.mrfp, **({"mrfks": self.mrfks[-1]} if self.mrfks else {})}

    def cut(self, names):
        for name in names:
            self.servers[name].kill()

    def start(self, names):
        begin = {"mrfc": self.pair.start_mrfc, "mrfp": lambda: self.pair.start_mrfp(up=False), "mrfks": self.start_mrfks}
        for name in names:
            begin[name]()

    def client(self, name, room, *args):
        path = self.folder / (name + ".key")
        uri, key_id = "sip:%s@example.com" % name, "k:" + name
        path.write_text("%s %s\n" % (key_id, add_key(self.servers.get("mrfks", self.pair.mrfc), uri, key_id).hex()))
        path.chmod(0o600)
        self.made.append(Mrfue(self.pair, name, "join", "sip:%s@%s" % (room, self.pair.domain),
                               args=["--tls", "--require-e2e", "--key-file", str(path), *args]))
        self.made[-1].wait("joined", sealed=True, tls=True)
        return self.made[-1]

    def close(self):
        wrong = [line for one in self.made for line in one.close()]
        wrong += [line for server in self.mrfks for line in server.stop()]
        self.pair.stop()
        assert not wrong, "\n".join(wrong)


@pytest.fixture
def house(tmp_path):
    made = []

    def make(external, **more):
        made.append(House(tmp_path, external, **{k.replace("__", "."): v for k, v in more.items()}))
        return made[-1]
    yield make
    for one in made:
        one.close()


def newest(client):
    return client.events("epoch")[-1]["id"]


def one_key(clients, but=""):
    """All have the same key, not of that one's domain; its GKID."""
    def same():
        have = {newest(c) for c in clients}
        return have.pop() if len(have) == 1 and newest(clients[0])[:16] != but[:16] else None
    return poll(same, 30, "one key at all")


def chat(clients, text):
    for one in clients:
        one.do("%s of %s" % (text, one.name))
        for other in clients:
            if other is not one:
                other.wait("message", text="%s of %s" % (text, one.name), sealed=True)


def nobody_is_out(clients):
    for one in clients:
        assert one.proc.poll() is None and not one.events("ended") and not one.events("error"), one.said()


def comes_back(h, room, names):
    """The cut, and the start in this order."""
    clients = [h.client(name, room) for name in NAMES]
    before = one_key(clients)
    chat(clients, "before")
    h.cut(names)
    h.start(names)
    all_again(clients, before)


def all_again(clients, before):
    for one in clients:
        one.wait("rejoined")
    one_key(clients, before)
    chat(clients, "after")
    nobody_is_out(clients)


ORDERS = [("mrfc", "mrfp", "mrfks"), ("mrfks", "mrfc", "mrfp"), ("mrfp", "mrfc"), ("mrfp", "mrfks")]


@pytest.mark.parametrize("names", ORDERS, ids=" ".join)
def test_all_are_connected_again_by_a_key_server_of_its_own(house, room, names):
    # covers: GK-003, GK-012, FOC-022
    comes_back(house(True), room, names)


@pytest.mark.parametrize("psk", ["false", "true"], ids=["certificates", "keys"])
@pytest.mark.parametrize("names", [("mrfc", "mrfp"), ("mrfp", "mrfc")], ids=" ".join)
def test_all_are_connected_again_by_the_mrfc(house, room, names, psk):
    # covers: GK-003, GK-012, FOC-022
    comes_back(house(False, msrp__tls_psk=psk), room, names)


def test_the_new_offer_waits_for_a_key_server_that_is_late(house, room):
    # covers: GK-003, GK-015, FOC-022
    h = house(True)
    clients = [h.client(name, room) for name in NAMES]
    before = one_key(clients)
    h.cut(("mrfc", "mrfp", "mrfks"))
    h.start(("mrfp", "mrfc"))
    wait(lambda: h.pair.mrfc.log().count("waits for a key") == len(clients), 30, "offers that wait", h.pair.mrfc.log)
    carol = clients.pop()
    assert carol.end() == 0  # who goes meanwhile is not waited for
    assert not any(one.events("rejoined") for one in clients)
    h.pair.mrfp.kill()  # and one more time
    h.pair.start_mrfp()
    wait(lambda: h.pair.mrfc.log().count("waits for a key") == 3 + len(clients), 30, "the same again", h.pair.mrfc.log)
    h.start(("mrfks",))
    all_again(clients, before)


@pytest.mark.slow
def test_who_gets_no_key_in_time_is_told_so(house, room):
    # covers: GK-003
    h = house(True)
    alice, bob = h.client("alice", room), h.client("bob", room)
    one_key([alice, bob])
    h.cut(("mrfc", "mrfp", "mrfks"))
    h.start(("mrfc", "mrfp"))
    for one in (alice, bob):
        ended = one.wait("ended", timeout=60)
        assert (ended["cause"], ended["text"]) == (503, "No key server")


def test_the_owner_makes_keys_again_for_all(own_mrf, ue, room, tmp_path):
    # covers: GK-002, GK-003, FOC-022
    t = Table(own_mrf(mrfc={**MEMBER, "store.path": str(tmp_path / "mrfc.db"), "store.sync": "full", "msrp.transport": "tls"}),
              ue, room, tmp_path)
    try:
        clients = [t.serve("--tls")] + [t.client(name, "--tls") for name in ("bob", "carol")]
        for one in clients[1:]:
            one.wait("joined", sealed=True, tls=True)
        before = one_key(clients)
        chat(clients, "before")
        t.net.mrfc.kill()
        t.net.mrfp.kill()
        t.net.start_mrfc()
        t.net.start_mrfp()
        all_again(clients, before)
    finally:
        t.close()
