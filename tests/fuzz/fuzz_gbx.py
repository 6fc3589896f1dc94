"""Coverage-guided fuzzing of the GBX reader; see README.md in this folder.

The first byte of an input says what the rest is: 0 is a complete file; 1, 2 and 3 are the plain body of a replay, a
map and a ghost. A body is put into a container here, because almost no changed byte survives LZO.
"""

from __future__ import annotations

import sys
from pathlib import Path

import atheris

ROOT = Path(__file__).resolve().parents[2]
sys.path[:0] = [str(ROOT), str(ROOT / "tests" / "gbx")]

with atheris.instrument_imports(include=["tmxdb.gbx"]):
    from everything import read_everything

    import tmxdb.gbx
    from tmxdb.errors import GbxError
    from tmxdb.gbx.format.classes import CHALLENGE, GHOST, REPLAY
    from tmxdb.gbx.format.container import read_container
    from tmxdb.gbx.map_body import body, clips
    from tmxdb.gbx.replay_parts import body as replay_body
    from tmxdb.gbx.replay_parts import ghost
    from tmxdb_sandbox.gbx_writer.writer import container

_COMPLETE = 0
_CLASSES = {1: REPLAY, 2: CHALLENGE, 3: GHOST}


def test_one_input(data: bytes) -> None:
    """Read everything; any exception other than GbxError ends the run."""
    if data:
        read_everything(_file(data))


def _file(data: bytes) -> bytes:
    class_id = _CLASSES.get(data[0] % 4)
    if class_id is None:
        return data[1:]
    return container(class_id, [], data[1:], node_count=1, compress=False)


def write_seeds(samples: Path, corpus: Path) -> None:
    """Write a corpus: every file below `samples`, its plain body and that of its map, and a dictionary of chunk ids."""
    corpus.mkdir(parents=True, exist_ok=True)
    tables = (ghost._CHUNKS, replay_body._CHUNKS, body.MAP_CHUNKS, clips._BLOCK_CHUNKS, clips._EFFECT_CHUNKS)
    words = [chunk.to_bytes(4, "little") for table in tables for chunk in table] + [b"\x01\xde\xca\xfa", b"PIKS"]
    text = "\n".join('"' + "".join(f"\\x{byte:02x}" for byte in word) + '"' for word in words)
    corpus.with_suffix(".dict").write_text(text + "\n")
    kinds = {class_id: kind for kind, class_id in _CLASSES.items()}
    for number, path in enumerate(sorted(samples.rglob("*.[Gg]bx"))):
        data = path.read_bytes()
        if len(data) > 100_000:
            continue
        (corpus / f"{number}-file").write_bytes(bytes([_COMPLETE]) + data)
        try:
            found = read_container(data)
            if found.class_id in kinds:
                (corpus / f"{number}-body").write_bytes(bytes([kinds[found.class_id]]) + found.unpack_body())
            if found.class_id == REPLAY:
                challenge = tmxdb.gbx.read_replay(data).challenge
                (corpus / f"{number}-map").write_bytes(bytes([2]) + challenge.container.unpack_body())
        except GbxError:
            continue


if __name__ == "__main__":
    if sys.argv[1:2] == ["--seeds"]:
        write_seeds(Path(sys.argv[2]), Path(sys.argv[3]))
    else:
        atheris.Setup(sys.argv, test_one_input)
        atheris.Fuzz()
