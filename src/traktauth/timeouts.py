"""Time limits that the flows, the drivers and the stores share, in seconds."""

from __future__ import annotations

# For one request of the sign-in or the life cycle, from connecting to the end of the response.
REQUEST_TIMEOUT = 20.0
# For reaching a host; the rest of a request's time is for its response.
CONNECT_TIMEOUT = 10.0
# For which a login's lock is held in a database. Longer than the longest request, so that a holder that others still
# wait for has its response or its timeout by then.
LEASE = 30.0
# For a login's lock: the holder's whole lease, and 5 s for its last write.
LOCK_TIMEOUT = LEASE + 5.0
# For saving a new token in a store that fails.
SAVE_TIMEOUT = 10.0
# After which a refresh of another process counts as lost, even if that process is known to run.
MAX_SENDING = 3 * LEASE
