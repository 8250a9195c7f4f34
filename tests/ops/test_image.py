"""The image built and run for real by Docker, as compose.yaml says, against the sandbox. ``make ops`` (root)."""

from __future__ import annotations

import asyncio
import os
import shutil
import signal
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import yaml

from p2pbot.model import Side
from p2pbot.sandbox import OrderSpec, Sandbox, SandboxAccount, SandboxOptions
from tests.fakes.canary import API_KEY, API_SECRET, secrets_in
from tests.ops.container import BASE, IMAGE, REPOSITORY, Docker, built, missing, running

pytestmark = [
    pytest.mark.skipif(os.environ.get("P2PBOT_OPS") != "1", reason="runs containers; `make ops` runs it"),
    pytest.mark.skipif(bool(missing()), reason=missing() or "it can be run"),
]
USER = 10001
NAME = "p2pbot"
CONFIG = """\
version: 1
mode: live
state_dir: /var/lib/p2pbot
accounts:
  - {{name: main, api_key_file: /run/secrets/api-key, api_secret_file: /run/secrets/api-secret, rules: rules}}
exchange: {{rest_url: "{url}", ca_file: /ca.pem}}
"""
RULES = """\
version: 1
rules:
  - {id: greeting, on: order_created, reply: "Hello! This is order {{ order.number }}."}
  - {id: how, words: [how], limit: {every: 1s, per: order}, reply: "Please see order {{ order.number }}."}
"""


@pytest.fixture(scope="module")
def docker(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Docker]:
    """A daemon of our own with the image in it."""
    with running(tmp_path_factory.mktemp("docker")) as made:
        built(made)
        yield made


@dataclass(frozen=True, slots=True)
class Shop:
    """A directory as compose.yaml wants it, the exchange, and the daemon that runs containers."""

    docker: Docker
    directory: Path
    box: Sandbox

    async def call(self, *arguments: str, check: bool = True) -> str:
        """Run a command of the client; the exchange goes on meanwhile."""
        return await asyncio.to_thread(self.docker, *arguments, check=check)

    async def until(self, condition: Callable[[], bool], what: str, *, timeout_s: float = 60.0) -> None:
        """Wait for a condition; the exchange goes on meanwhile."""
        await asyncio.to_thread(self.docker.until, condition, what, NAME, timeout_s=timeout_s)

    def status(self, of: str = ".State.Health.Status") -> str:
        """Return what Docker says of the container."""
        return self.docker.inspect(NAME, f"{{{{{of}}}}}")

    async def start(self, options: list[str] | None = None, command: tuple[str, ...] = ()) -> None:
        """Run the image with compose's options, and wait until Docker calls it healthy and the chat is open."""
        here = ("--network=host", "--health-interval=1s", f"--volume={self.box.ca_file}:/ca.pem:ro")
        given = options or options_of_compose(self.directory)
        await self.call("run", "--detach", "--name", NAME, *here, *given, IMAGE, *command)
        await self.until(lambda: self.status() == "healthy", "Docker calls it healthy")
        await self.until(lambda: "chat_open" in self.docker("logs", NAME), "the chat is open")

    def said(self, order_no: str) -> list[str]:
        """Return what the counterparty sees of the bot."""
        return [line.text for line in self.box.world.said_by_bot(order_no)]


def options_of_compose(directory: Path) -> list[str]:
    """Return compose.yaml's words for the service as words of ``docker run``."""
    compose: dict[str, Any] = yaml.safe_load((REPOSITORY / "compose.yaml").read_text("utf-8"))
    service = dict(compose["services"]["p2pbot"])
    for not_of_run in ("build", "image", "logging"):
        del service[not_of_run]
    options = [f"--restart={service.pop('restart')}", f"--stop-timeout={service.pop('stop_grace_period')[:-1]}"]
    options += ["--read-only"] if service.pop("read_only") else []
    options += [f"--memory={service.pop('mem_limit')}", f"--pids-limit={service.pop('pids_limit')}"]
    options += [f"--tmpfs={mount}" for mount in service.pop("tmpfs")]
    options += [f"--cap-drop={name}" for name in service.pop("cap_drop")]
    options += [f"--security-opt={name}" for name in service.pop("security_opt")]
    options += [f"--volume={mount.replace('./', f'{directory}/', 1)}" for mount in service.pop("volumes")]
    options += [f"--volume={directory}/secrets/{name}:/run/secrets/{name}:ro" for name in service.pop("secrets")]
    assert not service, f"words of compose.yaml that nobody tries: {sorted(service)}"
    return options


