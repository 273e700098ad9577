"""Reads a Dockerfile, as far as tests ask about one."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass


@dataclass(frozen=True)
class Instruction:
    """One instruction, with its continued lines put together and its comments left out."""

    name: str
    value: str

    @property
    def words(self) -> list[str]:
        """What follows the name: the elements of a JSON array, or what stands between blanks."""
        if self.value.startswith("["):
            words: list[str] = json.loads(self.value)
            return words
        return self.value.split()

    @property
    def command(self) -> str:
        """What RUN gives the shell, without the options of RUN itself."""
        return re.sub(r"^(--[a-z]+=\S+\s+)+", "", self.value)


def instructions(text: str) -> list[Instruction]:
    """The instructions of a Dockerfile, in order."""
    lines = [line for line in text.splitlines() if not line.lstrip().startswith("#")]
    joined = re.sub(r"\\\n\s*", " ", "\n".join(lines))
    return [
        Instruction(name.upper(), value.strip())
        for name, _, value in (line.partition(" ") for line in joined.splitlines() if line.strip())
    ]


def stages(text: str) -> list[list[Instruction]]:
    """The instructions of each stage, its FROM first; what stands before the first is left out."""
    found: list[list[Instruction]] = []
    for instruction in instructions(text):
        if instruction.name == "FROM":
            found.append([])
        if found:
            found[-1].append(instruction)
    return found
