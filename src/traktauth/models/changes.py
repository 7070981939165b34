"""Changes of a login's record, as values.

A store applies a change to the record that it holds, as one atomic step: it reads the record, calls `Change.apply`, and
writes what that returns. Two promises follow. One caller anywhere may send a refresh token (`BeginRefresh`, once for
each attempt), and no token replaces a newer one (`SaveToken`).
"""

from __future__ import annotations

from dataclasses import dataclass, replace

from traktauth.errors import LoginRequiredReason
from traktauth.models import App, HistoryEntry, PendingRefresh, Probe, Record, Token, User
from traktauth.models.record import HistoryOutcome
from traktauth.models.store_address import EXPORT
from traktauth.models.token_digests import NO_DIGESTS

MAX_HISTORY = 20  # generations


class Change:
    """A pure function from record to record."""

    __slots__ = ()

    def apply(self, record: Record) -> Record | None:
        """Return the changed record; None if the change does not apply."""
        raise NotImplementedError


# ---------------------------------------------------------------- refreshes
@dataclass(frozen=True, slots=True)
class BeginRefresh(Change):
    """Record that a refresh token is about to be sent; applies once for each attempt, so to one caller anywhere.

    It applies if the generation is the stored one, the token may be refreshed, and the last attempt was the one before.
    """

    pending_refresh: PendingRefresh

    def apply(self, record: Record) -> Record | None:
        """Return the changed record; None if the token must not be sent."""
        new = self.pending_refresh
        last = record.pending_refresh.sending if record.pending_refresh else 0
        may_send = record.token is not None and record.refreshable and new.generation == record.generation
        if not may_send or new.sending != last + 1:
            return None
        return replace(record, pending_refresh=new, history=_with_outcome(record.history, HistoryOutcome.SENT))


@dataclass(frozen=True, slots=True)
class CancelRefresh(Change):
    """Take a pending refresh back, as its token is known to be unspent.

    Attributes:
        pending_refresh: the pending refresh.
        before: the one that was pending before it.
    """

    pending_refresh: PendingRefresh
    before: PendingRefresh | None

    def apply(self, record: Record) -> Record | None:
        """Return the changed record; None if another refresh, or none, is pending."""
        if not _is_pending(record, self.pending_refresh):
            return None
        outcome = None if self.before is None else HistoryOutcome.SENT
        return replace(record, pending_refresh=self.before, history=_with_outcome(record.history, outcome))


@dataclass(frozen=True, slots=True)
class SetUnconfirmed(Change):
    """Record that a refresh was sent and that its sender does not wait for the response any more."""

    pending_refresh: PendingRefresh

    def apply(self, record: Record) -> Record | None:
        """Return the changed record; None if another refresh, or none, is pending."""
        if record.pending_refresh is None or not _is_pending(record, self.pending_refresh):
            return None
        return replace(record, pending_refresh=replace(record.pending_refresh, unconfirmed=True))


def _is_pending(record: Record, pending_refresh: PendingRefresh) -> bool:
    """Return whether this very sending is pending, and not one of another process."""
    found = record.pending_refresh
    mine = (pending_refresh.generation, pending_refresh.sending, pending_refresh.sender)
    return found is not None and (found.generation, found.sending, found.sender) == mine


