"""What the fault tests share: real processes that can be killed, stopped and cut off, clients that repeat, and the judge.

    places.py    Rig: a directory, a private Redis, the program's processes by name; who ends unasked is a violation
    resp.py      a connection to Redis, as little as the tests need
    proxy.py     a TCP proxy between the program and Redis that cuts, resets, goes silent, delays, trickles
    traffic.py   users with habits, and clients that repeat what was not answered 202 with the same event_ids
    erase.py     users who are erased and let in again, and what may be left of them: nothing
    follow.py    readers of GET /api/stream that come back with their last id
    judge.py     the stream of the run, replayed in memory, must give what the run gave; nothing answered may be missing
    storm.py     what goes wrong, when and to whom, as a seed decides
    watch.py     what a long run must not do: grow

Nothing here sleeps to let something happen: until() waits for a condition, with a deadline that only a hang can reach.
A test that breaks a promise raises Violation, whose text says what to look at."""
from .judge import Judge, balance
from .places import Rig, Violation, run_test, until
from .proxy import Proxy
from .traffic import Clients

__all__ = ["Clients", "Judge", "Proxy", "Rig", "Violation", "balance", "run_test", "until"]
