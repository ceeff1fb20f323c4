"""Memories: what is remembered is found; vectors of any buffer; functions that embed; asyncio."""

import array
import asyncio
import datetime
import json
import subprocess
import sys
import tempfile
import threading
import unittest
from pathlib import Path

import tap
import tau
from support import AsyncCase, SyncCase

ROOT = Path(__file__).resolve().parents[2]
THREE = [{"id": "tea", "text": "Ada drinks tea in the morning", "type": "preference", "tags": ["drinks"]},
         {"id": "boat", "text": "The boat leaves at noon",
          "time": datetime.datetime(2026, 11, 2, 10, tzinfo=datetime.timezone.utc)},
         {"id": "cat", "text": "The cat is called Miro"}]


def tea_vector(text):
    return [1.0, 0.0] if "tea" in text else [0.0, 1.0]


ROWS = [tea_vector(each["text"]) for each in THREE]


class Memories(SyncCase):
    def setUp(self):
        super().setUp()
        self.memory = self.runtime.memory()

    def ids(self, found):
        return [each["id"] for each in found]

    def test_what_is_added_is_found_listed_and_read(self):
        written = self.memory.add(THREE)
        self.assertEqual([(each["id"], each["created"]) for each in written],
                         [("tea", True), ("boat", True), ("cat", True)])
        hits = self.memory.search("who drinks tea?", k=2, explain=True)
        self.assertEqual(hits[0]["id"], "tea")
        self.assertTrue(0 < hits[0]["score"] <= 1)
        self.assertIn("words", hits[0]["parts"])
        self.assertEqual(self.ids(self.memory.list(limit=1)), ["tea", "boat", "cat"])
        self.assertEqual(self.ids(self.memory.list(types=["preference"])), ["tea"])
        self.assertEqual(self.ids(self.memory.list(since=datetime.date(2026, 11, 2), until="2026-11-02T10:00:00Z")), ["boat"])
        self.assertTrue(self.memory.get("boat")["time"].startswith("2026-11-02T10:00:00"))
        with self.assertRaises(tau.NotFoundError) as caught:
            self.memory.get("none")
        self.assertEqual(caught.exception.reason, "no_such_memory")

    def test_what_is_no_memory_is_named(self):
        for what in (5, [5], None):
            with self.assertRaisesRegex(TypeError, "expected a memory as text or dict"):
                self.memory.add(what)

    def test_a_text_alone_is_enough_and_options_are_members(self):
        id = self.memory.add("Ada prefers green tea", type="preference", expected_revision=0)["id"]
        self.assertEqual(self.memory.get(id)["type"], "preference")
        with self.assertRaises(tau.AbortedError):
            self.memory.add({"id": id, "text": "again"}, expected_revision=0)
        for bad in ({"colour": "red"}, {"type": "dream"}, {"importance": 7}):
            with self.assertRaises(tau.InvalidArgumentError, msg=bad):
                self.memory.add("x", **bad)
        with self.assertRaises(TypeError):
            self.memory.add([7])

    def test_the_schema_names_what_is_taken_and_given(self):
        schema = json.loads((ROOT / "docs" / "schema" / "memory.json").read_text(encoding="utf-8"))
        known = schema["properties"]
        whole = {"id": "a", "text": "x", "type": "fact", "importance": 0.5, "tags": ["t"], "time": 0, "thread": "t", "position": 1,
                 "fact": {"subject": "s", "predicate": "p", "object": "o"}, "valid_from": "2026-01-01", "valid_to": None,
                 "source": "s", "channel": "c", "actor": "d", "attributes": {"n": [1]}, "origin": "user", "expected_revision": 0}
        given = {name for name, about in known.items() if "of answers" in about["description"] or "of hits" in about["description"]}
        self.assertEqual({*whole, "relations"}, {*known} - given)
        self.memory.add(whole)
        self.memory.add({"text": "y", "id": "b", "channel": "c", "actor": "d", "relations": [{"to": "a", "relation": "part_of"}]})
        self.memory.forget("b")
        seen = {*self.memory.get("a"), *self.memory.get("b", forgotten=True), *self.memory.search("x", explain=True)[0]}
        self.assertLessEqual(seen, {*known})
        for kind in known["type"]["enum"]:
            self.memory.add(kind, type=kind)
        self.memory.add([{"id": "c", "text": "c"}, {"id": "d", "text": "d"}])
        for relation in known["relations"]["items"]["properties"]["relation"]["enum"]:
            self.memory.relate("c", "d", relation)

    def test_forgetting_restoring_purging(self):
        self.memory.add(THREE)
        self.memory.forget("tea")
        self.assertNotIn("tea", self.ids(self.memory.search("tea")))
        self.assertEqual(self.memory.get("tea", forgotten=True)["id"], "tea")
        self.memory.restore("tea")
        self.assertEqual(self.memory.search("tea")[0]["id"], "tea")
        self.assertEqual(self.memory.purge("tea", "cat"), 2)
        self.assertEqual(self.memory.purge(all=True), 1)
        self.assertEqual(list(self.memory.list()), [])

    def test_a_fact_replaces_the_one_before(self):
        for city in ("Paris", "Rome"):
            written = self.memory.add({"text": f"Ada lives in {city}", "id": city,
                                       "fact": {"subject": "Ada", "predicate": "lives in", "object": city}})
        self.assertEqual(written["superseded"], ["Paris"])
        self.assertEqual(self.ids(self.memory.search("Where does Ada live?")), ["Rome"])
        self.assertIn("Paris", self.ids(self.memory.search("Where does Ada live?", superseded=True)))

    def test_relations(self):
        self.memory.add(THREE)
        self.memory.relate("tea", "boat", "caused_by", weight=0.5)
        relation, = self.memory.get("tea")["relations"]
        self.assertEqual((relation["to"], relation["relation"], relation["weight"]), ("boat", "caused_by", 0.5))
        self.assertNotIn("relations", self.memory.get("tea", relations=False))
        self.memory.unrelate("tea", "boat", "caused_by")
        self.assertEqual(self.memory.get("tea")["relations"], [])

    def test_a_scope_keeps_to_itself(self):
        mine, other = self.runtime.memory(channel="a"), self.runtime.memory(channel="b", actor="bob")
        mine.add("Ada drinks tea")
        self.assertEqual(len(other.search("tea")), 0)
        with self.assertRaises(tau.PermissionDeniedError) as caught:
            mine.add("x", channel="b")
        self.assertEqual(caught.exception.reason, "outside_scope")
        self.assertEqual(self.memory.tree()["memories"], 1)
        self.assertEqual((mine.stats()["memories"], other.stats()["memories"]), (1, 0))
        with self.assertRaises(tau.InvalidArgumentError):
            self.runtime.memory(channel="")

    def test_a_folder_is_watched(self):
        with tempfile.TemporaryDirectory() as folder:
            (Path(folder) / "a.md").write_text("The kiosk opens at nine")
            with self.memory.watch(folder, quiet_ms=20) as watch:
                changes = iter(watch)
                first = next(changes)
                self.assertEqual((first["path"], first["what"], first["added"]), ("a.md", "ingested", 1))
                (Path(folder) / "b.md").write_text("The boat leaves at noon")
                self.assertEqual(next(changes)["path"], "b.md")
                self.assertEqual(watch.state()["counts"]["ingested"], 2)
                self.assertEqual(watch.changes(), [])
                with self.assertRaises(tau.AlreadyExistsError):
                    self.memory.watch(folder)
            watch.close()
            self.assertEqual(list(changes), [])
            self.assertEqual(self.memory.perform("watches")["watches"], [])
            self.assertEqual(len(list(self.memory.list())), 2)

    def test_a_program_that_ends_while_it_watches_ends_well(self):
        code = ("import sys, tempfile, tau\n"
                "folder = tempfile.mkdtemp()\n"
                "open(folder + '/a.md', 'w').write('one')\n"
                "runtime = tau.Runtime()\n"
                "memory = runtime.memory()\n"
                "watch = memory.watch(folder, quiet_ms=20)\n"
                "print(next(iter(watch))['path'])\n")
        done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60, check=False)
        self.assertEqual((done.returncode, done.stdout), (0, "a.md\n"), done.stderr)

    def test_a_closed_memory_says_so(self):
        with self.runtime.memory() as memory:
            memory.add("tea")
        memory.close()
        with self.assertRaises(tau.FailedPreconditionError) as caught:
            memory.stats()
        self.assertEqual(caught.exception.reason, "closed")