def options_of_pod(directory: Path) -> list[str]:
    """Return what the Kubernetes example gives its container, as words of ``docker run``; its files go below."""
    objects = [
        one for one in yaml.safe_load_all((REPOSITORY / "deploy/kubernetes/p2pbot.yaml").read_text("utf-8")) if one
    ]
    maps = {one["metadata"]["name"]: one["data"] for one in objects if one["kind"] == "ConfigMap"}
    (pod,) = [one["spec"]["template"]["spec"] for one in objects if one["kind"] == "StatefulSet"]
    (container,), shared = pod["containers"], pod["securityContext"]
    data = directory / "mounted/..data"  # the kubelet's way: the names are links into the version in force
    (data / "rules").mkdir(parents=True)
    for place, files in ((data, maps["p2pbot"]), (data / "rules", maps["p2pbot-rules"])):
        for name, text in files.items():
            (place / name).write_text(text, "utf-8")
    for name in ("config.yaml", "rules"):
        (directory / "mounted" / name).symlink_to(f"..data/{name}")
    for secret in (directory / "secrets").iterdir():
        secret.chmod(0o440)
        shutil.chown(secret, 0, shared["fsGroup"])
    options = [f"--user={shared['runAsUser']}:{shared['runAsGroup']}", "--tmpfs=/tmp:size=16m", "--read-only"]
    options += [f"--cap-drop={name}" for name in container["securityContext"]["capabilities"]["drop"]]
    options += ["--security-opt=no-new-privileges"]
    options += [f"--env={entry['name']}={entry['value']}" for entry in container["env"]]
    mounts = {mount["name"]: mount["mountPath"] for mount in container["volumeMounts"]}
    options += [f"--volume={directory}/mounted:{mounts['config']}:ro", f"--volume=state:{mounts['state']}"]
    return [*options, f"--volume={directory}/secrets:{mounts['credentials']}:ro"]


@asynccontextmanager
async def shop(docker: Docker, directory: Path) -> AsyncIterator[Shop]:
    """Set up what compose.yaml names; at the end no container is left and no secret is in its log."""
    account = SandboxAccount(name="main", api_key=f"{API_KEY}main", hmac_secret=f"{API_SECRET}main")
    options = SandboxOptions(directory=directory / "exchange", accounts=(account,), history_lag_ms=300)
    async with Sandbox(options) as box:
        (directory / "config.yaml").write_text(CONFIG.format(url=box.rest_url), "utf-8")
        (directory / "rules").mkdir()
        (directory / "rules/10.yaml").write_text(RULES, "utf-8")
        (directory / "secrets").mkdir()
        for name, text in (("api-key", f"{API_KEY}main"), ("api-secret", f"{API_SECRET}main")):
            path = directory / "secrets" / name
            path.write_text(text, "utf-8")
            path.chmod(0o400)
            shutil.chown(path, USER, USER)
        made = Shop(docker, directory, box)
        try:
            yield made
            assert not secrets_in(await made.call("logs", NAME))
        finally:
            await made.call("rm", "--force", NAME, check=False)
            await made.call("volume", "rm", "--force", "state", check=False)


async def test_it_answers_stops_and_comes_back_with_its_state(docker: Docker, tmp_path: Path) -> None:
    """Healthy, one answer, stopped cleanly; a new container with the volume answers what was missed, nothing twice."""
    async with shop(docker, tmp_path) as open_shop:
        await open_shop.start()
        before = await open_shop.box.open_order("main", OrderSpec())
        greeting = f"Hello! This is order {before}."
        await open_shop.until(lambda: open_shop.said(before) == [greeting], "the greeting is sent")
        await open_shop.call("stop", NAME)
        assert open_shop.status(".State.ExitCode") == "0"
        assert '"stopped"' in (await open_shop.call("logs", NAME)).splitlines()[-1]
        await open_shop.box.say(before, "how do I pay?")
        await open_shop.call("rm", NAME)
        await open_shop.start()
        answer = f"Please see order {before}."
        await open_shop.until(lambda: answer in open_shop.said(before), "what was missed is answered")
        after = await open_shop.box.open_order("main", OrderSpec())
        await open_shop.until(lambda: len(open_shop.said(after)) == 1, "a new order is greeted")
        assert open_shop.said(before) == [greeting, answer]


async def test_it_has_no_rights_and_one_place_to_write(docker: Docker, tmp_path: Path) -> None:
    """A user of its own, no capability, no way to one, limits that the kernel knows, nothing to write but its state."""
    async with shop(docker, tmp_path) as open_shop:
        await open_shop.start()
        status = await open_shop.call("exec", NAME, "cat", "/proc/1/status")
        for line in (f"Uid:\t{USER}", "CapEff:\t0000000000000000", "CapBnd:\t0000000000000000", "NoNewPrivs:\t1"):
            assert line in status
        for place in ("/x", "/etc/p2pbot/rules/x", "/opt/p2pbot/x", "/run/secrets/x"):
            assert "cannot touch" in await open_shop.call("exec", NAME, "touch", place, check=False)
        assert await open_shop.call("exec", NAME, "touch", "/var/lib/p2pbot/x", "/tmp/x") == ""  # noqa: S108 - in the container
        assert open_shop.status(".HostConfig.Memory") == str(512 * 1024 * 1024)
        assert "pip" not in await open_shop.call("exec", NAME, "ls", "/opt/p2pbot/bin")


