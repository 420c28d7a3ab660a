"""Events of USERS different users on as many different pages, in batches, each until it is taken. Prints the seconds.

usage: many_users.py HOST PORT USERS [ROUND]
"""
import http.client
import json
import sys
import time

HOST, PORT, USERS = sys.argv[1], int(sys.argv[2]), int(sys.argv[3])
ROUND = sys.argv[4] if len(sys.argv) > 4 else "0"
BATCH, start = 1000, time.monotonic()
connection = http.client.HTTPConnection(HOST, PORT)
for first in range(0, USERS, BATCH):
    body = json.dumps([{"user_id": f"u{ROUND}-{i}", "action": "page_view", "page": f"/p/{i}"}
                       for i in range(first, min(first + BATCH, USERS))])
    while True:
        connection.request("POST", "/events/batch", body)
        answer = connection.getresponse()
        text = answer.read()
        if answer.status == 202:
            break
        if answer.status != 503:
            sys.exit(f"{answer.status}: {text[:200]!r}")
        time.sleep(0.1)
print(f"{time.monotonic() - start:.1f}")
