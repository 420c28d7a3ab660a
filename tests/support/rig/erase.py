"""Users who are erased while what they do streams in, and some who are let in again.

What is asked for is written down in `clients.wishes` before it is asked: {user: Wish}. What has become of it the stream
alone says (Round.gone in judge.py), for a request without an answer may be carried out late. An erased user is nowhere:
not in the API, but for the report, and in no key of Redis but the stream of events, which is trimmed in its time, and the
erasure's own note."""
import json
import re
import time
import urllib.parse

from .places import PATIENCE_S, Violation, until
from .traffic import Person

EACH = 3      # one in so many users may be erased
AGAIN = .4    # of the erased are let in again
GIVE_UP_S = 2  # on what a request without an answer, come late, may have turned round


class Wish:
    """What is wanted of one user, in one round."""

    def __init__(self):
        self.gone = False     # confirmed last
        self.wanted = True    # asked for last
        self.unsure = set()   # of True, False: what was asked for without an answer

    def may_turn(self):
        """What was asked for before may yet be carried out, or have been."""
        return self.wanted != self.gone or (not self.gone) in self.unsure


class Eraser(Person):
    """Erases one user after the other, sees that nothing is left, that they are refused, and that who may come back can."""

    def __init__(self, clients, k):
        super().__init__(clients, k)
        self.n = 0

    def act(self):
        r, wishes = self.r, self.all.wishes
        users = [user for client in self.all.clients for user, _ in client.users[::EACH]]
        user = r.choice(users)
        wish = wishes.setdefault(user, Wish())
        if not wish.gone:
            self.rejected(user)
            self.wish(user, wish, True)
            self.look(user, wish)
            self.tries(user, wish, 410)
            self.all.note("erased")
        elif r.random() < AGAIN:
            self.wish(user, wish, False)
            self.tries(user, wish, 202)
            self.all.note("let in again")
        self.all.ended.wait(r.random() * .5)

    def of(self, user, rest=""):
        return f"/api/users/{urllib.parse.quote(user, safe='')}{rest}"

    def rejected(self, user):
        """An event that is no good is kept for a while, with the user's id, written in one way or another."""
        event = {"user_id": user, "action": "vanish", "page": "/"}
        self.ask("POST", "/events", json.dumps(event, ensure_ascii=self.r.random() < .5).encode())

    def wish(self, user, wish, gone):
        """Asks until it is confirmed."""
        began = time.monotonic()
        wish.wanted = gone
        while not self.all.ended.is_set():
            status, answer = self.ask("DELETE", self.of(user, "" if gone else "/tombstone"))
            if status == 200 and answer["erased"] == gone:
                wish.gone = gone
                return
            if status not in (None, 202, 503):
                raise Violation(f"asked to {'erase' if gone else 'let in'} {user}, and answered {status}: {answer}")
            if status != 202:
                wish.unsure.add(gone)
            if time.monotonic() - began > PATIENCE_S:
                raise Violation(f"{user} is not {'erased' if gone else 'let in'} within {PATIENCE_S} s, but {status}")
            self.all.ended.wait(self.r.random() * .15)

    def look(self, user, wish):
        """Erased means erased, at once."""
        quoted_user = urllib.parse.quote(user, safe="")
        for path, nothing in ((self.of(user), 404), (self.of(user, "/events"), []),
                              (f"/api/patterns?user_id={quoted_user}", []), (f"/api/events?user_id={quoted_user}", [])):
            status, answer = self.ask("GET", path)
            if status not in (None, 503) and nothing not in (status, answer) and not wish.may_turn():
                raise Violation(f"{user} is erased, but GET {path} is answered {status}: {str(answer)[:500]}")

    def tries(self, user, wish, wanted):
        """Every server comes to hear of it."""
        began = time.monotonic()
        while not self.all.ended.is_set():
            self.n += 1
            one = f"r{self.all.round}-e{self.k}-{self.n}"
            with self.all.lock:
                self.all.sent.add(one)
            event = {"user_id": user, "action": "scroll", "page": "/", "event_id": one}
            status, answer = self.ask("POST", "/events", json.dumps(event))
            if status == 202:
                with self.all.lock:
                    self.all.accepted.add(one)
            if status == wanted:
                return
            if status not in (None, 202, 410, 503):
                raise Violation(f"an event of {user} is answered {status}: {answer}")
            waited_s = time.monotonic() - began
            if wish.may_turn() and waited_s > GIVE_UP_S:
                return
            if waited_s > PATIENCE_S:
                raise Violation(f"an event of {user}, who is {'erased' if wish.gone else 'let in again'}, is answered {status}")
            self.all.ended.wait(self.r.random() * .1)


