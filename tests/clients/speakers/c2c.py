"""Binance's official SDK for C2C: the public order history.

Runs in the clients' virtual environment.
"""

from __future__ import annotations

import ssl
from collections.abc import Mapping

from binance_common.configuration import ConfigurationRestAPI  # type: ignore[import-not-found]
from binance_sdk_c2c.c2c import C2C  # type: ignore[import-not-found]

from tests.clients.line import Line, speak


async def history(settings: Mapping[str, str], line: Line) -> None:
    """Read the order history, or tell why not."""
    trust = ssl.create_default_context(cafile=settings["ca_file"])
    configuration = ConfigurationRestAPI(
        api_key=settings["api_key"],
        api_secret=settings["api_secret"],
        base_path=settings["rest_url"],
        https_agent=trust,
        timeout=10_000,
        retries=0,
    )
    try:
        answer = C2C(config_rest_api=configuration).rest_api.get_c2_c_trade_history().data()
    except Exception as error:  # noqa: BLE001 - whatever the SDK makes of a refusal is what the test looks at
        line.say({"error": str(error)})
        return
    line.say([row.order_number for row in answer.data])


speak(history)
