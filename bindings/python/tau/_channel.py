"""Event queues: one of its own for a run that is iterated synchronously, one per asyncio loop for all others."""

import ctypes
import itertools
import threading
import weakref
from ctypes import byref

from . import _abi, _core
from ._core import lib
from .events import Event, EventKind

_BATCH = 64
# Their whole body is the text, which the event carries itself.
_TEXT_ONLY = frozenset((EventKind.TEXT, EventKind.REASONING, EventKind.SNAPSHOT, EventKind.TOOL_PROGRESS))
_KINDS = {int(kind): kind for kind in EventKind}


class Channel:
    """A queue, and the runs whose events come out of it. Only one thread at a time may take events."""

    def __init__(self, runtime, loop_index, runs):
        options = _core.options(_abi.tau_queue_options)
        options.loop = loop_index
        self._queue = _core.Handle(
            _core.call_handle(_abi.tau_queue, lib.tau_queue_new, runtime.pointer, byref(options)), lib.tau_queue_unref)
        self._buffer = (_abi.tau_event * _BATCH)()
        self._buffer[0].struct_size = ctypes.sizeof(_abi.tau_event)
        self._count = ctypes.c_size_t()
        self._runs = runs
        self._keys = itertools.count(1)

    @property
    def pointer(self):
        return self._queue.pointer

    def attach(self, run):
        """The key that the run's events will carry."""
        key = next(self._keys)
        self._runs[key] = run
        return key

    def detach(self, key):
        self._runs.pop(key, None)

    def take(self):
        """Hands out one batch without waiting; whether there was anything."""
        status = _core.call(lib.tau_queue_drain, self.pointer, self._buffer, _BATCH, byref(self._count))
        if status == _abi.tau_status.DONE:
            self._close()
        if status != _abi.tau_status.OK:
            return False
        # All are copied before the first is handed out: a receiver may come back here.
        self._hand_out([self._copy(self._buffer[i]) for i in range(self._count.value)])
        return True

    def _copy(self, raw):
        kind = _KINDS.get(raw.kind, raw.kind)
        body = None
        if kind not in _TEXT_ONLY:
            view = _abi.tau_str()
            _core.call(lib.tau_event_json, self.pointer, byref(raw), byref(view))
            body = _core.text_out(view)
        return raw.userdata, Event(kind, _core.text_out(raw.run_id), _core.text_out(raw.call_id),
                                   _core.text_out(raw.text), raw.first_seq, raw.seq, body)

    def _hand_out(self, batch):
        """A receiver that raises, such as a callback of the host, does not cost others their events."""
        failure = None
        for key, event in batch:
            run = self._runs.get(key)
            try:
                if run is not None:
                    run._deliver(event)
            except BaseException as error:
                failure = failure or error
        if failure is not None:
            raise failure

    def _close(self):
        """No event can come any more: a run that still waits must not wait for ever."""
        for run in list(self._runs.values()):
            run._lost()


class SyncChannel(Channel):
    """Of one run; waits in short slices, so that Ctrl-C is answered between them."""

    def __init__(self, runtime, loop_index):
        super().__init__(runtime, loop_index, weakref.WeakValueDictionary())
        self._reader = threading.Lock()

    def pump(self, timeout_ms):
        """Waits for events and hands them out. Several threads may call it; they take turns."""
        with self._reader:
            event = self._buffer[0]
            status = _core.call(lib.tau_queue_next, self.pointer, timeout_ms, byref(event))
            if status == _abi.tau_status.OK:
                self._hand_out([self._copy(event)])
                while self.take():
                    pass
            elif status == _abi.tau_status.DONE:
                self._close()


class LoopChannel(Channel):
    """Of all runs of one asyncio loop. Watches the queue's descriptor while there are runs."""

    def __init__(self, runtime, loop_index, loop):
        super().__init__(runtime, loop_index, {})
        self._loop = weakref.ref(loop)
        self._fd = lib.tau_queue_fd(self.pointer)

    def attach(self, run):
        if not self._runs:
            self._loop().add_reader(self._fd, self.take)
        return super().attach(run)

    def detach(self, key):
        super().detach(key)
        loop = self._loop()
        if not self._runs and loop is not None and not loop.is_closed():
            loop.remove_reader(self._fd)


class Channels:
    """The channels of one runtime."""

    def __init__(self, runtime):
        self._runtime = runtime
        self._of_loop = weakref.WeakKeyDictionary()
        self._lock = threading.Lock()
        self._next = itertools.count()

    def _loop_index(self):
        return next(self._next) % lib.tau_runtime_loops(self._runtime.pointer)

    def for_thread(self):
        return SyncChannel(self._runtime, self._loop_index())

    def for_loop(self, loop):
        with self._lock:
            channel = self._of_loop.get(loop)
            if channel is None:
                channel = self._of_loop[loop] = LoopChannel(self._runtime, self._loop_index(), loop)
            return channel
