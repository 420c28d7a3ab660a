#!/usr/bin/env python3
"""More users are behind than one commit stores (which a debug build lets a test say): they are stored in parts. The worker is
killed when some are stored and others are not yet, its successors when they go on with it, and another one later: each event
takes effect once, and the patterns are those of the stream.
Load is a matter of bytes: few events, each with so much padding that it is one, on any machine.
Usage: test_parts.py PATH_TO_BEHAVIORLENS"""
import json
import os
import sys
import threading
import time

sys.dont_write_bytecode = True
sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "../support"))

from rig import Judge, run_test, until  # noqa: E402

WORKER = ["--lease", "400ms", "--renew", "100ms", "--checkpoint", "4s", "--event-memory-max", "1000000"]
PART = 1000
USERS = 6000  # of one partition
BATCH, BATCHES_A_SECOND = 250, 12
PADDING, PADDING_MAX = 3000, 7000
PAGES = ("/a", "/b")
CAUGHT = (1, 4, 2)  # killed when so many parts are stored: two of one checkpoint, one of another
TRIES = 40


class Crowd:
    """Everybody comes by again and again, one batch after the other: who goes to and fro goes in circles."""

    def __init__(self, rig):
        self.rig, self.round, self.n, self.padding, self.next_at = rig, 1, 0, PADDING, 0
        self.sent, self.accepted, self.wishes = set(), set(), {}

    def begin_round(self):
        self.round += 1
        self.sent, self.accepted = set(), set()

    def event(self):
        i, self.n = self.n, self.n + 1
        return {"user_id": f"r{self.round}c-{i % USERS}", "event_id": f"r{self.round}-{i}", "action": "page_view",
                "page": PAGES[i // USERS % 2], "metadata": {"x": "." * self.padding}}

    def send(self):
        events = [self.event() for _ in range(BATCH)]
        ids, body = [e["event_id"] for e in events], json.dumps(events)
        self.sent.update(ids)
        time.sleep(max(0, self.next_at - time.monotonic()))
        self.next_at = max(time.monotonic(), self.next_at + 1 / BATCHES_A_SECOND)
        until("a batch is taken", lambda: self.rig.ask("POST", "/events/batch", body)[0] == 202)
        self.accepted.update(ids)


class Killer(threading.Thread):
    """Kills the worker as soon as so many parts are stored, having been fewer."""

    def __init__(self, rig, worker, parts):
        super().__init__(daemon=True)
        self.rig, self.worker, self.parts, self.struck, self.ended = rig, worker, parts, False, False
        self.start()

    def run(self):
        fewer = False
        with self.rig.redis() as redis:
            while not self.ended and not self.struck:
                enough = redis.call("LLEN", self.rig.key(0, "users_stored")) >= PART * self.parts
                if enough and fewer:
                    self.worker.kill()
                    self.struck = True
                fewer = fewer or not enough


def stored(rig):
    """How many are stored of those that were behind; 0: nobody is behind, or all are."""
    with rig.redis() as redis:
        behind, part, at = redis.call("HMGET", rig.key(0, "position"), "users_id", "users_part_id", "id")
        return redis.call("LLEN", rig.key(0, "users_stored")) if behind and part == at else 0


def caught_between(rig, crowd, parts):
    """The worker is dead, and some were stored, not all: so many. 0: it was too late."""
    worker = rig.role("worker")[0]
    killer, before = Killer(rig, worker, parts), crowd.n
    try:
        while not killer.struck:
            crowd.send()
            if crowd.n - before > 20 * USERS:  # no load to this machine
                crowd.padding, before = min(PADDING_MAX, crowd.padding * 2), crowd.n
    finally:
        killer.ended = True
        killer.join()
    n = stored(rig)
    worker.start()
    return n


def test(rig):
    rig.partitions = 1
    with open(rig.config) as rules:
        rig.write("rules.yaml", "partitions: 1\n" + rules.read())
    rig.add_redis()
    rig.add_serve(0)
    rig.add_worker(0, *WORKER, BEHAVIORLENS_TEST_PART=str(PART))
    rig.await_ready()
    crowd = Crowd(rig)
    judge = Judge(rig, crowd)
    caught = []
    for _ in range(TRIES):
        if n := caught_between(rig, crowd, CAUGHT[len(caught)]):
            caught.append(n)
        if len(caught) == len(CAUGHT):
            break
    print(f"killed with so many users stored of those that were behind: {caught}", flush=True)
    if len(caught) < len(CAUGHT):
        sys.exit(f"of {TRIES} kills {len(caught)} came between two parts")
    judge.judge()
    print(f"{judge.events} events, {judge.patterns} patterns", flush=True)
    with rig.redis() as redis:
        left = redis.call("EXISTS", rig.key(0, "users_stored"))
    if left:
        sys.exit("what was noted of parts is still there")


run_test(test)
