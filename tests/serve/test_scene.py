"""The data of the 3D view: lines come back within 2 cm, what is damaged is left out and named."""

from __future__ import annotations

import errno
import gzip
import json
import re
import struct
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests import needs
from tests.gbx.golden.test_positions import CLASSIC
from tests.gbx.made import a_challenge, a_replay
from tests.gbx.samples import needs_samples, sample
from tests.rows import Rows
from tmxdb.db.database import Database

np = needs.module("numpy")
VENDOR = Path(__file__).parents[2] / "tmxdb" / "serve" / "static" / "vendor"


def opened(body: bytes) -> dict[str, Any]:
    """Return the header of a scene after checking its size."""
    magic, version, size = struct.unpack_from("<4sII", body)
    assert (magic, version, size % 4) == (b"TMXS", 2, 0)
    header: dict[str, Any] = json.loads(body[12 : 12 + size])
    parts = [size * ghost["n"] for ghost in header["ghosts"] for size in (8, 1)] + [6 * header["blocks"]["n"]]
    assert len(body) == 12 + size + sum(part + -part % 4 for part in parts)
    return header


def line(times_ms: list[int], positions: list[tuple[float, float, float]], jumps: tuple[int, ...] = ()) -> Any:
    from tmxdb.arrays.line import Line

    n = len(times_ms)
    return Line(np.array(times_ms), np.array(positions, dtype=float).reshape(n, 3), np.zeros((n, 3)), np.zeros((n, 4)),
                np.array(jumps, dtype=np.int64))  # fmt: skip


@pytest.fixture
def scene_modules() -> None:
    needs.module("starlette")
    needs.module("jinja2")


@needs_samples
@pytest.mark.usefixtures("scene_modules")
@pytest.mark.parametrize("file", CLASSIC)
def test_a_real_line_comes_back(file: str) -> None:
    from tmxdb.arrays.line import read_line
    from tmxdb.gbx import read_replay
    from tmxdb.serve.scene.lines import packed_line, unpack

    replay = read_replay(sample(file))
    packed = packed_line(replay)
    times_ms, positions = unpack(packed)
    expected = read_line(replay)
    assert packed.n == len(times_ms) > 1
    n = min(packed.n - 1, len(expected))
    assert (times_ms[:n] == expected.times_ms[:n]).all()
    assert np.abs(positions[:n] - expected.positions[:n]).max() <= packed.step_m / 2 + 1e-9
    assert packed.step_m <= 1 / 16
    if replay.race_time_ms and expected.times_ms[-1] >= replay.race_time_ms:
        assert times_ms[-1] == replay.race_time_ms


@pytest.mark.usefixtures("scene_modules")
def test_points_that_are_on_no_map_are_left_out() -> None:
    from tmxdb.serve.scene.lines import pack, unpack

    nan, far = float("nan"), 1e9
    points = [(0.0, 0.0, 0.0), (nan, 0, 0), (1, 2, 3), (far, 0, 0), (2, 2, 3), (9, 9, 9), (3, 2, 3)]
    packed = pack(line([0, 100, 200, 300, 400, 400, 500], points, jumps=(1, 4)))
    times_ms, positions = unpack(packed)
    assert times_ms.tolist() == [0, 200, 400, 500]
    assert positions.tolist() == [[0, 0, 0], [1, 2, 3], [2, 2, 3], [3, 2, 3]]
    assert packed.jumps == (1, 2)
    assert pack(line([0], [(nan, 0, 0)])).n == 0
    assert pack(line([], [])).n == 0


@pytest.mark.usefixtures("scene_modules")
def test_long_and_wild_lines_are_bounded() -> None:
    from tmxdb.serve.scene.lines import MAX_POINTS, pack, unpack

    n = 3 * MAX_POINTS + 1
    packed = pack(line(list(range(0, 10 * n, 10)), [(at % 1000, 0.0, 0.0) for at in range(n)], jumps=(7,)))
    assert packed.n <= MAX_POINTS
    assert packed.jumps == (2,)
    wild = pack(line([0, 100, 200, 300], [(0, 0, 0), (99_000, 0, 0), (-99_000, 0, 0), (99_000, 0, 0)]))
    assert np.abs(unpack(wild)[1][:, 0] - [0, 99_000, -99_000, 99_000]).max() <= wild.step_m / 2
    assert pack(line([0, 100, 10_000_000], [(0, 0, 0)] * 3)).n == 2


