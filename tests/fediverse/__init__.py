"""A simulated Fediverse on loopback: many hosts of many server families behind one TLS port.

The tests use it and `fedpull demo` shows it. Nothing here imports the rest of Fedpull, so that what
it serves is written down independently of how Fedpull reads it.
"""

from .model import Account, Activity, Post
from .server import Server
from .world import Fediverse, Gate, Request, RequestLog

__all__ = ["Account", "Activity", "Fediverse", "Gate", "Post", "Request", "RequestLog", "Server"]
