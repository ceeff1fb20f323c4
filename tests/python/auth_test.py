"""Logins from Python; and one login that threads of four processes renew, while the processes are killed."""

import os
import random
import signal
import subprocess
import sys
import tempfile
import threading
import time
import unittest
import urllib.request
from pathlib import Path

import tap
import tau
from auth_server import AuthServer

THREADS, PROCESSES = 4, 4
SECONDS = float(os.environ.get("TAU_KILL_SECONDS", "12"))


def open_url(url):
    """What a browser does; it follows the redirect to the listener."""
    with urllib.request.urlopen(url, timeout=30) as page:
        return page.read().decode()


def open_runtime(home, key_file, server, who):
    config = {"model": "mine/m", "tools": [], "vault": {"key_file": str(key_file)}, **server.config(params=[f"who={who}"])}
    return tau.Runtime(home, config=config)


def log_in(runtime):
    begun = runtime.auth_login("main")
    browser = threading.Thread(target=open_url, args=(begun["url"],))
    browser.start()
    done = {"state": "waiting"}
    while done["state"] == "waiting":
        done = runtime.auth_wait("main", timeout=5)
    browser.join()
    return done


class Server:
    """Of a worker: the configuration alone."""

    def __init__(self, origin):
        self.origin = origin

    config = AuthServer.config


def work(home, key_file, origin, who):
    """Renews the token in several threads until it is killed."""
    runtime = open_runtime(home, key_file, Server(origin), who)

    def renew():
        while True:
            try:
                os.write(1, (runtime.auth_refresh("main")["state"] + "\n").encode())
            except tau.TauError as error:
                os.write(1, (error.reason + "\n").encode())
                time.sleep(0.02)

    for _ in range(THREADS):
        threading.Thread(target=renew).start()


class AuthCase(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.folder = Path(folder.name)
        self.home, self.key = self.folder / "home", self.folder / "vault.key"
        self.home.mkdir(mode=0o700)
        tau.Vault(self.home / "vault", create=True, key_file=self.key, make=True).close()

    def serve(self, **more):
        server = AuthServer(**more)
        self.addCleanup(server.close)
        return server

    def open(self, server, who="harness"):
        runtime = open_runtime(self.home, self.key, server, who)
        self.addCleanup(runtime.close)
        return runtime

    def scan(self, server):
        for path in self.folder.rglob("*"):
            if path.is_file():
                data = path.read_bytes()
                for token in server.given:
                    self.assertNotIn(token.split("-")[1].encode(), data, path)

    def test_a_login_from_begin_to_end(self):
        server = self.serve()
        runtime = self.open(server)
        self.assertEqual(runtime.auth_status()[0]["state"], "login_required")
        with self.assertRaises(tau.UnauthenticatedError) as caught:
            runtime.auth_refresh("main")
        self.assertEqual(caught.exception.reason, "login_required")
        self.assertEqual(log_in(runtime)["state"], "ok")
        self.assertEqual(runtime.agent().session().run("hello").result().text, "the answer")
        self.assertEqual(runtime.auth_refresh("main")["generation"], 2)
        self.assertEqual(runtime.auth_status("main")[0]["origins"], [server.origin])
        with self.assertRaises(tau.NotFoundError):
            runtime.auth_status("other")
        self.assertEqual(runtime.auth_logout("main")["revoked"], True)
        self.assertEqual(len(server.revoked), 1)
        self.scan(server)

    def test_no_kill_costs_more_than_its_window(self):
        server = self.serve(slow=0.06)
        runtime = self.open(server)
        log_in(runtime)
        killed, logins, lines, workers, serial = set(), 0, [], {}, 0

        def start():
            nonlocal serial
            serial += 1
            who = f"w{serial}"
            process = subprocess.Popen([sys.executable, __file__, "work", str(self.home), str(self.key), server.origin, who],
                                       stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
            reader = threading.Thread(target=lambda: lines.extend(process.stdout))
            reader.start()
            workers[who] = (process, reader)

        def kill(who):
            process, reader = workers.pop(who)
            process.send_signal(signal.SIGKILL)
            process.wait()
            reader.join()
            process.stdout.close()
            killed.add(who)

        for _ in range(PROCESSES):
            start()
        end = time.monotonic() + SECONDS
        while time.monotonic() < end:
            time.sleep(random.uniform(0.05, 0.6))
            kill(random.choice(list(workers)))
            start()
            found = runtime.auth_status("main")[0]
            if found["state"] == "login_required":
                self.assertEqual(found["reason"], "refresh_interrupted")
                logins += 1
                log_in(runtime)
        for who in list(workers):
            kill(who)
        with server.lock:
            uses = list(server.uses)
        reuses = [(who, token) for who, token, outcome in uses if outcome == "reuse"]
        # Only what somebody used who was killed before it was written is used again: by one, once.
        for _, token in reuses:
            self.assertIn(server.first_user(token), killed)
        self.assertEqual(len({token for _, token in reuses}), len(reuses))
        self.assertLessEqual(logins, len(reuses))
        found = runtime.auth_status("main")[0]
        if found["state"] == "login_required":
            log_in(runtime)
        elif found.get("refreshing_since_ms") is None:
            runtime.auth_refresh("main")
        else:  # one was killed in the middle: the token works, or the login is over
            try:
                runtime.auth_refresh("main")
            except tau.UnauthenticatedError:
                log_in(runtime)
        runtime.auth_refresh("main")
        good = sum(line == "ok\n" for line in lines)
        print(f"# {len(uses)} renewals, {good} told, {len(killed)} kills, {len(reuses)} in the window, {logins} logins")
        self.assertGreater(good, 0)
        self.assertLessEqual({line.strip() for line in lines}, {"ok", "login_required", ""})
        self.scan(server)
        for token in server.given:
            self.assertFalse([line for line in lines if token in line])


if __name__ == "__main__":
    if sys.argv[1:2] == ["work"]:
        work(*sys.argv[2:])
    else:
        tap.main()
