"""Minari data sets: read with Minari itself, and checked by the rules of docs/facts/training.md#minari without it."""

from __future__ import annotations

import io
import json
import warnings
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from tests import needs
from tests.export.conftest import RUNS
from tests.export.formats.test_lerobot import sample
from tests.frames import captured_database, car, jpeg
from tests.tool import Tool
from tmxdb.db.database import Database
from tmxdb.export.frames.frame_samples import SampledRun
from tmxdb.export.frames.minari import episodes
from tmxdb.export.frames.minari.meta import write_meta
from tmxdb.export.frames.vectors import ACTION, STATE

h5py = needs.module("h5py")
np = needs.module("numpy")

EXPORT = ("export", "frames", "out", "--format", "minari", "--split", "train=0.6,val=0.4", "--shard-frames", 8,
          "--no-progress")  # fmt: skip
PARTS = ("train", "val")


def data_of(out: Path, part: str) -> Path:
    return out / "tmxdb" / f"{part}-v0" / "data"


def validate(out: Path, part: str) -> list[dict[str, Any]]:
    """Raise AssertionError if a part is not as Minari reads it. Return the attributes of its episodes."""
    metadata = json.loads((data_of(out, part) / "metadata.json").read_text())
    assert metadata["dataset_id"] == f"tmxdb/{part}-v0"
    assert metadata["data_format"] == "hdf5"
    spaces = json.loads(metadata["observation_space"])["subspaces"]
    assert spaces["image"]["shape"] == list(np.shape(spaces["image"]["low"])) == [64, 64, 3]
    assert np.all(np.array(spaces["image"]["high"]) == 255)
    action = json.loads(metadata["action_space"])
    assert action["shape"] == [len(ACTION)]
    attributes = []
    with h5py.File(data_of(out, part) / "main_data.hdf5") as file:
        assert list(file) == [f"episode_{n}" for n in range(metadata["total_episodes"])]
        for name in file:
            episode = file[name]
            steps = episode.attrs["total_steps"]
            assert len(episode["observations/image"]) == len(episode["observations/state"]) == steps + 1
            for column in ("actions", "rewards", "terminations", "truncations"):
                assert len(episode[column]) == steps, column
            for info in episode["infos"].values():
                assert info.shape == (steps + 1,)
            assert episode["actions"].dtype == episode["observations/state"].dtype == np.float32
            ends = episode["terminations"][()] | episode["truncations"][()]
            assert ends.tolist() == [False] * (steps - 1) + [True]
            low, high = np.array(action["low"]), np.array(action["high"])
            assert np.all((low <= episode["actions"]) & (episode["actions"] <= high))
            attributes.append(dict(episode.attrs))
    assert sum(one["total_steps"] for one in attributes) == metadata["total_steps"]
    return attributes


def test_an_export_is_a_data_set_for_each_part(captured: Tool) -> None:
    captured(*EXPORT)
    out = captured.folder / "out"
    exported = [episode for part in PARTS for episode in validate(out, part)]
    assert {episode["replay_id"]: episode["total_steps"] + 1 for episode in exported} == RUNS
    assert all(episode["map_uid"] == f"map {episode['track_id']}" for episode in exported)
    assert "0 problems" in captured("export", "--check", "out").err


