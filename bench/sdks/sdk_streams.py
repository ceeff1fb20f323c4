"""Streams through the Python SDKs of OpenAI and Anthropic, as their clients read them: bytes of a response in, typed
events out. See bench/support/sampler.py for the arguments; behind them stand DIALECT=FILE pairs."""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "support"))
from sampler import sample  # noqa: E402
from streams import pieces_of, streams_of  # noqa: E402

import anthropic  # noqa: E402
import httpx2 as httpx  # noqa: E402
import openai  # noqa: E402
from anthropic.types import RawMessageStreamEvent  # noqa: E402
from openai.types.chat import ChatCompletionChunk  # noqa: E402

NOWHERE = "http://127.0.0.1:9/"
SDKS = {"openai_chat": (openai, openai.OpenAI, ChatCompletionChunk),
        "anthropic_messages": (anthropic, anthropic.Anthropic, RawMessageStreamEvent)}


class Body(httpx.SyncByteStream):
    def __init__(self, pieces):
        self._pieces = pieces

    def __iter__(self):
        return iter(self._pieces)


def reader(dialect, data):
    module, client, event = SDKS[dialect]
    made = client(api_key="none", base_url=NOWHERE)
    pieces = pieces_of(data)

    def read():
        response = httpx.Response(200, headers={"content-type": "text/event-stream"}, stream=Body(pieces),
                                  request=httpx.Request("POST", NOWHERE))
        if sum(1 for _ in module.Stream(cast_to=event, response=response, client=made)) < 3:
            raise RuntimeError("events are missing")
    return read


sample({f"python_sdk_{dialect}": reader(dialect, data) for dialect, data in streams_of(sys.argv).items()})
