"""The databases' servers of the stores' tests."""

from __future__ import annotations

from stores.conftest import postgres_address, postgres_schema, postgres_server, redis_address, redis_server

__all__ = ["postgres_address", "postgres_schema", "postgres_server", "redis_address", "redis_server"]
