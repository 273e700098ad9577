"""`doodlescope download` as it is typed, from a server on this machine."""

from __future__ import annotations

import io
import os
import shutil
import signal
import subprocess
import sys
import threading
from collections import namedtuple
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from server.commands import download as command
from server.commands.download import download
from server.commands.failure import CommandFailed
from server.doodle import transfer
from server.doodle.published import FORMS, PublishedFile, read_bitmap_batches, read_drawings
from tests.property.test_published import binary_of, line_of
from tests.unit.doodle.published_server import Published, publishing

CATEGORIES = ["cat", "hot air balloon"]
DRAWING = [[[0, 9, 255], [0, 8, 7]], [[4, 5], [6, 7]]]
IMAGES = np.arange(3 * 784, dtype=np.uint32).reshape(3, 784).astype(np.uint8)


def contents(form: str, category: str) -> bytes:
    """Two drawings, or three images, as they are published."""
    if form == "binary":
        return binary_of(1, True, DRAWING) + binary_of(2, False, DRAWING[:1])
    if form == "numpy_bitmap":
        file = io.BytesIO()
        np.save(file, IMAGES)
        return file.getvalue()
    lines = [line_of(category, 1, True, DRAWING, form == "raw")]
    lines.append(line_of(category, 2, False, DRAWING[:1], form == "raw"))
    return "".join(lines).encode()


@pytest.fixture
def published(monkeypatch: pytest.MonkeyPatch) -> Iterator[Published]:
    monkeypatch.setattr(transfer, "FIRST_PAUSE", 0.0)
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    files = {
        f"/full/{PublishedFile(form, category).path.as_posix()}": contents(form, category)
        for form in FORMS
        for category in CATEGORIES
    }
    with publishing(files) as served:
        yield served


def typed(published: Published, folder: Path, *words: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "server", "download", *words]
    return subprocess.run(
        [*command, "--source", f"{published.address}/full", "--to", str(folder)],
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )


def test_every_form_comes_and_can_be_read(published: Published, tmp_path: Path) -> None:
    forms = [word for form in FORMS for word in ("--form", form)]
    looked = typed(published, tmp_path / "data", *CATEGORIES, *forms, "--sizes")
    assert looked.returncode == 0, looked.stderr
    assert "8 files" in looked.stderr
    assert published.methods() == {"HEAD": 8}
    done = typed(published, tmp_path / "data", *CATEGORIES, *forms)
    assert done.returncode == 0, done.stderr
    assert "Creative Commons Attribution 4.0" in done.stderr
    for category in CATEGORIES:
        for form in ("raw", "simplified", "binary"):
            path = tmp_path / "data" / PublishedFile(form, category).path
            found = [(each.key, each.recognized) for each in read_drawings(path)]
            assert found == [(1, True), (2, False)]
            assert next(iter(read_drawings(path))).drawing.to_lists() == DRAWING
        path = tmp_path / "data" / PublishedFile("numpy_bitmap", category).path
        (batch,) = read_bitmap_batches(path)
        assert (batch.images.reshape(3, 784) == IMAGES).all()
    again = typed(published, tmp_path / "data", *CATEGORIES, *forms)
    assert again.returncode == 0
    assert "to come: 0 files" in again.stderr
    assert published.methods()["GET"] == 8, "what is there stays"


def get(published: Published, folder: Path, *categories: str, connections: int = 2) -> None:
    source = f"{published.address}/full"
    download(categories, ["simplified"], False, folder, source, connections, False)


