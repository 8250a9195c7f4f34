"""The door to prometheus-client: counters from the log's events, gauges from the daemon's status.

Promise: the reason of a decision and the state of a reply reach the metric as they reach the log, for both are the same
event. Observing never raises and keeps no text: what is not a known word becomes ``other``.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping

from prometheus_client import CollectorRegistry, Counter, GCCollector, ProcessCollector, generate_latest
from prometheus_client.core import GaugeMetricFamily
from prometheus_client.registry import Collector

from p2pbot.adapters import metric_catalogue as catalogue
from p2pbot.adapters.metric_catalogue import METRICS, Metric, MetricKind
from p2pbot.conversation.health import Status, number, part
from p2pbot.conversation.records import OutboxState
from p2pbot.model import Reason
from p2pbot.ports import Events
from p2pbot.protocol.user_data_events import Source

_REASONS = frozenset(reason.value for reason in Reason)
_STATES = frozenset(state.value for state in OutboxState)
_WORDS = _REASONS | _STATES
_WORDS_OF = {
    catalogue.DECISIONS: _REASONS,
    catalogue.REPLIES: _STATES,
    catalogue.NOTICES: frozenset({"yes", "no"}),
}
_OF_ACCOUNT_ONLY = tuple(
    metric for metric in METRICS if metric.kind is MetricKind.COUNTER and metric.labels == ("account",)
)
_OF_SERVICE = {
    "notice_sent": catalogue.NOTICES_SENT,
    "notice_failed": catalogue.NOTICES_FAILED,
    "notice_dropped": catalogue.NOTICES_DROPPED,
}
_SOURCES = tuple(source.value for source in Source)
_LEVELS = ("info", "warning", "error")


class Metrics:
    """The counters of one daemon; ``accounts`` and ``services`` are the only values that their labels may have."""

    def __init__(self, accounts: Iterable[str], services: Iterable[str] = ()) -> None:
        self._accounts = frozenset(accounts)
        self._services = frozenset(services)
        self._registry = CollectorRegistry()
        ProcessCollector(registry=self._registry)
        GCCollector(registry=self._registry)
        self._counters = {
            metric.name: Counter(metric.name, metric.meaning, metric.labels, registry=self._registry)
            for metric in METRICS
            if metric.kind is MetricKind.COUNTER
        }
        self._begin_at_zero()

    def _begin_at_zero(self) -> None:
        """Show every counter from the start: Prometheus sees no increase in what appears with its first event."""
        for metric, words in _WORDS_OF.items():
            nobodys = ("",) if metric is catalogue.NOTICES else ()  # a word about the daemon belongs to no account
            for account in (*nobodys, *sorted(self._accounts)):
                for word in sorted(words):
                    self._counters[metric.name].labels(account, word)
        for metric in _OF_ACCOUNT_ONLY:
            for account in sorted(self._accounts):
                self._counters[metric.name].labels(account)
        for metric in _OF_SERVICE.values():
            for service in sorted(self._services):
                self._counters[metric.name].labels(service)
        for level in _LEVELS:
            self._counters[catalogue.LOG_LINES.name].labels(level)

    def observe(self, level: str, event: str, values: Mapping[str, object]) -> None:
        """Count an event of the log."""
        self._count(catalogue.LOG_LINES, level)
        account = self._account(values)
        match event:
            case "decided":
                self._count(catalogue.DECISIONS, account, _word(values.get("reason")))
            case "reply":
                self._count(catalogue.REPLIES, account, _word(values.get("state")))
            case "chat_open":
                self._count(catalogue.CHAT_OPENS, account)
                self._count(catalogue.CHAT_DEAF, account, amount=max(0.0, number(values, "deaf_ms") / 1000))
            case "chat_renewed":
                self._count(catalogue.CHAT_RENEWALS, account)
            case "bulkhead_failed":
                self._count(catalogue.ACCOUNT_FAILURES, account)
            case "rules_loaded":
                self._count(catalogue.RULES_LOADED, account)
            case "rules_refused":
                self._count(catalogue.RULES_REFUSED, account)
            case "operator.notice":
                self._count(catalogue.NOTICES, account, "yes" if level == "error" else "no")
            case "notice_sent" | "notice_failed" | "notice_dropped":
                self._count_of_service(event, values)

    def render(self, status: Status) -> bytes:
        """Return everything in Prometheus' text format; the gauges are taken from ``status``."""
        gauges = CollectorRegistry()
        gauges.register(_Gauges(status, self._accounts))
        return generate_latest(gauges) + generate_latest(self._registry)

    def _count(self, metric: Metric, *labels: str, amount: float = 1.0) -> None:
        counter = self._counters[metric.name]
        (counter.labels(*labels) if labels else counter).inc(amount)

    def _count_of_service(self, event: str, values: Mapping[str, object]) -> None:
        service = values.get("service")
        if isinstance(service, str) and service in self._services:
            words = max(1.0, number(values, "words")) if event == "notice_dropped" else 1.0
            self._count(_OF_SERVICE[event], service, amount=words)

    def _account(self, values: Mapping[str, object]) -> str:
        account = values.get("account")
        return account if isinstance(account, str) and account in self._accounts else ""


