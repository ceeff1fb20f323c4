"""The run of bench/doors through pydantic-ai: its streamed events over its FunctionModel. See bench/support/sampler.py for
the arguments."""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "support"))
from sampler import sample  # noqa: E402

from pydantic_ai import Agent, AgentRunResultEvent  # noqa: E402
from pydantic_ai.messages import PartDeltaEvent, PartStartEvent, TextPart, TextPartDelta  # noqa: E402
from pydantic_ai.models.function import DeltaToolCall, FunctionModel  # noqa: E402

PIECES = ["The ", "sum ", "of ", "1 ", "and ", "2 ", "is ", "3."]


async def script(messages, _):
    if len(messages) == 1:
        yield {0: DeltaToolCall(name="add", json_args='{"a":1,"b":2}', tool_call_id="call")}
    else:
        for piece in PIECES:
            yield piece


agent = Agent(FunctionModel(stream_function=script))
calls = 0


@agent.tool_plain
async def add(a: int, b: int) -> int:
    """Adds two numbers."""
    global calls
    calls += 1
    return a + b


def is_piece(event):
    return (isinstance(event, PartDeltaEvent) and isinstance(event.delta, TextPartDelta)
            or isinstance(event, PartStartEvent) and isinstance(event.part, TextPart))


async def play():
    global calls
    texts, calls, answer = 0, 0, None
    async with agent.run_stream_events("What is 1 + 2?") as events:
        async for event in events:
            texts += is_piece(event)
            if isinstance(event, AgentRunResultEvent):
                answer = event.result.output
    if (texts, calls, answer) != (len(PIECES), 1, "".join(PIECES)):
        raise RuntimeError("the script was not played")


sample({"python_pydantic_ai": play})
