"""Memory: what an application remembers, found again by words, by meaning, by time and by relations."""

from __future__ import annotations

import os
from ctypes import byref

from . import _abi, _core
from ._loader import lib
from ._vectors import floats_in

TYPE_CHECKING = False  # the module typing takes its time
if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterable, Iterator
    from typing import Any

    from .runtime import Path, Runtime

    Entry = str | dict[str, Any]
    Document = dict[str, Any]

_PAGE = 100
_LONGEST_WAIT_MS = 60_000
_SLICE_MS = 500  # of a wait that a signal or a close should end


class Hits:
    """What a search found, the best first: each a memory as a dict with its "score" from 0 to 1.

    vectors: "used", "off", or "unavailable": words alone were searched; then `message` says why. searched: how many memories
    the search went through. document: the whole answer.
    """

    def __init__(self, document: Document) -> None:
        self.document = document
        self.hits: list[Document] = document["hits"]
        self.vectors: str = document.get("vectors", "off")
        self.message: str | None = document.get("message")
        self.searched: int = document.get("searched", 0)

    def __len__(self) -> int:
        return len(self.hits)

    def __getitem__(self, index: int) -> Document:
        return self.hits[index]

    def __iter__(self) -> Iterator[Document]:
        return iter(self.hits)

    def __repr__(self) -> str:
        return f"<tau.Hits {[hit['id'] for hit in self.hits]}>"


class Watch:
    """A folder that is watched; made by Memory.watch(). Iterating it yields changes as they come, until it is closed:
    {"path", "what": "ingested", "gone" or "failed", "added", "vanished", "message", …}; `async for` does the same for asyncio.
    """

    def __init__(self, memory: Memory, id: str) -> None:
        self._memory = memory
        self.id = id
        self._last = 0
        self._closed = False

    def state(self) -> Document:
        """{"state": "watching", "backlog": …, "counts": {…}, "last_error": …}; how it is now."""
        return self._ask(0)

    def changes(self, timeout: float = 0) -> list[Document]:
        """Those since the last call; waits for one, at most `timeout` seconds. Of more than 1,000 the newest."""
        state = self._ask(min(int(timeout * 1000), _LONGEST_WAIT_MS))
        self._last = state["last"]
        found: list[Document] = state["changes"]
        return found

    def close(self) -> None:
        """Nothing of the folder is taken in any more; what is remembered stays. Harmless when it was closed."""
        if not self._closed:
            self._closed = True
            self._memory.perform("unwatch", id=self.id)

    def _ask(self, wait_ms: int) -> Document:
        answer = self._memory.perform("watches", id=self.id, after=self._last, wait_ms=wait_ms)
        watch: Document = answer["watches"][0]
        return watch

    def _next(self) -> list[Document] | None:
        """Changes when there are some; None at the end."""
        from .errors import NotFoundError
        while not self._closed:
            try:
                state = self._ask(_SLICE_MS)
            except NotFoundError:
                if self._closed:  # meanwhile, by another thread
                    break
                raise
            self._last = state["last"]
            if state["changes"]:
                return state["changes"]  # type: ignore[no-any-return]
            if state["state"] == "ended":
                break
        return None

    def __iter__(self) -> Iterator[Document]:
        while (changes := self._next()) is not None:
            yield from changes

    async def __aiter__(self) -> AsyncIterator[Document]:
        from asyncio import to_thread
        while (changes := await to_thread(self._next)) is not None:
            for each in changes:
                yield each

    def __enter__(self) -> Watch:
        return self

    def __exit__(self, *exception: object) -> None:
        self.close()

    async def __aenter__(self) -> Watch:
        return self

    async def __aexit__(self, *exception: object) -> None:
        from asyncio import to_thread
        await to_thread(self.close)

    def __repr__(self) -> str:
        return f"<tau.Watch {self.id}>"