# ---------------------------------------------------------------- tokens
@dataclass(frozen=True, slots=True)
class SaveToken(Change):
    """Save the token that follows a generation, and end the pending refresh; never replaces a newer one.

    A stored generation that is older, or none, shows that the store went back, as with a restored backup: the token it
    holds is spent, and the new one replaces it. Nothing is saved for a login that another store has; after an export to
    another program, only a new sign-in is.

    Attributes:
        token: the token; its generation must be greater than `after`.
        after: the generation that it follows.
        at: when it was issued, in Unix seconds.
        is_sign_in: whether it is the first token of a new sign-in, which may follow a refresh that is still pending.
    """

    token: Token
    after: int
    at: float
    is_sign_in: bool = False

    def apply(self, record: Record) -> Record | None:
        """Return the record of the new token; None if a newer one is stored."""
        rolled_back = record.generation < self.after
        if record.generation > self.after or self.token.generation <= self.after:
            return None
        if record.moved_to and (rolled_back or not record.moved_to.startswith(EXPORT)):
            return None
        sender = record.pending_refresh.sender if record.pending_refresh and not self.is_sign_in else None
        history = record.history
        if rolled_back:
            history = _with_outcome(history, HistoryOutcome.ROLLED_BACK)
        elif sender is not None:
            history = _with_outcome(history, HistoryOutcome.REFRESHED)
        elif record.token is not None and record.refreshable:  # else the history keeps the reason why it was not
            history = _with_outcome(history, HistoryOutcome.SIGNED_IN)
        entry = HistoryEntry(
            self.token.generation,
            self.token.fingerprint,
            self.at,
            host=sender.host if sender else None,
            pid=sender.pid if sender else 0,
            rolled_back_to=record.generation if rolled_back else None,
        )
        # After a new sign-in they count once it is known that the user is the same: `SetUser` drops another's.
        is_of_unknown = self.is_sign_in and record.digests.user is None
        return Record(
            generation=self.token.generation,
            token=self.token,
            saved_at=self.at,
            history=(*history, entry)[-MAX_HISTORY:],
            replaced_rejected_at=record.rejected_at if not self.is_sign_in else None,
            user=record.user if not self.is_sign_in and (sender or rolled_back) else None,
            digests=(NO_DIGESTS if is_of_unknown else record.digests).with_token(self.token),
            app=None if self.is_sign_in else record.app,
        )


@dataclass(frozen=True, slots=True)
class SetRefreshable(Change):
    """Record why a generation must not be refreshed.

    Attributes:
        generation: which token.
        reason: why it must not, in words for the user; None if it may.
        login_required_reason: the `reason` of the `LoginRequired` that follows; None for `revoked`.
        at: Unix seconds when that was found.
        words: Trakt's own words for it.
    """

    generation: int
    reason: str | None
    login_required_reason: LoginRequiredReason | None = None
    at: float | None = None
    words: str | None = None

    def apply(self, record: Record) -> Record | None:
        """Return the changed record; None if another generation is stored."""
        if record.generation != self.generation or record.token is None:
            return None
        return replace(
            record,
            refreshable=self.reason is None,
            not_refreshable_reason=self.reason,
            login_required_reason=self.login_required_reason,
            ended_at=self.at,
            ended_with=self.words,
            history=_with_reason(record.history, self.reason, self.at),
        )


@dataclass(frozen=True, slots=True)
class RejectToken(Change):
    """Record that the API rejected a generation's access token, so that no process uses it any more.

    Attributes:
        generation: which token.
        at: Unix seconds.
    """

    generation: int
    at: float

    def apply(self, record: Record) -> Record | None:
        """Return the changed record; None if another generation is stored, or this one was rejected before."""
        if record.generation != self.generation or record.token is None or record.rejected_at is not None:
            return None
        return replace(record, rejected_at=self.at)


@dataclass(frozen=True, slots=True)
class DeleteToken(Change):
    """Delete a generation's token on a sign-out.

    The record's generation becomes the next one: a refresh that comes late must not bring the token back, and an older
    number shows that the store went back.
    """

    generation: int

    def apply(self, record: Record) -> Record | None:
        """Return the record without its token; None if another generation is stored."""
        if record.generation != self.generation:
            return None
        history = _with_outcome(record.history, HistoryOutcome.SIGNED_OUT)
        return Record(generation=self.generation + 1, history=history, digests=record.digests)


@dataclass(frozen=True, slots=True)
class Erase(Change):
    """Remove a record without a token, names and history included.

    A store keeps what `apply` returns under a digest of the login's key (`traktauth.models.record.erased_entry`), so
    that a token that comes late is not saved.
    """

    def apply(self, record: Record) -> Record | None:
        """Return a record of the generation alone; None if there is a token, or no record."""
        return Record(generation=record.generation) if record.token is None and record.generation else None


@dataclass(frozen=True, slots=True)
class SetUser(Change):
    """Record whose login this is.

    Attributes:
        generation: of the token that the name was read with.
        user: the user; None if not known.
    """

    generation: int
    user: User | None

    def apply(self, record: Record) -> Record | None:
        """Return the changed record; None if another generation, or this user, is stored."""
        if record.generation != self.generation or record.token is None or record.user == self.user:
            return None
        if self.user is None:
            return replace(record, user=None)
        is_other = record.digests.user not in (None, self.user.uuid)
        digests = NO_DIGESTS.with_token(record.token) if is_other else record.digests
        return replace(record, user=self.user, digests=replace(digests, user=self.user.uuid))


