"""What each type of problem means, for the person who follows the `type` of one to its page.

It shows nothing of the call that went wrong. Invariant: there is a page for every type.
"""

from __future__ import annotations

from importlib.metadata import version

from markupsafe import Markup

from .api_http import TITLES, Answer, Call
from .page_templates import Page, render

# What a caller may do about each; the titles say what it is.
_ADVICE = {
    "bad-input": "A parameter, an id, a handle or a body is wrong. <code>subject</code> names it, "
    "<code>reason</code> says why, <code>expected</code> what would do.",
    "unauthorized": "Other machines can connect here, so every call needs the header "
    "<code>Authorization: Bearer TOKEN</code> with the token of <code>api.token_file</code>.",
    "forbidden": "A call must name this service in its Host header, and come from no page of "
    "another site.",
    "signature": "A push to the inbox is not signed as it has to be.",
    "refused": "By the operator's policy or its author's wish it is not kept: it is not public, "
    "its host is blocked, robots.txt forbids it, or it was forgotten. Asking again does not help.",
    "not-found": "The origin says 404, or nothing is known of it here, or there is no such call.",
    "method": "The header <code>Allow</code> says with which methods this can be called.",
    "gone": "The origin says 410 or serves a Tombstone, and our copy was deleted.",
    "too-old": "Of the change log only the last million entries are kept, and some of those asked "
    "for are not among them; <code>oldest</code> is the first that is kept. What they told of is "
    "missed: read the lists anew, then follow the log from the <code>last_seq</code> that "
    "<code>/v1/status</code> gave before.",
    "size": "The body is too large.",
    "type": "The header <code>Accept-Post</code> says of which type the body must be.",
    "busy": "Too much is waiting to be fetched, of this host or at all. The header "
    "<code>Retry-After</code> says when to ask again.",
    "error": "This is a bug of Fedpull; its log says more.",
    "unreachable": "Something on the way to the origin failed: its name, its address, the "
    "connection, TLS, its answer. 504 says that it took too long. The log says more.",
    "not-cached": "The request said <code>only-if-cached</code>, and no stored copy will do.",
    "store": "The store cannot be read or written now.",
}


def problem_page(call: Call) -> Answer:
    """What a type of problem means; its URL is the `type` of every such problem."""
    name = call.path.rpartition("/")[2]
    values = {"here": "", "name": name, "advice": Markup(_ADVICE[name])}
    return render(Page("advice.html", TITLES[name], values), 0.0, version("fedpull"))
