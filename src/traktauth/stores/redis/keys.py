"""The names of the keys in a Redis that has other tenants too."""

from __future__ import annotations

DEFAULT_PREFIX = "traktauth"


class RedisKeys:
    """The names of one store's keys; with Redis Cluster they are all in one slot.

    Args:
        prefix: what every key begins with.
    """

    def __init__(self, prefix: str) -> None:
        tag = f"{{{prefix}}}:"
        self.logins, self.trial, self.schema = f"{tag}logins", f"{tag}trial", f"{tag}schema"
        self.login, self.lease, self.due, self.budget = f"{tag}login:", f"{tag}lease:", f"{tag}due:", f"{tag}budget:"
