"""Binance's official SDK for USDⓈ-M futures, as its README uses it: REST, WebSocket API, private stream.

Runs in the clients' virtual environment.
"""

from __future__ import annotations

import ssl
from collections.abc import Mapping
from typing import Any

from binance_common.configuration import (  # type: ignore[import-not-found]
    ConfigurationRestAPI,
    ConfigurationWebSocketAPI,
    ConfigurationWebSocketStreams,
)
from binance_common.signature import Signers  # type: ignore[import-not-found]
from binance_sdk_derivatives_trading_usds_futures.derivatives_trading_usds_futures import DerivativesTradingUsdsFutures  # type: ignore[import-not-found]

from tests.clients.line import Line, speak


def _client(settings: Mapping[str, str]) -> Any:
    """Return the SDK with all three of its interfaces led to the sandbox."""
    trust = ssl.create_default_context(cafile=settings["ca_file"])
    who: dict[str, Any] = {"api_key": settings["api_key"]}
    if "private_key" in settings:
        who["private_key"] = settings["private_key"]
    else:
        who["api_secret"] = settings["api_secret"]
    return DerivativesTradingUsdsFutures(
        config_rest_api=ConfigurationRestAPI(base_path=settings["rest_url"], https_agent=trust, timeout=10_000, **who),
        config_ws_api=ConfigurationWebSocketAPI(
            stream_url=f"{settings['ws_url']}/ws-fapi/v1", https_agent=trust, **who
        ),
        config_ws_streams=ConfigurationWebSocketStreams(stream_url=f"{settings['ws_url']}/stream", https_agent=trust),
    )


async def _log_on(api: Any, settings: Mapping[str, str]) -> Any:
    """Log on; the SDK wants the signer of a private key once more for a message that it has no method for."""
    signer = Signers.get_signer(settings["private_key"], None) if "private_key" in settings else None
    message = {"method": "session.logon", "params": {}}
    return await api.send_signed_message(message, signer=signer, session_logon=True)


def _plain(answer: Any) -> Any:
    data = answer.data()
    return data if isinstance(data, (dict, list)) else data.model_dump(by_alias=True, mode="json")


async def rest(settings: Mapping[str, str], line: Line) -> None:
    """Start, keep and close a listenKey, and look at the account, over REST."""
    api = _client(settings).rest_api
    first, again = _plain(api.start_user_data_stream()), _plain(api.start_user_data_stream())
    line.say({"same_key": first == again, "time": _plain(api.check_server_time())["serverTime"]})
    api.keepalive_user_data_stream()
    line.say(_plain(api.account_information_v3())["assets"])
    line.say([row.asset for row in api.futures_account_balance_v3().data()])
    line.say(_plain(api.query_order(symbol="BTCUSDT", orig_client_order_id="hedge-1"))["status"])
    api.close_user_data_stream()
    line.say({"same_key": first == _plain(api.start_user_data_stream())})


async def session(settings: Mapping[str, str], line: Line) -> None:
    """Log on, use the session without signatures, ask for a listenKey, log out."""
    api = _client(settings).websocket_api
    await api.create_connection()
    line.say(_plain(await _log_on(api, settings)))
    key = (_plain(await api.start_user_data_stream()))["result"]["listenKey"]
    kept = (_plain(await api.keepalive_user_data_stream()))["result"]["listenKey"]
    line.say({"same_key": key == kept})
    line.say(_plain(await api.futures_account_balance_v2()))
    line.say(_plain(await api.close_user_data_stream()))
    line.say(_plain(await api.send_message({"method": "session.logout", "params": {}}, session_logout=True)))
    await api.close_connection(close_session=True)


async def signed(settings: Mapping[str, str], line: Line) -> None:
    """Sign each request over WebSocket, without a session."""
    api = _client(settings).websocket_api
    await api.create_connection()
    line.say(_plain(await api.account_information_v2()))
    line.say(_plain(await api.position_information_v2(symbol="BTCUSDT")))
    line.say(_plain(await api.query_order(symbol="BTCUSDT", orig_client_order_id="hedge-1")))
    line.say((await _log_on(api, settings)).data())
    await api.close_connection(close_session=True)


async def stream(settings: Mapping[str, str], line: Line) -> None:
    """Listen to the private stream, and tell each event."""
    client = _client(settings)
    key = _plain(client.rest_api.start_user_data_stream())["listenKey"]
    await client.websocket_streams.create_connection()
    handle = await client.websocket_streams.user_data(key)
    handle.on("message", lambda event: line.say(_event(event)))
    line.say("listening")
    await line.hear()
    await handle.unsubscribe()
    await client.websocket_streams.close_connection(close_session=True)


def _event(event: Any) -> Any:
    inner = getattr(event, "actual_instance", event)
    return inner.model_dump(by_alias=True, mode="json") if hasattr(inner, "model_dump") else inner


speak(rest, session, signed, stream)
