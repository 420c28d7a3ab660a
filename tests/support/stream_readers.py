"""Many readers of GET /api/stream at once, some of whom never read. Says `ready` when all are connected, and ends when each of
the others has been told of as many new patterns as there are, each once; a reader that was cut off comes back with the id
it had last, as browsers do. Prints how often that was.

usage: stream_readers.py HOST PORT READERS SILENT PATTERNS SECONDS
"""
import re
import selectors
import socket
import sys
import time

HOST, PORT, READERS, SILENT, PATTERNS, SECONDS = sys.argv[1], *(int(v) for v in sys.argv[2:])
NEW = re.compile(rb'"change":"new","pattern":\{"pattern_id":"([0-9a-f]{32})"')
ID = re.compile(rb"^id: ?([^\r\n]+)", re.M)


def connect(last=b"", silent=False):
    s = socket.socket()
    if silent:
        s.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
    s.connect((HOST, PORT))
    s.sendall(b"GET /api/stream HTTP/1.1\r\nHost: x\r\n" + (b"Last-Event-ID: " + last + b"\r\n" if last else b"") + b"\r\n")
    return s


class Reader:
    def __init__(self, where):
        self.where, self.seen, self.last, self.rest, self.back = where, set(), b"", b"", 0
        self.open()

    def open(self):
        self.rest, self.socket = b"", connect(self.last)
        self.where.register(self.socket, selectors.EVENT_READ, self)

    def cut(self):
        self.where.unregister(self.socket)
        self.socket.close()
        self.back += 1
        self.open()

    def read(self):
        try:
            data = self.socket.recv(1 << 16)
        except ConnectionError:
            data = b""
        if not data:
            self.cut()
            return
        whole, sep, self.rest = (self.rest + data).rpartition(b"\n\n")
        for event in (whole + sep).split(b"\n\n"):
            found, at = NEW.search(event), ID.search(event)
            if found:
                if found[1] in self.seen:
                    sys.exit(f"told twice of {found[1].decode()}")
                self.seen.add(found[1])
            if at:
                self.last = at[1]


where = selectors.DefaultSelector()
silent = [connect(silent=True) for _ in range(SILENT)]
readers = [Reader(where) for _ in range(READERS - SILENT)]
end, said = time.monotonic() + SECONDS, False
while time.monotonic() < end:
    for key, _ in where.select(0.2):
        key.data.read()
    if not said and all(r.last for r in readers):
        said = True
        print("ready", flush=True)
    if all(len(r.seen) >= PATTERNS for r in readers):
        print(f"{len(readers)} readers were told of {PATTERNS} patterns, {sum(r.back for r in readers)} came back meanwhile")
        sys.exit(0)
slow = sum(len(r.seen) < PATTERNS for r in readers)
sys.exit(f"{slow} readers missed something; the least had {min(len(r.seen) for r in readers)} of {PATTERNS}")
