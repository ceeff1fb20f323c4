"""Programs of users in C and C++, built against an installed copy by CMake and pkg-config."""

import os
import re
import shutil
import unittest

from support import ROOT, EndToEnd, tap

HELLO = {"hello.c": ROOT / "examples" / "hello_c" / "hello.c", "hello.cpp": ROOT / "examples" / "hello_cpp" / "hello.cpp"}
SAID = "It is 21 degrees."
STRICT = ["-std=c++17", "-Wall", "-Wextra", "-Wpedantic", "-Wshadow", "-Wconversion", "-Werror"]


def block(page, kind):
    """The first code block of that kind in a document."""
    text = (ROOT / page).read_text(encoding="utf-8")
    return re.search(rf"^```{kind}\n(.*?)^```", text, re.DOTALL | re.MULTILINE)[1]


class Installed(EndToEnd):
    def setUp(self):
        super().setUp()
        self.stage, self.prefix = self.install()
        self.environment_of_copy = self.of_installed(self.stage, self.prefix)

    def pkg_config_builds(self, source):
        flags = self.run_command(["pkg-config", "--cflags", "--libs", "libtau"], **self.environment_of_copy)[0].split()
        program = self.folder / "program"
        self.run_command([*os.environ.get("CXX", "c++").split(), *STRICT, source, *flags, "-o", program])
        return self.run_command([program], TAU_MODEL="offline/offline", **self.environment_of_copy)[0]

    def test_a_cpp_program_with_pkg_config(self):
        self.assertIn(SAID, self.pkg_config_builds(HELLO["hello.cpp"]))

    def test_the_cpp_example_of_the_readme(self):
        source = self.folder / "readme.cpp"
        source.write_text(block("README.md", "cpp"), encoding="utf-8")
        self.assertIn("built-in offline model", self.pkg_config_builds(source))

    def cmake_project(self, text):
        folder = self.folder / "project"
        folder.mkdir(exist_ok=True)
        (folder / "CMakeLists.txt").write_text(text, encoding="utf-8")
        for name, source in HELLO.items():
            shutil.copy(source, folder / name)
        return folder

    @unittest.skipUnless(shutil.which("cmake"), "cmake is not installed")
    def test_c_and_cpp_programs_with_cmake(self):
        """The project of docs/embedding.md, against a copy that was moved after its installation."""
        moved = self.prefix.rename(self.folder / "moved")
        build = self.folder / "cmake"
        project = self.cmake_project(block("docs/embedding.md", "cmake"))
        self.run_command(["cmake", "-S", project, "-B", build, f"-DCMAKE_PREFIX_PATH={moved}"])
        self.run_command(["cmake", "--build", build])
        for program in ("hello_c", "hello_cpp"):
            self.assertIn(SAID, self.run_command([build / program])[0])

    @unittest.skipUnless(shutil.which("cmake"), "cmake is not installed")
    def test_cmake_takes_only_the_minor_version_asked_for(self):
        fits = {"": "1", "0": "1", "0.1": "1", "0.1.0 EXACT": "1", "0.0": "0", "0.1.1": "0", "0.2": "0", "1": "0"}
        project = self.cmake_project("cmake_minimum_required(VERSION 3.16)\nproject(asking C)\n" + "".join(
            f"find_package(libtau {version} QUIET)\nmessage(STATUS \"<{version}> ${{libtau_FOUND}}\")\n"
            for version in fits))
        out, _ = self.run_command(["cmake", "-S", project, "-B", self.folder / "asking",
                                   f"-DCMAKE_PREFIX_PATH={self.prefix}"])
        self.assertEqual(dict(re.findall(r"^-- <(.*)> (\d)$", out, re.MULTILINE)), fits)


if __name__ == "__main__":
    tap.main()
