"""A conversation with a real language model that runs on this machine, from every language. Skipped until
tools/local-model has installed it: what it says is up to the model, that it says something through all layers is not."""

import json
import os
import re
import shutil
import signal
import subprocess
import sys
import unittest
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
BUILD = Path(os.environ["TAU_BUILD"])
TOOL = ROOT / "tools" / "local-model"
sys.path.insert(0, str(ROOT / "tests" / "python"))

import tap  # noqa: E402

QUESTION = "Name one colour."
_PYTHON = """
import sys, tau
with tau.Runtime(config={"model": "llamacpp/smollm2", "params": {"max_tokens": 24},
                         "providers": {"llamacpp": {"base_url": sys.argv[1]}}}) as runtime:
    session = runtime.agent(tools=[]).session()
    for question in (sys.argv[2], "And another one."):
        run = session.run(question)
        pieces = [event.text for event in run if event.name == "text"]
        outcome = run.result()
        assert len(pieces) > 1 and "".join(pieces) == outcome.text, (pieces, outcome)
        assert outcome.usage.input_tokens > 0 and outcome.usage.output_tokens > 1, outcome
        print(outcome.text)
"""
_NODE = """
const tau = require('libtau');
async function main() {
  const [url, question] = process.argv.slice(1);
  const runtime = new tau.Runtime({ config: { model: 'llamacpp/smollm2', params: { max_tokens: 24 },
    providers: { llamacpp: { base_url: url } } } });
  const run = runtime.agent({ tools: [] }).session().run(question);
  let text = '';
  for await (const event of run) if (event.kind === 'text') text += event.text;
  const outcome = await run.result();
  if (text === '' || text !== outcome.text || outcome.usage.outputTokens < 2) throw new Error(JSON.stringify(outcome));
  console.log(text);
  await runtime.close();
}
main();
"""
_C = r"""
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <tau/tau.h>
int main(int argc, char **argv) {
  char config[512];
  tau_runtime_options o = TAU_RUNTIME_OPTIONS_INIT;
  tau_run_options r = TAU_RUN_OPTIONS_INIT;
  tau_runtime *runtime = NULL;
  tau_agent *agent = NULL;
  tau_session *session = NULL;
  tau_run *run = NULL;
  tau_event event = {.struct_size = sizeof event};
  size_t length = 0;
  if (argc != 3) return 2;
  snprintf(config, sizeof config, "{\"model\":\"llamacpp/smollm2\",\"tools\":[],\"params\":{\"max_tokens\":24},"
           "\"providers\":{\"llamacpp\":{\"base_url\":\"%s\"}}}", argv[1]);
  o.flags = TAU_RUNTIME_NO_STORE;
  o.config = (tau_str){config, TAU_STRLEN};
  r.prompt = (tau_str){argv[2], TAU_STRLEN};
  if (tau_runtime_new(&o, &runtime, NULL) || tau_agent_new(runtime, (tau_str){0}, &agent, NULL)) return 3;
  if (tau_session_open(agent, (tau_str){0}, &session, NULL) || tau_run_start(session, &r, &run, NULL)) return 4;
  while (tau_queue_next(tau_run_queue(run), -1, &event, NULL) == TAU_OK && event.kind != TAU_EVENT_RUN_DONE)
    if (event.kind == TAU_EVENT_TEXT) length += fwrite(event.text.data, 1, event.text.len, stdout);
  tau_buf outcome = {0};
  tau_status status = tau_run_wait(run, -1, &outcome, NULL);
  tau_buf_free(&outcome);
  tau_run_unref(run), tau_session_unref(session), tau_agent_unref(agent), tau_runtime_unref(runtime);
  return status == TAU_OK && length > 0 ? 0 : 5;
}
"""


class LocalModel(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        if subprocess.run([TOOL, "--installed"], check=False).returncode != 0:
            raise unittest.SkipTest("the local model is not installed: tools/local-model does that")
        cls.server = subprocess.Popen([TOOL, "--port", "0"], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
        cls.addClassCleanup(cls.stop)
        cls.url = cls.server.stdout.readline().strip()
        if not cls.url.startswith("http://127.0.0.1:"):
            raise AssertionError(f"tools/local-model said {cls.url!r}")

    @classmethod
    def stop(cls):
        cls.server.send_signal(signal.SIGTERM)
        cls.server.wait(30)
        cls.server.stdout.close()

    def say(self, *command, **environment):
        done = subprocess.run([*command, self.url, QUESTION], capture_output=True, text=True, timeout=240, check=False,
                              env={**os.environ, **environment})
        self.assertEqual(done.returncode, 0, done.stdout + done.stderr)
        self.assertRegex(done.stdout, r"\w")

    def test_command_line(self):
        folder = {"HOME": "/nonexistent", "TAU_HOME": ""}
        done = subprocess.run(
            [BUILD / "examples" / "cli" / "tau", "run", "--no-store", "--no-tools", "--json", "-m", "llamacpp/smollm2",
             "--set", f"providers.llamacpp.base_url={self.url}", "--set", "params.max_tokens=24", QUESTION],
            capture_output=True, text=True, timeout=240, check=False, env={**os.environ, **folder})
        self.assertEqual(done.returncode, 0, done.stderr)
        events = [json.loads(line) for line in done.stdout.splitlines()]
        self.assertGreater(sum(event["event"] == "text" for event in events), 1)
        self.assertTrue(re.search(r"\w", events[-1]["outcome"]["text"]))

    def test_python(self):
        self.say(sys.executable, "-c", _PYTHON, PYTHONPATH=str(BUILD / "bindings" / "python"))

    def test_node(self):
        if not (BUILD / "bindings" / "node" / "libtau" / "libtau.node").exists():
            self.skipTest("the build has no Node package")
        self.say("node", "-e", _NODE, NODE_PATH=str(BUILD / "bindings" / "node"))

    def test_c(self):
        compiler = shutil.which("cc")
        if compiler is None:
            self.skipTest("there is no C compiler")
        program = Path(os.environ.get("TMPDIR", "/tmp")) / f"tau-local-model-{os.getpid()}"
        self.addCleanup(program.unlink)
        subprocess.run([compiler, "-std=c11", "-x", "c", "-", "-I", ROOT / "include", "-o", program, "-x", "none",
                        next((BUILD / "capi").glob("libtau.so.0"))], input=_C, text=True, check=True)
        self.say(program, LD_LIBRARY_PATH=str(BUILD / "capi"))


if __name__ == "__main__":
    tap.main()
