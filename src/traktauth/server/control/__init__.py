"""The control API: puts a server into states that no OAuth request can reach."""
