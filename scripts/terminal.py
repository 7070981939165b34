"""A real terminal that a command runs in, and a page that looks like it."""

from __future__ import annotations

import re
import shutil
import subprocess
import time
from html import escape
from typing import TYPE_CHECKING, Self

from support.engines import Missing

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path
    from types import TracebackType

SGR = re.compile("\x1b\\[([0-9;]*)m")
BLOCKS = {"█": "full", "▀": "upper", "▄": "lower"}
COLOURS = ("#1d2326", "#ff8f80", "#7fd18b", "#e8c46b", "#7fb4f0", "#d39bea", "#6fd0d6", "#d9dedd")
BRIGHT = ("#8b9698", "#ffb3a8", "#a6e3af", "#f3d998", "#a8cdf7", "#e4bdf3", "#9be3e8", "#ffffff")
PROMPT = r"^\$\s*\Z"
"""The end of what is shown while the shell waits for a command."""
PAPER, INK = "#14181a", "#e6ebe9"
CELL_WIDTH, CELL_HEIGHT = 10, 20  # pixels; half a cell is a square, as the modules of a QR code are
STYLE = f"""
body {{ margin: 0; background: {PAPER}; color: {INK}; }}
main {{ width: max-content; padding: 16px; font: 16.61px/{CELL_HEIGHT}px "DejaVu Sans Mono", monospace; }}
div {{ display: flex; height: {CELL_HEIGHT}px; }}
i {{ flex: none; width: {CELL_WIDTH}px; height: {CELL_HEIGHT}px; font-style: normal; white-space: pre; }}
.bold {{ font-weight: bold; }} .dim {{ opacity: .7; }}
.full {{ background: var(--ink); }}
.upper {{ background: linear-gradient(var(--ink) 50%, var(--paper) 50%); }}
.lower {{ background: linear-gradient(var(--paper) 50%, var(--ink) 50%); }}
"""


class Terminal:
    """A shell in a terminal of a given size (tmux), in an environment of its own.

    Raises:
        Missing: tmux is not on this machine.
    """

    def __init__(self, socket: Path, env: Mapping[str, str], *, columns: int = 80, rows: int = 24) -> None:
        program = shutil.which("tmux")
        if program is None:
            raise Missing("the program tmux is absent")
        self._tmux = [program, "-f", "/dev/null", "-S", str(socket)]
        self._env = dict(env)
        self._size = ["-x", str(columns), "-y", str(rows)]

    def __enter__(self) -> Self:
        shell = ["env", "PS1=$ ", "TERM=tmux-256color", "sh"]
        subprocess.run([*self._tmux, "new-session", "-d", *self._size, *shell], env=self._env, check=True)
        self.wait_for(PROMPT)
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        subprocess.run([*self._tmux, "kill-server"], check=False)

    def enter(self, line: str) -> None:
        """Type a line."""
        subprocess.run([*self._tmux, "send-keys", "-l", line], check=True)
        subprocess.run([*self._tmux, "send-keys", "Enter"], check=True)

    def screen(self, *, coloured: bool = False) -> str:
        """What is shown at the moment, with its colours as escape sequences if wanted."""
        shown = [*self._tmux, "capture-pane", "-p", *(["-e", "-N"] if coloured else [])]
        return subprocess.run(shown, check=True, capture_output=True, text=True).stdout

    def wait_for(self, pattern: str, seconds: float = 90.0) -> str:
        """Wait until a pattern is shown, and return the screen.

        Raises:
            TimeoutError: it is not shown in time.
        """
        deadline = time.monotonic() + seconds
        while not re.search(pattern, shown := self.screen(), re.MULTILINE):
            if time.monotonic() > deadline:
                raise TimeoutError(f"the terminal does not show {pattern!r}:\n{shown}")
            time.sleep(0.1)
        return shown


def page_of(screen: str) -> str:
    """Make a page that looks like a terminal's screen, without the empty lines at its end."""
    style: dict[str, str] = {}
    rows = [_row(line, style) for line in screen.rstrip("\n").splitlines()]
    while rows and not re.sub("<[^>]*>", "", rows[-1]).strip() and "class" not in rows[-1]:
        rows.pop()
    return f"<!doctype html><meta charset=utf-8><style>{STYLE}</style><main>{''.join(rows)}</main>"


def _row(line: str, style: dict[str, str]) -> str:
    """Make a row of cells; *style* is what is in force, and goes on in the next row."""
    cells: list[str] = []
    for at, part in enumerate(SGR.split(line)):
        if at % 2:
            _apply([int(code or 0) for code in part.split(";")], style)
        else:
            cells += [_cell(character, style) for character in part]
    return f"<div>{''.join(cells)}</div>"


def _cell(character: str, style: dict[str, str]) -> str:
    ink, paper = style.get("ink", INK), style.get("paper", PAPER)
    if "reverse" in style:
        ink, paper = paper, ink
    names = [name for name in ("bold", "dim") if name in style]
    if character in BLOCKS:
        return f'<i class="{BLOCKS[character]}" style="--ink:{ink};--paper:{paper}"></i>'
    look = "" if (ink, paper) == (INK, PAPER) else f' style="color:{ink};background:{paper}"'
    kind = f' class="{chr(32).join(names)}"' if names else ""
    return f"<i{kind}{look}>{escape(character)}</i>"


def _apply(codes: list[int], style: dict[str, str]) -> None:
    """Take in the numbers of one escape sequence that sets colours (ECMA-48, SGR)."""
    for code in codes:
        match code:
            case 0:
                style.clear()
            case 1 | 2 | 7:
                style[{1: "bold", 2: "dim", 7: "reverse"}[code]] = "on"
            case 22:
                style.pop("bold", None)
                style.pop("dim", None)
            case 27:
                style.pop("reverse", None)
            case 39 | 49:
                style.pop("ink" if code == 39 else "paper", None)
            case _ if code // 10 in (3, 4, 9, 10) and code % 10 < len(COLOURS):
                name = "ink" if code // 10 in (3, 9) else "paper"
                style[name] = (BRIGHT if code // 10 in (9, 10) else COLOURS)[code % 10]
            case _:
                continue
