"""The alert rules and the dashboard speak of metrics that exist, in queries that Prometheus understands."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
import yaml
from grafana_foundation_sdk.cog import plugins
from grafana_foundation_sdk.cog.encoder import JSONEncoder
from grafana_foundation_sdk.models.dashboard import Dashboard

from p2pbot.adapters.metric_catalogue import METRICS

DEPLOY = Path(__file__).parents[2] / "deploy"
ALERTS, CASES = DEPLOY / "prometheus" / "alerts.yml", DEPLOY / "prometheus" / "alerts.test.yml"
DASHBOARD = DEPLOY / "grafana" / "p2pbot.json"
OURS = {metric.name: frozenset(metric.labels) for metric in METRICS}
THEIRS = {"up", "process_resident_memory_bytes", "process_open_fds"}
SCRAPED = frozenset({"instance", "job"})  # labels that Prometheus adds
NOT_DRAWN = {
    "p2pbot_hanging_loops": "the watchdog ends the process within a minute of it; the start after that alarms",
    "p2pbot_status_timestamp_seconds": "taken at the scrape itself",
    "p2pbot_chat_state_timestamp_seconds": "the chat's state is drawn, and since when it is down alarms",
    "p2pbot_chat_deaf_since_timestamp_seconds": "alarms, and is drawn as deaf seconds afterwards",
}
PROMTOOL = shutil.which("promtool")
needs_promtool = pytest.mark.skipif(PROMTOOL is None, reason="promtool (Debian: prometheus) is not on this machine")


def alert_rules() -> list[dict[str, str]]:
    """Return the alert rules."""
    groups = yaml.safe_load(ALERTS.read_text(encoding="utf-8"))["groups"]
    return [rule for group in groups for rule in group["rules"]]


def dashboard_queries() -> Iterator[str]:
    """Yield each query of the dashboard as Grafana would send it."""
    for panel in json.loads(DASHBOARD.read_text(encoding="utf-8"))["panels"]:
        for target in panel.get("targets", ()):
            yield target["expr"].replace("$__rate_interval", "5m").replace("$instance", ".*").replace("$account", ".*")


QUERIES = [*(rule["expr"] for rule in alert_rules()), *dashboard_queries()]


def promtool(*arguments: str, cwd: Path) -> str:
    """Run promtool. Raises AssertionError with what it says."""
    assert PROMTOOL is not None
    done = subprocess.run([PROMTOOL, *arguments], cwd=cwd, capture_output=True, text=True, check=False)  # noqa: S603 - ours
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


@pytest.mark.parametrize("query", QUERIES)
def test_a_query_asks_for_metrics_and_labels_that_exist(query: str) -> None:
    """A renamed metric would leave an alert that never fires and a panel that stays empty."""
    names = set(re.findall(r"\b(?:p2pbot_|process_)[a-z_]+|\bup\b", query))
    assert names, "a query of nothing"
    assert names <= {*OURS, *THEIRS}
    for name, selector in re.findall(r"\b(p2pbot_[a-z_]+)\{([^}]*)\}", query):
        labels = set(re.findall(r"([a-z_]+)\s*(?:=~|!~|!=|=)", selector))
        assert labels <= OURS[name] | SCRAPED, name


def test_every_metric_is_drawn_or_says_why_not() -> None:
    """What is counted is meant to be looked at."""
    drawn = set(re.findall(r"\bp2pbot_[a-z_]+", " ".join(dashboard_queries())))
    assert set(OURS) - drawn == set(NOT_DRAWN)


def test_every_alert_says_what_to_do_and_has_its_case() -> None:
    """An alert at night must not ask for research; one without a case may never fire."""
    cases = CASES.read_text(encoding="utf-8")
    for rule in alert_rules():
        assert rule["annotations"]["summary"]  # type: ignore[index]
        assert rule["annotations"]["do"]  # type: ignore[index]
        assert rule["labels"]["severity"] in {"page", "ticket"}  # type: ignore[index]
        assert cases.count(f'alertname="{rule["alert"]}"') == 3, "quiet, firing, and how it looks"


@needs_promtool
def test_the_alerts_fire_when_they_should_and_not_before() -> None:
    """The cases are played by Prometheus' own tool."""
    assert "SUCCESS" in promtool("check", "rules", ALERTS.name, cwd=ALERTS.parent)
    assert "SUCCESS" in promtool("test", "rules", CASES.name, cwd=CASES.parent)


@needs_promtool
def test_the_queries_of_the_dashboard_can_be_parsed(tmp_path: Path) -> None:
    """Each is given to Prometheus' own parser as a recording rule."""
    rules = [{"record": f"query:{number}", "expr": query} for number, query in enumerate(dashboard_queries())]
    (tmp_path / "queries.yml").write_text(yaml.safe_dump({"groups": [{"name": "queries", "rules": rules}]}))
    assert f"{len(rules)} rules found" in promtool("check", "rules", "queries.yml", cwd=tmp_path)


def test_the_dashboard_is_one_that_grafana_knows() -> None:
    """Read into the types that are generated from Grafana's own schema and written again, nothing of it is lost."""
    plugins.register_default_plugins()
    written = json.loads(DASHBOARD.read_text(encoding="utf-8"))
    read = json.loads(JSONEncoder(sort_keys=True).encode(Dashboard.from_json(written)))
    assert list(_lost(written, read)) == []


def _lost(written: object, read: object, place: str = "") -> Iterator[str]:
    if isinstance(written, dict) and isinstance(read, dict):
        for key, value in written.items():
            yield from _lost(value, read.get(key), f"{place}/{key}")
    elif isinstance(written, list) and isinstance(read, list) and len(written) == len(read):
        for number, (before, after) in enumerate(zip(written, read, strict=True)):
            yield from _lost(before, after, f"{place}/{number}")
    elif written != read:
        yield f"{place}: {written!r} became {read!r}"
