"""What strangers may write into a post to harm whoever reads it in a browser, and how to tell."""

from __future__ import annotations

import re
from html.parser import HTMLParser

from lxml import html as lxml_html  # type: ignore[import-untyped]

# `x` in a title or an attribute is where a script would run or a file be loaded, were it believed.
# evil.example is asked for nothing; `alert(1)` would set a mark that the tests look for.
_RUN = "window.__ran=1"
_LOAD = "https://evil.example/pixel"

HOSTILE: dict[str, str] = {
    "script": f"<script>{_RUN}</script>",
    "script of a file": f'<script src="{_LOAD}.js"></script>',
    "script in capitals with a slash": f"<SCRIPT/x>{_RUN}</SCRIPT>",
    "script that is never closed": f"<script>{_RUN}",
    "picture that fails": f'<img src="x" onerror="{_RUN}">',
    "tracking pixel": f'<img src="{_LOAD}.gif" width="1" height="1">',
    "picture of many sources": (
        f'<img srcset="{_LOAD}.png 1x"><picture><source srcset="{_LOAD}.webp">'
    ),
    "svg that loads": f'<svg/onload="{_RUN}"><image href="{_LOAD}.svg"/></svg>',
    "svg with a foreign object": (
        f"<svg><foreignObject><script>{_RUN}</script></foreignObject></svg>"
    ),
    "svg with an animated link": (
        f'<svg><a><animate attributeName="href" values="javascript:{_RUN}"/>'
        "<text y='20'>press</text></a></svg>"
    ),
    "frame with a document of its own": f'<iframe srcdoc="<script>{_RUN}</script>"></iframe>',
    "frame of another site": f'<iframe src="{_LOAD}.html"></iframe>',
    "object and embed": f'<object data="{_LOAD}.swf"></object><embed src="{_LOAD}.swf">',
    "base": '<base href="https://evil.example/"><a href="rel">r</a>',
    "refresh": f'<meta http-equiv="refresh" content="0;url={_LOAD}">',
    "style sheet": (
        f'<link rel="stylesheet" href="{_LOAD}.css"><style>@import "{_LOAD}.css";</style>'
    ),
    "style": f'<p style="position:fixed;inset:0;background:url({_LOAD}.png)">over all</p>',
    "form": '<form action="https://evil.example/"><input name="p" autofocus onfocus="x"><button>go',
    "form that sends ours": '<button form="open" formaction="https://evil.example/">Open</button>',
    "handlers": f'<p onclick="{_RUN}" onmouseover="{_RUN}" onpointerenter="{_RUN}">x</p>',
    "details that open": f'<details open ontoggle="{_RUN}"><summary>s</summary>x</details>',
    "video and audio": f'<video src="{_LOAD}.mp4" poster="{_LOAD}.png" onerror="{_RUN}"></video>'
    f'<audio src="{_LOAD}.mp3" autoplay onerror="{_RUN}"></audio>',
    "link with a scheme that runs": f'<a href="javascript:{_RUN}">x</a>',
    "link with a scheme in disguise": f'<a href=" java\tscript:{_RUN}">x</a>',
    "link with a scheme in entities": f'<a href="&#106;avascript:{_RUN}">x</a>',
    "link with data": '<a href="data:text/html,<script>1</script>">x</a>',
    "link to ourselves": '<a href="/page/unfollow">x</a><a href="//evil.example/x">y</a>',
    "link that pings": f'<a href="https://e.example/" ping="{_LOAD}" target="_blank">x</a>',
    "noscript and a title": (
        f'<noscript><p title="</noscript><img src=x onerror={_RUN}>"></p></noscript>'
    ),
    "math and a style": (
        f"<math><mtext><table><mglyph><style><!--</style><img title='--&gt;&lt;img src=1 "
        f"onerror={_RUN}&gt;'>"
    ),
    "form in a math": (
        f"<form><math><mtext></form><form><mglyph><style></math><img src onerror={_RUN}>"
    ),
    "svg and a style": f"<svg></p><style><a id='</style><img src=1 onerror={_RUN}>'>",
    "template": f"<template><script>{_RUN}</script></template>",
    "textarea that ends early": f"<textarea></textarea><img src=x onerror={_RUN}></textarea>",
    "xmp and a listing": f"<xmp><script>{_RUN}</script></xmp><listing>&lt;img src=x></listing>",
    "plaintext": f"<plaintext><script>{_RUN}</script>",
    "comment that ends oddly": f"<!--><img src=x onerror={_RUN}>--><!-- --!><img src=x>",
    "section of character data": f"<![CDATA[<img src=x onerror={_RUN}>]]><?php {_RUN} ?>",
    "ends of our own page": "</article></main></body></html></div></ul><h1>Hijacked</h1>",
    "duplicate ids": '<div id="state" class="lead" data-live>x</div><a name="main"></a>',
    "frozen names": '<img name="getElementById"><form id="location"></form>',
    "nul and control marks": f"<scr\0ipt>{_RUN}</scr\0ipt><img\x0bsrc=x\x0conerror={_RUN}>",
    "select and a template": f"<select><template><style><!--</style><a rel='--></style></template>"
    f"</select><img src=x onerror={_RUN}>'>",
    "attributes that name templates": "{{ 7*7 }}{% raw %}${7*7}<p>{{ config }}</p>",
}

# What may come out of the cleaning, and what the page itself says beside it.
_LISTED = """
    a abbr b bdi blockquote br cite code dd del div dl dt em h3 h4 h5 h6 hr i ins kbd li mark ol
    p pre q rp rt ruby s samp small span strong sub sup table tbody td tfoot th thead tr u ul var
"""
TAGS = frozenset(re.findall(r"\w+", _LISTED))
ATTRIBUTES: dict[str, frozenset[str]] = {
    "a": frozenset({"href", "rel"}),
    "bdi": frozenset({"class"}),
    "span": frozenset({"class"}),
    "div": frozenset({"class"}),
}
CLASSES = frozenset({"whither", "alt", "asis"})


class _Seen(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.found: list[tuple[str, dict[str, str | None]]] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.found.append((tag, dict(attrs)))


def elements(html: str) -> list[tuple[str, dict[str, str]]]:
    """Every element of a fragment with its attributes, as two parsers see it; they must agree."""
    seen = _Seen()
    seen.feed(html)
    seen.close()
    first = [(tag, {k: v or "" for k, v in attrs.items()}) for tag, attrs in seen.found]
    root = lxml_html.fragment_fromstring(html, create_parent="fragment")
    second = [
        (one.tag, dict(one.attrib)) for one in root.iterdescendants() if one.tag != "fragment"
    ]
    names = sorted(tag for tag, _ in first if tag not in _IMPLIED)
    assert names == sorted(tag for tag, _ in second if tag not in _IMPLIED), html
    return first + second


# libxml2 knows HTML 4: it closes and adds these on its own.
_IMPLIED = frozenset({"p", "tbody", "div", "li"})


def strange(html: str) -> list[str]:
    """What in a cleaned fragment is not on the list; empty is well."""
    wrong = []
    for tag, attributes in elements(html):
        if tag not in TAGS:
            wrong.append(tag)
        for name, value in attributes.items():
            if name not in ATTRIBUTES.get(tag, frozenset()):
                wrong.append(f"{tag} {name}")
            elif name == "class" and value not in CLASSES:
                wrong.append(f"{tag} class={value}")
            elif name == "href" and not value.startswith(("https://", "http://")):
                wrong.append(f"href={value}")
    return wrong
