"""The list of all families."""

from __future__ import annotations

from ..server import Server
from .communities import LemmyCommunity, LemmyPerson
from .cursors import Friendica, Mastodon, Misskey, Pleroma
from .epicyon import Epicyon
from .events import Gancio, Mobilizon
from .forums import NodeBB
from .gotosocial import GoToSocial
from .identifiers import ActivityPubBot, Bovine
from .inline import Takahe
from .media import Funkwhale, Owncast, PeerTube
from .numbered import BookWyrm, WriteFreely
from .onepage import Onepage
from .times import Ghost
from .unpaged import EmptyOutbox, NoOutbox, PixelfedStub, StaticSite
from .wordpress import WordPressNew, WordPressOld

ALL: tuple[type[Server], ...] = (
    Mastodon,
    Pleroma,
    Misskey,
    GoToSocial,
    LemmyCommunity,
    LemmyPerson,
    PeerTube,
    WordPressOld,
    WordPressNew,
    Mobilizon,
    Gancio,
    Funkwhale,
    BookWyrm,
    WriteFreely,
    Ghost,
    NodeBB,
    Takahe,
    Owncast,
    Friendica,
    PixelfedStub,
    Bovine,
    Onepage,
    Epicyon,
    ActivityPubBot,
    StaticSite,
    NoOutbox,
    EmptyOutbox,
)

BY_NAME: dict[str, type[Server]] = {family.family: family for family in ALL}
