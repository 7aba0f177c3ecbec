# SPDX-License-Identifier: Apache-2.0
"""A crowd: slow uploads and idle connections, in a process of its own beside what is measured.

    load.py PORT UPLOADS IDLE

Says "ready" when all stand, goes on until its stdin closes, and then says how many of each were
still alive.
"""
import asyncio
import sys

PIECE = b"400\r\n" + b"x" * 1024 + b"\r\n"  # 10 of them a second: 10 KiB/s


async def answer_head(reader):
    return (await reader.readuntil(b"\r\n\r\n")).decode()


async def open_idle(port):
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    writer.write(b"GET /v2/ HTTP/1.1\r\nHost: bench\r\n\r\n")
    assert " 200 " in await answer_head(reader)
    await reader.readexactly(2)
    return reader, writer


async def open_upload(port, number):
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    writer.write(b"POST /v2/slow/%d/blobs/uploads/ HTTP/1.1\r\nHost: bench\r\nContent-Length: 0\r\n\r\n" % number)
    head = await answer_head(reader)
    assert " 202 " in head, head
    location = next(line for line in head.split("\r\n") if line.lower().startswith("location:"))
    path = "/" + location.split("://", 1)[-1].split("/", 1)[1] if "://" in location else location[10:].strip()
    writer.write(f"PATCH {path} HTTP/1.1\r\nHost: bench\r\nContent-Type: application/octet-stream\r\n"
                 "Transfer-Encoding: chunked\r\n\r\n".encode())
    return reader, writer


async def feed(writer):
    while True:
        writer.write(PIECE)
        await writer.drain()
        await asyncio.sleep(0.1)


async def crowd(port, upload_count, idle_count):
    idle = [await open_idle(port) for _ in range(idle_count)]
    uploads = [await open_upload(port, number) for number in range(upload_count)]
    feeders = [asyncio.create_task(feed(writer)) for _, writer in uploads]
    print("ready", flush=True)
    await asyncio.get_running_loop().run_in_executor(None, sys.stdin.read)
    alive = sum(not feeder.done() for feeder in feeders)
    quiet = sum(not reader.at_eof() for reader, _ in idle)
    print(f"{alive} uploads and {quiet} idle connections alive", flush=True)
    for feeder in feeders:
        feeder.cancel()
    await asyncio.gather(*feeders, return_exceptions=True)


asyncio.run(crowd(*map(int, sys.argv[1:4])))
