"""Confined commands as the program runs them: their network through the proxy, and what no tool can reach."""

import json
import os
import shutil
import signal
import subprocess
import sys
import tarfile
import time
import unittest
import zipfile
from pathlib import Path

from http_test import Server
from support import TIMEOUT, CliCase, scripted, tap, turn

PROXY = ("--allow", "bash,http", "--set", "sandbox.network=proxy")


def has_bubblewrap():
    words = ["bwrap", "--unshare-all", "--ro-bind", "/", "/", "--proc", "/proc", "--dev", "/dev", "true"]
    return shutil.which("bwrap") is not None and subprocess.run(words, capture_output=True, check=False).returncode == 0


class ConfinedCase(CliCase):
    def results(self, calls, *options, code=0):
        """What each call of a turn of its own came to."""
        turns = [turn("", [each]) for each in calls]
        events = self.events("hi", *options, *scripted(*turns, turn("Done.")), code=code)
        return [event for event in events if event["event"] == "tool_result"]

    def bash(self, command, *options):
        [result] = self.results([("bash", {"command": command})], *options)
        return result

    def granted(self, *servers):
        return [*PROXY, "--set", "network.private_origins=" + json.dumps([server.origin for server in servers])]


@unittest.skipUnless(has_bubblewrap(), "bubblewrap does not work here")
class Proxy(ConfinedCase):
    def test_a_granted_server_is_reached_and_nothing_else(self):
        server, other = Server(self), Server(self)
        result = self.bash(f"curl -sS -m 10 {server.origin}/a; curl -sS -m 10 {other.origin}/b; "
                           f"curl -sS -m 10 --noproxy '*' {server.origin}/c; echo end", *self.granted(server))
        self.assertIn("hello from the server", result["content"])
        self.assertIn(f"egress_scheme: {other.origin}", result["content"])
        self.assertRegex(result["content"], "(?s)curl: \\(7\\).*end")
        self.assertEqual([path for _, path, _, _ in server.seen], ["/a"])
        self.assertEqual(other.accepted, 0)

    def test_the_host_is_told_of_each_connection(self):
        server, other = Server(self), Server(self)
        command = f"curl -s {server.origin}/a; curl -s {other.origin}/b; true"
        events = self.events("hi", *self.granted(server), *scripted(turn("", [("bash", {"command": command})]), turn("Done.")))
        told = "".join(event["text"] for event in events if event["event"] == "tool_progress")
        port = server.origin.rsplit(":", 1)[1]
        self.assertRegex(told, rf"network: 127\.0\.0\.1:{port} ok, \d+ bytes sent, \d+ received\n")
        self.assertRegex(told, r"network: 127\.0\.0\.1:\d+ egress_scheme, 0 bytes sent, 0 received\n")

    def test_each_connection_is_in_the_audit_log(self):
        server, other = Server(self), Server(self)
        self.bash(f"for i in 1 2 3; do curl -s {server.origin}/a; done; curl -s {other.origin}/b; true", *self.granted(server))
        records = [json.loads(line) for line in self.tau("audit", "tail", "--json", "-n", "100")[0].splitlines()]
        told = [record for record in records if record["kind"].startswith("network.")]
        place, refused = (each.origin.removeprefix("http://") for each in (server, other))
        self.assertEqual([(r["kind"], r.get("target"), r["decision"], r.get("reason"), r.get("count")) for r in told],
                         [("network.decided", place, "allow", None, None), ("network.decided", refused, "deny", "egress_scheme", None),
                          ("network.ended", None, "allow", None, 3), ("network.ended", None, "deny", None, 1)])
        calls = {record["call"] for record in records if record["kind"] == "tool.finished"}
        self.assertEqual({(record["tool"], record["call"]) for record in told}, {("bash", call) for call in calls})
        self.assertNotIn("/a", json.dumps(told))
        verifier = Path(__file__).resolve().parents[2] / "tools" / "audit_verify.py"
        done = subprocess.run([sys.executable, verifier, self.home / "audit"], capture_output=True, text=True, check=False)
        self.assertEqual((done.returncode, done.stdout.split()[:1]), (0, ["ok:"]), done.stderr)
        self.assertRegex(self.tau("audit", "summary")[0], r"connections +allowed 3, denied 1, sent_bytes \d+, received_bytes \d+")

    def test_git_clones(self):
        if shutil.which("git") is None:
            self.skipTest("no git")
        source = self.folder / "source"
        environment = {**self.environment(), "GIT_CONFIG_GLOBAL": "/dev/null", "GIT_AUTHOR_NAME": "a",
                       "GIT_AUTHOR_EMAIL": "a@x.example", "GIT_COMMITTER_NAME": "a", "GIT_COMMITTER_EMAIL": "a@x.example"}
        for words in (["init", "-q", source], ["-C", source, "commit", "-q", "--allow-empty", "-m", "first"],
                      ["clone", "-q", "--bare", source, self.folder / "bare"],
                      ["-C", self.folder / "bare", "update-server-info"]):
            subprocess.run(["git", *words], check=True, env=environment, capture_output=True)
        bare = self.folder / "bare"
        files = {f"/repo/{path.relative_to(bare)}": (200, {}, path.read_bytes())
                 for path in bare.rglob("*") if path.is_file()}
        server = Server(self, files, missing=404)
        result = self.bash(f"git clone -q {server.origin}/repo copy && git -C copy log --format=%s", *self.granted(server))
        self.assertIn("first", result["content"])

    def test_pip_downloads(self):
        pip = [shutil.which("python3"), "-m", "pip"]
        if subprocess.run([*pip, "--version"], capture_output=True, check=False).returncode != 0:
            self.skipTest("no pip")
        wheel = self.folder / "thing-1.0-py3-none-any.whl"
        info = "thing-1.0.dist-info"
        with zipfile.ZipFile(wheel, "w") as archive:
            archive.writestr("thing.py", "")
            archive.writestr(f"{info}/METADATA", "Metadata-Version: 2.1\nName: thing\nVersion: 1.0\n")
            archive.writestr(f"{info}/WHEEL", "Wheel-Version: 1.0\nGenerator: t\nRoot-Is-Purelib: true\nTag: py3-none-any\n")
            archive.writestr(f"{info}/RECORD", "")
        page = f'<a href="/{wheel.name}">{wheel.name}</a>'.encode()
        server = Server(self, {"/simple/thing/": (200, {"content-type": "text/html"}, page),
                               f"/{wheel.name}": (200, {}, wheel.read_bytes())})
        result = self.bash(f"{' '.join(pip)} download -q --no-cache-dir --disable-pip-version-check --index-url "
                           f"{server.origin}/simple/ --trusted-host 127.0.0.1 thing 2>&1; ls", *self.granted(server))
        self.assertIn(wheel.name, result["content"].splitlines())

    def test_npm_installs(self):
        if shutil.which("npm") is None:
            self.skipTest("no npm")
        package = self.folder / "package"
        package.mkdir()
        (package / "package.json").write_text('{"name":"thing","version":"1.0.0"}')
        with tarfile.open(self.folder / "thing.tgz", "w:gz") as archive:
            archive.add(package, "package")
        answers = {"/thing.tgz": (200, {}, (self.folder / "thing.tgz").read_bytes())}
        server = Server(self, answers)
        version = {"name": "thing", "version": "1.0.0", "dist": {"tarball": server.origin + "/thing.tgz"}}
        answers["/thing"] = (200, {"content-type": "application/json"}, json.dumps(
            {"name": "thing", "dist-tags": {"latest": "1.0.0"}, "versions": {"1.0.0": version}}).encode())
        result = self.bash(f"npm install --cache /tmp/npm --no-audit --no-fund --registry {server.origin} thing 2>&1; "
                           "ls node_modules", *self.granted(server))
        self.assertIn("thing", result["content"].splitlines()[-1])

    def test_a_host_that_is_killed_leaves_no_listener(self):
        server = Server(self, {"/slow": None})
        command = f"curl -s -m 60 {server.origin}/slow; sleep 60"
        process = self.popen("run", "--json", "hi", *self.granted(server),
                             *scripted(turn("", [("bash", {"command": command})]), turn("Done.")))
        end = time.monotonic() + TIMEOUT
        while not server.accepted and time.monotonic() < end:
            time.sleep(0.02)
        self.assertEqual(server.accepted, 1)
        network = next(link for link in self.networks() if link != os.readlink("/proc/self/ns/net"))
        os.kill(process.pid, signal.SIGKILL)
        process.communicate()
        while network in self.networks() and time.monotonic() < end:
            time.sleep(0.02)
        self.assertNotIn(network, self.networks())

    def networks(self):
        """The networks of the processes that work in this test's workspace."""
        seen = set()
        for entry in Path("/proc").glob("[0-9]*"):
            try:
                if os.readlink(entry / "cwd") == str(self.workspace):
                    seen.add(os.readlink(entry / "ns" / "net"))
            except OSError:
                continue
        return seen