class Vectors(SyncCase):
    def setUp(self):
        super().setUp()
        self.memory = self.runtime.memory()

    def test_vectors_of_any_kind(self):
        self.runtime.set_embedder("tea-2", 2, lambda texts, purpose: None)
        flat = [number for row in ROWS for number in row]
        kinds = [ROWS, tuple(map(tuple, ROWS)), flat, array.array("f", flat), array.array("d", flat),
                 memoryview(array.array("f", flat)), array.array("f", flat).tobytes(), [array.array("d", row) for row in ROWS]]
        try:
            import numpy
            kinds += [numpy.array(ROWS), numpy.array(ROWS, dtype="float32"), numpy.array(ROWS, dtype="float32").T.copy().T]
        except ImportError:
            pass
        for vectors in kinds:
            self.memory.add(THREE, vectors=vectors)
            for vector in ([1, 0], array.array("f", [1, 0])):
                hits = self.memory.search(mode="vector", vector=vector, k=1)
                self.assertEqual((hits.vectors, hits[0]["id"]), ("used", "tea"), vectors)
        for bad in ([1, 0, 0], [float("nan"), 0]):
            with self.assertRaises(tau.InvalidArgumentError, msg=bad) as caught:
                self.memory.search("tea", vector=bad)
            self.assertEqual(caught.exception.reason, "invalid_vector")
        for bad in ("text", 7, array.array("i", [1, 2])):
            with self.assertRaises(TypeError, msg=bad):
                self.memory.search("tea", vector=bad)

    def test_a_function_makes_them(self):
        asked = []

        def embed(texts, purpose):
            asked.append(purpose)
            return [tea_vector(text) for text in texts]
        embedder = self.runtime.set_embedder("tea-2", 2, embed)
        self.memory.add(THREE)
        self.memory.embed()
        hits = self.memory.search("some tea", mode="vector", k=1)
        self.assertEqual((hits.vectors, hits[0]["id"]), ("used", "tea"))
        self.assertEqual({*asked}, {"document", "query"})
        self.assertEqual(embedder.failures, 0)
        self.assertIsNone(self.runtime.set_embedder(None))
        self.assertNotEqual(self.memory.search("tea").vectors, "unavailable")

    def test_a_function_that_fails_leaves_the_words(self):
        def embed(texts, purpose):
            raise ValueError("bad luck")
        for function in (embed, lambda texts, purpose: [1.0], lambda texts, purpose: None, lambda texts, purpose: "x"):
            embedder = self.runtime.set_embedder("broken", 4, function)
            self.memory.add(THREE)
            hits = self.memory.search("tea")
            self.assertEqual((hits.vectors, hits[0]["id"]), ("unavailable", "tea"))
            self.assertTrue(hits.message)
            self.assertTrue(embedder.failures and embedder.last_error)
        with self.assertRaises(tau.InvalidArgumentError) as caught:
            self.runtime.set_embedder("", 4, embed)
        self.assertEqual(caught.exception.reason, "invalid_embedder")
        with self.assertRaises(TypeError):
            self.runtime.set_embedder("x", 4, 7)

    def test_from_many_threads(self):
        self.runtime.set_embedder("tea-2", 2, lambda texts, purpose: [tea_vector(text) for text in texts])
        problems = []

        def work(number):
            try:
                for i in range(10):
                    self.memory.add({"id": f"{number}-{i}", "text": f"note {i} about tea"})
                    if not len(self.memory.search("tea")):
                        problems.append("nothing is found")
            except Exception as error:
                problems.append(error)
        threads = [threading.Thread(target=work, args=(number,)) for number in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        self.assertEqual(problems, [])

    def test_a_program_that_ends_with_an_embedder_ends_well(self):
        program = """
import tau
runtime = tau.Runtime()
runtime.set_embedder("two", 2, lambda texts, purpose: [[1.0, 0.0]] * len(texts))
memory = runtime.memory()
for i in range(100):
    memory.add(f"note {i}")
print(len(memory.search("note")))
"""
        done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, timeout=60, check=False)
        self.assertEqual((done.returncode, done.stdout, done.stderr), (0, "10\n", ""))