# ---------------------------------------------------------------- programs behind `traktauth proxy`
@dataclass(frozen=True, slots=True)
class AddPlaceholder(Change):
    """Record that a program was given a placeholder, or make it the newest, and which app the program is.

    Attributes:
        placeholder: its digest.
        app: the app.
    """

    placeholder: str
    app: App

    def apply(self, record: Record) -> Record | None:
        """Return the changed record; None if there is no token, or if the digests may be of another user."""
        if record.token is None or record.has_foreign_digests:
            return None
        return replace(record, digests=record.digests.with_placeholder(self.placeholder), app=self.app)


@dataclass(frozen=True, slots=True)
class DropPlaceholder(Change):
    """Forget a placeholder, by its digest."""

    placeholder: str

    def apply(self, record: Record) -> Record | None:
        """Return the changed record; None if it does not have it."""
        digests = record.digests.without_placeholder(self.placeholder)
        return None if digests == record.digests else replace(record, digests=digests)


# ---------------------------------------------------------------- between stores
@dataclass(frozen=True, slots=True)
class SetMoved(Change):
    """Delete a generation's token, as it is in another store now, and record where.

    Attributes:
        generation: which token.
        to: the address of the other store.
    """

    generation: int
    to: str

    def apply(self, record: Record) -> Record | None:
        """Return the record without its token; None if another generation, or no token, is stored."""
        if record.generation != self.generation or record.token is None:
            return None
        return Record(
            generation=self.generation,
            moved_to=self.to,
            history=_with_outcome(record.history, HistoryOutcome.MOVED, self.to),
            digests=record.digests,
        )


@dataclass(frozen=True, slots=True)
class ImportRecord(Change):
    """Take over another store's record with its history."""

    record: Record

    def apply(self, record: Record) -> Record | None:
        """Return the imported record; None if a generation is stored that is as new.

        A record without a token may be of the same generation: a login that was moved away comes back.
        """
        given = self.record
        if given.token is None or given.generation < record.generation:
            return None
        if given.generation == record.generation and (record.token is not None or _was_signed_out(record, given.token)):
            return None
        own = _with_outcome(record.history, HistoryOutcome.IMPORTED) if record.token else record.history
        imported = {(entry.generation, entry.fingerprint) for entry in given.history}
        kept = [entry for entry in own if (entry.generation, entry.fingerprint) not in imported]
        history = (*kept, *_with_reason(given.history, given.not_refreshable_reason, given.ended_at))[-MAX_HISTORY:]
        return replace(given, pending_refresh=None, moved_to=None, history=history)


def _was_signed_out(record: Record, token: Token) -> bool:
    """Return whether a record without a token has lost this very one by a sign-out."""
    last = record.history[-1] if record.history else None
    return record.moved_to is None and last is not None and last.fingerprint == token.fingerprint


@dataclass(frozen=True, slots=True)
class Reencrypt(Change):
    """Encrypt a record with the newest key; a store skips it if the record is encrypted so, or not at all."""

    def apply(self, record: Record) -> Record | None:
        """Return the record as it is."""
        return record


# ---------------------------------------------------------------- apps
@dataclass(frozen=True, slots=True)
class SwapProbe(Change):
    """Replace the last probe in an app's entry, if it is still `before`."""

    before: Probe | None
    after: Probe

    def apply(self, record: Record) -> Record | None:
        """Return the changed entry; None if it holds another probe."""
        return replace(record, probe=self.after) if record.probe == self.before else None


# ---------------------------------------------------------------- history
def _with_outcome(
    history: tuple[HistoryEntry, ...], outcome: HistoryOutcome | None, detail: str | None = None
) -> tuple[HistoryEntry, ...]:
    """Return the history with what became of its last generation."""
    return (*history[:-1], replace(history[-1], outcome=outcome, detail=detail)) if history else ()


def _with_reason(history: tuple[HistoryEntry, ...], reason: str | None, at: float | None) -> tuple[HistoryEntry, ...]:
    """Return the history with the reason why its last generation cannot be refreshed; None if it can."""
    changed = _with_outcome(history, None if reason is None else HistoryOutcome.NOT_REFRESHABLE, reason)
    return (*changed[:-1], replace(changed[-1], ended_at=at)) if changed else changed
