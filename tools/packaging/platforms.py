"""The machines that packages are made for: this one, and others with a cross compiler and a root of Debian's packages."""

import dataclasses
import platform
from pathlib import Path

import debian
from build import ToolError

NPM_NAMES = {"x86_64": "x64", "aarch64": "arm64"}  # uname -> npm
_DEBIAN_NAMES = {"aarch64": "arm64"}
LIBRARIES = ["libcurl4-openssl-dev", "libfmt-dev", "libnghttp2-14", "libre2-dev", "libsimdjson-dev", "libsodium-dev",
             "libsqlite3-dev", "libssl-dev", "libtomlplusplus-dev", "libxxhash-dev", "zlib1g-dev"]
# Who runs the results, in tests: Python, Node, and an emulator that knows openat2, which Debian 12's own does not.
_INTERPRETERS = ["libpython3.11-stdlib", "nodejs", "python3.11-minimal"]
_EMULATORS = ["qemu-user"]
_CROSS_FILE = """\
[binaries]
c = ['ccache', '{prefix}gcc', '--sysroot={root}']
cpp = ['ccache', '{prefix}g++', '--sysroot={root}']
ar = '{prefix}ar'
nm = '{prefix}nm'
objcopy = '{prefix}objcopy'
strip = '{prefix}strip'
pkgconfig = 'pkg-config'
[properties]
sys_root = '{root}'
pkg_config_libdir = ['{root}/usr/lib/{triplet}/pkgconfig', '{root}/usr/share/pkgconfig']
[host_machine]
system = 'linux'
cpu_family = '{machine}'
cpu = '{machine}'
endian = 'little'
"""


@dataclasses.dataclass
class Platform:
    """How to build for a machine. `root` is where its libraries and their licences are."""

    machine: str
    root: Path = Path("/")
    prefix: str = ""
    meson: tuple = ()
    cmake: dict = dataclasses.field(default_factory=dict)

    @property
    def npm(self):
        return NPM_NAMES[self.machine]

    @property
    def library_path(self):
        return ":".join(str(self.root / folder / f"{self.machine}-linux-gnu") for folder in ("usr/lib", "lib"))

    def tool(self, name):
        return f"{self.prefix}{name}"


def native():
    machine = platform.machine()
    if machine not in NPM_NAMES:
        raise ToolError(f"packages are made for {', '.join(NPM_NAMES)}, not for {machine}")
    return Platform(machine)


def _root(machine, folder):
    """A root with the libraries of `machine`, made unless it is there."""
    root = folder / "root"
    if not root.exists():
        unfinished = folder / "root.unfinished"
        unfinished.mkdir(parents=True, exist_ok=True)
        packages = debian.Packages(folder / "apt", architecture=_DEBIAN_NAMES[machine])
        packages.unpack_all(unfinished, "libstdc++-12-dev", *LIBRARIES, *_INTERPRETERS)
        unfinished.rename(root)
    return root


def emulator(machine, folder):
    """A command that runs programs of `machine`."""
    program = folder / "emulator" / "usr" / "bin" / f"qemu-{machine}"
    if not program.exists():
        debian.Packages(folder / "apt-emulator", suite_suffix="-backports").unpack(folder / "emulator", *_EMULATORS)
    return [program, "-L", folder / "root"]


def cross(machine, folder):
    if machine == platform.machine():
        return native()
    if machine not in _DEBIAN_NAMES:
        raise ToolError(f"packages for {machine} are made on {machine} alone")
    root = _root(machine, folder)
    triplet = f"{machine}-linux-gnu"
    prefix = f"{triplet}-"
    cross_file = folder / "meson.ini"
    cross_file.write_text(_CROSS_FILE.format(prefix=prefix, root=root, triplet=triplet, machine=machine), encoding="utf-8")
    cmake = {"CMAKE_SYSTEM_NAME": "Linux", "CMAKE_SYSTEM_PROCESSOR": machine, "CMAKE_C_COMPILER": f"{prefix}gcc",
             "CMAKE_SYSROOT": root, "CMAKE_LIBRARY_ARCHITECTURE": triplet, "CMAKE_FIND_ROOT_PATH_MODE_PROGRAM": "NEVER"}
    return Platform(machine, root, prefix, ("--cross-file", str(cross_file)), cmake)
