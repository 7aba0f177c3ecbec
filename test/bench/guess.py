# SPDX-License-Identifier: Apache-2.0
"""Clients that try wrong passwords, in a process of its own beside what is measured.

    guess.py PORT CLIENTS

Each guess comes from another address of 127/8, so that nothing can be held against an address. Says
"ready" when the first answers are there, goes on until its stdin closes, and then says how many
guesses were answered.
"""
import asyncio
import base64
import itertools
import sys


async def guess(port, number, counts):
    source = f"127.{1 + number // 250 // 250 % 250}.{number // 250 % 250}.{1 + number % 250}"
    text = base64.b64encode(f"user{number}:guess {number}".encode()).decode()
    reader, writer = await asyncio.open_connection("127.0.0.1", port, local_addr=(source, 0))
    writer.write(f"GET /v2/ HTTP/1.1\r\nHost: bench\r\nAuthorization: Basic {text}\r\nConnection: close\r\n\r\n".encode())
    head = await reader.readline()
    assert b" 401 " in head or b" 429 " in head, head
    counts[head.split()[1]] = counts.get(head.split()[1], 0) + 1
    writer.close()


async def keep_guessing(port, numbers, counts):
    while True:
        await guess(port, next(numbers), counts)


async def main(port, clients):
    numbers, counts = itertools.count(1), {}
    tasks = [asyncio.create_task(keep_guessing(port, numbers, counts)) for _ in range(clients)]
    while sum(counts.values()) < 4:
        await asyncio.sleep(0.01)
        assert not any(task.done() for task in tasks), [task.exception() for task in tasks if task.done()]
    print("ready", flush=True)
    await asyncio.get_running_loop().run_in_executor(None, sys.stdin.read)
    assert not any(task.done() for task in tasks), [task.exception() for task in tasks if task.done()]
    print(" ".join(f"{status.decode()}:{count}" for status, count in sorted(counts.items())))
    for task in tasks:
        task.cancel()


asyncio.run(main(int(sys.argv[1]), int(sys.argv[2])))
