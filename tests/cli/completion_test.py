"""Completion scripts and manual pages: what the shells and man make of them."""

import os
import pty
import select
import shutil
import signal
import subprocess
import time
from pathlib import Path

from support import PROGRAM, CliCase, scripted, tap, turn

COMMANDS = ["access", "approvals", "audit", "auth", "backup", "chat", "completion", "config", "doctor", "help", "identity", "init", "man",
            "memory", "models", "policy", "prune", "replay", "restore", "route", "run", "scan", "sessions", "usage", "vault", "verify", "version"]


class Terminal:
    """A program on a terminal of its own."""

    def __init__(self, command, folder, environment):
        self.pid, self.fd = pty.fork()
        if self.pid == 0:
            os.chdir(folder)
            os.execvpe(command[0], command, environment)
        self.text = ""

    def write(self, text):
        os.write(self.fd, text.encode())

    def wait_for(self, wanted):
        """Reads on until `wanted` is shown; only what comes after it is looked at next."""
        end = time.monotonic() + 60
        while wanted not in self.text:
            if not select.select([self.fd], [], [], max(0, end - time.monotonic()))[0]:
                raise AssertionError(f"{wanted!r} is not shown: {self.text!r}")
            self.text += os.read(self.fd, 4096).decode(errors="replace")
        self.text = self.text.split(wanted, 1)[1]

    def close(self):
        os.kill(self.pid, signal.SIGKILL)
        os.waitpid(self.pid, 0)
        os.close(self.fd)


class Completion(CliCase):
    def shell(self, name, script):
        if shutil.which(name) is None:
            self.skipTest(f"{name} is not installed")
        path = self.environment()["PATH"]
        done = subprocess.run([name, "-c", script], cwd=self.workspace, capture_output=True, text=True, timeout=60,
                              env=self.environment(PATH=f"{self.folder}:{path}"), check=False)
        self.assertEqual((done.returncode, done.stderr), (0, ""), done.stdout)
        return done.stdout

    def setUp(self):
        super().setUp()
        (self.folder / "tau").symlink_to(PROGRAM)
        (self.workspace / "folder").mkdir()
        self.tau("run", "hello", "-s", "my-session", *scripted(turn("x")))

    def bash(self, *words):
        quoted = " ".join(f"'{word}'" for word in words)
        out = self.shell("bash", f"""eval "$(tau completion bash)"
            COMP_WORDS=(tau {quoted}); COMP_CWORD={len(words)}; _tau; printf '%s\\n' "${{COMPREPLY[@]}}" """)
        return out.split()

    def fish(self, line):
        out = self.shell("fish", f"tau completion fish | source; complete -C '{line}'")
        return [row.split("\t")[0] for row in out.splitlines()]

    def test_bash(self):
        self.assertEqual(sorted(word for word in self.bash("") if not word.startswith("-")), COMMANDS)
        self.assertEqual(self.bash("se"), ["sessions"])
        self.assertEqual(self.bash("sessions", "s"), ["show"])
        self.assertEqual(self.bash("sessions", "show", ""), ["my-session"])
        self.assertEqual(self.bash("run", "--session", "my"), ["my-session"])
        self.assertEqual(self.bash("run", "--works"), ["--workspace"])
        self.assertEqual(self.bash("run", "--workspace", ""), ["folder"])
        self.assertEqual(self.bash("run", "--max-turns", ""), [])
        self.assertEqual(self.bash("completion", "f"), ["fish"])

    def test_fish(self):
        self.assertIn("sessions", self.fish("tau se"))
        self.assertEqual(self.fish("tau sessions sh"), ["show"])
        self.assertEqual(self.fish("tau sessions show my"), ["my-session"])
        self.assertEqual(self.fish("tau run --works"), ["--workspace"])
        self.assertEqual(self.fish("tau completion z"), ["zsh"])

    def test_zsh(self):
        if shutil.which("zsh") is None:
            self.skipTest("zsh is not installed")
        zsh = Terminal(["zsh", "-f", "-i"], self.workspace,
                       self.environment(PATH=f"{self.folder}:{self.environment()['PATH']}", TERM="dumb"))
        self.addCleanup(zsh.close)
        zsh.write('PS1=; autoload -U compinit; compinit -u -D; eval "$(tau completion zsh)"; echo "re"ady\n')
        zsh.wait_for("ready")
        for typed, shown in (("tau sess\t", "tau sessions"), ("sh\t", "show"), ("my\t", "my-session")):
            zsh.write(typed)
            zsh.wait_for(shown)

    def test_another_shell(self):
        self.assertIn("bash, zsh, fish", self.tau("completion", "csh", code=2)[1])


class ManualPages(CliCase):
    def test_every_command_has_a_page_without_faults(self):
        pages = {"": self.tau("man")[0]}
        for name in COMMANDS:
            if name != "help":
                pages[name] = self.tau("man", name)[0]
        for name, page in pages.items():
            self.assertIn(".SH NAME\ntau", page)
            if shutil.which("mandoc") is None:
                continue
            lint = subprocess.run(["mandoc", "-T", "lint", "-W", "error"], input=page, capture_output=True, text=True,
                                  check=False)
            self.assertEqual((lint.returncode, lint.stdout), (0, ""), name)

    def test_pages_say_what_help_says(self):
        page = self.tau("man", "run")[0].replace("\\-", "-")
        for line in self.tau("run", "--help")[0].splitlines():
            if line.startswith("  -"):
                option = line.split()[0].split(",")[-1]
                self.assertIn(option, page)

    def test_the_build_makes_them_all(self):
        built = {path.name for path in Path(PROGRAM).parent.glob("*.1")}
        self.assertEqual(built, {"tau.1"} | {f"tau-{name}.1" for name in COMMANDS if name != "help"})

    def test_an_unknown_command(self):
        self.assertIn("nothing", self.tau("man", "nothing", code=2)[1])


if __name__ == "__main__":
    tap.main()
