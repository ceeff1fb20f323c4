"""A Meson project that takes libtau as a subproject, as a shared library and as an archive."""

import shutil

from support import ROOT, EndToEnd, tap


class Subproject(EndToEnd):
    def configured(self, library):
        project = self.folder / "project"
        (project / "subprojects").mkdir(parents=True)
        (project / "subprojects" / "libtau").symlink_to(ROOT)
        shutil.copy(ROOT / "examples" / "hello_cpp" / "hello.cpp", project)
        (project / "meson.build").write_text(
            "project('client', 'cpp', default_options: 'cpp_std=c++17')\n"
            "executable('hello', 'hello.cpp', dependencies: dependency('libtau', fallback: 'libtau'))\n")
        build = self.folder / "build"
        self.run_command(["meson", "setup", f"-Ddefault_library={library}", build, project])
        return build


class Compiled(Subproject):
    """The program's own file alone: what a subproject builds is what every other test runs."""

    def test_shared_and_static(self):
        for library in ("shared", "static"):
            with self.subTest(library):
                self.run_command(["ninja", "-C", self.configured(library), "hello.p/hello.cpp.o"])
                shutil.rmtree(self.folder / "project")
                shutil.rmtree(self.folder / "build")


class Linked(Subproject):
    """The whole of it."""

    def build_and_run(self, library):
        build = self.configured(library)
        self.run_command(["ninja", "-C", build, "hello"], timeout=3600)
        self.assertIn("It is 21 degrees.", self.run_command([build / "hello"])[0])

    def test_shared(self):
        self.build_and_run("shared")

    def test_static(self):
        self.build_and_run("static")


if __name__ == "__main__":
    tap.main()