class Memory:
    """The memories of a scope; made by Runtime.memory(). Each call waits for the disk; `aio` has the same for asyncio.

    Times are datetimes, dates, text in ISO 8601 or milliseconds since 1970; UTC where no offset is said. Filters are types=[…],
    tags=[…] (all of them), since=, until=, channel=, actor=, thread=, source= (a prefix). What is None is not given.
    docs/memory.md tells the story, docs/c-api/memory.md lists every request.
    """

    def __init__(self, runtime: Runtime, scope: Document) -> None:
        self._runtime = runtime
        self._handle = _core.Handle(_core.call_handle(lib.tau_memory_open, runtime.pointer, _request(scope)),
                                    lib.tau_memory_unref)

    @property
    def pointer(self) -> int:
        return self._handle.pointer

    @property
    def aio(self) -> AsyncMemory:
        """The same for asyncio: `await memory.aio.search("…")`, `async for each in memory.aio.list()`."""
        return AsyncMemory(self)

    def add(self, what: Entry | Iterable[Entry], *, vectors: Any = None, **members: Any) -> Any:
        """Remembers a text, a memory as a dict (docs/schema/memory.json), or several of them, all or nothing.

        add("Ada prefers tea", type="preference", tags=["drinks"]). Returns {"id", "revision", "created", …}, a list of them
        for several. vectors: of them, in the space of the memory's model: rows in anything with the buffer protocol (numpy,
        array; float32 or float64), Embeddings, or lists. expected_revision=0: must not exist yet.
        """
        entries = (what,) if isinstance(what, (str, dict)) else what
        if not hasattr(entries, "__iter__"):
            raise TypeError(f"expected a memory as text or dict, or several of them, got {type(what).__name__}")
        documents = [{**_entry(entry), **members} for entry in entries]
        written = self.perform("add", vectors=vectors, memories=documents)["memories"]
        return written[0] if isinstance(what, (str, dict)) else written

    def search(self, query: str | None = None, *, k: int = 10, vector: Any = None, **options: Any) -> Hits:
        """Finds memories by words, meaning, relations and time together.

        vector: of the query, when the program makes its own. options: filters, and mode="hybrid" ("text", "vector"),
        fusion="rrf", diversity=, as_of={"valid": …, "recorded": …}, superseded=True, group="thread", strict=True,
        explain=True, min_score=, vector_weight=, graph_weight=, importance_weight=, recency_weight=, touch=False, now=.
        """
        numbers, count = floats_in(vector)
        request = _request({"query": query, "k": k, **options})
        return Hits(_core.call_json(lib.tau_memory_search, self.pointer, request, numbers, count))

    def get(self, id: str, *, forgotten: bool = False, relations: bool = True) -> Document:
        """One memory; NotFoundError "no_such_memory". forgotten: also one that was forgotten. relations=False: without its relations."""
        return self.perform("get", id=id, forgotten=forgotten or None, relations=None if relations else False)

    def page(self, *, limit: int = _PAGE, after: str | None = None, **filters: Any) -> Document:
        """{"memories": […], "next": …}: some, and the cursor to go on with."""
        return self.perform("list", limit=limit, after=after, **filters)

    def list(self, **filters: Any) -> Iterator[Document]:
        """Yields every memory of the scope that the filters let through; order="newest": by time, else by age of the record."""
        after: str | None = None
        while True:
            page = self.page(after=after, **filters)
            yield from page["memories"]
            after = page.get("next")
            if not after:
                return

    def forget(self, id: str) -> Document:
        """Nobody finds it any more; restore() brings it back."""
        return self.perform("forget", id=id)

    def restore(self, id: str) -> Document:
        """Takes a forget back."""
        return self.perform("restore", id=id)

    def purge(self, *ids: str, all: bool = False, forgotten: bool | None = None, **filters: Any) -> int:
        """Erases memories for good, from the database, its log and every index; how many.

        By their ids, or with all=True those that the filters let through; forgotten=True: those that are forgotten.
        """
        answer = self.perform("purge", ids=[*ids] or None, all=all or None, forgotten=forgotten, **filters)
        return int(answer["purged"])

    def relate(self, from_id: str, to_id: str, relation: str = "related_to", *, weight: float | None = None) -> Document:
        """Links two: "related_to", "updates", "contradicts", "caused_by", "result_of", "part_of". weight: from 0 to 1."""
        return self.perform("relate", to=to_id, relation=relation, weight=weight, **{"from": from_id})

    def unrelate(self, from_id: str, to_id: str, relation: str = "related_to") -> Document:
        """Takes a link away."""
        return self.perform("unrelate", to=to_id, relation=relation, **{"from": from_id})

    def tree(self) -> Document:
        """The scopes within this one, with counts."""
        return self.perform("tree")

    def stats(self) -> Document:
        """Counts, sizes, the state of indexes and vectors."""
        return self.perform("stats")

    def graph(self, id: str | None = None, *, depth: int | None = None, limit: int | None = None,
              after: str | None = None, **filters: Any) -> Document:
        """{"nodes": […], "edges": […]} around a memory; without an id a page of the whole graph with positions to draw it."""
        return self.perform("graph", id=id, depth=depth, limit=limit, after=after, **filters)

    def path(self, from_id: str, to_id: str, *, max_hops: int | None = None) -> Document:
        """The strongest chain of relations between two."""
        return self.perform("path", to=to_id, max_hops=max_hops, **{"from": from_id})

    def maintain(self, *, dry_run: bool = True, policy: Document | None = None, **options: Any) -> Document:
        """Sees to what fades, what is double, what was forgotten long ago; a report by id. dry_run=False: it is done."""
        return self.perform("maintain", dry_run=dry_run, policy=policy, **options)

    def embed(self, limit: int | None = None) -> Document:
        """Computes vectors that are missing, now, instead of in the background: {"embedded", "left"}."""
        return self.perform("embed", limit=limit)

    def ingest(self, path: Path, *, dry_run: bool = False, **options: Any) -> Document:
        """Files and folders into memories, only what changed since; a report.

        options: globs=, ignore=, hidden=, type=, tags=, forget_vanished=, max_file_bytes=; extract=True asks a model about each
        piece, with model=, max_memories=, max_questions=.
        """
        return self.perform("ingest", path=_path(path), dry_run=dry_run or None, **options)

    def watch(self, path: Path, **options: Any) -> Watch:
        """Takes in what changes in a folder, from now on; options as of ingest(), and quiet_ms=, poll_ms=.

        with memory.watch("notes") as watch: for change in watch: … Ends with the watch, the memory or the runtime.
        """
        return Watch(self, self.perform("watch", path=_path(path), **options)["id"])

    def extract(self, text: str | None = None, *, messages: Iterable[Document] | None = None, **options: Any) -> Document:
        """What is worth knowing of a text or a conversation, written down by a model: {"memories", "refused", …}."""
        return self.perform("extract", text=text, messages=None if messages is None else [*messages], **options)

    def consolidate(self, *, dry_run: bool = True, **options: Any) -> Document:
        """Observations that belong together, made into fewer memories by a model; dry_run=False: it is done."""
        return self.perform("consolidate", dry_run=dry_run, **options)

    def export(self, path: Path, format: str = "jsonl", **filters: Any) -> Document:
        """Writes memories to a file or a folder: "jsonl", "tau" or "markdown"."""
        return self.perform("export", path=_path(path), format=format, **filters)

    def import_(self, path: Path, format: str | None = None, **options: Any) -> Document:
        """Takes over what export() or Tau wrote, or notes in Markdown."""
        return self.perform("import", path=_path(path), format=format, **options)

    def perform(self, op: str, *, vectors: Any = None, **members: Any) -> Document:
        """What tau_memory_perform answers to the request with that op and those members; None: not given."""
        numbers, count = floats_in(vectors)
        request = _request({"op": op, **members})
        return _core.call_json(lib.tau_memory_perform, self.pointer, request, numbers, count)

    def close(self) -> None:
        """Gives it back; what is remembered stays. Harmless when it was closed."""
        self._handle.release()

    def __enter__(self) -> Memory:
        return self

    def __exit__(self, *exception: object) -> None:
        self.close()


