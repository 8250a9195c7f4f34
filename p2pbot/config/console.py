"""Where the status endpoints listen: nowhere unless asked, on this machine alone unless asked twice."""

from __future__ import annotations

import ipaddress
import re
from typing import Annotated, Self

from pydantic import AfterValidator, model_validator

from p2pbot.config.part import Part
from p2pbot.document import complaint

_ADDRESS = re.compile(r"(?:\[(?P<six>[0-9a-fA-F:.]+)\]|(?P<four>[0-9.]+)):(?P<port>[0-9]{1,5})")
_HIGHEST_PORT = 65_535


def _parts(text: str) -> tuple[str, int] | None:
    """Return host and port, or None when ``text`` is no numeric address with a port."""
    match = _ADDRESS.fullmatch(text)
    if match is None or int(match["port"]) > _HIGHEST_PORT:
        return None
    host = match["six"] or match["four"]
    try:
        ipaddress.ip_address(host)
    except ValueError:
        return None
    return host, int(match["port"])


def _address(text: str | None) -> str | None:
    if text is not None and _parts(text) is None:
        raise complaint("expected an address and a port", hint="write `listen: 127.0.0.1:9464`")
    return text


class Console(Part):
    """The status endpoints ``/livez``, ``/readyz`` and ``/metrics``. They have no password."""

    listen: Annotated[str | None, AfterValidator(_address)] = None
    remote: bool = False

    @property
    def address(self) -> tuple[str, int] | None:
        """Host and port to listen on, or None."""
        return _parts(self.listen) if self.listen else None

    @model_validator(mode="after")
    def _is_local(self) -> Self:
        address = self.address
        if address and not self.remote and not ipaddress.ip_address(address[0]).is_loopback:
            raise complaint(
                f"{self.listen} can be reached from other machines, and the endpoints have no password",
                hint="listen on 127.0.0.1, or add `remote: true` if a firewall or a container stands before it",
            )
        return self
