"""Write a TMF map. Order and contents of the chunks as in maps saved by the game: docs/facts/gbx.md#map-body."""

from __future__ import annotations

from struct import pack

from tmxdb.gbx.format.classes import CHALLENGE, CLIP, COLLECTOR_LIST, PARAMETERS, TRACK
from tmxdb_sandbox.gbx_writer.writer import NOT_SET, GbxWriter, container, xml_text

_TYPES = {"race": (0, "Race"), "platform": (1, "Platform"), "puzzle": (2, "Puzzle"), "stunts": (5, "Stunts")}
_FADE = 0x030AB000
_SOLO = 9


def write_challenge(
    *,
    uid: str,
    name: str,
    author: str,
    environment: str = "Stadium",
    mood: str = "Day",
    bronze_ms: int | None,
    silver_ms: int | None,
    gold_ms: int | None,
    author_ms: int | None,
    laps: int = 1,
    checkpoint_count: int = 0,
    thumbnail: bytes | None = None,
    comments: str = "",
    map_type: str = "race",
    cost: int = 300,
    author_score: int | None = None,
    password_protected: bool = False,
    intro_ms: int | None = None,
    exever: str = "2.11.26",
    compress: bool = False,
) -> bytes:
    """Return a map file.

    A time of None is written as "not set". `intro_ms` adds a MediaTracker intro of that duration. `thumbnail` is a
    JPEG as the game stores it, upside down. `compress` makes the file smaller and writing much slower.
    """
    score = NOT_SET if author_score is None else author_score
    times = [NOT_SET if time is None else time for time in (bronze_ms, silver_ms, gold_ms, author_ms)]
    header = _header(
        uid, name, author, environment, mood, times, score, laps, cost, map_type, exever, thumbnail, comments
    )
    body = GbxWriter()
    _parameters(body, times, score)
    _race(body, checkpoint_count, laps, map_type)
    _blocks(body, uid, name, author, environment, mood, checkpoint_count)
    _media(body, intro_ms)
    _comments_and_password(body, comments, password_protected)
    body.end_node()
    nodes = 3 if intro_ms is None else 6
    return container(CHALLENGE, header, bytes(body.data), node_count=nodes, compress=compress)


def _header(
    uid: str, name: str, author: str, environment: str, mood: str, times: list[int], score: int,
    laps: int, cost: int, map_type: str, exever: str, thumbnail: bytes | None, comments: str,
) -> list[tuple[int, bytes, bool]]:  # fmt: skip
    mode, type_name = _TYPES[map_type]
    race = GbxWriter()
    race.u8(11)
    race.i32(0, *times, cost, int(laps > 1), mode, 0, score, 0)

    identity = GbxWriter()
    identity.u8(5)
    identity.ident(uid, environment, author)
    identity.string(name)
    identity.u8(_SOLO)
    identity.u32(0)
    identity.string("")
    identity.ident(mood, environment, "Nadeo")
    identity.raw(bytes(32))  # origin, target, mask of the packs

    bronze, silver, gold, best = times
    xml = GbxWriter()
    xml.string(
        f'<header type="challenge" version="TMc.6" exever="{xml_text(exever)}">'
        f'<ident uid="{xml_text(uid)}" name="{xml_text(name)}" author="{xml_text(author)}"/>'
        f'<desc envir="{xml_text(environment)}" mood="{xml_text(mood)}" type="{type_name}"'
        f' nblaps="{laps if laps > 1 else 0}" price="{cost}" />'
        f'<times bronze="{bronze}" silver="{silver}" gold="{gold}" authortime="{best}" authorscore="{score}"/>'
        "<deps></deps></header>"
    )

    picture = GbxWriter()
    picture.u32(1, len(thumbnail or b""))
    picture.raw(b"<Thumbnail.jpg>" + (thumbnail or b"") + b"</Thumbnail.jpg><Comments>")
    picture.string(comments)
    picture.raw(b"</Comments>")

    return [
        (CHALLENGE | 0x002, bytes(race.data), False),
        (CHALLENGE | 0x003, bytes(identity.data), False),
        (CHALLENGE | 0x004, b"\x06\x00\x00\x00", False),
        (CHALLENGE | 0x005, bytes(xml.data), True),
        (CHALLENGE | 0x007, bytes(picture.data), True),
    ]


