"""What a store offers a keeper beside the rest: the logins that are due, and a budget of requests."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass

from traktauth.errors import StoreFailed
from traktauth.models import LoginKey, Record
from traktauth.stores.base import TokenStore


@dataclass(frozen=True, slots=True)
class LoginCounts:
    """How many logins of an app a store holds.

    Attributes:
        logins: those with a token; in Redis those whose end has not been reported yet.
        due: those that a keeper would take up now.
        next_due_at: when the next one comes due, in Unix seconds; None if none does.
        unconfirmed: valid ones with a pending refresh; None if the store does not know.
        sign_in: those that cannot be refreshed any more; None if the store does not know.
    """

    logins: int
    due: int
    next_due_at: float | None
    unconfirmed: int | None = None
    sign_in: int | None = None


@dataclass(frozen=True, slots=True)
class LoginStates:
    """How many logins of an app are in which state; each with a token is in one.

    Attributes:
        valid: the access token is valid, and the login is not due.
        due: the access token is valid, and a keeper would refresh it now.
        overdue: the access token has expired, and the login can be refreshed.
        sign_in_required: it cannot be refreshed any more.
    """

    valid: int
    due: int
    overdue: int
    sign_in_required: int


class FleetStore(TokenStore):
    """A store in which a keeper can find what is due.

    A login's due time is `models.refresh_window.due_at` of its token, set by each save. Claiming takes the login's
    lock, the same that `lock` takes, as a lease by the store's clock; whether a refresh may be sent is still decided by
    `BeginRefresh` alone.
    """

    @abstractmethod
    def claim(
        self, realm: str, client_id: str, *, before: float, now: float, limit: int, lease: float, owner: str
    ) -> list[tuple[LoginKey, Record | StoreFailed]]:
        """Take the locks of up to `limit` logins that are due, the earliest first; those that others hold are left.

        Due is a login with a token whose due time is at most `before`, and that has no pending refresh, or one and an
        access token that has ended at `now`. One that is not refreshable is due until `never_due` is called.

        Args:
            realm: the service's realm.
            client_id: the app's id.
            before: Unix seconds.
            now: Unix seconds.
            limit: at most so many.
            lease: seconds until the locks are free again by themselves.
            owner: names the claim, for `release`.

        Returns:
            Each with its record, or with why that cannot be read.
        """

    @abstractmethod
    def release(self, logins: Sequence[LoginKey], *, owner: str) -> None:
        """Release locks that `claim` took and that are still this owner's."""

    @abstractmethod
    def defer(self, login: LoginKey, generation: int, *, until: float) -> None:
        """Let this generation come due no earlier than `until`, in Unix seconds."""

    @abstractmethod
    def never_due(self, login: LoginKey, generation: int) -> None:
        """Let this generation never come due again."""

    @abstractmethod
    def record_notification(self, login: LoginKey, generation: int, what: str) -> bool:
        """Note that a user was told `what` of this generation; True for the first who says so."""

    @abstractmethod
    def count_logins(self, realm: str, client_id: str, *, now: float) -> LoginCounts:
        """Count the logins of an app.

        Args:
            realm: the service's realm.
            client_id: the app's id.
            now: Unix seconds.
        """

    @abstractmethod
    def count_states(self, realm: str, client_id: str, *, now: float) -> LoginStates:
        """Count the logins of an app by state; Redis reads each of them.

        Args:
            realm: the service's realm.
            client_id: the app's id.
            now: Unix seconds.
        """

    @abstractmethod
    def upcoming(self, realm: str, client_id: str, *, limit: int) -> list[tuple[LoginKey, float]]:
        """Return up to `limit` logins that come due, the earliest first, each with its due time in Unix seconds.

        A login with a pending refresh is due when its access token expires.
        """

    @abstractmethod
    def take_budget(self, realm: str, *, wanted: int, limit: int, period: float) -> tuple[int, float]:
        """Take from the budget that all keepers of a realm share; by the store's clock.

        The budget is the counter that the service itself keeps: it lets `limit` requests pass and only begins again
        after a silence of more than `period` seconds.

        Returns:
            How many of the wanted requests may be sent now; and, where none may, the seconds until some may.
        """

    @abstractmethod
    def block_budget(self, realm: str, seconds: float) -> None:
        """Let no keeper take from a realm's budget for some seconds, as the service asked for it."""
