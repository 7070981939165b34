"""The commissioned document's operations, blocking and async, at everything that answers as Trakt does."""

from __future__ import annotations

import pytest

from support.wire import query
from traktauth import TryLater

VERIFIER = "v" * 43
CHALLENGE = "7w_YNF9DSfIdPf_pRjSq646_kPr-2-o9NAl16JGghdM"  # its S256


def credentials(app):
    return {"client_id": app.client_id, "client_secret": app.client_secret}


def sign_in(api, peer, app, **parameters):
    """Authorize, play the browser, and return the code."""
    asked = {"client_id": app.client_id, "redirect_uri": app.redirect_uri, "state": "s t&a", **parameters}
    landed = peer.land(api.authorize_application(**asked))
    assert landed.startswith(app.redirect_uri)
    assert query(landed)["state"] == "s t&a"
    return query(landed)["code"]


def test_every_operation_succeeds(peer, walk):
    app = peer.app

    async def scenario(api, ask):
        code = sign_in(api, peer, app)
        exchange = api.exchange_code_for_access_token(code=code, redirect_uri=app.redirect_uri, **credentials(app))
        first = await ask(exchange)
        assert peer.alive(first.access_token)
        second = await ask(
            api.exchange_refresh_token_for_access_token(
                refresh_token=first.refresh_token, redirect_uri=app.redirect_uri, **credentials(app)
            )
        )
        assert peer.alive(second.access_token)
        assert second.access_token != first.access_token
        assert second.refresh_token not in (None, first.refresh_token)
        assert second.expires_in > 0
        await ask(api.revoke_an_access_token(token=second.access_token, **credentials(app)))
        assert not peer.alive(second.access_token)

    walk(peer.base, scenario)


def test_a_public_app_signs_in_with_a_challenge_and_without_a_secret(peer, walk):
    app = peer.public

    async def scenario(api, ask):
        code = sign_in(api, peer, app, code_challenge=CHALLENGE)
        token = await ask(
            api.exchange_code_for_access_token(
                code=code, redirect_uri=app.redirect_uri, code_verifier=VERIFIER, **credentials(app)
            )
        )
        assert peer.alive(token.access_token)

    walk(peer.base, scenario)


def test_a_device_code_is_pending_until_it_is_approved(device_peer, walk):
    app = device_peer.app

    async def scenario(api, ask):
        code = await ask(api.generate_new_device_codes(client_id=app.client_id))
        assert code.verification_url.startswith(device_peer.base)
        with pytest.raises(TryLater) as pending:
            await ask(api.poll_for_the_access_token(code=code.device_code, **credentials(app)))
        assert pending.value.status == 400
        device_peer.device(code.user_code)
        device_peer.pass_time(code.interval + 0.2)
        token = await ask(api.poll_for_the_access_token(code=code.device_code, **credentials(app)))
        assert device_peer.alive(token.access_token)
        assert token.refresh_token

    walk(device_peer.base, scenario)
