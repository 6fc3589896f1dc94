"""Tracks and drivers with hostile names, in all kinds of jobs and all commands that show names."""

from __future__ import annotations

import json
import re
import threading
import unicodedata
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import pytest

from tests.tool import Tool
from tmxdb.storable_text import MAX_INDEXED
from tmxdb_sandbox import running_site

NAMES = [
    "../../../../tmp/escaped",
    "..\\..\\escaped",
    "/etc/passwd",
    "C:\\Windows\\win.ini",
    "CON",
    "nul.txt",
    "LPT1.Replay.Gbx",
    ".",
    "..",
    "",
    "   ",
    "~root",
    "-rf",
    'a|b*c?d<e>f:g"h',
    "ends with a dot. ",
    "x" * 10_000,
    "\u65e5\u672c" * 5_000,
    "\x1b[2J\x1b]0;owned\x07\x9b31m",
    "a\x00b\x00",
    "line\r\nSet-Cookie: a=b\r\n",
    "'; DROP TABLE replays; --",
    '" OR 1=1 --',
    "%s%n%d {0} {replay_id.__class__} ${x} `id` $(id)",
    "<script>alert(1)</script><img src=x onerror=alert(1)>",
    "\u202egnp.exe",
    "\u2028\u2029\ufeff\u200b",
    "\ud800 alone",
    "$f00$o$w$l[http://x]Name$z",
    "\U0001f680",
]


class Handler(BaseHTTPRequestHandler):
    """A minimal exchange: one track for each name, with one replay by a driver of that name."""

    protocol_version = "HTTP/1.1"
    replay: bytes

    def do_GET(self) -> None:
        url = urlsplit(self.path)
        query = {name.lower(): values[0] for name, values in parse_qs(url.query).items()}
        if url.path == "/api/tracks":
            rows = [] if "after" in query else [_track(i) for i in range(len(NAMES))]
            self._answer(json.dumps({"More": False, "Results": rows}).encode(), "application/json")
        elif url.path == "/api/replays":
            rows = [_replay(int(query["trackid"]) - 1)]
            self._answer(json.dumps({"More": False, "Results": rows}).encode(), "application/json")
        else:
            self._answer(self.replay, "application/gbx")

    def _answer(self, body: bytes, content_type: str) -> None:
        self.send_response(200)
        self.send_header("Content-Type", content_type)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        pass


def _track(i: int) -> dict[str, object]:
    name = NAMES[i]
    who = {"UserId": 1, "Name": name}
    texts = {"TrackName": name, "UId": name, "AuthorComments": name}
    return {"TrackId": i + 1, **texts, "Uploader": who, "Authors": [{"User": who}], "UploadedAt": "2009-02-20T16:57:38"}


def _replay(i: int) -> dict[str, object]:
    return {"ReplayId": 1000 + i, "User": {"UserId": i, "Name": NAMES[i]}, "Position": 0, "ReplayTime": 5000}


@pytest.fixture
def exchange() -> Iterator[str]:
    """Yield the URL of the exchange."""
    with running_site(tracks=1, replays=1, plain=True) as site:
        (track_id,) = site.track_ids()
        Handler.replay = site.expected_replay(site.leaderboard(track_id)[0]["replay_id"])
    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    server.server_close()
    thread.join()


def test_no_name_chooses_a_path_breaks_a_row_or_reaches_a_terminal_raw(
    tool: Tool, exchange: str, new_location: str, tmp_path: Path
) -> None:
    before = {path for path in tmp_path.rglob("*") if not path.is_relative_to(tool.folder)}
    where = ("--db", new_location, "--data", "data")
    said = [tool("--site", exchange, *where, "sync-tracks"), tool(*where, "run", "--n", 4)]
    said += [tool(*where, "status"), tool(*where, "status", "--json")]
    said += [tool(*where, "show", "replay", 1000 + i) for i in range(len(NAMES))]
    said += [tool(*where, "show", "track", 1 + i) for i in range(len(NAMES))]
    listed = tool(*where, "query", "--json", "select replay_id, status, user_name, file_path from replays order by 1")
    said += [listed, tool(*where, "query", "select user_name, name from replays join tracks using (track_id)")]
    said += [tool(*where, "verify", "--hash")]
    for ran in said:
        assert _raw(ran.out + ran.err) == set(), (ran.out + ran.err)[:2000]
    rows = listed.json
    assert [(row["replay_id"], row["status"]) for row in rows] == [(1000 + i, "done") for i in range(len(NAMES))]
    assert [row["user_name"] for row in rows] == [_kept(name) for name in NAMES]
    for row in rows:
        path = row["file_path"]
        assert re.fullmatch(r"replays/\d+/\d+_[A-Za-z0-9._-]+\.Replay\.Gbx", path), path
        assert len(path) < 120
        assert (tool.folder / "data" / path).read_bytes() == Handler.replay
    maps = {f"data/tracks/{i + 1}.Challenge.Gbx" for i in range(len(NAMES))}
    files = {name for name in tool.files() if not name.startswith("tmx.db")}
    assert files == {f"data/{row['file_path']}" for row in rows} | maps
    after = {path for path in tmp_path.rglob("*") if not path.is_relative_to(tool.folder)}
    assert {path.name for path in after - before} <= {
        "new.db",
        "new.db-wal",
        "new.db-shm",
        ".new.db.lock",
        "new.db.lock",
    }


def _raw(text: str) -> set[str]:
    """Return the characters that a terminal would interpret."""
    return {c for c in text if c not in "\n\t" and unicodedata.category(c) in ("Cc", "Cf", "Cs", "Zl", "Zp")}


def _kept(name: str) -> str | None:
    """Return what a row stores of a name: its beginning, without characters that databases reject."""
    return name.replace("\0", "").encode("utf-8", "replace").decode()[:MAX_INDEXED]
