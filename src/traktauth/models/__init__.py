"""Frozen values that every room understands; none of them shows a secret in its `repr`."""

from traktauth.models.app import App
from traktauth.models.record import Login, Record, Renewal, Trace
from traktauth.models.service import find_service
from traktauth.models.token import Token, fingerprint

__all__ = ["App", "Login", "Record", "Renewal", "Token", "Trace", "find_service", "fingerprint"]
