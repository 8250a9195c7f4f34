"""Connections that look healthy and are not: packets lost in the network, peers that went silent.

Packets are dropped for real, in a network namespace. The daemon's pings (every 15 s, answer awaited for 10 s, 3 s to
close) find such a connection: 28 s at most after the last packet.
"""

from __future__ import annotations

import pytest

from p2pbot.sandbox import Fault
from tests.faults.namespace import Network, why_not
from tests.faults.proxy import Timeout
from tests.faults.trial import LONG, Trial

WHY_NOT = why_not()
needs_namespaces = pytest.mark.skipif(bool(WHY_NOT), reason=f"not possible here: {WHY_NOT}")


@needs_namespaces
async def test_chat_packets_dropped_both_ways(walled: Trial, network: Network) -> None:
    """A connection whose packets vanish is given up by its pings and replaced when the network is back."""
    async with walled.daemon():
        network.drop(walled.chat.port)
        await walled.ask(2)
        await walled.until(lambda: walled.said("chat_down"), "the pings are missed")
        network.heal()
        await walled.verdict()


@LONG
@needs_namespaces
@pytest.mark.parametrize("way", ["to_server", "to_client"])
async def test_chat_packets_dropped_one_way(walled: Trial, network: Network, way: str) -> None:
    """A connection that carries in one direction only is given up as well, and no reply is doubled by it."""
    async with walled.daemon():
        network.drop(walled.chat.port, to_server=way == "to_server", to_client=way == "to_client")
        await walled.ask(2)
        await walled.until(lambda: walled.said("chat_down"), "the pings are missed")
        network.heal()
        await walled.verdict()


@needs_namespaces
async def test_everything_dropped(walled: Trial, network: Network) -> None:
    """With no packet passing at all, chat and requests fail by their deadlines and recover by themselves."""
    async with walled.daemon():
        network.drop(walled.rest.port)
        network.drop(walled.chat.port)
        await walled.ask()
        await walled.until(lambda: walled.said("orders_unavailable"), "requests time out")
        await walled.until(lambda: walled.said("chat_down"), "the pings are missed")
        await walled.ask()
        network.heal()
        await walled.verdict()


@needs_namespaces
async def test_a_tenth_of_all_packets_lost(walled: Trial, network: Network) -> None:
    """A bad line costs time and nothing else."""
    async with walled.daemon():
        network.lose(walled.rest.port, 0.1)
        network.lose(walled.chat.port, 0.1)
        await walled.ask(4)
        await walled.until_answered()
        network.heal()
        await walled.verdict()


@needs_namespaces
async def test_firewall_forgets_the_connection(walled: Trial, network: Network) -> None:
    """A firewall that answers with resets is noticed at the next packet of ours."""
    async with walled.daemon():
        network.reject(walled.chat.port)
        network.reject(walled.rest.port)
        await walled.ask(2)
        await walled.until(lambda: walled.said("chat_down"), "a packet of ours is answered by a reset")
        network.heal()
        await walled.verdict()


@LONG
@needs_namespaces
async def test_cable_pulled(walled: Trial, network: Network) -> None:
    """Without any network the bot waits, and goes on when the cable is back."""
    async with walled.daemon():
        network.unplug()
        await walled.ask(2)
        await walled.until(lambda: walled.said("chat_down"), "the pings are missed")
        await walled.until_trouble("did not")
        network.heal()
        await walled.verdict()


@LONG
async def test_connection_held_open_by_a_middlebox(trial: Trial) -> None:
    """A middlebox that keeps the connection and loses the data is found by the pings (toxic ``timeout``, 0)."""
    async with trial.daemon():
        trial.chat.add(Timeout())
        await trial.ask(2)
        await trial.until(lambda: trial.said("chat_down"), "the pings are missed")
        trial.chat.heal()
        await trial.verdict()


async def test_peer_answers_pings_and_sends_nothing(trial: Trial) -> None:
    """A socket that lives and brings nothing is found by the unread counts at the next look at the orders."""
    async with trial.daemon():
        await trial.scene.box.inject(Fault("silence", account="main"))
        await trial.ask()
        await trial.until(lambda: trial.said("decided", '"history"'), "the questions are read from the history")
        await trial.ask()
        await trial.verdict()
