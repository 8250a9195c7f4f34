"""The metrics: what is counted, with which labels, and that the page tells the truth."""

from __future__ import annotations

from pathlib import Path

import pytest
from prometheus_client.parser import text_string_to_metric_families

from p2pbot.adapters.metric_catalogue import METRICS, MetricKind, page
from p2pbot.adapters.metrics import CountedEvents, Metrics
from tests.fakes.world import Recorder

ROOT = Path(__file__).parents[2]
STATUS = {
    "version": "1.2.3",
    "started_at_ms": 1_000,
    "written_at_ms": 5_000,
    "process": {"tasks": 12, "loop_lag_us": 1500},
    "accounts": {
        "main": {
            "chat": "open",
            "since_ms": 2_000,
            "deaf_since_ms": None,
            "mode": "live",
            "open_orders": 3,
            "pending": {"claimed": 2, "sending": 1, "unknown": 0},
            "desk_waiting": 4,
            "scans_waiting": 5,
            "last_message_at_ms": 4_000,
            "offset_ms": -250,
            "paused": True,
            "frames": {"text": 9, "not_understood": 2},
            "context": {"known": {"futures": True, "spot": False, "else": True}},
        }
    },
}


def samples(metrics: Metrics, status: dict[str, object] | None = None) -> dict[tuple[str, tuple[str, ...]], float]:
    """Return what Prometheus would read: (name, label values) → value."""
    text = metrics.render(STATUS if status is None else status).decode()
    return {
        (sample.name, tuple(sample.labels.values())): sample.value
        for family in text_string_to_metric_families(text)
        for sample in family.samples
    }


def test_every_counter_is_there_from_the_start() -> None:
    """Prometheus sees no increase in a series that begins with its first event, and an alert on it would not fire."""
    found = samples(Metrics(["main"]))
    for sample in (
        ("p2pbot_rules_refused_total", ("main",)),
        ("p2pbot_notices_total", ("main", "yes")),
        ("p2pbot_notices_total", ("", "yes")),
        ("p2pbot_log_lines_total", ("error",)),
        ("p2pbot_replies_total", ("main", "rejected")),
        ("p2pbot_decisions_total", ("main", "answered")),
    ):
        assert found[sample] == 0


@pytest.mark.parametrize(
    ("event", "values", "sample"),
    [
        ("decided", {"reason": "answered"}, ("p2pbot_decisions_total", ("main", "answered"))),
        ("decided", {"reason": "surprise"}, ("p2pbot_decisions_total", ("main", "other"))),
        ("reply", {"state": "sent"}, ("p2pbot_replies_total", ("main", "sent"))),
        ("chat_open", {"deaf_ms": 1000}, ("p2pbot_chat_deaf_seconds_total", ("main",))),
        ("chat_renewed", {}, ("p2pbot_chat_renewals_total", ("main",))),
        ("rules_refused", {}, ("p2pbot_rules_refused_total", ("main",))),
        ("operator.notice", {}, ("p2pbot_notices_total", ("main", "no"))),
    ],
)
def test_an_event_of_the_log_is_counted(
    event: str, values: dict[str, object], sample: tuple[str, tuple[str, ...]]
) -> None:
    """Each event that has a metric adds to it, with a word of ours or ``other``."""
    metrics = Metrics(["main"])
    metrics.observe("info", event, {"account": "main", **values})
    assert samples(metrics)[sample] == 1


def test_what_a_stranger_names_is_no_label() -> None:
    """An account that is not configured is counted without a name: labels are bounded."""
    metrics = Metrics(["main"])
    metrics.observe("info", "decided", {"account": "x" * 1000, "reason": "answered"})
    assert samples(metrics)["p2pbot_decisions_total", ("", "answered")] == 1


@pytest.mark.parametrize(
    ("event", "values", "name", "count"),
    [
        ("notice_sent", {"words": 3}, "p2pbot_notices_sent_total", 1),
        ("notice_failed", {"why": "x"}, "p2pbot_notices_failed_total", 1),
        ("notice_dropped", {"words": 3}, "p2pbot_notices_dropped_total", 3),
    ],
)
def test_what_reaches_a_service_is_counted_for_it(event: str, values: dict[str, object], name: str, count: int) -> None:
    """Messages that were taken and not taken, and words that were given up; a service of nobody's is no label."""
    metrics = Metrics(["main"], ["phone"])
    assert samples(metrics)[name, ("phone",)] == 0
    metrics.observe("info", event, {"service": "phone", **values})
    metrics.observe("info", event, {"service": "x" * 1000, **values})
    assert {key: value for key, value in samples(metrics).items() if key[0] == name} == {(name, ("phone",)): count}


def test_the_gauges_are_those_of_the_status() -> None:
    """Each gauge shows what the status says, moments in seconds."""
    found = samples(Metrics(["main"]))
    assert found["p2pbot_chat_open", ("main",)] == 1
    assert found["p2pbot_chat_state_timestamp_seconds", ("main",)] == 2
    assert found["p2pbot_replies_pending", ("main", "claimed")] == 2
    assert found["p2pbot_clock_offset_seconds", ("main",)] == -0.25
    assert found["p2pbot_loop_lag_seconds", ()] == 0.0015
    assert found["p2pbot_frames_not_understood", ("main",)] == 2
    assert found["p2pbot_paused", ("main",)] == 1
    known = {key[1]: value for key, value in found.items() if key[0] == "p2pbot_account_known"}
    assert known == {("main", "futures"): 1, ("main", "spot"): 0}


def test_every_metric_of_the_catalogue_is_shown() -> None:
    """What the page names, /metrics has, once something was counted."""
    metrics = Metrics(["main"], ["phone"])
    for event, values in (
        ("decided", {"reason": "answered"}),
        ("reply", {"state": "sent"}),
        ("chat_open", {"deaf_ms": 1}),
        ("chat_renewed", {}),
        ("rules_loaded", {}),
        ("rules_refused", {}),
        ("bulkhead_failed", {}),
        ("operator.notice", {}),
    ):
        metrics.observe("warning", event, {"account": "main", **values})
    assert {metric.name for metric in METRICS} <= {name for name, _ in samples(metrics)}


def test_a_counter_is_named_as_one() -> None:
    """Names end in _total exactly when the metric is a counter, as Prometheus asks for."""
    for metric in METRICS:
        assert metric.name.endswith("_total") is (metric.kind is MetricKind.COUNTER)


def test_a_status_that_says_nothing_is_no_error() -> None:
    """Before the first account has begun there is something to read all the same."""
    assert samples(Metrics(["main"]), {})["p2pbot_tasks", ()] == 0


def test_what_is_counted_is_passed_on() -> None:
    """The log gets the same event with the same values."""
    recorder = Recorder()
    metrics = Metrics(["main"])
    events = CountedEvents(recorder, metrics)
    events.info("decided", account="main", reason="limited")
    events.warning("odd", account="main")
    events.error("bad")
    assert recorder.events == [
        ("decided", {"account": "main", "reason": "limited"}),
        ("odd", {"account": "main"}),
        ("bad", {}),
    ]
    assert samples(metrics)["p2pbot_log_lines_total", ("error",)] == 1


def test_the_page_is_made_of_the_catalogue() -> None:
    """``python -m p2pbot.adapters.metric_catalogue > docs/metrics.md`` mends it."""
    assert (ROOT / "docs" / "metrics.md").read_text("utf-8") == page()
