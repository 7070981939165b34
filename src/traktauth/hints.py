"""What a user can do about an error: text in which each command is a value of its own, never read out of a sentence."""

from __future__ import annotations

from collections.abc import Callable
from typing import Literal, NamedTuple, Self

Options = Literal["", "login", "store", "all-logins", "source"]


class ShellCommand(NamedTuple):
    """A command line that a user can copy.

    Attributes:
        name: the program and its subcommand.
        arguments: what comes after the options that name a login or a store.
        options: which of those options it takes: those of one login, `--store` alone, those without an account, or the
            address of the store in place of `FROM`, the last word of *name*.
    """

    name: str
    arguments: str = ""
    options: Options = ""

    def with_arguments(self, arguments: str) -> ShellCommand:
        """Return the command with these arguments."""
        return self._replace(arguments=arguments)

    def __str__(self) -> str:
        return f"{self.name} {self.arguments}" if self.arguments else self.name


class Hint(str):
    """A text for a user that knows which of its parts are commands.

    Args:
        parts: texts, commands, and other hints, in their order.
    """

    __slots__ = ("parts",)
    parts: tuple[str | ShellCommand, ...]

    def __new__(cls, *parts: str | ShellCommand) -> Self:
        """Join the parts."""
        hint = super().__new__(cls, "".join(map(str, parts)))
        hint.parts = tuple(inner for part in parts for inner in (part.parts if isinstance(part, Hint) else (part,)))
        return hint

    def __reduce__(self) -> tuple[type[Hint], tuple[str | ShellCommand, ...]]:
        return type(self), self.parts

    def with_commands(self, change: Callable[[ShellCommand], ShellCommand]) -> Hint:
        """Return the hint with each of its commands changed."""
        return Hint(*(change(part) if isinstance(part, ShellCommand) else part for part in self.parts))

    def with_text(self, change: Callable[[str], str]) -> Hint:
        """Return the hint with each of its texts changed, also those of its commands."""
        return Hint(
            *(
                part._replace(name=change(part.name), arguments=change(part.arguments))
                if isinstance(part, ShellCommand)
                else change(part)
                for part in self.parts
            )
        )


LOGIN_COMMAND = ShellCommand("traktauth login", options="login")
LOGOUT_COMMAND = ShellCommand("traktauth logout", options="login")
DOCTOR_COMMAND = ShellCommand("traktauth doctor", options="login")
STATUS_COMMAND = ShellCommand("traktauth status", options="login")
ALL_LOGINS_COMMAND = ShellCommand("traktauth status", options="all-logins")
REFRESH_COMMAND = ShellCommand("traktauth refresh", options="login")
SETUP_COMMAND = ShellCommand("traktauth setup")
MOVE_COMMAND = ShellCommand("traktauth store move FROM", "TO", options="source")
