"""OAuth: authorization, grants, device codes, rotation, and the checks of requests."""
