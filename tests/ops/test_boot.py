"""The unit on a booted systemd, against the sandbox in the same machine. ``make ops`` (root; a few minutes)."""

from __future__ import annotations

import json
import os
import re
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.ops.machine import Machine, booted, built, missing

pytestmark = [
    pytest.mark.skipif(os.environ.get("P2PBOT_OPS") != "1", reason="boots machines; `make ops` runs it"),
    pytest.mark.skipif(bool(missing()), reason=missing() or "it can be booted"),
]

PLAY = "/run/play"
CONTROL = "https://127.0.0.1:8443/control"
CONFIG = """\
version: 1
mode: live
state_dir: /var/lib/p2pbot
accounts:
  - {name: main, api_key_credential: api-key, api_secret_credential: api-secret, rules: rules}
exchange: {rest_url: "https://127.0.0.1:8443", ca_file: ca.pem}
"""
OPEN_ORDER = f"""\
import json, ssl, urllib.request
token = open("{PLAY}/control.token").read().strip()
context = ssl.create_default_context(cafile="{PLAY}/sandbox-ca.pem")
headers = {{"Authorization": "Bearer " + token, "Content-Type": "application/json"}}
body = json.dumps({{"account": "main"}}).encode()
urllib.request.urlopen(urllib.request.Request("{CONTROL}/open_order", body, headers), context=context).read()
"""
PREPARE = f"""
set -e
systemd-run -q --unit=sandbox /opt/p2pbot/.venv/bin/p2pbot sandbox --directory {PLAY} --port 8443
while ! test -e {PLAY}/config.yaml; do sleep 0.1; done
install -d -m 0755 /etc/p2pbot && install -d -m 0700 /etc/p2pbot/credentials
install -m 0600 {PLAY}/api_key /etc/p2pbot/credentials/api-key
install -m 0600 {PLAY}/api_secret /etc/p2pbot/credentials/api-secret
install -m 0644 {PLAY}/sandbox-ca.pem /etc/p2pbot/ca.pem
cp -r /opt/p2pbot/rules /etc/p2pbot/rules && chmod -R a+rX /etc/p2pbot/rules
systemctl daemon-reload
"""


@pytest.fixture(scope="session")
def root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The root of all machines of this run; $P2PBOT_OPS_ROOT names one that was made before."""
    before = os.environ.get("P2PBOT_OPS_ROOT")
    return Path(before) if before else built(tmp_path_factory.mktemp("machine"))


@pytest.fixture
def machine(root: Path, request: pytest.FixtureRequest) -> Iterator[Machine]:
    """A booted machine with the sandbox running and p2pbot configured, not started."""
    with booted(root, f"p2pbot-{os.getpid()}-{abs(hash(request.node.name)) % 10_000}") as made:
        made.run(PREPARE)
        made.run(f"cat > /etc/p2pbot/config.yaml <<'END'\n{CONFIG}END\n")
        yield made


def pid(machine: Machine) -> str:
    """Return the service's main process."""
    return machine.show("MainPID")


def start(machine: Machine) -> None:
    """Start, and wait until the chat is open."""
    machine.run("systemctl start p2pbot")
    machine.until(lambda: "chat open" in machine.show("StatusText"), "the chat is open")


def events(machine: Machine) -> list[str]:
    """Return the names of the log's events."""
    lines = [line for line in machine.journal().splitlines() if line.startswith("{")]
    return [str(json.loads(line)["event"]) for line in lines]


def test_it_starts_answers_reloads_and_stops(machine: Machine) -> None:
    """Ready by its own word, a question answered, the rules loaded again, stopped within its budget."""
    start(machine)
    assert machine.show("ActiveState") == "active"
    machine.run(f"python3 - <<'END'\n{OPEN_ORDER}END\n")
    machine.until(lambda: '"state": "sent"' in machine.journal(), "the greeting is sent")
    machine.run("systemctl reload p2pbot")
    machine.until(lambda: events(machine).count("rules_loaded") >= 1, "the rules are loaded again")
    machine.run("systemctl stop p2pbot")
    assert (machine.show("Result"), machine.show("ExecMainStatus")) == ("success", "0")
    assert events(machine)[-1] == "stopped"


