"""The rows of tests/bench/run: measurements, each a function of one round that gives figures, and rows, each a figure of
a measurement beside its limit."""
import http.client, json, os, random, resource, signal, socket, statistics, subprocess, time

import api
from machine import UNHURRIED, Redis, free_port, wait_for


def singles(bench):
    """Single POSTs of 10,000 users over 64 connections, accepted and processed, beside a bare libh2o that answers 202. Twice as
    long as the others: what comes behind the last of them, until the users are stored, takes 0.4 s, however many there were."""
    port, users, seconds = free_port(), bench.scaled(10000), 2 * bench.o.seconds
    bare = subprocess.Popen([os.path.join(bench.tools, "bench_bare_h2o"), str(port)])
    try:
        wait_for("bare_h2o", lambda: socket.socket().connect_ex(("127.0.0.1", port)) == 0)
        limit = bench.load(port, seconds=seconds)["events_per_second"]
    finally:
        bare.terminate()
        bare.wait()
    with bench.lens() as lens:
        bench.load(lens.port, seconds=min(1, bench.o.seconds), batch=500, connections=4, users=users)  # users exist
        lens.wait_idle()
        known, cpu, start = lens.processed(), lens.cpu(), time.monotonic()
        said = bench.load(lens.port, seconds=seconds, users=users)
        lens.wait_processed(known + said["events"])
        ours = said["events"] / (time.monotonic() - start)
        used = {k: (v - cpu[k]) / said["events"] * 1e6 for k, v in lens.cpu().items()}
    return {"limit": limit, "ours": ours, "cpu_us": used, "p50_us": said["p50_us"], "p99_us": said["p99_us"], "refused": said["refused"]}


def batches_of(bench, users):
    """The limit appends as many events as ours: Redis takes more for each, the longer it goes on (1.6 us for 600,000, 1.8
    for 2,400,000), for its memory and the append-only file grow, which it does with ours as well."""
    with bench.lens("--user-rate", "0") as lens:
        bench.load(lens.port, seconds=min(1, bench.o.seconds), batch=500, connections=4, users=users)  # users exist
        lens.wait_idle()
        known, patterns = lens.processed(), lens.get("/api/metrics")["patterns_detected"]
        cpu, start = lens.cpu(), time.monotonic()
        said = bench.load(lens.port, seconds=bench.o.seconds, batch=500, connections=8, users=users)
        lens.wait_processed(known + said["events"])
        seconds = time.monotonic() - start
        used = {k: (v - cpu[k]) / said["events"] * 1e6 for k, v in lens.cpu().items()}
        patterns = lens.get("/api/metrics")["patterns_detected"] - patterns
    with Redis() as redis:
        limit, limit_cpu = redis.xadd(said["events"])
    return {"limit": limit, "ours": said["events"] / seconds, "limit_cpu_us": limit_cpu * 1e6,
            "redis_cpu_us": used["redis"], "cpu_us": used, "accepted": said["events_per_second"],
            "refused": said["refused"], "patterns_per_event": patterns / said["events"]}


def batches(bench):
    """Batches of 500, accepted and processed, 100,000 users drawn uniformly, beside one XADD an event."""
    return batches_of(bench, bench.scaled(100000))


def active(bench):
    """The same with 10,000 users."""
    return batches_of(bench, bench.scaled(10000))


def percentile(values, p):
    return sorted(values)[int(p * (len(values) - 1))]


def time_to_pattern(c, tries=100):
    """In ms; of a user who has never been here and comes to one page for the third time."""
    user, start = f"probe-{random.randrange(1 << 40)}", 0
    for _ in range(3):
        start = time.monotonic()
        c.request("POST", "/events", json.dumps({"user_id": user, "action": "page_view", "page": "/p"}))
        answer = c.getresponse()
        answer.read()
        if answer.status != 202 and tries:  # it was refused, or is in doubt: somebody else tries
            return time_to_pattern(c, tries - 1)
    while time.monotonic() - start < 60:
        c.request("GET", f"/api/patterns?user_id={user}")
        answer = c.getresponse()
        text = answer.read()
        if answer.status == 200 and json.loads(text):
            return (time.monotonic() - start) * 1000
    raise RuntimeError("no pattern within a minute")


