#!/usr/bin/env python3
"""The clocks of a worker's and a server's host jump by five minutes, forth and back, while events come (libfaketime; what
counts intervals, CLOCK_MONOTONIC, goes on). The store's clock counts alone: no lease is lost, no pattern is wrong, who buys
in time has abandoned nothing. Usage: test_clocks.py PATH_TO_BEHAVIORLENS"""
import datetime
import glob
import json
import os
import sys
import time

sys.dont_write_bytecode = True
sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "../support"))

from rig import Clients, Judge, Violation, run_test, until  # noqa: E402

FAKETIME = glob.glob("/usr/lib/*/faketime/libfaketimeMT.so.1")
JUMPS_S = ["+300", "+0", "-300"]
SLACK_MS = 10000  # events say when they happened, up to 4 s ago; and rules look back a little
BUYERS = 10


class Host:
    """A clock that can be set while processes go by it."""

    def __init__(self, rig, name):
        self.file = rig.path(f"clock-{name}")
        self.set("+0")
        self.env = {"LD_PRELOAD": FAKETIME[0], "FAKETIME_TIMESTAMP_FILE": self.file, "FAKETIME_NO_CACHE": "1",
                    "FAKETIME_DONT_FAKE_MONOTONIC": "1", "DONT_FAKE_MONOTONIC": "1",
                    "ASAN_OPTIONS": os.environ.get("ASAN_OPTIONS", "") + ":verify_asan_link_order=0"}

    def set(self, seconds):
        with open(self.file + ".new", "w") as file:
            file.write(seconds + "\n")
        os.replace(self.file + ".new", self.file)


def epochs(rig):
    with rig.redis() as redis:
        return redis.pipe([("GET", rig.key(p, "fence")) for p in range(rig.partitions)])


def post(rig, user, action, page):
    body = json.dumps({"user_id": user, "action": action, "page": page, "event_id": f"{user}-{action}"})
    until("the event is taken", lambda: rig.ask("POST", "/events", body)[0] == 202)


def skew_of_serve(rig):
    return json.loads(rig.ask("GET", "/health")[2])["timestamp"] / 1000 - time.time()


def skew_of_worker(rig):
    """By the last line of its log."""
    with open(rig.processes["worker-0"].log) as log:
        text = json.loads(log.readlines()[-1])["time"]
    return datetime.datetime.fromisoformat(text.replace("Z", "+00:00")).timestamp() - time.time()


def jump(rig, hosts, seconds):
    """Carts filled before the jump, paid for after it."""
    buyers = [f"buyer{seconds}-{time.monotonic_ns()}-{i}" for i in range(BUYERS)]
    for buyer in buyers:
        post(rig, buyer, "page_view", "/checkout")
    for host in hosts:
        host.set(seconds)
    until("the clock has jumped", lambda: abs(skew_of_serve(rig) - float(seconds)) < 60)
    for buyer in buyers:
        post(rig, buyer, "purchase", "/checkout")
    return buyers


def test(rig):
    if not FAKETIME:
        raise Violation("libfaketime is not here: apt-get install faketime")
    # An abandonment takes longer than any machine takes for a few requests; the jumps are longer by far.
    rig.config = rig.write("rules.yaml", open(rig.config).read().replace("timeout: 3s", "timeout: 40s").replace(
        "session-timeout: 6s", "session-timeout: 2m"))
    rig.add_redis()
    hosts = [Host(rig, "serve"), Host(rig, "worker")]
    rig.add_serve(0, **hosts[0].env)
    rig.add_worker(0, "--lease", "20s", **hosts[1].env)
    rig.add_worker(1, "--lease", "20s")
    rig.await_ready()
    until("both workers have their share", lambda: len(
        {lease.split()[2] for lease in leases(rig) if lease}) == 2 and all(leases(rig)))
    began_ms, before = time.time() * 1000, epochs(rig)
    clients = Clients(rig.port, seed=9)
    judge = Judge(rig, clients)
    clients.go()
    buyers = []
    for seconds in JUMPS_S:
        buyers += jump(rig, hosts, seconds)
        goal = clients.counts.get(202, 0) + 40
        until("events are taken as before", lambda: clients.check() or clients.counts.get(202, 0) >= goal)
    if epochs(rig) != before:
        raise Violation(f"a partition changed hands: {before} before, {epochs(rig)} after")
    clients.pause()
    judge.judge(others=2 * len(buyers))
    if abs(skew_of_worker(rig) - float(JUMPS_S[-1])) > 60:
        raise Violation(f"the worker's clock did not jump: {skew_of_worker(rig)} s off")
    ended_ms = time.time() * 1000
    for pattern in judge.live():
        if not began_ms - SLACK_MS < pattern["detected_at"] < ended_ms + SLACK_MS:
            raise Violation(f"a pattern of another time: {pattern}")
        if pattern["type"] == "abandonment" and pattern["user_id"] in buyers:
            raise Violation(f"bought in time: {pattern}")
    clients.end()
    print(f"{judge.events} events, {judge.patterns} patterns, {len(buyers)} bought in time, jumps of {JUMPS_S} s")


def leases(rig):
    with rig.redis() as redis:
        return redis.pipe([("GET", rig.key(p, "lease")) for p in range(rig.partitions)])


run_test(test)
