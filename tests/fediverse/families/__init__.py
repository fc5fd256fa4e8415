"""The server families, each one small class; `ALL` is one of each."""

from .catalogue import ALL, BY_NAME

__all__ = ["ALL", "BY_NAME"]
