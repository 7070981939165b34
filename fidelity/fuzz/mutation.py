"""Bend what is parameters: half of it stays as it should be, the rest is changed in up to three ways."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from fidelity.replay.seed_file import APPS, OOB

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from random import Random

HOW_OFTEN = (50, 30, 15, 5)  # in a hundred: not at all, once, twice, three times
SCOPES = (
    "public", "public offline_access", "offline_access public", "offline_access", "openid", "openid offline_access",
    "public openid profile email offline_access", "admin", "public admin", "", " ", "public  offline_access",
)  # fmt: skip
ELSEWHERE = (OOB, "http://127.0.0.1:50123/callback", "http://127.0.0.1:9999/other", "nonsense", "https://x.example/cb")
EXTRA = {
    "token_type_hint": ("access_token", "refresh_token", "junk", ""),
    "scope": SCOPES,
    "redirect_uri": ELSEWHERE,
    "resource": ("https://elsewhere.example",),
    "code_verifier": ("w" * 43, ""),
    "state": ("x",),
}
TOKENS = ("code", "refresh_token", "token")
OPTIONAL_VALUES = {
    "client_id": ("", "unknown"),
    "code_challenge": (None, "short", ""),
    "code_challenge_method": (None, "plain", "s256", ""),
    "nonce": ("n",),
    "prompt": ("none", "login", "consent", "create", "select_account", "login consent", "junk", ""),
    "redirect_uri": (*ELSEWHERE, "http://127.0.0.1:9876/callback/", "", None),
    "request_uri": ("https://x.example/request",),
    "response_mode": ("query", "fragment"),
    "response_type": ("token", ""),
    "scope": (None, *SCOPES),
    "state": ("s", "a b+c&d=é", "", None),
}
AT_CONTROL = ("code_challenge", "code_challenge_method", "redirect_uri", "response_type", "scope", "state")


class Mutator:
    """Changes what is parameters."""

    def __init__(self, random: Random, an_app: Callable[[], str]) -> None:
        self.random, self.an_app = random, an_app

    def members(self, parameters: dict[str, Any], others: Sequence[str], times: int | None = None) -> dict[str, Any]:
        """Change a request's members.

        Args:
            parameters: as they should be.
            others: what may stand in the place of the right code or token.
            times: how often; None: as chance has it.
        """
        parameters = dict(parameters)
        changes = (self.drop, self.empty, self.spoil, self.add, self.name_another, self.prove_another, self.prove_none)
        for _ in range(self._times(times)):
            if parameters and self.random.randrange(8):
                self.random.choice(changes)(parameters)
            else:
                parameters |= {name: self.random.choice(others) for name in TOKENS if name in parameters}
        return parameters

    def optional_parameters(
        self, parameters: dict[str, Any], names: Sequence[str], times: int | None = None
    ) -> dict[str, Any]:
        """Change some of what a person's browser asks for."""
        parameters = dict(parameters)
        for _ in range(self._times(times)):
            name = self.random.choice(names)
            parameters[name] = self.random.choice(OPTIONAL_VALUES[name])
        return parameters

    def _times(self, times: int | None) -> int:
        return self.random.choices(range(4), HOW_OFTEN)[0] if times is None else times

    # ------------------------------------------------------------ members
    def drop(self, parameters: dict[str, Any]) -> None:
        """Leave a member out."""
        del parameters[self.random.choice(sorted(parameters))]

    def empty(self, parameters: dict[str, Any]) -> None:
        """Say nothing in a member."""
        parameters[self.random.choice(sorted(parameters))] = ""

    def spoil(self, parameters: dict[str, Any]) -> None:
        """Send an unknown parameter."""
        parameters[self.random.choice(sorted(parameters))] = "x" * 32

    def add(self, parameters: dict[str, Any]) -> None:
        """Say what is not asked for."""
        name = self.random.choice(sorted(EXTRA))
        parameters[name] = self.random.choice(EXTRA[name])

    def name_another(self, parameters: dict[str, Any]) -> None:
        """Name another app."""
        parameters["client_id"] = f"{{{{client_id:{self.an_app()}}}}}"

    def prove_another(self, parameters: dict[str, Any]) -> None:
        """Be another app."""
        parameters |= credentials(self.an_app())

    def prove_none(self, parameters: dict[str, Any]) -> None:
        """Give a wrong secret, or none."""
        parameters["client_secret"] = "wrong"
        if self.random.randrange(2):
            del parameters["client_secret"]


def credentials(app: str) -> dict[str, str]:
    """Give what an app proves itself with, as placeholders."""
    secret = {"client_secret": f"{{{{client_secret:{app}}}}}"} if APPS[app].confidential else {}
    return {"client_id": f"{{{{client_id:{app}}}}}", **secret}
