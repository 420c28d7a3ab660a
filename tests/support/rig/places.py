"""A rig: one directory with a private Redis and the program's processes, each known by name (redis, serve-0, worker-2).

A process ends because the test ended it, or the test has failed: look_after() tells, with the last lines of its log.
Everything is ended by the handle of who started it, or with it, however it ends itself; the directory is removed when the
test has passed."""
import ctypes
import http.client
import json
import os
import random
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
import traceback

from .resp import Redis, RedisError

PATIENCE_S = 60  # for what must happen: only a hang takes so long, on any machine
POLL_S = 0.02
MEND_AOF = os.path.join(os.path.dirname(os.path.abspath(__file__)), "../../../deploy/systemd/mend-aof")
START_S = 20  # until a new process has its signals in hand
# Short times, so that deadlines of every kind come due within a test.
RULES = """rules:
  hesitation: {low: 1s, medium: 2s, high: 3s, cooldown: 4s}
  abandonment: {timeout: 3s}
  navigation-loop: {quiet: 4s}
session-timeout: 6s
"""


LIBC = ctypes.CDLL(None)
PR_SET_PDEATHSIG = 1


def die_with_parent():
    LIBC.prctl(PR_SET_PDEATHSIG, signal.SIGKILL)


class Violation(Exception):
    pass


def until(what, condition, seconds=PATIENCE_S):
    """Waits for the condition and returns what it said; an error of the network counts as not yet."""
    deadline = time.monotonic() + seconds
    said = None
    while time.monotonic() < deadline:
        try:
            if said := condition():
                return said
        except (OSError, RedisError, http.client.HTTPException) as error:
            said = error
        time.sleep(POLL_S)
    raise Violation(f"not within {seconds} s: {what}; the last look said {said!r}")


def free_port():
    """Below the ports that outgoing connections take: it is listened on again and again."""
    while True:
        port = random.SystemRandom().randint(20001, 32000)
        with socket.socket() as s:
            try:
                s.bind(("127.0.0.1", port))
                return port
            except OSError:
                continue


class Process:
    """One name, and whichever process bears it at the moment."""

    def __init__(self, name, argv, log, env):
        self.name, self.argv, self.log, self.env = name, argv, log, env
        self.popen = None
        self.stopped = False
        self.leaving = None  # asked to end, at that time
        self.due = 0.0       # not to be started, or to go on, before that time (storm.py)

    @property
    def pid(self):
        return self.popen.pid

    def start(self):
        if self.popen:
            return
        with open(self.log, "ab") as out:
            env = dict(os.environ, **self.env)
            self.popen = subprocess.Popen(self.argv, stdout=out, stderr=out, stdin=subprocess.DEVNULL, env=env,
                                          preexec_fn=die_with_parent)
        self.stopped, self.leaving, self.started = False, None, time.monotonic()

    def signal(self, number):
        if self.popen:
            self.popen.send_signal(number)

    def kill(self):
        if self.popen:
            self.popen.kill()
            self.popen.wait()
            self.popen = self.leaving = None

    def stop(self):
        self.signal(signal.SIGSTOP)
        self.stopped = True

    def go_on(self):
        self.signal(signal.SIGCONT)
        self.stopped = False

    def ask_to_leave(self):
        """Asked to end, it must, with status 0: check() sees to that."""
        if self.popen and not self.leaving:
            self.go_on()
            self.popen.terminate()
            self.leaving = time.monotonic()

    def leave(self):
        self.ask_to_leave()
        until(f"{self.name} ends as it was told", lambda: self.check() or not self.popen)

    def check(self):
        status = self.popen.poll() if self.popen else None
        if self.leaving and status is None:
            if time.monotonic() - self.leaving > PATIENCE_S:
                raise Violation(f"{self.name} does not end when it is told to: see {self.log}")
        elif self.leaving and (status == 0 or (status == -signal.SIGTERM and self.leaving - self.started < START_S)):
            self.popen = self.leaving = None
        elif status is not None:
            told = "was told to end and" if self.leaving else "by itself"
            raise Violation(f"{self.name} {told} ended with {status}: see {self.log}")