def test_minari_reads_what_was_captured(captured: Tool, monkeypatch: pytest.MonkeyPatch) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # about packages that Minari imports
        minari = needs.module("minari")
    captured(*EXPORT)
    monkeypatch.setenv("MINARI_DATASETS_PATH", str(captured.folder / "out"))
    assert set(minari.list_local_datasets()) == {"tmxdb/train-v0", "tmxdb/val-v0"}
    assert minari.namespace.list_local_namespaces() == ["tmxdb"]
    frames = 0
    for part in PARTS:
        data_set = minari.load_dataset(f"tmxdb/{part}-v0")
        assert data_set.total_episodes == len(list(data_set)) > 0
        for episode in data_set:
            images, states = episode.observations["image"], episode.observations["state"]
            assert images.shape == (len(episode) + 1, 64, 64, 3)
            assert data_set.observation_space.contains({"image": images[0], "state": states[0]})
            assert all(data_set.action_space.contains(action) for action in episode.actions)
            for step, time_ms in enumerate(episode.infos["time_ms"]):
                state = dict(zip(STATE, states[step], strict=True))
                assert state["position.x"] == pytest.approx(car(int(time_ms)).position[0], abs=1e-3)
                assert abs(int(images[step, 0, 0, 0]) - time_ms // 100) <= 2  # red is the time, through a JPEG
            assert episode.actions[0].tolist() == [1, 0, -1]
            assert sum(episode.rewards) == pytest.approx(-len(episode) / 10)
            assert episode.terminations[-1]
            frames += len(episode) + 1
    assert frames == sum(RUNS.values())
    assert len(data_set.sample_episodes(1)) == 1
    assert len(data_set.filter_episodes(lambda episode: len(episode) > 100)) == 0


def test_gray_pictures_have_two_axes(tmp_path: Path) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        minari = needs.module("minari")
    samples = []
    for step in range(3):
        picture = io.BytesIO()
        Image.new("L", (48, 32), 50 * step).save(picture, "JPEG")
        run = SampledRun(tmp_path, "run", 10, 48, 32, finished=False)
        samples.append(replace(sample(step), jpeg=picture.getvalue(), run=run))
    data = data_of(tmp_path, "train")
    data.mkdir(parents=True)
    shard = io.BytesIO()
    episodes.write(shard, samples)
    (data / "train-00000.hdf5").write_bytes(shard.getvalue())
    run_facts = {"width": 48, "height": 32, "settings": {"color": "gray"}}
    write_meta(tmp_path, "train", [data / "train-00000.hdf5"], run_facts)
    (episode,) = minari.MinariDataset(str(data))
    assert episode.observations["image"][:, 0, 0].tolist() == [0, 50, 100]
    assert episode.observations["image"].shape == (3, 32, 48)
    assert episode.truncations.tolist() == [False, True]  # it did not finish


def test_a_run_of_one_frame_is_counted_nowhere(captured: Tool) -> None:
    database = Database(str(captured.folder / "tmx.db"))
    captured_database(database, captured.folder / "data", {70: 1})
    database.close()
    written = captured(*EXPORT, "--json")
    assert sum(part["frames"] for part in json.loads(written.out).values()) == sum(RUNS.values())
    assert sum(one["total_steps"] + 1 for part in PARTS for one in validate(captured.folder / "out", part)) == sum(
        RUNS.values()
    )
    assert "1 frame left out: the only frame of a run, which has no action." in written.err
    assert "0 problems" in captured("export", "frames", "out", "--check").err


def test_the_bytes_of_the_pictures_are_unchanged(captured: Tool) -> None:
    captured(*EXPORT)
    with h5py.File(data_of(captured.folder / "out", "train") / "main_data.hdf5") as file:
        for episode in file.values():
            times = episode["infos/time_ms"][()].tolist()
            assert [image.tobytes() for image in episode["observations/image"]] == [jpeg(time_ms) for time_ms in times]


def test_a_damaged_run_leaves_no_gap_in_the_numbers_of_episodes(captured: Tool) -> None:
    (captured.folder / "data/frames/1/11/frame_00001_100ms.jpeg").unlink()
    assert "1 run left out" in captured(*EXPORT, ends=3).err
    exported = [episode for part in PARTS for episode in validate(captured.folder / "out", part)]
    assert {episode["replay_id"] for episode in exported} == RUNS.keys() - {11}


def test_an_export_continues_and_the_result_is_the_same(captured: Tool) -> None:
    captured(*EXPORT)
    out = captured.folder / "out"
    whole = {path: path.read_bytes() for path in out.rglob("*.hdf5")}
    assert len(whole) > 4
    sorted(whole)[-1].unlink()
    (data_of(out, "train") / "main_data.hdf5").unlink()
    assert "continuing" in captured(*EXPORT).err
    assert {path: path.read_bytes() for path in out.rglob("*.hdf5")} == whole


def test_pictures_that_minari_does_not_take_for_pictures_are_refused(captured: Tool) -> None:
    database = Database(str(captured.folder / "tmx.db"))
    captured_database(database, captured.folder / "data", {70: 5}, width=24)
    database.close()
    command = ("export", "frames", "small", "--format", "minari", "--setting", "width=24")
    assert "at least 32x32, not 24x64" in captured(*command, ends=2).error
    assert "one size and one rate" in captured(*EXPORT, "--mixed", ends=2).error


def test_another_file_is_no_shard(captured: Tool) -> None:
    captured(*EXPORT)
    shard = next((data_of(captured.folder / "out", "train")).glob("train-*.hdf5"))
    shard.write_bytes(b"not HDF5")
    assert "its content has changed" in captured("export", "--check", "out", ends=3).err


def test_check_finds_a_file_that_describes_a_part_changed_or_gone(captured: Tool) -> None:
    captured(*EXPORT)
    data = data_of(captured.folder / "out", "train")
    (data / "metadata.json").write_text("{}")
    (data / "main_data.hdf5").unlink()
    said = captured("export", "--check", "out", ends=3).err
    assert "tmxdb/train-v0/data/metadata.json: its content has changed." in said
    assert "tmxdb/train-v0/data/main_data.hdf5: missing." in said
    captured(*EXPORT)
    assert "0 problems" in captured("export", "--check", "out").err
