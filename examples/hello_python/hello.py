#!/usr/bin/env python3
"""One question, one tool, streamed: the whole of an agent in Python.

  python3 hello.py                      a model that plays a script: no key, no network
  python3 hello.py openai/gpt-5-mini    any provider whose key is in the environment
"""

import asyncio
import sys
from typing import Any

import tau

SCRIPT: dict[str, Any] = {"turns": [
    {"text": ["I shall ", "count them."],
     "tool_calls": [{"name": "word_count", "arguments": {"text": "to be or not"}}]},
    {"text": ["Those are ", "four ", "words."]},
]}


@tau.tool(effect="pure")
def word_count(text: str) -> int:
    """Counts the words of a text.

    Args:
        text: any text; words are separated by blanks
    """
    return len(text.split())


async def main() -> int:
    model: dict[str, Any] = {"model": sys.argv[1]} if len(sys.argv) > 1 else {"model": "scripted/demo", "script": SCRIPT}
    async with tau.Runtime(environment=True) as runtime:
        agent = runtime.agent(**model, system="Answer in one sentence.", tools=[word_count])
        async for event in agent.session().run('How many words are in "to be or not"?'):
            if event.kind == tau.EventKind.TEXT:
                print(event.text, end="", flush=True)
            elif event.kind == tau.EventKind.TOOL_RESULT:
                print(f"\n[{event.body['tool']} -> {event.text}]")
            elif event.outcome is not None:  # the last event
                print(f"\n({event.outcome.status}, {event.outcome.turns} turns)")
                return 0 if event.outcome.ok else 1
        return 1


if __name__ == "__main__":
    sys.exit(asyncio.run(main()))
