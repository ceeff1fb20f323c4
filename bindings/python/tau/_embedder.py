"""Python functions that make the vectors of memories. The library calls them on threads of its own.

A thread of the library must not come into Python once the interpreter is going down: whatever calls a function is counted
until the library has let go of it (`finalize`), and the program's end waits for that.
"""

from __future__ import annotations

import atexit
import ctypes
import itertools
import threading
import weakref
from ctypes import CFUNCTYPE, POINTER, c_float, c_size_t, c_uint32, c_void_p

from . import _abi, _core
from ._vectors import floats_in
from .memory import set_embedder

TYPE_CHECKING = False  # the module typing takes its time
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

    from .runtime import Runtime

    Function = Callable[[list[str], str], Any]

_EMBED = CFUNCTYPE(None, c_void_p, POINTER(_abi.tau_str), c_size_t, c_uint32, POINTER(c_float))
_FINALIZE = CFUNCTYPE(None, c_void_p)
_PATIENCE_S = 10

_keys = itertools.count(1)
_held: dict[int, Embedder] = {}  # by the library; the userdata is the key


class Embedder:
    """A function that makes vectors, as Runtime.set_embedder() gave it to the library.

    failures: how often it raised, or gave what is no vectors; the search went on with words then. last_error: of the last time.
    """

    def __init__(self, name: str, dimensions: int, function: Function) -> None:
        if not callable(function):
            raise TypeError(f"expected a function that makes vectors, not {function!r}")
        self.name = name
        self.dimensions = dimensions
        self.function = function
        self.failures = 0
        self.last_error: Exception | None = None
        self._gone = threading.Event()
        self._runtime: weakref.ref[Runtime] | None = None

    def _make(self, texts: Any, count: int, purpose: int, out: Any) -> None:
        try:
            shown = [_core.text_out(texts[i]) for i in range(count)]
            numbers, got = floats_in(self.function(shown, "query" if purpose == _abi.tau_embed_purpose.QUERY else "document"))
            wanted = count * self.dimensions
            if got != wanted:
                raise ValueError(f"expected {count} vectors of {self.dimensions} numbers, got {got} numbers")
            ctypes.memmove(out, numbers, wanted * ctypes.sizeof(c_float))
        except Exception as error:  # what is not written says that there are none
            self.failures += 1
            self.last_error = error

    def install(self, runtime: Runtime) -> Embedder:
        entry = _core.options(_abi.tau_embedder)
        name = _core.text_in(self.name)
        key = next(_keys)
        entry.dimensions, entry.name, entry.userdata = self.dimensions, name, key
        entry.embed = ctypes.cast(_on_embed, c_void_p).value
        entry.finalize = ctypes.cast(_on_finalize, c_void_p).value
        self._runtime = weakref.ref(runtime)
        _held[key] = self
        try:
            set_embedder(runtime, entry)
        except BaseException:
            del _held[key]
            raise
        return self


def _embed(key: int, texts: Any, count: int, purpose: int, out: Any) -> None:
    embedder = _held.get(key)
    if embedder is not None:
        embedder._make(texts, count, purpose, out)


def _finalize(key: int) -> None:
    embedder = _held.pop(key, None)
    if embedder is not None:
        embedder._gone.set()


_on_embed, _on_finalize = _EMBED(_embed), _FINALIZE(_finalize)


@atexit.register  # before the runtimes are given back
def _withdraw_all() -> None:
    waiting = list(_held.values())
    for embedder in waiting:
        runtime = None if embedder._runtime is None else embedder._runtime()
        try:
            if runtime is not None and not runtime._handle.released:
                set_embedder(runtime, None)
        except Exception:  # it was stopped: nothing calls any more
            pass
    for embedder in waiting:
        embedder._gone.wait(_PATIENCE_S)
