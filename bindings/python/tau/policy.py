"""Policies: whether a tool call may run, for programs that run their own agent (tau/policy.h)."""

from __future__ import annotations

from . import _core
from ._loader import lib

TYPE_CHECKING = False  # the module typing takes its time
if TYPE_CHECKING:
    from typing import Any


class Policy:
    """Rules for tool calls. Any thread.

    document: as a configuration has it under "policy": Policy({"preset": "strict"}). A runtime has a policy of its own,
    which it asks before every call.
    """

    def __init__(self, document: dict[str, Any] | None = None) -> None:
        self._handle = _core.Handle(_core.call_handle(lib.tau_policy_new, _core.json_in(document)), lib.tau_policy_free)

    def decide(self, call: dict[str, Any]) -> dict[str, Any]:
        """The verdict on a call: "verdict" is "allow", "ask" or "deny", "reason" tells why.

        The call is {"tool": {"name", "effect", "destinations", …}, "arguments", "labels", "user", "reads", "signals",
        "run"}, as tau_policy_decide has it. An exception is no verdict: do not make the call.
        """
        return _core.call_json(lib.tau_policy_decide, self._handle.pointer, _core.json_in(call))

    def describe(self) -> dict[str, Any]:
        """Its "epoch", its "document", what is "in_force", the table of "presets", all "reasons"."""
        return _core.call_json(lib.tau_policy_describe, self._handle.pointer)

    def __repr__(self) -> str:
        return f"Policy(preset={self.describe()['document']['preset']!r})"
