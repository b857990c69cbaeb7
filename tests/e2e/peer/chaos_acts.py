# SPDX-License-Identifier: Apache-2.0
"""What may happen to the conference of chaos.py: what its users do, and what is done to the servers."""

import resource
import signal
import sqlite3
import time
from urllib.parse import quote

from .loop import LOOP, Timeout, wait
from .msrpmsg import new_id
from .servers import poll
from .ue import UE, RosterWatch


class Said:
    def __init__(self, chaos, leg, text, tx, to):
        self.leg, self.key, self.tx, self.to = leg, text.split(" ")[0], tx, to
        self.tick, self.began = chaos.tick(), time.monotonic()
        self.exempt = set()  # users who need not have it

    @property
    def status(self):
        return self.tx.status(0.01) if self.tx.answered else None

    @property
    def final(self):
        return self.tx.answered or self.tx.conn.closed

    def __repr__(self):
        return "%s of %r at %d" % (self.key, self.leg.device, self.tick)


class Acts:
    """Actions of a Chaos: do_NAME is drawn by its weight in WEIGHTS."""

    # -- actions ---------------------------------------------------------------------------

    def say(self, leg, to=None, size=0):
        self.key += 1
        text = "#%d by %r" % (self.key, leg.device) + " x" * size
        extra = ["NS: imdn <urn:ietf:params:imdn>", "imdn.Message-ID: i%d" % self.key,
                 "imdn.Disposition-Notification: positive-delivery"]
        ue = leg.device.ue
        body = ue.cpim(text, to.aor if to else self.uri,
                       extra=extra if self.dice.random() < 0.3 else ())
        try:
            tx = leg.session.send(body)
        except (OSError, AttributeError):
            return
        self.said.append(Said(self, leg, text, tx, to))

    def do_chat(self):
        for _ in range(self.dice.randrange(1, 6)):
            leg = self.pick(l for l in self.legs() if not l.held)
            if leg:
                self.say(leg, size=self.dice.choice((0, 10, 2000)))

    def do_private(self):
        leg = self.pick(l for l in self.legs() if not l.held)
        to = self.pick(u for u in self.users if u.since and leg and u is not leg.device.user)
        if leg and to:
            self.say(leg, to)

    def do_nickname(self):
        leg = self.pick(self.legs())
        if leg:
            leg.session.nickname('"nick %d"' % self.dice.randrange(4))

    def do_join(self):
        d = self.pick(d for u in self.users for d in u.devices
                      if d.free and not d.late and (not u.banned or self.dice.random() < 0.3))
        if d:
            self.join(d, self.pick(("plain", "plain", "plain", "again", "ack late", "cancel",
                                    "replaces")))

    def join(self, d, how="plain"):
        other = next((x.leg for x in d.user.devices if x.leg and x.leg.up), None)
        headers = []
        if how == "replaces":
            if not other:
                return
            headers = [("Replaces", "%s;to-tag=%s;from-tag=%s" % (
                other.call.call_id, other.call.remote_tag, other.call.local_tag))]
            other.doomed = "replaced"
        ue = d.ue
        ue.room = self.uri
        text = ue.offer(setup=self.dice.choice(("actpass", "active", "passive")))
        self.note(d, "joins,", how)
        try:
            call = ue.ua.invite(self.uri, text, headers, auto_ack=how != "ack late")
        except OSError:
            return None  # over TCP, and no focus is there
        ue.call = call
        if how == "again":
            ue.ua.send(call.txn.request, self.net.sip, ue.ua.transport)
        if how == "cancel":
            call.cancel()
        if self.net.mrfc.killed or self.stopped:
            return self.later(d, call)
        try:
            resp = call.final(8)
        except Timeout:
            return self.later(d, call)
        if resp.code >= 300:
            self.note(d, "is answered", resp.code, resp.get("Warning"))
            self.refused[resp.code] = self.refused.get(resp.code, 0) + 1
            allowed = (487, 503, 480, 481, 408) if how in ("cancel", "replaces") else (503, 480)
            if resp.code not in allowed and not (resp.code == 403 and d.user.banned):
                self.fail(d, "refused", resp.code, resp.get("Warning"))
            return None
        leg = self.begin(d, call)
        leg.doomed = "joining"
        if how == "ack late":
            leg.late_ack = True
            LOOP.call_later(self.dice.choice((0.2, 1.0)), lambda: call.acked or call.ack())
        ue.take_answer(resp.text)
        self.open(d, leg)
        if how == "replaces":
            end = time.monotonic() + 5
            while other.device.leg is other and time.monotonic() < end and leg.doomed is None:
                self.tend()
                self.rest(0.02)
        return leg

    def later(self, d, call):
        """No answer yet: when it is a 200 after all, we hang up (tend())."""
        self.note(d, "has no answer yet")
        d.late.append(call)
        self.unsure(d.user)

    def rest(self, seconds):
        """Let time pass, as users do between two things."""
        done = []

        def over():
            done.append(1)
            LOOP.changed()
        LOOP.call_later(seconds, over)
        wait(lambda: done, seconds + 5, "time")

    def do_leave(self):
        leg = self.pick(l for l in self.legs() if l.device.user not in self.anchors)
        if leg:
            self.hang_up(leg, self.dice.random() < 0.5)

    def hang_up(self, leg, for_good):
        d = leg.device
        self.note(d, "leaves", "for good" if for_good else "")
        d.leg = None
        self.bye(leg.call, [("Reason", 'SIP;cause=200;text="left"')] if for_good else ())
        if for_good or self.leave == "bye":
            self.unsure(d.user)
        if self.dice.random() < 0.5:
            leg.session.conn.close()

    def bye(self, call, headers=()):
        """A BYE, said again until somebody answers it: over TCP the first may go with its server."""
        try:
            txn = call.bye(headers)
        except OSError:
            txn = None
        self.leaving.append((call, headers, txn, time.monotonic()))

    def say_bye_again(self):
        left, self.leaving = self.leaving, []
        for call, headers, txn, when in left:
            if txn and any(r.code >= 200 for r in txn.responses):
                continue
            if self.down() or (time.monotonic() - when < 2 and txn):
                self.leaving.append((call, headers, txn, when))
            elif call.ua.transport == "tcp" or txn is None:
                self.bye(call, headers)

    def do_vanish(self):
        leg = self.pick(self.legs())
        if leg:
            leg.mute = self.dice.random() < 0.15
            leg.doomed = "vanished"
            self.note(leg.device, "vanishes", "without a word" if leg.mute else "")
            if leg.mute:
                leg.device.leg = None
            leg.session.conn.reset()

    def do_move(self):
        """A re-INVITE with a new path."""
        leg = self.pick(l for l in self.legs() if not l.held)
        if not leg or self.down():
            return
        ue = leg.device.ue
        leg.busy = True
        self.note(leg.device, "moves")
        text = ue.offer(setup="passive")
        new = ue.session
        txn = leg.call.reinvite(text)
        try:
            resp = txn.final(8)
            if resp.code == 200:
                ue.take_answer(resp.text)
                leg.sessions.append(new)
                wait(lambda: new.conn or leg.call.ended, 5, "the switch")
            else:
                self.note(leg.device, "move answered", resp.code)
        except Timeout as err:
            self.note(leg.device, "move failed", repr(err)[:80])
            leg.doomed = "half moved"
        leg.busy = False

    def do_hold(self):
        leg = self.pick(l for l in self.legs() if not l.held and not l.doomed)
        if leg and not self.down():
            leg.busy = True
            self.note(leg.device, "holds and is back")
            for direction in ("sendonly", "sendrecv"):
                txn = leg.call.reinvite(leg.device.ue.offer(
                    new=False, direction=direction, setup="passive", path=leg.session.local))
                try:
                    txn.final(8)
                except Timeout:
                    leg.doomed = "half held"
                    break
                self.exempt_all(leg.device.user)
            leg.busy = False

    def exempt_all(self, user):
        for m in self.said:
            if not m.final or time.monotonic() - m.began < 1:
                m.exempt.add(user)

    def do_cross(self):
        """BYE crosses a re-INVITE of the same terminal."""
        leg = self.pick(l for l in self.legs() if l.device.user not in self.anchors)
        if leg and not self.down():
            leg.call.reinvite(leg.device.ue.offer())
            self.hang_up(leg, True)

    def do_kick(self):
        user = self.pick(u for u in self.others() if u.since)
        if not user or self.down():
            return
        for leg in user.legs:
            leg.doomed = "kicked"
        ban = self.dice.random() < 0.3
        self.unsure(user)
        status, _ = self.net.api("DELETE", "/v1/conferences/%s/participants/%s%s" % (
            self.room, quote(user.aor, safe=""), "?ban=1" if ban else ""))
        self.note(user, "is kicked", "and banned" if ban else "", status)
        if status == 204 and ban:
            user.banned = True

    def do_unban(self):
        user = self.pick(u for u in self.users if u.banned)
        if user and not self.down():
            status, _ = self.net.api("DELETE", "/v1/conferences/%s/bans/%s" % (
                self.room, quote(user.aor, safe="")))
            self.note(user, "is let in again", status)
            user.banned = status != 204

    def do_refer_bye(self):
        leg = self.pick(l for l in self.legs())
        user = self.pick(u for u in self.others() if u.since)
        if leg and user and leg.device.user is not user and not self.down():
            for l in user.legs:
                l.doomed = "kicked by REFER"
            self.unsure(user)
            self.note(leg.device, "REFERs BYE to", user)
            leg.call.refer("<%s;method=BYE>" % user.aor)

    def do_role(self):
        user = self.pick(u for u in self.others() if u.since)
        if user and not self.down():
            role = self.dice.choice(("speaker", "moderator", "owner"))
            status, _ = self.net.api("PATCH", "/v1/conferences/%s/participants/%s" % (
                self.room, quote(user.aor, safe="")), {"role": role})
            self.note(user, "is made", role, status)

    def do_invite(self):
        user = self.pick(u for u in self.users if not u.legs and not u.banned)
        leg = self.pick(self.legs())
        if not user or self.down():
            return
        if leg and self.dice.random() < 0.5:
            self.note(leg.device, "REFERs to", user)
            leg.call.refer("<%s>" % user.aor)
        else:
            status, _ = self.net.api("POST", "/v1/conferences/%s/participants" % self.room,
                                     {"uri": user.aor})
            self.note(user, "is invited by the API", status)

    def do_watch(self):
        leg = self.pick(self.legs())
        if leg and len(self.watches) < 4 and not self.down():
            sub = leg.device.ue.ua.subscribe(self.uri)
            try:
                code = sub.final(8).code
            except Timeout:
                return
            self.note(leg.device, "watches", code)
            if code == 200:
                watch = RosterWatch(sub)
                watch.user, watch.deaf = leg.device.user, False
                self.watches.append(watch)

    def do_deaf(self):
        """A watcher leaves one NOTIFY without an answer."""
        watch = self.pick(self.watches)
        if watch:
            def once(txn):
                watch.sub.answer = 200
            watch.sub.answer = once
            watch.deaf = True  # the focus may end it for that

    def do_twins(self):
        """Two start the same conference again at once."""
        if self.down():
            return
        pair = [UE("twin%d" % n, self.net) for n in (1, 2)]
        key = ("Contribution-ID", "c-" + new_id())
        calls = [u.invite("sip:conference-factory@" + self.net.domain, headers=[key]) for u in pair]
        try:
            answers = [c.final(10) for c in calls]
        except Timeout:
            answers = []
        good = [a for a in answers if a.code == 200]
        self.note("twins", [a.code for a in answers])
        if len({a.contact.uri for a in good}) > 1:
            self.fail("twins made two conferences")
        for c in calls:
            if any(r.code == 200 for r in c.txn.responses):
                self.bye(c, [("Reason", "SIP;cause=200")])
        self.rest(0.05)
        self.twins = getattr(self, "twins", []) + pair

    # -- what happens to the servers -------------------------------------------------------

    stopped = False

    def down(self):
        return self.net.mrfc.killed or self.net.mrfp.killed or self.stopped

    def in_doubt(self):
        """The MRFP dies now: what it had not passed on to who is in goes with it."""
        have = {u: u.has() for u in self.users}
        for m in self.said:
            for u in self.users:
                if m.key not in have[u] and not (u.away_since and u.away_since < m.tick and
                                                 m.status == 200):
                    m.exempt.add(u)

    def do_kill_mrfc(self):
        self.heal()
        self.note("kill mrfc")
        self.net.mrfc.kill()
        for _ in range(self.dice.randrange(0, 4)):
            self.pick((self.do_chat, self.do_vanish, self.do_leave, self.do_join))()
        self.net.start_mrfc()
        self.back()

    def do_kill_mrfp(self):
        self.heal()
        if self.dice.random() < 0.6:
            self.rest(1)
        self.tend()
        self.note("kill mrfp")
        self.net.mrfp.kill()
        self.in_doubt()
        self.rest(self.dice.choice((0.0, 0.3)))
        self.net.start_mrfp(up=False)
        self.back()

    def do_kill_both(self):
        self.heal()
        self.tend()
        self.note("kill both")
        first, second = self.dice.sample([self.net.mrfp, self.net.mrfc], 2)
        first.kill()
        second.kill()
        self.in_doubt()
        self.net.start_mrfc()
        self.net.start_mrfp(up=False)
        self.back()

    def do_term_mrfc(self):
        self.heal()
        self.note("TERM and start mrfc")
        wrong = self.net.mrfc.stop()
        if wrong:
            self.fail("the mrfc ended so:", wrong)
        self.net.start_mrfc()
        self.back()

    def do_stop(self):
        server = self.pick((self.net.mrfc, self.net.mrfp))
        self.note("STOP", server.name)
        server.signal(signal.SIGSTOP)
        self.stopped = True
        for _ in range(self.dice.randrange(0, 3)):
            self.pick((self.do_chat, self.do_vanish, self.do_leave))()
        self.rest(self.dice.choice((0.1, 0.5, 1.5)))
        server.signal(signal.SIGCONT)
        self.stopped = False
        self.note("CONT", server.name)

    def do_outage(self):
        if self.outage or self.down():
            return
        how = self.dice.choice(("locked", "full"))
        self.note("store", how)
        if how == "locked":
            db = sqlite3.connect(self.store, timeout=5, isolation_level=None)
            db.execute("BEGIN IMMEDIATE")

            def end():
                db.execute("ROLLBACK")
                db.close()
        else:
            pid = self.net.mrfc.pid
            before = resource.prlimit(pid, resource.RLIMIT_FSIZE)
            resource.prlimit(pid, resource.RLIMIT_FSIZE, (0, before[1]))

            def end():
                resource.prlimit(pid, resource.RLIMIT_FSIZE, before)
        self.outage = [end, self.dice.randrange(2, 6)]

    def heal(self):
        """No kill while the store fails: what it could not write would be lost by right."""
        if self.outage:
            self.outage[0]()
            self.outage = None
            self.note("store heals")
            self.net.mrfc.wait_metric(lambda m: m["mrfc_store_up"] == 1 and
                                      m["mrfc_store_unsaved_rows"] == 0, 20, "the store again")

    def back(self):
        poll(lambda: "up" in [m["state"] for m in self.net.api("GET", "/v1/mrfps")[1]["mrfps"]],
             15, "the MRFP at the MRFC")
        self.note("up again")
