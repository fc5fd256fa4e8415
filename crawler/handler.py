"""Scrapy's side of the door: the download handler that calls it, and the Response it gives back.

It opens no connection and follows nothing; the Egress that the crawl was given does. Invariant:
every request that Scrapy downloads goes through that Egress, and every answer of it comes back as
one response.
"""

from __future__ import annotations

from typing import Any, Self

from scrapy import Request
from scrapy.crawler import Crawler
from scrapy.exceptions import NotConfigured
from scrapy.http import Response

from .answer import Answer, Ask
from .egress import Egress

# The setting that holds the Egress object; settings may hold any value.
EGRESS_SETTING = "FEDPULL_EGRESS"
# The key of `Request.meta` under which a spider says what exactly it asks for.
ASK_KEY = "ask"


class AnswerResponse(Response):
    """A response that carries the Answer it was made from. `url` is the final one.

    The headers stand in the answer; Scrapy's form of them, which costs more than reading the
    response did, is left empty.
    """

    __slots__ = ("answer",)
    attributes: tuple[str, ...] = (*Response.attributes, "answer")

    def __init__(self, *args: Any, answer: Answer, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.answer = answer


class DoorHandler:
    """For the schemes http and https; FetchFailed reaches the errback as it is."""

    lazy = False

    def __init__(self, egress: Egress) -> None:
        self._egress = egress

    @classmethod
    def from_crawler(cls, crawler: Crawler) -> Self:
        egress = crawler.settings.get(EGRESS_SETTING)
        if egress is None:
            raise NotConfigured(f"the setting {EGRESS_SETTING} holds no Egress")
        return cls(egress)

    async def download_request(self, request: Request) -> AnswerResponse:
        ask = request.meta.get(ASK_KEY)
        answer = await self._egress.fetch(ask if isinstance(ask, Ask) else Ask(request.url))
        return AnswerResponse(answer.final_url, answer.status, body=answer.body, answer=answer)

    async def close(self) -> None:
        """The Egress outlives a crawl: whoever made it closes it."""
