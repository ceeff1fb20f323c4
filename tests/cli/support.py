"""What the tests of the program share: a home and a workspace of their own, the program, scripts, a model server."""

import json
import os
import shutil
import subprocess
import sys
import tempfile
import unittest
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "python"))
sys.path.insert(0, str(Path(__file__).resolve().parents[2] / "tools"))

import tap  # noqa: E402,F401

PROGRAM = os.environ["TAU_PROGRAM"]
_KEPT = ("ASAN_OPTIONS", "LD_LIBRARY_PATH", "LSAN_OPTIONS", "PATH", "TAU_EXEC_HELPER", "TMPDIR", "TSAN_OPTIONS")
TIMEOUT = 60
MODEL = "scripted/demo"
# What the base URLs of dialects end in, where it is not "/v1".
BASES = {"gemini": "/v1beta", "bedrock_converse": "", "cohere_chat": "/v2", "ollama_chat": ""}


def turn(text=(), calls=(), **more):
    """A turn of the scripted model; calls are (name, arguments)."""
    return {"text": text if isinstance(text, list) else [text],
            "tool_calls": [{"name": name, "arguments": arguments} for name, arguments in calls], **more}


def scripted(*turns, **more):
    """Options that make the scripted model play these turns."""
    return ["--model", MODEL, "--set", "script=" + json.dumps({"turns": list(turns), **more})]


class CliCase(unittest.TestCase):
    def setUp(self):
        self.folder = Path(tempfile.mkdtemp(prefix="tau-cli-"))
        self.addCleanup(shutil.rmtree, self.folder)
        self.home, self.workspace = self.folder / "home", self.folder / "workspace"
        self.workspace.mkdir()
        self.program = PROGRAM

    def leave_helper(self):
        """Goes on with a copy of the program whose library does not stand beside tau-exec."""
        cli, capi = self.folder / "alone/examples/cli", self.folder / "alone/capi"
        cli.mkdir(parents=True)
        capi.mkdir()
        self.program = shutil.copy(PROGRAM, cli)
        for library in (Path(PROGRAM).parents[2] / "capi").glob("libtau.so*"):
            (capi / library.name).symlink_to(library)

    def environment(self, **more):
        kept = {name: os.environ[name] for name in _KEPT if name in os.environ}
        if self.program != PROGRAM:  # of a copy that finds its own library
            kept.pop("LD_LIBRARY_PATH", None)
        return {**kept, "HOME": str(self.folder), "TAU_HOME": str(self.home), "LC_ALL": "C.UTF-8", **more}

    def popen(self, *arguments, **more):
        return subprocess.Popen([self.program, *arguments], cwd=self.workspace, env=self.environment(),
                                stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
                                **more)

    def tau(self, *arguments, stdin="", code=0, env=None):
        """Runs the program to its end; fails the test unless it exits with `code`."""
        data = stdin if isinstance(stdin, bytes) else stdin.encode()
        done = subprocess.run([self.program, *arguments], cwd=self.workspace, env=self.environment(**(env or {})),
                              input=data, capture_output=True, timeout=TIMEOUT, check=False)
        out, err = done.stdout.decode(), done.stderr.decode()
        self.assertEqual(done.returncode, code, f"tau {arguments}\nstdout: {out}\nstderr: {err}")
        return out, err

    def events(self, *arguments, **more):
        out, _ = self.tau("run", "--json", *arguments, **more)
        return [json.loads(line) for line in out.splitlines()]

    def sessions(self):
        return json.loads(self.tau("sessions", "list", "--json")[0])["sessions"]

    def serve(self, *turns, dialect="openai_chat", key=None, **more):
        """Options that make the program ask a model server on this machine that plays these turns, and wants the key."""
        from model_server import ModelServer, Script
        server = ModelServer(Script({"models": ["scripted-1"], "turns": list(turns), **more}),
                             key=key, record=self.folder / "requests.jsonl")
        server.start()
        self.addCleanup(server.stop)
        base = f"http://127.0.0.1:{server.port}{BASES.get(dialect, '/v1')}"
        return ["--model", "local/scripted-1", "--set", f"providers.local.base_url={base}",
                "--set", f"providers.local.dialect={dialect}"]

    def requests(self):
        lines = (self.folder / "requests.jsonl").read_text().splitlines()
        return [json.loads(line)["body"] for line in lines]
