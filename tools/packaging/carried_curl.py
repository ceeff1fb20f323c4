"""Builds the libcurl that packages carry: HTTP/1.1, HTTP/2 and TLS, with nghttp2, OpenSSL and zlib inside, nothing
exported but curl's own functions. From the distribution's sources, with its security patches."""

import debian
from build import ToolError, run

NAME = "libcurl-tau.so.4"


def _cmake(source, build, **settings):
    flags = [f"-D{key}={value}" for key, value in settings.items()]
    log = open(f"{build}.log", "w", encoding="utf-8")
    with log:
        for command in (["cmake", "-S", source, "-B", build, "-DCMAKE_BUILD_TYPE=MinSizeRel", *flags],
                        ["cmake", "--build", build, "--parallel", "2"], ["cmake", "--install", build]):
            if run(command, check=False, stdout=log, stderr=log).returncode != 0:
                raise ToolError(f"{' '.join(map(str, command))} failed (log: {log.name})")


def make(target, folder):
    """The library for a platform, made in `folder` unless it is there."""
    library = folder / NAME
    if library.exists():
        return library
    folder.mkdir(parents=True, exist_ok=True)
    nghttp2, curl = folder / "nghttp2-installed", folder / "curl-installed"
    sources = debian.Packages(folder / "apt", kind="deb-src")
    _cmake(sources.source("nghttp2"), folder / "nghttp2-build", **target.cmake, ENABLE_LIB_ONLY="ON", ENABLE_STATIC_LIB="ON",
           ENABLE_SHARED_LIB="OFF", CMAKE_POSITION_INDEPENDENT_CODE="ON", CMAKE_INSTALL_PREFIX=nghttp2,
           CMAKE_INSTALL_LIBDIR="lib")
    # No trust store is built in: libtau looks where the distributions keep theirs.
    _cmake(sources.source("curl"), folder / "curl-build", **target.cmake, BUILD_CURL_EXE="OFF", BUILD_SHARED_LIBS="ON", HTTP_ONLY="ON",
           CURL_USE_OPENSSL="ON", OPENSSL_USE_STATIC_LIBS="ON", CURL_CA_BUNDLE="none", CURL_CA_PATH="none",
           USE_NGHTTP2="ON", NGHTTP2_INCLUDE_DIR=nghttp2 / "include", NGHTTP2_LIBRARY=nghttp2 / "lib" / "libnghttp2.a",
           CURL_ZLIB="ON", ZLIB_USE_STATIC_LIBS="ON", CURL_USE_LIBSSH2="OFF", USE_LIBIDN2="OFF", CURL_USE_LIBPSL="OFF",
           ENABLE_MANUAL="OFF", BUILD_TESTING="OFF", CMAKE_INSTALL_PREFIX=curl, CMAKE_INSTALL_LIBDIR="lib",
           CMAKE_C_FLAGS="-DNGHTTP2_STATICLIB -ffunction-sections -fdata-sections",
           CMAKE_SHARED_LINKER_FLAGS="-Wl,--gc-sections -Wl,--exclude-libs,ALL -Wl,-z,nodelete -Wl,-z,relro,-z,now")
    made = (curl / "lib" / "libcurl.so.4").resolve()
    run([target.tool("strip"), "-o", library, made])
    run(["patchelf", "--set-soname", NAME, library])
    return library
