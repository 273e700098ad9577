"""``doodlescope download``: the published data set, several files at once, with progress."""

from __future__ import annotations

import difflib
import shutil
import threading
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import urlsplit

from rich.console import Console
from rich.progress import (
    BarColumn,
    DownloadColumn,
    Progress,
    ProgressColumn,
    TextColumn,
    TimeRemainingColumn,
    TransferSpeedColumn,
)

from server.commands.failure import CommandFailed, failing_on
from server.doodle.categories import CATEGORIES
from server.doodle.published import FORMS, FormName, PublishedFile
from server.doodle.transfer import Stopped, Transfer, TransferFailed

SPARE_BYTES = 100 * 2**20
"""So much stays free on the disk."""
LICENCE = (
    'The data are "made available by Google, Inc. under the Creative Commons Attribution 4.0 '
    'International license": https://creativecommons.org/licenses/by/4.0/'
)


def download(
    categories: Sequence[str],
    forms: Sequence[str],
    every: bool,
    folder: Path,
    source: str,
    connections: int,
    look_only: bool,
) -> None:
    """Get the files of some categories in some forms into ``folder/FORM/CATEGORY.SUFFIX``.

    What is there already stays, if it is as long as at the source; what was cut off goes on.

    Args:
        every: all categories.
        source: the address of the data set.
        connections: so many files at once.
        look_only: only say how much it is.

    Raises:
        CommandFailed: no such category, form or address; too little room; files that could not be
            had, of which the last line tells how many; or it was interrupted.
    """
    wanted = published_files(categories, forms, every)
    if urlsplit(source).scheme not in ("http", "https"):
        raise CommandFailed(f"The source is {source!r}; it is an http or https address.")
    with failing_on(OSError):
        for form in {file.form for file in wanted}:
            (folder / form).mkdir(parents=True, exist_ok=True)
    run = _Downloads(wanted, folder, source, connections)
    try:
        run.look_up()
        run.say_how_much()
        if not look_only:
            run.check_room()
            run.fetch()
    except KeyboardInterrupt:
        raise CommandFailed("stopped; the same command goes on from there.") from None
    run.fail_on_failures()


def published_files(
    categories: Sequence[str], forms: Sequence[str], every: bool
) -> list[PublishedFile]:
    """The files that are meant.

    Raises:
        CommandFailed: one that is none, or none at all.
    """
    if bool(categories) == every:
        raise CommandFailed("Name categories, or ask for --all of them, but not both.")
    for category in categories:
        if category not in CATEGORIES:
            near = difflib.get_close_matches(category, CATEGORIES, 3)
            hint = f" Did you mean {', '.join(near)}?" if near else ""
            raise CommandFailed(f"There is no category {category!r}.{hint}")
    for form in forms:
        if form not in FORMS:
            raise CommandFailed(f"There is no form {form!r}; there is {', '.join(FORMS)}.")
    known: list[FormName] = [form for form in FORMS if form in forms]
    chosen = CATEGORIES if every else tuple(dict.fromkeys(categories))
    return [PublishedFile(form, category) for form in known for category in chosen]


