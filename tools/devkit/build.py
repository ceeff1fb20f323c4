"""Configuring and building: the one place that knows the build folders and how Meson and Ninja are called."""

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
BUILD = ROOT / "build"


class ToolError(Exception):
    """A failure to report in one line, without a traceback."""


def run(command, check=True, **kwargs):
    """Runs a command in the root of the tree; standard input is closed, as it is in CI."""
    kwargs.setdefault("cwd", ROOT)
    kwargs.setdefault("stdin", subprocess.DEVNULL)
    try:
        done = subprocess.run([str(part) for part in command], check=False, **kwargs)
    except FileNotFoundError as error:
        raise ToolError(f"{command[0]}: not found; run tools/bootstrap") from error
    if check and done.returncode != 0:
        raise ToolError(f"{' '.join(str(part) for part in command)}: exit status {done.returncode}")
    return done


def _configured(folder, wanted):
    """True when `folder` was last configured from exactly these options and compilers."""
    try:
        stamp = json.loads((folder / ".options.json").read_text())
    except (OSError, ValueError):
        return False
    return stamp == wanted and (folder / "build.ninja").exists()


def configure(name, options, env=None, flags=()):
    """Sets up build/<name> with Meson options (a dict) and returns the folder. Cheap when nothing changed."""
    folder = BUILD / name
    env = env or {}
    wanted = [options, env, *flags]
    if _configured(folder, wanted):
        return folder
    flags = [*flags, *(f"-D{key}={value}" for key, value in options.items())]
    log = BUILD / f"{name}-configure.log"
    BUILD.mkdir(exist_ok=True)
    if folder.exists():
        shutil.rmtree(folder)
    with open(log, "w", encoding="utf-8") as sink:
        done = run(["meson", "setup", folder, *flags], check=False, stdout=sink, stderr=subprocess.STDOUT,
                   env={**os.environ, **env})
    if done.returncode != 0:
        sys.stdout.write(log.read_text(encoding="utf-8", errors="replace"))
        raise ToolError(f"meson setup failed (log: {log.relative_to(ROOT)})")
    (folder / ".options.json").write_text(json.dumps(wanted))
    return folder


def build(folder, targets=()):
    """Builds; shows a progress line on a terminal and nothing but failures elsewhere."""
    quiet = [] if sys.stdout.isatty() else ["--quiet"]
    sys.stdout.flush()
    # -k: show every broken file of one run, not the first alone.
    done = run(["ninja", "-C", folder, "-k", "20", *quiet, *targets], check=False)
    if done.returncode != 0:
        raise ToolError(f"the build in {folder.relative_to(ROOT)} failed")


def introspect(folder, what):
    """The parsed answer of `meson introspect --<what>`."""
    done = run(["meson", "introspect", folder, f"--{what}"], stdout=subprocess.PIPE)
    return json.loads(done.stdout)


def main_guard(main):
    """Runs `main(argv)`; a ToolError becomes one line on stderr and exit status 1."""
    try:
        sys.exit(main(sys.argv[1:]))
    except ToolError as error:
        print(f"error: {error}", file=sys.stderr)
        sys.exit(1)
    except KeyboardInterrupt:
        sys.exit(130)
