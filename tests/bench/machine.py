"""The processes that are measured, and what they cost: the program as everybody starts it, a bare redis-server with the
same settings as its limit, the load generator. All on this machine, each in a directory of its own that it removes."""
import json, mmap, os, random, shutil, socket, subprocess, sys, tempfile, time, urllib.error, urllib.request

ROOT = os.path.realpath(os.path.join(os.path.dirname(__file__), "..", ".."))
TICK = os.sysconf("SC_CLK_TCK")
WARM = 4 << 30  # more than the processes that are measured take, with the files they write
PATIENCE = 1800  # seconds for what must come sooner or later
UNHURRIED = ("--append-timeout", "10s", "--user-rate", "0")  # for who fills a store: nothing is refused on a busy machine


def build(directory):
    """Where the programs are: `directory`, or a release build made now, with the packages that takes."""
    if directory:
        return os.path.abspath(directory)
    directory = os.path.join(ROOT, "build", "bench")
    subprocess.run([os.path.join(ROOT, "deploy", "install"), "run", "build", "bench"], check=True, stdout=sys.stderr)
    subprocess.run([os.path.join(ROOT, "tests", "bench", "build"), directory, "behaviorlens", "bench_load",
                    "bench_bare_h2o"], check=True, stdout=sys.stderr)
    return directory


