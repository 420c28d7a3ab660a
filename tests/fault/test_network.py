#!/usr/bin/env python3
"""Between the program and Redis is a network that cuts, resets, goes silent, delays and trickles. It must soon be well again
when the network is, no answer may be about another question, and the patterns are those of the stream.
Usage: test_network.py PATH_TO_BEHAVIORLENS"""
import os
import sys
import time
from functools import partial

sys.dont_write_bytecode = True
sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "../support"))

from rig import Clients, Judge, Proxy, run_test, until  # noqa: E402
from rig.traffic import Reader, Resolver  # noqa: E402

SIGN_S = 60  # until a fault has shown
HANG_S = 10  # until all is well again, which takes less than 2 s: longer than that is a hang
ROUNDS = 3

# name, what goes wrong, what must be seen before it is over (503: an event is not taken; unanswered: a question is not)
FAULTS = [
    ("closed", lambda proxy: proxy.close_all(), []),
    ("reset", lambda proxy: proxy.reset_all(), []),
    ("cut inside commands", lambda proxy: proxy.cut_inside("up", 5), []),
    ("cut inside replies", lambda proxy: proxy.cut_inside("down", 5), []),
    ("the other end has vanished", lambda proxy: proxy.freeze("up", "down"), []),
    ("commands vanish", lambda proxy: proxy.freeze("up"), []),
    ("replies vanish", lambda proxy: proxy.freeze("down"), []),
    ("silent", lambda proxy: proxy.silence("up", "down"), [503, "unanswered"]),
    ("commands come late", lambda proxy: proxy.silence("up"), [503, "unanswered"]),
    ("replies come late", lambda proxy: proxy.silence("down"), [503, "unanswered"]),
    ("500 ms slower", lambda proxy: proxy.delay(.5), [503]),
    ("a trickle", lambda proxy: proxy.trickle(2), [503]),
]


def hang_s():
    """Where others want the processors, too, a hang must be longer to be one."""
    return HANG_S * min(3, max(1, os.getloadavg()[0] / os.cpu_count()))


def seconds_to(deadline):
    return round(deadline - time.monotonic(), 1)


class Test:
    def __init__(self, rig):
        self.rig = rig
        rig.add_redis()
        self.proxy = Proxy(rig.socket, seed=5)
        for i in range(2):
            rig.add_serve(i, url=self.proxy.url)
        for i in range(2):
            rig.add_worker(i, url=self.proxy.url)
        rig.await_ready()
        self.clients = Clients(rig.port, seed=5, others=(Reader, Reader, Reader, Resolver))
        self.judge = Judge(rig, self.clients)

    def more(self, what, n=1, seconds=SIGN_S):
        """Waits until that has happened n times more."""
        goal = self.clients.counts.get(what, 0) + n

        def reached():
            self.clients.check()
            self.rig.look_after()
            return self.clients.counts.get(what, 0) >= goal
        until(f"{n} times more: {what}", reached, seconds)

    def processed(self):
        """As much as was there when this was begun."""
        def positions(field):
            with self.rig.redis() as redis:
                return [field(redis, p) for p in range(self.rig.partitions)]
        goal = positions(lambda redis, p: self.last_entry(redis, p))
        return lambda: all(at >= end for at, end in zip(positions(self.committed), goal))

    def last_entry(self, redis, p):
        newest = redis.call("XREVRANGE", self.rig.key(p, "events"), "+", "-", "COUNT", "1")
        return tuple(map(int, newest[0][0].split("-"))) if newest else (0, 0)

    def committed(self, redis, p):
        at = redis.call("HGET", self.rig.key(p, "position"), "id")
        return tuple(map(int, at.split("-"))) if at else (0, 0)

    def suffer(self, name, begin, signs):
        self.more(202, 5)
        self.more("answers", 5)
        begin(self.proxy)
        for sign in signs:
            self.more(sign, 3)
        self.proxy.clear()
        began = time.monotonic()
        left_s = partial(seconds_to, began + hang_s())
        self.more(202, 1, left_s())
        taken_s = time.monotonic() - began
        self.more("answers", 1, left_s())
        read_s = time.monotonic() - began
        until("what was taken is processed", self.processed(), left_s())
        print(f"{name}: well again after {taken_s:.2f} s (events), {read_s:.2f} s (answers), "
              f"{time.monotonic() - began:.2f} s (patterns)", flush=True)

    def run(self):
        for part in range(ROUNDS):
            self.clients.go()
            for fault in FAULTS[part::ROUNDS]:
                self.suffer(*fault)
            self.clients.pause()
            self.judge.judge()
            self.rig.start_all()
            self.rig.await_ready()
        self.clients.end()
        print(f"{self.judge.events} events, {self.judge.patterns} patterns, {self.clients.counts}")
        self.proxy.end()


run_test(lambda rig: Test(rig).run())