async def test_the_pod_of_the_kubernetes_example_works(docker: Docker, tmp_path: Path) -> None:
    """Its container, as the kubelet would start it: configuration by links, keys for the group, probes that answer."""
    async with shop(docker, tmp_path) as open_shop:
        options = options_of_pod(tmp_path)
        config = tmp_path / "mounted/config.yaml"
        exchange = f'exchange: {{rest_url: "{open_shop.box.rest_url}", ca_file: /ca.pem}}\n'
        config.write_text(config.read_text("utf-8").replace("mode: shadow", "mode: live") + exchange, "utf-8")
        await open_shop.start(options)
        health = ("exec", NAME, "p2pbot", "health", "--config", "/etc/p2pbot/config.yaml")
        assert await open_shop.call(*health) == "healthy"
        await open_shop.until(lambda: docker(*health, "--ready", check=False) == "healthy", "it is ready")
        order = await open_shop.box.open_order("main", OrderSpec(side=Side.SELL))
        await open_shop.until(lambda: len(open_shop.said(order)) == 1, "its rule greets")


async def test_a_daemon_that_dies_or_hangs_is_seen(docker: Docker, tmp_path: Path) -> None:
    """Killed, Docker starts it again; standing still, its own check calls it unhealthy."""
    async with shop(docker, tmp_path) as open_shop:
        await open_shop.start()
        (pid,) = (await open_shop.call("top", NAME, "-o", "pid")).split()[1:]
        await asyncio.to_thread(os.kill, int(pid), signal.SIGKILL)
        await open_shop.until(lambda: open_shop.status(".RestartCount") == "1", "it is started again")
        await open_shop.until(lambda: open_shop.status() == "healthy", "it is healthy again")
        pid = open_shop.status(".State.Pid")
        os.kill(int(pid), signal.SIGSTOP)
        await open_shop.until(lambda: open_shop.status() == "unhealthy", "its check fails", timeout_s=120)
        os.kill(int(pid), signal.SIGCONT)
        await open_shop.until(lambda: open_shop.status() == "healthy", "it is healthy again")


async def test_a_second_container_with_the_volume_refuses_to_start(docker: Docker, tmp_path: Path) -> None:
    """The lock in the state directory holds between containers of one machine."""
    async with shop(docker, tmp_path) as open_shop:
        await open_shop.start()
        options = [one for one in options_of_compose(tmp_path) if not one.startswith("--restart=")]
        ca = f"--volume={open_shop.box.ca_file}:/ca.pem:ro"
        told = await open_shop.call("run", "--rm", "--network=host", ca, *options, IMAGE, check=False)
        assert "p2pbot: " in told.splitlines()[-1]
        assert "another" in told.splitlines()[-1]
        assert open_shop.status() == "healthy"


@pytest.mark.parametrize("door", ["loop", "task"])
async def test_a_daemon_that_hangs_ends_itself(docker: Docker, tmp_path: Path, door: str) -> None:
    """No systemd waits for food here: it shows the hanging line and ends, and Docker starts it again."""
    async with shop(docker, tmp_path) as open_shop:
        planted = tmp_path / "planted"
        planted.mkdir()
        shutil.copy(Path(__file__).parent / "planted.py", planted)
        options = [*options_of_compose(tmp_path), f"--volume={planted}:/planted:ro", "--entrypoint=python3"]
        await open_shop.start(options, ("/planted/planted.py", "run", "--config", "/etc/p2pbot/config.yaml"))
        (planted / "hang").write_text(door, "utf-8")
        await open_shop.until(lambda: open_shop.status(".RestartCount") != "0", "it is started again")
        (planted / "hang").unlink()
        await open_shop.until(lambda: open_shop.status() == "healthy", "it is healthy again")
        log = await open_shop.call("logs", NAME)
        assert ("in status" if door == "loop" else '"loop": "rules of main"') in log


def test_the_image_is_small(docker: Docker, record_figure: Callable[[str, str], None]) -> None:
    """What p2pbot adds to its base is below 150 MB, and none of it is a tool of the build."""
    whole, base = (int(docker.inspect(name, "{{.Size}}")) for name in (IMAGE, BASE))
    record_figure("image: what p2pbot and its dependencies add to the base", f"{(whole - base) / 1e6:.0f} MB")
    record_figure("image: the whole on the stand-in base (Debian with its Python)", f"{whole / 1e6:.0f} MB")
    assert whole - base < 150e6
    assert docker.inspect(IMAGE, "{{.Config.User}}") == f"{USER}:{USER}"
    assert docker.inspect(IMAGE, '{{index .Config.Labels "org.opencontainers.image.title"}}') == "p2pbot"
