"""User codes of the device grant: generated without letters that look alike, read however they are typed."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from traktauth.server.oauth.device import USER_CODE_ALPHABET, generate_user_code, normalize_user_code


@given(st.text(alphabet=USER_CODE_ALPHABET, min_size=8, max_size=8), st.sampled_from([" ", "-", ".", "_", ""]))
def test_a_user_code_is_read_however_it_is_typed(code, mark):
    assert normalize_user_code(f" {code[:4].lower()}{mark}{code[4:]}\n") == code


def test_user_codes_have_no_letters_that_look_alike():
    made = "".join(generate_user_code() for _ in range(500))
    assert not set("IO01") & set(made)
