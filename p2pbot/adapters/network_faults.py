"""Say in plain words why a connection could not be made; shared by the HTTP and the WebSocket door.

Promise: host and port are the only words of an address that appear; never a path, a query or a header.
"""

from __future__ import annotations

import errno
import socket
import ssl

from p2pbot.errors import ConnectFailed

_CLOCK = "set this machine's clock (NTP), or wait until the certificate is renewed"
_CERTIFICATE: dict[int, tuple[str, str]] = {
    7: ("is not signed by the authority that it names", "check the address: somebody else may be answering"),
    9: ("is not valid yet", _CLOCK),
    10: ("has expired", _CLOCK),
    18: ("signs itself", "check the address; for the sandbox set exchange.ca_file"),
    19: (
        "is signed by an authority that this machine does not know",
        "install ca-certificates, or set exchange.ca_file",
    ),
    20: (
        "is signed by an authority that this machine does not know",
        "install ca-certificates, or set exchange.ca_file",
    ),
    62: ("is for another name", "check the address: somebody else may be answering"),
    64: ("is for another address", "check the address: somebody else may be answering"),
}
"""OpenSSL's X509_V_ERR_* numbers, which ``SSLCertVerificationError.verify_code`` gives."""

_ERRNO: dict[int, tuple[str, str]] = {
    errno.ECONNREFUSED: ("refuses the connection", "check the address and its port"),
    errno.EHOSTUNREACH: ("cannot be reached", "check this machine's network"),
    errno.ENETUNREACH: ("cannot be reached: there is no network", "check this machine's network"),
    errno.ETIMEDOUT: ("does not answer", "check this machine's network and firewall"),
    errno.ECONNRESET: (
        "broke off while connecting",
        "check that the address speaks TLS and that no firewall cuts it",
    ),
    errno.EMFILE: ("cannot be reached: this process has too many open files", "raise its limit of open files"),
}


def connect_failed(error: BaseException, place: str) -> ConnectFailed:
    """Return the error for a failed connect to ``place`` (host:port), in words that fit its cause."""
    if isinstance(error, ssl.SSLCertVerificationError):
        what, remedy = _CERTIFICATE.get(
            getattr(error, "verify_code", 0), ("is not trusted", "check the address and this machine's clock")
        )
        return ConnectFailed(f"the certificate of {place} {what}", remedy=remedy)
    if isinstance(error, ssl.SSLError):
        return ConnectFailed(
            f"no encrypted connection to {place} could be agreed on", remedy="check that the address speaks TLS"
        )
    if isinstance(error, socket.gaierror):
        return ConnectFailed(f"the name of {place} is not found", remedy="check the address and this machine's DNS")
    what, remedy = _ERRNO.get(_number(error), ("cannot be connected to", "check this machine's network"))
    return ConnectFailed(f"{place} {what}", remedy=remedy)


def _number(error: BaseException) -> int:
    """Return the system's number of an error; asyncio raises resets without one."""
    if isinstance(error, ConnectionResetError):
        return errno.ECONNRESET
    return error.errno or 0 if isinstance(error, OSError) else 0
