"""What goes wrong, in an order that a seed decides.

FAULTS is the one table: each fault has a weight, how long it holds, and what it does to whom. A schedule is drawn from it
beforehand (when, which, whom, how long), without looking at what comes of it; so the same seed breaks the same things at
the same moments of the run. The victim of a fault is a number: it means another process where one is away already.

serve-0 and worker-0 are veterans: they are stopped and cut off like all others, but never killed or told to end, so that what
they leak can be seen; both go through the proxy, and so does worker-1."""
import random
import subprocess
import time

from .places import PATIENCE_S, Violation

PAUSE_S = (.1, 2.5)  # between two faults
LEASE_S = .6          # of the rigs that a storm goes over


# ---- whom and what: (storm, pick, hold in seconds)

def kill(role):
    def fault(storm, pick, hold):
        storm.put_down(storm.pick(role, pick), hold)
    return fault


def kill_all(*roles):
    def fault(storm, _, hold):
        for role in roles:
            for process in storm.mortal(role):
                storm.put_down(process, hold)
    return fault


def stop(role, everybody=False):
    def fault(storm, pick, hold):
        candidates = storm.rig.role(role)
        for process in candidates if everybody else [candidates[pick % len(candidates)]]:
            if process.popen and not process.leaving:
                process.stop()
                process.due = time.monotonic() + hold
    return fault


def leave(role):
    def fault(storm, pick, hold):
        process = storm.pick(role, pick)
        process.ask_to_leave()
        process.due = time.monotonic() + hold
    return fault


def network(method, *args):
    def fault(storm, _, hold):
        getattr(storm.proxy, method)(*args)
        storm.clear_at = max(storm.clear_at, time.monotonic() + hold)
    return fault


def redis(*command):
    def fault(storm, _, hold):
        storm.in_background("redis-cli", "-s", storm.rig.socket, *command)
    return fault


def full(storm, _, hold):
    """No memory for what is new; workers may go on. A Redis that is killed meanwhile has room again."""
    maxmemory = f"redis-cli -s '{storm.rig.socket}' CONFIG SET maxmemory"
    storm.in_background("sh", "-c", f"{maxmemory} 1mb; sleep {hold:.2f}; {maxmemory} 0")


def rules(storm, pick, _):
    storm.in_background(storm.rig.program, "rules", "apply", storm.rules[pick % len(storm.rules)], "--redis", storm.rig.url)


# As a cap would that is far too low: only the newest are left in the change feeds.
FORGET = """
for _, feed in ipairs(redis.call('KEYS', 'bl:*:changes')) do redis.call('XTRIM', feed, 'MAXLEN', 3) end
"""
LEASES = (1.5 * LEASE_S, 10 * LEASE_S)
FAULTS = {  # name: (weight, how long, what)
    "kill worker": (6, (0, 2), kill("worker")),
    "kill all workers": (1, (0, 1.5), kill_all("worker")),
    "kill serve": (3, (0, 1), kill("serve")),
    "kill redis": (3, (0, 2.5), kill("redis")),
    "kill all": (1, (0, 1.2), kill_all("redis", "serve", "worker")),
    "stop worker": (4, LEASES, stop("worker")),
    "stop all workers": (1, (LEASE_S, 2 * LEASE_S), stop("worker", everybody=True)),
    "stop serve": (1, (.1, 2), stop("serve")),
    "stop redis": (2, (.1, 2.5), stop("redis")),
    "end worker": (2, (0, .5), leave("worker")),
    "end serve": (1, (0, .5), leave("serve")),
    "close connections": (1, (0, 0), network("close_all")),
    "reset connections": (2, (0, 0), network("reset_all")),
    "silent network": (2, (.2, 4), network("silence", "up", "down")),
    "lost commands": (1, (.2, 4), network("silence", "up")),
    "lost replies": (2, (.2, 4), network("silence", "down")),
    "slow network": (1, (.5, 3), network("delay", .5)),
    "trickle": (1, (.5, 2), network("trickle", 50)),
    "cut inside a command": (2, (1, 1), network("cut_inside", "up", 2)),
    "cut inside a reply": (2, (1, 1), network("cut_inside", "down", 2)),
    "redis drops clients": (1, (0, 0), redis("CLIENT", "KILL", "TYPE", "normal")),
    "redis pauses clients": (1, (0, 0), redis("CLIENT", "PAUSE", "1500", "ALL")),
    "redis is full": (1, (.2, 3), full),
    "redis forgets scripts": (1, (0, 0), redis("SCRIPT", "FLUSH")),
    "redis forgets changes": (2, (0, 0), redis("EVAL", FORGET, "0")),
    "other rules": (2, (0, 0), rules),
}
VETERANS = ("serve-0", "worker-0")
OTHER_RULES = ["""rules:
  hesitation: {low: 2s, medium: 3s, high: 4s, cooldown: 1s}
  abandonment: {timeout: 2s}
  navigation-loop: {revisit-low: 2, quiet: 3s}
  quick-back: off
session-timeout: 9s
""", """rules:
  hesitation: off
  abandonment: {timeout: 4s}
session-timeout: 5s
"""]


