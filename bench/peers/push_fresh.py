#!/usr/bin/env python3
"""One client that pushes a row, and reads it back: push_fresh.py PORT SECONDS [COUNT].

Time runs from before the push is sent until a read has answered with the row's value. Prints a JSON line. With COUNT it
pushes so many rows instead, reads none, and says nothing of times.
"""
import http.client
import json
import sys
import time

HEADERS = {"Content-Type": "application/json"}
KEYS = 10_000


def push(connection, number):
    """A value that no push before had."""
    amount = number + 0.25
    row = {"customer_id": number % KEYS, "sold_at": "2024-01-31T23:30:00Z", "amount": amount}
    connection.request("POST", "/push/sales", json.dumps({"rows": [row]}), HEADERS)
    answer = connection.getresponse()
    text = answer.read()
    if answer.status != 200:
        raise SystemExit(f"push {number}: {answer.status} {text[:200]}")
    return row["customer_id"], amount


def read(connection, key, amount):
    connection.request("GET", f"/features/last_sale/{key}")
    answer = connection.getresponse()
    got = json.loads(answer.read())["features"]["amount"]
    if answer.status != 200 or got != amount:
        raise SystemExit(f"customer {key}: {got} was read after {amount} was acknowledged")


def quantile(sorted_values, share):
    return sorted_values[min(len(sorted_values) - 1, int(len(sorted_values) * share))] * 1e6


def measured(connection, seconds):
    acknowledged, readable = [], []
    begin = time.perf_counter()
    number = int(time.time())  # of rows of one time the one pushed last counts
    while time.perf_counter() - begin < seconds:
        number += 1
        start = time.perf_counter()
        key, amount = push(connection, number)
        acknowledged.append(time.perf_counter() - start)
        read(connection, key, amount)
        readable.append(time.perf_counter() - start)
    readable.sort()
    acknowledged.sort()
    return {"requests": len(readable), "seconds": sum(readable), "failed": 0, "push_p50_us": quantile(acknowledged, 0.5),
            "p50_us": quantile(readable, 0.5), "p95_us": quantile(readable, 0.95), "p99_us": quantile(readable, 0.99)}


def main():
    connection = http.client.HTTPConnection("127.0.0.1", int(sys.argv[1]), timeout=60)
    if len(sys.argv) > 3:
        for number in range(int(sys.argv[3])):
            push(connection, number)
        print(json.dumps({"requests": int(sys.argv[3])}))
        return
    print(json.dumps(measured(connection, float(sys.argv[2]))))


if __name__ == "__main__":
    main()
