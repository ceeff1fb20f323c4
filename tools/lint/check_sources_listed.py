"""Every source file is part of some target: a .cpp that no meson.build names is dead or forgotten."""

from common import cpp_files, finish
from meson_files import listed_sources

FOLDERS = ("lib", "capi", "tests", "bench", "fuzz", "examples")


def main():
    listed = listed_sources()
    sources = [path for path in cpp_files(*FOLDERS) if path.suffix in (".c", ".cc", ".cpp")]
    findings = [f"{path}:1: in no meson.build" for path in sources if str(path) not in listed]
    finish(findings, f"{len(sources)} source files are in the build")


if __name__ == "__main__":
    main()
