"""Blocking stores and databases for asyncio."""
