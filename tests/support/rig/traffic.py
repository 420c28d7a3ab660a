"""Users with habits, and clients that send what they do.

A client repeats a request, with the same event_ids, until it is answered 202; now and then it gives up after a 503, sends
something twice, or sends what it sent before. What it may say afterwards is in its ledger, by event_id: `accepted` (202)
and `sent`. Who is to be erased (erase.py) may be refused. The ledger is as long as one round of the test: Judge.judge() takes it away.

All that a seed decides comes in the same order whatever is answered: who does what, in which groups."""
import http.client
import json
import random
import socket
import threading
import time
import urllib.parse

from .places import PATIENCE_S, Violation

HANG_S = 30      # a living server answers within half a second; a machine under load has some more
GIVE_UP = 0.03   # of the requests that were answered 503
AGAIN = 0.12     # of the requests carry events of earlier ones
PAGES = ["/", "/a", "/b", "/c", "/cart", "/checkout", "/checkout/address", "/payment", "/confirm", "/p/1", "/p/2"]
ACTIONS = ["page_view", "navigate", "route_change", "click", "scroll", "idle", "tab_hidden", "tab_visible", "page_exit",
           "abandon", "complete", "checkout_start", "error", "dead_click", "input_change", "form_submit"]


# ---- habits: each yields (action, page, more) for ever

def wander(r):
    while True:
        action = r.choice(ACTIONS)
        more = {}
        if action in ("click", "dead_click") and r.random() < .7:
            more["metadata"] = {"target": r.choice(["#b", ".x"])}
        if action in ("input_change", "form_submit"):
            more["metadata"] = {"form": r.choice("fg")}
        if action == "idle":
            more["duration"] = r.randrange(9000)
        yield action, r.choice(PAGES), more
        if r.random() < .01:
            yield "session_end", None, {}


def shop(r):
    while True:
        for page in ("/", "/p/1", "/cart", "/checkout", "/payment"):
            yield "page_view", page, {}
            if r.random() < .2:
                break
        fate = r.random()
        if fate < .4:
            yield "purchase", "/payment", {"metadata": {"total": r.randrange(1000) / 100}}
        elif fate < .6:
            yield "abandon", page, {}


def rage(r):
    while True:
        target = {"metadata": {"target": r.choice(["#buy", "#more"])}}
        for _ in range(r.randrange(2, 10)):
            yield "click", "/p/1", target
        yield r.choice(["error", "scroll", "dead_click"]), "/p/1", target


def go_in_circles(r):
    while True:
        a, b = r.sample(PAGES[:4], 2)
        for _ in range(r.randrange(2, 6)):
            yield "navigate", a, {}
            yield "navigate", b, {}


def fill_in(r):
    while True:
        form = {"metadata": {"form": r.choice(["address", "card"])}}
        yield "page_view", "/checkout/address", {}
        for _ in range(r.randrange(1, 4)):
            yield "input_change", "/checkout/address", form
        yield r.choice([("form_submit", "/checkout/address", form), ("page_exit", "/checkout/address", {}),
                        ("page_view", "/", {})])


HABITS = [wander, shop, rage, go_in_circles, fill_in]
NAMES = ["%s-u%d", "ü %%/%s %d", "a:{b}%s-%d"]  # what a key's name and a path must bear


