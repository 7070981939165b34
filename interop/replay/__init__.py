"""Replay the recorded cases at a server, and record further ones from the real engines."""
