"""Files over HTTP: whole and checked, gone on with after a cut, given up with a reason."""

from __future__ import annotations

import os
import socket
import threading
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from pathlib import Path

import pytest

from server.doodle import transfer
from server.doodle.transfer import ATTEMPTS, CHUNK, Stopped, Transfer, TransferFailed
from tests.unit.doodle.published_server import (
    Published,
    crc32c_header,
    md5_header,
    publishing,
)

CONTENT = os.urandom(3 * CHUNK + 17)


@pytest.fixture(autouse=True)
def at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(transfer, "FIRST_PAUSE", 0.0)
    for name in ("http_proxy", "HTTP_PROXY", "all_proxy", "ALL_PROXY"):
        monkeypatch.delenv(name, raising=False)


@pytest.fixture
def published() -> Iterator[Published]:
    with publishing({"/binary/cat.bin": CONTENT}) as served:
        yield served


@pytest.fixture
def target(tmp_path: Path) -> Path:
    return tmp_path / "cat.bin"


def of(published: Published, target: Path, path: str = "/binary/cat.bin") -> Transfer:
    return Transfer(published.address + path, target, lambda _: None, threading.Event())


def left(target: Path) -> list[str]:
    return sorted(path.name for path in target.parent.iterdir())


def test_a_file_comes_whole_and_its_bytes_are_told(published: Published, target: Path) -> None:
    told: list[int] = []
    address = f"{published.address}/binary/cat.bin"
    Transfer(address, target, told.append, threading.Event()).run()
    assert target.read_bytes() == CONTENT
    assert left(target) == ["cat.bin"]
    assert (told[0], told[-1]) == (0, len(CONTENT))
    assert told == sorted(told)
    assert published.asked[0][2]["Accept-Encoding"] == "identity"


def test_its_size_is_asked_for_without_it(published: Published, target: Path) -> None:
    assert of(published, target).size() == len(CONTENT)
    assert published.methods() == {"HEAD": 1}


@pytest.mark.parametrize("hashes", [[], [crc32c_header(CONTENT)], [md5_header(CONTENT)]])
def test_what_was_cut_off_goes_on_where_it_was(
    published: Published, target: Path, hashes: list[str]
) -> None:
    published.hashes = hashes
    published.cuts = [CHUNK + 1, 7]
    of(published, target).run()
    assert target.read_bytes() == CONTENT
    assert published.ranges_asked() == ["", f"bytes={CHUNK + 1}-", f"bytes={CHUNK + 8}-"]


def test_another_call_goes_on_too(published: Published, target: Path) -> None:
    published.gate = threading.Event()
    stopped = threading.Event()

    def told(have: int) -> None:
        if have >= CHUNK:
            stopped.set()

    with pytest.raises(Stopped):
        Transfer(f"{published.address}/binary/cat.bin", target, told, stopped).run()
    assert left(target) == ["cat.bin.part", "cat.bin.part.json"]
    published.gate.set()
    of(published, target).run()
    assert target.read_bytes() == CONTENT
    assert published.ranges_asked()[1] == f"bytes={CHUNK}-"


@pytest.mark.parametrize("change", ["etag", "no ranges", "weak", "other address", "too long"])
def test_parts_of_two_files_never_meet(published: Published, target: Path, change: str) -> None:
    if change == "weak":
        published.etag = 'W/"one"'
    published.files["/other.bin"] = os.urandom(9 * CHUNK)
    published.cuts = [CHUNK]
    stopped = threading.Event()

    def told(have: int) -> None:
        if have:
            stopped.set()

    path = "/other.bin" if change in ("other address", "too long") else "/binary/cat.bin"
    if change == "too long":
        published.cuts = [8 * CHUNK]
    with pytest.raises(Stopped):
        Transfer(published.address + path, target, told, stopped).run()
    if change == "etag":
        published.files["/binary/cat.bin"] = CONTENT[::-1]
        published.etag = '"two"'
    if change == "no ranges":
        published.ranges = False
    if change == "too long":
        part = target.with_name("cat.bin.part")
        part.write_bytes(os.urandom(len(CONTENT) + 5))
        note = part.with_name("cat.bin.part.json")
        note.write_text(note.read_text().replace("/other.bin", "/binary/cat.bin"))
    of(published, target).run()
    assert target.read_bytes() == published.files["/binary/cat.bin"]
    assert left(target) == ["cat.bin"]


@pytest.mark.parametrize("kind", ["md5", "crc32c"])
def test_a_wrong_checksum_is_never_kept(published: Published, target: Path, kind: str) -> None:
    wrong = (md5_header if kind == "md5" else crc32c_header)(b"something else")
    published.hashes = [wrong]
    with pytest.raises(TransferFailed, match=f"the {kind} checksum of what came is wrong"):
        of(published, target).run()
    assert left(target) == []
    assert published.ranges_asked() == [""] * ATTEMPTS


def test_the_better_checksum_counts(published: Published, target: Path) -> None:
    published.hashes = [f"{crc32c_header(b'wrong')},{md5_header(CONTENT)}"]
    of(published, target).run()
    published.hashes = ["md5=no/base64!,crc32c=AAAA"]  # none that can be read
    of(published, target).run()
    assert target.read_bytes() == CONTENT


def test_what_is_not_there_is_not_asked_for_again(published: Published, target: Path) -> None:
    missing = of(published, target, "/binary/dragon%20fly.bin")
    with pytest.raises(TransferFailed, match=r"/binary/dragon%20fly\.bin: 404 Not Found"):
        missing.run()
    with pytest.raises(TransferFailed, match="404"):
        missing.size()
    assert published.methods() == {"GET": 1, "HEAD": 1}


def test_passing_refusals_are_waited_for(
    published: Published, target: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    waited: list[float] = []

    class Stop(threading.Event):
        def wait(self, timeout: float | None = None) -> bool:
            waited.append(timeout or 0.0)
            return False

    soon = format_datetime(datetime.now(UTC) + timedelta(seconds=20), usegmt=True)
    published.refusals = [
        (503, {"Retry-After": "7"}),
        (429, {"Retry-After": soon}),
        (500, {"Retry-After": "99999"}),
        (502, {"Retry-After": "soon"}),
    ]
    address = f"{published.address}/binary/cat.bin"
    Transfer(address, target, lambda _: None, Stop()).run()
    assert target.read_bytes() == CONTENT
    assert waited[0] == 7.0
    assert 10 < waited[1] <= 20
    assert waited[2:] == [transfer.LONGEST_PAUSE, 0.0]


def test_nothing_that_answers_is_given_up(target: Path) -> None:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    nobody = Transfer(f"http://127.0.0.1:{port}/x", target, lambda _: None, threading.Event())
    with pytest.raises(TransferFailed, match=rf"refused.*\({ATTEMPTS} attempts\)"):
        nobody.run()


@pytest.mark.parametrize("address", ["file:///etc/hostname", "ftp://127.0.0.1/x"])
def test_only_the_web_is_opened(target: Path, address: str) -> None:
    with pytest.raises(TransferFailed, match="only http and https"):
        Transfer(address, target, lambda _: None, threading.Event()).run()


def test_a_disk_error_is_not_tried_again(published: Published, tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError):
        of(published, tmp_path / "no folder" / "cat.bin").run()
    assert published.methods() == {"GET": 1}
