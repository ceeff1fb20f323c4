"""The runtime: loops, workers, the store of a home directory, the configuration."""

from __future__ import annotations

import os
import threading
import time
from ctypes import byref

from . import _abi, _core, errors
from ._channel import Channels
from ._loader import lib
from .agent import Agent
from .embeddings import Embeddings
from .memory import Memory, set_embedder
from .models import HostModel

TYPE_CHECKING = False  # the module typing takes its time
if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator
    from types import TracebackType
    from typing import Any

    from ._embedder import Embedder
    from ._threads import Threads
    from .scanner import Scanner
    from .vault import Vault

    Path = str | bytes | os.PathLike[str] | os.PathLike[bytes]

_SLICE_MS = 100
_LOOPS = 2  # one that has a thread, one for asyncio


class Runtime:
    """What everything else hangs on; a program opens one and keeps it. A context manager: leaving it stops it.

    home: directory of sessions and configuration; without one sessions live in memory only. workspace: directory that
    built-in tools work in. config: a document (docs/schema/config.json) that wins over files and environment.
    environment: whether provider keys and TAU_* settings may come from the environment. config_files: whether tau.toml
    files are read. loops: threads that serve runs; by default one for synchronous programs, while asyncio serves its own
    runs on its own thread, which costs least; with a number that many serve all, so that an asyncio program may block.
    workers: threads for blocking tools, 0 for none. read_only: nothing of the home is made or changed;
    its sessions can be listed, described, exported and backed up. vault: where "secret://" references of the
    configuration are looked up; without one, the vault that its keys vault.* name.
    """

    def __init__(self, home: Path | None = None, *, workspace: Path | None = None,
                 config: dict[str, Any] | None = None, environment: bool = False, config_files: bool = False,
                 loops: int | None = None, workers: int | None = None, exec_helper: Path | None = None,
                 read_only: bool = False, vault: Vault | None = None) -> None:
        flag = _abi.tau_runtime_flags
        options = _core.options(_abi.tau_runtime_options)
        options.flags = (flag.NO_STORE * (home is None) | flag.USE_ENVIRONMENT * bool(environment)
                         | flag.USE_CONFIG_FILES * bool(config_files) | flag.READ_ONLY * bool(read_only))
        options.home, options.workspace = _path(home), _path(workspace)
        options.config = _core.json_in(config)
        options.loops = _LOOPS if loops is None else loops
        options.workers = 0 if workers is None else workers or _abi.TAU_NO_WORKERS
        options.exec_helper = _path(exec_helper)
        options.vault = None if vault is None else vault.pointer
        self._handle = _core.Handle(_core.call_handle(lib.tau_runtime_new, byref(options)),
                                    lib.tau_runtime_unref)
        self._channels = Channels(self, borrow=_LOOPS - 1 if loops is None else None)
        self._models: dict[str, HostModel] = {}
        self._threads: Threads | None = None
        self._embedder: Embedder | None = None
        self._lock = threading.Lock()

    @property
    def pointer(self) -> int:
        return self._handle.pointer

    @property
    def _pool(self) -> Threads:
        """Threads for tools that are plain functions."""
        with self._lock:
            if self._threads is None:
                from ._threads import Threads  # with concurrent.futures, which takes its time
                self._threads = Threads()
            return self._threads

    def agent(self, model: str | None = None, **options: Any) -> Agent:
        """An Agent of this runtime; arguments as there."""
        return Agent(self, model, **options)

    def model(self, name: str, **document: Any) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
        """Supplies a model: @runtime.model("host/echo", price={"input": 0, "output": 0}) over an async generator.

        See HostModel and docs/schema/host_model.json.
        """
        def add(function: Callable[..., Any]) -> Callable[..., Any]:
            self.add_model(name, function, **document)
            return function
        return add

    def add_model(self, name: str, function: Callable[..., Any] | None = None, **document: Any) -> None:
        """The same with a function at hand; without one the reader of the MODEL_CALL events answers."""
        model = HostModel({**document, "model": name}, function)
        entry = _core.options(_abi.tau_model)
        entry.document = _core.json_in(model.document)
        with self._lock:
            _core.call(lib.tau_runtime_add_model, self.pointer, byref(entry))
            self._models[name] = model

    def remove_model(self, name: str) -> None:
        """Takes a model out again; agents that have it keep it."""
        self.perform("remove_model", model=name)

    def _model(self, name: str) -> HostModel | None:
        return self._models.get(name) or self._models.get(name[:name.find("/") + 1] + "*")

    def embed(self, texts: Iterable[str], *, model: str, input_type: str | None = None, dimensions: int | None = None,
              timeout: float = 60, principal: str | None = None) -> Embeddings:
        """The vectors of texts; waits, so inside asyncio use asyncio.to_thread().

        model: "openai/text-embedding-3-small", or a route. input_type: what they are for, "document", "query",
        "classification", "clustering" or "similarity". dimensions: of each, where the model has a choice. timeout: seconds.
        """
        if isinstance(texts, str):
            raise TypeError(f"texts is the text {texts!r}; expected a list")
        given = {"model": model, "texts": list(texts), "input_type": input_type, "dimensions": dimensions,
                 "timeout_ms": max(1, round(timeout * 1000)), "principal": principal}
        request = _core.json_in({key: value for key, value in given.items() if value is not None})
        vectors, report = _abi.tau_buf(), _abi.tau_buf()
        try:
            _core.call(lib.tau_embed, self.pointer, request, byref(vectors), byref(report))
            return Embeddings.of(_core.bytes_of(vectors), _core.bytes_of(report))
        finally:
            lib.tau_buf_free(byref(vectors))
            lib.tau_buf_free(byref(report))

    def memory(self, *, workspace: str | None = None, channel: str | None = None, actor: str | None = None,
               principal: str | None = None) -> Memory:
        """The memories of a scope: a workspace ("default"), a channel in it, an actor.

        With a channel it sees that channel and what belongs to the whole workspace, and writes into the channel alone; without
        one it sees all channels. The same holds for actor. principal: who acts, for access rules and records.
        """
        return Memory(self, {"workspace": workspace, "channel": channel, "actor": actor, "principal": principal})

    def set_embedder(self, name: str | None, dimensions: int = 0,
                     function: Callable[[list[str], str], Any] | None = None) -> Embedder | None:
        """Lets a function make the vectors of memories from now on: function(texts, purpose) gives a row of numbers for each.

        name: of the space of its vectors; another model, another name. purpose: "document" or "query". What it gives is
        anything that add() takes as vectors. It is called on threads of the library, several times at once. When it raises,
        words alone are searched, and Embedder.last_error tells. A name of None: back to the configured model.
        """
        if name is None or function is None:
            set_embedder(self, None)
            self._embedder = None
        else:
            from ._embedder import Embedder  # it stays to the end of the program
            self._embedder = Embedder(name, dimensions, function).install(self)
        return self._embedder

    def describe(self) -> dict[str, Any]:
        """The configuration in force with the origin of each value, and the model that would answer."""
        return _core.call_json(lib.tau_runtime_describe, self.pointer)

    @property
    def scanner(self) -> Scanner:
        """What every text of the runs passes: secrets that are registered there are taken out."""
        from .scanner import Scanner
        return Scanner._of(self)

    def sessions(self, limit: int = 1000) -> Iterator[dict[str, Any]]:
        """Yields a description of every session of the home, newest first."""
        after = None
        while True:
            page = _core.call_json(lib.tau_session_list, self.pointer, limit, _core.text_in(after))
            yield from page["sessions"]
            after = page.get("next")
            if not after:
                return

    def remove_session(self, id: str) -> None:
        """Removes a session and erases what no fork shares."""
        _core.call(lib.tau_session_remove, self.pointer, _core.text_in(id))

    def backup(self, directory: Path) -> dict[str, Any]:
        """Copies the home, which goes on running, to a directory that does not exist yet; what is in it."""
        return _core.call_json(lib.tau_home_backup, self.pointer, _path(directory))

    def prune(self, *, max_age_days: float | None = None, max_bytes: int | None = None,
              dry_run: bool = False) -> dict[str, Any]:
        """Removes the sessions that did not change for longest until the home keeps the limits; what went.

        A limit that is not given is that of the configuration. dry_run: nothing changes.
        """
        limits = {"max_age_days": max_age_days, "max_bytes": max_bytes, "dry_run": dry_run}
        given = {key: value for key, value in limits.items() if value is not None}
        return _core.call_json(lib.tau_home_prune, self.pointer, _core.json_in(given))

    def approvals(self, *, all: bool = False) -> list[dict[str, Any]]:
        """The calls that wait for an approval, in whichever process of the home they do, oldest first.

        all: also those that nobody waits for any more.
        """
        found: list[dict[str, Any]] = self.perform("approvals", all=all)["approvals"]
        return found

    def approval(self, id: str) -> dict[str, Any]:
        """One of them, with its arguments."""
        return self.perform("approval", id=id)

    def decide(self, id: str, allow: bool, *, note: str | None = None, principal: str | None = None,
               wait: float = 0) -> dict[str, Any]:
        """Says yes or no to a call that waits; of all decisions the first counts.

        principal: who decides, when it is not that of the runtime. wait: seconds to see whether the process that waits takes it up:
        the member "applied" of the answer.
        """
        return self.perform("decide", id=id, allow=allow, note=note, principal=principal, wait_ms=round(wait * 1000))

    def resolve_did(self, did: str, *, timeout: float = 10) -> dict[str, Any]:
        """The document of a DID and its keys; that of a did:web is fetched. timeout: in seconds."""
        return self.perform("resolve_did", did=did, timeout_ms=round(timeout * 1000))

    def auth_login(self, name: str, *, flow: str | None = None) -> dict[str, Any]:
        """Begins a login of the configuration, [auth.NAME]; what a person has to do is in "url" and "user_code".

        flow: "browser" or "device", when it is not that of the login's kind. auth_wait() waits for the person.
        """
        return self.perform("auth_login", name=name, flow=flow)

    def auth_wait(self, name: str, *, timeout: float = 10) -> dict[str, Any]:
        """Waits for the end of a login that was begun, in seconds; the "state" is "waiting" when it has not come by then."""
        return self.perform("auth_wait", name=name, timeout_ms=round(timeout * 1000))

    def auth_status(self, name: str | None = None) -> list[dict[str, Any]]:
        """How the logins stand, or one of them. No token is among what is told."""
        found: list[dict[str, Any]] = self.perform("auth_status", name=name)["logins"]
        return found

    def auth_refresh(self, name: str) -> dict[str, Any]:
        """Gets a new token now."""
        return self.perform("auth_refresh", name=name)

    def auth_logout(self, name: str) -> dict[str, Any]:
        """Gives the token back, if the configuration says where, and erases it."""
        return self.perform("auth_logout", name=name)

    def models(self, provider: str | None = None) -> dict[str, Any]:
        """What the catalogs know: windows, limits, prices in micro-dollars per million tokens, abilities, and where each is from."""
        return self.perform("models", provider=provider)

    def describe_model(self, name: str) -> dict[str, Any]:
        """One model, "provider/name", known or not, with the quirks that are in force for it."""
        return self.perform("model", model=name)

    def estimate(self, model: str, request: dict[str, Any], *, output_tokens: int | None = None) -> dict[str, Any]:
        """What a call would count and cost, without making it: a bound of each, which holds, and an estimate.

        request: in the neutral form, as wire.decode gives it. output_tokens: of the answer that the estimate is made for.
        """
        return self.perform("estimate", model=model, request=request, output_tokens=output_tokens)

    def usage(self, *by: str, since: str | None = None, until: str | None = None, limit: int | None = None) -> dict[str, Any]:
        """What models took and cost: {"usage": […], "total": {…}, "more": false}.

        by: "day", "model", "session", "principal", "route"; the model unless told. since, until: days of UTC, both included:
        "2026-11-27", or "7d" for the last seven days.
        """
        return self.perform("usage", by=list(by) or None, since=since, until=until, limit=limit)

    def perform(self, op: str, **members: Any) -> dict[str, Any]:
        """What tau_runtime_perform answers to the request with that op and those members; None: not given."""
        given = {key: value for key, value in members.items() if value is not None}
        return _core.call_json(lib.tau_runtime_perform, self.pointer, _core.json_in({"op": op, **given}))

    def audit(self, kind: str, **members: Any) -> None:
        """Appends a record of the program's own to the audit log of the home, and waits until it is there.

        kind: "host.noted", "access.denied", …; members: those of docs/audit.md, such as action, target, principal.
        """
        _core.call(lib.tau_audit_append, self.pointer, _core.json_in({**members, "kind": kind}))

    def audit_head(self) -> str:
        """The signed head over all that was recorded so far, to keep where the log is not."""
        return _core.call_text(lib.tau_audit_head, self.pointer, _core.text_in(None))

    def replay(self, run_id: str) -> dict[str, Any]:
        """Re-runs the recorded inputs of a run; DataLossError "replay_diverged" when the engine answers otherwise."""
        return _core.call_json(lib.tau_run_replay, self.pointer, _core.text_in(run_id))

    def stop(self, timeout: float | None = None) -> None:
        """Cancels every run and waits, at most `timeout` seconds, until their records are durable."""
        limit = None if timeout is None else time.monotonic() + timeout
        self._channels.give_back()
        while True:  # in slices, so that Ctrl-C is answered
            left = _SLICE_MS if limit is None else max(0, min(_SLICE_MS, int((limit - time.monotonic()) * 1000)))
            try:
                _core.call(lib.tau_runtime_stop, self.pointer, left)
                return
            except errors.DeadlineExceededError:
                if limit is not None and time.monotonic() >= limit:
                    raise

    def close(self, timeout: float | None = 10) -> None:
        """Stops the runtime and gives it back. Harmless when it was closed."""
        if self._handle.released:
            return
        try:
            if self._embedder is not None:
                self.set_embedder(None)
            self.stop(timeout)
        finally:
            self._channels.settle()
            if self._threads is not None:
                self._threads.close()
            self._handle.release()

    def __enter__(self) -> Runtime:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None,
                 trace: TracebackType | None) -> None:
        self.close()

    async def __aenter__(self) -> Runtime:
        return self

    async def __aexit__(self, kind: type[BaseException] | None, error: BaseException | None,
                        trace: TracebackType | None) -> None:
        from asyncio import to_thread
        await to_thread(self.close)


def restore_home(backup: Path, home: Path, *, replace: bool = False) -> dict[str, Any]:
    """Puts a backup in the place of a home that no program has open; what is there now.

    replace: a database that is there moves to a directory of the home, which the report names as "replaced".
    """
    flags = _abi.tau_home_restore_flags.REPLACE * bool(replace)
    return _core.call_json(lib.tau_home_restore, _path(backup), _path(home), flags)


def verify_home(home: Path) -> dict[str, Any]:
    """Checks a home or a backup, also one that is in use: "sound", counts, and "problems" with reason and message."""
    try:
        return _core.call_json(lib.tau_home_verify, _path(home))
    except errors.DataLossError as error:
        if error.reason != "home_damaged":
            raise
        return error.details


def _path(value: Path | None) -> _abi.tau_str:
    return _core.text_in(None if value is None else os.fsencode(os.path.expanduser(value)))