def latency(bench):
    """From the POST that makes a pattern to its standing in GET /api/patterns, while 20,000 events/s come in."""
    took = []
    with bench.lens() as lens:
        load = bench.load_begun(lens.port, batch=50, rate=20000, seconds=bench.o.seconds + 3, connections=16)
        time.sleep(min(1, bench.o.seconds))
        c = http.client.HTTPConnection("127.0.0.1", lens.port, timeout=60)
        while not took or (load.poll() is None and len(took) < 10000):
            took.append(time_to_pattern(c))
        load.terminate()
        load.wait()
    return {"limit_p50": 3, "limit_p99": 10, "p50": percentile(took, 0.5), "p99": percentile(took, 0.99),
            "samples": len(took)}


def memory(bench):
    """Bytes of Redis for a live user: 6 visits to 4 pages, 20 events; streams and lists that all users share are told
    apart. Processed events are trimmed before, since what the allocator adds to a stream is in no figure of its own."""
    users = bench.scaled(20000)
    with bench.lens("--stream-retention", "0", *UNHURRIED) as lens:
        bench.fill(lens, 200)  # scripts, streams, lists: there before
        wait_trimmed(lens)
        shared = shared_memory(lens)
        before = lens.redis_memory() - shared
        bench.fill(lens, users + 200, "living")  # the 200 are among them
        wait_trimmed(lens)
        used = lens.redis_memory() - shared_memory(lens) - before
        made = lens.get("/api/metrics")["patterns_detected"]
    return {"limit": 500, "ours": used / users, "users": users, "patterns": made}


def wait_trimmed(lens):
    """All but a node of each stream: a few small entries, or a large one."""
    wait_for("trimming", lambda: shared_memory(lens, ["events"]) < 8 * 100_000, 600)


def shared_memory(lens, lists=("events", "recent", "seen", "changes")):
    keys = [f"bl:{{dev:{p}}}:{k}" for p in range(8) for k in lists]
    return sum(int(lens.redis("MEMORY", "USAGE", key, "SAMPLES", "0").strip() or 0) for key in keys)


def million(bench):
    """All that Redis holds with a million such users (MB of 10^6 bytes), once processed events are trimmed (with
    --stream-retention 0, as they are after an hour otherwise)."""
    users = bench.scaled(1000000, 1000)
    with bench.lens("--stream-retention", "0", *UNHURRIED) as lens:
        bench.fill(lens, users, "living")
        wait_trimmed(lens)
        used = lens.redis_memory()
        live = sum(int(lens.redis("ZCARD", f"bl:{{dev:{p}}}:active")) for p in range(8))
    return {"limit": 700 * users / 1e6, "ours": used / 1e6, "users": users, "live": live}


def readers(bench):
    """p99 of GET /api/patterns?limit=50 and of /api/metrics with a million patterns stored, at 20,000 events/s, beside
    GET /health (api.py)."""
    os.environ.setdefault("BL_BENCH_PATTERNS", str(bench.scaled(1000000, 2000)))
    with bench.lens() as lens:
        return api.measure(bench, lens, lambda seconds: bench.load_begun(lens.port, batch=50, rate=20000, users=10000,
                                                                         seconds=seconds, connections=16))


def takeover(bench):
    """From kill -9 of the only worker to the first commit of its successor, in each partition, with 100,000 users in the
    store and 2,000 events/s coming in."""
    took = []
    with bench.lens("--workers", "1", *UNHURRIED) as lens:
        bench.fill(lens, bench.scaled(100000))
        load = bench.load_begun(lens.port, batch=20, rate=2000, seconds=60, connections=4, users=bench.scaled(100000))
        try:
            time.sleep(0.5)
            before = {p["partition"]: p for p in lens.get("/api/partitions")}
            os.kill(lens.children()["worker"][0], signal.SIGKILL)
            start = time.monotonic()
            while before and time.monotonic() - start < 60:
                for p in lens.get("/api/partitions"):
                    was = before.get(p["partition"])
                    if was and p["epoch"] > was["epoch"] and p["committed"] != was["committed"]:
                        took.append(time.monotonic() - start)
                        del before[p["partition"]]
                time.sleep(0.005)
        finally:
            load.terminate()
            load.wait()
    return {"limit_p99": 2, "limit_max": 3, "seconds": took, "left": len(before)}


