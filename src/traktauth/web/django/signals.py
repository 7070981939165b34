"""The signal that a user has signed in."""

from __future__ import annotations

from django.dispatch import Signal

signed_in = Signal()
"""Sent by the callback with `request` and `signed_in`, a `SignedIn`; an exception in a receiver refuses the sign-in."""
