"""From an HTTP request to its response: dispatch, faults, limits, logs, and the endpoints that are not pages."""
