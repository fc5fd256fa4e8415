"""The store: what was fetched, what is due, and the read-only door for other programs, `Cache`."""

from .cache import Cache
from .document import Document

__all__ = ["Cache", "Document"]
