"""tools/quickstart: one agent turn with a tool call over real HTTP, decided by what really travelled.

The model is a script played by tools/model_server.py. It asks for the tool `read` on a file whose content is made up
for this run, and puts the tool's result into its answer: the answer is right only if the whole chain worked.
"""

import json
import os
import secrets
import subprocess
import sys
import tempfile
from pathlib import Path

from build import ROOT, ToolError, build, configure, main_guard, run

sys.path.insert(0, str(ROOT / "tools"))
from model_server import ModelServer, Script  # noqa: E402

OPTIONS = {
    "buildtype": "release",
    "hosts": "enabled",
    "benchmarks": "disabled",
    "fuzzers": "none",
    "tests": "disabled",
}
PROMPT = "What does note.txt say?"
MODEL = "scripted-server/scripted-1"
SCRIPT = {
    "models": ["scripted-1"],
    "select": "conversation",
    "turns": [
        {"text": ["I look ", "into the file. "], "usage": {"input": 40, "output": 12},
         "tool_calls": [{"name": "read", "arguments": {"path": "note.txt"}}]},
        {"text": ["It says: ", "${TOOL_RESULT}"], "delay_ms": 20, "usage": {"input": 80, "output": 9}},
    ],
}


def write_home(home, port):
    """A home whose configuration knows the scripted server as one more provider."""
    (home / "tau.toml").write_text(f'[providers.scripted-server]\ndialect = "openai_chat"\n'
                                   f'base_url = "http://127.0.0.1:{port}/v1"\n', encoding="utf-8")


def tau(program, home, workspace, *arguments):
    """Runs the command line program as a user would; returns what it printed."""
    command = [program, *arguments]
    print(f"$ tau {' '.join(json.dumps(part) if ' ' in part else part for part in arguments)}", flush=True)
    # Only what this script says is in force, whatever the user has set.
    kept = {name: value for name, value in os.environ.items() if not name.startswith("TAU_")}
    done = run(command, check=False, cwd=workspace, env={**kept, "TAU_HOME": str(home)}, timeout=60,
               stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    print("".join(f"  {line}\n" for line in done.stdout.splitlines()), end="")
    if done.returncode != 0:
        raise ToolError(f"tau {arguments[0]} ended with {done.returncode}")
    return done.stdout


def verify(answer, listing, requests, secret_word):
    """Raises unless the answer, the session list and the recorded requests tell one story."""
    if secret_word not in answer:
        raise ToolError("the answer does not hold what the file says")
    bodies = [request["body"] for request in requests if request["method"] == "POST"]
    if len(bodies) != 2 or not all(body.get("stream") for body in bodies):
        raise ToolError(f"expected two streamed model calls, the server saw {len(bodies)}")
    if secret_word in json.dumps(bodies[0]) or secret_word not in json.dumps(bodies[1]):
        raise ToolError("the tool's result did not travel from the first model call to the second")
    if PROMPT not in listing:
        raise ToolError("the session is not in the list of sessions")


def demonstrate(program, folder):
    home, workspace, record = folder / "home", folder / "workspace", folder / "requests.jsonl"
    for made in (home, workspace):
        made.mkdir(mode=0o700)
    secret_word = f"the harbour opens at dawn, number {secrets.randbelow(10**9)}"
    (workspace / "note.txt").write_text(secret_word + "\n", encoding="utf-8")
    server = ModelServer(Script(SCRIPT), record=record)
    server.start()
    try:
        write_home(home, server.port)
        answer = tau(program, home, workspace, "run", PROMPT, "--model", MODEL)
        listing = tau(program, home, workspace, "sessions", "list")
    finally:
        server.stop()
    requests = [json.loads(line) for line in record.read_text(encoding="utf-8").splitlines()]
    verify(answer, listing, requests, secret_word)


def ask_local_model(program, folder):
    """A turn through the real model of tools/local-model, when it is installed. It shows; it decides nothing."""
    tool = ROOT / "tools" / "local-model"
    if subprocess.run([tool, "--installed"], check=False).returncode != 0:
        return
    print("\nThe small language model of tools/local-model is installed: it answers, too.")
    with subprocess.Popen([tool, "--port", "0"], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True) as server:
        try:
            url = server.stdout.readline().strip()
            tau(program, folder / "home", folder / "workspace", "run", "Name one colour.", "--no-tools", "--model",
                "llamacpp/smollm2", "--set", f"providers.llamacpp.base_url={url}", "--set", "params.max_tokens=32")
        finally:
            server.terminate()


def program_of(folder):
    program = folder / "examples" / "cli" / "tau"
    if not program.exists():
        raise ToolError(f"{program} is not there: the command line program needs CLI11 (libcli11-dev)")
    return program


def built(argv):
    """The build folder: the one given as `--build FOLDER`, else one that is brought up to date."""
    if argv[:1] == ["--build"]:
        return Path(argv[1]).resolve()
    print("building (the first time takes some minutes) ...", flush=True)
    folder = configure("quickstart", OPTIONS)
    build(folder)
    return folder


def main(argv):
    program = program_of(built(argv))
    with tempfile.TemporaryDirectory(prefix="tau-quickstart-") as name:
        demonstrate(program, Path(name))
        ask_local_model(program, Path(name))
    shown = os.path.relpath(program)
    print(f"""
It works: a prompt went to a model server on this machine, the model's tool call read a file, the result went back,
the answer was streamed, and the session was kept.

Next, with a real model (the key is read from the environment):
  export OPENAI_API_KEY=...      {shown} run "..." --model openai/<model>
  export ANTHROPIC_API_KEY=...   {shown} run "..." --model anthropic/<model>
With a small real model on this machine, from PyPI, without a key: tools/local-model
With a model server on this machine that speaks the API of OpenAI (docs/configuration.md): {shown} run "..."
Link it into your own program: README.md.""")
    return 0


if __name__ == "__main__":
    main_guard(main)