def test_cuts_are_gone_on_with_and_the_others_come_where_one_fails(
    published: Published, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    published.cuts = [20, 30]
    get(published, tmp_path, *CATEGORIES)
    assert len(list(tmp_path.glob("simplified/*.ndjson"))) == 2
    del published.files["/full/simplified/cat.ndjson"]
    shutil.rmtree(tmp_path / "simplified")
    with pytest.raises(CommandFailed, match="1 of 2 files could not be had"):
        get(published, tmp_path, *CATEGORIES)
    assert "/full/simplified/cat.ndjson: 404 Not Found" in capsys.readouterr().err
    assert [path.name for path in tmp_path.glob("simplified/*")] == ["hot air balloon.ndjson"]


def test_a_file_that_has_changed_comes_anew(published: Published, tmp_path: Path) -> None:
    get(published, tmp_path, "cat")
    published.files["/full/simplified/cat.ndjson"] *= 2
    get(published, tmp_path, "cat")
    path = tmp_path / "simplified" / "cat.ndjson"
    assert path.read_bytes() == published.files["/full/simplified/cat.ndjson"]


def test_nothing_begins_where_there_is_no_room(
    published: Published, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    usage = namedtuple("usage", "total used free")
    monkeypatch.setattr("shutil.disk_usage", lambda _: usage(0, 0, command.SPARE_BYTES + 99))
    with pytest.raises(CommandFailed, match=r"has 104\.9 MB left; 333 bytes are to come"):
        get(published, tmp_path, "cat")
    assert published.methods() == {"HEAD": 1}


def test_no_more_files_at_once_than_wanted(
    published: Published, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    running, most, lock = 0, 0, threading.Lock()
    run = transfer.Transfer.run

    def counted(self: transfer.Transfer) -> None:
        nonlocal running, most
        with lock:
            running += 1
            most = max(most, running)
        run(self)
        with lock:
            running -= 1

    monkeypatch.setattr(transfer.Transfer, "run", counted)
    source = f"{published.address}/full"
    download(CATEGORIES, list(FORMS), False, tmp_path, source, 3, False)
    assert 1 <= most <= 3


@pytest.mark.skipif(sys.platform == "win32", reason="Ctrl-C is sent as on Unix")
def test_an_interrupted_download_goes_on(published: Published, tmp_path: Path) -> None:
    content = os.urandom(3 * transfer.CHUNK)
    published.files["/full/simplified/cat.ndjson"] = content
    published.gate = threading.Event()
    words = ["download", "cat", "--source", f"{published.address}/full", "--to", str(tmp_path)]
    process = subprocess.Popen(
        [sys.executable, "-m", "server", *words], stderr=subprocess.PIPE, text=True
    )
    part = tmp_path / "simplified" / "cat.ndjson.part"
    while not (part.exists() and part.stat().st_size) and process.poll() is None:
        threading.Event().wait(0.05)
    process.send_signal(signal.SIGINT)
    # Before it has heard that, it must not get all: this connection ends, the next one is refused.
    published.cuts, published.refusals = [1], [(503, {"Retry-After": "60"})]
    published.gate.set()
    _, said = process.communicate(timeout=120)
    assert process.returncode == 1, said
    assert "stopped; the same command goes on from there." in said
    assert 0 < part.stat().st_size < len(content)
    published.gate, published.refusals = None, []
    get(published, tmp_path, "cat")
    assert (tmp_path / "simplified" / "cat.ndjson").read_bytes() == content
    assert published.ranges_asked()[-1].startswith("bytes=")
    assert published.ranges_asked()[-1] != "bytes=0-"


@pytest.mark.parametrize(
    ("categories", "forms", "every", "said"),
    [
        (["kat"], ["raw"], False, "There is no category 'kat'. Did you mean hat, cat"),
        (["cat"], ["jpeg"], False, "There is no form 'jpeg'; there is raw, simplified"),
        ([], ["raw"], False, "Name categories, or ask for --all"),
        (["cat"], ["raw"], True, "but not both"),
    ],
)
def test_what_is_not_published_is_refused(
    categories: list[str], forms: list[str], every: bool, said: str
) -> None:
    with pytest.raises(CommandFailed, match=said):
        command.published_files(categories, forms, every)


def test_all_are_all() -> None:
    assert len(set(command.published_files([], list(FORMS), True))) == 4 * 345


def test_only_the_web_is_a_source(tmp_path: Path) -> None:
    with pytest.raises(CommandFailed, match="it is an http or https address"):
        download(["cat"], ["raw"], False, tmp_path, "file:///srv/data", 1, False)
