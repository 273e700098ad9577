"""What holds for every file: nothing names one machine or a registry, and weights have cards."""

import json
import re
import tomllib
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).parents[2]

# Put together here, so that this file passes its own test.
REGISTRIES = ["pypi" + ".org", "python" + "hosted.org", "npm" + "js.org", "py" + "torch.org/whl"]
MACHINE_PATH = re.compile(r"(?<![\w./~{}-])/(work|tmp|root|opt|home|Users)/\w")


def ignored_folders() -> set[Path]:
    lines = (ROOT / ".gitignore").read_text().splitlines()
    return {ROOT / line.strip("/") for line in lines if line.startswith("/")} | {ROOT / ".git"}


def walk(folder: Path, skipped: set[Path]) -> Iterator[Path]:
    for path in sorted(folder.iterdir()):
        if path in skipped or path.name == "__pycache__":
            continue
        if path.is_dir():
            yield from walk(path, skipped)
        elif not path.is_symlink():
            yield path


def text_files() -> Iterator[tuple[Path, str]]:
    for path in walk(ROOT, ignored_folders()):
        try:
            yield path, path.read_text(encoding="utf-8")
        except UnicodeDecodeError:
            continue


def test_no_file_names_a_registry_or_a_path_of_one_machine() -> None:
    found = [
        f"{path.relative_to(ROOT)}: {match}"
        for path, text in text_files()
        for match in [
            *(host for host in REGISTRIES if host in text),
            *(hit.group() for hit in MACHINE_PATH.finditer(text)),
        ]
    ]
    assert not found


def test_every_folder_of_tests_is_run() -> None:
    config = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["pytest"]
    folders = {path.relative_to(ROOT).parts[:2] for path in (ROOT / "tests").rglob("test_*.py")}
    assert {"/".join(parts) for parts in folders} == set(config["testpaths"])


def test_every_weights_file_is_small_enough_and_has_a_card_that_names_its_data() -> None:
    weights = list((ROOT / "models" / "weights").glob("*.safetensors"))
    assert weights
    for file in weights:
        assert file.stat().st_size <= 20 * 1024 * 1024
        card = json.loads(file.with_suffix(".json").read_text(encoding="utf-8"))
        assert card["name"] == file.stem
        assert {"version", "title", "data", "licence", "limits", "accuracy"} <= card.keys()
