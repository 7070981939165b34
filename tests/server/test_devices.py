"""Device codes: every state, by Trakt's statuses and in the engine's words."""

from __future__ import annotations

import concurrent.futures

import pytest
from hypothesis import given
from hypothesis import strategies as st

from traktauth.server.oauth.device import USER_CODE_ALPHABET, generate_user_code, normalize_user_code

GRANT = "urn:ietf:params:oauth:grant-type:device_code"
MINE = {"client_id": "first-app", "client_secret": "first-secret"}


def ask(client, **more):
    reply = client.post("/oauth/device/code", client_id=more.pop("client_id", "first-app"), **more)
    assert reply.status == 200, reply.text
    return reply.json


def poll(client, device, **changes):
    return client.post("/oauth/device/token", **{"code": device["device_code"], **MINE, **changes})


def answer(client, device, decision="approve"):
    client.control("device", user_code=device["user_code"], username="sean", decision=decision)


def test_the_members_of_a_device_code_response(either):
    device = ask(either)
    assert set(device) == {"device_code", "user_code", "verification_url", "expires_in", "interval"}
    assert device["verification_url"] == f"{either.url}/activate"
    assert (device["expires_in"], device["interval"], len(device["user_code"])) == (600, 5, 8)
    assert device["user_code"].isupper() or device["user_code"].isdigit()


def test_pending_then_approved_then_used(either):
    device = ask(either)
    pending = poll(either, device)
    assert (pending.status, pending.text) == (400, "")
    answer(either, device)
    either.control("clock", advance=5)
    granted = poll(either, device)
    assert granted.status == 200
    assert either.use(granted.json["access_token"]) == 200
    assert either.refresh(granted.json["refresh_token"]).status == 200
    assert poll(either, device).status == 409


def test_denied_and_expired_are_reported_once(either):
    denied, expired = ask(either), ask(either)
    answer(either, denied, "deny")
    either.control("expire", kind="device", value=expired["device_code"])
    for device, status in ((denied, 418), (expired, 410)):
        assert poll(either, device).status == status
        assert poll(either, device).status == 404


@pytest.mark.parametrize(("seconds", "status"), [(4.75, 429), (4.99, 400), (5.2, 400)])
def test_polling_too_fast_is_punished_and_a_drifting_timer_is_not(either, seconds, status):
    device = ask(either)
    poll(either, device)
    either.control("clock", advance=seconds)
    assert poll(either, device).status == status


def test_a_clock_that_goes_back_makes_no_poll_too_early(either):
    either.control("clock", advance=3600)
    device = ask(either)
    poll(either, device)
    either.control("clock", advance=-3600)
    assert [poll(either, device).status for _ in range(2)] == [400, 429]


def test_of_two_polls_on_an_approved_code_one_wins(either):
    device = ask(either)
    answer(either, device)
    with concurrent.futures.ThreadPoolExecutor(2) as pool:
        statuses = sorted(reply.status for reply in pool.map(lambda _: poll(either, device), range(2)))
    assert statuses[0] == 200
    assert statuses[1] in (409, 429)


def test_trakts_endpoint_asks_for_what_trakt_gives(current):
    device = ask(current)
    answer(current, device)
    members = {"grant_type": GRANT, "device_code": device["device_code"], "client_id": "first-app"}
    assert current.post("/api/auth/device/token", **members).json["scope"] == "public offline_access"


def test_a_person_types_a_code_in_any_way_and_confirms_it(either, browser):
    device = ask(either)
    visitor = browser(either)
    visitor.sign_in()
    typed = f"{device['user_code'][:4].lower()}-{device['user_code'][4:]} "
    page = visitor.submit(visitor.go("/activate"), user_code=typed)
    assert "The first app" in page.text
    assert poll(either, device).status == 400  # nothing is allowed before it is confirmed
    done = visitor.submit(page, decision="approve")
    assert "Your device is signed in" in done.text
    either.control("clock", advance=5)
    assert poll(either, device).status == 200


def test_a_link_with_the_code_leads_over_the_sign_in_to_the_same_page(either, browser):
    device = ask(either)
    visitor = browser(either)
    page = visitor.walk(f"/activate/{device['user_code']}")
    page = visitor.submit(page, username="sean", password="correct horse battery")
    assert device["user_code"][:4] in page.text
    assert "Access denied" in visitor.submit(page, decision="deny").text
    assert poll(either, device).status == 418