class _Downloads:
    """Files that are had several at a time; failures are collected and told at the end."""

    def __init__(
        self, files: Sequence[PublishedFile], folder: Path, source: str, connections: int
    ) -> None:
        self._folder = folder
        self._connections = connections
        self._console = Console(stderr=True, highlight=False, soft_wrap=True)
        self._stopped = threading.Event()
        self._lock = threading.Lock()
        self._had: dict[PublishedFile, int] = {}
        self._failures: dict[PublishedFile, Exception] = {}
        self._sizes: dict[PublishedFile, int | None] = {}
        self._transfers = {file: self._transfer(file, source) for file in files}

    def look_up(self) -> None:
        """Ask how long each file is."""
        with self._bar("Looking up sizes", len(self._transfers), in_bytes=False) as told:
            self._each(list(self._transfers), lambda file: self._transfers[file].size(), told)

    def say_how_much(self) -> None:
        """Say how much there is, and how much of it is here."""
        missing = self._missing()
        unknown = sum(size is None for size in self._sizes.values())
        self._console.print(
            f"{_files(len(self._sizes))}, {_words(self._bytes(self._sizes))}"
            f"{f' and {unknown} of unknown size' if unknown else ''}; to come: "
            f"{_files(len(missing))}, {_words(self._bytes(missing) - self._begun(missing))}.",
        )

    def check_room(self) -> None:
        """Raise CommandFailed if the disk has too little."""
        missing = self._missing()
        needed = self._bytes(missing) - self._begun(missing)
        free = shutil.disk_usage(self._folder).free
        if needed + SPARE_BYTES > free:
            raise CommandFailed(
                f"{self._folder} has {_words(free)} left; {_words(needed)} are to come, and "
                f"{_words(SPARE_BYTES)} stay free."
            )

    def fetch(self) -> None:
        """Get what is missing."""
        missing = self._missing()
        total = self._bytes(missing)
        with self._bar("Downloading", total, in_bytes=True) as told:

            def tell(_: object) -> None:
                with self._lock:
                    told(sum(self._had.values()))

            def get(file: PublishedFile) -> None:
                self._transfers[file].run()

            self._each(missing, get, tell, ticking=True)
        done = [file for file in missing if file not in self._failures]
        if done:
            self._console.print(f"{_files(len(done))} in {self._folder}. {LICENCE}")

    def fail_on_failures(self) -> None:
        """Say what could not be had; raise CommandFailed if there is anything."""
        for error in self._failures.values():
            self._console.print(str(error), markup=False)
        if self._failures:
            raise CommandFailed(
                f"{len(self._failures)} of {len(self._transfers)} files could not be had; the "
                "same command tries them again."
            )

    def _transfer(self, file: PublishedFile, source: str) -> Transfer:
        def told(have: int) -> None:
            with self._lock:
                self._had[file] = have

        return Transfer(file.address(source), self._folder / file.path, told, self._stopped)

    def _missing(self) -> dict[PublishedFile, int | None]:
        """Files that are not here as long as at the source, and how long they are there."""
        found = {}
        for file, size in self._sizes.items():
            target = self._transfers[file].target
            if not target.exists() or size not in (None, target.stat().st_size):
                found[file] = size
        return found

    def _begun(self, files: dict[PublishedFile, int | None]) -> int:
        parts = [self._transfers[file].part for file in files]
        return sum(part.stat().st_size for part in parts if part.exists())

    def _bytes(self, sizes: dict[PublishedFile, int | None]) -> int:
        return sum(size or 0 for size in sizes.values())

    def _each(
        self,
        files: Sequence[PublishedFile] | dict[PublishedFile, int | None],
        work: Callable[[PublishedFile], int | None],
        told: Callable[[int], None],
        ticking: bool = False,
    ) -> None:
        """Do the work for each, several at once; what fails is noted, and the others go on."""
        pool = ThreadPoolExecutor(self._connections, thread_name_prefix="download")
        waiting: dict[Future[int | None], PublishedFile] = {}
        done = 0
        try:
            waiting = {pool.submit(work, file): file for file in files}
            while waiting:
                over, _ = wait(waiting, timeout=0.2, return_when=FIRST_COMPLETED)
                for future in over:
                    self._note(waiting.pop(future), future, ticking)
                done += len(over)
                told(done)
        except BaseException:
            self._stopped.set()
            pool.shutdown(cancel_futures=True)
            raise
        pool.shutdown()

    def _note(self, file: PublishedFile, future: Future[int | None], fetched: bool) -> None:
        try:
            size = future.result()
        except (TransferFailed, OSError) as error:
            self._failures[file] = error
        except Stopped:
            pass
        else:
            if not fetched:
                self._sizes[file] = size
            elif not self._console.is_terminal:
                self._console.print(f"{file.path}")

    @contextmanager
    def _bar(self, title: str, total: int, in_bytes: bool) -> Iterator[Callable[[int], None]]:
        """A bar on a terminal; gives what is to be told how much is done."""
        columns: list[ProgressColumn] = [TextColumn(title), BarColumn()]
        if in_bytes:
            columns += [DownloadColumn(), TransferSpeedColumn(), TimeRemainingColumn()]
        else:
            columns.append(TextColumn("{task.completed} of {task.total}"))
        with Progress(
            *columns,
            console=self._console,
            transient=True,
            disable=not self._console.is_terminal,
        ) as bar:
            task = bar.add_task("", total=total or None)
            yield lambda done: bar.update(task, completed=done)


def _files(count: int) -> str:
    return f"{count} file{'' if count == 1 else 's'}"


def _words(count: int) -> str:
    """A number of bytes as people say it: 12.3 MB."""
    value = float(count)
    for unit in ("bytes", "kB", "MB", "GB"):
        if value < 1_000:
            return f"{value:.0f} {unit}" if unit == "bytes" else f"{value:.1f} {unit}"
        value /= 1_000
    return f"{value:.1f} TB"
