"""The files of other programs as text: read, written, and blanked in one value alone."""

from __future__ import annotations

import json
import re
from contextlib import suppress
from dataclasses import replace

import pytest

from traktauth.migrate.formats import NAMES, NOT_IMPORTED, FormatError, find_format
from traktauth.migrate.formats._json_text import replace_value
from traktauth.migrate.formats.foreign_login import ForeignLogin

NOW = 1_790_000_000.0
LIFE = 604_800
SECRET = "r3fr3sh-t0ken"
LOGIN = ForeignLogin(
    access_token="acc3ss-t0ken",
    refresh_token=SECRET,
    expires_at=NOW + LIFE,
    expires_in=LIFE,
    client_id="a-client-id",
    client_secret="a-client-secret",
    created_at=int(NOW),
    scope="public",
)
KOMETA = """\
# my Kometa
libraries:
  Films:   # mine
    metadata_path: 'a "quoted" path'
tmdb:
  apikey: "012"
trakt:
  client_id: a-client-id
  client_secret: a-client-secret
  authorization:
    # everything below is autofilled by the script
    access_token: acc3ss-t0ken
    token_type: bearer
    expires_in: 604800
    refresh_token: r3fr3sh-t0ken   # do not share
    scope: public
    created_at: 1790000000
  pin:
mal:
  client_id: Größe ☃
"""
ENTRY = {
    "domain": "trakt_tv",
    "data": {
        "auth_implementation": "trakt_tv",
        "client_id": "a-client-id",
        "client_secret": "a-client-secret",
        "token": {
            "access_token": "acc3ss-t0ken",
            "refresh_token": SECRET,
            "expires_in": LIFE,
            "expires_at": NOW + LIFE,
            "scope": "public",
        },
    },
}
OTHER = {"domain": "spotify", "data": {"token": {"access_token": "x", "refresh_token": "r3fr3sh-t0ken"}}}
FILES = {
    "pytrakt": json.dumps(
        {
            "APPLICATION_ID": None,
            "CLIENT_ID": "a-client-id",
            "CLIENT_SECRET": "a-client-secret",
            "OAUTH_EXPIRES_AT": int(NOW) + LIFE,
            "OAUTH_REFRESH": SECRET,
            "OAUTH_TOKEN": "acc3ss-t0ken",
        }
    ),
    "kometa": KOMETA,
    "homeassistant": json.dumps({"version": 1, "data": {"entries": [OTHER, ENTRY, OTHER]}}, indent=2),
    "token": json.dumps(
        {
            "access_token": "acc3ss-t0ken",
            "token_type": "bearer",
            "expires_in": LIFE,
            "refresh_token": SECRET,
            "scope": "public",
            "created_at": int(NOW),
        }
    ),
}


@pytest.fixture(params=NAMES)
def name(request):
    return request.param


def test_every_format_is_read(name):
    found = find_format(name).read(FILES[name], now=NOW)
    assert (found.access_token, found.refresh_token) == (LOGIN.access_token, SECRET)
    assert (found.expires_at, found.expires_in) == (NOW + LIFE, LIFE)
    assert found.client_id == (None if name == "token" else "a-client-id")
    assert found.client_secret == (None if name == "token" else "a-client-secret")
    assert SECRET not in repr(found)


@pytest.mark.parametrize(
    "change", [lambda text: text, lambda text: "\ufeff" + text, lambda text: text.replace("\n", "\r\n")]
)
def test_blanking_changes_the_refresh_token_alone(name, change):
    text = change(FILES[name])
    blank = find_format(name).without_refresh_token(text)
    assert find_format(name).read(blank, now=NOW).refresh_token is None
    missing = {"pytrakt": "null", "kometa": "", "homeassistant": '""', "token": "null"}[name]
    old = SECRET if name == "kometa" else f'"{SECRET}"'
    if name == "homeassistant":  # of three entries with the same text it is the one in the middle
        head, first, middle, last = text.split(old)
        assert blank == head + old + first + missing + middle + old + last
    elif name == "kometa":
        assert blank == text.replace(f" {old}", missing)
    else:
        assert blank == text.replace(old, missing)


def test_a_blanked_file_stays_as_it_is(name):
    blank = find_format(name).without_refresh_token(FILES[name])
    assert find_format(name).without_refresh_token(blank) == blank


