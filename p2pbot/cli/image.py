"""``p2pbot image upload``: puts a picture where the chat's pictures lie, and prints its address."""

from __future__ import annotations

import argparse
import asyncio
from pathlib import Path
from typing import TYPE_CHECKING

from p2pbot.adapters.pictures import picture_policy, read_picture_file
from p2pbot.adapters.tls import client_context
from p2pbot.app.doors import open_uploader
from p2pbot.cli.exchange_line import exchange_line
from p2pbot.cli.options import account_of, settings_of
from p2pbot.config import AccountSettings, Settings
from p2pbot.errors import UsageError
from p2pbot.model import Picture
from p2pbot.protocol.calls import presign
from p2pbot.rules.pictures import PictureFlaw

if TYPE_CHECKING:
    from p2pbot.cli.parser import Parser

_GOODBYE_S = 0.25  # aiohttp awaits no goodbye of TLS on a connection for one use; a loop that ends first leaves it open
_ABOUT = "Puts pictures where the chat's pictures lie. Nothing is written to a chat."
_UPLOAD = """\
Uploads a JPEG or PNG as p2pbot uploads a rule's picture: checked from its bytes, made smaller if the configuration says
`pictures: {too_large: shrink}`, to the hosts of exchange.upload_hosts alone, without your key. Prints the picture's
address and nothing else; whoever has the address can see the picture. How long it lives there nobody has published.

The call counts among the 36 a minute that the exchange allows an account, beside those of a daemon that runs."""
_MORE = """\
example: p2pbot image upload rules/images/qr.png

exit codes: 0 done, 1 the exchange refused or cannot be reached, 2 wrong command line, or no picture that can be sent,
            78 configuration or keys"""


def register(commands: argparse._SubParsersAction[Parser]) -> None:
    """Add the command."""
    parser = commands.add_parser("image", help="upload a picture", description=_ABOUT)
    below = parser.add_subparsers(metavar="COMMAND", title="commands")
    upload = below.add_parser("upload", help="upload one and print its address", description=_UPLOAD, epilog=_MORE)
    upload.add_argument("file", metavar="FILE", type=Path, help="a JPEG or PNG")
    upload.add_argument("--account", metavar="NAME", help="with whose key (needed if there are several)")
    upload.set_defaults(handler=_image)


def _image(arguments: argparse.Namespace) -> int:
    settings = settings_of(arguments)
    account = account_of(settings, arguments.account)
    if not arguments.file.is_file():
        raise UsageError(f"there is no file {arguments.file}", remedy="name a JPEG or PNG")
    found = read_picture_file(arguments.file, picture_policy(settings.pictures))
    if isinstance(found, PictureFlaw):
        raise UsageError(found.what, remedy=found.hint)
    print(asyncio.run(_uploaded(settings, account, *found)))
    return 0


async def _uploaded(settings: Settings, account: AccountSettings, picture: Picture, data: bytes) -> str:
    """Upload, and return where the picture lies now."""
    async with exchange_line(settings, account) as line:
        async with open_uploader(settings, client_context(settings.ca_file)) as uploader:
            place = await line.rest.call(presign(f"{picture.sha256[:16]}.{picture.kind.value}"))
            await uploader.put(place.upload_url, picture, data)
        await asyncio.sleep(_GOODBYE_S)
    return place.image_url
