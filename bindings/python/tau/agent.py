"""Agents: a model, instructions and tools that sessions are run with."""

from __future__ import annotations

import threading
from ctypes import byref

from . import _abi, _core
from ._loader import lib
from .session import Session, response
from .tools import Tool, as_tool

TYPE_CHECKING = False  # the module typing takes its time
if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from typing import Any, overload

    from .run import OnApproval
    from .runtime import Runtime
    from .tools import F
else:
    def overload(function):
        return function


class Agent:
    """A configuration and a set of tools.

    model: "provider/model". system: instructions. tools: functions, Tool objects, and names of built-in tools; a list
    is the whole offer, without one the built-in tools of the configuration are offered. limits, policy, params,
    response_schema and everything in config: as in docs/schema/config.json; keywords win over config. principal: who
    its sessions and runs act for, where a policy of access asks. on_approval: answers approvals of all runs, see Session.run.
    """

    def __init__(self, runtime: Runtime, model: str | None = None, *, system: str | None = None,
                 tools: Iterable[Callable[..., Any] | Tool | str] | None = None, limits: dict[str, Any] | None = None,
                 policy: dict[str, Any] | None = None, params: dict[str, Any] | None = None,
                 response_schema: Any = None, script: dict[str, Any] | None = None, principal: str | None = None,
                 on_approval: OnApproval | None = None, config: dict[str, Any] | None = None) -> None:
        if isinstance(tools, str):
            raise TypeError(f"tools is the text {tools!r}; expected a list")
        offered = None if tools is None else list(tools)
        names = None if offered is None else [item for item in offered if isinstance(item, str)]
        text, self._decode = response(response_schema)
        document = {"model": model, "system": system, "tools": names, "limits": limits, "policy": policy,
                    "params": params, "response_schema": text, "script": script}
        document = {**(config or {}), **{key: value for key, value in document.items() if value is not None}}
        if principal is not None:
            document["access"] = {**(config or {}).get("access", {}), "principal": principal}
        self._runtime = runtime
        self.on_approval = on_approval
        self._tools: dict[str, Tool] = {}  # replaced, never changed: a run keeps those that it started with
        self._lock = threading.Lock()
        self._handle = _core.Handle(
            _core.call_handle(lib.tau_agent_new, runtime.pointer, _core.json_in(document or None)),
            lib.tau_agent_unref)
        for item in offered or ():
            if not isinstance(item, str):
                self.add_tool(as_tool(item))

    @property
    def runtime(self) -> Runtime:
        return self._runtime

    @property
    def pointer(self) -> int:
        return self._handle.pointer

    @overload
    def tool(self, function: F, /, **manifest: Any) -> F: ...
    @overload
    def tool(self, function: None = None, /, **manifest: Any) -> Callable[[F], F]: ...
    def tool(self, function: F | None = None, /, **manifest: Any) -> F | Callable[[F], F]:
        """Offers a function to the model: @agent.tool or @agent.tool(effect="egress", destinations=["to"]). See Tool."""
        def add(target: F) -> F:
            self.add_tool(Tool.of(target, **manifest))
            return target
        return add if function is None else add(function)

    def add_tool(self, tool: Tool) -> None:
        """Offers a tool. One without a function is answered by whoever reads the TOOL_CALL events."""
        effect, flags = tool.manifest()
        entry = _core.options(_abi.tau_tool)
        entry.name, entry.description = _core.text_in(tool.name), _core.text_in(tool.description)
        entry.parameters = _core.json_in(tool.parameters)
        entry.effect, entry.flags, entry.timeout_ms = effect, flags, int(tool.timeout * 1000)
        entry.destinations = _core.json_in(tool.destinations or None)
        with self._lock:
            _core.call(lib.tau_agent_add_tool, self.pointer, byref(entry))
            self._tools = {**self._tools, tool.name: tool}

    def session(self, id: str | None = None) -> Session:
        """Opens a session, creating it when there is none of that id; without an id, a session of its own."""
        return Session(self, _core.call_handle(lib.tau_session_open, self.pointer,
                                               _core.text_in(id)))

    def describe(self) -> dict[str, Any]:
        """Model, tools with their manifests, limits, policy."""
        return _core.call_json(lib.tau_agent_describe, self.pointer)
