#!/usr/bin/env python3
"""Would the judge of the other tests see it? After a quiet run that it finds right, one thing after the other is damaged in
Redis, as a fault of the program would leave it, and mended again: each time it must say just that.
Usage: test_judge.py PATH_TO_BEHAVIORLENS"""
import os
import sys

sys.dont_write_bytecode = True
sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "../support"))

from rig import Clients, Judge, Violation, run_test, until  # noqa: E402
from rig.erase import Eraser  # noqa: E402
from rig.follow import Follower  # noqa: E402
from rig.traffic import Resolver  # noqa: E402

EVENTS, ERASURES, PATTERNS = 400, 3, 40
SEES_S = .3  # before it says of what can come true yet that it is not


def counter(field):
    def damage(it):
        key = it.rig.key(it.partition, "counters")
        it.redis.call("HINCRBY", key, field, "1")
        return lambda: it.redis.call("HINCRBY", key, field, "-1")
    return damage


def event_lost(it):
    it.clients.accepted.add("r1-0-never")
    return lambda: it.clients.accepted.remove("r1-0-never")


def pattern_lost(it):
    key, (one, score) = it.rig.key(it.partition, "patterns"), it.pattern
    it.redis.call("ZREM", key, one)
    return lambda: it.redis.call("ZADD", key, score, one)


def tombstone_lost(it):
    key = it.rig.key(it.erased_in, "tombstones")
    (one, at), = zip(*[iter(it.redis.call("ZRANGE", key, "0", "0", "WITHSCORES"))] * 2)
    it.redis.call("ZREM", key, one)
    return lambda: it.redis.call("ZADD", key, at, one)


def erased_in_value(it):
    it.redis.call("RPUSH", it.rig.key(it.partition, "recent"), '{"user_id":"%s"}' % it.erased)
    return lambda: it.redis.call("RPOP", it.rig.key(it.partition, "recent"))


def erased_in_key(it):
    key = it.rig.key(it.erased_in, f"checkout:{it.erased}")
    it.redis.call("SET", key, "1")
    return lambda: it.redis.call("DEL", key)


def tell(change):
    """What the change feed should not hold; not to be taken back."""
    def damage(it):
        changes = it.follower.counts["changes"]
        it.redis.call("XADD", it.rig.key(it.partition, "changes"), "*", "change", change, "pattern_id", it.pattern[0])
        until("the reader is told", lambda: it.follower.counts["changes"] > changes)
    return damage


DAMAGES = [  # what, what is said of it, how
    ("an event is lost", "are nowhere", event_lost),
    ("an event counts twice", "the counter events is", counter("events")),
    ("a duplicate is not counted", "the counter duplicates is", counter("duplicates")),
    ("an event of the erased counts twice", "the counter erased is", counter("erased")),
    ("open patterns are miscounted", "the counter open is", counter("open")),
    ("a pattern is lost", "the patterns differ", pattern_lost),
    ("an erasure is forgotten", "the report is 404", tombstone_lost),
    ("an event of the erased is kept", "left in Redis", erased_in_value),
    ("a key of the erased is kept", "left in Redis", erased_in_key),
    ("a reader is told too much", "a reader of the stream {} knows", tell("erased")),
    ("a reader is told twice", "told twice", tell("new")),
]


class It:
    def __init__(self, rig):
        self.rig = rig
        rig.add_all(1, 2)
        self.follower = Follower(rig.port, 1)
        self.follower.await_place()
        self.clients = Clients(rig.port, 1, others=(Eraser, Resolver))
        self.judge = Judge(rig, self.clients, followers=[self.follower])

    def has_run(self):
        self.clients.check()
        counts = self.clients.counts
        return (len(self.clients.accepted) > EVENTS and counts.get("erased", 0) >= ERASURES
                and self.follower.counts["changes"] > PATTERNS)

    def choose(self, found):
        """What is damaged."""
        self.redis = self.rig.redis()
        self.erased = min(found.gone)
        tombstones = self.redis.pipe([("ZCARD", self.rig.key(p, "tombstones")) for p in range(self.rig.partitions)])
        self.erased_in = next(p for p, n in enumerate(tombstones) if n)
        known = self.redis.pipe([("ZRANGE", self.rig.key(p, "patterns"), "0", "0", "WITHSCORES")
                                 for p in range(self.rig.partitions)])
        self.partition, self.pattern = next((p, pattern) for p, pattern in enumerate(known) if pattern)

    def sees(self, found, what, says, damage):
        mend = damage(self)
        try:
            self.judge.verdict(found, seconds=SEES_S)
        except Violation as violation:
            if says not in str(violation):
                raise
        else:
            raise Violation(f"the judge does not see that {what}")
        if mend:  # or the next one would be hidden behind it
            mend()

    def run(self):
        self.clients.go()
        until("there is something to judge", self.has_run)
        self.clients.pause()
        found = self.judge.rest()
        self.choose(found)
        patterns = self.judge.verdict(found)
        for damage in DAMAGES:
            self.sees(found, *damage)
        self.follower.end()
        self.clients.end()
        print(f"{len(DAMAGES)} damages seen in {self.judge.events} events, {patterns} patterns")


run_test(lambda rig: It(rig).run())
