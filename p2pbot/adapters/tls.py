"""The one TLS setting for every connection: always verified, TLS 1.2 or newer.

Promise: there is no switch that turns verification off. ``ca_file`` (the sandbox's, or a company's) replaces the
system's authorities and is not added to them: who must trust a private authority should trust no other by accident.
Danger: Python's default context writes session keys to the file in SSLKEYLOGFILE; this one does not look at it.
"""

from __future__ import annotations

import ssl
from pathlib import Path

from p2pbot.errors import ConfigError


def client_context(ca_file: Path | None = None) -> ssl.SSLContext:
    """Return the context of a client. Raises ConfigError when ``ca_file`` cannot be read or holds no certificate."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)  # verifies certificate and host name
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    if ca_file is None:
        context.load_default_certs(ssl.Purpose.SERVER_AUTH)
        return context
    try:
        context.load_verify_locations(cafile=ca_file)
    except ssl.SSLError:
        raise ConfigError(
            f"{ca_file} holds no certificate", remedy="exchange.ca_file names a PEM file of certificate authorities"
        ) from None
    except OSError as error:
        raise ConfigError(
            f"{ca_file} cannot be read ({error.strerror})", remedy="check exchange.ca_file and who may read it"
        ) from None
    return context
