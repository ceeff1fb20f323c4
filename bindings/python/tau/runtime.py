"""The runtime: loops, workers, the store of a home directory, the configuration."""

import os
import threading
import time
from ctypes import byref

from . import _abi, _core, errors
from ._channel import Channels
from ._core import lib
from .agent import Agent

_SLICE_MS = 100


class Runtime:
    """What everything else hangs on; a program opens one and keeps it. A context manager: leaving it stops it.

    home: directory of sessions and configuration; without one sessions live in memory only. workspace: directory that
    built-in tools work in. config: a document (docs/schema/config.json) that wins over files and environment.
    environment: whether provider keys and TAU_* settings may come from the environment. config_files: whether tau.toml
    files are read. loops, workers: threads; workers=0 means none.
    """

    def __init__(self, home=None, *, workspace=None, config=None, environment=False, config_files=False, loops=1,
                 workers=None, exec_helper=None):
        flag = _abi.tau_runtime_flags
        options = _core.options(_abi.tau_runtime_options)
        options.flags = (flag.NO_STORE * (home is None) | flag.USE_ENVIRONMENT * bool(environment)
                         | flag.USE_CONFIG_FILES * bool(config_files))
        options.home, options.workspace = _path(home), _path(workspace)
        options.config = _core.json_in(config)
        options.loops = loops
        options.workers = 0 if workers is None else workers or _abi.TAU_NO_WORKERS
        options.exec_helper = _path(exec_helper)
        self._handle = _core.Handle(_core.call_handle(_abi.tau_runtime, lib.tau_runtime_new, byref(options)),
                                    lib.tau_runtime_unref)
        self._channels = Channels(self)
        self._threads = None
        self._lock = threading.Lock()

    @property
    def pointer(self):
        return self._handle.pointer

    @property
    def _pool(self):
        """Threads for tools that are plain functions."""
        with self._lock:
            if self._threads is None:
                from ._threads import Threads  # with concurrent.futures, which takes its time
                self._threads = Threads()
            return self._threads

    def agent(self, model=None, **options) -> Agent:
        """An Agent of this runtime; arguments as there."""
        return Agent(self, model, **options)

    def describe(self) -> dict:
        """The configuration in force with the origin of each value, and the model that would answer."""
        return _core.call_json(lib.tau_runtime_describe, self.pointer)

    def sessions(self, limit=1000):
        """Yields a description of every session of the home, newest first."""
        after = None
        while True:
            page = _core.call_json(lib.tau_session_list, self.pointer, limit, _core.text_in(after))
            yield from page["sessions"]
            after = page.get("next")
            if not after:
                return

    def remove_session(self, id) -> None:
        """Removes a session and erases what no fork shares."""
        _core.call(lib.tau_session_remove, self.pointer, _core.text_in(id))

    def backup(self, directory) -> dict:
        """Copies the home, which goes on running, to a directory that does not exist yet; what is in it."""
        return _core.call_json(lib.tau_home_backup, self.pointer, _path(directory))

    def prune(self, *, max_age_days=None, max_bytes=None, dry_run=False) -> dict:
        """Removes the sessions that did not change for longest until the home keeps the limits; what went.

        A limit that is not given is that of the configuration. dry_run: nothing changes.
        """
        limits = {"max_age_days": max_age_days, "max_bytes": max_bytes, "dry_run": dry_run}
        given = {key: value for key, value in limits.items() if value is not None}
        return _core.call_json(lib.tau_home_prune, self.pointer, _core.json_in(given))

    def replay(self, run_id) -> dict:
        """Re-runs the recorded inputs of a run; DataLossError "replay_diverged" when the engine answers otherwise."""
        return _core.call_json(lib.tau_run_replay, self.pointer, _core.text_in(run_id))

    def stop(self, timeout=None) -> None:
        """Cancels every run and waits, at most `timeout` seconds, until their records are durable."""
        limit = None if timeout is None else time.monotonic() + timeout
        while True:  # in slices, so that Ctrl-C is answered
            left = _SLICE_MS if limit is None else max(0, min(_SLICE_MS, int((limit - time.monotonic()) * 1000)))
            try:
                _core.call(lib.tau_runtime_stop, self.pointer, left)
                return
            except errors.DeadlineExceededError:
                if limit is not None and time.monotonic() >= limit:
                    raise

    def close(self, timeout=10) -> None:
        """Stops the runtime and gives it back. Harmless when it was closed."""
        if self._handle.released:
            return
        try:
            self.stop(timeout)
        finally:
            if self._threads is not None:
                self._threads.close()
            self._handle.release()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()

    async def __aenter__(self):
        return self

    async def __aexit__(self, *_):
        from asyncio import to_thread
        await to_thread(self.close)


def restore_home(backup, home, *, replace=False) -> dict:
    """Puts a backup in the place of a home that no program has open; what is there now.

    replace: a database that is there moves to a directory of the home, which the report names as "replaced".
    """
    flags = _abi.tau_home_restore_flags.REPLACE * bool(replace)
    return _core.call_json(lib.tau_home_restore, _path(backup), _path(home), flags)


def verify_home(home) -> dict:
    """Checks a home or a backup, also one that is in use: "sound", counts, and "problems" with reason and message."""
    try:
        return _core.call_json(lib.tau_home_verify, _path(home))
    except errors.DataLossError as error:
        if error.reason != "home_damaged":
            raise
        return error.details


def _path(value):
    return _core.text_in(None if value is None else os.fsencode(os.path.expanduser(value)))
