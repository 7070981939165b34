"""The main job on the real engine: eight processes, twenty rounds, one refresh each round, and the login lives on."""

from __future__ import annotations

import pytest

PROCESSES, ROUNDS = 8, 20


def signed_in(command, engine):
    """Sign in on another device, as the command's users do."""
    app = engine.apps["trusted"]
    command.at(engine.base)
    command.env |= {"TRAKTAUTH_CLIENT_ID": app.client_id, "TRAKTAUTH_CLIENT_SECRET": app.client_secret}
    process = command.start("login", "--device")
    code = next(line for line in process.stderr if line.startswith("and enter the code")).split()[-1]
    engine.device(code)
    _, err = process.communicate(timeout=60)
    assert process.returncode == 0, err


@pytest.mark.timeout(600)  # 160 processes and a real engine, on whatever machine there is
def test_twenty_rounds_of_eight_processes_cause_twenty_refreshes(command, start_better_auth_with, cable):
    engine = start_better_auth_with()
    signed_in(command, engine)
    wire = cable(engine.base)
    token = command.record().token
    command.at(wire.base)
    command.keep(token.access_token, token.refresh_token, left=-1)
    for number in range(1, ROUNDS + 1):
        processes = [command.start("token") for _ in range(PROCESSES)]
        printed = [process.communicate(timeout=60)[0] for process in processes]
        assert [process.returncode for process in processes] == [0] * PROCESSES
        assert len(set(printed)) == 1
        assert wire.count("/oauth/token", grant="refresh_token") == number
        assert command("request", "GET", "/users/settings").status == 0
        token = command.record().token
        assert printed[0].strip() == token.access_token
        command.keep(token.access_token, token.refresh_token, left=-1)
