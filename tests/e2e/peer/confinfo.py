# SPDX-License-Identifier: Apache-2.0
"""Conference-info documents (RFC 4575): one document, and a roster fed with a series of them."""

import xml.etree.ElementTree as ET

NS = "{urn:ietf:params:xml:ns:conference-info}"
XCON = "{urn:ietf:params:xml:ns:xcon-conference-info}"

ORDER = {
    "conference-info": ["conference-description", "host-info", "conference-state", "users",
                        "sidebars-by-ref", "sidebars-by-val"],
    "conference-description": ["display-text", "subject", "free-text", "keywords", "conf-uris",
                               "service-uris", "maximum-user-count", "available-media"],
    "conference-state": ["user-count", "active", "locked"],
    "user": ["display-text", "associated-aors", "roles", "languages", "cascaded-focus",
             "endpoint"],
    "endpoint": ["display-text", "referred", "status", "joining-method", "joining-info",
                 "disconnection-method", "disconnection-info", "media", "call-info"],
    "media": ["display-text", "type", "label", "src-id", "status"],
    "joining-info": ["when", "reason", "by"], "disconnection-info": ["when", "reason", "by"],
    "referred": ["when", "reason", "by"],
}
ENUMS = {
    ("endpoint", "status"): {"pending", "dialing-out", "dialing-in", "alerting", "on-hold",
                             "connected", "muted-via-focus", "disconnecting", "disconnected"},
    ("endpoint", "joining-method"): {"dialed-in", "dialed-out", "focus-owner"},
    ("endpoint", "disconnection-method"): {"departed", "booted", "failed", "busy"},
    ("media", "status"): {"recvonly", "sendonly", "sendrecv", "inactive"},
}
STATEFUL = {"conference-info", "users", "user", "endpoint", "sidebars-by-ref", "sidebars-by-val"}


def local(el):
    return el.tag.partition("}")[2]


class Document:
    """One document: entity, state, version, users; check() lists breaches of the schema's rules."""

    def __init__(self, body):
        self.root = ET.fromstring(body)
        assert self.root.tag == NS + "conference-info", self.root.tag
        self.entity = self.root.get("entity")
        self.state = self.root.get("state", "full")
        self.version = int(self.root.get("version")) if self.root.get("version") else None

    def text(self, *path):
        """Text of the element at that path of local names, or None."""
        el = self.root.find("/".join(NS + p for p in path))
        return None if el is None else (el.text or "")

    @property
    def user_count(self):
        value = self.text("conference-state", "user-count")
        return int(value) if value is not None else None

    @property
    def users(self):
        """{entity: User} of this document alone."""
        els = self.root.findall(NS + "users/" + NS + "user")
        return {el.get("entity"): User(el) for el in els}

    def check(self):
        """A list of sentences, empty when the document keeps the rules of RFC 4575."""
        bad = []
        if not self.entity:
            bad.append("no entity")
        if self.version is None or not 0 <= self.version < 1 << 32:
            bad.append("version %r" % self.version)
        self._check(self.root, "full", bad)
        if self.state == "full":
            for name in ("conference-description", "users"):
                if self.root.find(NS + name) is None:
                    bad.append("full without " + name)
        return bad

    def _check(self, el, parent_state, bad):
        name = local(el)
        state = el.get("state")
        if state is not None and name not in STATEFUL:
            bad.append("state on <%s>" % name)
        state = state or "full"
        if name in STATEFUL:
            if state not in ("full", "partial", "deleted"):
                bad.append("<%s state=%r>" % (name, state))
            if parent_state == "full" and state != "full" and name != "conference-info":
                bad.append("<%s> is %s in a full parent" % (name, state))
            if state == "deleted" and len(el):
                bad.append("deleted <%s> has children" % name)
        order = ORDER.get(name)
        if order:
            kinds = [local(c) for c in el if c.tag.startswith(NS)]
            known = [order.index(k) for k in kinds if k in order]
            if known != sorted(known):
                bad.append("children of <%s> out of order: %s" % (name, kinds))
        for child in el:
            allowed = ENUMS.get((name, local(child)))
            if allowed and (child.text or "").strip() not in allowed:
                bad.append("<%s> in <%s> is %r" % (local(child), name, child.text))
        for key, kind in (("entity", "user"), ("entity", "endpoint"), ("id", "media")):
            values = [c.get(key) for c in el if local(c) == kind]
            if len(values) != len(set(values)) or None in values:
                bad.append("keys of <%s>: %s" % (kind, values))
        for child in el:
            self._check(child, state if name in STATEFUL else parent_state, bad)


