"""A simulated exchange: REST, chat sockets, orders with a life, and every fault by name. SIMULATED wherever it shows.

Promise: written from the protocol notes alone. It shares the vocabulary with p2pbot and no code, or both could be wrong
together. The core (``world`` and what it uses) is pure; ``shell`` serves it on loopback.
"""

from p2pbot.sandbox.box import Sandbox
from p2pbot.sandbox.faults import Fault, When
from p2pbot.sandbox.life import Life, Turn
from p2pbot.sandbox.options import (
    Dialect,
    OrderSpec,
    PaymentSpec,
    PersonSpec,
    SandboxAccount,
    SandboxMiniProgram,
    SandboxOptions,
    SecondSocket,
    WorldOptions,
)
from p2pbot.sandbox.records import CallSeen, ConnectSeen, Outcome, Received, SeenLine, Speaker, UploadSeen
from p2pbot.sandbox.registry import FAULTS
from p2pbot.sandbox.world import World

__all__ = [
    "FAULTS",
    "CallSeen",
    "ConnectSeen",
    "Dialect",
    "Fault",
    "Life",
    "OrderSpec",
    "Outcome",
    "PaymentSpec",
    "PersonSpec",
    "Received",
    "Sandbox",
    "SandboxAccount",
    "SandboxMiniProgram",
    "SandboxOptions",
    "SecondSocket",
    "SeenLine",
    "Speaker",
    "Turn",
    "UploadSeen",
    "When",
    "World",
    "WorldOptions",
]