class Kept(unittest.TestCase):
    def test_a_home_keeps_them(self):
        with tempfile.TemporaryDirectory() as home:
            with tau.Runtime(home) as runtime:
                runtime.memory().add(THREE)
            with tau.Runtime(home) as runtime:
                self.assertEqual(runtime.memory().search("tea")[0]["id"], "tea")

    def test_what_was_closed_can_be_removed_at_once(self):
        for _ in range(10):
            with tempfile.TemporaryDirectory() as folder:
                with tau.Runtime(Path(folder) / "home") as runtime:
                    memory = runtime.memory()
                    memory.add(THREE)
                    memory.search("tea")
                    memory.close()
                self.assertFalse((Path(folder) / "home" / "tau.db-wal").exists())


class Async(AsyncCase):
    async def test_the_same_is_awaited(self):
        memory = self.runtime.memory().aio
        written = await memory.add(THREE)
        self.assertEqual(len(written), 3)
        hits = await memory.search("tea", k=1)
        self.assertEqual(hits[0]["id"], "tea")
        self.assertEqual([each["id"] async for each in memory.list(limit=2)], ["tea", "boat", "cat"])
        await memory.relate("tea", "boat")
        self.assertEqual((await memory.get("tea"))["relations"][0]["to"], "boat")
        await memory.unrelate("tea", "boat")
        await memory.forget("tea")
        await memory.restore("tea")
        self.assertEqual((await memory.stats())["memories"], 3)
        self.assertEqual((await memory.tree())["memories"], 3)
        self.assertEqual(await memory.purge("tea"), 1)
        with self.assertRaises(tau.NotFoundError):
            await memory.get("tea")

    async def test_a_folder_is_watched(self):
        memory = self.runtime.memory()
        with tempfile.TemporaryDirectory() as folder:
            (Path(folder) / "a.md").write_text("The kiosk opens at nine")
            watch = await memory.aio.watch(folder, quiet_ms=20)
            async for change in watch:
                self.assertEqual(change["path"], "a.md")
                break
            watch.close()
            self.assertEqual([change async for change in watch], [])
            async with await memory.aio.watch(folder, quiet_ms=20) as again:
                self.assertIn("state", again.state())
            self.assertEqual(memory.perform("watches")["watches"], [])

    async def test_many_at_once(self):
        memory = self.runtime.memory().aio
        await asyncio.gather(*(memory.add(f"note {i} about tea") for i in range(30)))
        found = await asyncio.gather(*(memory.search("tea", k=5) for _ in range(30)))
        self.assertEqual({len(hits) for hits in found}, {5})


if __name__ == "__main__":
    tap.main()
