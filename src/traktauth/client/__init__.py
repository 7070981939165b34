"""The hands: what the flows ask for is performed here, blocking or async."""
