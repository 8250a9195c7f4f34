"""``notify test`` says of each service whether it has taken a word."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from tests.cli.conftest import CONFIG, Place

CLI = Callable[..., int]


@dataclass
class Server:
    """A server of ntfy's protocol on a thread of its own: the command line has the main one."""

    port: int = 0
    status: int = 200
    heard: list[dict[str, object]] = field(default_factory=list)


@pytest.fixture
def ntfy() -> Iterator[Server]:
    """Serve while the test runs."""
    server = Server()

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            server.heard.append(json.loads(self.rfile.read(int(self.headers["content-length"]))))
            self.send_response(server.status)
            self.send_header("content-length", "2")
            self.end_headers()
            self.wfile.write(b"{}")

        def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the library's name
            del format, args

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as http:
        server.port = http.server_address[1]
        thread = threading.Thread(target=http.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        yield server
        http.shutdown()
        thread.join()


def configure(place: Place, *names: str, port: int) -> None:
    """Give the configuration services of these names, all at the port."""
    lines = [f"    - {{name: {name}, secret_file: {name}.url}}\n" for name in names]
    place.config.write_text(CONFIG + "notifications:\n  services:\n" + "".join(lines))
    for name in names:
        secret = place.path / f"{name}.url"
        secret.write_text(f"ntfy://127.0.0.1:{port}/topic-of-{name}\n")
        secret.chmod(0o600)


def test_each_service_is_told(place: Place, ntfy: Server, p2pbot: CLI, capsys: pytest.CaptureFixture[str]) -> None:
    """Each has its line; the exit code is 0 when all have taken the word."""
    configure(place, "phone", "tablet", port=ntfy.port)
    assert p2pbot("notify", "test") == 0
    assert [heard["topic"] for heard in ntfy.heard] == ["topic-of-phone", "topic-of-tablet"]
    lines = capsys.readouterr().out.splitlines()
    assert [line.split(",")[0] for line in lines] == [
        f"ok      {name}: has taken the word" for name in ("phone", "tablet")
    ]


def test_one_service_can_be_named(place: Place, ntfy: Server, p2pbot: CLI) -> None:
    """The others hear nothing."""
    configure(place, "phone", "tablet", port=ntfy.port)
    assert p2pbot("notify", "test", "tablet") == 0
    assert [heard["topic"] for heard in ntfy.heard] == ["topic-of-tablet"]


def test_a_refusal_is_told_and_betrays_nothing(
    place: Place, ntfy: Server, p2pbot: CLI, capsys: pytest.CaptureFixture[str]
) -> None:
    """What the service says is shown without its address, and the exit code is 1."""
    ntfy.status = 403
    configure(place, "phone", port=ntfy.port)
    assert p2pbot("notify", "test") == 1
    told = capsys.readouterr()
    assert told.out.startswith("failed  phone: ")
    assert "topic-of-phone" not in told.out + told.err


def test_an_unknown_name_lists_the_known_ones(place: Place, p2pbot: CLI, capsys: pytest.CaptureFixture[str]) -> None:
    """A wrong command line, with its remedy."""
    configure(place, "phone", "tablet", port=1)
    assert p2pbot("notify", "test", "watch") == 2
    assert "the services are: phone, tablet" in capsys.readouterr().err


def test_without_a_service_the_way_is_shown(p2pbot: CLI, capsys: pytest.CaptureFixture[str]) -> None:
    """Whoever has none is told where to read on."""
    assert p2pbot("notify", "test") == 78
    assert "docs/notifications.md" in capsys.readouterr().err


@pytest.mark.parametrize("command", [("check",), ("notify", "test"), ("run",)])
def test_an_address_that_cannot_be_used_is_told_before_anything_begins(
    command: tuple[str, ...], place: Place, p2pbot: CLI, capfd: pytest.CaptureFixture[str]
) -> None:
    """check, notify test and run refuse it alike, and none repeats it."""
    configure(place, "phone", port=1)
    (place.path / "phone.url").write_text("nonsense://a-very-long-secret")
    assert p2pbot(*command) == 78
    told = capfd.readouterr()
    assert "service phone: Apprise does not understand this address" in told.out + told.err
    assert "very-long-secret" not in told.out + told.err
    assert not place.state.exists()


def test_check_names_the_services(place: Place, p2pbot: CLI, capsys: pytest.CaptureFixture[str]) -> None:
    """What is configured is looked at; nothing is sent."""
    configure(place, "phone", port=1)
    assert p2pbot("check") == 0
    assert "ok      notifications: phone; p2pbot notify test sends a word" in capsys.readouterr().out
