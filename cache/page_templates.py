"""Templates and files of the page, and the answers that are made of them.

It reads no store and decides nothing. Invariants: everything that a template shows is escaped
unless `page_html` has written it anew; a page of ours loads nothing but the files beside this
module, from ourselves, and runs no script but ours.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from hashlib import blake2b
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

from jinja2 import Environment, FileSystemLoader, StrictUndefined, pass_context
from jinja2.runtime import Context
from markupsafe import Markup, escape

from ..errors import FedpullError
from . import page_names, shapes, spans
from .api_http import TITLES, Answer, Call, matches
from .openapi_form import HTML

_FOLDER = Path(__file__).parent / "page"
FILES: Mapping[str, str] = {
    "style.css": "text/css; charset=utf-8",
    "live.js": "text/javascript; charset=utf-8",
    "icon.svg": "image/svg+xml",
}
_POLICY = "; ".join(
    (
        "default-src 'none'",
        *(f"{what}-src 'self'" for what in ("script", "style", "img", "connect")),
        "form-action 'self'",
        "frame-ancestors 'none'",
        "base-uri 'none'",
    )
)
# `same-origin`, not `no-referrer`: under that one a form's Origin would be "null".
SECURITY = (
    ("Content-Security-Policy", _POLICY),
    ("Referrer-Policy", "same-origin"),
    ("Cross-Origin-Opener-Policy", "same-origin"),
    ("Cross-Origin-Resource-Policy", "same-origin"),
)


@dataclass(frozen=True, slots=True)
class Page:
    """What a handler has found, and the template that shows it."""

    template: str
    title: str
    values: Mapping[str, Any] = field(default_factory=dict)
    status: int = 200


def render(page: Page, now: float, version: str, seq: int = 0) -> Answer:
    """`seq`: the entry of the change log behind which the page is to be told of changes."""
    values = {"title": page.title, "now": now, "version": version, "seq": seq}
    text = _ENVIRONMENT.get_template(page.template).render({**page.values, **values})
    headers = (("Cache-Control", "no-store"), *SECURITY)
    return Answer(page.status, text.encode("utf-8", "replace"), HTML, headers)


def problem(error: FedpullError, detail: str) -> Page:
    """What went wrong, for a person."""
    return Page(
        "problem.html",
        TITLES.get(error.problem, error.problem),
        {"detail": detail, "here": "", "subject": error.subject},
        error.http_status,
    )


def wants_html(call: Call) -> bool:
    """Whether it is a browser that shows what comes: everybody else reads problem documents."""
    return "text/html" in call.headers.get("accept", "")


def see(path: str, **args: str) -> Answer:
    """After a form: look there."""
    target = f"{path}?{urlencode(args)}" if args else path
    return Answer(303, b"", HTML, (("Location", target), ("Cache-Control", "no-store")))


def file(call: Call) -> Answer:
    """One of the page's own files."""
    name = call.path.rpartition("/")[2]
    body, tag = _BODIES[name]
    headers = (("ETag", tag), ("Cache-Control", "no-cache"), *SECURITY)
    if matches(call.headers.get("if-none-match"), tag):
        return Answer(304, b"", FILES[name], headers)
    return Answer(200, body, FILES[name], headers)


def _tagged(name: str) -> tuple[bytes, str]:
    body = (_FOLDER / name).read_bytes()
    return body, f'"{blake2b(body, digest_size=12).hexdigest()}"'


@pass_context
def _moment(context: Context, at: float | None, style: str = "ago") -> Markup:
    """A time: how long ago (or ahead) it is, and exactly for who points at it."""
    if at is None:
        return Markup("never")
    now: float = context["now"]
    exact = shapes.time(at) or ""
    shown = spans.ahead(at, now) if style == "ahead" and at > now else spans.ago(at, now)
    if style == "date":
        shown = f"{exact[:10]} {exact[11:16]}"
    return Markup('<time datetime="{0}" title="{1} UTC">{2}</time>').format(
        exact, exact[:19].replace("T", " "), shown
    )


def _number(amount: float | None) -> str:
    """With thin spaces between the thousands; decimals only of what is small."""
    if amount is None:
        return "–"
    text = f"{amount:,.0f}" if amount >= 10 or float(amount).is_integer() else f"{amount:.1f}"
    return text.replace(",", "\u202f")


def _size(amount: float) -> str:
    for unit in ("bytes", "KiB", "MiB", "GiB"):
        if amount < 1024:
            return f"{_number(amount)} {unit}"
        amount /= 1024
    return f"{_number(amount)} TiB"


def _name(text: object, most: int = 200) -> Markup:
    """What a stranger called something, on its own: it turns round nothing that stands beside."""
    return Markup("<bdi>{0}</bdi>").format(page_names.line(text, most))


def _uri(text: str) -> Markup:
    """A URI, which may be broken behind any of its marks."""
    parts = escape(page_names.uri(text)).replace("/", Markup("/<wbr>"))
    return Markup('<bdi class="uri">{0}</bdi>').format(Markup(parts))


def _environment() -> Environment:
    made = Environment(
        loader=FileSystemLoader(_FOLDER),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        auto_reload=False,
    )
    made.filters |= {
        "ago": _moment,
        "host": page_names.host,
        "host_of": page_names.host_of,
        "name": _name,
        "number": _number,
        "query": lambda args: urlencode({k: v for k, v in args.items() if v not in (None, "")}),
        "size": _size,
        "span": spans.span,
        "every": spans.every,
        "uri": _uri,
    }
    return made


_ENVIRONMENT = _environment()
_BODIES = {name: _tagged(name) for name in FILES}