@pytest.mark.parametrize("quoted", ["'r3fr3sh-t0ken'", '"r3fr3sh-t0ken"'])
def test_a_quoted_value_of_yaml_is_blanked_whole(quoted):
    text = KOMETA.replace("r3fr3sh-t0ken", quoted)
    assert find_format("kometa").without_refresh_token(text) == KOMETA.replace(" r3fr3sh-t0ken", "")


def test_what_is_written_is_read_again(name):
    form = find_format(name)
    text = FILES[name] if name == "homeassistant" else None
    found = form.read(form.write(LOGIN, text), now=NOW)
    assert (found.access_token, found.refresh_token, found.expires_at) == (LOGIN.access_token, SECRET, NOW + LIFE)


def test_a_login_without_a_refresh_token_is_written_without_one(name):
    form = find_format(name)
    text = form.write(replace(LOGIN, access_token="other", refresh_token=None), FILES[name])
    assert form.read(text, now=NOW).refresh_token is None
    assert text.count(SECRET) == (2 if name == "homeassistant" else 0)


def test_comments_and_order_of_yaml_stay_when_a_login_is_written():
    changed = replace(LOGIN, access_token="new", refresh_token="newer", expires_at=NOW + 60, expires_in=60)
    wanted = KOMETA.replace("acc3ss-t0ken", "new").replace("r3fr3sh-t0ken", "newer").replace("604800", "60")
    written = find_format("kometa").write(changed, KOMETA)
    assert re.sub(" +#", " #", written) == re.sub(" +#", " #", wanted), "comments may stand in another column"


def test_a_pytrakt_login_of_unknown_age_is_refreshed_soon():
    text = json.dumps({**json.loads(FILES["pytrakt"]), "OAUTH_EXPIRES_AT": None})
    found = find_format("pytrakt").read(text, now=NOW)
    assert NOW < found.expires_at <= NOW + 3600
    assert found.expires_in == LIFE


def test_a_token_without_a_time_is_taken_to_be_new():
    text = json.dumps({"access_token": "a", "refresh_token": "b", "expires_in": 60})
    assert find_format("token").read(text, now=NOW).expires_at == NOW + 60


@pytest.mark.parametrize(
    ("name", "text", "message"),
    [
        ("pytrakt", '{"CLIENT_ID": "s3cret",\n "x" 5}', r"line 2, column 6"),
        ("pytrakt", "[]", "does not hold a JSON object"),
        ("pytrakt", "", "not valid JSON"),
        ("pytrakt", '{"OAUTH_EXPIRES_AT": 5, "OAUTH_TOKEN": "a"}', "no CLIENT_ID"),
        ("pytrakt", '{"OAUTH_EXPIRES_AT": "soon", "OAUTH_TOKEN": "s3cret", "CLIENT_ID": "c"}', "no OAUTH_EXPIRES_AT"),
        ("pytrakt", "[" * 100_000, "not valid JSON"),
        ("token", '{"access_token": "s3cret"}', "no expires_in"),
        ("token", '{"error": "invalid_grant"}', "no expires_in"),
        ("token", '{"access_token": "", "expires_in": 5}', "no access_token"),
        ("homeassistant", "{}", "no data"),
        ("homeassistant", '{"data": {"entries": []}}', "no entry of the integration trakt_tv"),
        (
            "homeassistant",
            '{"data": {"entries": [{"domain": "trakt_tv", "data": {}}, {"domain": "trakt_tv", "data": {}}]}}',
            "2 entries of the integration trakt_tv",
        ),
        ("homeassistant", '{"data": {"entries": [{"domain": "trakt_tv"}]}}', "no data of trakt_tv"),
        ("kometa", "trakt: [s3cret", r"not valid YAML \(line 1, column 15"),
        ("kometa", "- a\n", "no mapping"),
        ("kometa", "plex: {}\n", "no section trakt"),
        ("kometa", "trakt:\n  client_id: a\n", "no trakt.authorization"),
        ("kometa", "trakt: {authorization: {access_token: s3cret}}\n", "no trakt.authorization.expires_in"),
    ],
)
def test_a_damaged_or_foreign_file_says_where_and_quotes_nothing(name, text, message):
    with pytest.raises(FormatError, match=message) as caught:
        find_format(name).read(text, now=NOW)
    assert "s3cret" not in str(caught.value)


BOMB = "a0: &a0 [x, x, x, x, x, x, x, x, x]\n" + "".join(
    f"a{number}: &a{number} [{', '.join([f'*a{number - 1}'] * 9)}]\n" for number in range(1, 20)
)


