"""The list of all families."""

from __future__ import annotations

from ..server import Server
from .cursors import Friendica, Mastodon, Misskey, Pleroma
from .events import Gancio
from .forums import NodeBB
from .gotosocial import GoToSocial
from .inline import Takahe

ALL: tuple[type[Server], ...] = (
    Mastodon,
    Pleroma,
    Misskey,
    GoToSocial,
    Gancio,
    NodeBB,
    Takahe,
    Friendica,
)

BY_NAME: dict[str, type[Server]] = {family.family: family for family in ALL}
