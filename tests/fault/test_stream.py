#!/usr/bin/env python3
"""What a reader of GET /api/stream is told when the feeds lose what it has not read, or was told of: it is reset, and from
there on hears of nothing that is older than the lists it reads then. The test writes the feeds itself, so that each thing
happens at its moment. Usage: test_stream.py PATH_TO_BEHAVIORLENS"""
import http.client
import json
import os
import shutil
import subprocess
import sys
import threading

sys.dont_write_bytecode = True
sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "../support"))

from rig import Proxy, Violation, run_test, until  # noqa: E402
from rig.follow import places  # noqa: E402
from rig.places import free_port  # noqa: E402
from rig.resp import Redis  # noqa: E402

FEEDS = range(4, 8)  # those that have many changes at once
MANY = 30            # in each: no more than are asked for at once, and many portions of a serve process
SLOW_S = .15         # each way, so that it does not tell them all at once
P = 0                # where other things happen


class Reader(threading.Thread):
    """Reads until it is closed, and does not come back."""

    def __init__(self, port, last_id=None):
        super().__init__(daemon=True)
        self.events = []  # (what, id, pattern_id or None)
        self.connection = http.client.HTTPConnection("127.0.0.1", port, timeout=60)
        self.connection.request("GET", "/api/stream", headers={"Last-Event-ID": last_id} if last_id else {})
        self.answer = self.connection.getresponse()
        if self.answer.status != 200:
            raise OSError(f"answered {self.answer.status}")
        self.start()

    def run(self):
        fields = {}
        try:
            while line := self.answer.readline().decode():
                name, _, value = line.rstrip("\n").partition(": ")
                if name:
                    fields[name] = value
                elif "event" in fields:
                    data = json.loads(fields["data"])
                    pattern = data.get("pattern", {}).get("pattern_id")
                    self.events.append((data.get("change") or fields["event"], fields.get("id"), pattern))
                    fields = {}
        except (OSError, ValueError, AttributeError, http.client.HTTPException):
            pass  # closed

    def last_id(self):
        return next((at for _, at, _ in reversed(self.events) if at), None)

    def is_reset(self):
        return any(what == "reset" for what, _, _ in self.events)

    def patterns(self):
        return [pattern for _, _, pattern in self.events if pattern]

    def close(self):
        self.answer.close()
        self.connection.close()


def pattern(n, mark="00"):
    return f"{mark}{n:030x}"


def change(rig, p, one, at="*"):
    """A new pattern and the word of it: two commands."""
    return [("HSET", rig.key(p, f"pattern:{one}"), "type", "rage-click", "severity", "low", "user_id", "u", "page", "/",
             "resolved", "false", "detected_at", "1", "updated_at", "1"),
            ("XADD", rig.key(p, "changes"), at, "change", "new", "pattern_id", one)]


def at_once(redis, *commands):
    return redis.pipe([("MULTI",), *commands, ("EXEC",)])[-1]


def joined(port, last_id=None):
    """A reader that has an id: what it is told from then on is later."""
    reader = until("a reader is let in", lambda: Reader(port, last_id))
    until("a reader has an id", reader.last_id)
    return reader


