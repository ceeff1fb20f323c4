"""Each third-party dependency of the root meson.build serves exactly one module, and docs/dependencies.md has its row."""

import re

from common import ROOT, finish, read
from meson_files import code, meson_files, third_party_dependencies

_TEST_FOLDERS = ("tests", "bench", "fuzz")


def _users(name):
    """The places outside the test folders that name the dependency, as "lib/<module>" or "examples/<host>"."""
    pattern = re.compile(rf"\b{name}\b")
    users, test_users = set(), set()
    for path in meson_files():
        if len(path.parts) > 1 and pattern.search(code(path)):
            (test_users if path.parts[0] in _TEST_FOLDERS else users).add("/".join(path.parent.parts[:2]))
    if re.search(rf"^test_deps = .*\b{name}\b", code("tests/meson.build"), re.MULTILINE):
        test_users.add("tests")
    return users, test_users


def main():
    findings = []
    page = ROOT / "docs" / "dependencies.md"
    rows = read("docs/dependencies.md") if page.exists() else ""
    names = third_party_dependencies()
    for name in names:
        users, test_users = _users(name)
        if len(users) > 1:
            findings.append(f"meson.build: {name} is used by {', '.join(sorted(users))}; give it one owner")
        elif not users and not test_users:
            findings.append(f"meson.build: {name} is used by nothing; remove it")
        if f"`{name}`" not in rows:
            findings.append(f"docs/dependencies.md: no row for `{name}`")
    finish(findings, f"{len(names)} dependencies, one owner each")


if __name__ == "__main__":
    main()