def schedule(seed):
    """(seconds from the start, fault, pick, hold) for ever."""
    r = random.Random(f"storm {seed}")
    names, weights = list(FAULTS), [weight for weight, _, _ in FAULTS.values()]
    at = 0.0
    while True:
        at += r.uniform(*PAUSE_S) if r.random() < .8 else .02
        name = r.choices(names, weights)[0]
        yield at, name, r.randrange(1 << 20), r.uniform(*FAULTS[name][1])


class Storm:
    def __init__(self, rig, proxy, seed, names=None):
        self.rig, self.proxy = rig, proxy
        self.plan = schedule(seed)
        self.names = names
        self.counts = {}
        self.at = 0.0  # how much of the schedule is over
        self.next = next(self.plan)
        self.clear_at = 0.0
        self.background = []
        self.rules = [rig.config] + [rig.write(f"rules-{i}.yaml", text) for i, text in enumerate(OTHER_RULES)]

    # ---- victims

    def mortal(self, role):
        return [p for p in self.rig.role(role) if p.name not in VETERANS]

    def pick(self, role, pick):
        candidates = self.mortal(role)
        living = [p for p in candidates if p.popen and not p.leaving] or candidates
        return living[pick % len(living)]

    def put_down(self, process, hold):
        process.kill()
        process.due = time.monotonic() + hold

    def in_background(self, *argv):
        log = open(self.rig.path("background.log"), "ab")
        with log:
            child = subprocess.Popen(argv, stdin=subprocess.DEVNULL, stdout=log, stderr=log)
        self.background.append((time.monotonic(), argv, child))

    # ---- time

    def blow(self, seconds, look):
        """Goes on with the schedule for so long, calling look() all the while."""
        began, since = time.monotonic(), self.at
        while (now := time.monotonic() - began) < seconds:
            self.at = since + now
            while self.next[0] <= self.at:
                _, name, pick, hold = self.next
                if not self.names or name in self.names:
                    self.counts[name] = self.counts.get(name, 0) + 1
                    FAULTS[name][2](self, pick, hold)
                self.next = next(self.plan)
            self.tend()
            look()
            time.sleep(.01)

    def tend(self):
        """Ends what has held long enough."""
        now = time.monotonic()
        self.rig.look_after()
        for process in self.rig.processes.values():
            if now < process.due:
                continue
            if process.stopped:
                process.go_on()
            process.start()
        if self.clear_at and now >= self.clear_at:
            self.clear_at = 0.0
            self.proxy.clear()
        for entry in list(self.background):
            began, argv, child = entry
            if child.poll() is not None:
                self.background.remove(entry)
            elif now - began > PATIENCE_S:
                raise Violation(f"{argv} does not end")

    def calm(self):
        """Mends everything; what was begun comes to its end."""
        self.proxy.clear()
        self.clear_at = 0.0
        for process in self.rig.processes.values():
            process.due = 0.0
        while self.background or any(p.leaving for p in self.rig.processes.values()):
            self.tend()
            time.sleep(.01)
        self.rig.start_all()
        self.rig.await_ready()

    def end(self):
        for _, _, child in self.background:
            child.kill()
            child.wait()