class Rig:
    def __init__(self, program, keep=False):
        self.program, self.keep = os.path.abspath(program), keep
        self.dir = tempfile.mkdtemp(prefix="bl-fault-")
        self.socket = self.path("redis.sock")
        self.url = f"unix://{self.socket}"
        self.port = free_port()
        self.processes = {}
        self.config = self.write("rules.yaml", RULES)
        self.env = "dev"
        self.partitions = 8

    def __enter__(self):
        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            signal.signal(number, lambda n, _: sys.exit(128 + n))
        return self

    def __exit__(self, kind, *_):
        for process in self.processes.values():
            process.kill()
        if kind and self.keep and kind is not SystemExit:
            print(f"what was left is in {self.dir}", file=sys.stderr)
            return
        if kind and kind is not SystemExit:
            self.tell_logs()
        shutil.rmtree(self.dir, ignore_errors=True)

    def tell_logs(self):
        for name in sorted(n for n in os.listdir(self.dir) if n.endswith(".log")):
            with open(self.path(name), errors="replace") as log:
                lines = log.readlines()[-15:]
            print(f"--- {name}", *[line.rstrip()[:400] for line in lines], sep="\n", file=sys.stderr)

    def path(self, name):
        return os.path.join(self.dir, name)

    def write(self, name, text):
        with open(self.path(name), "w") as file:
            file.write(text)
        return self.path(name)

    # ---- processes

    def add(self, name, argv, **env):
        self.processes[name] = Process(name, argv, self.path(f"{name}.log"), env)
        self.processes[name].start()
        return self.processes[name]

    def add_redis(self, *options, fsync="always"):
        # As everywhere: Redis 7.0 takes a torn transaction up again at the start after the next (README).
        mended = ["bash", "-c", '"$0" "$1" && shift && exec redis-server "$@"', MEND_AOF, self.dir]
        redis = self.add("redis", [*mended, "--port", "0", "--unixsocket", self.socket, "--dir", self.dir, "--save",
                                   "", "--maxmemory-policy", "noeviction", "--appendonly", "yes", "--appendfsync", fsync,
                                   *options])
        self.await_redis()
        return redis

    def common(self, url):
        return ["--config", self.config, "--redis", url or self.url, "--durability", "always"]

    def add_serve(self, i, *options, url=None, port=None, **env):
        port = str(port or self.port)
        return self.add(f"serve-{i}", [self.program, "serve", *self.common(url), "--port", port, *options], **env)

    def add_worker(self, i, *options, url=None, **env):
        return self.add(f"worker-{i}", [self.program, "worker", *self.common(url), *options], **env)

    def add_all(self, serves, workers, *worker_options):
        """Redis and so many of the others, ready."""
        self.add_redis()
        for i in range(serves):
            self.add_serve(i)
        for i in range(workers):
            self.add_worker(i, *worker_options)
        self.await_ready()

    def role(self, role):
        return [p for name, p in sorted(self.processes.items()) if name.startswith(role)]

    def look_after(self):
        for process in self.processes.values():
            process.check()

    def start_all(self):
        for process in self.processes.values():
            process.start()
            if process.stopped:
                process.go_on()
        self.await_redis()

    def run(self, *argv, timeout_s=PATIENCE_S):
        """A command of the program, to its end: its standard output, or a violation."""
        done = subprocess.run([self.program, *argv], capture_output=True, text=True, timeout=timeout_s)
        if done.returncode != 0 or done.stderr:
            raise Violation(f"{' '.join(argv)} exits with {done.returncode}: {done.stderr[-2000:]}")
        return done.stdout

    # ---- Redis

    def redis(self, timeout_s=10):
        return Redis(self.socket, timeout_s)

    def await_redis(self):
        def answers():
            with self.redis() as redis:
                return redis.call("PING") == "PONG"
        until("redis answers", answers)

    def key(self, partition, rest):
        return f"bl:{{{self.env}:{partition}}}:{rest}"

    def counted(self, field):
        """One of the counters, summed over the partitions."""
        with self.redis() as redis:
            said = redis.pipe([("HGET", self.key(p, "counters"), field) for p in range(self.partitions)])
        return sum(int(n or 0) for n in said)

    # ---- HTTP

    def ask(self, method, path, body=None, timeout_s=30, port=None):
        """One request on a connection of its own: status, headers, body."""
        connection = http.client.HTTPConnection("127.0.0.1", port or self.port, timeout=timeout_s)
        try:
            connection.request(method, path, body)
            answer = connection.getresponse()
            return answer.status, answer.headers, answer.read()
        finally:
            connection.close()

    def get(self, path, port=None):
        """What is answered 200 in the end."""
        def answered():
            status, headers, body = self.ask("GET", path, port=port)
            return (headers, json.loads(body)) if status == 200 else None
        return until(f"GET {path} is answered", answered)

    def await_ready(self):
        said = {}

        def ready():
            status, _, said[0] = self.ask("GET", "/ready")
            return status == 200
        try:
            until("ready", ready)
        except Violation as violation:
            raise Violation(f"{violation}; /ready says {said.get(0)}") from None

    def metric(self, name):
        """{labels: value} of one metric of /metrics."""
        text = until("GET /metrics", lambda: self.ask("GET", "/metrics")[2].decode())
        lines = [line for line in text.splitlines() if line.startswith(name + "{")]
        return {line[len(name):].rsplit(" ", 1)[0]: float(line.rsplit(" ", 1)[1]) for line in lines}


def run_test(test, keep=False):
    """test(rig) with the program named on the command line; exit status 1 and the reason if it is violated."""
    try:
        with Rig(sys.argv[-1], keep=keep) as rig:
            test(rig)
    except Violation as violation:
        print(f"VIOLATED: {violation}", file=sys.stderr)
        sys.exit(1)
    except Exception:
        traceback.print_exc()
        sys.exit(1)
