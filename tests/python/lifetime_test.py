"""Objects may be dropped in any order, on any thread, at any time; nothing leaks; a forked child may only let go."""

import asyncio
import gc
import itertools
import os
import subprocess
import sys
import tempfile
import threading
import unittest
import weakref

import tap
import tau
from support import PURE, SyncCase, agent_of, turn

HANG = turn("a", hang=True)


def descriptors():
    return len(os.listdir("/proc/self/fd"))



class Collection(unittest.TestCase):
    def test_every_order_of_release(self):
        for order in itertools.permutations(("runtime", "agent", "session", "run")):
            with self.subTest(order=order):
                held = {"runtime": tau.Runtime()}
                held["agent"] = agent_of(held["runtime"], HANG)
                held["session"] = held["agent"].session()
                held["run"] = held["session"].run("go")
                for name in order:
                    del held[name]
                    gc.collect()

    def test_every_order_of_release_after_the_end(self):
        for order in itertools.permutations(("runtime", "agent", "session", "run")):
            with self.subTest(order=order):
                held = {"runtime": tau.Runtime()}
                held["agent"] = agent_of(held["runtime"], turn("a"))
                held["session"] = held["agent"].session()
                held["run"] = held["session"].run("go")
                held["run"].result()
                for name in order:
                    del held[name]
                    gc.collect()

    def test_parts_keep_what_they_need(self):
        run = agent_of(tau.Runtime(), turn("still here")).session().run("go")
        gc.collect()
        self.assertEqual(run.result().text, "still here")

    def test_dropped_run_is_cancelled_and_frees_its_session(self):
        with tau.Runtime() as runtime:
            session = agent_of(runtime, HANG, turn("b")).session()
            run = session.run("go")
            gone = weakref.ref(run)
            del run
            self.assertIsNone(gone())  # no cycle: the count alone frees it
            for _ in range(1000):
                try:
                    self.assertEqual(session.run("again").result(60).text, "b")
                    break
                except tau.UnavailableError:  # still ending
                    threading.Event().wait(0.01)
            else:
                self.fail("the session stayed busy")

    def test_releasing_on_another_thread(self):
        with tau.Runtime() as runtime:
            box = [agent_of(runtime, HANG).session().run("go")]
            thread = threading.Thread(target=box.clear)
            thread.start()
            thread.join()

    def test_garbage_in_a_cycle(self):
        with tau.Runtime() as runtime:
            run = agent_of(runtime, HANG).session().run("go")
            run.myself = run
            gone = weakref.ref(run)
            del run
            gc.collect()
            self.assertIsNone(gone())

    def test_closed_objects_say_so(self):
        runtime = tau.Runtime()
        agent = agent_of(runtime, turn("a"))
        runtime.close()
        runtime.close()
        for call in (runtime.describe, lambda: runtime.agent("scripted/demo"), lambda: agent.session().run("go")):
            with self.assertRaises(tau.TauError):
                call()

    def test_nothing_is_left_behind(self):
        def cycle():
            with tau.Runtime() as runtime:
                agent = agent_of(runtime, turn(calls=[("add", {"a": 1})]), turn("done"))
                agent.tool(lambda a: a, name="add", **PURE)
                agent.session().run("go").result()

                async def once():
                    return await agent_of(runtime, turn("b")).session().run("go")
                asyncio.run(once())
        cycle()
        gc.collect()
        before = descriptors()
        for _ in range(10):
            cycle()
        gc.collect()
        self.assertLessEqual(descriptors(), before)


