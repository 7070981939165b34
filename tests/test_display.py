"""Text from outside is made safe before a terminal sees it."""

from __future__ import annotations

import pytest

from traktauth.display import escape, find_unsafe, shorten
from traktauth.errors import TraktAuthError


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("plain text, naïve café, 日本語, 👩\u200d👩", "plain text, naïve café, 日本語, 👩\u200d👩"),
        ("clip\x1b]52;c;cm0gLXJmIH4=\x07board", "clip\\x1b]52;c;cm0gLXJmIH4=\\x07board"),
        ("two\nlines\r\t", "two\\nlines\\r\\t"),
        ("\x7f\x80\x9b31m\x9d\x9f", "\\x7f\\x80\\x9b31m\\x9d\\x9f"),
        ("a\u2028b\u2029c\u200e\u200f\u061c", "a\\u2028b\\u2029c\\u200e\\u200f\\u061c"),
        (
            "\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069",
            "\\u202a\\u202b\\u202c\\u202d\\u202e\\u2066\\u2067\\u2068\\u2069",
        ),
        ("lone \ud800\udfff", "lone \\ud800\\udfff"),
        ("tag \U000e0001\U000e0041\U000e007f", "tag \\U000e0001\\U000e0041\\U000e007f"),
        ("\ufeffbom\u200b\u2060\xad", "\\ufeffbom\\u200b\\u2060\\xad"),
    ],
)
def test_what_misleads_a_terminal_is_spelled_out_and_all_else_is_left(text, shown):
    assert escape(text) == shown
    assert escape(shown) == shown


def test_a_line_end_of_our_own_can_be_kept():
    assert escape("a\n\tb\r", keep="\n\t") == "a\n\tb\\r"


def test_every_control_and_direction_character_is_escaped():
    unsafe = [*range(0x20), *range(0x7F, 0xA0), 0x200E, 0x200F, *range(0x2028, 0x202F), *range(0x2066, 0x206A)]
    unsafe += [*range(0xD800, 0xE000), *range(0xE0000, 0xE0080)]
    assert [code for code in unsafe if escape(chr(code)).isascii() is False or chr(code) in escape(chr(code))] == []


def test_the_first_unsafe_character_is_named_with_its_position():
    assert find_unsafe("me\x1b]52;") == "U+001B at position 3 of 7"
    assert find_unsafe("zoë 日本") == ""


def test_a_long_text_is_cut_and_counted():
    assert shorten("x" * 60_000, 10) == "xxxxxxxxxx… (60000 characters)"
    assert shorten("short") == "short"


def test_an_error_never_carries_an_escape_sequence():
    error = TraktAuthError("moved to \x1b]0;evil\x07", hint="use \u202e")
    assert (str(error), error.message, error.hint) == ("moved to \\x1b]0;evil\\x07",) * 2 + ("use \\u202e",)
