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

from . import _abi, _core, errors
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
MERGE_AT = 256  # unread events from which on pieces of text are joined
_OK, _DONE = int(_abi.tau_status.OK), int(_abi.tau_status.DONE)
_KINDS: dict[int, EventKind] = {int(kind): kind for kind in EventKind}
# Their whole body is the text, which the event carries itself.
_TEXT_ONLY = frozenset(map(int, (EventKind.TEXT, EventKind.REASONING, EventKind.SNAPSHOT, EventKind.TOOL_PROGRESS)))
# A run does something about them; others it only keeps.
_ACTS = frozenset(map(int, (EventKind.TOOL_CALL, EventKind.APPROVAL, EventKind.TOOL_STARTED, EventKind.TOOL_RESULT,
                            EventKind.MODEL_CALL, EventKind.MODEL_CALL_OVER, EventKind.RUN_DONE)))

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
        self.due = False  # whether take_due() has something to do
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

    def take_due(self) -> None:
        """Does at once what this thread has just given to the library, where it drives the library itself: that takes asyncio
        two rounds otherwise. Only on the thread that takes events."""

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
        run, of, place, id = None, 0, -_SIZE, ""  # key and id of run
        memory, text_of, kinds, acts, text_only = _memory, codecs.utf_8_decode, _KINDS, _ACTS, _TEXT_ONLY
        self._busy = True
        try:
            for number, first_seq, seq, run_id, id_len, call, call_len, text, text_len, key in _EVENT.iter_unpack(
                    memoryview(self._batch)[:count * _SIZE]):
                place += _SIZE
                if key != of:
                    of, run = key, self._runs.get(key)
                    id = "" if run is None else run._id or run._named(text_of(memory[run_id:run_id + id_len])[0])
                if run is None or run._only_awaited and number not in acts:
                    continue
                event: Event = new(Event)
                event.kind = kinds[number] if number in kinds else number
                event.run_id = id
                event.call_id = text_of(memory[call:call + call_len])[0] if call_len else ""
                event.text = text_of(memory[text:text + text_len])[0] if text_len else ""
                event.first_seq = first_seq
                event.seq = seq
                if number not in text_only:
                    event._bodies = bodies
                    event._place = place
                if number not in acts:
                    if run._waiters or len(run._inbox) >= MERGE_AT:
                        run._keep(event)
                    else:
                        run._inbox.append(event)
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
    """Of all runs of one asyncio loop. Watches a descriptor while there are runs: the queue's, while the library works on a
    thread of its own."""

    def __init__(self, runtime: Runtime, loop_index: int, loop: AbstractEventLoop) -> None:
        super().__init__(runtime, loop_index, {})
        self._loop = weakref.ref(loop)
        self._fd = self._descriptor()
        self._watched = False

    def _descriptor(self) -> int:
        return lib.tau_queue_fd(self.pointer)

    def give_back(self) -> None:
        """What it borrowed."""

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


class BorrowedChannel(LoopChannel):
    """Of an asyncio loop that drives a loop of the library itself: runs need no other thread."""

    def __init__(self, runtime: Runtime, loop_index: int, loop: AbstractEventLoop) -> None:
        _core.call(lib.tau_runtime_borrow_loop, runtime.pointer, loop_index)
        self._address, self._index = runtime.pointer, loop_index  # the queue keeps the runtime
        self._borrowed: _core.Handle | None = _core.Handle(
            lib.tau_runtime_ref(runtime.pointer) or 0, lambda pointer: _return_loop(pointer, loop_index))
        super().__init__(runtime, loop_index, loop)

    def attach(self, run: Run) -> int:
        self.due = self._borrowed is not None
        return super().attach(run)

    def take_due(self) -> None:
        if self._borrowed:
            self.take()

    def _descriptor(self) -> int:
        return lib.tau_runtime_fd(self._address, self._index) if self._borrowed else super()._descriptor()

    def take(self) -> bool:
        if self._busy:
            return False
        self.due = False
        if self._borrowed and (self._borrowed.released or
                               lib.tau_runtime_process(self._address, self._index, 0, None) < 0):
            self._follow()
        taken = super().take()
        loop = self._loop()
        if self._borrowed and taken and self._count.value == _BATCH and loop is not None:
            loop.call_soon(self.take)  # the descriptor tells of work for the library, not of events that are left
        return taken

    def give_back(self) -> None:
        """The library's thread takes over: the runtime is about to stop. Any thread."""
        if self._borrowed:
            self._borrowed.release()
        loop = self._loop()
        if loop is not None and not loop.is_closed():
            loop.call_soon_threadsafe(self._follow)

    def _follow(self) -> None:
        """The loop is the library's again; the queue's descriptor tells of events."""
        if self._borrowed is None:
            return
        self._borrowed.release()
        self._borrowed = None
        before, self._fd = self._fd, self._descriptor()
        loop = self._loop()
        if self._watched and loop is not None and not loop.is_closed():
            loop.remove_reader(before)
            loop.add_reader(self._fd, self.take)


def _return_loop(runtime: int, index: int) -> None:
    lib.tau_runtime_return_loop(runtime, index, None)
    lib.tau_runtime_unref(runtime)


class Channels:
    """The channels of one runtime. `borrow`: the number of a loop that one asyncio loop at a time may drive."""

    def __init__(self, runtime: Runtime, borrow: int | None = None) -> None:
        self._runtime = runtime
        self._borrow = borrow
        self._of_loop: weakref.WeakKeyDictionary[AbstractEventLoop, LoopChannel] = weakref.WeakKeyDictionary()
        self._lock = threading.Lock()
        self._next = itertools.count()

    def _loop_index(self) -> int:
        count = self._borrow if self._borrow is not None else lib.tau_runtime_loops(self._runtime.pointer)
        return next(self._next) % count

    def for_thread(self) -> SyncChannel:
        return SyncChannel(self._runtime, self._loop_index())

    def for_loop(self, loop: AbstractEventLoop) -> LoopChannel:
        with self._lock:
            channel = self._of_loop.get(loop)
            if channel is None:
                channel = self._of_loop[loop] = self._new_for_loop(loop)
            return channel

    def _new_for_loop(self, loop: AbstractEventLoop) -> LoopChannel:
        if self._borrow is not None:
            try:
                return BorrowedChannel(self._runtime, self._borrow, loop)
            except errors.UnavailableError:
                pass  # another asyncio loop has it
        return LoopChannel(self._runtime, self._loop_index(), loop)

    def give_back(self) -> None:
        """Borrowed loops, since the runtime is about to stop."""
        with self._lock:
            for channel in self._of_loop.values():
                channel.give_back()

    def settle(self) -> None:
        """Events that outlive the runtime need no queue."""
        with self._lock:
            for channel in self._of_loop.values():
                channel.settle()
