"""Threads for tools that are plain functions.

An executor's threads hold up the end of the program until they return; a tool that sleeps must not keep Ctrl-C from
ending it. These are daemons.
"""

from __future__ import annotations

import concurrent.futures
import contextvars
import queue
import threading
import weakref

TYPE_CHECKING = False  # the module typing takes its time
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

    # A function to call in a context for a future; None is the end.
    Job = tuple[concurrent.futures.Future[Any], contextvars.Context, Callable[..., Any], tuple[Any, ...]]

_LIMIT = 64


class Threads:
    """Runs functions on at most 64 threads, which stay for the next ones; further functions wait."""

    def __init__(self) -> None:
        self._work: queue.SimpleQueue[Job | None] = queue.SimpleQueue()
        self._idle = threading.Semaphore(0)
        self._lock = threading.Lock()
        self._count = 0
        self._finalizer = weakref.finalize(self, self._work.put, None)
        self._finalizer.atexit = False

    def submit(self, function: Callable[..., Any], *arguments: Any) -> concurrent.futures.Future[Any]:
        """Calls the function in the caller's context."""
        future: concurrent.futures.Future[Any] = concurrent.futures.Future()
        self._work.put((future, contextvars.copy_context(), function, arguments))
        with self._lock:
            if not self._idle.acquire(blocking=False) and self._count < _LIMIT:
                self._count += 1
                threading.Thread(target=_serve, args=(self._work, self._idle), name="tau-tool", daemon=True).start()
        return future

    def close(self) -> None:
        """Idle threads end now, the others once their function returns."""
        self._finalizer()


def _serve(work: queue.SimpleQueue[Job | None], idle: threading.Semaphore) -> None:
    while (item := work.get()) is not None:
        _call(*item)
        del item  # an idle thread keeps nothing alive
        idle.release()
    work.put(None)  # for the next thread


def _call(future: concurrent.futures.Future[Any], context: contextvars.Context, function: Callable[..., Any],
          arguments: tuple[Any, ...]) -> None:
    if not future.set_running_or_notify_cancel():
        return
    try:
        result = context.run(function, *arguments)
    except BaseException as error:  # also SystemExit: it ends the call, not the thread
        future.set_exception(error)
    else:
        future.set_result(result)
