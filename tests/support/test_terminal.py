"""A terminal, and the page that looks like it."""

from __future__ import annotations

import os

import pytest

from .engines import Missing
from .terminal import PROMPT, Terminal, page_of


def test_colours_and_blocks_become_cells():
    page = page_of("\x1b[40;97m█▀\x1b[0m\x1b[1;32mok\x1b[0m <b>\n\n\n")
    assert page.count("<div>") == 1
    assert '<i class="full" style="--ink:#ffffff;--paper:#1d2326"></i><i class="upper"' in page
    assert '<i class="bold" style="color:#7fd18b;background:#14181a">o</i>' in page
    assert "<i>&lt;</i><i>b</i><i>&gt;</i>" in page


def test_a_command_is_run_and_shown(tmp_path):
    try:
        terminal = Terminal(tmp_path / "tmux", os.environ, columns=40, rows=10)
    except Missing as missing:
        pytest.skip(str(missing))
    with terminal:
        terminal.enter("printf '\\033[31mred\\033[0m %s' $((40 + 2)); echo")
        shown = terminal.wait_for(rf"red 42[\s\S]*{PROMPT}")
        assert shown.split()[-1] == "$"
        assert "\x1b[31mred" in terminal.screen(coloured=True)
