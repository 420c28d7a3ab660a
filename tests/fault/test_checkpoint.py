#!/usr/bin/env python3
"""Under load users are stored behind the rest. Workers are killed just then, one by one and all at once, and so is Redis:
each event answered 202 takes effect once all the same, and the patterns are those of the stream.
Load is a matter of bytes: clients send few events, and each with so much padding that it is one, on any machine.
Usage: test_checkpoint.py PATH_TO_BEHAVIORLENS"""
import glob
import os
import random
import sys
import time

sys.dont_write_bytecode = True
sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "../support"))

from rig import Clients, Judge, Violation, balance, run_test, until  # noqa: E402

WORKER = ["--lease", "400ms", "--renew", "100ms"]
PADDING = 7000        # with 1,000 events a second, more than the 5 MB of BL_CALM_BYTES
PADDING_MAX = 8000    # of the 8 KB that metadata may have
RATE_MAX = 3000
MORE_S = 3            # without load for so long: more of it
PATIENCE_S = 240
KILLS, KILLS_OF_ALL, KILLS_OF_REDIS = 8, 2, 2
r = random.Random(23)


def behind(rig):
    """{partition: lease} of those whose users are behind."""
    with rig.redis() as redis:
        said = redis.pipe([command for p in range(rig.partitions) for command in
                           (("HEXISTS", rig.key(p, "position"), "users_id"), ("GET", rig.key(p, "lease")))])
    return {p: said[2 * p + 1] or "" for p in range(rig.partitions) if said[2 * p]}


class Load:
    """As much as it takes."""

    def __init__(self, clients):
        self.clients = clients

    def leaves_behind(self, what, looks):
        """What looks() says, as soon as it says anything."""
        self.more_at = time.monotonic() + MORE_S

        def look():
            self.clients.check()
            said = looks()
            if not said and time.monotonic() > self.more_at:
                self.more_at = time.monotonic() + MORE_S
                self.clients.rate = min(RATE_MAX, self.clients.rate * 1.5)
                self.clients.padding = min(PADDING_MAX, self.clients.padding * 5 // 4)
            return said
        return until(what, look, PATIENCE_S)


def held_behind(rig, worker):
    return {p for p, lease in behind(rig).items() if f"-{worker.pid}-" in lease}


def brought_up(rig):
    """How often new owners have."""
    n = 0
    for name in glob.glob(rig.path("worker-*.log")):
        with open(name, errors="replace") as log:
            n += sum("users are brought up to the position" in line for line in log)
    return n


def dies(rig, load, victims, looks, what):
    """Kills the victims while users are behind; true: they were still when the victims were dead."""
    before = brought_up(rig)
    partitions = load.leaves_behind(f"users are behind with {what}", looks)
    time.sleep(r.random() * .3)  # anywhere between two checkpoints
    for victim in victims:
        victim.kill()
    left = partitions & behind(rig).keys() if what != "redis" else partitions
    for victim in victims:
        victim.start()
    if what == "redis":
        rig.await_redis()
        left = behind(rig).keys()
    if left:
        until(f"what {what} left behind is brought up", lambda: brought_up(rig) > before)
    rig.look_after()
    balance(rig)
    return bool(left)


def workers_die(rig, load):
    for i in range(KILLS):
        victim = rig.role("worker")[i % 4]
        while not dies(rig, load, [victim], lambda: held_behind(rig, victim), victim.name):
            pass


def all_workers_die(rig, load):
    for _ in range(KILLS_OF_ALL):
        while not dies(rig, load, rig.role("worker"), lambda: set(behind(rig)), "all workers"):
            pass


def redis_dies(rig, load):
    for _ in range(KILLS_OF_REDIS):
        while not dies(rig, load, [rig.processes["redis"]], lambda: set(behind(rig)), "redis"):
            pass


def test(rig):
    rig.add_all(2, 4, *WORKER)
    clients = Clients(rig.port, seed=23, rate=1000, padding=PADDING)
    judge, load = Judge(rig, clients), Load(clients)
    for story in (workers_die, all_workers_die, redis_dies):
        began, events = time.monotonic(), judge.events
        clients.go()
        story(rig, load)
        clients.pause()
        judge.judge()
        if left := behind(rig):
            raise Violation(f"all workers have left, and users of partitions {sorted(left)} are behind")
        rig.start_all()
        rig.await_ready()
        print(f"{story.__name__}: {judge.events - events} events, {judge.patterns} patterns so far, users brought up "
              f"{brought_up(rig)} times, {time.monotonic() - began:.1f} s", flush=True)
    clients.end()


run_test(test)
