"""Copy the JavaScript libraries of the web pages from the npm registry: `python3 -m tools.vendored`.

Change a version in PACKAGES and run it. It needs npm, writes tmxdb/serve/static/vendor/ with the licences, and changes
imports of `three` into paths, because the pages have no import maps (their policy allows no inline script).
"""

from __future__ import annotations

import io
import re
import shutil
import subprocess
import tarfile
import tempfile
from pathlib import Path

ROOT = Path(__file__).parents[1]
VENDOR = ROOT / "tmxdb" / "serve" / "static" / "vendor"
# From 0.186 on three.js has no minified files: 2.1 MB instead of 0.75 MB.
PACKAGES = {
    "three": (
        "0.185.1",
        {
            "LICENSE": "LICENSE.txt",
            "build/three.core.min.js": "three.core.min.js",
            "build/three.module.min.js": "three.module.min.js",
            "examples/jsm/controls/OrbitControls.js": "OrbitControls.js",
            "examples/jsm/lines/LineMaterial.js": "LineMaterial.js",
            "examples/jsm/lines/LineSegments2.js": "LineSegments2.js",
            "examples/jsm/lines/LineSegmentsGeometry.js": "LineSegmentsGeometry.js",
        },
    ),
    "uplot": (
        "1.6.32",
        {
            "LICENSE": "LICENSE.txt",
            "dist/uPlot.iife.min.js": "uPlot.iife.min.js",
            "dist/uPlot.min.css": "uPlot.min.css",
        },
    ),
}
_IMPORT = re.compile(r"""(from\s*['"])([^'"]+)(['"])""")


def main() -> None:
    """Write all libraries again."""
    for name, (version, files) in PACKAGES.items():
        package = download(f"{name}@{version}")
        contents = {file: _with_paths(package[f"package/{source}"], source) for source, file in files.items()}
        target = VENDOR / name
        shutil.rmtree(target, ignore_errors=True)
        target.mkdir(parents=True)
        for file, content in contents.items():
            (target / file).write_bytes(content)
        (target / "VERSION.txt").write_text(f"{name} {version}\n", "utf-8")
        print(f"{name} {version}: {sum(path.stat().st_size for path in target.iterdir()):,} bytes")


def download(package: str) -> dict[str, bytes]:
    """Return the files of a package of the npm registry by their names."""
    with tempfile.TemporaryDirectory() as folder:
        subprocess.run(["npm", "pack", "--silent", package], cwd=folder, check=True, stdout=subprocess.DEVNULL)
        (archive,) = Path(folder).glob("*.tgz")
        with tarfile.open(fileobj=io.BytesIO(archive.read_bytes())) as files:
            return {
                member.name: content.read()
                for member in files.getmembers()
                if member.isfile() and (content := files.extractfile(member)) is not None
            }


def _with_paths(data: bytes, source: str) -> bytes:
    """Return a script whose imports are paths of this folder."""
    if not source.startswith("examples/"):
        return data

    def path(match: re.Match[str]) -> str:
        name = match[2]
        file = "three.module.min.js" if name == "three" else name.rpartition("/")[2]
        return f"{match[1]}./{file}{match[3]}"

    return _IMPORT.sub(path, data.decode("utf-8")).encode("utf-8")


if __name__ == "__main__":
    main()
