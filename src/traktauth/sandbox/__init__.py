"""A sandbox: any program runs unmodified, and Trakt's hosts are the local Trakt."""

from __future__ import annotations

from traktauth.sandbox.sandbox import Sandbox

__all__ = ["Sandbox"]