def _parameters(body: GbxWriter, times: list[int], score: int) -> None:
    body.u32(CHALLENGE | 0x00D)
    body.ident("", "", "")  # the vehicle of the environment
    body.u32(CHALLENGE | 0x011)
    body.u32(1, COLLECTOR_LIST, COLLECTOR_LIST | 0x000, 0)
    body.end_node()
    body.u32(2, PARAMETERS, PARAMETERS | 0x001, 0, 0, 0, 0)
    body.u32(PARAMETERS | 0x004)
    body.i32(*times, 0)
    body.u32(PARAMETERS | 0x008, 60_000)
    body.i32(score)
    body.end_node()
    body.u32(6)


def _race(body: GbxWriter, checkpoint_count: int, laps: int, map_type: str) -> None:
    places = b"".join(pack("<3i", 16, 1, 16 + place) for place in range(checkpoint_count))
    body.skippable(CHALLENGE | 0x017, pack("<I", checkpoint_count) + places)
    body.skippable(CHALLENGE | 0x018, pack("<2I", laps > 1, laps))
    body.skippable(CHALLENGE | 0x019, bytes([2, 0, 0, 0, 0]))  # no mod
    body.skippable(CHALLENGE | 0x01C, pack("<I", _TYPES[map_type][0]))


def _blocks(
    body: GbxWriter, uid: str, name: str, author: str, environment: str, mood: str, checkpoint_count: int
) -> None:
    """Write a straight line of blocks: start, checkpoints, finish."""
    road = f"{environment}RoadMain"
    blocks = [f"{road}StartLine", *[f"{road}Checkpoint"] * checkpoint_count, f"{road}FinishLine"]
    body.u32(CHALLENGE | 0x01F)
    body.ident(uid, environment, author)
    body.string(name)
    body.ident(mood, environment, "Nadeo")
    body.u32(32, 32, 32, 0, 1, len(blocks))
    for place, block in enumerate(blocks):
        body.id(block)
        body.raw(bytes([0, 16, 1, (15 + place) % 256]))
        body.u32(0)


def _media(body: GbxWriter, intro_ms: int | None) -> None:
    body.u32(CHALLENGE | 0x021)
    if intro_ms is None:
        body.i32(NOT_SET)
    else:
        _fade_clip(body, intro_ms / 1000)
    body.i32(NOT_SET, NOT_SET)


def _fade_clip(body: GbxWriter, end_s: float) -> None:
    """Write a clip with one track and one block that fades to black."""
    body.u32(3, CLIP, CLIP | 0x005, 10, 1)
    body.u32(4, TRACK, TRACK | 0x001)
    body.string("Fade")
    body.u32(10, 1, 5, _FADE, _FADE, 2)
    body.raw(pack("<8f", 0.0, 0.0, end_s, 1.0, 0.0, 0.0, 0.0, 0.0))
    body.end_node()
    body.i32(NOT_SET)
    body.u32(TRACK | 0x004, 0, 0)
    body.end_node()
    body.string("Intro")
    body.u32(CLIP | 0x007)
    body.i32(NOT_SET)
    body.end_node()


def _comments_and_password(body: GbxWriter, comments: str, password_protected: bool) -> None:
    body.u32(CHALLENGE | 0x022, 1)
    body.u32(CHALLENGE | 0x024)
    body.raw(bytes([2, 0, 0, 0, 0]))  # no song
    body.u32(CHALLENGE | 0x025, 0, 0, 0, 0)
    body.u32(CHALLENGE | 0x026)
    body.i32(NOT_SET)
    body.u32(CHALLENGE | 0x028, 0)
    body.string(comments)
    body.skippable(CHALLENGE | 0x029, bytes([int(password_protected)] * 16) + bytes(4))
    body.u32(CHALLENGE | 0x02A, 0)
