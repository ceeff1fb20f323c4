"""Event queues: one of its own for a run that is iterated synchronously, one per asyncio loop for all others."""

from __future__ import annotations

import codecs
import ctypes
import itertools
import struct
import sys
import threading
import weakref
from ctypes import byref

from . import _abi, _core
from ._loader import lib
from .events import Event, EventKind

TYPE_CHECKING = False  # the module typing takes its time
if TYPE_CHECKING:
    from asyncio import AbstractEventLoop
    from collections.abc import Callable, MutableMapping
    from typing import Any

    from .run import Run
    from .runtime import Runtime

_BATCH = 64
_OK, _DONE = int(_abi.tau_status.OK), int(_abi.tau_status.DONE)
_KINDS: dict[int, EventKind] = {int(kind): kind for kind in EventKind}
# Their whole body is the text, which the event carries itself.
_TEXT_ONLY = frozenset(map(int, (EventKind.TEXT, EventKind.REASONING, EventKind.SNAPSHOT, EventKind.TOOL_PROGRESS)))
# A run does something about them; others it only keeps.
_ACTS = frozenset(map(int, (EventKind.TOOL_CALL, EventKind.APPROVAL, EventKind.TOOL_STARTED, EventKind.TOOL_RESULT,
                            EventKind.RUN_DONE)))

# A batch is read as bytes: that is much faster than the members of a ctypes structure, and so are slices of all memory
# than ctypes.string_at().
_CODES = {ctypes.c_uint32: "I", ctypes.c_uint64: "Q", ctypes.c_void_p: "P", _abi.tau_str: "PN"}
_READ = ("kind", "first_seq", "seq", "run_id", "call_id", "text", "userdata")  # the others are skipped
_SIZE = ctypes.sizeof(_abi.tau_event)


def _layout() -> struct.Struct:
    fields = [(field[0], _CODES[field[1]]) for field in _abi.tau_event._fields_]
    return struct.Struct("".join(code if name in _READ else f"{struct.calcsize(code)}x" for name, code in fields))


_EVENT, _VIEW = _layout(), struct.Struct("PN")
_memory = memoryview((ctypes.c_char * sys.maxsize).from_address(0)).cast("B")


class Bodies:
    """The bodies of one batch: asked for one by one, or kept all together when the next batch is about to take its place
    and somebody still holds an event of this one."""

    __slots__ = ("_channel", "_count", "_lock", "_kept", "__weakref__")

    def __init__(self, channel: Channel, count: int) -> None:
        self._channel: Channel | None = channel
        self._count = count
        self._lock = channel._lock
        self._kept: dict[int, str] = {}

    def at(self, place: int) -> str:
        """The JSON of the event at that place of the batch. Any thread."""
        with self._lock:
            return self._kept[place] if self._channel is None else self._channel._body(place)

    def keep(self) -> None:
        """Frees it from the channel. Any thread."""
        with self._lock:
            if self._channel is not None:
                places = range(0, self._count * _SIZE, _SIZE)
                self._kept = {place: self._channel._body(place) for place in places
                              if _EVENT.unpack_from(self._channel._batch, place)[0] not in _TEXT_ONLY}
                self._channel = None


