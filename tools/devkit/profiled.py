"""Releases that are optimised by what libtau does: a first build counts while the benchmarks run, a second one uses the
counts. Hot code is laid out together and inlined, the rest is built small. Needs GCC and a machine that runs what it builds."""

import hashlib
import json
import os
import subprocess

from build import BUILD, ROOT, ToolError, build, configure, introspect, run

TRAINING = ("egress", "json", "monitor", "observe", "run", "safety", "store", "wire")
# All that ran counts as hot. As GCC has it, that is what makes up 99 % of what was counted: loops over megabytes of text,
# and of a run of an agent almost nothing.
_HOT = "--param=hot-bb-count-ws-permille=1000"
_STAMP = ".profile.json"
_COUNTED = ("bench", "capi", "include", "lib", "meson.build", "meson_options.txt")


def _is_gcc():
    done = run([*os.environ.get("CXX", "c++").split(), "--version"], stdout=subprocess.PIPE, text=True)
    return "Free Software Foundation" in done.stdout


def _sources():
    """A digest of all that the counts belong to."""
    digest = hashlib.sha256()
    for name in _COUNTED:
        place = ROOT / name
        for path in sorted(place.rglob("*")) if place.is_dir() else [place]:
            if path.is_file():
                digest.update(f"{path.relative_to(ROOT)}\0{path.stat().st_size}\0".encode() + path.read_bytes())
    return digest.hexdigest()


def _train(folder):
    programs = {target["name"]: target["filename"][0] for target in introspect(folder, "targets") if target["type"] == "executable"}
    chosen = [programs[f"bench_{name}"] for name in TRAINING]
    build(folder, [os.path.relpath(program, folder) for program in chosen])
    for program in chosen:
        run([program, "--quick"], cwd=folder, stdout=subprocess.DEVNULL)
    if next(folder.rglob("*.gcda"), None) is None:
        raise ToolError(f"the benchmarks of {folder.relative_to(ROOT)} counted nothing")


def configure_profiled(name, options):
    """As build.configure(), in two passes; without GCC in one, and without counts. Trains anew when the library has changed."""
    if not _is_gcc():
        return configure(name, options)
    folder, stamp = BUILD / name, {"options": options, "sources": _sources()}
    try:
        if json.loads((folder / _STAMP).read_text(encoding="utf-8")) == stamp:
            return folder
    except (OSError, ValueError):
        pass
    counting = {**options, "benchmarks": "enabled", "b_pgo": "generate", "c_args": "-fprofile-update=atomic",
                "cpp_args": "-fprofile-update=atomic"}
    (folder / ".options.json").unlink(missing_ok=True)  # counts of another build are none of this one
    configure(name, counting)
    _train(folder)
    args = f"-fprofile-correction -Wno-missing-profile {_HOT}"
    using = {**options, "b_pgo": "use", "c_args": args, "cpp_args": args}
    run(["meson", "configure", folder, *(f"-D{key}={value}" for key, value in using.items())], stdout=subprocess.DEVNULL)
    (folder / _STAMP).write_text(json.dumps(stamp), encoding="utf-8")
    return folder
