"""An open loop of batches: so many events a second are offered, answered or not, over connections of its own; a request
that finds none free waits, and its wait counts (latency is from the moment it was due). Prints one line of JSON.

usage: load.py HOST PORT EVENTS_PER_SECOND SECONDS [BATCH] [CONNECTIONS] [USERS]
"""
import asyncio
import collections
import json
import random
import sys
import time

HOST, PORT, RATE, SECONDS = sys.argv[1], int(sys.argv[2]), float(sys.argv[3]), float(sys.argv[4])
BATCH, CONNECTIONS, USERS = (int(v) for v in (sys.argv[5:] + ["200", "64", "100000"][len(sys.argv) - 5:]))
PAGES = ["/", "/products", "/products/lamp", "/cart", "/checkout", "/help"]


def body():
    events = [{"user_id": f"user-{random.randrange(USERS)}", "action": random.choice(["page_view", "click", "click"]),
               "page": random.choice(PAGES)} for _ in range(BATCH)]
    text = json.dumps(events, separators=(",", ":")).encode()
    return b"POST /events/batch HTTP/1.1\r\nHost: x\r\nContent-Length: %d\r\n\r\n" % len(text) + text


async def connection(due, seen, latency):
    reader = writer = None
    while (item := await due.get()) is not None:
        at, request = item
        try:
            if writer is None:
                reader, writer = await asyncio.open_connection(HOST, PORT, limit=1 << 20)
            writer.write(request)
            head = await reader.readuntil(b"\r\n\r\n")
            status = head[9:12].decode()
            lines = head.lower().split(b"\r\n")
            length = next(int(line[15:]) for line in lines if line.startswith(b"content-length:"))
            answer = await reader.readexactly(length)
        except (OSError, asyncio.IncompleteReadError):
            seen["broken"] += 1
            writer = None
            continue
        seen[status] += 1
        if status in ("429", "503"):
            seen["retry_after"] += any(line.startswith(b"retry-after:") for line in lines)
            seen[json.loads(answer).get("error", {}).get("code", "rate_limited")] += 1
        else:
            seen["accepted"] += json.loads(answer)["accepted"]
            latency.append(time.monotonic() - at)


async def main():
    due, seen, latency = asyncio.Queue(), collections.Counter(), []
    tasks = [asyncio.create_task(connection(due, seen, latency)) for _ in range(CONNECTIONS)]
    requests = [body() for _ in range(100)]
    start, n = time.monotonic(), 0
    while (now := time.monotonic()) < start + SECONDS:
        while start + n * BATCH / RATE <= now:
            due.put_nowait((start + n * BATCH / RATE, random.choice(requests)))
            n += 1
        await asyncio.sleep(0.002)
    for _ in tasks:
        due.put_nowait(None)
    await asyncio.gather(*tasks)
    latency.sort()
    part = {f"p{p}_ms": round(1000 * latency[min(len(latency) - 1, len(latency) * p // 100)], 1) for p in (50, 99)} if latency else {}
    print(json.dumps({"offered": n * BATCH, "seconds": round(time.monotonic() - start, 2), **part, **seen}))


asyncio.run(main())