@pytest.fixture
def mirrored(sqlite: Database, tmp_path: Path) -> Database:
    """A track with a whole replay, a damaged one, one whose file is missing, and one that is not downloaded."""
    rows = Rows(sqlite)
    files = tmp_path / "data"
    files.mkdir()
    (files / "whole.gbx").write_bytes(a_replay())
    (files / "damaged.gbx").write_bytes(a_replay()[:-40])
    (files / "map.gbx").write_bytes(a_challenge())
    rows.track(1, "done", name="A01")
    times = {"race_time_ms": 1000, "checkpoints_ms": "[400, null, 1000]"}
    rows.replay(11, "done", position=0, user_name="</script>", file_path="whole.gbx", **times)
    rows.replay(12, "done", position=1, file_path="damaged.gbx", sha256="1" * 64)
    rows.replay(13, "done", position=2, file_path="missing.gbx", sha256="2" * 64)
    rows.replay(14, "pending", position=3)
    rows.map(1, "done", file_path="map.gbx")
    return sqlite


def test_a_scene_has_lines_and_names_what_it_leaves_out(mirrored: Database, serve: Callable[..., Any]) -> None:
    answer = serve(mirrored).get("/track/1/scene.bin")
    assert (answer.status_code, answer.headers["content-encoding"]) == (200, "gzip")
    header = opened(answer.content)
    reasons = {one["replay_id"]: one["reason"] for one in header["left_out"]}
    assert "missing" in reasons["13"]
    assert "12" in reasons
    assert "14" not in reasons
    assert [ghost["replay_id"] for ghost in header["ghosts"]] + sorted(reasons) == sorted({"11", "12", "13"})
    for ghost in header["ghosts"]:
        assert (ghost["name"], ghost["rank"], ghost["checkpoints_ms"]) == ("</script>", 1, [400, None, 1000])


def test_a_scene_names_replays_that_were_asked_for_and_are_not_there(
    mirrored: Database, serve: Callable[..., Any]
) -> None:
    client = serve(mirrored)
    header = opened(client.get("/track/1/scene.bin?replays=14,11,99999,14").content)
    assert [ghost["replay_id"] for ghost in header["ghosts"]] == ["11"]
    reason = "it is not downloaded"
    assert header["left_out"] == [{"replay_id": "14", "reason": reason}, {"replay_id": "99999", "reason": reason}]
    assert opened(client.get("/track/1/scene.bin?replays=11").content)["left_out"] == []


def test_a_file_that_cannot_be_read_is_named_until_it_can_be(
    mirrored: Database, serve: Callable[..., Any], unreadable: Callable[..., Any]
) -> None:
    client = serve(mirrored)
    with unreadable("whole.gbx", PermissionError(errno.EACCES, "Permission denied")):
        answer = client.get("/track/1/scene.bin")
        assert answer.status_code == 200
        header = opened(answer.content)
        assert [ghost["replay_id"] for ghost in header["ghosts"]] == []
        (reason,) = [one["reason"] for one in header["left_out"] if one["replay_id"] == "11"]
        assert reason.endswith("whole.gbx: cannot be read (Permission denied). Check the permissions")
    client = serve(mirrored)  # which has nothing in memory
    with unreadable("map.gbx", OSError(errno.EIO, "Input/output error")):
        header = opened(client.get("/track/1/scene.bin").content)
        assert [ghost["replay_id"] for ghost in header["ghosts"]] == ["11"]
        assert header["blocks"]["n"] == 0
        assert header["map_problem"].startswith("The map is not drawn: ")
        assert header["map_problem"].endswith("map.gbx: Input/output error. Check the disk.")
    header = opened(client.get("/track/1/scene.bin").content)
    assert (header["blocks"]["n"], header["map_problem"]) == (2, None)


