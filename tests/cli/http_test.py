"""The tool http as an agent uses it: offered when it is named, held by the rules of egress, never with a credential."""

import json
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from support import CliCase, scripted, tap, turn


class Server:
    """Counts what it accepts, keeps what it is asked, answers as told: by path (status, headers, content), or None for
    no answer at all."""

    def __init__(self, case, answers=None, missing=200):
        self.seen, self.accepted, answers = [], 0, {} if answers is None else answers
        outer, over = self, threading.Event()
        case.addCleanup(over.set)

        class Handler(BaseHTTPRequestHandler):
            def answer(self):
                body = self.rfile.read(int(self.headers.get("content-length") or 0))
                outer.seen.append((self.command, self.path, {k.lower(): v for k, v in self.headers.items()}, body))
                answer = answers.get(self.path.split("?")[0], (missing, {}, b"hello from the server"))
                if answer is None:
                    over.wait()
                    return
                status, headers, content = answer
                self.send_response(status)
                for name, value in {"content-type": "text/plain", "content-length": str(len(content)), **headers}.items():
                    self.send_header(name, value)
                self.end_headers()
                self.wfile.write(content)

            do_GET = do_POST = do_DELETE = answer  # noqa: N815

            def log_message(self, *_):
                pass

        class Counting(ThreadingHTTPServer):
            def process_request(self, *request):
                outer.accepted += 1
                super().process_request(*request)

        self._server = Counting(("127.0.0.1", 0), Handler)
        self.origin = f"http://127.0.0.1:{self._server.server_port}"
        threading.Thread(target=self._server.serve_forever, daemon=True).start()
        case.addCleanup(self._server.server_close)
        case.addCleanup(self._server.shutdown)


def calls(*arguments):
    return scripted(turn("", [("http", each) for each in arguments]), turn("Done."))


class Http(CliCase):
    def results(self, *options):
        return [e for e in self.events("hi", *options) if e["event"] == "tool_result"]

    def grant(self, *servers, methods=("GET",)):
        """Places that may be reached, and what may be done there without asking."""
        origins = [server.origin for server in servers]
        requests = [f"{method} {origin}" for origin in origins for method in methods]
        return ["--set", "network.private_origins=" + json.dumps(origins), "--set", "policy.requests=" + json.dumps(requests)]

    def test_an_allowed_call_reaches_a_granted_server(self):
        server = Server(self)
        [result] = self.results("--allow", "http", *self.grant(server), *calls({"url": server.origin + "/a?b"}))
        self.assertIn(f"HTTP 200 {server.origin}/a?b\n", result["content"])
        self.assertIn("hello from the server", result["content"])
        [(method, path, headers, _)] = server.seen
        self.assertEqual((method, path, headers["user-agent"]), ("GET", "/a?b", "libtau"))
        self.assertFalse({"authorization", "cookie", "referer"} & set(headers))

    def test_it_is_not_offered_unless_it_is_named(self):
        self.tau("run", "hi", *self.serve(turn("ok")))
        self.tau("run", "hi", "--allow", "http", *self.serve(turn("ok")))
        self.tau("run", "hi", "--tools", "http,read", *self.serve(turn("ok")))
        offered = [["http" in (tool["function"]["name"] for tool in request["tools"])] for request in self.requests()]
        self.assertEqual(offered, [[False], [True], [True]])

    def test_without_leave_a_call_asks(self):
        server = Server(self)
        _, err = self.tau("run", "hi", "--tools", "http", *self.grant(server, methods=()), *calls({"url": server.origin}),
                          code=4)
        self.assertIn("approval_missing", err)
        self.assertEqual(server.accepted, 0)

    def test_a_private_place_and_a_change_ask_though_the_tool_is_allowed(self):
        server = Server(self)
        for method, granted in (("GET", ()), ("POST", ("GET",)), ("DELETE", ("GET", "POST"))):
            _, err = self.tau("run", "hi", "--allow", "http", *self.grant(server, methods=granted),
                              *calls({"url": server.origin + "/x", "method": method}), code=4)
            self.assertIn(f"denied http: {method} {server.origin}: there is no terminal", err)
            self.assertIn(f"""allow it with --set 'policy.requests=["{method} {server.origin}"]'""", err)
        self.assertEqual(server.accepted, 0)
        [result] = self.results("--allow", "http", *self.grant(server, methods=("GET", "POST")),
                                *calls({"url": server.origin + "/x", "method": "POST", "body": "b"}))
        self.assertIn("hello from the server", result["content"])
        self.assertEqual([seen[0] for seen in server.seen], ["POST"])

    def test_an_approval_says_method_and_origin(self):
        events = self.events("hi", "--allow", "http", *calls({"url": "https://A.example/x?y", "method": "PUT"}), code=4)
        [asked] = [event for event in events if event["event"] == "approval"]
        self.assertEqual((asked["scope"], asked["reason"]), ("PUT https://a.example:443", "ask_changing_request"))

    def test_what_is_not_granted_is_not_reached(self):
        granted, other = Server(self, {"/out": (302, {}, b"")}), Server(self)
        port = other.origin.rsplit(":", 1)[1]
        places = [other.origin, f"http://localhost:{port}/", f"http://2130706433:{port}/", f"http://[::1]:{port}/",
                  f"http://0x7f.1:{port}/", f"http://user@127.0.0.1:{port}/", "http://169.254.169.254/latest/meta-data",
                  "https://metadata.google.internal/"]
        results = self.results("--allow", "http", *self.grant(granted), *calls(*({"url": url} for url in places)))
        self.assertEqual(len(results), len(places))
        for result in results:
            self.assertTrue(result["is_error"], result)
            self.assertTrue(result["reason"].startswith("egress_") or result["reason"] == "invalid_url", result)
        self.assertEqual(other.accepted, 0)

    def test_redirects_are_judged_again(self):
        other = Server(self)
        server = Server(self, {"/here": (302, {"location": "/there"}, b""), "/out": (302, {"location": other.origin}, b""),
                               "/far": (301, {"location": "https://far.example/x"}, b"")})
        results = self.results("--allow", "http", *self.grant(server), *calls(
            {"url": server.origin + "/here"}, {"url": server.origin + "/out"}, {"url": server.origin + "/far"}))
        self.assertIn(f"HTTP 200 {server.origin}/there\n", results[0]["content"])
        self.assertEqual(results[1]["reason"], "egress_scheme")
        self.assertIn("a redirect to https://far.example:443/x was not followed", results[2]["content"])
        self.assertEqual(other.accepted, 0)

    def test_a_proxy_of_the_environment_is_not_asked(self):
        server, proxy = Server(self), Server(self)
        out, _ = self.tau("run", "--json", "hi", "--allow", "http", *self.grant(server), *calls({"url": server.origin}),
                          env={"http_proxy": proxy.origin, "all_proxy": proxy.origin})
        self.assertIn("hello from the server", out)
        self.assertEqual(proxy.accepted, 0)

    def test_what_a_provider_may_reach_the_tool_may_not(self):
        place = Server(self)
        model = ["--set", f"providers.other.base_url={place.origin}/v1"]
        [result] = self.results("--allow", "http", *model, *calls({"url": place.origin + "/v1"}))
        self.assertEqual(result["reason"], "egress_scheme")
        self.assertEqual(place.accepted, 0)


if __name__ == "__main__":
    tap.main()