class Channel:
    """A queue, and the runs whose events come out of it. Only one thread at a time may take events."""

    def __init__(self, runtime: Runtime, loop_index: int, runs: MutableMapping[int, Run]) -> None:
        options = _core.options(_abi.tau_queue_options)
        options.loop = loop_index
        self._queue = _core.Handle(
            _core.call_handle(lib.tau_queue_new, runtime.pointer, byref(options)), lib.tau_queue_unref)
        self._batch = bytearray(_BATCH * _SIZE)
        self._first = _abi.tau_event.from_buffer(self._batch)
        self._first.struct_size = _SIZE
        self._count = ctypes.c_size_t()
        self._view = bytearray(_VIEW.size)
        self._view_at = ctypes.addressof(_abi.tau_str.from_buffer(self._view))
        self._batch_at = ctypes.addressof(self._first)
        self._count_at = ctypes.addressof(self._count)
        self._lock = threading.Lock()  # of the bodies of a batch
        self._bodies: Callable[[], Bodies | None] = lambda: None  # weak: of the last batch
        self._busy = False  # with handing out
        self._runs = runs
        self._keys = itertools.count(1)

    @property
    def pointer(self) -> int:
        return self._queue.pointer

    def attach(self, run: Run) -> int:
        """The key that the run's events will carry."""
        key = next(self._keys)
        self._runs[key] = run
        return key

    def detach(self, key: int) -> None:
        self._runs.pop(key, None)

    def pump(self, timeout_ms: int) -> None:
        """Waits for events and hands them out, where they are read synchronously."""
        raise NotImplementedError

    def take(self) -> bool:
        """Hands out one batch without waiting; whether there was anything."""
        if self._busy:
            return False  # a receiver that came back here
        self.settle()
        status = _core.call(lib.tau_queue_drain, self._queue.pointer, self._batch_at, _BATCH, self._count_at)
        if status == _OK:
            self._hand_out(self._count.value)
        elif status == _DONE:
            self._close()
        return status == _OK

    def _hand_out(self, count: int) -> None:
        """A receiver that raises, such as a callback of the host, does not cost others their events."""
        failure: BaseException | None = None
        new: Any = Event.__new__  # __init__ would take twice as long
        bodies = Bodies(self, count)
        self._bodies = weakref.ref(bodies)
        run, of, place = None, 0, -_SIZE  # key of run
        memory, text_of = _memory, codecs.utf_8_decode
        self._busy = True
        try:
            for number, first_seq, seq, run_id, id_len, call, call_len, text, text_len, key in _EVENT.iter_unpack(
                    memoryview(self._batch)[:count * _SIZE]):
                place += _SIZE
                if key != of:
                    of, run = key, self._runs.get(key)
                if run is None or run._only_awaited and number not in _ACTS:
                    continue
                event: Event = new(Event)
                event.kind = _KINDS[number] if number in _KINDS else number
                event.run_id = run._id or run._named(text_of(memory[run_id:run_id + id_len])[0])
                event.call_id = text_of(memory[call:call + call_len])[0] if call_len else ""
                event.text = text_of(memory[text:text + text_len])[0] if text_len else ""
                event.first_seq = first_seq
                event.seq = seq
                if number not in _TEXT_ONLY:
                    event._bodies = bodies
                    event._place = place
                if number not in _ACTS:
                    run._keep(event)
                    continue
                try:
                    run._deliver(event)
                except BaseException as error:
                    failure = failure or error
        finally:
            self._busy = False
        if failure is not None:
            raise failure

    def _body(self, place: int) -> str:
        _core.call(lib.tau_event_json, self._queue.pointer, self._batch_at + place, self._view_at)
        address, length = _VIEW.unpack(self._view)
        return str(_memory[address:address + length], "utf-8")

    def settle(self) -> None:
        """The last batch ends: its views are about to die. Any thread."""
        bodies = self._bodies()
        if bodies is not None:
            bodies.keep()

    def _close(self) -> None:
        """No event can come any more: a run that still waits must not wait for ever."""
        for run in list(self._runs.values()):
            run._lost()


class SyncChannel(Channel):
    """Of one run; waits in short slices, so that Ctrl-C is answered between them."""

    def __init__(self, runtime: Runtime, loop_index: int) -> None:
        super().__init__(runtime, loop_index, weakref.WeakValueDictionary())
        self._reader = threading.Lock()

    def pump(self, timeout_ms: int) -> None:
        """Waits for events and hands them out. Several threads may call it; they take turns."""
        with self._reader:
            self.settle()
            status = _core.call(lib.tau_queue_next, self._queue.pointer, timeout_ms, self._batch_at)
            if status == _OK:
                self._hand_out(1)
                while self.take():
                    pass
            elif status == _DONE:
                self._close()


class LoopChannel(Channel):
    """Of all runs of one asyncio loop. Watches the queue's descriptor while there are runs."""

    def __init__(self, runtime: Runtime, loop_index: int, loop: AbstractEventLoop) -> None:
        super().__init__(runtime, loop_index, {})
        self._loop = weakref.ref(loop)
        self._fd = lib.tau_queue_fd(self.pointer)
        self._watched = False

    def attach(self, run: Run) -> int:
        loop = self._loop()
        if not self._watched and loop is not None:
            loop.add_reader(self._fd, self.take)
            self._watched = True
        return super().attach(run)

    def detach(self, key: int) -> None:
        super().detach(key)
        loop = self._loop()
        if not self._runs and loop is not None and not loop.is_closed():
            loop.call_later(0, self._rest)  # whoever waited for this run often starts the next one

    def _rest(self) -> None:
        loop = self._loop()
        if not self._runs and self._watched and loop is not None:
            loop.remove_reader(self._fd)
            self._watched = False


class Channels:
    """The channels of one runtime."""

    def __init__(self, runtime: Runtime) -> None:
        self._runtime = runtime
        self._of_loop: weakref.WeakKeyDictionary[AbstractEventLoop, LoopChannel] = weakref.WeakKeyDictionary()
        self._lock = threading.Lock()
        self._next = itertools.count()

    def _loop_index(self) -> int:
        return next(self._next) % lib.tau_runtime_loops(self._runtime.pointer)

    def for_thread(self) -> SyncChannel:
        return SyncChannel(self._runtime, self._loop_index())

    def for_loop(self, loop: AbstractEventLoop) -> LoopChannel:
        with self._lock:
            channel = self._of_loop.get(loop)
            if channel is None:
                channel = self._of_loop[loop] = LoopChannel(self._runtime, self._loop_index(), loop)
            return channel

    def settle(self) -> None:
        """Events that outlive the runtime need no queue."""
        with self._lock:
            for channel in self._of_loop.values():
                channel.settle()
