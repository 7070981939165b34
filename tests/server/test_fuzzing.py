"""Requests that schemathesis makes up from `/openapi.json`."""

from __future__ import annotations

import pytest

from server.conftest import APPS, CALLBACK
from support.fuzzing import Fuzzing

pytestmark = pytest.mark.slow


@pytest.mark.parametrize("profile", ["current", "classic"])
def test_made_up_requests_get_only_responses_that_openapi_describes(start, profile):
    client = start(profile=profile)
    fuzzing = Fuzzing(client.url, ("first-app", APPS["first"].client_secret, CALLBACK))
    try:
        fuzzing.round(20, 1)
    finally:
        fuzzing.close()
    assert fuzzing.done > 200
    assert fuzzing.answers[200] > 10, "what is true gets through"
    assert fuzzing.faults == {}
    assert client.use(client.login().access) == 200
