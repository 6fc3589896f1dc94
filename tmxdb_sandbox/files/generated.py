"""Generated files for a simulated catalogue. The facts in a replay file equal those in the replay list."""

from __future__ import annotations

from base64 import b32encode
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from hashlib import blake2b
from struct import pack
from typing import TypeVar

from tmxdb_sandbox.catalogue.draws import draws, fraction_16, noise
from tmxdb_sandbox.catalogue.leaderboard import CatalogueReplay
from tmxdb_sandbox.catalogue.real_maps import STORED_ENVIRONMENTS, RealMap
from tmxdb_sandbox.catalogue.track import SimulatedTrack
from tmxdb_sandbox.files.sample_bytes import packed_samples
from tmxdb_sandbox.gbx_writer import write_challenge, write_replay
from tmxdb_sandbox.settings import Settings

K = TypeVar("K")
V = TypeVar("V")

_CACHE_SIZE = 512  # maps, and samples, in memory
_MOODS = ("Sunrise", "Day", "Sunset", "Night")
_THUMBNAIL_BYTES = 3000
_BASE_BYTES = 2900  # of a replay file without its samples
_LAPS = 3
_MAP_TYPES = {1: "puzzle", 2: "platform", 3: "stunts"}  # by the site's primary type
_SAMPLES_STEP_MS, _CURVE_COUNT = 10_000, 4


@dataclass(frozen=True)
class MapFacts:
    """The facts of a generated map, as arguments of `write_challenge`."""

    uid: str
    name: str
    author: str
    environment: str
    mood: str
    bronze_ms: int
    silver_ms: int
    gold_ms: int
    author_ms: int
    laps: int
    checkpoint_count: int
    map_type: str
    author_score: int
    comments: str


class GeneratedFiles:
    """Builds files. Replays of a track share its map, tracks share samples, so that a file costs about one copy."""

    real_maps: Sequence[RealMap] = ()

    def __init__(self, settings: Settings) -> None:
        self._seed = settings.seed
        self._sample_bytes = max(0, int(settings.file_kb * 1024) - _BASE_BYTES)
        self._maps: dict[tuple[int, int], tuple[MapFacts, bytes]] = {}
        self._samples: dict[tuple[int, int], bytes] = {}

    def challenge(self, track: SimulatedTrack) -> bytes:
        facts = _map_facts(track, len(track.versions_ms) - 1)
        return write_challenge(**asdict(facts), thumbnail=_thumbnail(noise(_THUMBNAIL_BYTES, self._seed, facts.uid)))

    def replay(self, replay: CatalogueReplay) -> bytes:
        facts, challenge = self._embedded_map(replay.track, replay.version)
        return write_replay(
            challenge,
            map_uid=facts.uid,
            environment=facts.environment,
            map_author=facts.author,
            race_time_ms=replay.race_time_ms,
            checkpoints_ms=_checkpoints_ms(facts, replay.race_time_ms),
            respawns=replay.respawns,
            stunt_score=replay.stunt_score,
            login=replay.driver.login,
            nickname=replay.driver.nickname,
            ghost_uid=_ghost_uid(self._seed, replay.replay_id),
            inputs=self._inputs(replay),
            samples=self._samples_of(replay),
        )

    def _embedded_map(self, track: SimulatedTrack, version: int) -> tuple[MapFacts, bytes]:
        """Return the map without a thumbnail: the game removes it when it saves the map in a replay."""
        key = (track.index, version)
        if key not in self._maps:
            _evict_oldest(self._maps)
            facts = _map_facts(track, version)
            self._maps[key] = facts, write_challenge(**asdict(facts))
        return self._maps[key]

    def _samples_of(self, replay: CatalogueReplay) -> bytes:
        """Return samples for at least the run time (at most 1.53 x author time); runs of similar length share them."""
        length = replay.track.author_ms * 8 // 5 // _SAMPLES_STEP_MS + 1
        key = (length, (replay.track.index + replay.n) % _CURVE_COUNT)
        if key not in self._samples:
            _evict_oldest(self._samples)
            self._samples[key] = packed_samples(key[0] * _SAMPLES_STEP_MS, self._sample_bytes, (self._seed, key[1]))
        return self._samples[key]

    def _inputs(self, replay: CatalogueReplay) -> list[tuple[int, str, int]]:
        """Return full throttle with some turns and the press and release of each respawn, sorted by time."""
        end_ms = replay.race_time_ms
        _, *positions = draws(self._seed, "inputs", replay.replay_id)
        turns = [int(fraction_16(position) * (end_ms // 10 - 60)) * 10 for position in positions[replay.respawns : 24]]
        respawns = [int(fraction_16(position) * (end_ms // 10 - 60)) * 10 for position in positions[: replay.respawns]]
        inputs = [(0, "Accelerate", 1)]
        for number, at_ms in enumerate(turns):
            side = "SteerLeft" if number % 2 else "SteerRight"
            inputs += [(at_ms, side, 1), (at_ms + 10 * (1 + number), side, 0)]
        for at_ms in respawns:
            inputs += [(at_ms, "Respawn", 1), (at_ms + 50, "Respawn", 0)]
        inputs.sort(key=lambda entry: entry[0])
        return inputs


def _evict_oldest(cache: dict[K, V]) -> None:
    if len(cache) >= _CACHE_SIZE:
        del cache[next(iter(cache))]


def _map_facts(track: SimulatedTrack, version: int) -> MapFacts:
    gold_ms, silver_ms, bronze_ms = track.medals_ms
    return MapFacts(
        uid=track.uid_of(version),
        name=track.name,
        author=track.uploader.login,
        environment=STORED_ENVIRONMENTS[track.environment],
        mood=_MOODS[track.mood],
        bronze_ms=bronze_ms,
        silver_ms=silver_ms,
        gold_ms=gold_ms,
        author_ms=track.author_ms,
        laps=_LAPS if track.is_lap_race else 1,
        checkpoint_count=2 + track.index % 7,
        map_type=_MAP_TYPES.get(track.primary_type, "race"),
        author_score=track.author_score,
        comments=track.author_comments or "",
    )


def _checkpoints_ms(facts: MapFacts, race_time_ms: int) -> list[int]:
    """Return evenly spaced crossings of all laps in multiples of 10 ms; the last one is the finish."""
    count = (facts.checkpoint_count + 1) * facts.laps
    return [race_time_ms * number // count // 10 * 10 for number in range(1, count)] + [race_time_ms]


def _ghost_uid(seed: int, replay_id: int) -> str:
    return b32encode(blake2b(b"%d ghost %d" % (seed, replay_id), digest_size=17).digest()).decode()[:27]


def _thumbnail(middle: bytes) -> bytes:
    """Return bytes with the start and end markers of a JPEG."""
    return b"\xff\xd8\xff\xe0" + pack(">H", 16) + b"JFIF\0" + middle + b"\xff\xd9"
