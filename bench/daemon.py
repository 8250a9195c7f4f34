"""The daemon under the bench: as shipped, in a process of its own, with its bounds opened as far as they go."""

from __future__ import annotations

from pathlib import Path

from bench.child import Child
from bench.exchange import ACCOUNT, ANSWERED
from p2pbot.sandbox.box import Sandbox
from p2pbot.sandbox.options import SandboxAccount

_RUN = "import sys; from p2pbot.cli import main; sys.exit(main())"
_CONFIG = f"""\
version: 1
mode: live
state_dir: state
exchange:
  rest_url: {{rest_url}}
accounts:
  - name: {ACCOUNT}
    api_key_file: api-key
    api_secret_file: api-secret
    rules: rules
limits:
  order_replies_per_hour: 10000
  counterparty_replies_per_day: 10000
  account_replies_per_minute: 10000
  breaker: 100
timings:
  order_spacing: 100ms
  account_spacing: 0s
log:
  format: json
  level: warning
"""
_RULES = f"""\
version: 1
rules:
  - id: bench
    words: [{ANSWERED}]
    limit: {{at_most: 1000, per: order}}
    reply: "Thanks! Please press «Transferred, notify seller» in order {{{{ order.number }}}}."
"""


def install(directory: Path, exchange: Sandbox, account: SandboxAccount) -> Path:
    """Write configuration, keys and one rule into ``directory``; return the configuration's path."""
    (directory / "rules").mkdir(parents=True)
    (directory / "rules/bench.yaml").write_text(_RULES, "utf-8")
    for name, value in (("api-key", account.api_key), ("api-secret", account.hmac_secret)):
        path = directory / name
        path.touch(mode=0o600)
        path.write_text(value, "utf-8")
    config = directory / "config.yaml"
    config.write_text(_CONFIG.format(rest_url=exchange.rest_url), "utf-8")
    return config


def daemon(config: Path) -> Child:
    """Return ``p2pbot run`` as a child to enter."""
    return Child("-c", _RUN, "run", "--config", str(config), keep_output=False)
