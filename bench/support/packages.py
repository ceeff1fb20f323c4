"""Packages of npm and PyPI that a benchmark compares with: taken into build/ at the first use, in the versions of its lock
files, whose hashes are checked. Nothing of libtau needs them."""

import hashlib
import shutil
import subprocess

NODE_LOCKS = ("package.json", "package-lock.json")
PYTHON_LOCK = "python.lock"


def _installed(here, folder, locks, install):
    """Calls install() unless it has succeeded with these files before."""
    stamp = folder / ".installed"
    digest = hashlib.sha256(b"".join((here / lock).read_bytes() for lock in locks)).hexdigest()
    if not stamp.exists() or stamp.read_text() != digest:
        print(f"installing packages into {folder}", flush=True)
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir(parents=True)
        install()
        stamp.write_text(digest)


def node_folder(here, cache):
    """A folder in which Node finds the packages that the lock files in `here` name."""
    folder = cache / "node"

    def install():
        for lock in NODE_LOCKS:
            shutil.copy(here / lock, folder)
        subprocess.run(["npm", "ci", "--ignore-scripts", "--no-audit", "--no-fund", "--loglevel", "error"], cwd=folder,
                       check=True)
    _installed(here, folder, NODE_LOCKS, install)
    return folder


def python_inside(here, cache, python):
    """The Python of an environment with the packages that the lock file in `here` names."""
    folder = cache / "python"
    inside = folder / "bin" / "python"

    def install():
        subprocess.run([python, "-m", "venv", folder], check=True)
        subprocess.run([inside, "-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--require-hashes",
                        "--only-binary", ":all:", "-r", here / PYTHON_LOCK], check=True)
    _installed(here, folder, (PYTHON_LOCK,), install)
    return inside
