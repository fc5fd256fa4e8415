"""Families that can be read by signed requests only, and so are not among `ALL`."""

from __future__ import annotations

from typing import Any, ClassVar

from ..policies import MASTODON_4_4, ONLY_ED25519, ONLY_RFC9421, UNWELCOMING
from .cursors import Mastodon


class OldMastodon(Mastodon):
    """Before 4.5: no RFC 9421."""

    family = "old-mastodon"
    software_version = "4.4.8"
    policy = MASTODON_4_4


class OnlyRfc9421(Mastodon):
    """Has left draft-cavage behind, and does not say so."""

    family = "rfc9421"
    policy = ONLY_RFC9421
    form = "mastodon 9421"


class Unwelcoming(Mastodon):
    """Answers 401 to strangers, however they sign."""

    family = "unwelcoming"
    policy = UNWELCOMING


class OnlyEd25519(Mastodon):
    """Reads nothing but Ed25519 signatures, and says so in `Accept-Signature`."""

    family = "ed25519"
    software = "ed25519"
    software_version = "1.0.0"
    policy: ClassVar = ONLY_ED25519
    form = "ed25519 9421"
    multikeys = True

    def __init__(self, host: str | None = None, **options: Any) -> None:
        super().__init__(host, **{"authorized_fetch": True, **options})