def test_a_daemon_that_is_killed_comes_back(machine: Machine) -> None:
    """SIGKILL: systemd starts it again, and its chat opens again."""
    start(machine)
    before = pid(machine)
    machine.run(f"kill -9 {before}")
    machine.until(lambda: machine.show("NRestarts") == "1" and pid(machine) not in ("0", before), "it is back")
    machine.until(lambda: "chat open" in machine.show("StatusText"), "the chat is open again")


def figures_of(machine: Machine) -> tuple[float, float]:
    """Return how many seconds the start took until READY, and the resident memory now in MiB."""
    began_us, ready_us = (
        int(machine.show(f"{name}Monotonic")) for name in ("ExecMainStartTimestamp", "ActiveEnterTimestamp")
    )
    (kib,) = re.findall(r"VmRSS:\s+(\d+) kB", machine.run(f"cat /proc/{pid(machine)}/status"))
    return (ready_us - began_us) / 1e6, int(kib) / 1024


def test_it_stays_small(machine: Machine, record_figure: Callable[[str, str], None]) -> None:
    """After answering it holds less than a quarter of the unit's MemoryMax; how long its start took is noted."""
    start(machine)
    machine.run(f"python3 - <<'END'\n{OPEN_ORDER}END\n")
    machine.until(lambda: '"state": "sent"' in machine.journal(), "the greeting is sent")
    start_s, rss_mib = figures_of(machine)
    record_figure("systemd: start until READY, the first on this machine", f"{start_s:.2f} s")
    record_figure("systemd: resident memory, one account, after an answer", f"{rss_mib:.0f} MiB")
    machine.run("systemctl restart p2pbot")
    machine.until(lambda: "chat open" in machine.show("StatusText"), "the chat is open again")
    record_figure("systemd: start until READY, files in the cache", f"{figures_of(machine)[0]:.2f} s")
    assert rss_mib < 128


def test_nothing_that_it_does_is_refused(machine: Machine) -> None:
    """With death instead of an error for each call that the filter refuses, a whole life goes on as before."""
    drop_in(machine, "[Service]\nSystemCallErrorNumber=kill\n")
    start(machine)
    machine.run(f"python3 - <<'END'\n{OPEN_ORDER}END\n")
    machine.until(lambda: '"state": "sent"' in machine.journal(), "the greeting is sent")
    machine.run("systemctl reload p2pbot")
    machine.until(lambda: events(machine).count("rules_loaded") >= 2, "the rules are loaded again")
    machine.run("systemctl stop p2pbot")
    assert (machine.show("Result"), machine.show("NRestarts")) == ("success", "0")


def test_the_lines_for_newer_systemd_work(machine: Machine) -> None:
    """With them `systemctl reload` waits until the rules are loaded, and nothing of the unit is weaker."""
    lines = (Path(__file__).parents[2] / "systemd/p2pbot.service.d/systemd-257.conf").read_text("utf-8")
    drop_in(machine, lines, "systemd-257.conf")
    unit = "/etc/systemd/system/p2pbot.service"
    assert machine.run(f"systemd-analyze verify --recursive-errors=no {unit}") == ""
    start(machine)
    assert machine.show("Type") == "notify-reload"
    loaded = events(machine).count("rules_loaded")
    machine.run("systemctl reload p2pbot")
    machine.until(lambda: events(machine).count("rules_loaded") > loaded, "it is in the journal", timeout_s=5)
    machine.run("printf 'version: 1\nrules: [{id: a}]\n' > /etc/p2pbot/rules/99-bad.yaml; systemctl reload p2pbot")
    machine.until(lambda: "rules_refused" in events(machine), "the refusal is in the journal", timeout_s=5)
    assert machine.show("ActiveState") == "active"


def plant(machine: Machine) -> None:
    """Have the service run with doors that can hang (``planted``), and a watchdog that waits three seconds."""
    text = (Path(__file__).parent / "planted.py").read_text("utf-8")
    machine.run(f"cat > /etc/p2pbot/planted.py <<'END'\n{text}END\n")
    python = "/opt/p2pbot/.venv/bin/python /etc/p2pbot/planted.py run --config /etc/p2pbot/config.yaml"
    drop_in(machine, f"[Service]\nWatchdogSec=3\nExecStart=\nExecStart={python}\n")