class Exit(unittest.TestCase):
    def leave(self, code):
        done = subprocess.run([sys.executable, "-X", "dev", "-W", "error", "-c", "import tau\n" + code], text=True,
                              capture_output=True, timeout=60, check=False)
        self.assertEqual((done.returncode, done.stderr), (0, ""))

    # In its developer mode asyncio tells of steps that were slow, as every step is on a busy machine.
    ASYNC_MAIN = ("import asyncio\nasync def main():\n"
                  "    asyncio.get_running_loop().slow_callback_duration = 60\n")

    MADE = ("rt = tau.Runtime()\n"
            "ag = rt.agent(config={'model': 'scripted/demo', 'script': {'turns': [{'text': 'a', %s}]}})\n")

    def test_with_everything_open(self):
        self.leave(self.MADE % "'hang': True" + "run = ag.session().run('go')\n")

    def test_after_a_finished_run(self):
        self.leave(self.MADE % "'usage': {}" + "assert ag.session().run('go').result().text == 'a'\n")

    def test_in_the_middle_of_asyncio(self):
        self.leave(self.MADE % "'hang': True" + self.ASYNC_MAIN +
                   "    run = ag.session().run('go')\n"
                   "    async for event in run:\n"
                   "        if event.kind == tau.EventKind.TEXT: return\n"
                   "asyncio.run(main())\n")

    def test_with_async_with(self):
        self.leave(self.ASYNC_MAIN + "    async with tau.Runtime() as rt:\n        rt.describe()\n"
                   "asyncio.run(main())\n")

    BLOCKED = ("import threading\n"
               "blocked = threading.Event()\n"
               "def block():\n"
               "    blocked.set()\n"
               "    threading.Event().wait()\n"
               "rt = tau.Runtime()\n"
               "ag = rt.agent(config={'model': 'scripted/demo', 'script': {'turns': [\n"
               "    {'tool_calls': [{'name': 'block'}]}, {'text': 'never said'}]}}, tools=[tau.tool(block, effect='pure')])\n")

    def test_while_a_tool_blocks(self):
        self.leave(self.BLOCKED + "next(iter(ag.session().run('go')))\n")

    def test_while_a_tool_blocks_in_asyncio(self):
        self.leave(self.BLOCKED + self.ASYNC_MAIN +
                   "    async for event in ag.session().run('go'):\n"
                   "        if event.kind == tau.EventKind.TOOL_CALL: return await asyncio.to_thread(blocked.wait)\n"
                   "asyncio.run(main())\n")

    def test_interrupted_while_a_tool_blocks(self):
        self.leave(self.BLOCKED + "import os, signal\n"
                   "threading.Thread(target=lambda: blocked.wait() and os.kill(os.getpid(), signal.SIGINT)).start()\n"
                   "try: ag.session().run('go').result()\n"
                   "except KeyboardInterrupt: rt.close()\n"
                   "else: raise SystemExit('not interrupted')\n")

    def test_while_other_threads_wait(self):
        folder = tempfile.TemporaryDirectory(prefix="tau-exit-")
        self.addCleanup(folder.cleanup)
        for home in ("", repr(folder.name)):
            self.leave("import threading, time\n"
                       f"rt = tau.Runtime({home})\n"
                       "ag = rt.agent(config={'model': 'scripted/demo', 'script': {'loop': True, 'turns': [{'hang': True}]}})\n"
                       "runs = [ag.session().run('x') for _ in range(4)]\n"
                       "reads = [lambda run=run: list(run) for run in runs[:2]]\n"
                       "waits = [lambda run=run: run.result() for run in runs[2:]]\n"
                       "threading.excepthook = lambda args: None\n"
                       "for work in reads + waits: threading.Thread(target=work, daemon=True).start()\n"
                       "time.sleep(0.2)\n")


class Fork(SyncCase):
    def test_child_is_refused_and_may_let_go(self):
        agent = self.agent(turn("a"), loop=True)
        session = agent.session()
        run = session.run("go")
        run.result()
        child = os.fork()
        if child == 0:
            code = 1
            try:
                refused = 0
                for call in (lambda: session.run("again"), agent.session, self.runtime.describe,
                             lambda: self.runtime.stop(1)):
                    try:
                        call()
                    except tau.FailedPreconditionError:
                        refused += 1
                del run, session, agent
                gc.collect()
                code = 0 if refused == 4 else 10 + refused
            finally:
                os._exit(code)
        self.assertEqual(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]), 0)
        self.assertEqual(session.run("and the parent goes on").result().text, "a")


class Loading(unittest.TestCase):
    def run_with(self, library):
        return subprocess.run([sys.executable, "-c", "import tau; print(tau.version())"], text=True,
                              capture_output=True, env={**os.environ, "TAU_LIBRARY": library}, check=False)

    def test_what_takes_long_to_load_is_left_to_those_who_use_it(self):
        slow = ("asyncio", "concurrent.futures", "dataclasses", "inspect", "typing")
        done = subprocess.run([sys.executable, "-S", "-c", f"import sys, tau; print(*[m for m in {slow} if m in sys.modules])"],
                              text=True, capture_output=True, check=True)
        self.assertEqual(done.stdout.strip(), "")

    def test_the_environment_decides_first(self):
        from tau import _config
        self.assertEqual(self.run_with(_config.LIBRARY).stdout.strip(), tau.version())

    def test_missing_library_is_named(self):
        done = self.run_with("/no/such/libtau.so.0")
        self.assertIn("ImportError: tau: cannot load /no/such/libtau.so.0", done.stderr)

    def test_another_library_is_refused(self):
        self.assertIn("is not libtau", self.run_with("libc.so.6").stderr)

    def test_abi_must_fit(self):
        import ctypes
        from tau import _abi, _loader

        class Library:
            def __init__(self, number):
                self.tau_abi_version = ctypes.CFUNCTYPE(ctypes.c_uint32)(lambda: number)
        good = _abi.ABI_MAJOR * 1000 + _abi.ABI_MINOR
        for number in (good, good + 1):
            _loader.check_abi(Library(number), "x")
        for number in (good - 1, good + 1000):
            with self.assertRaisesRegex(ImportError, "this package needs"):
                _loader.check_abi(Library(number), "x")

    def test_wheel_finds_the_library_beside_itself(self):
        from pathlib import Path
        package = Path(tau.__file__).parent
        with tempfile.TemporaryDirectory() as folder:
            copy = Path(folder, "tau")
            copy.mkdir()
            for path in package.iterdir():
                if path.suffix == ".py" and path.name != "_config.py":
                    (copy / path.name).write_bytes(path.read_bytes())
            from tau import _abi, _config
            (copy / f"libtau.so.{_abi.ABI_MAJOR}").symlink_to(_config.LIBRARY)
            environment = {**os.environ, "PYTHONPATH": folder}
            environment.pop("TAU_LIBRARY", None)
            done = subprocess.run([sys.executable, "-c", "import tau; print(tau.version(), tau.__file__)"], text=True,
                                  capture_output=True, env=environment, check=True)
            self.assertEqual(done.stdout.strip(), f"{tau.version()} {copy / '__init__.py'}")


if __name__ == "__main__":
    tap.main()
