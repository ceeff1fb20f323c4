"""The run of bench/doors through openai-agents: its streamed runner over a model that plays prepared events and does no
more. See bench/support/sampler.py for the arguments."""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "support"))
from sampler import sample  # noqa: E402

from agents import Agent, Runner, function_tool, set_tracing_disabled  # noqa: E402
from agents.models.interface import Model  # noqa: E402
from openai.types.responses import (Response, ResponseCompletedEvent, ResponseFunctionToolCall,  # noqa: E402
                                    ResponseOutputMessage, ResponseOutputText, ResponseTextDeltaEvent)

PIECES = ["The ", "sum ", "of ", "1 ", "and ", "2 ", "is ", "3."]


def done(item):
    response = Response(id="response", created_at=0, model="scripted", object="response", output=[item],
                        tool_choice="auto", tools=[], parallel_tool_calls=False)
    return ResponseCompletedEvent(response=response, sequence_number=9, type="response.completed")


CALL = [done(ResponseFunctionToolCall(id="item", call_id="call", name="add", arguments='{"a":1,"b":2}',
                                      type="function_call", status="completed"))]
ANSWER = [*(ResponseTextDeltaEvent(content_index=0, delta=piece, item_id="item", logprobs=[], output_index=0,
                                   sequence_number=i, type="response.output_text.delta")
            for i, piece in enumerate(PIECES)),
          done(ResponseOutputMessage(id="item", role="assistant", status="completed", type="message", content=[
              ResponseOutputText(annotations=[], text="".join(PIECES), type="output_text")]))]


class Scripted(Model):
    async def get_response(self, *_, **__):
        raise RuntimeError("expected a streamed call")

    async def stream_response(self, system_instructions, input, *_, **__):
        for event in CALL if isinstance(input, str) or len(input) == 1 else ANSWER:
            yield event


calls = 0


@function_tool
async def add(a: int, b: int) -> int:
    """Adds two numbers."""
    global calls
    calls += 1
    return a + b


set_tracing_disabled(True)
agent = Agent(name="bench", model=Scripted(), tools=[add])


async def play():
    global calls
    texts, calls = 0, 0
    result = Runner.run_streamed(agent, "What is 1 + 2?")
    async for event in result.stream_events():
        texts += event.type == "raw_response_event" and event.data.type == "response.output_text.delta"
    if (texts, calls, result.final_output) != (len(PIECES), 1, "".join(PIECES)):
        raise RuntimeError("the script was not played")


sample({"python_openai_agents": play})