class Person(threading.Thread):
    """Does one thing after another while the clients go; idle when they pause."""

    def __init__(self, clients, k):
        super().__init__(daemon=True)
        self.all, self.k = clients, k
        self.r = random.Random(f"{clients.seed} {type(self).__name__} {k}")
        self.connection = None
        self.idle = threading.Event()

    def begin_round(self):
        pass

    def run(self):
        try:
            while not self.all.ended.is_set():
                if self.all.going.is_set():
                    self.idle.clear()
                    self.act()
                else:
                    self.idle.set()
                    self.all.going.wait(.1)
        except Exception as error:  # whatever it is, the test must hear of it
            self.all.failed = self.all.failed or error
        self.idle.set()

    def ask(self, method, path, body=None):
        """(status, answer); status None: the connection was lost."""
        began = time.monotonic()
        try:
            if not self.connection:
                self.connection = http.client.HTTPConnection("127.0.0.1", self.all.port, timeout=HANG_S)
            self.connection.request(method, path, body, {"Content-Type": "application/json"} if body else {})
            answer = self.connection.getresponse()
            said = answer.status, json.loads(answer.read())
            if answer.status == 503 and self.r.random() < .3:
                self.leave()  # another server may do better
            return said
        except socket.timeout:
            raise Violation(f"no answer for {time.monotonic() - began:.1f} s to {method} {path} {body}") from None
        except (OSError, http.client.HTTPException):
            self.leave()
            return None, None

    def leave(self):
        self.connection.close()
        self.connection = None


class Client(Person):
    def __init__(self, clients, k):
        super().__init__(clients, k)
        self.n, self.recent, self.users = 0, [], []

    def begin_round(self):
        self.recent = []
        self.users = [(self.r.choice(NAMES) % (f"r{self.all.round}c{self.k}", i), self.r.choice(HABITS)(self.r))
                      for i in range(self.all.users)]

    def act(self):
        began = time.monotonic()
        events = self.next_events()
        self.send(events)
        pause = len(events) * len(self.all.clients) / self.all.rate - (time.monotonic() - began)
        self.all.ended.wait(max(0, pause))

    def event(self):
        r, (user, habit) = self.r, self.r.choice(self.users)
        action, page, more = next(habit)
        self.n += 1
        event = {"user_id": user, "action": action, "event_id": f"r{self.all.round}-{self.k}-{self.n}", **more}
        if page:
            event["page"] = page
        if r.random() < .1:
            event["session_id"] = "s%d" % r.randrange(3)
        if r.random() < .2:
            event["timestamp"] = int(time.time() * 1000) - r.randrange(4000)
        if self.all.padding:
            event["metadata"] = {**event.get("metadata", {}), "padding": "-" * self.all.padding}
        return event

    def next_events(self):
        r = self.r
        n = 1 if r.random() < .5 else r.randrange(2, 30)
        events = [self.event() for _ in range(n)]
        if r.random() < AGAIN:
            events += r.sample(self.recent, min(len(self.recent), r.randrange(1, 10)))
            events.append(events[0])
        self.recent = (self.recent + events)[-200:]
        return events

    def send(self, events):
        alone = len(events) == 1
        body = json.dumps(events[0] if alone else {"events": events, "sent_at": int(time.time() * 1000)})
        path = "/events" if alone else "/events/batch"
        ids = {e["event_id"] for e in events}
        with self.all.lock:
            self.all.sent |= ids
        began = time.monotonic()
        gives_up = self.r.random() < GIVE_UP
        while not self.all.ended.is_set():
            status, answer = self.ask("POST", path, body)
            self.all.note(status)
            if status == 202:
                if not alone and answer["accepted"] != len(events):
                    raise Violation(f"202 for {answer['accepted']} of {len(events)} events")
            refused = self.refused(events, status, answer)
            if status == 202 or refused:
                with self.all.lock:
                    self.all.accepted |= {e["event_id"] for i, e in enumerate(events) if i not in refused}
                    self.all.longest_s = max(self.all.longest_s, time.monotonic() - began)
                return
            if status not in (None, 503):
                raise Violation(f"an answer of {status} to {body[:300]}: {answer}")
            if gives_up and status == 503:
                return
            if time.monotonic() - began > PATIENCE_S:
                raise Violation(f"no 202 within {PATIENCE_S} s, but {status} for {body[:300]}")
            self.all.ended.wait(self.r.random() * .15)


    def refused(self, events, status, answer):
        """The indices of what was refused because its user is erased."""
        if status == 410 and len(events) == 1:
            refused = {0}
        elif status in (207, 400) and "errors" in answer:
            refused = {error["index"] for error in answer["errors"] if error["error"]["code"] == "user_erased"}
            if answer["accepted"] + len(refused) != len(events) or (status == 400) != (not answer["accepted"]):
                raise Violation(f"{status} for {len(events)} events, {len(refused)} of the erased: {answer}")
        else:
            return set()
        for i in refused:
            if events[i]["user_id"] not in self.all.wishes:
                raise Violation(f"{events[i]['user_id']} is not to be erased, and refused: {answer}")
            self.all.note("refused")
        return refused