class Feeds:
    def __init__(self, rig):
        self.rig = rig
        rig.add_redis()
        self.proxy = Proxy(rig.socket)
        self.slow, self.port = free_port(), free_port()
        rig.add_serve(0, url=self.proxy.url, port=self.slow)
        rig.add_serve(1, port=self.port)
        rig.add_worker(0)
        self.redis = rig.redis()

    def empty_from_the_beginning(self):
        """A reader that has had nothing of a feed missed what was in it and is gone."""
        reader = joined(self.port)
        reader.close()
        p = P + 1
        if places(reader.last_id())[p] != (0, 0):
            raise Violation("this feed is not new")
        at_once(self.redis, *change(self.rig, p, pattern(1)), ("XTRIM", self.rig.key(p, "changes"), "MAXLEN", "0"))
        back = joined(self.port, reader.last_id())
        until("a reader is reset that missed the only change of a feed", back.is_reset)
        back.close()

    def empty_and_nothing_missed(self):
        """Whoever has had the last one of all missed nothing, though the feed is empty."""
        reader, p = joined(self.port), P + 2
        self.redis.pipe(change(self.rig, p, pattern(2)))
        until("it is told", lambda: pattern(2) in reader.patterns())
        reader.close()
        self.redis.call("XTRIM", self.rig.key(p, "changes"), "MAXLEN", "0")
        back = joined(self.port, reader.last_id())
        if back.is_reset():
            raise Violation("a reader is reset that had all of a feed that is empty now")
        back.close()

    def gone_while_a_process_lags(self):
        """What a process has yet to tell of is older than the reset of a reader that had more from another one."""
        for mark, delay_s in (("00", SLOW_S), ("01", 4 * SLOW_S)):  # on a machine that is slower than the slow process once more
            if self.lags(mark, delay_s):
                return
        raise Violation("the slow process was too fast for this test")

    def lags(self, mark, delay_s):
        """False: it did not, the machine being slower."""
        lagging, ahead = joined(self.slow), joined(self.port)
        many = [(p, pattern(100 * p + n, mark)) for n in range(MANY) for p in FEEDS]
        self.proxy.delay(delay_s)
        at_once(self.redis, *[command for p, one in many for command in change(self.rig, p, one)])
        first, last = many[len(FEEDS) - 1][1], many[-1][1]  # of the last feed: Redis may tell of one feed before the others
        until("the one is told all", lambda: last in ahead.patterns())
        ahead.close()
        until("the other is told some", lambda: first in lagging.patterns())
        for p in FEEDS:
            at_once(self.redis, *change(self.rig, p, pattern(p, mark)), ("XTRIM", self.rig.key(p, "changes"), "MAXLEN", "1"))
        back = joined(self.slow, ahead.last_id())
        until("a reader is reset that cannot go on", lambda: back.is_reset() or last in lagging.patterns())
        in_time = last not in lagging.patterns()
        if in_time:
            until("the slow process has told all it had", lambda: last in lagging.patterns())
            until("and finds the gap", lagging.is_reset)
            if back.patterns():
                raise Violation(f"a reader was reset and then told of {len(back.patterns())} older changes")
        self.proxy.clear()
        for reader in lagging, back:
            reader.close()
        return in_time

    def with_older_files(self, redis, commands):
        """Redis dies with the last it had not stored, and has done this by the time anybody looks."""
        redis.kill()
        shutil.rmtree(self.rig.path("appendonlydir"))
        shutil.copytree(self.rig.path("older"), self.rig.path("appendonlydir"))
        path = self.rig.path("meanwhile.sock")
        private = subprocess.Popen(["redis-server", "--port", "0", "--unixsocket", path, "--dir", self.rig.dir, "--save", "",
                                    "--appendonly", "yes", "--appendfsync", "always"], stdout=subprocess.DEVNULL)

        def done():
            with Redis(path) as there:
                return there.pipe(commands)
        until("it is done meanwhile", done)
        private.terminate()
        private.wait()
        redis.start()
        self.rig.await_redis()

    def given_out_again(self):
        """Redis goes back, and the id of the last change becomes that of another one, with one more before."""
        live, gone = joined(self.port), joined(self.port)
        shutil.copytree(self.rig.path("appendonlydir"), self.rig.path("older"))
        _, at = self.redis.pipe(change(self.rig, P, pattern(4, "aa")))
        until("it is told", lambda: all(pattern(4, "aa") in reader.patterns() for reader in (live, gone)))
        gone.close()
        before = f"{int(at.split('-')[0]) - 1}-0"
        self.with_older_files(self.rig.processes["redis"],
                              change(self.rig, P, pattern(5, "bb"), before) + change(self.rig, P, pattern(6, "cc"), at))
        until("a reader is reset that was there when Redis lost what it was told", live.is_reset)
        back = joined(self.port, gone.last_id())  # the process is at the same id by now
        until("a reader is reset that was away when Redis lost what it was told", back.is_reset)
        for reader in live, back:
            reader.close()

    def run(self):
        until("the data set is there", lambda: self.redis.call("EXISTS", "bl:dev:meta"))
        self.rig.processes["worker-0"].leave()
        for step in (self.empty_from_the_beginning, self.empty_and_nothing_missed, self.gone_while_a_process_lags,
                     self.given_out_again):
            step()
        self.proxy.end()


run_test(lambda rig: Feeds(rig).run())
