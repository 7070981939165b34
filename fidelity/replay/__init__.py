"""Replay the recorded cases at a server, and record extra ones from the real engines."""
