"""tau: run language-model agents inside your program.

    import tau

    outcome = tau.run("What is 2 + 3?", tools=[add])

    with tau.Runtime(home="~/.local/share/tau", environment=True) as runtime:
        agent = runtime.agent("openai/gpt-5", system="Be brief.")
        for event in agent.session().run("Hello"):
            ...

Inside asyncio the same run is used with `async for` and `await`. docs/python.md tells the whole story.
"""

from __future__ import annotations

from . import wire
from ._core import call_json as _call_json
from ._core import text_in as _text_in
from ._loader import lib as _lib
from .access import Access
from .agent import Agent
from .audit import audit_head, audit_records, read_audit, summarise_audit, verify_audit
from .embeddings import Embeddings
from .errors import (AbortedError, AlreadyExistsError, DataLossError, DeadlineExceededError, FailedPreconditionError,
                     InternalError, InvalidArgumentError, NotFoundError, OutOfRangeError, PermissionDeniedError,
                     ResourceExhaustedError, RunCancelledError, Status, TauError, ToolError, UnauthenticatedError,
                     UnavailableError, UnimplementedError, UnknownError)
from .events import Event, EventKind, Outcome, Usage
from .identity import Identity, resolve_did, verify_card, verify_roots
from .memory import AsyncMemory, Hits, Memory, Watch
from .models import HostModel, ModelCall
from .policy import Policy
from .run import Blob, Run
from .runtime import Runtime, restore_home, verify_home
from .scanner import Redactor, Scanner, check_url, injection_signals
from .session import Session
from .session import _running_loop
from .tools import Tool, ToolCall, current_call, tool
from .vault import Secret, Vault, VaultKey

TYPE_CHECKING = False  # the module typing takes its time
if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from typing import Any

    from .run import OnApproval
    from .runtime import Path

__all__ = [
    "AbortedError", "Access", "Agent", "AlreadyExistsError", "AsyncMemory", "Blob", "DataLossError",
    "DeadlineExceededError", "Embeddings", "Event", "EventKind", "FailedPreconditionError", "Hits", "HostModel",
    "Identity", "InternalError", "InvalidArgumentError", "Memory", "ModelCall", "NotFoundError", "OutOfRangeError",
    "Outcome", "PermissionDeniedError", "Policy", "Redactor", "ResourceExhaustedError", "Run", "RunCancelledError",
    "Runtime", "Scanner", "Secret", "Session", "Status", "TauError", "Tool", "ToolCall", "ToolError",
    "UnauthenticatedError", "UnavailableError", "UnimplementedError", "UnknownError", "Usage", "Vault", "VaultKey",
    "Watch", "abi_version", "audit_head", "audit_records", "build_info", "check_url", "current_call", "has_feature",
    "injection_signals", "read_audit", "resolve_did", "restore_home", "run", "summarise_audit", "tool",
    "verify_audit", "verify_card", "verify_home", "verify_roots", "version", "wire",
]


def version() -> str:
    """The version of the library that is loaded."""
    return _lib.tau_version().decode()


def abi_version() -> tuple[int, int]:
    """(major, minor) of the ABI that the library speaks."""
    return divmod(_lib.tau_abi_version(), 1000)


def has_feature(name: str) -> bool:
    """Whether a feature is built in and works."""
    return bool(_lib.tau_has_feature(_text_in(name)))


def build_info() -> dict[str, Any]:
    """Version, features, built-in tools, dialects and known providers."""
    return _call_json(_lib.tau_build_info)


def run(prompt: str, model: str | None = None, *, tools: Iterable[Callable[..., Any] | Tool | str] | None = None,
        workspace: Path | None = None, environment: bool = True, timeout: float | None = None,
        on_approval: OnApproval | None = None, **agent: Any) -> Outcome:
    """Asks one question and waits for the answer. Nothing is kept.

    Without a model, the one that the environment names is used. Further keywords are those of Agent. Raises TauError
    when the run does not end well. Not inside a running asyncio loop: use Runtime and Session there.
    """
    if _running_loop() is not None:
        raise RuntimeError("tau.run() waits, and would stop the asyncio loop: use Runtime, and await session.run()")
    with Runtime(workspace=workspace, environment=environment) as runtime:
        agent_ = runtime.agent(model, tools=tools, on_approval=on_approval, **agent)
        return agent_.session().run(prompt).result(timeout)
