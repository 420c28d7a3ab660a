#!/usr/bin/env python3
"""Whatever is killed or stands still: each event answered 202 takes effect once, and the patterns are those of the stream.
Clients send all the while and repeat what was not answered 202. Where Redis loses the end of its file, what it kept is
whole. Usage: test_kills.py PATH_TO_BEHAVIORLENS"""
import glob
import os
import random
import sys
import time

sys.dont_write_bytecode = True
sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "../support"))

from rig import Clients, Judge, balance, run_test, until  # noqa: E402

LEASE_S = .4
WORKER = ["--lease", "400ms", "--renew", "100ms"]
r = random.Random(20)


def more_answers(clients, n):
    """Waits until so many more requests were answered 202."""
    goal = clients.counts.get(202, 0) + n

    def reached():
        clients.check()
        return clients.counts.get(202, 0) >= goal
    until(f"{n} more requests are answered 202", reached)


def held(rig, worker):
    """The partitions whose lease names the worker."""
    with rig.redis() as redis:
        leases = redis.pipe([("GET", rig.key(p, "lease")) for p in range(rig.partitions)])
    return {p for p, lease in enumerate(leases) if f"-{worker.pid}-" in (lease or "")}


def workers_die(rig, clients):
    for _ in range(10):
        victim = r.choice([w for w in rig.role("worker") if until("a worker has work", lambda w=w: held(rig, w))])
        more_answers(clients, r.randrange(4, 25))
        victim.kill()
        balance(rig)
        victim.start()


def workers_stand_still(rig, clients):
    """A worker stopped for 1.5 to 10 lease times comes back as if nothing had been. What it had in hand is refused."""
    for leases in (1.5, 3, 10):
        victim = rig.role("worker")[int(leases) % 4]
        had = until("the worker has work", lambda: held(rig, victim))
        victim.stop()
        stopped = time.monotonic()
        until("others have taken over", lambda: not held(rig, victim) & had)
        more_answers(clients, 5)
        time.sleep(max(0.0, leases * LEASE_S - (time.monotonic() - stopped)))
        victim.go_on()
        until("the worker that woke up is refused, and counts it",
              lambda: any(n > 0 and f"-{victim.pid}-" in who
                          for who, n in rig.metric("behaviorlens_process_fenced_total").items()))
        balance(rig)


def servers_die(rig, clients):
    for i in range(10):
        more_answers(clients, r.randrange(1, 25))
        server = rig.role("serve")[i % 2]
        server.kill()
        more_answers(clients, 2)  # the other one answers
        server.start()


def redis_dies(rig, clients):
    redis = rig.processes["redis"]
    for _ in range(8):
        more_answers(clients, r.randrange(1, 25))
        redis.kill()
        redis.start()
    rig.await_redis()


def all_die(rig, clients):
    for _ in range(3):
        more_answers(clients, r.randrange(1, 25))
        for process in rig.processes.values():
            process.kill()
        rig.start_all()


def redis_loses_its_tail(rig, clients):
    """As after a power failure with everysec, or a fail-over: the last of what was written is gone, at any byte."""
    redis = rig.processes["redis"]
    for _ in range(5):
        more_answers(clients, 30)
        redis.kill()
        newest = max(glob.glob(rig.path("appendonlydir/*.incr.aof")), key=os.path.getmtime)
        size = os.path.getsize(newest)
        os.truncate(newest, size - r.randrange(1, min(size, 40000)))
        redis.start()
        rig.await_redis()
        balance(rig)
        with rig.redis() as connection:
            connection.call("BGREWRITEAOF")  # as the README says of a cut file
            until("the file is written anew",
                  lambda: "aof_rewrite_in_progress:0" in connection.call("INFO", "persistence"))


def test(rig):
    rig.add_all(2, 4, *WORKER)
    clients = Clients(rig.port, seed=20)
    judge = Judge(rig, clients)
    for story in (workers_die, workers_stand_still, servers_die, redis_dies, all_die, redis_loses_its_tail):
        began, events = time.monotonic(), judge.events
        clients.go()
        story(rig, clients)
        rig.look_after()
        clients.pause()
        judge.judge(lossy=story is redis_loses_its_tail)
        rig.start_all()
        rig.await_ready()
        print(f"{story.__name__}: {judge.events - events} events, {judge.patterns} patterns so far, "
              f"{time.monotonic() - began:.1f} s", flush=True)
    clients.end()
    print(f"answers: {clients.counts}, longest wait for a 202: {clients.longest_s:.1f} s")


run_test(test)