def test_a_file_that_is_put_back_is_drawn_at_the_next_request(
    mirrored: Database, tmp_path: Path, serve: Callable[..., Any]
) -> None:
    client = serve(mirrored)
    assert len(opened(client.get("/track/1/scene.bin").content)["ghosts"]) == 1
    (tmp_path / "data" / "missing.gbx").write_bytes(a_replay())
    assert len(opened(client.get("/track/1/scene.bin").content)["ghosts"]) == 2


@needs_samples
def test_a_scene_of_real_files(sqlite: Database, tmp_path: Path, serve: Callable[..., Any]) -> None:
    from tmxdb.gbx import read_replay

    rows = Rows(sqlite)
    (tmp_path / "data").mkdir()
    rows.track(1, "done")
    for number, file in enumerate(CLASSIC[:3]):
        (tmp_path / "data" / f"{number}.gbx").write_bytes(sample(file))
        rows.replay(number + 1, "done", position=number, file_path=f"{number}.gbx", sha256=f"{number}" * 64)
    (tmp_path / "data" / "map.gbx").write_bytes(read_replay(sample(CLASSIC[0])).map_bytes)
    rows.map(1, "done", file_path="map.gbx")
    client = serve(sqlite)
    answer = client.get("/track/1/scene.bin?top=2")
    header = opened(answer.content)
    assert ([ghost["replay_id"] for ghost in header["ghosts"]], header["left_out"]) == (["1", "2"], [])
    assert header["blocks"]["n"] > 0
    assert {"start", "multilap"} & {name[0] for name in header["blocks"]["names"]}
    chosen = opened(client.get("/track/1/scene.bin?replays=3,1").content)
    assert [ghost["replay_id"] for ghost in chosen["ghosts"]] == ["1", "3"]
    again = client.get("/track/1/scene.bin?top=2", headers={"if-none-match": answer.headers["etag"]})
    assert (again.status_code, again.content) == (304, b"")
    plain = client.get("/track/1/scene.bin?top=2", headers={"accept-encoding": "identity"})
    assert "content-encoding" not in plain.headers
    assert plain.content == answer.content


@pytest.mark.usefixtures("scene_modules")
def test_what_was_pressed_is_known_at_each_sample(tmp_path: Path) -> None:
    from tests.frames import captured_folder
    from tmxdb.gbx import read_replay
    from tmxdb.serve.run.captured import captured_telemetry
    from tmxdb.serve.scene.states import packed_states
    from tmxdb.storage import Storage

    replay = read_replay(a_replay())  # INPUTS of tests/gbx/made.py
    times_ms = np.array([0, 900, 1000, 1250, 5000, 5500])
    states, has_inputs = packed_states(times_ms, replay, None)
    found = [(state & 1, state >> 1 & 1, state >> 2 & 7, state >> 5) for state in states]
    assert has_inputs
    assert found == [(1, 0, 3, 7), (1, 0, 3, 7), (1, 0, 6, 7), (1, 0, 2, 7), (0, 0, 2, 7), (0, 1, 2, 7)]
    captured_folder(tmp_path / "run", 3)
    telemetry = captured_telemetry(Storage(tmp_path), "run")
    assert [state >> 5 for state in packed_states(times_ms, replay, telemetry)[0]] == [3] * 6
    (tmp_path / "run" / "metadata.json").write_text("{")
    assert captured_telemetry(Storage(tmp_path), "run") is None
    assert packed_states(times_ms, read_replay(a_replay(inputs=[])), None)[0] == bytes([3 << 2 | 7 << 5] * 6)


def test_a_changed_file_gives_another_scene(mirrored: Database, serve: Callable[..., Any]) -> None:
    client = serve(mirrored)
    before = client.get("/track/1/scene.bin").headers["etag"]
    assert client.get("/track/1/scene.bin").headers["etag"] == before
    from tmxdb.db.models import ReplayRow

    Rows(mirrored).change(ReplayRow, 12, file_path="whole.gbx", sha256="3" * 64, user_name="Bob")
    assert client.get("/track/1/scene.bin").headers["etag"] != before


