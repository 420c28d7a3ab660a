"""A connection to Redis: commands as lists, replies as str, int, list or None. Errors of Redis are raised."""
import socket


class RedisError(Exception):
    pass


class Redis:
    def __init__(self, path, timeout_s=10):
        self.socket = socket.socket(socket.AF_UNIX)
        self.socket.settimeout(timeout_s)
        try:
            self.socket.connect(path)
        except OSError:
            self.socket.close()
            raise
        self.file = self.socket.makefile("rb")

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.file.close()
        self.socket.close()

    def call(self, *words):
        return self.pipe([words])[0]

    def pipe(self, commands):
        out = bytearray()
        for words in commands:
            out += b"*%d\r\n" % len(words)
            for word in words:
                data = word if isinstance(word, bytes) else str(word).encode()
                out += b"$%d\r\n%s\r\n" % (len(data), data)
        self.socket.sendall(out)
        replies = [self.reply() for _ in commands]
        for reply in replies:
            if isinstance(reply, RedisError):
                raise reply
        return replies

    def reply(self):
        line = self.file.readline()
        if not line.endswith(b"\r\n"):
            raise OSError("redis has closed the connection")
        kind, text = line[:1], line[1:-2].decode()
        if kind == b"+":
            return text
        if kind == b"-":
            return RedisError(text)
        if kind == b":":
            return int(text)
        n = int(text)
        if n < 0:
            return None
        if kind == b"*":
            return [self.reply() for _ in range(n)]
        return self.file.read(n + 2)[:-2].decode(errors="surrogateescape")

