"""CPU of a run in a Python program that tools/bench starts: all threads of the process count.

Prints one line of JSON, {row: [microseconds per run of each sample]}. With --count N plays N runs of the first row and
stops: for profilers, and for counting instructions by a difference.
"""

import argparse
import asyncio
import inspect
import json
import time


def _repeat(play, times):
    """Plays one after the other, those of a coroutine function in one loop; the CPU that they took in microseconds."""
    async def inside():
        start = time.process_time_ns()
        for _ in range(times):
            await play()
        return time.process_time_ns() - start

    if inspect.iscoroutinefunction(play):
        return asyncio.run(inside()) / 1e3
    start = time.process_time_ns()
    for _ in range(times):
        play()
    return (time.process_time_ns() - start) / 1e3


def sample(rows):
    """rows: name -> function, asynchronous or not, that plays one run and raises when it did not go as it should."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--runs", type=int, default=400, help="of one sample")
    parser.add_argument("--samples", type=int, default=5)
    parser.add_argument("--warm-up", type=int, default=200, help="runs before the first sample of a row")
    parser.add_argument("--count", type=int, default=0)
    args = parser.parse_args()
    if args.count:
        _repeat(next(iter(rows.values())), args.count)
        return
    samples = {}
    for name, play in rows.items():
        _repeat(play, args.warm_up)
        samples[name] = [_repeat(play, args.runs) / args.runs for _ in range(args.samples)]
    print(json.dumps(samples))
