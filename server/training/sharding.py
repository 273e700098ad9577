"""Published files become shards, in two passes and bounded memory, and go on where they stopped.

The first pass deals the drawings of all files out to piles on the disk, in rounds: each pile gets
one drawing of a round, in an order that is drawn for the round, so that all piles have equally many
of each category. The second shuffles one pile after the other in memory and cuts it into shards.
"""

from __future__ import annotations

import hashlib
import json
import math
import shutil
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from server.doodle.packed import PackedDrawings
from server.doodle.published_folder import Source, read_blocks
from server.training.excluded import Excluded
from server.training.held_out import HeldOut
from server.training.shard_index import (
    INDEX_FILE,
    VALIDATION_FILE,
    InvalidShards,
    Shard,
    ShardIndex,
    SourceCounts,
    save_shard,
    write_whole,
)

PARTS = 16
SHARD_DRAWINGS = 16_384
HELD_OUT = 50
MEMORY = 256 * 2**20
_PILES = "piles"
_JOURNAL = "journal.json"
_ROUNDS = 4_096
"""Drawings whose piles are drawn at a time, or one round if that is more."""
_SHARE = 8
"""A pile, and what waits to be written, are each this part of the memory: a pile is there up to
three times while it is shuffled, and a few blocks are besides."""


@dataclass(frozen=True)
class Plan:
    """What decides the shards, beside the files' contents.

    Attributes:
        parts: so many training processes, or divisors of it, can share the shards.
        shard_drawings: a shard has at most so many drawings.
        held_out: at most so many drawings of a category are for validation.
        memory: bytes that drawings may take while they are dealt and shuffled, about.
    """

    seed: int = 0
    parts: int = PARTS
    shard_drawings: int = SHARD_DRAWINGS
    held_out: int = HELD_OUT
    memory: int = MEMORY

    def piles(self, source_bytes: int) -> int:
        """So many piles there are: as many for each part, none too large to be shuffled."""
        pile = self.memory // _SHARE
        return self.parts * max(1, math.ceil(source_bytes / (pile * self.parts)))


@dataclass(frozen=True)
class Told:
    """How far it is: the phase, and bytes done of all in it."""

    phase: str
    done: int
    total: int


