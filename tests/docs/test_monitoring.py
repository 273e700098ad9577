"""Prometheus and Grafana ask for what /metrics has, and compose gives them the files they read."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml
from prometheus_client.parser import text_string_to_metric_families

from server.app import create_app
from server.settings import Settings
from tests.support.asgi import Client, running
from tests.support.drawings import HOUSE
from tests.support.promql import query, tokens

ROOT = Path(__file__).parents[2]
DEPLOY = ROOT / "deploy"
COMPOSE = yaml.safe_load((ROOT / "docker-compose.yml").read_text())
PROMETHEUS = yaml.safe_load((DEPLOY / "prometheus/prometheus.yml").read_text())
RULES = yaml.safe_load((DEPLOY / "prometheus/rules.yml").read_text())
DASHBOARD: dict[str, Any] = json.loads((DEPLOY / "grafana/dashboards/doodlescope.json").read_text())
(SOURCE,) = yaml.safe_load(
    (DEPLOY / "grafana/provisioning/datasources/prometheus.yml").read_text()
)["datasources"]
PANELS = [panel for panel in DASHBOARD["panels"] if panel["type"] != "row"]
ALERTS = [rule for group in RULES["groups"] for rule in group["rules"]]

EXPRESSIONS = {
    **{rule["alert"]: rule["expr"] for rule in ALERTS},
    **{
        f"{panel['title']} {target['refId']}": target["expr"]
        for panel in PANELS
        for target in panel["targets"]
    },
}
OF_PROMETHEUS = {"up": {"job", "instance"}, "ALERTS": {"alertname", "alertstate"}}
"""What Prometheus knows of itself."""
ADDED = {"job", "instance"}
"""What Prometheus adds to every sample that it reads."""

Known = dict[str, dict[str, set[str]]]


@pytest.fixture(scope="module")
def known() -> Iterator[Known]:
    """Each sample of /metrics, with its labels and their values, of a server that was used."""
    with running(create_app(Settings(body_bytes=2_000, json_bytes=1_000))) as client:
        use(client)
        found: Known = {}
        for family in text_string_to_metric_families(client.get("/metrics").text):
            for sample in family.samples:
                labels = found.setdefault(sample.name, {})
                for name, value in sample.labels.items():
                    labels.setdefault(name, set()).add(value)
        yield found


def use(client: Client) -> None:
    client.post("/api/v1/predictions", json={"drawing": HOUSE}).raise_for_status()
    client.post("/api/v1/inspections", json={"drawing": HOUSE}).raise_for_status()
    assert client.post("/api/v1/predictions", content=b" " * 3_000).status_code == 413
    for path in ("/readyz", "/healthz", "/metrics", "/v2/models/lenet-5"):
        client.get(path).raise_for_status()


@pytest.mark.parametrize("name", EXPRESSIONS)
def test_expressions_ask_for_metrics_labels_and_values_that_there_are(
    name: str, known: Known
) -> None:
    asked = query(EXPRESSIONS[name].replace("$__rate_interval", "1m"))
    assert asked.selectors
    grouped = set(ADDED)
    for selector in asked.selectors:
        if selector.metric in OF_PROMETHEUS:
            assert {label for label, *_ in selector.matchers} <= OF_PROMETHEUS[selector.metric]
            continue
        assert selector.metric in known
        labels = known[selector.metric]
        grouped |= labels.keys()
        for label, operator, value in selector.matchers:
            assert label in {*labels, *ADDED}
            if label == "job":
                assert value == PROMETHEUS["scrape_configs"][0]["job_name"]
            elif label not in ("instance", "status") and operator == "=~":
                assert all(
                    any(re.fullmatch(part, there) for there in labels[label])
                    for part in value.split("|")
                )
            elif label not in ("instance", "status") and operator == "=":
                assert value in labels[label]
    assert asked.grouped_by <= grouped


def test_counters_are_asked_for_how_fast_they_grow() -> None:
    for expression in EXPRESSIONS.values():
        for metric in re.findall(r"\w+_(?:total|bucket|sum|count)\b(?=\{)", expression):
            assert re.search(rf"(rate|increase)\({metric}\{{", expression)


def test_the_reader_of_expressions_finds_what_is_wrong() -> None:
    found = query('sum by (a, le) (rate(x_bucket{a=~"b|c", d!="e"}[5m])) / on (f) group_left g > 2')
    assert [selector.metric for selector in found.selectors] == ["x_bucket", "g"]
    assert found.selectors[0].matchers == (("a", "=~", "b|c"), ("d", "!=", "e"))
    assert found.grouped_by == {"a", "le", "f"}
    for wrong in ("sum(x", "x{a='b'}", "x{a=~}}", "x;y"):
        with pytest.raises(ValueError, match=r"no token|brackets"):
            tokens(wrong)


def test_every_metric_of_the_server_is_on_the_dashboard(known: Known) -> None:
    shown = {
        selector.metric
        for expression in EXPRESSIONS.values()
        for selector in query(expression.replace("$__rate_interval", "1m")).selectors
    }
    ours = {re.sub(r"_(bucket|sum|count|created)$", "", name) for name in known}
    ours = {name for name in ours if name.startswith("doodlescope_")}
    asked = {re.sub(r"_(bucket|sum|count)$", "", name) for name in shown}
    assert {name for name in ours if f"{name}_total" not in ours} <= asked


def test_every_alert_says_how_bad_it_is_and_what_is_wrong() -> None:
    assert len({rule["alert"] for rule in ALERTS}) == len(ALERTS) >= 6
    for rule in ALERTS:
        assert rule["labels"]["severity"] in {"warning", "critical"}
        assert rule["annotations"]["summary"]
        assert re.fullmatch(r"\d+[smh]", rule["for"])


def test_panels_have_their_own_places_and_read_from_the_provisioned_source() -> None:
    assert len({panel["id"] for panel in DASHBOARD["panels"]}) == len(DASHBOARD["panels"])
    taken: set[tuple[int, int]] = set()
    for panel in DASHBOARD["panels"]:
        place = panel["gridPos"]
        assert place["x"] + place["w"] <= 24
        cells = {
            (x, y)
            for x in range(place["x"], place["x"] + place["w"])
            for y in range(place["y"], place["y"] + place["h"])
        }
        assert not cells & taken, panel["title"]
        taken |= cells
    for panel in PANELS:
        assert panel["title"]
        assert panel["description"]
        for source in (panel["datasource"], *(each["datasource"] for each in panel["targets"])):
            assert (source["type"], source["uid"]) == (SOURCE["type"], SOURCE["uid"])
        references = [target["refId"] for target in panel["targets"]]
        assert len(set(references)) == len(references) > 0
    (instance,) = DASHBOARD["templating"]["list"]
    assert instance["datasource"]["uid"] == SOURCE["uid"]


def test_addresses_and_folders_are_those_of_compose() -> None:
    services = COMPOSE["services"]
    (scrape,) = PROMETHEUS["scrape_configs"]
    (targets,) = scrape["static_configs"]
    port = services["app"]["environment"]["DOODLESCOPE_PORT"]
    assert targets["targets"] == [f"app:{port}"]
    assert SOURCE["url"] == "http://prometheus:9090"
    (provider,) = yaml.safe_load(
        (DEPLOY / "grafana/provisioning/dashboards/doodlescope.yml").read_text()
    )["providers"]
    mounts = mounted(services["grafana"])
    assert list((ROOT / mounts[provider["options"]["path"]]).glob("*.json"))
    assert (ROOT / mounts["/etc/grafana/provisioning"] / "datasources").is_dir()
    home = Path(services["grafana"]["environment"]["GF_DASHBOARDS_DEFAULT_HOME_DASHBOARD_PATH"])
    assert (ROOT / mounts[str(home.parent)] / home.name).is_file()
    folder = ROOT / mounted(services["prometheus"])["/etc/prometheus"]
    assert all((folder / Path(file).name).is_file() for file in PROMETHEUS["rule_files"])
    credentials = Path(scrape["authorization"]["credentials_file"])
    assert credentials.parent == Path("/run/secrets")
    assert services["prometheus"]["secrets"] == [credentials.name]
    default = re.fullmatch(r"\$\{\w+:-(.+)\}", COMPOSE["secrets"][credentials.name]["file"])
    assert default
    assert (ROOT / default[1]).is_file()


def mounted(service: dict[str, Any]) -> dict[str, str]:
    """What is mounted from the repository: place in the container, and in the repository."""
    pairs = [volume.split(":") for volume in service["volumes"]]
    return {inside: outside for outside, inside, *_ in pairs if outside.startswith(".")}


def test_prometheus_takes_its_configuration_and_rules(tmp_path: Path) -> None:
    tool = shutil.which("promtool")
    if tool is None:
        pytest.skip("this machine has no promtool")
    folder = tmp_path / "prometheus"
    shutil.copytree(DEPLOY / "prometheus", folder)
    text = (folder / "prometheus.yml").read_text()
    text = text.replace("/etc/prometheus", str(folder))
    (folder / "prometheus.yml").write_text(text.replace("/run/secrets/metrics_key", "no_key"))
    shutil.copy(ROOT / "tests/fixtures/rules_test.yml", folder)
    for command in (["check", "config", "prometheus.yml"], ["test", "rules", "rules_test.yml"]):
        done = subprocess.run(
            [tool, *command], cwd=folder, capture_output=True, text=True, check=False
        )
        assert done.returncode == 0, done.stdout + done.stderr
