"""Why a connection could not be made, in plain words."""

from __future__ import annotations

import errno
import socket
import ssl

import pytest

from p2pbot.adapters.network_faults import connect_failed


@pytest.mark.parametrize(
    ("cause", "words"),
    [
        (ConnectionRefusedError(errno.ECONNREFUSED, "x"), "refuses the connection"),
        (OSError(errno.ENETUNREACH, "x"), "there is no network"),
        (OSError(errno.EHOSTUNREACH, "x"), "cannot be reached"),
        (OSError(errno.EMFILE, "x"), "too many open files"),
        (OSError("Multiple exceptions"), "cannot be connected to"),
        (socket.gaierror(socket.EAI_NONAME, "x"), "name of api.test:443 is not found"),
        (ssl.SSLCertVerificationError("x"), "is not trusted"),
        (ssl.SSLError("x"), "no encrypted connection"),
        (ValueError("x"), "cannot be connected to"),
    ],
)
def test_each_cause_has_its_words(cause: Exception, words: str) -> None:
    """Each cause is told apart and comes with what to do; the cause's own text is not repeated."""
    error = connect_failed(cause, "api.test:443")
    assert words in error.what
    assert "api.test:443" in error.what
    assert error.remedy
