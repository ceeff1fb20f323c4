"""Packages of the distribution that are not to be installed: sources, those of another machine, those of another suite."""

import os
import re
import shutil
import subprocess
from pathlib import Path

from build import ToolError, run

_APT = Path("/etc/apt")


def _deb822(text):
    for paragraph in re.split(r"\n\s*\n", re.sub(r"^#.*\n?", "", text, flags=re.M)):
        fields = {key.lower(): " ".join(value.split())
                  for key, value in re.findall(r"^([\w-]+):[ \t]*((?:.*\n?)(?:[ \t].*\n?)*)", paragraph, re.M)}
        if "uris" in fields and fields.get("enabled", "yes") != "no":
            signed = fields.get("signed-by", "")
            options = f"[signed-by={signed}] " if signed.startswith("/") else ""
            for uri in fields["uris"].split():
                for suite in fields["suites"].split():
                    yield options, uri, suite, fields.get("components", "")


def _one_line(text):
    for line in re.findall(r"^\s*deb\s+(.*)$", text, re.M):
        options, uri, suite, components = re.fullmatch(r"(\[[^]]*\]\s+)?(\S+)\s+(\S+)\s*(.*)", line).groups()
        yield options or "", uri, suite, components


def _configured():
    """What the machine takes packages from: (options, URI, suite, components)."""
    for path in [*sorted((_APT / "sources.list.d").glob("*.sources")), *sorted((_APT / "sources.list.d").glob("*.list")),
                 _APT / "sources.list"]:
        if path.exists():
            yield from (_deb822 if path.suffix == ".sources" else _one_line)(path.read_text(encoding="utf-8"))


def _of_debian(entry):
    return re.search(r"/debian(-security)?/?$", entry[1])


def _list_of(kind, suite_suffix):
    entries = list(_configured())
    if kind == "deb":
        entries = [entry for entry in entries if _of_debian(entry)]
    if suite_suffix:
        plain = [entry for entry in entries if re.fullmatch(r"[a-z]+", entry[2]) and not entry[1].rstrip("/").endswith("-security")]
        entries = [(options, uri, suite + suite_suffix, components) for options, uri, suite, components in plain[:1]]
    if not entries:
        raise ToolError("no package sources of Debian were found in /etc/apt")
    return "".join(f"{kind} {options}{uri} {suite} {components}\n" for options, uri, suite, components in entries)


class Packages:
    """A view of the distribution of its own, in `folder`; the system's packages are neither asked nor changed."""

    def __init__(self, folder, kind="deb", architecture=None, suite_suffix=""):
        self.folder = folder
        for name in ("lists/partial", "archives/partial", "sources.list.d"):
            (folder / name).mkdir(parents=True, exist_ok=True)
        (folder / "status").touch()
        (folder / "sources.list.d" / "tau.list").write_text(_list_of(kind, suite_suffix), encoding="utf-8")
        settings = {"Dir::Etc::sourceparts": folder / "sources.list.d", "Dir::Etc::sourcelist": "-",
                    "Dir::State::lists": folder / "lists", "Dir::State::status": folder / "status", "Dir::Cache": folder,
                    "Dir::Cache::archives": folder / "archives", "Debug::NoLocking": "1", "APT::Sandbox::User": "root",
                    "APT::Install-Recommends": "0"}
        if architecture:
            settings |= {"APT::Architecture": architecture, "APT::Architectures::": architecture}
        self._options = ["-qq", *(word for key, value in settings.items() for word in ("-o", f"{key}={value}"))]
        self._apt("update")

    def _apt(self, *words, cwd=None):
        done = run(["apt-get", *self._options, *words], check=False, cwd=cwd or self.folder, stdout=subprocess.PIPE,
                   stderr=subprocess.STDOUT, text=True, env={**os.environ, "DEBIAN_FRONTEND": "noninteractive"})
        if done.returncode != 0:
            raise ToolError(f"apt-get {' '.join(words)}: exit status {done.returncode}\n{done.stdout}")

    def _unpack(self, root):
        for archive in sorted((self.folder / "archives").glob("*.deb")):
            run(["dpkg-deb", "-x", archive, root])
        shutil.rmtree(self.folder / "archives")

    def unpack(self, root, *names):
        """Those packages alone, unpacked below `root`."""
        self._apt("download", *names, cwd=self.folder / "archives")
        self._unpack(root)

    def unpack_all(self, root, *names):
        """Those packages and all that they need, unpacked below `root`."""
        self._apt("install", "--download-only", "-y", *names)
        self._unpack(root)

    def source(self, name):
        """The unpacked source of a package, with the distribution's patches."""
        place = self.folder / name
        shutil.rmtree(place, ignore_errors=True)
        place.mkdir()
        self._apt("source", "--download-only", name, cwd=place)
        run(["dpkg-source", "--no-check", "-x", next(place.glob("*.dsc")), place / "source"], cwd=place,
            stdout=subprocess.DEVNULL)
        return place / "source"
