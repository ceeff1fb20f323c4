"""tau models and tau route: what is known of models, what a route would do, and what it does."""

import json

from support import CliCase, tap, turn

FREE = json.dumps({"input": 0, "output": 0})
REFUSED = ["--set", 'providers.gone.base_url="http://127.0.0.1:9/v1"', "--set", f"providers.gone.price={FREE}",
           "--set", "providers.gone.retry.base_delay_ms=1"]


def route(*models, name="main", **more):
    values = {"upstreams": list(models), "retry": {"base_delay_ms": 1, "max_delay_ms": 2}, **more}
    return ["--set", f"routes.{name}={json.dumps(values)}"]


class Routes(CliCase):
    def served(self, *turns, **more):
        """Options that make local/scripted-1 known, without naming it as the model."""
        return self.serve(*turns, **more)[2:] + ["--set", 'providers.local.price={"input":1000000,"output":2000000}']

    def test_each_model_is_asked_and_then_the_route(self):
        answers = turn("OK", usage={"input": 10, "output": 5})
        options = self.served(answers, answers)
        out, err = self.tau("route", "test", *options, *REFUSED, *route("gone/x", "local/scripted-1", "openai/gpt-5"))
        self.assertEqual(err, "")
        lines = out.splitlines()
        self.assertRegex(lines[0], "^openai/gpt-5 +not asked: .*OPENAI_API_KEY is not set")
        self.assertRegex(lines[1], "^gone/x +fails: connect_failed: ")
        self.assertRegex(lines[2], r"^local/scripted-1 +answers, first word after \d+ ms, whole after \d+ ms, \$0.000020")
        self.assertRegex(lines[3], "^route/main +answers")
        decisions = [line.split() for line in lines[4:]]
        self.assertIn(["selected", "gone/x", "ordered"], decisions)
        self.assertIn(["failed", "gone/x", "connect_failed"], decisions)
        self.assertIn(["failover", "local/scripted-1", "connect_failed"], decisions)
        self.assertEqual(self.sessions(), [])  # a test leaves none behind
        for request in self.requests():
            self.assertEqual(request["max_tokens"], 64)
            self.assertNotIn("tools", request)

    def test_as_json(self):
        options = self.served(turn("OK"), turn("OK"))
        report = json.loads(self.tau("route", "test", "route/main", "--json", *options, *REFUSED,
                                     *route("gone/x", "local/scripted-1"))[0])
        self.assertEqual([(row["model"], row["answers"]) for row in report["upstreams"]],
                         [("gone/x", False), ("local/scripted-1", True)])
        self.assertEqual(report["upstreams"][0]["reason"], "connect_failed")
        self.assertTrue(report["route"]["answers"])
        self.assertEqual(report["route"]["decisions"][-1]["upstream"], "local/scripted-1")

    def test_a_route_that_does_not_answer_is_told_by_the_exit_code(self):
        out, _ = self.tau("route", "test", *REFUSED, *route("gone/x"), code=6)
        self.assertRegex(out, "(?m)^route/main +fails: connect_failed: ")
        self.assertIn("gave_up", out)

    def test_the_prompt_is_the_users(self):
        options = self.served(turn("four"), turn("four"))
        self.tau("route", "test", "--prompt", "two and two?", *options, *route("local/scripted-1"))
        for request in self.requests():
            self.assertIn("two and two?", json.dumps(request["messages"][-1]))

    def test_which_route_is_meant(self):
        two = [*route("offline/offline", name="a"), *route("offline/offline", name="b")]
        self.assertIn("name one", self.tau("route", "test", *two, code=2)[1])
        err = self.tau("route", "test", "c", *two, code=3)[1]
        self.assertIn("unknown_route", err)
        self.assertIn("routes: a, b", err)
        self.assertIn("unknown_route", self.tau("route", "test", code=3)[1])

    def test_a_list(self):
        options = route("gone/x=3", "openai/gpt-5", strategy="weighted")
        out, _ = self.tau("route", "list", *REFUSED, *options)
        self.assertRegex(out, r"^route/main, weighted\n  gone/x +free +window unknown, weight 3\n  openai/gpt-5 +not asked: ")
        [found] = json.loads(self.tau("route", "list", "--json", *REFUSED, *options)[0])
        self.assertEqual(found["name"], "main")
        out, err = self.tau("route", "list")
        self.assertEqual(out, "")
        self.assertIn("no route is configured", err)


class Models(CliCase):
    KEY = {"OPENAI_API_KEY": "k" * 8}

    def test_a_list_of_what_could_be_asked(self):
        out, err = self.tau("models", "list", env=self.KEY)
        self.assertRegex(out, r"(?m)^openai/gpt-5 +400k / 128k +\$1.25 / \$10.00 per M +tools, images, reasoning$")
        self.assertNotIn("anthropic/", out)
        self.assertIn("--all", err)
        out, err = self.tau("models", "list", "--all")
        self.assertIn("anthropic/", out)
        self.assertEqual(err, "")
        out, _ = self.tau("models", "list", "/gpt-5")
        self.assertTrue(all("/gpt-5" in line for line in out.splitlines()[1:]))
        self.assertIn("no such model", self.tau("models", "list", "nothing-like-it")[1])

    def test_a_list_as_json(self):
        rows = json.loads(self.tau("models", "list", "openai/gpt-5", "--json", env=self.KEY)[0])["models"]
        [row] = [row for row in rows if row["model"] == "openai/gpt-5"]
        self.assertEqual((row["context_tokens"], row["price"]["input"], row["ready"]), (400000, 1250000, True))

    def test_one_model(self):
        out, _ = self.tau("models", "show", "openai/gpt-5")
        self.assertIn("input $1.25, cached input $0.125, output $10.00 per million tokens", out)
        self.assertRegex(out, "ready +no: .*OPENAI_API_KEY")
        own = ["--set", 'providers.openai.price={"input":7,"output":9}']
        self.assertIn("input $0.000007, output $0.000009", self.tau("models", "show", "openai/gpt-5", *own)[0])
        self.assertIn("free", self.tau("models", "show", "ollama/qwen3")[0])
        self.assertEqual(json.loads(self.tau("models", "show", "xai/none-such", "--json")[0])["price"], None)
        self.assertIn("invalid_model_reference", self.tau("models", "show", "nope/x", code=3)[1])


if __name__ == "__main__":
    tap.main()
