"""From the configuration's services to messengers: their addresses are read and understood before anything begins."""

from __future__ import annotations

from collections.abc import Mapping

from p2pbot.adapters.notify import AppriseService
from p2pbot.adapters.secrets_source import read_address
from p2pbot.config import Notifications, Service
from p2pbot.errors import ConfigError


def open_services(wanted: Notifications, environ: Mapping[str, str]) -> list[tuple[Service, AppriseService]]:
    """Return each service with its door. Raises ConfigError with one finding for each that cannot be used."""
    opened, findings = [], []
    for service in wanted.services:
        try:
            opened.append((service, AppriseService(service.name, read_address(service, environ))))
        except ConfigError as error:
            findings.append(f"notifications, service {service.name}: {error}")
    if findings:
        raise ConfigError("some services for notifications cannot be used", findings=tuple(findings))
    return opened
