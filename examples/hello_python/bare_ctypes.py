#!/usr/bin/env python3
"""The C API by hand, with nothing but ctypes: what a binding for another language has to do.

  python3 bare_ctypes.py LIBRARY
"""

import ctypes
import json
import sys
from collections.abc import Callable
from ctypes import Structure, byref, c_char_p, c_int32, c_int64, c_size_t, c_uint32, c_uint64, c_void_p
from typing import Any, TypeVar

S = TypeVar("S", bound=Structure)

TOOL_CALL, TEXT, RUN_DONE = 6, 3, 16  # enum in event.h
NO_STORE = 8  # TAU_RUNTIME_NO_STORE


class Str(Structure):
    _fields_ = [("data", c_char_p), ("len", c_size_t)]

    def __str__(self) -> str:
        address = c_void_p.from_buffer(self).value
        return ctypes.string_at(address, self.len).decode() if address else ""


class RuntimeOptions(Structure):
    _fields_ = [("struct_size", c_uint32), ("flags", c_uint32)]  # as far as this program needs it


class Tool(Structure):
    _fields_ = [("struct_size", c_uint32), ("flags", c_uint32), ("name", Str), ("description", Str),
                ("parameters", Str), ("effect", c_uint32), ("reserved", c_uint32), ("timeout_ms", c_int64)]


class RunOptions(Structure):
    _fields_ = [("struct_size", c_uint32), ("flags", c_uint32), ("prompt", Str)]


class Event(Structure):
    _fields_ = [("struct_size", c_uint32), ("kind", c_uint32), ("first_seq", c_uint64), ("seq", c_uint64),
                ("run_id", Str), ("call_id", Str), ("text", Str), ("userdata", c_void_p), ("body", c_void_p)]


def text(value: str) -> Str:
    data = value.encode()
    return Str(data, len(data))


def sized(kind: type[S], *values: object) -> S:
    return kind(ctypes.sizeof(kind), *values)


def check(lib: ctypes.CDLL, status: int, error: c_void_p) -> int:
    if status < 0:
        lib.tau_error_message.restype = Str
        sys.exit(str(lib.tau_error_message(error)))
    return status


def make(lib: ctypes.CDLL, function: Callable[..., int], *arguments: Any) -> c_void_p:
    """Calls a function that ends in (…, tau_x **out, tau_error **err)."""
    out, error = c_void_p(), c_void_p()
    check(lib, function(*arguments, byref(out), byref(error)), error)
    return out


def main() -> int:
    lib = ctypes.CDLL(sys.argv[1])
    lib.tau_run_queue.restype = c_void_p
    none = Str(None, 0)
    config = {"model": "scripted/demo", "script": {"turns": [
        {"text": "2 + 3 is ", "tool_calls": [{"name": "add", "arguments": {"a": 2, "b": 3}}]}, {"text": "five."}]}}

    runtime = make(lib, lib.tau_runtime_new, byref(sized(RuntimeOptions, NO_STORE)))
    agent = make(lib, lib.tau_agent_new, runtime, text(json.dumps(config)))
    error = c_void_p()
    add = sized(Tool, 0, text("add"), text("Adds two numbers."), text('{"type":"object"}'), 0, 0, 0)
    check(lib, lib.tau_agent_add_tool(agent, byref(add), byref(error)), error)
    session = make(lib, lib.tau_session_open, agent, none)
    run = make(lib, lib.tau_run_start, session, byref(sized(RunOptions, 0, text("2 + 3?"))))

    queue, event, body = c_void_p(lib.tau_run_queue(run)), sized(Event), Str()
    while event.kind != RUN_DONE:
        if check(lib, lib.tau_queue_next(queue, c_int32(-1), byref(event), byref(error)), error) != 0:
            break
        check(lib, lib.tau_event_json(queue, byref(event), byref(body), byref(error)), error)
        if event.kind == TEXT:
            print(event.text, end="", flush=True)
        elif event.kind == TOOL_CALL:
            numbers = json.loads(str(body))["arguments"]
            op = {"op": "tool_result", "call_id": str(event.call_id), "content": numbers["a"] + numbers["b"]}
            check(lib, lib.tau_run_submit(run, text(json.dumps(op)), None, c_size_t(0), byref(error)), error)
    outcome = json.loads(str(body))["outcome"]
    print(f"\n({outcome['status']})")

    for release, handle in ((lib.tau_run_unref, run), (lib.tau_session_unref, session), (lib.tau_agent_unref, agent),
                            (lib.tau_runtime_unref, runtime)):
        release(handle)
    return 0 if outcome["code"] == "ok" else 1


if __name__ == "__main__":
    sys.exit(main())