def warm_memory(size):
    """Touches so much memory and gives it back. On a virtual machine a page that the guest has not used for a while costs its
    first user up to 10 us, three times what one costs that it has: who is measured first, or longest, would pay for all."""
    with open("/proc/meminfo") as f:
        free = next(int(line.split()[1]) * 1024 for line in f if line.startswith("MemAvailable"))
    mmap.mmap(-1, max(mmap.PAGESIZE, min(size, free // 2)),
              flags=mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS | mmap.MAP_POPULATE).close()


def free_port():
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        return s.getsockname()[1]


def wait_for(what, ready, seconds=300):
    """Looks seldom, so that looking is no load to speak of: asking for the metrics every 10 ms was 4 % of Redis' time in a
    round of five seconds."""
    start = time.monotonic()
    while not ready():
        waited = time.monotonic() - start
        if waited > seconds:
            raise RuntimeError(f"{what} did not happen within {seconds} s")
        time.sleep(min(0.25, max(0.03, waited / 20)))


def cpu_seconds(pid):
    """Of the process, in nanoseconds' grain, and of those of its children that have ended (rewrites of the append-only
    file)."""
    own = 0
    for task in os.listdir(f"/proc/{pid}/task"):
        with open(f"/proc/{pid}/task/{task}/schedstat") as f:
            own += int(f.read().split()[0])
    with open(f"/proc/{pid}/stat") as f:
        children = sum(int(x) for x in f.read().rsplit(")", 1)[1].split()[13:15])
    return own / 1e9 + children / TICK


class Redis:
    """A bare redis-server with the settings of `up`: the limit."""

    def __enter__(self):
        self.dir = tempfile.mkdtemp(prefix="bl-bench-")
        self.socket = os.path.join(self.dir, "sock")
        self.process = subprocess.Popen(
            ["redis-server", "--port", "0", "--unixsocket", self.socket, "--dir", self.dir, "--save", "",
             "--appendonly", "yes", "--appendfsync", "everysec", "--maxmemory-policy", "noeviction",
             "--auto-aof-rewrite-min-size", "1gb", "--rdbcompression", "no"],
            stdout=subprocess.DEVNULL)
        wait_for("redis-server", lambda: os.path.exists(self.socket))
        return self

    def xadd(self, requests):
        """Events a second and CPU seconds an event: one 200-byte event per XADD, 64 in flight on each connection."""
        before = cpu_seconds(self.process.pid)
        out = subprocess.run(["redis-benchmark", "-s", self.socket, "-n", str(requests), "-P", "64", "-c", "8", "--csv",
                              "XADD", "stream", "*", "events", "x" * 200], capture_output=True, text=True, check=True)
        words = out.stdout.strip().splitlines()[-1].split('","')  # redis 7: a line of headings before
        return float(words[1].strip('"')), (cpu_seconds(self.process.pid) - before) / requests

    def __exit__(self, *_):
        self.process.terminate()
        self.process.wait()
        shutil.rmtree(self.dir)


class Lens:
    """The program, started as everybody starts it: `up`, with its private Redis."""

    def __init__(self, program, *options):
        self.program, self.options = program, options

    def __enter__(self):
        self.dir = tempfile.mkdtemp(prefix="bl-bench-")
        self.data = os.path.join(self.dir, "data")
        self.port = free_port()
        self.out = open(os.path.join(self.dir, "out"), "w+")
        self.process = subprocess.Popen([self.program, "up", "--data", self.data, "--port", str(self.port),
                                         "--log-level", "warn", *self.options], stdout=self.out, stderr=self.out)
        wait_for("ready", lambda: self.ready() or self.process.poll() is not None)
        if self.process.poll() is not None:
            self.out.seek(0)
            raise RuntimeError(f"up ended: {self.out.read()}")
        return self

    def ready(self):
        """None while a store that is busy has 503 answered."""
        try:
            return self.ask("/ready")
        except (OSError, urllib.error.URLError):
            return None

    def ask(self, path):
        with urllib.request.urlopen(f"http://127.0.0.1:{self.port}{path}", timeout=60) as r:
            return json.load(r)

    def get(self, path):
        """Asked again until it is answered: under load it may be 503 for a moment."""
        end = time.monotonic() + 60
        while True:
            try:
                return self.ask(path)
            except (OSError, urllib.error.URLError):
                if time.monotonic() > end:
                    raise
                time.sleep(0.1)

    def processed(self):
        m = self.get("/api/metrics")
        return m["total_events"] + m["duplicates"]

    def lag(self):
        return sum(p["lag"] for p in self.get("/api/partitions"))

    def wait_processed(self, events, seconds=PATIENCE):
        """And until the users are stored, which under load is later."""
        wait_for(f"processing of {events} events", lambda: self.processed() >= events, seconds)
        wait_for("the users to be stored", lambda: not self.behind(), seconds)

    def behind(self):
        return any(self.redis("HGET", f"bl:{{dev:{p['partition']}}}:position", "users_id").strip()
                   for p in self.get("/api/partitions"))

    def wait_idle(self):
        wait_for("an end of the backlog", lambda: self.lag() == 0, PATIENCE)

    def children(self):
        """Process ids by what they are: redis, serve, worker."""
        found = {}
        listed = subprocess.run(["pgrep", "-P", str(self.process.pid)], capture_output=True, text=True)
        for pid in listed.stdout.split():
            with open(f"/proc/{pid}/cmdline") as f:
                words = f.read().split("\0")
            name = next((w for w in ("serve", "worker") if w in words[:3]), "redis")
            found.setdefault(name, []).append(int(pid))
        return found

    def cpu(self):
        return {name: sum(cpu_seconds(p) for p in pids) for name, pids in self.children().items()}

    def redis(self, *words):
        """As its operator, who has every right."""
        with open(os.path.join(self.data, "redis.operator")) as f:
            password = f.read().strip()
        return subprocess.run(["redis-cli", "-e", "--no-auth-warning", "-s", os.path.join(self.data, "redis.sock"), "--user",
                               "operator", "--pass", password, *words], capture_output=True, text=True, check=True).stdout

    def redis_memory(self):
        """Without what serves connections and the append-only file for the moment."""
        info = dict(line.split(":", 1) for line in self.redis("INFO", "memory").split() if ":" in line)
        return int(info["used_memory"]) - int(info["mem_clients_normal"]) - int(info["mem_aof_buffer"])

    def close(self):
        self.process.terminate()
        self.process.wait()
        self.out.close()
        shutil.rmtree(self.dir, ignore_errors=True)

    def __exit__(self, *_):
        self.close()


class Bench:
    """What rows are measured with. `o` has the options: seconds, and `scale`, of which 1 is the real thing."""

    def __init__(self, options):
        self.o = options
        directory = build(options.build)
        self.program = os.path.join(directory, "behaviorlens")
        self.tools = os.path.join(directory, "bench")

    def scaled(self, n, least=100):
        return max(least, int(n * self.o.scale))

    def lens(self, *options):
        return Lens(self.program, *options)

    def load_command(self, port, **options):
        words = [f"--{k}={v}" for k, v in options.items()]
        return [os.path.join(self.tools, "bench_load"), f"--port={port}", f"--seed={random.randrange(1 << 30)}", *words]

    def load(self, port, **options):
        out = subprocess.run(self.load_command(port, **options), capture_output=True, text=True, check=True)
        return json.loads(out.stdout)

    def load_begun(self, port, **options):
        return subprocess.Popen(self.load_command(port, **options), stdout=subprocess.DEVNULL)

    def fill(self, lens, users, who="passing"):
        """Everybody once, processed. Gives the number of events."""
        before = lens.processed()
        said = self.load(lens.port, fill=who, users=users, batch=500, connections=8)
        if said["refused"] or said["failed"]:
            raise RuntimeError(f"filling: {said['refused']} requests refused, {said['failed']} failed")
        lens.wait_processed(before + said["events"])
        return said["events"]
