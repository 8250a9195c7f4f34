"""Binance's official SDK for spot: its WebSocket API with the user data stream that replaced listenKeys.

Runs in the clients' virtual environment.
"""

from __future__ import annotations

import ssl
from collections.abc import Mapping
from typing import Any

from binance_common.configuration import ConfigurationWebSocketAPI  # type: ignore[import-not-found]
from binance_sdk_spot.spot import Spot  # type: ignore[import-not-found]

from tests.clients.line import Line, speak


async def _connect(settings: Mapping[str, str]) -> Any:
    """Return the SDK's connection to the sandbox."""
    who = {name: settings[name] for name in ("api_key", "api_secret", "private_key") if name in settings}
    configuration = ConfigurationWebSocketAPI(
        stream_url=f"{settings['ws_url']}/ws-api/v3",
        reconnect_delay=100,
        https_agent=ssl.create_default_context(cafile=settings["ca_file"]),
        **who,
    )
    api = Spot(config_ws_api=configuration).websocket_api
    await api.create_connection()
    return api


def _plain(answer: Any) -> Any:
    data = answer.data()
    return data if isinstance(data, dict) else data.model_dump(by_alias=True, mode="json")


def _event(event: Any) -> Any:
    inner = getattr(event, "actual_instance", event)
    return inner.model_dump(by_alias=True, mode="json") if hasattr(inner, "model_dump") else inner


async def session(settings: Mapping[str, str], line: Line) -> None:
    """Log on, subscribe by the session, tell each event, unsubscribe, log out."""
    api = await _connect(settings)
    line.say(_plain(await api.session_logon())["result"])
    subscribed = await api.user_data_stream_subscribe()
    subscribed.stream.on("message", lambda event: line.say(_event(event)))
    line.say("listening")
    await line.hear()
    line.say(_plain(await api.session_status())["result"])
    line.say(_plain(await api.session_subscriptions())["result"])
    line.say(_plain(await api.user_data_stream_unsubscribe(subscription_id=0))["status"])
    line.say(_plain(await api.account_status())["result"]["balances"])
    line.say(_plain(await api.session_logout())["result"])
    await api.close_connection(close_session=True)


async def renewed(settings: Mapping[str, str], line: Line) -> None:
    """Log on and subscribe, and go on telling events, whatever becomes of the connection."""
    api = await _connect(settings)
    await api.session_logon()
    subscribed = await api.user_data_stream_subscribe()
    subscribed.stream.on("message", lambda event: line.say(_event(event)))
    line.say("listening")
    await line.hear()
    await api.close_connection(close_session=True)


async def signed(settings: Mapping[str, str], line: Line) -> None:
    """Subscribe by a signature, without a session, and tell each event."""
    api = await _connect(settings)
    subscribed = await api.user_data_stream_subscribe_signature()
    subscribed.stream.on("message", lambda event: line.say(_event(event)))
    line.say("listening")
    await line.hear()
    await api.close_connection(close_session=True)


speak(session, renewed, signed)
