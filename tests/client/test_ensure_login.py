"""`ensure_login`: a token that Trakt accepts, with a sign-in if there is none."""

from __future__ import annotations

import asyncio

import pytest

from traktauth import AsyncTrakt, LoginRefused, Trakt


@pytest.fixture
def trakt(server):
    with Trakt(server.app, service=server.url, store="memory:", clock=server.clock) as client:
        yield client


def user_of(server):
    """Return a prompt whose user approves each sign-in, and the list of its sign-ins."""
    begun = []

    def prompt(step):
        begun.append(step)
        return server.browse(step.url)

    return prompt, begun


def disconnect(server, token):
    server.expire("access", token.access_token)
    server.expire("refresh", token.refresh_token)


def test_it_signs_in_an_account_that_never_did_or_is_signed_out(server, trakt):
    prompt, begun = user_of(server)
    token = trakt.ensure_login("paste", prompt=prompt)
    assert trakt.token() == token
    trakt.logout()
    trakt.ensure_login("paste", prompt=prompt)
    assert len(begun) == 2


def test_it_does_not_sign_in_while_trakt_accepts_the_token(server, trakt):
    token = server.sign_in_at(trakt)
    prompt, begun = user_of(server)
    assert trakt.ensure_login("paste", prompt=prompt) == token
    assert begun == []


def test_it_signs_in_again_if_the_login_was_ended_at_trakt(server, trakt):
    disconnect(server, server.sign_in_at(trakt))
    prompt, begun = user_of(server)
    trakt.ensure_login("paste", prompt=prompt)
    assert len(begun) == 1
    assert trakt.request("GET", "/users/settings").status_code == 200


def test_it_refreshes_a_token_that_trakt_rejects(server, trakt):
    token = server.sign_in_at(trakt)
    server.expire("access", token.access_token)
    assert trakt.ensure_login("paste", prompt=user_of(server)[0]).generation == token.generation + 1


def test_it_returns_a_valid_token_while_the_api_is_down(server, trakt):
    token = server.sign_in_at(trakt)
    server.fail_next("/users/settings", drop="before")
    assert trakt.ensure_login("paste", prompt=user_of(server)[0]) == token


def test_a_sign_in_that_is_denied_is_raised(server, trakt):
    with pytest.raises(LoginRefused):
        trakt.ensure_login("paste", prompt=lambda step: server.browse(step.url, decision="deny"))


def test_the_async_one_does_the_same(server):
    async def run():
        async with AsyncTrakt(server.app, service=server.url, store="memory:", clock=server.clock) as client:
            first = await client.ensure_login("paste", prompt=prompt)
            disconnect(server, first)
            second = await client.ensure_login("paste", prompt=prompt)
            assert second.access_token != first.access_token
            assert client.api_url == server.url

    prompt, begun = user_of(server)
    asyncio.run(run())
    assert len(begun) == 2
