"""ASGI applications, one for each kind of address."""
