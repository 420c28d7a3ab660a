#!/usr/bin/env python3
"""A fail-over: Redis dies while its replica lags, and the replica takes its place. What the replica had not got is lost, but
nothing is half there: what it has is what its stream says. Usage: test_replica.py PATH_TO_BEHAVIORLENS"""
import os
import sys

sys.dont_write_bytecode = True
sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "../support"))

from rig import Clients, Judge, Proxy, Violation, balance, run_test, until  # noqa: E402

ROUNDS = 2
LOSE = 20  # requests answered 202 that the replica does not hear of


class Pair:
    """The Redis that serves and the one that follows, through a proxy that can be cut; both change places."""

    def __init__(self, rig):
        self.rig = rig
        self.way = Proxy(rig.socket, seed=1)
        self.n = 0

    def follow(self):
        """A new replica, in step with the one that serves."""
        self.n += 1
        self.dir = self.rig.path(f"replica-{self.n}")
        os.mkdir(self.dir)
        self.socket = os.path.join(self.dir, "redis.sock")
        self.way.to = self.rig.socket
        self.way.clear()
        port = self.way.url.rsplit(":", 1)[1]
        self.replica = self.rig.add(f"replica-{self.n}", [
            "redis-server", "--port", "0", "--unixsocket", self.socket, "--dir", self.dir, "--save", "",
            "--maxmemory-policy", "noeviction", "--appendonly", "yes", "--appendfsync", "always",
            "--replicaof", "127.0.0.1", port, "--repl-diskless-sync-delay", "0"])
        until("the replica is in step", lambda: "master_link_status:up" in self.ask("INFO", "replication"))

    def ask(self, *words):
        at, self.rig.socket = self.rig.socket, self.socket
        try:
            with self.rig.redis() as redis:
                return redis.call(*words)
        finally:
            self.rig.socket = at

    def fail_over(self, clients, to_redis):
        self.way.silence("down")
        goal = clients.counts.get(202, 0) + LOSE
        until("events are taken that the replica misses", lambda: clients.check() or clients.counts.get(202, 0) >= goal)
        serving = "redis" if self.n == 1 else f"replica-{self.n - 1}"
        self.rig.processes.pop(serving).kill()
        self.way.close_all()
        self.ask("REPLICAOF", "NO", "ONE")
        self.rig.socket = self.socket
        self.rig.url = f"unix://{self.socket}"
        to_redis.to = self.socket
        to_redis.close_all()


def test(rig):
    rig.add_redis("--repl-diskless-sync-delay", "0")
    pair, to_redis = Pair(rig), Proxy(rig.socket, seed=2)
    for i in range(2):
        rig.add_serve(i, url=to_redis.url)
    for i in range(3):
        rig.add_worker(i, url=to_redis.url)
    rig.await_ready()
    clients = Clients(rig.port, seed=30)
    judge = Judge(rig, clients)
    lost = 0
    for _ in range(ROUNDS):
        pair.follow()
        clients.go()
        goal = clients.counts.get(202, 0) + LOSE
        until("events are taken", lambda: clients.check() or clients.counts.get(202, 0) >= goal)
        pair.fail_over(clients, to_redis)
        balance(rig)
        goal = clients.counts.get(202, 0) + LOSE
        until("the replica serves", lambda: clients.check() or clients.counts.get(202, 0) >= goal)
        clients.pause()
        judge.judge(lossy=True)
        lost += judge.lost
        rig.start_all()
        rig.await_ready()
    clients.end()
    if lost == 0:
        raise Violation("nothing was lost: the replica did not lag, and nothing was tried")
    print(f"{judge.events} events, {judge.patterns} patterns, {lost} events lost with the lag")


run_test(test)