def drop_in(machine: Machine, text: str, name: str = "test.conf") -> None:
    """Give the unit further lines."""
    folder = "/etc/systemd/system/p2pbot.service.d"
    machine.run(f"mkdir -p {folder}; cat > {folder}/{name} <<'END'\n{text}END\nsystemctl daemon-reload")


@pytest.mark.parametrize(
    ("door", "named"),
    [
        pytest.param("loop", ("planted.py", "in status"), id="an event loop that stands still"),
        pytest.param("task", ('"loop": "rules of main"', "p2pbot.daemon.reload:"), id="one root loop that hangs"),
    ],
)
def test_a_daemon_that_hangs_is_ended_and_names_its_line(machine: Machine, door: str, named: tuple[str, str]) -> None:
    """It is fed no more: SIGABRT, the hanging line in the journal, a new start, and the chat is open again."""
    plant(machine)
    start(machine)
    before = pid(machine)
    machine.run(f"printf {door} > /etc/p2pbot/hang")
    machine.until(lambda: "Watchdog timeout" in machine.journal(), "the watchdog barks")
    machine.run("rm /etc/p2pbot/hang")
    machine.until(lambda: machine.show("NRestarts") == "1" and pid(machine) not in ("0", before), "it is back")
    machine.until(lambda: "chat open" in machine.show("StatusText"), "the chat is open again")
    journal = machine.journal()
    assert "Fatal Python error: Aborted" in journal
    assert all(word in journal for word in named), journal[-4000:]


def test_an_exchange_that_is_away_feeds_the_watchdog_all_the_same(machine: Machine) -> None:
    """Nothing answers, for longer than every word that was shortened: the service lives, and talks when it is back."""
    plant(machine)
    start(machine)
    before = pid(machine)
    machine.run("systemctl kill -s STOP sandbox")  # neither refused nor answered: the worst way to be away
    machine.until(lambda: "chat open" not in machine.show("StatusText"), "the chat is down", timeout_s=60)
    machine.until(lambda: machine.journal().count("orders_unavailable") >= 1, "nothing answers", timeout_s=60)
    assert (machine.show("NRestarts"), pid(machine)) == ("0", before)
    machine.run("systemctl kill -s CONT sandbox")
    machine.until(lambda: "chat open" in machine.show("StatusText"), "the chat is open again")
    assert (machine.show("NRestarts"), pid(machine)) == ("0", before)


def test_a_wrong_configuration_is_not_tried_again(machine: Machine) -> None:
    """Exit code 78 stays down, and the journal says what is wrong and where."""
    machine.run("sed -i 's/mode: live/mode: lively/' /etc/p2pbot/config.yaml; systemctl start p2pbot", check=False)
    machine.until(lambda: machine.show("ActiveState") == "failed", "it stays down")
    assert (machine.show("ExecMainStatus"), machine.show("NRestarts")) == ("78", "0")
    assert "config.yaml:2:7" in machine.journal()


def test_it_has_no_rights_and_its_secrets_are_its_own(machine: Machine) -> None:
    """No capability, a filter of system calls, a user of its own; nobody else reads its credentials or state."""
    start(machine)
    status = machine.run(f"cat /proc/{pid(machine)}/status")
    assert "CapEff:\t0000000000000000" in status
    assert "Seccomp:\t2" in status
    assert "NoNewPrivs:\t1" in status
    (user,) = re.findall(r"^Uid:\t(\d+)", status, re.MULTILINE)  # /proc itself belongs to root: no look for its user
    assert user != "0"
    for path in ("/run/credentials/p2pbot.service/api-key", "/var/lib/p2pbot/p2pbot.sqlite3"):
        assert "Permission denied" in machine.run(f"setpriv --reuid=1234 --clear-groups cat {path}", check=False)
    refused = machine.run(
        f"nsenter -t {pid(machine)} -m setpriv --reuid={user} --clear-groups touch /etc/p2pbot/x /usr/x /opt/x",
        check=False,
    )
    assert refused.count("cannot touch") == 3


def test_what_the_journal_holds_is_no_secret(machine: Machine) -> None:
    """Neither key nor secret nor token is in the journal of a whole life."""
    start(machine)
    machine.run("systemctl stop p2pbot")
    for name in ("api_key", "api_secret"):
        assert machine.run(f"cat {PLAY}/{name}").strip() not in machine.journal()