class User:
    def __init__(self, el):
        self.el = el
        self.entity = el.get("entity")
        self.state = el.get("state", "full")
        self.nickname = el.get(XCON + "nickname")
        self.display = el.findtext(NS + "display-text")
        self.roles = [e.text for e in el.findall(NS + "roles/" + NS + "entry")]
        self.endpoints = {e.get("entity"): Endpoint(e) for e in el.findall(NS + "endpoint")}

    @property
    def status(self):
        """Status of the first endpoint, or None."""
        return next((e.status for e in self.endpoints.values()), None)


class Endpoint:
    def __init__(self, el):
        self.el = el
        self.entity, self.state = el.get("entity"), el.get("state", "full")
        self.status = el.findtext(NS + "status")
        self.joining_method = el.findtext(NS + "joining-method")
        self.disconnection_method = el.findtext(NS + "disconnection-method")
        self.joined_when = el.findtext(NS + "joining-info/" + NS + "when")
        self.joined_by = el.findtext(NS + "joining-info/" + NS + "by")
        self.booted_by = el.findtext(NS + "disconnection-info/" + NS + "by")
        self.media_type = el.findtext(NS + "media/" + NS + "type")
        self.media_status = el.findtext(NS + "media/" + NS + "status")


class Roster:
    """What a subscriber believes after feed()ing every document in order (RFC 4575 4.6).

    users: {entity: {"nickname", "display", "roles", "endpoints": {entity: {...}}}}; `problems`
    collects version gaps and breaches of the schema's rules.
    """

    def __init__(self):
        self.version, self.users, self.user_count = None, {}, None
        self.deleted = False
        self.documents, self.problems = [], []

    def feed(self, body):
        doc = Document(body)
        self.documents.append(doc)
        self.problems += doc.check()
        if doc.state == "full":
            if self.version is not None and doc.version < self.version:
                self.problems.append("full version %s after %s" % (doc.version, self.version))
            self.users = {}
        elif doc.state == "deleted":
            self.deleted, self.users = True, {}
        elif self.version is None:
            self.problems.append("first document is " + doc.state)
        elif doc.version != self.version + 1:
            self.problems.append("partial version %s after %s" % (doc.version, self.version))
        self.version = doc.version
        if doc.user_count is not None:
            self.user_count = doc.user_count
        for user in doc.users.values():
            self._user(user)
        return doc

    def _user(self, user):
        if user.state == "deleted":
            self.users.pop(user.entity, None)
            return
        mine = self.users.get(user.entity) if user.state == "partial" else None
        if mine is None:
            mine = {"nickname": None, "display": None, "roles": [], "endpoints": {}}
            self.users[user.entity] = mine
        if user.nickname is not None:
            mine["nickname"] = user.nickname or None
        if user.display is not None:
            mine["display"] = user.display
        if user.roles:
            mine["roles"] = user.roles
        for ep in user.endpoints.values():
            if ep.state == "deleted":
                mine["endpoints"].pop(ep.entity, None)
                continue
            old = mine["endpoints"].get(ep.entity, {}) if ep.state == "partial" else {}
            new = {k: v for k, v in vars(ep).items() if k != "el" and v is not None}
            mine["endpoints"][ep.entity] = {**old, **new}

    def connected(self):
        """Entities of users that have an endpoint in status connected."""
        return {u for u, v in self.users.items()
                if any(e.get("status") == "connected" for e in v["endpoints"].values())}
