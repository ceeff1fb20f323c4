"""A program that uses the whole package as mypy --strict should allow; it is checked, not run."""

import asyncio
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import tau
from tau import EventKind, wire


@dataclass
class City:
    name: str
    people: int


@tau.tool
def plain(text: str) -> int:
    """Counts."""
    return len(text)


@tau.tool(effect="pure", timeout=2.5, parallel=True)
async def slow(text: str) -> str:
    call = tau.current_call()
    call.progress(f"{call.name} of {call.run_id}")
    return text if not call.cancelled else ""


def allow(event: tau.Event) -> bool:
    return event.text == "plain"


async def ask(event: tau.Event) -> tuple[bool, str | None]:
    return False, f"not {event.call_id}"


async def asynchronous(runtime: tau.Runtime) -> str:
    agent = runtime.agent("scripted/demo", system="Be brief.", tools=[plain, slow, "read", tau.Tool("x", "", {})])

    @agent.tool(effect="read")
    def later(n: int) -> int:
        return n + 1

    session = agent.session("conversation")
    text = str(later(1) + plain("as before"))
    async for event in session.run("Hello", on_approval=ask, deadline=60, limits={"turns": 3}):
        if event.kind == EventKind.TEXT:
            text += event.text
        elif event.outcome is not None:
            text += event.outcome.status
    run = session.run(message={"role": "user", "parts": []}, blobs=[tau.Blob("image/png", b"", name="a")],
                      response_schema=City)
    run.steer("Be quick.")
    run.message("And?", id="op-1")
    outcome: tau.Outcome = await run
    usage: tau.Usage = outcome.usage
    return text + outcome.text * usage.cost_usd_micros


def synchronous(runtime: tau.Runtime) -> Iterator[str]:
    session = runtime.agent(config={"model": "scripted/demo"}, on_approval=allow).session()
    run = session.run("Hello")
    for event in run:
        if event.kind is EventKind.APPROVAL:
            run.approve(event)
        elif event.kind is EventKind.TOOL_CALL:
            run.tool_result(event, {"n": event.arguments})
        yield event.name
    try:
        yield session.fork(id="other").run(b"bytes", quiet=True).result(timeout=1.5).text
    except tau.UnavailableError as error:
        yield f"{error.reason} {error.retryable} {error.outcome.code if error.outcome is not None else ''}"


def documents(home: Path) -> list[str]:
    with tau.Runtime(home, workspace=".", environment=True, loops=2, workers=0) as runtime:
        for description in runtime.sessions():
            runtime.remove_session(description["id"])
        found = [str(runtime.describe()["model"]), *synchronous(runtime), asyncio.run(asynchronous(runtime))]
    tau.verify_home(home)
    stream = wire.Stream("openai_chat")
    events = stream.feed(b"data: {}\n\n") + stream.end()
    return [*found, wire.StreamEncoder("anthropic").feed(events), str(wire.decode("openai_chat", "{}"))]


def vault(home: Path) -> int:
    with tau.Vault(home / "vault", create=True, key_file=home / "key", make=True) as kept:
        kept.put("a", bytearray(b"x"), "https://host", expires=1.5)
        kept.rotate_secret("a", b"y", grace=2)
        with kept.get("a", "https://host", version=1) as secret:
            copy: bytearray = secret.reveal()
        kept.add_key(passphrase=b"twelve bytes", label="words")
        kept.rotate_keys()
        with tau.Runtime(vault=kept) as runtime:
            return len(copy) + len(secret) + len(runtime.describe()) + len(kept.describe()["secrets"])


def policy() -> list[str]:
    rules = tau.Policy({"preset": "strict"})
    verdict = rules.decide({"tool": {"name": "f"}, "arguments": {}})
    place = tau.check_url("https://host/", {"hosts": ["host"]})
    return [str(verdict["verdict"]), str(place["verdict"]), *(s["family"] for s in tau.injection_signals("x", "user"))]


def audit(home: Path) -> int:
    with tau.Runtime(home) as runtime:
        runtime.audit("host.noted", action="deployed", count=3)
        head: str = runtime.audit_head()
    about = tau.verify_audit(home, head=head, public_key=None)
    page = tau.read_audit(home, "-3", limit=3)
    sums = tau.summarise_audit(home, data=b"{}\n")
    return len(about) + len(page["records"]) + len(sums) + len(list(tau.audit_records(home))) + len(tau.audit_head(home))


def memory(home: Path) -> str:
    def embed(texts: list[str], purpose: str) -> list[list[float]]:
        return [[float(len(text)), 1.0] for text in texts if purpose]
    with tau.Runtime(home) as runtime, runtime.memory(workspace="w", channel="c") as kept:
        embedder = runtime.set_embedder("two", 2, embed)
        kept.add("a text", type="fact", tags=["x"])
        kept.add([{"text": "another"}], vectors=[[1.0, 2.0]])
        hits = kept.search("a text", k=3, explain=True)
        names = [str(each["id"]) for each in kept.list(tags=["x"])]
        kept.relate(names[0], names[0], weight=0.5)
        erased: int = kept.purge(*names)
        return hits.vectors + str(hits[0]["score"]) + str(erased + len(hits)) + str(embedder and embedder.failures)


async def memory_async(memory: tau.Memory) -> int:
    found = await memory.aio.search("x")
    return len(found) + len([each async for each in memory.aio.list()]) + len(await memory.aio.stats())


major, minor = tau.abi_version()
print(tau.version(), major + minor, tau.has_feature("store"), tau.run("What?", tools=[plain]).text)
