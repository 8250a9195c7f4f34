"""The unit on a booted systemd, against the sandbox in the same machine. ``make ops`` (root; a few minutes)."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
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


def test_a_daemon_that_hangs_is_ended_and_names_its_line(machine: Machine) -> None:
    """An event loop that stands still feeds no watchdog: SIGABRT, the line in the journal, a new start."""
    machine.run(
        "mkdir -p /etc/systemd/system/p2pbot.service.d && "
        "printf '[Service]\\nWatchdogSec=3\\n' > /etc/systemd/system/p2pbot.service.d/quick.conf && "
        "systemctl daemon-reload"
    )
    start(machine)
    before = pid(machine)
    machine.run(f"kill -STOP {before}")  # SIGSTOP is the hang that needs no door in the program
    machine.until(lambda: "Watchdog timeout" in machine.journal(), "the watchdog barks")
    machine.run(f"kill -CONT {before}", check=False)
    machine.until(lambda: pid(machine) not in ("0", before), "it is back")
    assert "Fatal Python error: Aborted" in machine.journal()
    assert "base_events.py" in machine.journal()


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
    user = machine.run(f"stat -c %u /proc/{pid(machine)}").strip()
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
