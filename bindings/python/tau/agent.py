"""Agents: a model, instructions and tools that sessions are run with."""

import threading
from ctypes import byref

from . import _abi, _core
from ._core import lib
from .session import Session, response
from .tools import Tool, as_tool


class Agent:
    """A configuration and a set of tools.

    model: "provider/model". system: instructions. tools: functions, Tool objects, and names of built-in tools; a list
    is the whole offer, without one the built-in tools of the configuration are offered. limits, policy, params,
    response_schema and everything in config: as in docs/schema/config.json; keywords win over config. on_approval:
    answers approvals of all runs, see Session.run.
    """

    def __init__(self, runtime, model=None, *, system=None, tools=None, limits=None, policy=None, params=None,
                 response_schema=None, script=None, on_approval=None, config=None):
        if isinstance(tools, str):
            raise TypeError(f"tools is the text {tools!r}; expected a list")
        names = None if tools is None else [item for item in tools if isinstance(item, str)]
        text, self._decode = response(response_schema)
        document = {"model": model, "system": system, "tools": names, "limits": limits, "policy": policy,
                    "params": params, "response_schema": text, "script": script}
        document = {**(config or {}), **{key: value for key, value in document.items() if value is not None}}
        self._runtime = runtime
        self.on_approval = on_approval
        self._tools = {}  # replaced, never changed: a run keeps those that it started with
        self._lock = threading.Lock()
        self._handle = _core.Handle(
            _core.call_handle(_abi.tau_agent, lib.tau_agent_new, runtime.pointer, _core.json_in(document or None)),
            lib.tau_agent_unref)
        for item in tools or ():
            if not isinstance(item, str):
                self.add_tool(as_tool(item))

    @property
    def runtime(self):
        return self._runtime

    @property
    def pointer(self):
        return self._handle.pointer

    def tool(self, function=None, **manifest):
        """Offers a function to the model: @agent.tool or @agent.tool(effect="read", timeout=5). See Tool."""
        def add(target):
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
        with self._lock:
            _core.call(lib.tau_agent_add_tool, self.pointer, byref(entry))
            self._tools = {**self._tools, tool.name: tool}

    def session(self, id=None) -> Session:
        """Opens a session, creating it when there is none of that id; without an id, a session of its own."""
        return Session(self, _core.call_handle(_abi.tau_session, lib.tau_session_open, self.pointer,
                                               _core.text_in(id)))

    def describe(self) -> dict:
        """Model, tools with their manifests, limits, policy."""
        return _core.call_json(lib.tau_agent_describe, self.pointer)
