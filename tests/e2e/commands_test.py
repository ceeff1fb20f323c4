"""Every command that a document shows runs as it stands there.

Blocks marked `sh` are run by bash, in the order of the page, in a project of the user's with an empty home; `tau` is in
PATH, and `build` and `examples` are those of this tree; those marked `sh installed` have an installed copy too. Blocks
marked `sh node` need the Node package; those marked `sh build` install or build and are not run here: their first words must be tools of this tree.
"""

import os
import re
import unittest

from support import BUILD, ROOT, EndToEnd, tap

FENCE = re.compile(r"^```([^\n]*)\n(.*?)^```", re.DOTALL | re.MULTILINE)
PAGES = [ROOT / "README.md", ROOT / "CONTRIBUTING.md", *sorted((ROOT / "docs").glob("*.md"))]


def blocks():
    for page in PAGES:
        for kind, text in FENCE.findall(page.read_text(encoding="utf-8")):
            yield page, kind.strip(), text


class Commands(EndToEnd):
    def project(self, name):
        """A folder under version control with an edit that is not committed."""
        folder = self.folder / name
        folder.mkdir()
        for tree, target in (("build", BUILD), ("examples", ROOT / "examples")):
            (folder / tree).symlink_to(target)
        (folder / "README.md").write_text("# Harbour\nThis project keeps the tide tables of a harbour.\n")
        (folder / ".gitignore").write_text("/build\n/examples\n")
        identity = ["-c", "user.name=n", "-c", "user.email=n@localhost"]
        for command in (["init", "-q"], ["add", "."], [*identity, "commit", "-qm", "Begin"]):
            self.run_command(["git", *command], cwd=folder)
        (folder / "README.md").write_text("# Harbour\nThis project keeps the tide tables of two harbours.\n")
        return folder

    def test_shell_blocks_run(self):
        # The offline model: no key, and no model server that may run on this machine.
        path = f"{BUILD / 'examples' / 'cli'}:{os.environ['PATH']}"
        user = {"PATH": path, "TAU_MODEL": "offline/offline"}
        kinds = {"sh": user, "sh installed": {**user, **self.of_installed(*self.install())}}
        if (BUILD / "bindings" / "node" / "libtau" / "libtau.node").exists():
            kinds["sh node"] = user
        projects = {}
        for page, kind, text in blocks():
            if kind not in kinds:
                continue
            with self.subTest(page=page.name, text=text):
                cwd = projects.get(page) or projects.setdefault(page, self.project(page.stem))
                self.run_command(["bash", "-euo", "pipefail", "-c", text], cwd=cwd, **kinds[kind],
                                 TAU_HOME=str(cwd / ".tau-home"))
        self.assertLessEqual({ROOT / "docs" / f"{name}.md" for name in ("cli", "embedding", "python")}, set(projects))

    def test_named_options_exist(self):
        tau = BUILD / "examples" / "cli" / "tau"
        helps = ""
        for words in ("run", "chat", "replay", "init", "models", "doctor", "backup", "restore", "verify", "prune",
                      "completion", "man", "scan", "usage", "config show", *(f"sessions {name}" for name in (
                "list", "show", "export", "fork", "resume", "rm")), *(f"audit {name}" for name in (
                "verify", "tail", "summary", "head")), *(f"vault {name}" for name in (
                "init", "list", "put", "update", "get", "expire", "revoke", "rm", "add-key", "rm-key", "rotate", "import",
                "check")), *(f"identity {name}" for name in (
                "new", "list", "show", "rotate", "prove", "verify", "sign-card", "verify-card", "resolve")),
                      *(f"access {name}" for name in ("check", "explain", "lint")),
                      *(f"memory {name}" for name in (
                "add", "search", "show", "list", "relate", "unrelate", "forget", "restore", "purge", "tree", "graph", "path", "ingest", "export",
                "import", "stats", "maintain", "extract", "consolidate", "model", "model install")),
                      *(f"auth {name}" for name in ("login", "logout", "refresh", "status")),
                      *(f"approvals {name}" for name in ("list", "show", "approve", "deny")),
                      *(f"models {name}" for name in ("list", "show")),
                      *(f"route {name}" for name in ("list", "test")),
                      *(f"policy {name}" for name in ("presets", "show", "check"))):
            helps += self.run_command([tau, *words.split(), "--help"])[0]
        shown = set(re.findall(r"--[a-z][a-z-]*", (ROOT / "docs" / "cli.md").read_text(encoding="utf-8")))
        self.assertLess({"--allow", "--stdio"}, shown)
        self.assertEqual(sorted(shown - set(re.findall(r"--[a-z][a-z-]*", helps))), [])

    def test_building_blocks_name_tools(self):
        for page, kind, text in blocks():
            for line in text.splitlines() if kind == "sh build" else ():
                with self.subTest(page=page.name, line=line):
                    word = line.split()[0]
                    self.assertTrue(word in ("meson", "ninja", "npm", "pip") or (ROOT / word).is_file(), word)

    def test_no_block_goes_unmarked(self):
        known = {"c", "cmake", "cpp", "js", "json", "mermaid", "python", "sh", "sh build", "sh installed", "sh node",
                 "text", "toml"}
        self.assertEqual([(page.name, kind) for page, kind, _ in blocks() if kind not in known], [])

    def test_configuration_is_accepted(self):
        for page, kind, text in blocks():
            if kind != "toml":
                continue
            with self.subTest(page=page.name, text=text):
                home = self.folder / f"home-{abs(hash(text))}"
                home.mkdir(mode=0o700)
                (home / "tau.toml").write_text(text)
                self.run_command([BUILD / "examples" / "cli" / "tau", "config", "show"], TAU_HOME=str(home))


if __name__ == "__main__":
    tap.main()
