"""Reads facts out of the tree's own meson.build files; plain text, because a lint must not need a build folder."""

import re

from common import ROOT, read, tree_files

_COMMENT = re.compile(r"#[^\n]*")


def meson_files():
    return [path for path in tree_files() if path.name == "meson.build" and path.parts[0] != "subprojects"]


def code(path):
    """The text of a meson.build without its comments."""
    return _COMMENT.sub("", read(path))


def third_party_dependencies():
    """Names of the *_dep variables that the root file gets from outside, but for the C library's own parts."""
    text = code("meson.build")
    names = re.findall(r"^(\w+_dep) = (?:dependency|cxx\.find_library|cc\.find_library)\(", text, re.MULTILINE)
    return [name for name in names if name not in ("dl_dep", "thread_dep")]


def module_edges():
    """module -> sorted modules that its meson.build links, for each folder of lib/."""
    edges = {}
    for path in meson_files():
        if path.parts[0] == "lib" and len(path.parts) == 3:
            used = set(re.findall(r"\btau_(\w+)_dep\b", code(path))) - {path.parts[1]}
            edges[path.parts[1]] = sorted(used)
    return edges


def listed_sources():
    """Every source file named in some meson.build, as paths relative to the root."""
    listed = set()
    for path in meson_files():
        for name in re.findall(r"'([^'\n]+\.(?:cpp|cc|c))'", code(path)):
            full = (ROOT / path.parent / name).resolve()
            if full.is_relative_to(ROOT):
                listed.add(str(full.relative_to(ROOT)))
    return listed
