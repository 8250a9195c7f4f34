"""Every metric: its name, kind, labels and meaning. The page docs/metrics.md is made of this, and the door too.

Promise: labels are bounded – accounts of the configuration, enums of ours – and never an order, a person, a rule or a
text. Moments are timestamps, not ages: an age grows in a process that hangs no more than a stopped clock does.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class MetricKind(StrEnum):
    """How Prometheus counts it."""

    COUNTER = "counter"
    GAUGE = "gauge"


@dataclass(frozen=True, slots=True)
class Metric:
    """One metric. A counter's name ends in ``_total``."""

    name: str
    kind: MetricKind
    labels: tuple[str, ...]
    meaning: str


def _counter(name: str, meaning: str, *labels: str) -> Metric:
    return Metric(f"p2pbot_{name}", MetricKind.COUNTER, labels, meaning)


def _gauge(name: str, meaning: str, *labels: str) -> Metric:
    return Metric(f"p2pbot_{name}", MetricKind.GAUGE, labels, meaning)


DECISIONS = _counter(
    "decisions_total", "messages and events decided, by reason: answered, or why not", "account", "reason"
)
REPLIES = _counter("replies_total", "changes of a reply's state, by the state that it came to", "account", "state")
CHAT_OPENS = _counter("chat_opens_total", "times that the chat was opened after it was down", "account")
CHAT_RENEWALS = _counter("chat_renewals_total", "planned replacements of the chat's socket", "account")
CHAT_DEAF = _counter("chat_deaf_seconds_total", "seconds without a chat, counted when it is open again", "account")
RULES_LOADED = _counter("rules_loaded_total", "sets of rules taken", "account")
RULES_REFUSED = _counter("rules_refused_total", "sets of rules refused; the set before runs on", "account")
NOTICES = _counter("notices_total", "words to the operator", "account", "urgent")
NOTICES_SENT = _counter("notices_sent_total", "messages that a service for notifications has taken", "service")
NOTICES_FAILED = _counter("notices_failed_total", "messages that it has not taken, each time", "service")
NOTICES_DROPPED = _counter("notices_dropped_total", "words given up, for it was down too long", "service")
ACCOUNT_FAILURES = _counter(
    "account_loop_failures_total", "ends by a fault of the loops that read futures and spot", "account"
)
LOG_LINES = _counter("log_lines_total", "events of the log", "level")

INFO = _gauge("info", "1; the version of p2pbot", "version")
START = _gauge("start_timestamp_seconds", "when the daemon began")
STATUS = _gauge("status_timestamp_seconds", "when these gauges were taken")
LOOP_LAG = _gauge("loop_lag_seconds", "how late the event loop was at its last wake")
HANGING = _gauge("hanging_loops", "loops that did not come back when they said they would; the watchdog ends that")
TASKS = _gauge("tasks", "tasks of the event loop")
CHAT_OPEN = _gauge("chat_open", "1 while the chat is open, else 0", "account")
CHAT_SINCE = _gauge("chat_state_timestamp_seconds", "since when the chat is in its state", "account")
DEAF_SINCE = _gauge("chat_deaf_since_timestamp_seconds", "since when the chat is down; 0 while it is open", "account")
LAST_MESSAGE = _gauge("last_message_timestamp_seconds", "when a counterparty last wrote; 0: not yet", "account")
OPEN_ORDERS = _gauge("open_orders", "orders that are open", "account")
PENDING = _gauge("replies_pending", "replies that are not settled, by state", "account", "state")
WAITING = _gauge("desk_waiting", "messages that wait for their decision", "account")
SCANS = _gauge("history_looks_waiting", "orders whose history is to be read", "account")
OFFSET = _gauge("clock_offset_seconds", "the exchange's clock minus ours; 0 until it is learnt", "account")
PAUSED = _gauge("paused", "1 while a file PAUSE lies beside the account's rules", "account")
ACCOUNT_KNOWN = _gauge("account_known", "1 while what is read of futures or spot is known", "account", "source")
LIVE = _gauge("mode_live", "1 in mode live, 0 in shadow", "account")
NOT_UNDERSTOOD = _gauge(
    "frames_not_understood", "frames of the chat that nobody understood, since the start", "account"
)

METRICS: tuple[Metric, ...] = tuple(value for value in list(vars().values()) if isinstance(value, Metric))

_HEAD = """\
# Metrics

`/metrics` shows these to Prometheus when `console: {listen: …}` is configured, and those of the process itself
(`process_resident_memory_bytes`, `process_open_fds`, `python_gc_…`). Labels are bounded: the accounts of the
configuration and words of p2pbot's own. Moments are Unix timestamps in seconds: `time() - p2pbot_…_timestamp_seconds`
is an age. `deploy/prometheus/alerts.yml` has alert rules for them, each with its test (`promtool test rules
deploy/prometheus/alerts.test.yml`), and `deploy/grafana/p2pbot.json` a dashboard to import.

This page is made by `python -m p2pbot.adapters.metric_catalogue > docs/metrics.md`.

| metric | kind | labels | what it counts |
|---|---|---|---|
"""


def page() -> str:
    """Return docs/metrics.md."""
    return _HEAD + "".join(
        f"| `{metric.name}` | {metric.kind.value} | {', '.join(f'`{label}`' for label in metric.labels) or '–'} "
        f"| {metric.meaning} |\n"
        for metric in METRICS
    )


if __name__ == "__main__":
    print(page(), end="")  # noqa: T201 - it is the page's maker