class CountedEvents:
    """``ports.Events`` that counts what it passes on."""

    def __init__(self, inner: Events, metrics: Metrics) -> None:
        self._inner = inner
        self._metrics = metrics

    def info(self, event: str, **values: object) -> None:
        """Say what happened."""
        self._metrics.observe("info", event, values)
        self._inner.info(event, **values)

    def warning(self, event: str, **values: object) -> None:
        """Say what a person should know."""
        self._metrics.observe("warning", event, values)
        self._inner.warning(event, **values)

    def error(self, event: str, **values: object) -> None:
        """Say what a person must mend."""
        self._metrics.observe("error", event, values)
        self._inner.error(event, **values)


class _Gauges(Collector):
    """The gauges of one moment."""

    def __init__(self, status: Status, accounts: Iterable[str]) -> None:
        self._status = status
        self._accounts = sorted(accounts)

    def collect(self) -> Iterable[GaugeMetricFamily]:
        """Yield each gauge with its values."""
        yield _family(catalogue.INFO, [((str(self._status.get("version", "")),), 1.0)])
        yield _family(catalogue.START, [((), number(self._status, "started_at_ms") / 1000)])
        yield _family(catalogue.STATUS, [((), number(self._status, "written_at_ms") / 1000)])
        process = part(self._status, "process")
        yield _family(catalogue.LOOP_LAG, [((), number(process, "loop_lag_us") / 1_000_000)])
        hanging = process.get("hanging")
        yield _family(catalogue.HANGING, [((), float(len(hanging)) if isinstance(hanging, list) else 0.0)])
        yield _family(catalogue.TASKS, [((), number(process, "tasks"))])
        told = {name: part(part(self._status, "accounts"), name) for name in self._accounts}
        for metric, value in _OF_ACCOUNT.items():
            yield _family(metric, [((name,), value(account)) for name, account in told.items() if account])
        yield _family(catalogue.ACCOUNT_KNOWN, list(_known(told)))
        pending = {name: part(account, "pending") for name, account in told.items()}
        yield _family(
            catalogue.PENDING,
            [
                ((name, state.value), number(counts, state.value))
                for name, counts in pending.items()
                for state in OutboxState
                if not state.is_final
            ],
        )


def _known(told: Mapping[str, Status]) -> Iterator[tuple[tuple[str, ...], float]]:
    """Yield whether each source that an account has switched on is known."""
    for name, account in told.items():
        known = part(part(account, "context"), "known")
        yield from (((name, source), float(known[source] is True)) for source in _SOURCES if source in known)


def _family(metric: Metric, values: Iterable[tuple[tuple[str, ...], float]]) -> GaugeMetricFamily:
    family = GaugeMetricFamily(metric.name, metric.meaning, labels=metric.labels)
    for labels, value in values:
        family.add_metric(labels, value)
    return family


def _seconds(key: str) -> Callable[[Status], float]:
    return lambda account: number(account, key) / 1000


def _same(key: str) -> Callable[[Status], float]:
    return lambda account: number(account, key)


_OF_ACCOUNT: dict[Metric, Callable[[Status], float]] = {
    catalogue.CHAT_OPEN: lambda account: float(account.get("chat") == "open"),
    catalogue.CHAT_SINCE: _seconds("since_ms"),
    catalogue.DEAF_SINCE: _seconds("deaf_since_ms"),
    catalogue.LAST_MESSAGE: _seconds("last_message_at_ms"),
    catalogue.OPEN_ORDERS: _same("open_orders"),
    catalogue.WAITING: _same("desk_waiting"),
    catalogue.SCANS: _same("scans_waiting"),
    catalogue.OFFSET: _seconds("offset_ms"),
    catalogue.PAUSED: lambda account: float(account.get("paused") is True),
    catalogue.LIVE: lambda account: float(account.get("mode") == "live"),
    catalogue.NOT_UNDERSTOOD: lambda account: number(part(account, "frames"), "not_understood"),
}


def _word(value: object) -> str:
    return value if isinstance(value, str) and value in _WORDS else "other"
