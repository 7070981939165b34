"""The doctor's look at the logins: which of them need their user, and whether a clock was set back under them."""

from __future__ import annotations

import shlex
import time
from typing import TYPE_CHECKING

from traktauth.cli.doctor.findings import Finding, doubtful, good
from traktauth.cli.durations import in_words, moment
from traktauth.cli.standing import Standing
from traktauth.cli.status import wanted
from traktauth.flow.windows import IMPLAUSIBLE

if TYPE_CHECKING:
    from traktauth.cli.place import Place
    from traktauth.client.settings import Settings
    from traktauth.stores.base import TokenStore

_TOLERATED = 60.0  # seconds that two machines' clocks may differ by


def check_logins(place: Place, settings: Settings, store: TokenStore) -> list[Finding]:
    """Look at the logins that `status` shows."""
    try:
        found = wanted(store, settings, place)
    except ValueError:
        return []  # no such service, which has been found already
    now = time.time()
    findings: list[Finding] = []
    for login in found:
        standing = Standing(login, store.load(login), now, settings.lost_reply)
        findings += [_login(standing), *_clock(standing)]
    return findings


def _login(standing: Standing) -> Finding:
    name = f"{standing.login.account} at {standing.login.realm}"
    account = "" if standing.login.account == "default" else f" --account {shlex.quote(standing.login.account)}"
    if standing.needs_login:
        return doubtful("login", f"{name} needs a sign-in ({standing.state.value})", f"traktauth login{account}")
    if standing.record.renewal is not None or not standing.can_renew:
        return doubtful("login", f"{name}: {standing.renewal_line()}", f"When the token ends: traktauth login{account}")
    return good("login", f"{name}: token {standing.token_line()}, renewable")


def _clock(standing: Standing) -> list[Finding]:
    """Notice a clock that was set back: a pair that was saved in the future, or lives longer than any."""
    record = standing.record
    token = record.token
    if token is None:
        return []
    ahead = max(record.saved_at - standing.now, token.expires_at - standing.now - token.expires_in)
    if record.saved_at - standing.now <= _TOLERATED and ahead <= IMPLAUSIBLE:
        return []
    what = f"This machine's clock is {in_words(ahead)} behind the one that saved the login ({moment(record.saved_at)})"
    return [doubtful("clock", what, "Set it: timedatectl set-ntp true, or your system's time settings")]
