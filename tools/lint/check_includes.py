"""Holds the layering: which module includes which, faces only, third-party headers in one place."""

import re

from common import cpp_files, finish, read
from layers import DOORS, LAYER_OF, TEST_ONLY, THIRD_PARTY, may_include

_INCLUDE = re.compile(r'^\s*#\s*include\s*([<"])([^">]+)[">]')


def _includes(path):
    for number, line in enumerate(read(path).splitlines(), 1):
        found = _INCLUDE.match(line)
        if found:
            yield number, found.group(2)


def _module_of(path):
    return path.parts[1] if path.parts[0] == "lib" and len(path.parts) > 2 else None


def _third_party_fault(path, header):
    first = header.split("/")[0]
    folder = "/".join(path.parts[:2])
    if first in THIRD_PARTY:
        # Benchmarks and tests run the wrapped library side by side, as the reference of a ratio or as an oracle.
        owner = THIRD_PARTY[first]
        if folder not in (owner, owner.replace("lib/", "tests/")) and path.parts[0] != "bench":
            return f"<{header}> belongs to {owner} alone; use that module's face"
        if path.parts[0] == "lib" and path.stem == path.parts[1] and path.suffix == ".h" and path.parts[1] != "base":
            return f"<{header}> in the face of {path.parts[1]}; keep it in a .cpp or private header"
    if first in TEST_ONLY and path.parts[0] != TEST_ONLY[first]:
        return f"<{header}> may be included below {TEST_ONLY[first]}/ only"
    return None


def _face_fault(module, user, header):
    """Every header of base is public; other modules show one."""
    if module == "base" or header == f"{module}/{module}.h":
        return None
    return f'"{header}" is private to {module}; include "{module}/{module}.h"' if user != module else None


def _module_fault(path, header):
    module = header.split("/")[0]
    if "/" not in header or module not in LAYER_OF:
        return None
    user, top = _module_of(path), path.parts[0]
    if user is not None:
        if user not in LAYER_OF:
            return f"module {user} has no row in tools/lint/layers.py"
        if not may_include(user, module):
            return f'{user} may not include "{header}": {module} is not below it'
        return _face_fault(module, user, header)
    if top in DOORS:
        if module not in DOORS[top]:
            return f'{top} may not include "{header}" (allowed: {", ".join(DOORS[top]) or "the public API"})'
        return _face_fault(module, top, header)
    if top == "include":
        return f'a public header includes "{header}"'
    return None  # tests, bench and fuzz see private headers: they pin internals


def main():
    findings, count = [], 0
    for path in cpp_files():
        count += 1
        for number, header in _includes(path):
            for fault in (_third_party_fault(path, header), _module_fault(path, header)):
                if fault:
                    findings.append(f"{path}:{number}: {fault}")
    finish(findings, f"the includes of {count} files follow the layers")


if __name__ == "__main__":
    main()
