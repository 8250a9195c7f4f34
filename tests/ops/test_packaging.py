"""The unit, the image and the compose file agree with the program that they start."""

from __future__ import annotations

import json
import re
import shlex
import shutil
import subprocess
import tomllib
from pathlib import Path
from textwrap import dedent

import pytest

from p2pbot.cli import EXIT_CONFIG, EXIT_USAGE
from p2pbot.cli.parser import parse
from p2pbot.config import Places, parse_settings
from p2pbot.config.schema import Timings
from p2pbot.conversation.progress import MAX_LATE_S
from tests.ops.linters import lint

ROOT = Path(__file__).resolve().parents[2]
UNIT = (ROOT / "systemd/p2pbot.service").read_text("utf-8")
DOCKERFILE = (ROOT / "Dockerfile").read_text("utf-8")
COMPOSE = (ROOT / "compose.yaml").read_text("utf-8")
NEWER = (ROOT / "systemd/p2pbot.service.d/systemd-257.conf").read_text("utf-8")
SLOW_DISK_S = 5
EXPOSURE_TENTHS = 11
SYSTEMD_ANALYZE = shutil.which("systemd-analyze")


def setting(name: str) -> str:
    """Return the unit's only value of a setting."""
    (value,) = re.findall(rf"^{name}=(.*)$", UNIT, re.MULTILINE)
    return str(value)


def shutdown_s() -> float:
    """Return how long a shutdown may take by default."""
    timings = Timings()
    return timings.shutdown_settle.s + timings.shutdown_close.s + SLOW_DISK_S


def test_unit_starts_what_the_command_line_knows() -> None:
    """ExecStart is a command that parses."""
    program, *arguments = shlex.split(setting("ExecStart"))
    assert program.endswith("/p2pbot")
    assert parse(arguments).config == "/etc/p2pbot/config.yaml"


def test_image_starts_what_the_command_line_knows() -> None:
    """The image's default command parses, and looks where compose.yaml puts the configuration."""
    (given,) = re.findall(r"^CMD (\[.*\])$", DOCKERFILE, re.MULTILINE)
    config = parse(json.loads(given)).config
    assert f":{config}:ro" in COMPOSE


def test_the_readme_of_the_unit_configures_it_whole() -> None:
    """Its example loads as it stands, with the state where the unit allows it and the keys that the unit hands over."""
    (block,) = re.findall(r"```yaml\n(.*?)```", (ROOT / "systemd/README.md").read_text("utf-8"), re.DOTALL)
    places = Places(base=Path("/etc/p2pbot"), home=Path("/root"), state_dir=Path("/nowhere"))
    settings = parse_settings("version: 1\n" + dedent(block), Path("config.yaml"), places)
    assert settings.state_dir == Path("/var/lib") / setting("StateDirectory")
    handed = set(re.findall(r"^LoadCredential=([^:]+):", UNIT, re.MULTILINE))
    keys = (settings.accounts[0].api_key, settings.accounts[0].api_secret)
    assert {source.where for source in keys if source} == handed


def test_the_image_and_compose_agree_on_places() -> None:
    """What compose mounts is where the image looks: configuration, rules beside it, state."""
    (config,) = re.findall(r'"run", "--config", "([^"]+)"', DOCKERFILE)
    (state,) = re.findall(r"STATE_DIRECTORY=(\S+)", DOCKERFILE)
    assert f"./config.yaml:{config}:ro" in COMPOSE
    assert f"./rules:{Path(config).parent}/rules:ro" in COMPOSE  # config.example.yaml says `rules: rules`
    assert f"state:{state}" in COMPOSE


def test_unit_does_not_start_again_what_a_person_must_mend() -> None:
    """A wrong command line or configuration ends the service for good."""
    assert {int(code) for code in setting("RestartPreventExitStatus").split()} == {EXIT_USAGE, EXIT_CONFIG}


def test_shutdown_has_the_time_it_may_take() -> None:
    """Docker and systemd wait longer for the end than p2pbot's own deadlines, with room for a slow disk."""
    (grace,) = re.findall(r"stop_grace_period: (\d+)s", COMPOSE)
    assert int(setting("TimeoutStopSec")) >= shutdown_s()
    assert int(grace) >= shutdown_s()


def test_image_runs_as_a_number_that_owns_its_state() -> None:
    """The user is numeric and not root, and the state directory is its own."""
    (user,) = re.findall(r"^USER (\d+):\d+$", DOCKERFILE, re.MULTILINE)
    assert int(user) > 0
    assert f"-m 0700 -o {user} -g {user} /state" in DOCKERFILE
    assert f"chown {user}:{user} secrets" in COMPOSE


