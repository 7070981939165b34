"""Frozen values that every package uses; none of them shows a secret in its `repr`."""

from traktauth.models.app import App
from traktauth.models.probe import Probe
from traktauth.models.record import HistoryEntry, LoginKey, PendingRefresh, Record, Sender, app_entry
from traktauth.models.service import find_service
from traktauth.models.token import Token, fingerprint
from traktauth.models.user import User

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
