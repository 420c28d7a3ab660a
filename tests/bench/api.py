"""Row `api` of tests/bench/run: what a reader waits for with a million patterns stored, while 20,000 events a second come
in, against GET /health under the same load.

The patterns are not made by traffic (at 20,000 events a second that takes an hour): traffic makes a few hundred, and these
are written a million times straight into Redis, in the shape in which the worker has written them (hash, `patterns`,
`patterns:user:`, and one of 20 in `patterns:open`), each under the next user of that traffic, in that user's partition,
one second apart. That is the cap, so the worker's trimming is at work while it is measured. The append-only file is off
meanwhile and is written anew before the measurement begins.

Readers ask at a fixed pace (tests/bench/load.c, 4 connections, 200 requests a second); health and calls take turns. What
the row tells of is measured once in each round, of which the median counts; the patterns are written once, and the other
calls are measured once, after these.
"""
import os, random, socket, statistics, time

CALLS = [  # name, path; {user}, {page}: one that has patterns
    ("patterns", "/api/patterns?limit=50"),
    ("metrics", "/api/metrics"),
    ("type", "/api/patterns?type=abandonment"),
    ("severity", "/api/patterns?severity=high"),
    ("resolved", "/api/patterns?resolved=true"),
    ("open", "/api/patterns?resolved=false"),
    ("user", "/api/patterns?user_id={user}"),
    ("page", "/api/patterns?page={page}"),
    ("q", "/api/patterns?q=checkout"),
    ("before", "/api/patterns?before={before}"),
    ("pages", "/api/pages"),
    ("users", "/api/users/active"),
    ("history", "/api/metrics/history"),
    ("partitions", "/api/partitions"),
    ("prometheus", "/metrics"),
    ("ready", "/ready"),
]
TARGETS = ("patterns", "metrics")  # what `ours` tells: the worse of these


class Operator:
    """The private Redis of `up`, as its operator: pipelined commands, replies only counted or read simply."""

    def __init__(self, data):
        self.socket = socket.socket(socket.AF_UNIX)
        self.socket.connect(os.path.join(data, "redis.sock"))
        self.file = self.socket.makefile("rb")
        with open(os.path.join(data, "redis.operator")) as f:
            self.ask("AUTH", "operator", f.read().strip())

    @staticmethod
    def encode(words):
        parts = [b"*%d\r\n" % len(words)]
        for w in words:
            w = w if isinstance(w, bytes) else str(w).encode()
            parts.append(b"$%d\r\n%s\r\n" % (len(w), w))
        return b"".join(parts)

    def reply(self):
        line = self.file.readline()
        kind, rest = line[:1], line[1:-2]
        if kind == b"-":
            raise RuntimeError(rest.decode())
        if kind == b":":
            return int(rest)
        if kind == b"$":
            return None if rest == b"-1" else self.file.read(int(rest) + 2)[:-2]
        if kind == b"*":
            return [self.reply() for _ in range(int(rest))]
        return rest

    def ask(self, *words):
        self.socket.sendall(self.encode(words))
        return self.reply()

    def send(self, commands, n):
        self.socket.sendall(b"".join(commands))
        for _ in range(n):
            self.reply()

    def keys(self, pattern):
        found, cursor = [], b"0"
        while True:
            cursor, keys = self.ask("SCAN", cursor, "MATCH", pattern, "COUNT", 5000)
            found += keys
            if cursor == b"0":
                return found


def templates(redis):
    """The fields of patterns that the worker has written."""
    made = []
    for key in redis.keys("bl:{dev:*}:pattern:*"):
        flat = redis.ask("HGETALL", key)
        made.append(dict(zip(flat[::2], flat[1::2])))
    return made


def put(redis, prefix, user, fields, at, is_open):
    """The commands of one pattern: as src/store/world_put.c writes them."""
    pattern = b"%032x" % random.getrandbits(128)
    row = {**fields, b"user_id": user}
    for name in (b"detected_at", b"updated_at"):
        row[name] = b"%d" % at
    for name in (b"resolved", b"resolved_at", b"resolution"):
        row.pop(name, None)
    row[b"resolved"] = b"false" if is_open else b"true"
    if not is_open:
        row.update({b"resolved_at": b"%d" % (at + 5000), b"resolution": b"left"})
    words = [w for pair in row.items() for w in pair]
    commands = [("HSET", prefix + b"pattern:" + pattern, *words), ("ZADD", prefix + b"patterns", at, pattern),
                ("ZADD", prefix + b"patterns:user:" + user, at, pattern)]
    if is_open:
        commands.append(("ZADD", prefix + b"patterns:open", at, pattern))
    return [redis.encode(c) for c in commands]


def fill(redis, n):
    """n patterns; gives one user, one page and one place in the middle."""
    made, users = templates(redis), [k.split(b":user:") for k in redis.keys("bl:{dev:?}:user:*")]
    random.shuffle(users)
    now, open_by = int(time.time() * 1000), {}
    redis.ask("CONFIG", "SET", "appendonly", "no")
    batch = []
    for i in range(n):
        partition, user = users[i % len(users)]
        batch += put(redis, partition + b":", user, made[i % len(made)], now - 1000 * (n - i), i % 20 == 0)
        open_by[partition] = open_by.get(partition, 0) + (i % 20 == 0)
        if len(batch) >= 2000 or i == n - 1:
            redis.send(batch, len(batch))
            batch = []
    for partition, count in open_by.items():
        redis.ask("HINCRBY", partition + b":counters", "open", count)
    redis.ask("CONFIG", "SET", "appendonly", "yes")
    while b"aof_rewrite_in_progress:0" not in redis.ask("INFO", "persistence"):
        time.sleep(0.2)
    middle = b"%032x" % 0
    return {"user": users[0][1].decode(), "page": made[0][b"page"].decode(), "before": f"{now - 500 * n}:{middle.decode()}"}


def measure(bench, lens, start_load):
    """`start_load(seconds)` gives the process that sends 20,000 events a second."""
    load = start_load(1.5)
    load.wait()
    redis = Operator(os.path.join(lens.dir, "data"))
    known = fill(redis, int(os.environ.get("BL_BENCH_PATTERNS", "1000000")))
    targets = [("health", "/health")] + [c for c in CALLS if c[0] in TARGETS]
    others = [c for c in CALLS if c[0] not in TARGETS]
    turns = targets * bench.o.rounds + others
    result = {}
    load = start_load(2 + (bench.o.seconds + 0.3) * len(turns))
    time.sleep(1)
    for name, path in turns:
        said = bench.load(lens.port, path=path.format(**known), connections=4, rate=200, seconds=bench.o.seconds)
        result.setdefault(name, []).append({"p50_us": said["p50_us"], "p99_us": said["p99_us"], "refused": said["refused"]})
    load.terminate()
    load.wait()
    median = lambda name, what: int(statistics.median(r[what] for r in result[name]))
    return {"limit": median("health", "p99_us"), "ours": max(median(n, "p99_us") for n in TARGETS),
            "health_p50_us": median("health", "p50_us"), "calls": result}
