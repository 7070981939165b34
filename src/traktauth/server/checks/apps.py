"""Is it the app it says it is?"""

from __future__ import annotations

import hmac
from typing import TYPE_CHECKING

from traktauth.server.strings import digest

if TYPE_CHECKING:
    from traktauth.server.attempt import Attempt
    from traktauth.server.storage.records import App


def known(attempt: Attempt) -> bool:
    """Hold where there is an app with this client id; finds it."""
    if attempt.app is None:
        attempt.app = attempt.tables.apps.named(attempt.said.client_id)
    return attempt.app is not None


def enabled(attempt: Attempt) -> bool:
    """Hold where the app has not been switched off."""
    return attempt.app is not None and not attempt.app.disabled


def secret_if_confidential(attempt: Attempt) -> bool:
    """Hold where an app that has a secret to keep sends one."""
    return bool(attempt.said.client_secret) or (attempt.app is not None and not attempt.app.confidential)


def no_secret_if_none(attempt: Attempt) -> bool:
    """Hold where an app without a secret sends none."""
    return not attempt.said.client_secret or (attempt.app is not None and has_secret(attempt.app))


def secret_right(attempt: Attempt) -> bool:
    """Hold where no secret came, or the right one."""
    said = attempt.said.client_secret
    return not said or (attempt.app is not None and is_secret_of(attempt.app, said))


def proven(attempt: Attempt) -> bool:
    """Hold where the app is known, not switched off, and sent its secret if it has one to keep; finds it.

    Doorkeeper's `by_uid_and_secret`: a public app may leave its secret out, but must not send a wrong one.
    """
    if not known(attempt) or not enabled(attempt) or attempt.app is None:
        return False
    said = attempt.said.client_secret.strip()
    return is_secret_of(attempt.app, said) if said else not attempt.app.confidential


def proven_or_unnamed(attempt: Attempt) -> bool:
    """Hold where the app is proven, or no app is named at all."""
    return not attempt.said.client_id.strip() or proven(attempt)


def keeps_secret(attempt: Attempt) -> bool:
    """Hold where the app is one that can keep a secret."""
    return attempt.app is not None and attempt.app.confidential


def never(attempt: Attempt) -> bool:  # noqa: ARG001 - a check like others
    """Hold for no one."""
    return False


def has_secret(app: App) -> bool:
    """Whether an app has a secret."""
    return app.secret is not None or app.secret_hash is not None


def is_secret_of(app: App, said: str) -> bool:
    """Whether this is an app's secret, compared in constant time."""
    if app.secret is not None:
        return hmac.compare_digest(app.secret.encode(), said.encode("utf-8", "surrogatepass"))
    return app.secret_hash is not None and hmac.compare_digest(app.secret_hash, digest(said))
