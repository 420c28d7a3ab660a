"""A reader of GET /api/stream that comes back with Last-Event-ID, to whichever server, whatever has become of the last one,
and now and then hangs up by itself, in the midst of anything.

What it has put together from `pattern` and `erased` must in the end be what the lists say; after a `reset` it reads those
anew. No change reaches it twice, and none is about a pattern whose beginning it was not told. One exception: what was made
before a reset may be raised after it and erased before the lists are read. It is in none of them then, the change is told
all the same, and the erasure must follow."""
import http.client
import json
import random
import re
import threading
import time
import urllib.parse

from .places import PATIENCE_S, Violation, until

SILENCE_S = 40        # a living server says something every 15 s
HANGS_UP = .004       # after an event
AWAY_S = (.1, .1, 3)  # at most, before it comes back
ONCE = ("new", "resolved", "erased")
SHOWN = 3


def places(text):
    """Where it is in each partition's feed, says the id of an event (src/app/place.h): [(ms, seq)]."""
    latest, *parts = text.split(".")
    found = []
    for part in parts:
        ago, _, within = part.partition("_")
        found.append((0, 0) if part == "-" else (int(latest, 36) - int(ago, 36), int(within or "0", 36) // 256))
    return found


class Follower(threading.Thread):
    def __init__(self, port, seed, **filters):
        super().__init__(daemon=True)
        self.port, self.filters = port, filters
        self.r = random.Random(f"{seed} follower {filters}")
        self.lock = threading.Lock()
        self.known, self.told = {}, {}  # by pattern_id: the pattern, the changes of it
        self.to_be_erased = set()       # told of since the lists were read, but in none of them
        self.last_id = None
        self.counts = {"connections": 0, "changes": 0, "erased": 0, "resets": 0}
        self.ended = threading.Event()
        self.failed = None
        self.start()

    def run(self):
        try:
            while not self.ended.is_set():
                try:
                    self.listen()
                except (OSError, http.client.HTTPException):
                    pass  # it comes back
                self.ended.wait(self.r.random() * self.r.choice(AWAY_S))
        except Exception as error:  # whatever it is, the test must hear of it
            self.failed = error

    def listen(self):
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=SILENCE_S)
        try:
            headers = {"Last-Event-ID": self.last_id} if self.last_id else {}
            connection.request("GET", "/api/stream?" + urllib.parse.urlencode(self.filters), headers=headers)
            answer = connection.getresponse()
            if answer.status != 200:
                if answer.status != 503:
                    raise Violation(f"GET /api/stream is answered {answer.status}: {answer.read()[:300]}")
                return
            self.counts["connections"] += 1
            self.read(answer)
        finally:
            connection.close()

    def read(self, answer):
        fields = {}
        while not self.ended.is_set():
            line = answer.readline()
            if not line.endswith(b"\n"):
                return
            name, _, value = line.decode().rstrip("\n").partition(": ")
            if name:
                fields[name] = value
                continue
            with self.lock:
                self.take(fields)
            fields = {}
            if self.r.random() < HANGS_UP:
                return

    def take(self, fields):
        kind = fields.get("event")
        if kind == "pattern":
            said = json.loads(fields["data"])
            self.change(said["change"], said["pattern"]["pattern_id"], said["pattern"])
        elif kind == "erased":
            self.change(kind, json.loads(fields["data"])["pattern_id"], None)
        elif kind == "reset":
            self.counts["resets"] += 1
            self.last_id = fields["id"]
            self.begin_anew()
        self.last_id = fields.get("id") or self.last_id

    def change(self, what, one, pattern):
        told = self.told.setdefault(one, [])
        told.append(what)
        self.counts["changes"] += 1
        if what in ONCE and told.count(what) > 1:
            raise Violation(f"a reader is told twice that {one} is {what}: {told}")
        if told.count("erased") and what != "erased":
            raise Violation(f"a reader is told of {one}, which is erased: {told}")
        if pattern is None:
            self.counts["erased"] += 1
            self.known.pop(one, None)
            self.to_be_erased.discard(one)
        elif what == "new" or one in self.known or self.filters:
            self.known[one] = pattern
        elif self.counts["resets"]:
            self.to_be_erased.add(one)
        else:
            raise Violation(f"a reader is told that {one} is {what}, but never that there is one: {pattern}")

    def begin_anew(self):
        """The lists, as they are after the reset: what is told from there on is later, or the same."""
        self.known, self.told, self.to_be_erased = {}, {}, set()
        began = time.monotonic()
        path = "/api/patterns?" + urllib.parse.urlencode({"limit": 500, **self.filters})
        while path and not self.ended.is_set():
            if time.monotonic() - began > PATIENCE_S:
                raise Violation(f"GET {path} is not answered")
            connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=SILENCE_S)
            try:
                connection.request("GET", path)
                answer = connection.getresponse()
                patterns, link = json.loads(answer.read()), answer.headers.get("Link") or ""
            except (OSError, http.client.HTTPException):
                continue
            finally:
                connection.close()
            if answer.status == 200:
                self.known.update((pattern["pattern_id"], pattern) for pattern in patterns)
                path = (re.match(r"<([^>]*)>; *rel=\"?next", link) or [None, None])[1]
            else:
                self.ended.wait(.05)

    # ---- for the test

    def check(self):
        if self.failed:
            raise self.failed

    def await_place(self):
        """From here on it must hear of everything."""
        until("a reader of the stream has an id to come back with", lambda: self.check() or self.last_id)

    def judge(self, live, of_round, seconds=PATIENCE_S):
        """live: {pattern_id: pattern} of the round; nothing changes any more."""
        wanted = {one: pattern for one, pattern in live.items()
                  if all(pattern[field] == value for field, value in self.filters.items())}
        seen = {}

        def same():
            self.check()
            with self.lock:
                seen["known"] = {one: p for one, p in self.known.items() if of_round(p["user_id"])}
                seen["orphans"] = set(self.to_be_erased)
            return seen["known"] == wanted and not seen["orphans"]
        try:
            until("a reader of the stream knows what there is", same, seconds)
        except Violation:
            self.check()
            if seen["orphans"]:
                raise Violation(f"a reader of the stream was told of {seen['orphans']}, which no list has, but not that they "
                                f"are erased") from None
            self.tell_difference(seen["known"], wanted)

    def forget(self, ends):
        """ends: of the feeds, [(ms, seq)]. A pattern is told as it is by then, so who knows it may still have to be told of
        changes that have made it so; only behind the last one nothing follows about what is resolved."""
        until("a reader of the stream has been told all", lambda: self.check() or places(self.last_id) == ends)
        with self.lock:
            self.known = {one: pattern for one, pattern in self.known.items() if not pattern["resolved"]}
            self.told = {one: self.told[one] for one in self.known if one in self.told}

    def tell_difference(self, known, wanted):
        shown = [f"{one}: knows {known.get(one)}, there is {wanted.get(one)}; told {self.told.get(one)}"
                 for one in known.keys() | wanted.keys() if known.get(one) != wanted.get(one)]
        raise Violation(f"a reader of the stream {self.filters} knows {len(known)} patterns, there are {len(wanted)}; "
                        f"{len(shown)} differ\n" + "\n".join(shown[:SHOWN]))

    def end(self):
        self.ended.set()