def test_guessing_codes_is_slowed_down(either, browser):
    visitor = browser(either)
    visitor.sign_in()
    statuses = [visitor.go(f"/activate/AAAAAAA{letter}").status for letter in "ABCDEFGHJKL"]
    assert statuses == [404] * 10 + [429]
    device = ask(either)
    assert visitor.go(f"/activate/{device['user_code']}").status == 429
    either.control("clock", advance=61)
    assert visitor.go(f"/activate/{device['user_code']}").status == 200


def test_a_strangers_guesses_keep_no_other_persons_device_out(either, browser):
    stranger, visitor, device = browser(either), signed_in(either, browser), ask(either)
    stranger.submit(stranger.go("/sign-up"), username="other", email="o@example.test", password="long enough")
    assert [stranger.go("/activate/AAAAAAAA").status for _ in range(11)] == [404] * 10 + [429]
    assert stranger.go(f"/activate/{device['user_code']}").status == 429
    page = visitor.go(f"/activate/{device['user_code']}")
    assert page.status == 200
    assert "Your device is signed in" in visitor.submit(page, decision="approve").text


def signed_in(client, browser):
    visitor = browser(client)
    visitor.sign_in()
    return visitor


def switch_off(client):
    client.control("disable-app", client_id="first-app", disabled=True)


def test_a_device_of_an_app_that_was_switched_off_meanwhile_is_let_in_by_no_page(either, browser):
    visitor, device = signed_in(either, browser), ask(either)
    path = f"/activate/{device['user_code']}"
    page = visitor.go(path)
    switch_off(either)
    assert visitor.go(path).status == 404
    for decision in ("approve", "deny"):
        refused = visitor.submit(page, decision=decision)
        assert (refused.status, "does not work" in refused.text) == (404, True)
    either.control("disable-app", client_id="first-app", disabled=False)
    assert poll(either, device).status == 400  # no one has answered it


def test_a_device_of_an_app_that_was_deleted_meanwhile_is_let_in_by_no_page(either, browser):
    visitor = signed_in(either, browser)
    app = visitor.submit(visitor.go("/your-apps"), name="Mine", redirect_uris="urn:ietf:wg:oauth:2.0:oob")
    device = ask(either, client_id=visitor.at.removeprefix("/your-apps/"))
    page = visitor.go(f"/activate/{device['user_code']}")
    visitor.submit(app, action="delete", sure="1")
    assert visitor.submit(page, decision="approve").status == 404


@pytest.mark.parametrize(("decision", "message"), [("approve", "Your device is signed in"), ("deny", "Access denied")])
def test_the_same_answer_twice_is_no_wrong_code(either, browser, decision, message):
    visitor, device = signed_in(either, browser), ask(either)
    page = visitor.go(f"/activate/{device['user_code']}")
    for _ in range(12):  # more than there may be wrong ones
        assert message in visitor.submit(page, decision=decision).text
    other = "deny" if decision == "approve" else "approve"
    assert visitor.submit(page, decision=other).status == 404
    assert poll(either, device).status == (200 if decision == "approve" else 418)
    if decision == "approve":  # also after the device has noticed
        assert message in visitor.submit(page, decision=decision).text
    switch_off(either)
    assert visitor.submit(page, decision=decision).status == 404


def test_a_client_does_not_learn_of_the_answer_to_another_one(either, browser):
    visitor, device = signed_in(either, browser), ask(either)
    page = visitor.go(f"/activate/{device['user_code']}")
    either.control("device", user_code=device["user_code"], username="other", decision="approve")
    assert visitor.submit(page, decision="approve").status == 404
    mine = ask(either)
    page = visitor.go(f"/activate/{mine['user_code']}")
    visitor.submit(page, decision="approve")
    either.control("expire", kind="device", value=mine["device_code"])
    assert visitor.submit(page, decision="approve").status == 404


@given(st.text(alphabet=USER_CODE_ALPHABET, min_size=8, max_size=8), st.sampled_from([" ", "-", ".", "_", ""]))
def test_a_user_code_is_read_however_it_is_typed(code, mark):
    assert normalize_user_code(f" {code[:4].lower()}{mark}{code[4:]}\n") == code


def test_user_codes_have_no_letters_that_look_alike():
    made = "".join(generate_user_code() for _ in range(500))
    assert not set("IO01") & set(made)
