"""The status endpoints: ``/livez``, ``/readyz`` and ``/metrics``, for probes and Prometheus.

Promise: they read, they never change anything, and they show no text of a chat, no name, no order and no secret.
Danger: there is no password. They listen on loopback unless the configuration says otherwise in so many words.
"""

from p2pbot.console.server import Console

__all__ = ["Console"]