class Resolver(Person):
    """Resolves what it sees open."""

    def act(self):
        self.all.ended.wait(self.r.random() * .6)
        status, patterns = self.ask("GET", f"/api/patterns?resolved=false&limit={self.r.randrange(1, 5)}")
        if status == 200 and patterns:
            one, user = patterns[-1]["pattern_id"], patterns[-1]["user_id"]
            status, answer = self.ask("PATCH", f"/api/patterns/{one}/resolve")
            if status not in (None, 200, 202, 503) and not (status == 404 and user in self.all.wishes):
                raise Violation(f"resolving {one} is answered {status}: {answer}")
            if status in (200, 202):
                self.all.note("resolved")


class Reader(Person):
    """Asks for this user and that: every answer must be about whom it asked for."""

    def act(self):
        self.all.ended.wait(self.r.random() * .02)
        user, _ = self.r.choice(self.r.choice(self.all.clients).users)
        quoted = urllib.parse.quote(user, safe="")
        if self.r.random() < .5:
            status, answer = self.ask("GET", f"/api/users/{quoted}")
            about = {answer["user_id"]} if status == 200 else set()
        else:
            status, answer = self.ask("GET", f"/api/patterns?limit=5&user_id={quoted}")
            about = {pattern["user_id"] for pattern in answer} if status == 200 else set()
        if status not in (None, 200, 404, 503):
            raise Violation(f"GET for {user} is answered {status}: {answer}")
        if about - {user}:
            raise Violation(f"asked for {user}, told about {about}")
        if about:
            self.all.note("answers")
        if status == 503:
            self.all.note("unanswered")


class Clients:
    """n clients that send `rate` events a second in sum, once go() is said; pause() returns when nobody waits any more.
    `others` are threads that do something else meanwhile. padding: so many bytes come with each event, that mean nothing; it
    may be changed at any time."""

    def __init__(self, port, seed, n=4, rate=300, users=12, others=(), padding=0):
        self.port, self.seed, self.rate, self.users, self.padding = port, seed, rate, users, padding
        self.lock = threading.Lock()
        self.going, self.ended = threading.Event(), threading.Event()
        self.failed = None
        self.round, self.longest_s = 0, 0
        self.counts = {}  # of answers by status, and what others note
        self.sent, self.accepted, self.wishes = set(), set(), {}
        self.clients = [Client(self, k) for k in range(n)]
        self.threads = self.clients + [other(self, k) for k, other in enumerate(others)]
        self.begin_round()
        for thread in self.threads:
            thread.start()

    def begin_round(self):
        """Other users from here on, and an empty ledger: only while paused."""
        self.round += 1
        self.sent, self.accepted, self.wishes = set(), set(), {}
        for thread in self.threads:
            thread.begin_round()

    def note(self, what):
        with self.lock:
            self.counts[what] = self.counts.get(what, 0) + 1

    def check(self):
        if self.failed:
            raise self.failed

    def go(self):
        self.going.set()

    def pause(self):
        self.going.clear()
        for thread in self.threads:
            if not thread.idle.wait(2 * PATIENCE_S):
                raise Violation("a client does not come to an end")
        self.check()

    def end(self):
        self.ended.set()
        for thread in self.threads:
            thread.join(PATIENCE_S)
