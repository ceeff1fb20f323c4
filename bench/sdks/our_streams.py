"""The same streams as sdk_streams.py through libtau's Python package, delivered by `async for`."""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "support"))
from sampler import sample  # noqa: E402
from streams import pieces_of, streams_of  # noqa: E402

import tau  # noqa: E402


async def events(dialect, pieces):
    stream = tau.wire.Stream(dialect)
    for piece in pieces:
        for event in stream.feed(piece):
            yield event
    for event in stream.end():
        yield event


def reader(dialect, data):
    pieces = pieces_of(data)

    async def read():
        last = None
        async for event in events(dialect, pieces):
            last = event
        if last["event"] != "finish":
            raise RuntimeError("events are missing")
    return read


sample({f"python_libtau_{dialect}": reader(dialect, data) for dialect, data in streams_of(sys.argv).items()})
