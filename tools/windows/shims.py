"""What Wine 8 lacks, built from C: ProcessPrng (random numbers for Rust), and C99's complex functions (numpy)."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

SOURCES = Path(__file__).parent / "c"
_OLD, _NEW = b"api-ms-win-crt-math-l1-1-0.dll\0", b"numpy-math-for-wine.dll\0"


def build_shims(folder: Path, python: Path, pins: Path) -> None:
    """Build the libraries into the folder of Windows' Python, and make numpy load the one for complex numbers."""
    tools = folder / "compiler"
    subprocess.run([sys.executable, "-m", "venv", tools], check=True)
    own = tools / "bin" / "python"
    install = ["pip", "install", "-q", "--disable-pip-version-check", "--no-deps", "--require-hashes", "-r", pins]
    subprocess.run([own, "-m", *install], check=True)
    subprocess.run([own, __file__, python], check=True)


def _build(python: Path) -> None:
    compiler = [sys.executable, "-m", "ziglang", "cc", "-target", "x86_64-windows-gnu", "-O1", "-shared"]
    subprocess.run(
        [*compiler, "-o", python / "bcryptprimitives.dll", SOURCES / "process_prng.c", "-ladvapi32"], check=True
    )
    numpy = [*python.glob("Lib/site-packages/numpy/**/*.pyd"), *python.glob("Lib/site-packages/numpy.libs/*.dll")]
    files = [file for file in numpy if _OLD in file.read_bytes()]
    exports = python / "complex_math.def"
    exports.write_text("\n".join(_exports(files)) + "\n", "ascii")
    library = python / _NEW.rstrip(b"\0").decode()
    subprocess.run([*compiler, "-o", library, SOURCES / "complex_math.c", exports], check=True)
    for file in files:
        file.write_bytes(file.read_bytes().replace(_OLD, _NEW.ljust(len(_OLD), b"\0")))


def _exports(files: list[Path]) -> list[str]:
    """Return the definition file: our functions, and everything else that numpy needs from Wine's own library."""
    import pefile

    needed: set[str] = set()
    for file in files:
        parsed = pefile.PE(file)
        for table in ("DIRECTORY_ENTRY_IMPORT", "DIRECTORY_ENTRY_DELAY_IMPORT"):
            for entry in getattr(parsed, table, []):
                if entry.dll == _OLD.rstrip(b"\0"):
                    needed |= {function.name.decode() for function in entry.imports}
    source = (SOURCES / "complex_math.c").read_text("utf-8")
    ours = set(re.findall(r"w_(\w+)\(", source))
    ours |= {name + ending for name in re.findall(r"ONE\((c\w+),", source) for ending in ("", "f")}
    lines = [f"  {name} = w_{name}" if name in ours else f"  {name} = ucrtbase.{name}" for name in sorted(needed)]
    return ["LIBRARY numpy-math-for-wine", "EXPORTS", *lines]


if __name__ == "__main__":
    _build(Path(sys.argv[1]))
