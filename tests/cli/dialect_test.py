"""Runs over each dialect: streamed text, a tool and its result, keys, what fails inside a stream."""

import json

from support import CliCase, tap, turn


READ = ("read", {"path": "note.txt"})
# Dialect, where the request goes, and what a request with a result of a tool has.
DIALECTS = {
    "openai_chat": ("/v1/chat/completions", '"role": "tool"'),
    "openai_responses": ("/v1/responses", "function_call_output"),
    "anthropic_messages": ("/v1/messages", "tool_result"),
    "gemini": ("/v1beta/models/scripted-1:streamGenerateContent?alt=sse", "functionResponse"),
    "bedrock_converse": ("/model/scripted-1/converse-stream", "toolResult"),
    "cohere_chat": ("/v2/chat", '"role": "tool"'),
    "ollama_chat": ("/api/chat", '"role": "tool"'),
}
ONCE = ("--set", "providers.local.retry.max_attempts=1")
# Put together here, so that no text of the tree has the shape of a key.
KEY_ID, SECRET, TOKEN = "AKID" + "EXAMPLE", "wJal" + "rXUtnFEMI/K7MDENG+" + "EXAMPLEKEY", "session/" + "token+1=="


class Dialects(CliCase):
    def recorded(self):
        return [json.loads(line) for line in (self.folder / "requests.jsonl").read_text().splitlines()]

    def forget(self):
        (self.folder / "requests.jsonl").unlink(missing_ok=True)

    def test_a_tool_and_its_result(self):
        (self.workspace / "note.txt").write_text("harbour at dawn")
        for dialect, (path, result) in DIALECTS.items():
            with self.subTest(dialect=dialect):
                self.forget()
                model = self.serve(
                    turn(["I ", "look. "], [READ, READ], thinking=["let me ", "see"], usage={"input": 5, "output": 3}),
                    turn(["It says ${TOOL_RESULT}, caf\u00e9"], fragment=3), dialect=dialect)
                out, _ = self.tau("run", "what does it say?", *model)
                self.assertIn("I look.", out)
                self.assertIn("harbour at dawn", out)
                self.assertIn("caf\u00e9", out)
                first, second = self.recorded()
                self.assertEqual(first["path"], path)
                self.assertNotIn("harbour", json.dumps(first["body"]))
                self.assertIn("harbour", json.dumps(second["body"]))
                self.assertIn(result, json.dumps(second["body"]))

    def test_an_error_inside_the_stream_ends_the_run(self):
        for dialect in DIALECTS:
            with self.subTest(dialect=dialect):
                model = self.serve(turn(["so ", "far ", "so ", "good"],
                                        error_event={"after": 3, "status": 429, "message": "slow down"}), dialect=dialect)
                out, err = self.tau("run", "hi", *model, *ONCE, code=6)
                self.assertIn("slow down", err)

    def test_a_stream_that_is_cut_ends_the_run(self):
        for dialect in DIALECTS:
            with self.subTest(dialect=dialect):
                model = self.serve(turn(["so ", "far ", "so ", "good"], cut={"after": 4, "bytes": 9}), dialect=dialect)
                _, err = self.tau("run", "hi", *model, *ONCE, code=6)
                self.assertNotEqual(err, "")

    def test_bedrock_takes_a_bearer_key(self):
        model = self.serve(turn("ok"), dialect="bedrock_converse", key="bearer-" + "key-1")
        model += ["--set", "providers.local.key_env=LOCAL_KEY"]
        out, _ = self.tau("run", "hi", *model, env={"LOCAL_KEY": "bearer-" + "key-1"})
        self.assertEqual(out, "ok\n")

    def test_bedrock_requests_are_signed(self):
        environment = {"AWS_ACCESS_KEY_ID": KEY_ID, "AWS_SECRET_ACCESS_KEY": SECRET}
        signed = ["--set", "providers.local.key_scheme=aws_sigv4", "--set", "providers.local.aws_region=eu-west-1",
                  "--set", "providers.local.key_env=AWS_ACCESS_KEY_ID"]
        for token in ("", TOKEN):
            with self.subTest(token=bool(token)):
                self.forget()
                key = ":".join(filter(None, (KEY_ID, SECRET, token)))
                env = {**environment, **({"AWS_SESSION_TOKEN": token} if token else {})}
                model = self.serve(turn("ok"), dialect="bedrock_converse", key=key)
                out, _ = self.tau("run", "caf\u00e9", *model, *signed, env=env)
                self.assertEqual(out, "ok\n")
                (request,) = self.recorded()
                self.assertNotIn(SECRET, json.dumps(request))
                self.assertEqual("x-amz-security-token" in request["headers"], bool(token))
        model = self.serve(turn("ok"), dialect="bedrock_converse", key=":".join((KEY_ID, SECRET[::-1])))
        _, err = self.tau("run", "hi", *model, *signed, env=environment, code=6)
        self.assertIn("401", err)
        del environment["AWS_SECRET_ACCESS_KEY"]
        _, err = self.tau("run", "hi", *model, *signed, env=environment, code=6)
        self.assertIn("AWS_SECRET_ACCESS_KEY", err)


if __name__ == "__main__":
    tap.main()