class Masked(ConfinedCase):
    """The vault, the policy, hooks and configuration: no tool writes them, and none reads the vault."""

    def setUp(self):
        super().setUp()
        self.mark = "canary-" + os.urandom(8).hex()
        self.home.mkdir(mode=0o700)
        for name in ("vault", "tau.toml", "history"):
            (self.home / name).write_text(f"# {self.mark}\n")
            (self.home / name).chmod(0o600)
        for name in (".git/config", ".git/hooks/pre-commit", ".tau/tau.toml"):
            (self.workspace / name).parent.mkdir(parents=True, exist_ok=True)
            (self.workspace / name).write_text("# kept\n")

    def everything(self):
        kept = [*self.home.iterdir(), *(self.workspace / ".git").rglob("*"), *(self.workspace / ".tau").rglob("*")]
        return {path: path.read_bytes() for path in kept if path.is_file() and not path.name.startswith("tau.db")}

    def attack(self, path):
        """Ways to write a file, and to read it."""
        yield "write", {"path": path, "content": "changed"}
        yield "edit", {"path": path, "old_text": "#", "new_text": "changed"}
        yield "read", {"path": path}
        yield "bash", {"command": f"cat {path}; echo changed > {path}; rm -f {path}; mv -f /etc/hostname {path}; "
                                  f"ln -f {path} linked && cat linked; true"}
        yield "http", {"url": f"file://{path}"}

    @unittest.skipUnless(has_bubblewrap(), "bubblewrap does not work here")
    def test_in_each_profile(self):
        before = self.everything()
        paths = [str(self.home / name) for name in ("vault", "tau.toml", "history", "policy.json")]
        paths += [f"{self.folder.name}/../../{path}" for path in paths[:1]]
        paths += [".git/config", ".git/hooks/pre-commit", ".git/hooks/post-checkout", ".tau/tau.toml", ".tau/other"]
        calls = [call for path in paths for call in self.attack(path)]
        control = ("bash", {"command": "echo ran; echo changed > free"})  # what is not kept can be changed
        for profile in ("read-only", "workspace-write"):
            for network in ("none", "proxy"):
                with self.subTest(profile=profile, network=network):
                    results = self.results([*calls, control], "--allow", "bash,write,edit,http", "--tools", "bash,read,write,edit,http",
                                           "--set", f"sandbox.profile={profile}", "--set", f"sandbox.network={network}",
                                           "--set", "limits.max_turns=100", "--set", "policy.preset=permissive")
                    self.assertEqual(len(results), len(calls) + 1)
                    self.assertIn("ran", results[-1]["content"])
                    self.assertEqual((self.workspace / "free").exists(), profile == "workspace-write")
                    (self.workspace / "free").unlink(missing_ok=True)
                    self.assertNotIn(self.mark, json.dumps(results))
                    for (tool, _), result in zip(calls, results):
                        outside = tool in ("write", "edit", "http")
                        self.assertTrue(result["is_error"] or not outside, (tool, result))
                    self.assertEqual(self.everything(), before)

    @unittest.skipUnless(has_bubblewrap(), "bubblewrap does not work here")
    def test_a_home_inside_of_the_workspace_is_masked_too(self):
        self.home = shutil.move(self.home, self.workspace / "home")
        before = self.everything()
        calls = [call for name in ("vault", "tau.toml") for call in self.attack(f"home/{name}")]
        results = self.results(calls, "--allow", "bash,write,edit,http", "--tools", "bash,read,write,edit,http",
                               "--set", "policy.preset=permissive")
        self.assertNotIn(self.mark, json.dumps(results))
        self.assertEqual(self.everything(), before)

    def test_a_command_sees_a_clean_environment(self):
        out, _ = self.tau("run", "--json", "hi", "--allow", "bash", *scripted(
            turn("", [("bash", {"command": "env; cat /proc/$$/environ /proc/$PPID/environ 2>&1 | tr '\\0' '\\n'"})]),
            turn("Done.")), env={"SOME_API_KEY": self.mark, "LD_PRELOAD_X": self.mark})
        self.assertNotIn(self.mark, out)


if __name__ == "__main__":
    tap.main()
