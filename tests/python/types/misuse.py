"""What mypy --strict should refuse, in the lines that say so and in no other."""

import asyncio

import tau

runtime = tau.Runtime(homes="here")  # refused
agent = runtime.agent(model=3)  # refused
session = agent.session("conversation")
session.run("Hello", deadlines=1)  # refused
session.run("Hello", on_approval=lambda event: "yes")  # refused
run = session.run("Hello")
run.approve(3)  # refused
run.outcome.text  # refused
run.result(timeout="soon")  # refused

vault = tau.Vault("x", key=b"x")
vault.put("a", "text")  # refused
vault.get("a").reveal().upper().encode()  # refused


@tau.tool(effect="pure")
def double(n: int) -> int:
    return 2 * n


double("two")  # refused


async def wrong() -> str:
    for event in run:
        event.kind.upper()  # refused
    return await run  # refused


asyncio.run(wrong())
