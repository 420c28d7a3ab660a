"""What a long run must not do: grow. Looks at the memory and the file descriptors of each process and at Redis' memory.

Peaks are of the whole run. Growth is judged between calm moments alone, when nothing waits and the veteran worker has all
partitions, and of what has lived since the start: Redis, whose streams and patterns are trimmed, and the storm's veterans."""
import os

from .places import Violation

SETTLED = 4           # calm moments before growth counts: by then what is trimmed has been trimmed once
MORE_FDS = 8
MORE_MB = {"redis": 64, "serve": 48, "worker": 48}
MORE_MB_SANITIZED = 320  # freed memory is kept for a while, up to 256 MB


def memory_mb(pid):
    with open(f"/proc/{pid}/statm") as file:
        return int(file.read().split()[1]) * os.sysconf("SC_PAGE_SIZE") / (1 << 20)


class Watch:
    def __init__(self, rig, veterans):
        self.rig, self.veterans = rig, veterans
        with open(rig.program, "rb") as program:
            self.sanitized = b"__asan_init" in program.read()
        self.peak_mb, self.peak_fds = {}, {}
        self.calm_points = []  # {name: (MB, fds)}

    def look(self):
        for name, process in self.rig.processes.items():
            if not process.popen:
                continue
            try:
                mb, fds = memory_mb(process.pid), len(os.listdir(f"/proc/{process.pid}/fd"))
            except OSError:
                continue
            role = name.split("-")[0]
            self.peak_mb[role] = max(self.peak_mb.get(role, 0), mb)
            self.peak_fds[role] = max(self.peak_fds.get(role, 0), fds)

    def used_mb(self):
        with self.rig.redis() as redis:
            info = redis.call("INFO", "memory")
        return next(int(line.split(":")[1]) for line in info.splitlines() if line.startswith("used_memory:")) / (1 << 20)

    def calm(self):
        self.look()
        point = {"redis": (self.used_mb(), 0)}
        for name in self.veterans:
            pid = self.rig.processes[name].pid
            point[name] = (memory_mb(pid), len(os.listdir(f"/proc/{pid}/fd")))
        self.calm_points.append(point)
        if len(self.calm_points) <= SETTLED:
            return
        settled = self.calm_points[SETTLED - 1]
        for name, (mb, fds) in point.items():
            role = name.split("-")[0]
            more = MORE_MB_SANITIZED if self.sanitized and role != "redis" else MORE_MB[role]
            if mb > 1.5 * settled[name][0] + more:
                raise Violation(f"{name} grows: {settled[name][0]:.0f} MB at rest once, {mb:.0f} MB now")
            if fds > settled[name][1] + MORE_FDS:
                raise Violation(f"{name} has {fds} open files at rest, {settled[name][1]} once")