def test_image_is_made_from_the_lock() -> None:
    """Nothing comes into the image without its hash, and the builder's frontend is not fetched from elsewhere."""
    installs = re.findall(r"pip install .*", DOCKERFILE)
    assert installs
    assert all("--require-hashes" in line or "--no-index" in line for line in installs)
    assert "# syntax" not in DOCKERFILE


def test_the_page_on_containers_builds_what_the_dockerfile_knows() -> None:
    """Each build argument that the page names is one of the Dockerfile's, and the image has compose's name."""
    page = (ROOT / "docs/container.md").read_text("utf-8")
    named = set(re.findall(r"--build-arg (\w+)=", page))
    assert named == set(re.findall(r"^ARG (\w+)=", DOCKERFILE, re.MULTILINE))
    (image,) = re.findall(r"^ +image: (\S+)$", COMPOSE, re.MULTILINE)
    assert f"docker build -t {image} ." in page


def test_image_is_given_all_that_the_wheel_is_made_of() -> None:
    """What hatchling puts into the wheel passes .dockerignore and is copied for the build."""
    wheel = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["tool"]["hatch"]["build"]["targets"]["wheel"]
    let_in = (ROOT / ".dockerignore").read_text("utf-8").splitlines()
    for source in (*wheel["packages"], *wheel["force-include"]):
        assert f"!{source}" in let_in
        assert f"COPY {source} {source}" in DOCKERFILE


def copied(directory: Path, text: str) -> str:
    """Return the path of a copy of the unit whose program is on every machine."""
    copy = directory / "p2pbot.service"
    copy.write_text(re.sub(r"^ExecStart=\S+", "ExecStart=/bin/true", text, flags=re.MULTILINE))
    return str(copy)


def test_the_dockerfile_passes_its_linter(tmp_path: Path) -> None:
    """Its linter has nothing to say of it, and would have of a worse one."""
    done = lint("hadolint", "--no-color", str(ROOT / "Dockerfile"))
    assert (done.returncode, done.stdout) == (0, "")
    worse = tmp_path / "Dockerfile"
    worse.write_text("FROM debian:latest\nRUN cd /tmp && apt-get install python3\n")
    assert lint("hadolint", "--no-color", str(worse)).returncode != 0


@pytest.mark.skipif(SYSTEMD_ANALYZE is None, reason="no systemd-analyze here")
def test_unit_is_correct_and_locked_down(tmp_path: Path) -> None:
    """The unit gives systemd nothing to say, which puts its exposure at 1.1 of 10 at most."""
    unit = copied(tmp_path, UNIT)
    verified = analyze("verify", "--recursive-errors=no", unit)
    assert (verified.returncode, verified.stdout, verified.stderr) == (0, "", "")
    security = analyze("security", "--offline=true", f"--threshold={EXPOSURE_TENTHS}", "--no-pager", unit)
    assert security.returncode == 0, security.stdout[-300:]
    assert not re.search(r"^IPAddress(?:Allow|Deny)=any", UNIT, re.MULTILINE)  # it would look better, and be a lie


@pytest.mark.skipif(SYSTEMD_ANALYZE is None, reason="no systemd-analyze here")
@pytest.mark.parametrize(
    ("broken", "told"),
    [("ProtectKlock=yes\n", "Unknown key"), ("PrivateDevices=no\nProtectHome=no\nNoNewPrivileges=no\n", "")],
    ids=["a word that does not exist", "weaker lines"],
)
def test_a_worse_unit_is_noticed(tmp_path: Path, broken: str, told: str) -> None:
    """The two looks at the unit can fail: on a misspelt line the first one, on weaker ones the second."""
    unit = copied(tmp_path, UNIT.replace("[Install]", f"{broken}[Install]"))
    assert told in analyze("verify", "--recursive-errors=no", unit).stderr
    exposed = analyze("security", "--offline=true", f"--threshold={EXPOSURE_TENTHS}", unit).returncode
    assert bool(exposed) is not bool(told)


def test_the_lines_for_newer_systemd_take_nothing_away() -> None:
    """The drop-in sets nothing to a weaker value than the unit, and what it replaces it replaces by something."""
    lines = dict(re.findall(r"^(\w+)=(.*)$", NEWER, re.MULTILINE))
    assert lines == {
        "Type": "notify-reload",
        "ExecReload": "",
        "PrivateTmp": "disconnected",
        "ProtectControlGroups": "strict",
    }


def test_the_watchdog_waits_longer_than_one_late_look() -> None:
    """One look of the event loop that is as late as is still borne starves nobody."""
    assert int(setting("WatchdogSec")) > 3 * MAX_LATE_S


def analyze(*arguments: str) -> subprocess.CompletedProcess[str]:
    """Run systemd-analyze."""
    argv = [str(SYSTEMD_ANALYZE), *arguments]
    return subprocess.run(argv, check=False, capture_output=True, text=True)  # noqa: S603 - the machine's own tool