def test_yaml_whose_aliases_multiply_is_blanked_as_any_other():
    """Nine to the power of twenty nodes: each is compared once."""
    blank = find_format("kometa").without_refresh_token(BOMB + KOMETA)
    assert blank == BOMB + KOMETA.replace(" r3fr3sh-t0ken", "")


PAIRS = "a0: &a0 [x]\n" + "".join(f"a{n}: &a{n} !!pairs [x: *a{n - 1}, y: *a{n - 1}]\n" for n in range(1, 40))


def test_pairs_of_yaml_that_multiply_are_compared_once_each():
    blank = find_format("kometa").without_refresh_token(PAIRS + KOMETA)
    assert blank == PAIRS + KOMETA.replace(" r3fr3sh-t0ken", "")


def test_a_repeated_anchor_makes_no_warning_which_would_quote_the_token(recwarn):
    text = KOMETA.replace("acc3ss-t0ken", "&a acc3ss-t0ken").replace("r3fr3sh-t0ken", "&a r3fr3sh-t0ken")
    assert find_format("kometa").read(text, now=NOW).access_token == "acc3ss-t0ken"
    assert not recwarn.list


@pytest.mark.parametrize("life", ["1" + "0" * 400, str(2**63)])
def test_a_life_that_no_store_can_keep_is_not_taken(life):
    text = re.sub(r'"expires_in": \d+', f'"expires_in": {life}', FILES["homeassistant"])
    assert find_format("homeassistant").read(text, now=NOW).expires_in < 2**53


DEEP = json.dumps({"OAUTH_REFRESH": "r", "deep": 0}).replace("0", "[" * 800 + "]" * 800)
ODD_YAML = KOMETA.replace("r3fr3sh-t0ken", "{}")


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("pytrakt", DEEP),
        ("pytrakt", FILES["pytrakt"].replace("acc3ss-t0ken", "acc3ss\\nt0ken")),
        ("pytrakt", FILES["pytrakt"].replace(SECRET, "\\ud800")),
        ("pytrakt", re.sub(r"\d{10}", '"' + "9" * 5000 + '"', FILES["pytrakt"])),
        ("homeassistant", FILES["homeassistant"].replace("604800", "1" + "0" * 400, 2)),
        ("token", FILES["token"].replace("a-client", "ä").replace("acc3ss", "accéss")),
        ("kometa", "? [a, b]\n: c\n" + KOMETA),
        ("kometa", "a: 2001-99-99\n" + KOMETA),
        pytest.param("kometa", "a: " + "[" * 3000 + "]" * 3000 + "\n" + KOMETA, marks=pytest.mark.slow),
        ("kometa", "a: &a [*a]\n" + KOMETA),
        ("kometa", ODD_YAML.format("'open")),
        ("kometa", ODD_YAML.format("|\n      r3fr3sh")),
        ("kometa", ODD_YAML.format("!!python/object:os.system r")),
        ("kometa", KOMETA.replace("refresh_token: r3fr3sh-t0ken", "<<: &b {refresh_token: r}")),
        ("kometa", KOMETA.replace("acc3ss-t0ken", "[1]")),
        ("kometa", "trakt: !!set {authorization}\n"),
        ("kometa", "\0"),
    ],
)  # fmt: skip
def test_a_crafted_file_is_read_or_refused_as_a_file_and_not_as_a_defect(name, text):
    form = find_format(name)
    for work in (
        lambda: form.read(text, now=NOW),
        lambda: form.without_refresh_token(text),
        lambda: form.write(LOGIN, text),
    ):
        with suppress(FormatError):
            work()


@pytest.mark.parametrize("name", NOT_IMPORTED)
def test_what_cannot_be_imported_says_why(name):
    with pytest.raises(FormatError, match=f"A login of {name} cannot be imported: .* (refresh|app)"):
        find_format(name)


def test_an_unknown_format_is_refused_with_those_that_exist():
    with pytest.raises(ValueError, match="'trakty' is not a format; give one of pytrakt, kometa"):
        find_format("trakty")


def test_a_file_with_thousands_of_refresh_tokens_is_refused_at_once():
    others = [{"refresh_token": None}] * 5000
    text = json.dumps({"others": others, "refresh_token": SECRET})
    with pytest.raises(FormatError, match="cannot be replaced"):
        replace_value(text, ["refresh_token"], None)
