"""A real browser for the tests of the page: Debian's Chromium, driven by Playwright.

Everything that a page asks for is noted, whoever asks; what it would ask of anybody but our daemon
is cut off, so that a test never leaves this machine.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

import pytest
from playwright.async_api import Browser, BrowserContext, Page, Route, async_playwright

_NAMES = ("chromium", "chromium-browser", "google-chrome")
# In a container, as root, Chromium's own sandbox cannot be set up.
_ARGUMENTS = ["--no-sandbox"] if os.getuid() == 0 else []


def executable() -> str:
    """Where Chromium is; a test that needs it is skipped where it is not."""
    found = next(filter(None, map(shutil.which, _NAMES)), None)
    if found is None:
        pytest.skip("no chromium here: `./run.sh test` installs it where it may (root and apt-get)")
    return found


@dataclass
class Tab:
    """One page in a context of its own, and all that it has asked for."""

    page: Page
    base: str
    asked: list[str] = field(default_factory=list)
    said: list[str] = field(default_factory=list)  # errors of scripts, and refusals by the policy

    @property
    def outside(self) -> list[str]:
        """What it asked of others."""
        return [url for url in self.asked if not url.startswith(f"{self.base}/")]

    async def go(self, target: str) -> None:
        await self.page.goto(self.base + target)


@asynccontextmanager
async def chromium(*arguments: str) -> AsyncIterator[Browser]:
    path = executable()
    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(
            executable_path=path, args=[*_ARGUMENTS, *arguments]
        )
        try:
            yield browser
        finally:
            await browser.close()


@asynccontextmanager
async def tab(browser: Browser, base: str, **context: Any) -> AsyncIterator[Tab]:
    """A fresh window onto the daemon at `base`."""
    opened: BrowserContext = await browser.new_context(**context)
    try:
        yield await watched(opened, base)
    finally:
        await opened.close()


async def watched(context: BrowserContext, base: str) -> Tab:
    page = await context.new_page()
    one = Tab(page, base)

    async def judge(route: Route) -> None:
        one.asked.append(route.request.url)
        if route.request.url.startswith(f"{base}/"):
            await route.continue_()
        else:
            await route.abort()

    await context.route("**/*", judge)
    page.on("console", lambda message: one.said.append(message.text) if _is_bad(message) else None)
    page.on("pageerror", lambda error: one.said.append(str(error)))
    page.set_default_timeout(20_000)
    return one


def _is_bad(message: Any) -> bool:
    return message.type in ("error", "warning")
