"""Environment and mood of local tracks: filters on them find local tracks as they find those of the exchange."""

from __future__ import annotations

import pytest

from tests.tool import Tool
from tmxdb.kinds.facts import track_numbers
from tmxdb_sandbox.gbx_writer import write_challenge, write_replay

NAMES = {"Stadium": "stadium", "Alpine": "snow", "Speed": "desert", "Rally": "rally", "#26": None}
"""Environments as map files have them, and the exchange's names."""
_FACTS = "select name, environment_name, mood_name from tracks"


def map_in(environment: str, mood: str = "Sunset") -> bytes:
    return write_challenge(
        uid=f"in{environment:>10}{mood:>10}", name=environment, author="me", bronze_ms=40_000, silver_ms=35_000,
        gold_ms=30_000, author_ms=25_000, checkpoint_count=1, environment=environment, mood=mood,
    )  # fmt: skip


def replay_in(environment: str, mood: str = "Sunset", *, map_data: bytes | None = None) -> bytes:
    data = map_in(environment, mood)
    return write_replay(
        data if map_data is None else map_data, map_uid=f"in{environment:>10}{mood:>10}", environment=environment,
        map_author="me", race_time_ms=20_000, checkpoints_ms=[10_000, 20_000], login="me", nickname="me",
        ghost_uid=f"ghost {environment}", inputs=[(0, "Accelerate", 1)],
        samples=[(float(i), 9.0, 0.0) for i in range(200)],
    )  # fmt: skip


@pytest.fixture
def collection(tool: Tool) -> Tool:
    """A replay in each environment, adopted without the site, maps extracted."""
    folder = tool.folder / "mine"
    folder.mkdir()
    for number, environment in enumerate(NAMES):
        (folder / f"{number}.Replay.Gbx").write_bytes(replay_in(environment))
    tool("adopt", "mine", "--no-lookup")
    tool("run")
    return tool


def known(collection: Tool) -> dict[str, tuple[str | None, str | None]]:
    return {row["name"]: (row["environment_name"], row["mood_name"]) for row in collection.rows(_FACTS)}


def test_local_tracks_have_the_environment_and_the_mood_of_their_maps(collection: Tool) -> None:
    assert known(collection) == {environment: (name, "sunset") for environment, name in NAMES.items()}
    collection("export", "lake", "lake", "--table", "replays", "--format", "csv")
    assert {path.name for path in (collection.folder / "lake/replays").iterdir()} == {
        f"environment_name={name or 'unknown'}" for name in NAMES.values()
    }


def test_a_map_alone_says_them_too(tool: Tool) -> None:
    (tool.folder / "maps").mkdir()
    (tool.folder / "maps" / "a.Challenge.Gbx").write_bytes(map_in("Speed", "30x30Night"))
    tool("adopt", "maps", "--no-lookup")
    assert known(tool) == {"Speed": ("desert", "night")}


def test_the_replay_says_the_environment_of_a_map_that_cannot_be_read(tool: Tool) -> None:
    (tool.folder / "mine").mkdir()
    (tool.folder / "mine" / "a.Replay.Gbx").write_bytes(replay_in("Alpine", map_data=b"GBX damaged"))
    tool("adopt", "mine", "--no-lookup")
    assert tool.rows(_FACTS) == [{"name": None, "environment_name": "snow", "mood_name": None}]


def test_reread_completes_the_local_tracks_of_an_older_database(collection: Tool) -> None:
    before = known(collection)
    collection.change("update tracks set environment = null, mood = null")
    collection.change("update tracks set environment = 3 where name = 'Rally'")
    collection.change("delete from maps where track_id = (select track_id from tracks where name = 'Alpine')")
    said = "Filled in the environment and mood of 5 local tracks."
    assert said in collection("reread", "--dry-run").err
    assert set(known(collection).values()) == {(None, None), ("rally", None)}
    assert said in collection("reread").err
    assert known(collection) == before | {"Alpine": ("snow", None)}  # a replay does not say the mood
    assert "local track" not in collection("reread").err


def test_reread_of_a_selection_completes_its_tracks_only(collection: Tool) -> None:
    track = collection.one("select track_id from tracks where name = 'Speed'")
    collection.change("update tracks set environment = null")
    (collection.folder / "ids.txt").write_text(f"local{-track}\n")
    collection("select", "one", "--track-ids", "ids.txt")
    assert "1 local track." in collection("reread", "--only", "one").err
    assert collection.column("select name from tracks where environment is not null") == ["Speed"]


@pytest.mark.parametrize(
    ("environment", "mood", "numbers"),
    [("Alpine", "Sunrise", (1, 0)), ("Speed", "Day", (2, 1)), ("Bay", "20x60Sunset", (6, 2)), ("Moon", "", (None,) * 2),
     (None, None, (None, None))],
)  # fmt: skip
def test_numbers_of_the_exchange(environment: str | None, mood: str | None, numbers: tuple[int | None, ...]) -> None:
    assert tuple(track_numbers(environment, mood).values()) == numbers