# ---- afterwards, when everything rests

def judge_erased(rig, wishes, gone, seconds=PATIENCE_S):
    """`gone`: who is erased, says the stream."""
    for user, wish in wishes.items():
        if (user in gone) != wish.gone and not wish.may_turn():
            raise Violation(f"{user} was {'erased' if wish.gone else 'let in again'} last, but the stream says otherwise")
        status, _, body = until("the report on an erasure",
                                lambda u=user: answered(rig, f"/api/users/{urllib.parse.quote(u, safe='')}/erasure"))
        if status != (200 if user in gone else 404):
            raise Violation(f"{user} is {'' if user in gone else 'not '}erased, but the report is {status}: {body[:500]}")
    for user in gone:
        look_in_api(rig, user)
    said = {}

    def nowhere():
        said["where"] = look_in_redis(rig, gone)
        return not said["where"]
    try:
        until("nothing of the erased is left in Redis", nowhere, seconds)
    except Violation as violation:
        raise Violation(f"{violation}: {said.get('where')}") from None


def answered(rig, path):
    said = rig.ask("GET", path)
    return said if said[0] != 503 else None


def look_in_api(rig, user):
    name = urllib.parse.quote(user, safe="")
    for path, status, body in ((f"/api/users/{name}", 404, None), (f"/api/users/{name}/events", 200, b"[]"),
                               (f"/api/patterns?user_id={name}", 200, b"[]"), (f"/api/events?user_id={name}", 200, b"[]")):
        said = until(f"GET {path} is answered", lambda p=path: answered(rig, p))
        if said[0] != status or body not in (None, said[2]):
            raise Violation(f"{user} is erased, but GET {path} is answered {said[0]}: {said[2][:500]}")


READ = {"string": ("GET",), "hash": ("HGETALL",), "list": ("LRANGE", "0", "-1"), "set": ("SMEMBERS",),
        "zset": ("ZRANGE", "0", "-1"), "stream": ("XRANGE", "-", "+")}
ELSEWHERE = re.compile(r":events$|:erasure:")


def look_in_redis(rig, users):
    """[(key, what it says)] of the first few keys that name one of them."""
    if not users:
        return []
    texts = {text for user in users for text in (user, json.dumps(user)[1:-1])}
    named = re.compile("|".join(rf"{re.escape(text)}(?!\d)" for text in texts)).search
    found, cursor = [], "0"
    with rig.redis() as redis:
        while True:
            cursor, keys = redis.call("SCAN", cursor, "COUNT", "1000")
            keys = [key for key in keys if not ELSEWHERE.search(key)]
            kinds = redis.pipe([("TYPE", key) for key in keys])
            some = [(key, READ[kind]) for key, kind in zip(keys, kinds) if kind in READ]
            for (key, _), value in zip(some, redis.pipe([(words[0], key, *words[1:]) for key, words in some])):
                at = named(f"{urllib.parse.unquote(key)} {flat(value)}")
                if at:
                    found.append((key, at[0]))
            if cursor == "0" or len(found) > 5:
                return found


def flat(value):
    return " ".join(map(flat, value)) if isinstance(value, list) else str(value)
