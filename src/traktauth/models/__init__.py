"""Frozen values that every package uses; none of them shows a secret in its `repr`."""

from traktauth.models.app import App
from traktauth.models.record import HistoryEntry, LoginKey, PendingRefresh, Probe, Record, Sender, User, app_entry
from traktauth.models.service import find_service
from traktauth.models.token import Token, fingerprint

__all__ = [
    "App",
    "HistoryEntry",
    "LoginKey",
    "PendingRefresh",
    "Probe",
    "Record",
    "Sender",
    "Token",
    "User",
    "app_entry",
    "find_service",
    "fingerprint",
]
