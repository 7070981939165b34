"""How large a request may be: its head, header fields, query, parameters and body."""

from __future__ import annotations

# Bytes.
LARGEST_HEAD = 256 * 1024
LARGEST_QUERY = 16 * 1024
LARGEST_BODY = 64 * 1024
LARGEST_API_BODY = 1024 * 1024
LARGEST_CONTROL_BODY = 4 * 1024 * 1024

MOST_FIELDS = 100
"""Header fields; browsers send some twenty."""
MOST_PARAMETERS = 1000
"""Of a query or a form."""
MOST_PIPELINED = 16
"""Requests on a connection that wait for the one before; what comes behind them is not parsed until they have left."""
DRAIN_SECONDS, DRAIN_BYTES = 2.0, 64 * 1024 * 1024
"""How much of a body that is too large is still read, so that its sender gets the response."""
