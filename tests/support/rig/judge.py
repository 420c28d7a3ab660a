"""The judge. When the clients are silent and the workers have caught up and left, it looks at what the run came to:

  - what was answered 202 is in the streams; nothing is there that was not sent
  - each event took effect once: the counters say how many did, how often one came again, and how many came of users who
    were erased by then
  - `inspect entries` replayed in memory (`replay --entries`) gives the live patterns, in all columns
  - who is erased is nowhere (erase.py); the readers of the stream know the live patterns (follow.py)
  - nothing is in quarantine, lost, or forgotten; for each partition entries added = committed + lag

It can be asked again and again on one data set: each round has users and event_ids of its own, and only those of the
round are compared, so that the streams may be trimmed behind it."""
import json
import re
import time

from .erase import judge_erased
from .places import PATIENCE_S, Violation, until
from .resp import RedisError

NEVER = ("quarantined", "lost", "seen_forgotten")
RECEIVED = re.compile(r'{"received":(\d+),"partition":(\d+),')
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
    """What the export of the streams says of one round: each partition's entries in their order."""

    def __init__(self, tag, lines):
        self.ids, self.gone = set(), set()
        self.taken, self.duplicates, self.dropped, self.erasures = set(), 0, 0, 0
        mark = f'"event_id":"{tag}-'
        of_round = re.compile(rf"\b{tag}c").search
        for line in lines:
            if mark in line:
                self.event(json.loads(line)["event"])
            elif '"command":{"command":"erase"' in line or '"command":{"command":"readmit"' in line:
                command = json.loads(line)["command"]
                if of_round(command["user_id"]):
                    self.command(command["command"], command["user_id"])

    def event(self, event):
        one = event["user_id"], event["event_id"]
        self.ids.add(event["event_id"])
        if event["user_id"] in self.gone:
            self.dropped += 1
        elif one in self.taken:
            self.duplicates += 1
        else:
            self.taken.add(one)

    def command(self, command, user):
        if command == "erase":
            self.gone.add(user)
            self.erasures += 1
        else:
            self.gone.discard(user)


class Judge:
    def __init__(self, rig, clients, veterans=(), followers=()):
        self.rig, self.clients, self.veterans, self.followers = rig, clients, veterans, followers
        self.events = self.duplicates = self.dropped = self.erasures = 0  # of all rounds so far
        self.patterns, self.longest_s, self.lost = 0, 0, 0

    def judge(self, others=0, lossy=False):
        """The clients are paused, whatever was broken is mended and runs. Leaves without workers; begins a new round.
        others: events that the test sent itself, in the same way. lossy: Redis may have forgotten some, but whole."""
        found = self.rest(others)
        self.patterns += self.verdict(found, lossy)
        ends = self.feed_ends()
        for follower in self.followers:
            follower.forget(ends)
        self.clients.begin_round()

    def rest(self, others=0):
        """When nothing happens any more: what the streams say."""
        began = time.monotonic()
        self.rig.look_after()
        until("all is processed", self.caught_up)
        self.longest_s = max(self.longest_s, time.monotonic() - began)
        until("/ready tells of no lag", self.says_so)
        self.rig.look_after()
        self.come_to_rest()
        with open(self.export()) as file:
            found = Round(self.tag(), file)
        self.events += len(found.taken) + others
        self.duplicates += found.duplicates
        self.dropped += found.dropped
        self.erasures += found.erasures
        return found

    def tag(self):
        return f"r{self.clients.round}"

    def verdict(self, found, lossy=False, seconds=PATIENCE_S):
        """The number of patterns. Can be asked again."""
        self.look_for_never()
        self.count(found, lossy)
        of_round = re.compile(rf"\b{self.tag()}c").search
        live = self.compare(of_round)
        judge_erased(self.rig, self.clients.wishes, found.gone, seconds)
        for follower in self.followers:
            follower.judge(live, of_round, seconds)
        return len(live)

    def caught_up(self):
        partitions = self.rig.get("/api/partitions")[1]
        return len(partitions) == self.rig.partitions and all(p["lag"] == 0 for p in partitions)

    def says_so(self):
        return json.loads(self.rig.ask("GET", "/ready")[2])["lag_max"] == 0

    def come_to_rest(self):
        """Nobody works: the workers are told to end, but for veterans, who stand still and hold all partitions."""
        standing = [worker for worker in self.rig.role("worker") if worker.name in self.veterans]
        for worker in self.rig.role("worker"):
            if worker not in standing:
                worker.leave()
        if standing:
            until("the veterans stand still with nothing in hand", lambda: self.stand_still(standing))
        balance(self.rig)
        self.ends = [self.end_of(p) for p in range(self.rig.partitions)]

    def end_of(self, p):
        """Up to when a partition is processed. What comes behind can only be the tick that ends an erasure."""
        with self.rig.redis() as redis:
            at = redis.call("HGET", self.rig.key(p, "position"), "id") or "0-0"
            left = [entry for entry in redis.call("XRANGE", self.rig.key(p, "events"), f"({at}", "+") if entry[1][0] != "tick"]
        if left:
            raise Violation(f"the workers were told to end and leave {len(left)} entries behind: {str(left)[:500]}")
        return entry_id(at)[0]

    def feed_ends(self):
        with self.rig.redis() as redis:
            last = redis.pipe([("XREVRANGE", self.rig.key(p, "changes"), "+", "-", "COUNT", "1")
                               for p in range(self.rig.partitions)])
        return [entry_id(entries[0][0]) if entries else (0, 0) for entries in last]

    def export(self):
        """What was processed of the streams, in a file."""
        lines = self.rig.run("inspect", "entries", "--redis", self.rig.url).splitlines(keepends=True)
        with open(self.rig.path("entries"), "w") as file:
            for line in lines:
                received, partition = map(int, RECEIVED.match(line).groups())
                if received <= self.ends[partition]:
                    file.write(line)
        return file.name

    def stand_still(self, workers):
        if not self.hold_all(workers) or balance(self.rig) != 0:
            return False
        for worker in workers:
            worker.stop()
        with self.rig.redis() as redis:
            redis.call("CLIENT", "KILL", "TYPE", "normal")  # what they have sent is there, or never comes
        if self.hold_all(workers) and balance(self.rig) == 0:
            return True
        for worker in workers:
            worker.go_on()
        return False

    def hold_all(self, workers):
        with self.rig.redis() as redis:
            leases = redis.pipe([("GET", self.rig.key(p, "lease")) for p in range(self.rig.partitions)])
        return all(any(f"-{worker.pid}-" in (lease or "") for worker in workers) for lease in leases)

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
        for field, expected in (("events", self.events), ("duplicates", self.duplicates), ("erased", self.dropped),
                                ("open", self.open())):
            counted = self.rig.counted(field)
            if counted != expected:
                raise Violation(f"the counter {field} is {counted}; the streams say {expected}")

    def open(self):
        with self.rig.redis() as redis:
            return sum(redis.pipe([("ZCARD", self.rig.key(p, "patterns:open")) for p in range(self.rig.partitions)]))

    def compare(self, of_round):
        """The live patterns, if they are those of the stream."""
        live, replayed = {}, {}
        for pattern in self.live():
            if of_round(pattern["user_id"]):
                live[pattern["pattern_id"]] = pattern
        for line in self.rig.run("replay", "--entries", self.rig.path("entries")).splitlines():
            pattern = json.loads(line)
            if of_round(pattern["user_id"]):
                replayed[pattern["pattern_id"]] = pattern
        if live != replayed:
            self.tell_difference(live, replayed)
        return live

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
