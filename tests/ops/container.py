"""A Docker daemon of the tests' own, and the image built by it without a network. Needs root.

Promise: nothing outside the tests' directory is touched: no bridge, no firewall rule, no other daemon's images; all of
it ends with the context. The base is a stand-in (Debian with its Python) under a name that says so: what is tested is
the Dockerfile, not the published base image.
Danger: Debian's own client is used, whose builder is the daemon's (newer clients want a plugin for that).
"""

from __future__ import annotations

import os
import shlex
import shutil
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

REPOSITORY = Path(__file__).resolve().parents[2]
BASE, BUILD_BASE, IMAGE = "p2pbot-stand-in-base:test", "p2pbot-stand-in-base:with-wheels", "p2pbot:test"
_CLIENT = "/usr/bin/docker"
_TOOLS = (_CLIENT, "dockerd", "containerd", "runc", "mmdebstrap")
_DOCKERFILE_OF_WHEELS = f"FROM {BASE}\nCOPY wheels /wheels\n"
_PLATFORMS = [f"--platform=manylinux{tag}_x86_64" for tag in ("2014", "_2_17", "_2_28", "_2_34")]


def missing() -> str:
    """Return why no container can be run here, or nothing."""
    if os.geteuid() != 0:
        return "a Docker daemon needs root"
    absent = [tool for tool in _TOOLS if shutil.which(tool) is None]
    return f"not here: {', '.join(absent)} (apt-get install docker.io runc mmdebstrap)" if absent else ""


@dataclass(frozen=True, slots=True)
class Docker:
    """A running daemon, by its socket."""

    directory: Path

    def __call__(self, *arguments: str, check: bool = True, timeout_s: float = 600.0) -> str:
        """Run a command of the client and return what it printed. Raises AssertionError with it if it fails."""
        done = _run(
            _CLIENT,
            f"--host=unix://{self.directory}/docker.sock",
            *arguments,
            timeout_s=timeout_s,
            environ={**os.environ, "DOCKER_BUILDKIT": "1", "DOCKER_CONFIG": str(self.directory)},
        )
        if check and done.returncode:
            raise AssertionError(
                f"docker {shlex.join(arguments)[:200]} ended with {done.returncode}:\n{done.stdout[-6000:]}"
            )
        return done.stdout.strip()

    def inspect(self, name: str, template: str) -> str:
        """Return a property of a container or an image, by Docker's template."""
        return self("inspect", "--format", template, name)

    def until(self, condition: Callable[[], bool], what: str, name: str, *, timeout_s: float = 60.0) -> None:
        """Wait for a condition. Raises AssertionError with the end of the container's log."""
        end_s = time.monotonic() + timeout_s
        while not condition():
            if time.monotonic() > end_s:
                raise AssertionError(f"not within {timeout_s} s: {what}\n{self('logs', name, check=False)[-6000:]}")
            time.sleep(0.1)  # conditions of another program have no event to wait for


@contextmanager
def running(directory: Path) -> Iterator[Docker]:
    """Run a daemon in a directory of the tests."""
    docker = Docker(directory)
    command = [
        *("dockerd", "--data-root", f"{directory}/data", "--exec-root", f"{directory}/exec"),
        *("--pidfile", f"{directory}/docker.pid", "--host", f"unix://{directory}/docker.sock"),
        *("--iptables=false", "--ip6tables=false", "--ip-forward=false", "--bridge=none"),
    ]
    with (directory / "dockerd.log").open("wb") as log:
        daemon = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=log, stderr=log)  # noqa: S603 - ours
        try:
            _await(docker, daemon, directory / "dockerd.log")
            yield docker
        finally:
            daemon.terminate()
            with suppress(subprocess.TimeoutExpired):
                daemon.wait(30)
            daemon.kill()
            daemon.wait()
            _run("umount", f"{directory}/exec/netns/default")


def _await(docker: Docker, daemon: subprocess.Popen[bytes], log: Path) -> None:
    end_s = time.monotonic() + 60
    while "Server Version" not in docker("info", check=False):
        if daemon.poll() is not None or time.monotonic() > end_s:
            raise AssertionError(f"the Docker daemon did not start:\n{log.read_text('utf-8', 'replace')[-4000:]}")
        time.sleep(0.1)


def built(docker: Docker) -> str:
    """Build the image from this directory without a network; return the builder's words."""
    base = docker.directory / "base.tar"
    made = ("mmdebstrap", "--quiet", "--variant=minbase", "--include=python3,python3-venv,ca-certificates", "trixie")
    done = _run(*made, str(base))
    assert done.returncode == 0, done.stdout
    docker("import", str(base), BASE)
    context = docker.directory / "wheels-context"
    _download(docker, context / "wheels")
    (context / "Dockerfile").write_text(_DOCKERFILE_OF_WHEELS, "utf-8")
    docker("build", "--network=none", "--tag", BUILD_BASE, str(context))
    options = [f"BASE={BASE}", f"BUILD_BASE={BUILD_BASE}", "PIP_OPTIONS=--no-index --find-links=/wheels"]
    arguments = [word for option in options for word in ("--build-arg", option)]
    return docker("build", "--network=none", "--progress=plain", *arguments, "--tag", IMAGE, str(REPOSITORY))


def _download(docker: Docker, wheels: Path) -> None:
    """Fetch the wheels of the lock, for the Python of the base."""
    ask = ("run", "--rm", "--network=none", BASE, "python3", "-c", "import sys; print('%d%d' % sys.version_info[:2])")
    version = docker(*ask)
    locks = [option for name in ("build", "run") for option in ("-r", str(REPOSITORY / f"requirements/{name}.txt"))]
    done = _run(
        *(sys.executable, "-m", "pip", "download", "--quiet", "--only-binary=:all:", "--require-hashes", *locks),
        *(f"--python-version={version}", "--implementation=cp", f"--abi=cp{version}", "--abi=abi3", "--abi=none"),
        *(*_PLATFORMS, "--platform=any", "--dest", str(wheels)),
    )
    assert done.returncode == 0, done.stdout


def _run(
    *command: str, timeout_s: float = 600.0, environ: dict[str, str] | None = None
) -> subprocess.CompletedProcess[str]:
    return subprocess.run(  # noqa: S603 - a command of the tests
        command,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        timeout=timeout_s,
        check=False,
        text=True,
        env=environ,
    )
