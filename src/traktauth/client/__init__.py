"""The client: performs the effects of the flows, blocking or async, and sends API requests."""
