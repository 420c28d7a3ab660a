"""A TCP proxy before Redis, in a thread of its own, with the faults of a network.

Two ways lead through it: `up` (commands) and `down` (replies). Faults hold for all its connections, those to come too,
until clear(). What is sent on a silent way arrives late, when the silence ends, also from a program that has long given
the connection up: a network may do that."""
import asyncio
import random
import socket
import struct
import threading

READ_BYTES = 64 * 1024
TRICKLE_S = 0.005
WAYS = ("up", "down")


class Proxy:
    def __init__(self, redis_socket, seed=0):
        self.to = redis_socket
        self.random = random.Random(seed)
        self.pairs, self.tasks = set(), set()
        self.frozen = set()  # (pair, way)
        self.cut = dict.fromkeys(WAYS, 0)
        self.counts = {"connections": 0, "cut inside": 0}
        self.ready = threading.Event()
        self.thread = threading.Thread(target=self._run, daemon=True)
        self.thread.start()
        self.ready.wait()
        self.url = f"redis://127.0.0.1:{self.port}"

    def _run(self):
        asyncio.run(self._serve())

    async def _serve(self):
        self.loop = asyncio.get_running_loop()
        self.ended = asyncio.Event()
        self.open = {way: asyncio.Event() for way in WAYS}
        self._clear()
        server = await asyncio.start_server(self._accept, "127.0.0.1", 0)
        self.port = server.sockets[0].getsockname()[1]
        self.ready.set()
        await self.ended.wait()
        server.close()
        self._clear()
        self._drop(reset=False)
        await asyncio.gather(*self.tasks)

    def _do(self, what, *args):
        """Runs it in the proxy's loop; has happened when this returns."""
        done = threading.Event()

        def run():
            try:
                what(*args)
            finally:
                done.set()
        self.loop.call_soon_threadsafe(run)
        done.wait()

    # ---- faults

    def clear(self):
        self._do(self._clear)

    def close_all(self):
        """Both ends see an orderly end."""
        self._do(self._drop, False)

    def reset_all(self):
        """Both ends see a reset."""
        self._do(self._drop, True)

    def silence(self, *ways):
        """Nothing is forwarded that way; new connections are accepted all the same."""
        self._do(lambda: [self.open[way].clear() for way in ways])

    def freeze(self, *ways):
        """Nothing is forwarded that way any more on the connections there are, for ever: the other end has vanished
        without a word. New ones are well."""
        self._do(lambda: [self.frozen.update((pair, way) for way in ways) for pair in self.pairs])

    def delay(self, seconds):
        self._do(setattr, self, "delay_s", seconds)

    def trickle(self, n):
        """So many bytes at a time, every 5 ms."""
        self._do(setattr, self, "piece", n)

    def cut_inside(self, way, n=1):
        """The next n chunks that way end somewhere in their midst, with a reset."""
        self._do(self.cut.update, {way: n})

    def end(self):
        self._do(self.ended.set)
        self.thread.join()

    def _clear(self):
        self.delay_s, self.piece = 0, 0
        self.cut = dict.fromkeys(WAYS, 0)
        for event in self.open.values():
            event.set()

    def _drop(self, reset):
        for pair in list(self.pairs):
            self._drop_pair(pair, reset)

    def _drop_pair(self, pair, reset):
        self.pairs.discard(pair)
        self.frozen -= {(pair, way) for way in WAYS}
        for writer in pair:
            if reset and not writer.is_closing():
                writer.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
                writer.transport.abort()
            else:
                writer.close()

    # ---- forwarding

    async def _accept(self, from_program, to_program):
        self.counts["connections"] += 1
        to_program.get_extra_info("socket").setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        try:
            from_redis, to_redis = await asyncio.open_unix_connection(self.to)
        except OSError:
            to_program.transport.abort()
            return
        pair = (to_program, to_redis)
        self.pairs.add(pair)
        self.tasks.add(asyncio.current_task())
        up = self._pump(pair, "up", from_program, to_redis)
        down = self._pump(pair, "down", from_redis, to_program)
        await asyncio.gather(up, down)
        self.tasks.discard(asyncio.current_task())

    async def _pump(self, pair, way, reader, writer):
        try:
            while True:
                data = await reader.read(READ_BYTES)
                await self.open[way].wait()
                if not data:
                    break
                if (pair, way) in self.frozen:
                    continue
                if self.delay_s:
                    await asyncio.sleep(self.delay_s)
                if self.cut[way] and len(data) > 1:
                    self.cut[way] -= 1
                    self.counts["cut inside"] += 1
                    writer.write(data[:self.random.randrange(1, len(data))])
                    await writer.drain()
                    self._drop_pair(pair, reset=True)
                    break
                await self._forward(data, writer)
        except OSError:
            pass
        self._drop_pair(pair, reset=False)

    async def _forward(self, data, writer):
        at = 0
        while at < len(data):
            n = self.piece or len(data)
            writer.write(data[at:at + n])
            await writer.drain()
            at += n
            if self.piece and at < len(data):
                await asyncio.sleep(TRICKLE_S)
