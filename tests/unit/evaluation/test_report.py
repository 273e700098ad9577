"""A whole report, of a classifier that knows two categories."""

from __future__ import annotations

import json
from pathlib import Path
from xml.etree import ElementTree

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from models.registry import WEIGHTS, load_report, report_path
from models.unknown import UnknownRule
from server.commands.evaluate import evaluate
from server.commands.failure import CommandFailed
from server.doodle.categories import LABELS
from server.doodle.quickdraw import Record
from server.doodle.strokes import Drawing
from server.evaluation.intervals import Interval
from server.evaluation.pages import as_html, write_html
from server.evaluation.report import Report, report_on, write_report
from server.evaluation.unfinished import SHARES
from server.evaluation.unknown import LeftOut, Told
from server.schemas.predictions import HOUSE, SUN

HOUSE_LABEL, SUN_LABEL = LABELS["house"], LABELS["sun"]


TOLD = Told("categories left out", "", 20, 0.6123, Interval(0.58, 0.65), 0.6, 0.3, 0.2)


class OnlyHouses(nn.Module):
    """Says house, with so much of a logit, to everything with ink in it."""

    def __init__(self) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.tensor(5.0))

    def forward(self, x: Tensor) -> Tensor:
        logits = torch.zeros(len(x), 345)
        logits[:, HOUSE_LABEL] = self.weight * (x.amax(dim=(1, 2, 3)) > 0)
        return logits


@pytest.fixture(scope="module")
def report() -> Report:
    records = [
        *[Record(HOUSE_LABEL, Drawing.from_lists(HOUSE), True)] * 3,
        *[Record(SUN_LABEL, Drawing.from_lists(SUN), True)] * 2,
    ]
    steps: list[tuple[int, int]] = []
    found = report_on(
        OnlyHouses(),
        records,
        model="only <houses>",
        version="abc",
        file="five.ndjson",
        advance=lambda done, total: steps.append((done, total)),
    )
    total = steps[0][1]
    assert steps == [(done, total) for done in range(1, total + 1)]
    return found


def test_the_figures_are_those_of_the_guesses(report: Report) -> None:
    assert report.overall.top1 == pytest.approx(0.6)
    sure = float(torch.tensor([5.0, *[0.0] * 344]).softmax(0)[0])
    assert report.calibration.confidence == pytest.approx(sure)
    assert report.calibration.error == pytest.approx(abs(0.6 - sure))
    assert [each.share for each in report.early] == list(SHARES)
    assert [each.by_ink for each in report.early] == pytest.approx([0.6] * len(SHARES))
    assert all(each.top1 == pytest.approx(0.6) for each in report.variations)
    assert report.unknown.scribbles.confidence == pytest.approx(sure)
    assert report.unknown.scribbles.n == sum(each.n for each in report.unknown.kinds) == 1_400
    assert report.unknown.empty_confidence == pytest.approx(1 / 345)
    assert report.unknown.scribbles.auroc == 0.5
    assert report.unknown.kept is None, "no rule was measured for it"
    assert report.variations[0].refused is None
    assert [(each.category, each.guessed, each.n) for each in report.confusions] == [
        ("sun", "house", 2)
    ]
    assert len(report.worst) == 2


def test_with_a_rule_it_says_what_is_kept_and_what_is_refused(tmp_path: Path) -> None:
    records = [
        Record(HOUSE_LABEL, Drawing.from_lists(HOUSE), True),
        Record(SUN_LABEL, Drawing.from_lists(SUN), True),
    ]
    sure = float(torch.tensor([5.0, *[0.0] * 344]).softmax(0)[0])
    rule = UnknownRule("abc", sure / 2, np.zeros(345, np.float32), -1.0, 0.95, 40)
    never = LeftOut("five.ndjson", "doodlescope train --leave-out 2", ["ant", "axe"], 3, 0.5, TOLD)
    found = report_on(
        OnlyHouses(), records, model="m", version="abc", file="f", rule=rule, left_out=never
    )
    assert found.unknown.kept is not None
    assert found.unknown.kept.right_kept == 1
    assert found.unknown.scribbles.refused == 0
    assert found.unknown.empty_refused is True
    assert [each.refused for each in found.early] == [0.0] * len(SHARES)
    page = as_html(found)
    assert "I don't know" in page
    assert "doodlescope train --leave-out 2" in page
    assert "61.2 %" in page
    assert "58.0 % to 65.0 %" in page
    assert "ant, axe" in page
    assert LeftOut.from_json(found.without_drawings()["left_out"]) == never


