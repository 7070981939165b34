"""Whatever happens, no login is lost by us; and the search that says so can fail."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import HealthCheck, Phase, settings
from hypothesis.stateful import run_state_machine_as_test

from flow.machine import Machine
from flow.world import Violation
from traktauth.flow import login, renewal, signout
from traktauth.flow.effects import Begin, Exclusively, Forget, Load, NoReply, Note, Save, Shielded

SEARCH = settings(
    max_examples=150,
    stateful_step_count=40,
    deadline=None,
    suppress_health_check=list(HealthCheck),
    print_blob=False,
)
# A mutant is looked for until it is found, always in the same places, and not made smaller.
HUNT = settings(SEARCH, max_examples=2000, derandomize=True, database=None, phases=[Phase.generate])


def test_no_login_is_lost_whatever_happens():
    run_state_machine_as_test(Machine, settings=SEARCH)


# ---------------------------------------------------------------- what the search must find
def hearing(flow, change):
    """The same flow, which hears something else: `change(effect, answer)`; flows inside locks and shields likewise."""
    answer, error = None, None
    while True:
        try:
            effect = flow.send(answer) if error is None else flow.throw(error)
        except StopIteration as end:
            return end.value
        answer, error = None, None
        try:
            if isinstance(effect, Exclusively):
                inside = effect.flow
                effect = Exclusively(
                    lambda inside=inside: hearing(inside(), change), purpose=effect.purpose, patience=effect.patience
                )
            elif isinstance(effect, Shielded):
                inside = effect.flow
                effect = Shielded(lambda inside=inside: hearing(inside(), change))
            answer = change(effect, (yield effect))
        except Exception as raised:  # noqa: BLE001 - the flow hears it
            error = raised


def with_renewal_that_hears(monkeypatch, change):
    real = renewal._refresh
    monkeypatch.setattr(renewal, "_refresh", lambda *args: hearing(real(*args), change))


def the_right_to_send_is_not_asked_for(monkeypatch):
    with_renewal_that_hears(monkeypatch, lambda effect, answer: True if isinstance(effect, Begin) else answer)


def a_lost_reply_is_sent_again(monkeypatch):
    def next_attempt(terms, wish, record, token):
        return 1 if record.renewal is None else record.renewal.attempt + 1

    monkeypatch.setattr(renewal, "_next_attempt", next_attempt)


def a_cut_connection_is_taken_for_one_never_made(monkeypatch):
    def change(effect, answer):
        return NoReply(sent=False, reason=answer.reason) if isinstance(answer, NoReply) else answer

    with_renewal_that_hears(monkeypatch, change)


def a_500_is_taken_for_a_refusal_at_the_door(monkeypatch):
    real = renewal.not_spent
    monkeypatch.setattr(renewal, "not_spent", lambda reply: real(reply) or reply.status == 500)


def last_attempts_are_not_counted(monkeypatch):
    real = renewal._next_attempt

    def next_attempt(terms, wish, record, token):
        if record.renewal is None:
            return 1
        found = real(terms, wish, replace(record, renewal=replace(record.renewal, attempt=1)), token)
        return record.renewal.attempt + 1 if isinstance(found, int) else found

    monkeypatch.setattr(renewal, "_next_attempt", next_attempt)


def the_generation_restarts_at_a_sign_in(monkeypatch):
    def keep(terms, token):
        record = yield from Load()
        new = replace(token, generation=1)
        yield from Save(new, after=record.generation)
        return new

    monkeypatch.setattr(login, "_keep", keep)


def a_refused_refresh_token_is_forgotten(monkeypatch):
    real = renewal._dead

    def dead(terms, wish, token, back):
        yield from Forget(token.generation)
        return (yield from real(terms, wish, token, back))

    monkeypatch.setattr(renewal, "_dead", dead)


def a_late_pair_is_saved_all_the_same(monkeypatch):
    def save(terms, old, new):
        record = yield from Load()
        new = replace(new, generation=record.generation + 1)
        yield from Save(new, after=record.generation)
        return new

    monkeypatch.setattr(renewal, "_save", save)


def a_pair_is_used_before_it_is_saved(monkeypatch):
    def save(terms, old, new):
        new = replace(new, generation=old.generation + 1)
        yield from Note("later")
        return new

    monkeypatch.setattr(renewal, "_save", save)


def there_is_no_second_look_at_the_store_after_a_refusal(monkeypatch):
    real = renewal._dead

    def dead(terms, wish, token, back):
        unchanged = (yield from Load()).__class__(token.generation, token)
        flow = real(terms, wish, token, back)
        return (yield from hearing(flow, lambda effect, answer: unchanged if isinstance(effect, Load) else answer))

    monkeypatch.setattr(renewal, "_dead", dead)


def a_failed_renewal_takes_a_living_token_away(monkeypatch):
    def otherwise(terms, wish, token, error):
        raise error

    monkeypatch.setattr(renewal, "otherwise", otherwise)


def a_refused_token_is_served_while_it_seems_to_live(monkeypatch):
    real = renewal.otherwise
    monkeypatch.setattr(
        renewal, "otherwise", lambda terms, wish, token, error: real(terms, replace(wish, refused=None), token, error)
    )


def a_program_that_was_stopped_sends_all_the_same(monkeypatch):
    monkeypatch.setattr(renewal, "LEASE", float("inf"))


def a_sign_out_forgets_though_nothing_was_revoked(monkeypatch):
    real = signout._revoke

    def revoke(terms, record, secret):
        try:
            yield from real(terms, record, secret)
        except signout.TryLater:
            yield from Note("whatever")

    monkeypatch.setattr(signout, "_revoke", revoke)


SENT_AGAIN = "sent again|one last attempt|after its successor came"
MUTANTS = {
    the_right_to_send_is_not_asked_for: SENT_AGAIN,
    a_lost_reply_is_sent_again: SENT_AGAIN,
    a_cut_connection_is_taken_for_one_never_made: SENT_AGAIN,
    a_500_is_taken_for_a_refusal_at_the_door: SENT_AGAIN,
    last_attempts_are_not_counted: SENT_AGAIN,
    a_program_that_was_stopped_sends_all_the_same: SENT_AGAIN,
    the_generation_restarts_at_a_sign_in: "the generation",
    a_refused_refresh_token_is_forgotten: "only a sign-out forgets",
    a_late_pair_is_saved_all_the_same: "replaced by an older one",
    a_pair_is_used_before_it_is_saved: "saved before it is used",
    there_is_no_second_look_at_the_store_after_a_refusal: "uses the winner's token",
    a_failed_renewal_takes_a_living_token_away: "a living token is served",
    a_refused_token_is_served_while_it_seems_to_live: "not served again",
    a_sign_out_forgets_though_nothing_was_revoked: "nothing is forgotten before",
}


@pytest.mark.parametrize(("mutant", "claim"), [pytest.param(*one, id=one[0].__name__) for one in MUTANTS.items()])
def test_the_search_finds_a_flow_in_which(mutant, claim, monkeypatch):
    mutant(monkeypatch)
    with pytest.raises(Violation, match=claim):
        run_state_machine_as_test(Machine, settings=HUNT)