def test_a_track_without_map_or_replays_has_an_empty_scene(sqlite: Database, serve: Callable[..., Any]) -> None:
    Rows(sqlite).track(5)
    client = serve(sqlite)
    header = opened(client.get("/track/5/scene.bin").content)
    assert (header["ghosts"], header["blocks"]["n"]) == ([], 0)
    assert "not downloaded" in header["map_problem"]
    assert client.get("/track/5/3d").status_code == 200


@pytest.mark.parametrize(("query", "status"), [
    ("replays=1,x", 400), ("replays=1;2", 400), ("replays=" + ",".join(["1"] * 101), 400), ("top=101", 400),
    ("top=0", 200), ("replays=99999", 200), ("replays=local4", 200), ("replays=0", 400),
])  # fmt: skip
def test_wrong_ghosts_are_refused(mirrored: Database, serve: Callable[..., Any], query: str, status: int) -> None:
    client = serve(mirrored)
    assert client.get(f"/track/1/scene.bin?{query}").status_code == status
    assert client.get(f"/track/1/3d?{query}").status_code == status


def test_the_page_names_its_data(mirrored: Database, serve: Callable[..., Any]) -> None:
    client = serve(mirrored)
    assert 'data-scene="/track/1/scene.bin?replays=11,12"' in client.get("/track/1/3d?replays=11,12").text
    assert 'data-scene="/track/1/scene.bin?top=25"' in client.get("/track/1/3d?top=25").text
    assert client.get("/track/2/3d").status_code == 404
    assert "/track/1/3d" in client.get("/track/1").text


@pytest.mark.usefixtures("scene_modules")
def test_a_cache_forgets_what_was_not_used_for_longest() -> None:
    from tmxdb.serve.limited_cache import LimitedCache

    cache: LimitedCache[bytes] = LimitedCache(len, 10)
    cache.put("a", b"1234")
    cache.put("b", b"1234")
    cache.get("a")
    cache.put("c", b"1234")
    assert (cache.get("a"), cache.get("b"), cache.get("c")) == (b"1234", None, b"1234")
    cache.put("d", bytes(100))
    assert cache.get("d") == bytes(100)  # one value is kept, however large


@pytest.mark.parametrize("library", ["three", "uplot"])
def test_vendored_libraries_have_licences_and_load_nothing_else(library: str) -> None:
    folder = VENDOR / library
    assert "Permission is hereby granted" in (folder / "LICENSE.txt").read_text("utf-8")
    for script in folder.glob("*.js"):
        imports = re.findall(
            r"""(?:^|[;\n])\s*(?:import|export)\b[^;'"]*?from\s*["']([^"']+)["']""", script.read_text("utf-8")
        )
        assert [name for name in imports if not (name.startswith("./") and (folder / name).is_file())] == []


def test_the_pages_use_scripts_of_this_folder_only() -> None:
    static = VENDOR.parent
    for script in static.glob("*.js"):
        text = script.read_text("utf-8")
        assert "http://" not in text.replace("http://www.w3.org/2000/svg", "")
        assert "https://" not in text
        assert not re.search(r"\beval\(|new Function|innerHTML \+=|document\.write", text)
        for name in re.findall(r'from "([^"]+)"', text):
            assert (static / name).is_file(), name


def test_gzip_of_a_scene_is_what_is_sent(mirrored: Database, serve: Callable[..., Any]) -> None:
    client = serve(mirrored)
    scene = client.app.state.mirror.scenes
    with client.app.state.mirror.readers.reader() as reader:
        from tmxdb.serve.scene.build import read_rows

        ghosts, map_row = read_rows(reader, 1)
    assert gzip.decompress(scene.scene(1, ghosts, map_row).packed) == client.get("/track/1/scene.bin").content