class AsyncMemory:
    """A Memory whose calls are awaited; each waits on a thread of asyncio's pool. Arguments as there."""

    def __init__(self, memory: Memory) -> None:
        self._memory = memory

    async def _call(self, name: str, *arguments: Any, **members: Any) -> Any:
        from asyncio import to_thread
        return await to_thread(getattr(self._memory, name), *arguments, **members)

    async def add(self, what: Entry | Iterable[Entry], **members: Any) -> Any:
        return await self._call("add", what, **members)

    async def search(self, query: str | None = None, **options: Any) -> Hits:
        hits: Hits = await self._call("search", query, **options)
        return hits

    async def get(self, id: str, **options: Any) -> Document:
        found: Document = await self._call("get", id, **options)
        return found

    async def list(self, **filters: Any) -> AsyncIterator[Document]:
        """`async for each in memory.aio.list(): …`"""
        after: str | None = None
        while True:
            page = await self._call("page", after=after, **filters)
            for each in page["memories"]:
                yield each
            after = page.get("next")
            if not after:
                return

    async def forget(self, id: str) -> Document:
        return await self.perform("forget", id=id)

    async def restore(self, id: str) -> Document:
        return await self.perform("restore", id=id)

    async def purge(self, *ids: str, **options: Any) -> int:
        purged: int = await self._call("purge", *ids, **options)
        return purged

    async def relate(self, from_id: str, to_id: str, relation: str = "related_to", **options: Any) -> Document:
        done: Document = await self._call("relate", from_id, to_id, relation, **options)
        return done

    async def unrelate(self, from_id: str, to_id: str, relation: str = "related_to") -> Document:
        done: Document = await self._call("unrelate", from_id, to_id, relation)
        return done

    async def tree(self) -> Document:
        return await self.perform("tree")

    async def stats(self) -> Document:
        return await self.perform("stats")

    async def graph(self, id: str | None = None, **options: Any) -> Document:
        found: Document = await self._call("graph", id, **options)
        return found

    async def path(self, from_id: str, to_id: str, **options: Any) -> Document:
        found: Document = await self._call("path", from_id, to_id, **options)
        return found

    async def maintain(self, **options: Any) -> Document:
        report: Document = await self._call("maintain", **options)
        return report

    async def embed(self, limit: int | None = None) -> Document:
        return await self.perform("embed", limit=limit)

    async def ingest(self, path: Path, **options: Any) -> Document:
        report: Document = await self._call("ingest", path, **options)
        return report

    async def watch(self, path: Path, **options: Any) -> Watch:
        """`watch = await memory.aio.watch("notes")`, then `async for change in watch: …`"""
        watch: Watch = await self._call("watch", path, **options)
        return watch

    async def extract(self, text: str | None = None, **options: Any) -> Document:
        answer: Document = await self._call("extract", text, **options)
        return answer

    async def consolidate(self, **options: Any) -> Document:
        answer: Document = await self._call("consolidate", **options)
        return answer

    async def export(self, path: Path, format: str = "jsonl", **filters: Any) -> Document:
        report: Document = await self._call("export", path, format, **filters)
        return report

    async def import_(self, path: Path, format: str | None = None, **options: Any) -> Document:
        report: Document = await self._call("import_", path, format, **options)
        return report

    async def perform(self, op: str, **members: Any) -> Document:
        answer: Document = await self._call("perform", op, **members)
        return answer


def _entry(entry: Entry) -> Document:
    if isinstance(entry, str):
        return {"text": entry}
    if isinstance(entry, dict):
        return entry
    raise TypeError(f"expected a memory as text or dict, got {type(entry).__name__}")


def _plain(value: Any) -> Any:
    """A value as JSON has it: datetimes and dates are text, and what is None in a dict is not there."""
    if isinstance(value, dict):
        return {key: _plain(each) for key, each in value.items() if each is not None}
    if isinstance(value, (list, tuple, set, frozenset)):
        return [_plain(each) for each in value]
    return value.isoformat() if hasattr(value, "isoformat") else value


def _request(members: Document) -> _abi.tau_str:
    return _core.json_in(_plain(members))


def _path(path: Path) -> str:
    return os.fsdecode(os.path.expanduser(path))


def set_embedder(runtime: Runtime, embedder: _abi.tau_embedder | None) -> None:
    _core.call(lib.tau_runtime_set_embedder, runtime.pointer, None if embedder is None else byref(embedder))