def test_what_is_kept_has_no_drawings(report: Report, tmp_path: Path) -> None:
    write_report(tmp_path / "report.json", report)
    kept = json.loads((tmp_path / "report.json").read_text(encoding="utf-8"))
    assert kept == report.without_drawings()
    assert "strokes" not in kept
    assert [each["drawing"] for each in kept["worst"]] == [None, None]
    assert kept["confusions"][0]["typical"] == []
    assert report.confusions[0].typical[0].drawing == Drawing.from_lists(SUN).to_lists()


def test_the_page_needs_nothing_else_and_says_the_figures(report: Report, tmp_path: Path) -> None:
    write_html(report, tmp_path / "report.html")
    page = (tmp_path / "report.html").read_text(encoding="utf-8")
    assert page == as_html(report)
    for reference in ("http:", "src=", "href=", "url(", "@import", "<script"):
        assert reference not in page
    assert "only &lt;houses&gt;" in page
    assert "60.0 %" in page
    assert "Creative Commons Attribution 4.0" in page
    # Every picture is well-formed, and drawings are there as they were drawn.
    pictures = [f"<svg{part.split('</svg>')[0]}</svg>" for part in page.split("<svg")[1:]]
    assert len(pictures) == 2 + 2 + 2  # curves, the confusion's, the worst
    for picture in pictures:
        ElementTree.fromstring(picture)
    assert pictures[-1].count("<polyline") == len(SUN)


def test_a_kept_report_counts_for_the_weights_that_it_is_of(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    assert load_report("no such model") is None
    assert report_path(tmp_path / "some.safetensors") == tmp_path / "some.report.json"
    monkeypatch.setattr("models.registry.model_names", lambda: ("some",))
    monkeypatch.setattr("models.registry.WEIGHTS", tmp_path)
    (tmp_path / "some.safetensors").write_bytes(b"weights")
    assert load_report("some") is None
    (tmp_path / "some.report.json").write_text('{"version": "other"}', encoding="utf-8")
    assert load_report("some") is None
    from models.registry import weights_version

    version = weights_version(tmp_path / "some.safetensors")
    (tmp_path / "some.report.json").write_text(json.dumps({"version": version}), encoding="utf-8")
    assert load_report("some") == {"version": version}


def test_the_command_writes_page_and_figures(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    lines = [json.dumps({"word": "house", "drawing": HOUSE, "recognized": True})] * 2
    (tmp_path / "two.ndjson").write_text("\n".join(lines), encoding="utf-8")
    page = tmp_path / "report.html"
    evaluate(tmp_path / "two.ndjson", "lenet-5", None, "cpu", True, False, page)
    printed = json.loads(capsys.readouterr().out)
    assert printed["overall"]["n"] == 2
    assert printed["model"] == "lenet-5"
    assert "lenet-5" in page.read_text(encoding="utf-8")


def test_a_network_that_lacks_categories_is_judged_by_the_others(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    weights = tmp_path / "lacking.safetensors"
    weights.write_bytes((WEIGHTS / "softmax-regression.safetensors").read_bytes())
    card = json.loads((WEIGHTS / "softmax-regression.json").read_text(encoding="utf-8"))
    card["data"]["left_out"] = ["sun"]
    weights.with_suffix(".json").write_text(json.dumps(card), encoding="utf-8")
    both = [("house", HOUSE)] * 2 + [("sun", SUN)] * 3
    lines = [json.dumps({"word": word, "drawing": drawing}) for word, drawing in both]
    (tmp_path / "five.ndjson").write_text("\n".join(lines), encoding="utf-8")
    (tmp_path / "house.ndjson").write_text(lines[0], encoding="utf-8")
    target = tmp_path / "left-out.json"

    def run(file: str, left_out: Path | None, weights: Path | None) -> None:
        name = "softmax-regression"
        evaluate(tmp_path / file, name, weights, "cpu", True, False, None, left_out)

    run("five.ndjson", target, weights)
    assert json.loads(capsys.readouterr().out)["n"] == 2
    found = LeftOut.from_json(json.loads(target.read_text(encoding="utf-8")))
    assert (found.categories, found.known, found.told.n) == (["sun"], 2, 3)
    assert found.command == card["trained"]["command"]
    assert found.told.refused is None, "the rule is of other weights"
    run("house.ndjson", None, weights)
    assert json.loads(capsys.readouterr().out)["n"] == 1
    with pytest.raises(CommandFailed, match="of those left out"):
        run("house.ndjson", target, weights)
    with pytest.raises(CommandFailed, match="--leave-out"):
        run("five.ndjson", target, None)
