"""Trees of files as archives: wheels with their RECORD, tarballs as npm takes them. The same tree gives the same bytes."""

import base64
import gzip
import hashlib
import io
import os
import shutil
import tarfile
import zipfile

_TIME = (1980, 1, 1, 0, 0, 0)  # the first that a zip archive can say


def files(root):
    return sorted(path for path in root.rglob("*") if path.is_file())


def _record(root, info):
    lines = []
    for path in files(root):
        name = path.relative_to(root).as_posix()
        if name == f"{info}/RECORD":
            continue
        digest = base64.urlsafe_b64encode(hashlib.sha256(path.read_bytes()).digest()).rstrip(b"=").decode()
        lines.append(f"{name},sha256={digest},{path.stat().st_size}")
    return "\n".join([*lines, f"{info}/RECORD,,"]) + "\n"


def write_wheel(root, info, target):
    """A wheel of all that is below `root`; `info` is the name of its .dist-info."""
    (root / info / "RECORD").write_text(_record(root, info), encoding="utf-8")
    with zipfile.ZipFile(target, "w", zipfile.ZIP_DEFLATED, compresslevel=9) as archive:
        for path in files(root):
            entry = zipfile.ZipInfo(path.relative_to(root).as_posix(), _TIME)
            entry.compress_type = zipfile.ZIP_DEFLATED
            entry.external_attr = (0o100755 if os.access(path, os.X_OK) else 0o100644) << 16
            archive.writestr(entry, path.read_bytes())
    return target


def unpack_wheel(wheel, root):
    shutil.rmtree(root, ignore_errors=True)
    with zipfile.ZipFile(wheel) as archive:
        for entry in archive.infolist():
            path = archive.extract(entry, root)
            if not entry.is_dir() and entry.external_attr >> 16 & 0o111:
                os.chmod(path, 0o755)


def write_npm(root, target):
    """A tarball as `npm pack` makes one: everything stands in a folder "package"."""
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w", format=tarfile.PAX_FORMAT) as archive:
        for path in files(root):
            entry = tarfile.TarInfo(f"package/{path.relative_to(root).as_posix()}")
            entry.size = path.stat().st_size
            entry.mode = 0o755 if os.access(path, os.X_OK) else 0o644
            with open(path, "rb") as content:
                archive.addfile(entry, content)
    target.write_bytes(gzip.compress(buffer.getvalue(), 9, mtime=0))
    return target
