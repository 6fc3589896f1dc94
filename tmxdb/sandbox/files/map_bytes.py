"""A small `.Challenge.Gbx` as TrackMania Forever writes it: header facts, an empty stadium, no password."""

from __future__ import annotations

import re
import zlib
from dataclasses import dataclass
from struct import pack
from xml.sax.saxutils import escape

from tmxdb.sandbox.files.gbx import END_OF_NODE, NO_NODE, Ids, chunk, gbx_file, skippable, string, u32

_CHALLENGE = 0x03043000
_COLLECTOR_LIST, _PARAMETERS = 0x0301B000, 0x0305B000
_NOT_IN_XML = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
_MODES = {0: 0, 1: 2, 2: 1, 3: 5}  # race, puzzle, platform, stunts: by the site's primary type


@dataclass(frozen=True)
class MapFacts:
    uid: str
    name: str
    author: str
    environment: str  # as stored: Stadium, Speed, Alpine …
    mood: str
    medals_ms: tuple[int, int, int, int]  # bronze, silver, gold, author
    laps: int
    checkpoints: int
    primary_type: int
    author_score: int
    comments: str


def map_file(facts: MapFacts, thumbnail: bytes) -> bytes:
    """With an empty `thumbnail` it is what replays embed: the game drops the picture when it saves the map again."""
    is_lap_race = facts.laps > 1
    mode = _MODES.get(facts.primary_type, 0)
    bronze, silver, gold, author = facts.medals_ms
    summary = bytes([11]) + u32(0, bronze, silver, gold, author, 100, is_lap_race, mode, 0, facts.author_score, 0, 0)
    ids = Ids()
    common = (
        bytes([5])
        + ids.ident(facts.uid, facts.environment, facts.author)
        + string(facts.name)
        + bytes([8])
        + u32(0)
        + string("")
        + ids.ident(facts.mood, facts.environment, "Nadeo")
        + bytes(32)
    )
    picture = b"<Thumbnail.jpg>" + thumbnail + b"</Thumbnail.jpg><Comments>" + string(facts.comments) + b"</Comments>"
    header = [
        (_CHALLENGE | 0x002, summary, False),
        (_CHALLENGE | 0x003, common, False),
        (_CHALLENGE | 0x004, u32(6), False),
        (_CHALLENGE | 0x005, string(_xml(facts)), True),
        (_CHALLENGE | 0x007, u32(1, len(thumbnail)) + picture, True),
    ]
    return gbx_file(_CHALLENGE, header, 3, _body(facts))


def _body(facts: MapFacts) -> bytes:
    ids = Ids()
    bronze, silver, gold, author = facts.medals_ms
    limits = chunk(_PARAMETERS | 0x004, u32(bronze, silver, gold, author, 0))
    limits += chunk(_PARAMETERS | 0x008, u32(60_000, facts.author_score))
    collectors = u32(1, _COLLECTOR_LIST) + chunk(_COLLECTOR_LIST, u32(0)) + END_OF_NODE
    parameters = u32(2, _PARAMETERS) + chunk(_PARAMETERS | 0x001, u32(0, 0, 0, 0)) + limits + END_OF_NODE
    no_password = bytes(16)
    key = "0x" + no_password.hex() + "???" + facts.uid  # the CRC is over the hash's hex and the uid
    return b"".join(
        (
            chunk(_CHALLENGE | 0x00D, ids.ident("", "", "")),
            chunk(_CHALLENGE | 0x011, collectors + parameters + u32(8)),
            skippable(_CHALLENGE | 0x018, u32(facts.laps > 1, facts.laps)),
            chunk(
                _CHALLENGE | 0x01F,
                ids.ident(facts.uid, facts.environment, facts.author)
                + string(facts.name)
                + ids.ident(facts.mood, facts.environment, "Nadeo")
                + u32(32, 32, 32, 0, 1, 0),
            ),
            chunk(_CHALLENGE | 0x022, u32(1)),
            chunk(_CHALLENGE | 0x024, b"\x02" + string("")),
            chunk(_CHALLENGE | 0x025, bytes(16)),
            chunk(_CHALLENGE | 0x026, NO_NODE),
            chunk(_CHALLENGE | 0x028, u32(0) + string("")),
            skippable(_CHALLENGE | 0x029, no_password + u32(zlib.crc32(key.encode()))),
            chunk(_CHALLENGE | 0x02A, u32(0)),
            END_OF_NODE,
        )
    )


def xml_text(text: str) -> str:
    """For an attribute: what XML can not hold becomes a question mark."""
    return escape(_NOT_IN_XML.sub("?", text), {'"': "&quot;"})


def _xml(facts: MapFacts) -> str:
    bronze, silver, gold, author = facts.medals_ms
    kind = {1: "Puzzle", 2: "Platform", 3: "Stunts"}.get(facts.primary_type, "Race")
    return (
        '<header type="challenge" version="TMc.6" exever="2.11.26">'
        f'<ident uid="{facts.uid}" name="{xml_text(facts.name)}" author="{xml_text(facts.author)}"/>'
        f'<desc envir="{facts.environment}" mood="{facts.mood}" type="{kind}" '
        f'nblaps="{facts.laps if facts.laps > 1 else 0}" price="100" />'
        f'<times bronze="{bronze}" silver="{silver}" gold="{gold}" '
        f'authortime="{author}" authorscore="{facts.author_score}"/><deps></deps></header>'
    )


def thumbnail(noise: bytes) -> bytes:
    """Bytes that begin and end as a JPEG does."""
    return b"\xff\xd8\xff\xe0" + pack(">H", 16) + b"JFIF\0" + noise + b"\xff\xd9"
