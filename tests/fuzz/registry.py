"""Every target there is."""

from __future__ import annotations

from tests.fuzz.target import Target
from tests.fuzz.targets import (
    control,
    frames,
    history,
    open_data,
    orders,
    rest,
    rules,
    settings,
    status,
    talk,
    templates,
    texts,
    ws_api,
)

TARGETS: dict[str, Target] = {
    target.name: target
    for target in (
        frames.FRAME,
        frames.CARD,
        frames.REDACTION,
        rest.ANSWER,
        rest.RETRY_AFTER,
        history.TALK,
        history.PAGES,
        orders.ORDERS,
        rules.FILES,
        rules.GIVEN,
        settings.SETTINGS,
        templates.TEMPLATE,
        texts.FOLD,
        texts.QUOTES,
        texts.SHOWN,
        talk.TALK,
        status.STATUS,
        control.CONTROL,
        ws_api.FRAME,
        ws_api.RESULT,
        open_data.ANSWER,
        open_data.FILE,
    )
}