class Sharding:
    """Writes the shards of some files into a folder; what a kill left there is gone on from."""

    def __init__(
        self,
        sources: list[Source],
        folder: Path,
        plan: Plan,
        told: Callable[[Told], None] = lambda told: None,
        excluded: Excluded | None = None,
    ) -> None:
        """Args:
        sources: one a category.
        folder: where the shards go; it is made.
        told: is called now and then.
        excluded: tells which drawings are left out.
        """
        self._sources = sources
        self._folder = folder
        self._plan = plan
        self.told = told
        self._excluded = excluded or Excluded()
        self.decided = decided_by(sources, plan, self._excluded)
        self._sizes = [source.path.stat().st_size for source in sources]
        self._piles = plan.piles(sum(self._sizes))
        self._journal = _Journal(folder / _PILES / _JOURNAL, self.decided)
        self._waiting: list[list[NDArray[np.uint8]]] = [[] for _ in range(self._piles)]
        self._waiting_bytes = 0

    def run(self) -> ShardIndex:
        """Do what remains.

        Raises:
            InvalidDataFile: a file is not of its form.
            InvalidShards: there are fewer drawings than parts, or none can be held out.
            OSError: a file cannot be read, or a shard written.
        """
        if not self._journal.read():
            for path in list(written_files(self._folder)):
                path.unlink()
        (self._folder / INDEX_FILE).unlink(missing_ok=True)
        (self._folder / _PILES).mkdir(parents=True, exist_ok=True)
        self._deal()
        dealt = self._journal.dealt
        if dealt < self._piles:
            raise InvalidShards(
                f"{dealt} drawings are too few for {self._piles} piles; fewer --parts or more "
                "--memory make fewer of them."
            )
        index = self._shuffle()
        if not index.validation.drawings:
            raise InvalidShards("There are too few drawings of each category to hold any out.")
        index.save(self._folder)
        shutil.rmtree(self._folder / _PILES)
        return index

    def _deal(self) -> None:
        journal = self._journal
        if len(journal.sources) == len(self._sources):
            return
        for pile in range(self._piles):
            _cut(self._pile(pile), journal.pile_bytes[pile] if journal.pile_bytes else 0)
        for number in range(len(journal.sources), len(self._sources)):
            source = self._sources[number]
            before = sum(self._sizes[:number])
            counts = self._deal_source(source, self._held_out_file(number), before)
            self._write_waiting()
            journal.sources.append(counts)
            journal.pile_bytes = [self._pile(pile).stat().st_size for pile in range(self._piles)]
            journal.write()
            self.told(Told("Dealing", before + self._sizes[number], sum(self._sizes)))

    def _deal_source(self, source: Source, held_out_file: Path, before: int) -> SourceCounts:
        choice = HeldOut(self._plan.seed, self._plan.held_out)
        first = position = self._journal.dealt
        unrecognised = excluded = 0
        for block in read_blocks(source):
            kept = ~self._excluded.among(block.drawings, source.label, source.form)
            excluded += int((~kept).sum())
            unrecognised += block.unrecognised
            wanted = block.drawings if kept.all() else block.drawings.take(np.flatnonzero(kept))
            position = self._deal_out(choice.add(wanted), position)
            self.told(Told("Dealing", before + block.read, sum(self._sizes)))
        held_out, others = choice.finish()
        position = self._deal_out(others, position)
        data, _ = held_out.framed(np.arange(len(held_out)))
        held_out_file.write_bytes(data.tobytes())
        return SourceCounts(
            file=source.name,
            bytes=source.path.stat().st_size,
            form=source.form,
            category=source.category,
            trained=position - first,
            held_out=len(held_out),
            unrecognised=unrecognised,
            excluded=excluded,
        )

    def _deal_out(self, drawings: PackedDrawings, position: int) -> int:
        """Put drawings on piles; ``position`` of them all were before. Returns how many are now."""
        if not len(drawings):
            return position
        piles = self._drawn_piles(position, len(drawings))
        order = np.argsort(piles, kind="stable")
        data, starts = drawings.framed(order)
        ends = np.cumsum(np.bincount(piles, minlength=self._piles))
        for pile, (begin, end) in enumerate(zip([0, *ends[:-1]], ends, strict=True)):
            if end > begin:
                self._waiting[pile].append(data[starts[begin] : starts[end]])
        self._waiting_bytes += len(data)
        if self._waiting_bytes > self._plan.memory // _SHARE:
            self._write_waiting()
        return position + len(drawings)

    def _drawn_piles(self, position: int, count: int) -> NDArray[np.int64]:
        """The piles of the drawings from ``position`` on: each once in each round."""
        rounds = max(1, _ROUNDS // self._piles)
        size = rounds * self._piles
        drawn = [
            np.random.default_rng([self._plan.seed, number])
            .permuted(np.tile(np.arange(self._piles), (rounds, 1)), axis=1)
            .reshape(-1)
            for number in range(position // size, (position + count - 1) // size + 1)
        ]
        skipped = position % size
        piles: NDArray[np.int64] = np.concatenate(drawn)[skipped : skipped + count]
        return piles

    def _write_waiting(self) -> None:
        for pile, waiting in enumerate(self._waiting):
            if waiting:
                with self._pile(pile).open("ab") as file:
                    file.writelines(piece.data for piece in waiting)
                waiting.clear()
        self._waiting_bytes = 0

    def _shuffle(self) -> ShardIndex:
        journal = self._journal
        largest = math.ceil(journal.dealt / self._piles)
        cuts = math.ceil(largest / self._plan.shard_drawings)
        total = sum(journal.pile_bytes)
        for pile in range(journal.shuffled, self._piles):
            drawings = _read_rows(self._pile(pile))
            random = np.random.default_rng([self._plan.seed, pile, 1])
            parts = np.array_split(random.permutation(len(drawings)), cuts)
            for cut, chosen in enumerate(parts):
                # Pile by pile within a part, and the parts in turn.
                number = cut * self._piles + pile
                name = f"shard-{number:05d}.safetensors"
                journal.shards[number] = save_shard(self._folder, name, drawings.take(chosen))
            journal.shuffled = pile + 1
            journal.write()
            self._pile(pile).unlink()
            self.told(Told("Shuffling", sum(journal.pile_bytes[: pile + 1]), total))
        held_out = [_read_rows(self._held_out_file(number)) for number in range(len(self._sources))]
        return ShardIndex(
            decided=self.decided,
            seed=self._plan.seed,
            parts=self._plan.parts,
            sources=tuple(journal.sources),
            shards=tuple(journal.shards[number] for number in sorted(journal.shards)),
            validation=save_shard(self._folder, VALIDATION_FILE, PackedDrawings.joined(held_out)),
        )

    def _pile(self, number: int) -> Path:
        return self._folder / _PILES / f"{number:05d}.rows"

    def _held_out_file(self, number: int) -> Path:
        return self._folder / _PILES / f"held-out-{number:03d}.rows"


class _Journal:
    """What is done: the files dealt, with the length of each pile behind them; piles shuffled."""

    def __init__(self, path: Path, decided: str) -> None:
        self._path = path
        self._decided = decided
        self.sources: list[SourceCounts] = []
        self.pile_bytes: list[int] = []
        self.shuffled = 0
        self.shards: dict[int, Shard] = {}

    @property
    def dealt(self) -> int:
        """So many drawings are on piles, or were."""
        return sum(source.trained for source in self.sources)

    def read(self) -> bool:
        """Take over what an earlier run wrote; returns whether that was for the same shards."""
        try:
            fields = json.loads(self._path.read_bytes())
        except (OSError, ValueError):
            return False
        if fields["decided"] != self._decided:
            return False
        self.sources = [SourceCounts(**source) for source in fields["sources"]]
        self.pile_bytes = fields["pile_bytes"]
        self.shuffled = fields["shuffled"]
        self.shards = {int(key): Shard(**value) for key, value in fields["shards"].items()}
        return True

    def write(self) -> None:
        """Write it, whole or not at all."""
        fields = {
            "decided": self._decided,
            "sources": [asdict(source) for source in self.sources],
            "pile_bytes": self.pile_bytes,
            "shuffled": self.shuffled,
            "shards": {number: asdict(shard) for number, shard in self.shards.items()},
        }
        write_whole(self._path, json.dumps(fields).encode())


def _read_rows(path: Path) -> PackedDrawings:
    try:
        return PackedDrawings.unframed(np.fromfile(path, np.uint8))
    except ValueError as error:
        raise InvalidShards(f"{path}: {error}; --restart begins anew.") from error


def _cut(path: Path, size: int) -> None:
    """Make a pile as long as the journal says; what a kill left behind that is dealt again."""
    with path.open("ab") as file:
        if file.tell() < size:
            raise InvalidShards(f"{path} is shorter than it was; --restart begins anew.")
        file.truncate(size)


def written_files(folder: Path) -> Iterator[Path]:
    """The files in a folder that are of shards, whole or begun."""
    for pattern in ("shard-*.safetensors*", f"{VALIDATION_FILE}*", f"{INDEX_FILE}*", f"{_PILES}/*"):
        yield from folder.glob(pattern)


def decided_by(sources: list[Source], plan: Plan, excluded: Excluded) -> str:
    """A digest of all that decides shards: the plan, and the files by name and length."""
    files = [(source.name, source.path.stat().st_size) for source in sources]
    words = json.dumps([asdict(plan), files, excluded.digest()])
    return hashlib.sha256(words.encode()).hexdigest()[:16]


def is_begun(folder: Path) -> bool:
    """Whether a folder has shards that are not whole."""
    return (folder / _PILES / _JOURNAL).is_file()