def replay(bench):
    """Replay of a shop's two million events in memory, on one core: events per second of processor time, the median of five
    runs as in tests/bench/replay. A round of one would be the first to use the memory that the rows before gave back, which
    takes up to a third more (machine.py, warm_memory: which pages will be used is not known before)."""
    events = bench.scaled(2000000, 20000)
    path = os.path.join(bench.dir, "shop.ndjson")
    if not os.path.exists(path):
        with open(path, "w") as f:
            subprocess.run([os.path.join(os.path.dirname(__file__), "replay"), "--generate", "shop", str(events)],
                           stdout=f, check=True)
    runs = [replay_once(bench, path) for _ in range(5)]
    return {"limit": 2000000, "ours": events / statistics.median(used for used, _ in runs),
            "patterns_per_event": runs[0][1] / events, "seconds": [used for used, _ in runs]}


def replay_once(bench, path):
    """Seconds of processor time, patterns."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    out = subprocess.run([bench.program, "replay", path], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, check=True)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime, out.stdout.count(b"\n")


class Row:
    """`pick` takes the rounds of a measurement and gives (limit, ours); the ratio is that of the medians' rounds."""

    def __init__(self, measure, what, against, unit, target, more=False, limit="limit", ours="ours", pick=None):
        self.measure, self.what, self.against, self.unit, self.target = measure, what, against, unit, target
        self.more, self.limit, self.ours, self.pick = more, limit, ours, pick

    def figures(self, rounds):
        if self.pick:
            limit, ours = rounds[0][self.limit], self.pick([s for r in rounds for s in r[self.ours]])
            return limit, ours, ours / limit
        return (statistics.median(r[self.limit] for r in rounds), statistics.median(r[self.ours] for r in rounds),
                statistics.median(r[self.ours] / r[self.limit] for r in rounds))

    def reached(self, ratio):
        return ratio >= self.target if self.more else ratio <= self.target


def p99(values):
    return percentile(values, 0.99)


XADD = "one `XADD` of 200 bytes an event, pipelined 64"
ROWS = {
    "singles": Row(singles, "single POSTs, 64 connections, 10,000 users, accepted and processed", "bare libh2o answering 202",
                   "events/s", 0.75, more=True),
    "batches": Row(batches, "batches of 500, processed, 100,000 users", XADD, "events/s", 1.2, more=True),
    "active": Row(active, "the same, 10,000 users", XADD, "events/s", 2.0, more=True),
    "redis": Row(batches, "processor time of Redis an event, 100,000 users", XADD, "us", 1.0, limit="limit_cpu_us",
                 ours="redis_cpu_us"),
    "latency": Row(latency, "POST to pattern in `GET /api/patterns` at 20,000 events/s, p50", "3 ms", "ms", 1.0,
                   limit="limit_p50", ours="p50"),
    "latency99": Row(latency, "the same, p99", "10 ms", "ms", 1.0, limit="limit_p99", ours="p99"),
    "memory": Row(memory, "Redis memory of a live user (6 visits, 20 events)", "500 bytes", "bytes", 1.0),
    "million": Row(million, "all of Redis with a million live users", "700 MB", "MB", 1.0),
    "api": Row(readers, "`GET /api/patterns?limit=50`, `/api/metrics`, a million patterns, 20,000 events/s, p99",
               "`GET /health`, p99", "us", 5.0),
    "takeover": Row(takeover, "take-over of a partition after kill -9, 100,000 users, p99", "2 s", "s", 1.0,
                    limit="limit_p99", ours="seconds", pick=p99),
    "takeovermax": Row(takeover, "the same, longest", "3 s", "s", 1.0, limit="limit_max", ours="seconds", pick=max),
    "replay": Row(replay, "replay in memory, one core", "2,000,000 events/s", "events/s", 1.0, more=True),
}
ONCE = {million, readers}  # these take minutes to fill the store: once (readers has its rounds itself)
