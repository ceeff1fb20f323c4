"""The run of bench/capi/run_bench.cpp as a Python program sees it: two turns, one tool of the host, eight text deltas;
scripted model, nothing stored. See bench/support/sampler.py for the arguments."""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "support"))
from sampler import sample  # noqa: E402

import tau  # noqa: E402

ANSWER = "The sum of 1 and 2 is 3."
PROMPT = "What is 1 + 2?"
SCRIPT = {"loop": True, "turns": [
    {"tool_calls": [{"name": "add", "arguments": {"a": 1, "b": 2}}]},
    {"text": ["The ", "sum ", "of ", "1 ", "and ", "2 ", "is ", "3."]},
]}

runtime = tau.Runtime(workers=0)
calls = 0


def agent_with(function):
    agent = runtime.agent("scripted/bench", tools=[], policy={"allow": ["add"]}, script=SCRIPT)
    agent.tool(function, name="add", effect="pure")
    return agent


async def add(a: int, b: int) -> int:
    """Adds two numbers."""
    global calls
    calls += 1
    return a + b


def add_in_thread(a: int, b: int) -> int:
    """Adds two numbers."""
    global calls
    calls += 1
    return a + b


with_coroutine, with_thread = agent_with(add), agent_with(add_in_thread)


def check(good):
    global calls
    if not good or calls != 1:
        raise RuntimeError("the script was not played")
    calls = 0


async def iterated(agent=with_coroutine):
    texts, ended = 0, False
    async for event in agent.session().run(PROMPT):
        if event.kind == tau.EventKind.TEXT:
            texts += len(event.text)
        elif event.kind == tau.EventKind.RUN_DONE:
            ended = event.outcome.ok
    check(texts == len(ANSWER) and ended)


async def awaited():
    check((await with_coroutine.session().run(PROMPT)).text == ANSWER)


async def iterated_with_thread():
    await iterated(with_thread)


def plain():
    """A program without asyncio."""
    texts = 0
    for event in with_thread.session().run(PROMPT):
        texts += len(event.text) if event.kind == tau.EventKind.TEXT else 0
    check(texts == len(ANSWER))


sample({"python_async_for": iterated, "python_await": awaited, "python_async_for_plain_tool": iterated_with_thread,
        "python_for_plain_tool": plain})
runtime.close()
