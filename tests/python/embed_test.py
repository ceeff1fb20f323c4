"""Embeddings against servers on this machine: every dialect, batches, retries, budgets, and answers that are none."""

import array
import asyncio
import base64
import http.server
import json
import struct
import threading
import unittest

import tap
import tau


class Server:
    """Answers with `answer(path, body)`: (status, document); keeps what was asked."""

    def __init__(self, answer):
        server = self
        self.asked = []

        class Handler(http.server.BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_POST(self):
                body = json.loads(self.rfile.read(int(self.headers["content-length"])))
                server.asked.append((self.path, body, dict(self.headers)))
                status, document = answer(self.path, body)
                data = document if isinstance(document, bytes) else json.dumps(document).encode()
                self.send_response(status)
                self.send_header("content-type", "application/json")
                self.send_header("content-length", str(len(data)))
                self.end_headers()
                self.wfile.write(data)

            def log_message(self, *arguments):
                pass

        self.http = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.http.daemon_threads = True
        threading.Thread(target=self.http.serve_forever, daemon=True).start()

    @property
    def url(self):
        return f"http://127.0.0.1:{self.http.server_port}/v1"

    def close(self):
        self.http.shutdown()
        self.http.server_close()


def vector_of(text):
    return [len(text) / 2, -1.5, 0.25]


def openai(path, body):
    data = [{"object": "embedding", "index": i, "embedding": vector_of(text)} for i, text in enumerate(body["input"])]
    return 200, {"object": "list", "model": body["model"], "data": data[::-1], "usage": {"prompt_tokens": 7, "total_tokens": 7}}


class Embeddings(unittest.TestCase):
    def serve(self, answer, dialect="openai_chat", **config):
        server = Server(answer)
        self.addCleanup(server.close)
        provider = {"base_url": server.url, "dialect": dialect, "price": {"input": 1_000_000, "output": 0},
                    "retry": {"base_delay_ms": 1}, **config.pop("provider", {})}
        runtime = tau.Runtime(config={"providers": {"near": provider},
                                      "network": {"private_origins": [server.url.removesuffix("/v1")]}, **config})
        self.addCleanup(runtime.close)
        return server, runtime

    def test_vectors_come_in_the_order_of_their_texts(self):
        server, runtime = self.serve(openai)
        got = runtime.embed(["a", "bcd"], model="near/embed-1", dimensions=3)
        self.assertEqual([list(row) for row in got], [vector_of("a"), vector_of("bcd")])
        self.assertEqual((len(got), got.dimensions, got.input_tokens, got.requests, got.cost_usd_micros), (2, 3, 7, 1, 7))
        self.assertEqual(list(array.array("f", got.data)), vector_of("a") + vector_of("bcd"))
        self.assertEqual(list(got[-1]), vector_of("bcd"))
        path, body, _ = server.asked[0]
        self.assertEqual(path, "/v1/embeddings")
        self.assertEqual(body, {"model": "embed-1", "input": ["a", "bcd"], "dimensions": 3, "encoding_format": "float"})

    def test_many_texts_go_in_batches(self):
        server, runtime = self.serve(openai)
        texts = ["x" * (i % 90 + 1) for i in range(1000)]
        got = runtime.embed(texts, model="near/embed-1")
        self.assertEqual([list(row) for row in got], [vector_of(text) for text in texts])
        self.assertEqual(got.requests, len(server.asked))
        self.assertTrue(all(len(body["input"]) <= 256 for _, body, _ in server.asked))

    def test_base_64_is_read(self):
        def packed(path, body):
            status, answer = openai(path, body)
            for item in answer["data"]:
                item["embedding"] = base64.b64encode(struct.pack("<3f", *item["embedding"])).decode()
            return status, answer
        _, runtime = self.serve(packed)
        self.assertEqual(list(runtime.embed(["ab"], model="near/e")[0]), vector_of("ab"))

    def test_gemini(self):
        def answer(path, body):
            texts = [one["content"]["parts"][0]["text"] for one in body["requests"]]
            return 200, {"embeddings": [{"values": vector_of(text)} for text in texts]}
        server, runtime = self.serve(answer, "gemini")
        got = runtime.embed(["a", "bc"], model="near/embed-1", input_type="query", dimensions=3)
        self.assertEqual([list(row) for row in got], [vector_of("a"), vector_of("bc")])
        path, body, _ = server.asked[0]
        self.assertEqual(path, "/v1/models/embed-1:batchEmbedContents")
        self.assertEqual(body["requests"][0], {"model": "models/embed-1", "content": {"parts": [{"text": "a"}]},
                                               "taskType": "RETRIEVAL_QUERY", "outputDimensionality": 3})

    def test_cohere(self):
        def answer(path, body):
            return 200, {"id": "1", "embeddings": {"float": [vector_of(text) for text in body["texts"]]}, "texts": body["texts"],
                         "meta": {"billed_units": {"input_tokens": 3}}}
        server, runtime = self.serve(answer, "cohere_chat")
        got = runtime.embed(["a"], model="near/embed-1", input_type="document")
        self.assertEqual((list(got[0]), got.input_tokens), (vector_of("a"), 3))
        self.assertEqual((server.asked[0][0], server.asked[0][1]), ("/v1/embed", {
            "model": "embed-1", "texts": ["a"], "input_type": "search_document", "embedding_types": ["float"]}))

    def test_ollama(self):
        def answer(path, body):
            return 200, {"model": "e", "embeddings": [vector_of(text) for text in body["input"]], "prompt_eval_count": 2}
        server, runtime = self.serve(answer, "ollama_chat")
        self.assertEqual(list(runtime.embed(["a"], model="near/e")[0]), vector_of("a"))
        self.assertEqual(server.asked[0][0], "/v1/api/embed")

    def test_what_fails_for_a_moment_is_tried_again(self):
        failures = iter([503, 429])

        def answer(path, body):
            status = next(failures, None)
            return (status, {"error": {"message": "later"}}) if status else openai(path, body)
        server, runtime = self.serve(answer)
        self.assertEqual(len(runtime.embed(["a"], model="near/e")), 1)
        self.assertEqual(len(server.asked), 3)

    def test_what_is_refused_is_told(self):
        _, runtime = self.serve(lambda path, body: (404, {"error": {"message": "no such model", "code": "model_not_found"}}))
        with self.assertRaises(tau.NotFoundError):
            runtime.embed(["a"], model="near/e")

    def test_answers_that_are_none(self):
        item = {"object": "embedding", "index": 0, "embedding": [1.0]}
        bad = [{}, {"data": 7}, {"data": []}, {"data": [item, item]}, {"data": [{**item, "embedding": []}]},
               {"data": [{**item, "embedding": ["1"]}]}, {"data": [{**item, "embedding": [1e300]}]},
               {"data": [{**item, "embedding": "AAAA"}]}, {"data": [{**item, "embedding": "AADAfw=="}]},
               {"data": [{**item, "index": 5}]}, {"data": [{**item, "index": -1}]}, b"nothing", b'{"data":[{"embedding":[NaN]}]}']
        for document in bad:
            _, runtime = self.serve(lambda path, body, document=document: (200, document),
                                    provider={"retry": {"max_attempts": 1}})
            with self.assertRaises(tau.DataLossError, msg=str(document)) as caught:
                runtime.embed(["a"], model="near/e")
            self.assertEqual(caught.exception.reason, "invalid_response", document)
        lengths = {"data": [item, {**item, "index": 1, "embedding": [1.0, 2.0]}]}
        _, runtime = self.serve(lambda path, body: (200, lengths), provider={"retry": {"max_attempts": 1}})
        with self.assertRaises(tau.DataLossError):
            runtime.embed(["a", "b"], model="near/e")

    def test_a_budget_is_kept(self):
        _, runtime = self.serve(openai, budget={"day_usd_micros": 1})
        with self.assertRaises(tau.TauError) as caught:
            runtime.embed(["word " * 1000], model="near/e")
        self.assertIn("budget", caught.exception.reason)

    def test_a_route_goes_to_the_next(self):
        broken = Server(lambda path, body: (500, {"error": {"message": "broken"}}))
        self.addCleanup(broken.close)
        server, _ = self.serve(openai)
        runtime = tau.Runtime(config={
            "providers": {"near": {"base_url": server.url}, "broken": {"base_url": broken.url}},
            "routes": {"vectors": {"upstreams": ["broken/e", "near/e"]}},
            "network": {"private_origins": [one.url.removesuffix("/v1") for one in (server, broken)]}})
        self.addCleanup(runtime.close)
        self.assertEqual(len(runtime.embed(["a"], model="route/vectors")), 1)
        self.assertEqual((len(broken.asked), len(server.asked)), (1, 1))

    def test_time_is_bounded(self):
        stop = threading.Event()
        self.addCleanup(stop.set)

        def slow(path, body):
            stop.wait(20)
            return openai(path, body)
        _, runtime = self.serve(slow)
        with self.assertRaises(tau.DeadlineExceededError) as caught:
            runtime.embed(["a"], model="near/e", timeout=0.2)
        self.assertEqual(caught.exception.reason, "embed_timeout")

    def test_beside_asyncio(self):
        _, runtime = self.serve(openai)

        async def both():
            return await asyncio.gather(*(asyncio.to_thread(runtime.embed, ["a"], model="near/e") for _ in range(8)))
        self.assertEqual([list(got[0]) for got in asyncio.run(both())], [vector_of("a")] * 8)

    def test_secrets_do_not_leave(self):
        server, runtime = self.serve(openai)
        runtime.scanner.add_secret("pass", "correct horse battery staple")
        runtime.embed(["it is correct horse battery staple"], model="near/e")
        self.assertNotIn("battery", server.asked[0][1]["input"][0])

    def test_bad_requests(self):
        _, runtime = self.serve(openai)
        for texts in ([], [""], ["a"] * 65_537):
            with self.assertRaises(tau.InvalidArgumentError):
                runtime.embed(texts, model="near/e")
        for model in ("alone", "nobody/e", "route/none"):
            with self.assertRaises(tau.InvalidArgumentError, msg=model):
                runtime.embed(["a"], model=model)
        for model in ("offline/x", "scripted/x", "anthropic/x"):
            with self.assertRaises(tau.TauError, msg=model):
                runtime.embed(["a"], model=model)


if __name__ == "__main__":
    tap.main()
