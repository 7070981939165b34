"""Trakt for django-allauth: add `traktauth.web.allauth` to INSTALLED_APPS.

`trakt_for(social_account)` returns the `Trakt` of a user who has signed in or connected their account.
"""

from __future__ import annotations

from importlib.util import find_spec
from typing import TYPE_CHECKING

from traktauth.errors import TraktAuthError
from traktauth.extras import check_version

if find_spec("allauth") is None:
    raise TraktAuthError("django-allauth is not installed", hint="pip install 'traktauth[allauth]'")
check_version("django-allauth", (65, 10), extra="allauth")

if TYPE_CHECKING:
    from traktauth.web.allauth.accounts import disconnect, trakt_for

__all__ = ["disconnect", "trakt_for"]


if not TYPE_CHECKING:  # a type checker would take every misspelt name for one of this function's

    def __getattr__(name: str) -> object:
        if name in __all__:  # Django imports this package before its apps are ready
            from traktauth.web.allauth import accounts  # noqa: PLC0415 - on first use

            return getattr(accounts, name)
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
