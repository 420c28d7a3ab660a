"""The judge. When the clients are silent and the workers have caught up and left, it looks at what the run came to:

  - what was answered 202 is in the streams; nothing is there that was not sent
  - each event took effect once: the counter of events says how many ids there are, that of duplicates how often one came
    again
  - `inspect entries` replayed in memory (`replay --entries`) gives the live patterns, in all columns
  - nothing is in quarantine, lost, or forgotten; for each partition entries added = committed + lag

It can be asked again and again on one data set: each round has users and event_ids of its own, and only those of the
round are compared, so that the streams may be trimmed behind it."""
import json
import re
import time

from .places import Violation, until
from .resp import RedisError

NEVER = ("quarantined", "lost", "seen_forgotten")
SHOWN = 3  # examples of a difference


# The lag is counted: lua/stream_vitals.lua says why XINFO GROUPS does not know it.
BALANCE = """
local at = redis.call('HGET', KEYS[2], 'id') or '0-0'
local position = tonumber(redis.call('HGET', KEYS[2], 'entries') or '0')
if redis.call('EXISTS', KEYS[1]) == 0 then return {0, position, 0, '', at} end
local info = redis.call('XINFO', 'STREAM', KEYS[1])
local added
for i = 1, #info, 2 do if info[i] == 'entries-added' then added = info[i + 1] end end
local pending = redis.call('XPENDING', KEYS[1], 'core')
return {added, position, #redis.call('XRANGE', KEYS[1], '(' .. at, '+'), pending[2] or '', at}
"""


def entry_id(text):
    return tuple(map(int, text.split("-")))


def balance(rig, timeout_s=10):
    """For each partition, in one moment of Redis: entries added = committed + lag, and nothing that is committed still waits
    for its acknowledgement. Returns the sum of the lags."""
    total = 0
    with rig.redis(timeout_s) as redis:
        for p in range(rig.partitions):
            try:
                added, committed, lag, pending, at = redis.call("EVAL", BALANCE, 2, rig.key(p, "events"),
                                                                rig.key(p, "position"))
            except RedisError as error:
                if "NOGROUP" in str(error):
                    continue  # nobody has taken it yet
                raise
            total += lag
            if added != committed + lag:
                raise Violation(f"partition {p}: {added} entries added, {committed} committed, {lag} lag")
            if pending and entry_id(pending) <= entry_id(at):
                raise Violation(f"partition {p}: committed up to {at}, and {pending} is not acknowledged")
    return total


class Round:
    """What the export of the streams says of one round."""

    def __init__(self, tag, lines):
        self.ids, self.lines = set(), 0
        mark = f'"event_id":"{tag}-'
        for line in lines:
            if mark not in line:
                continue
            event = json.loads(line)["event"]
            self.ids.add(event["event_id"])
            self.lines += 1


class Judge:
    def __init__(self, rig, clients):
        self.rig, self.clients = rig, clients
        self.events = self.duplicates = 0  # of all rounds so far
        self.patterns, self.longest_s, self.lost = 0, 0, 0

    def judge(self, others=0, lossy=False):
        """The clients are paused, whatever was broken is mended and runs. Leaves without workers; begins a new round.
        others: events that the test sent itself, in the same way. lossy: Redis may have forgotten some, but whole."""
        began = time.monotonic()
        self.rig.look_after()
        until("all is processed", self.caught_up)
        self.longest_s = max(self.longest_s, time.monotonic() - began)
        until("/ready tells of no lag", self.says_so)
        self.rig.look_after()
        self.come_to_rest()
        self.look_for_never()
        tag = f"r{self.clients.round}"
        entries = self.rig.path("entries")
        with open(entries, "w") as file:
            file.write(self.rig.run("inspect", "entries", "--redis", self.rig.url))
        self.events += others
        with open(entries) as file:
            self.count(Round(tag, file), lossy)
        self.compare(tag, entries)
        self.clients.begin_round()

    def caught_up(self):
        partitions = self.rig.get("/api/partitions")[1]
        return len(partitions) == self.rig.partitions and all(p["lag"] == 0 for p in partitions)

    def says_so(self):
        return json.loads(self.rig.ask("GET", "/ready")[2])["lag_max"] == 0

    def come_to_rest(self):
        for worker in self.rig.role("worker"):
            worker.leave()
        lag = balance(self.rig)
        if lag != 0:
            raise Violation(f"the workers were told to end and leave {lag} entries behind")

    def look_for_never(self):
        for field in NEVER:
            if n := self.rig.counted(field):
                raise Violation(f"the counter {field} is {n}")
        with self.rig.redis() as redis:
            for p in range(self.rig.partitions):
                if n := redis.call("XLEN", self.rig.key(p, "quarantine")):
                    raise Violation(f"{n} entries in {self.rig.key(p, 'quarantine')}")

    def count(self, found, lossy):
        missing = self.clients.accepted - found.ids
        self.lost = len(missing)
        if missing and not lossy:
            raise Violation(f"{len(missing)} events were answered 202 and are nowhere: {sorted(missing)[:SHOWN]}")
        strange = found.ids - self.clients.sent
        if strange:
            raise Violation(f"{len(strange)} events were never sent: {sorted(strange)[:SHOWN]}")
        self.events += len(found.ids)
        self.duplicates += found.lines - len(found.ids)
        for field, expected in (("events", self.events), ("duplicates", self.duplicates)):
            counted = self.rig.counted(field)
            if counted != expected:
                raise Violation(f"the counter {field} is {counted}; the streams say {expected}")

    def compare(self, tag, entries):
        of_round = re.compile(rf"\b{tag}c").search
        live, replayed = {}, {}
        for pattern in self.live():
            if of_round(pattern["user_id"]):
                live[pattern["pattern_id"]] = pattern
        for line in self.rig.run("replay", "--entries", entries).splitlines():
            pattern = json.loads(line)
            if of_round(pattern["user_id"]):
                replayed[pattern["pattern_id"]] = pattern
        self.patterns += len(live)
        if live != replayed:
            self.tell_difference(live, replayed)

    def live(self):
        path = "/api/patterns?limit=500"
        while path:
            headers, patterns = self.rig.get(path)
            yield from patterns
            link = re.match(r"<([^>]*)>; *rel=\"?next", headers.get("Link") or "")
            path = link and link[1]

    def tell_difference(self, live, replayed):
        with open(self.rig.path("differences"), "w") as out:
            for one in sorted(live.keys() | replayed.keys()):
                if live.get(one) != replayed.get(one):
                    print("live    ", json.dumps(live.get(one), sort_keys=True), file=out)
                    print("replayed", json.dumps(replayed.get(one), sort_keys=True), file=out)
        with open(self.rig.path("differences")) as out:
            shown = "".join(line[:1500] for line in out.readlines()[:2 * SHOWN])
        raise Violation(f"the patterns differ from those of the stream: {len(live.keys() - replayed.keys())} only live, "
                        f"{len(replayed.keys() - live.keys())} only in the replay; see `differences`\n{shown}")
