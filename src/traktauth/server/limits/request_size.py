"""How large a request may be: its header fields, query, parameters and body."""

from __future__ import annotations

# Bytes.
LARGEST_QUERY = 16 * 1024
LARGEST_BODY = 64 * 1024
LARGEST_API_BODY = 1024 * 1024
LARGEST_CONTROL_BODY = 4 * 1024 * 1024

MOST_FIELDS = 100
"""Header fields; browsers send some twenty."""
MOST_PARAMETERS = 1000
"""Of a query or a form."""
