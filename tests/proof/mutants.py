"""Flows, drivers and stores with one thing wrong, each with the claim that the simulator must find broken."""

from __future__ import annotations

from dataclasses import replace

from proof import program
from proof.world import LEASE, World
from traktauth.flow import login, renewal, signout
from traktauth.flow.effects import Begin, Exclusively, Forget, Load, NoReply, Note, Save, Shielded
from traktauth.models import Record
from traktauth.stores import transitions
from traktauth.wire.tokens import read_token


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


def with_a_flow_that_hears(patch, module, name, change):
    real = getattr(module, name)
    patch.setattr(module, name, lambda *args, **named: hearing(real(*args, **named), change))


def granted(effect, answer):
    return True if isinstance(effect, Begin) else answer


# ---------------------------------------------------------------- the right to send
def the_right_to_send_is_not_asked_for(patch):
    with_a_flow_that_hears(patch, renewal, "_refresh", granted)


def the_right_to_send_is_given_again_when_a_lease_runs_out(patch):
    next_attempt, begun = renewal.next_attempt, transitions.begun

    def over(record, now):
        return record.renewal is not None and now - record.renewal.at > LEASE

    def next_(terms, wish, record, token):
        return 1 if over(record, terms.clock()) else next_attempt(terms, wish, record, token)

    def begun_(record, renewal):
        return begun(replace(record, renewal=None) if over(record, renewal.at) else record, renewal)

    patch.setattr(renewal, "next_attempt", next_)
    patch.setattr(transitions, "begun", begun_)


def a_lost_reply_is_sent_again(patch):
    def next_attempt(terms, wish, record, token):
        return 1 if record.renewal is None else record.renewal.attempt + 1

    patch.setattr(renewal, "next_attempt", next_attempt)


def a_time_out_is_tried_again_at_once(patch):
    real = renewal._settle, renewal._look_again

    def look_again(terms, wish, token, error):
        if not error.unconfirmed:
            return (yield from real[1](terms, wish, token, error))
        wish = replace(wish, resend=True)
        record = yield from Load()
        return (yield from renewal._refresh(terms, wish, record, token, 2, terms.monotonic()))

    patch.setattr(renewal, "_look_again", look_again)


def a_cut_connection_is_taken_for_one_never_made(patch):
    def change(effect, answer):
        return NoReply(sent=False, reason=answer.reason) if isinstance(answer, NoReply) else answer

    with_a_flow_that_hears(patch, renewal, "_refresh", change)


def a_500_is_taken_for_a_refusal_at_the_door(patch):
    real = renewal.not_spent
    patch.setattr(renewal, "not_spent", lambda reply: real(reply) or reply.status == 500)


def last_attempts_are_not_counted(patch):
    real = renewal.next_attempt

    def next_attempt(terms, wish, record, token):
        if record.renewal is None:
            return 1
        found = real(terms, wish, replace(record, renewal=replace(record.renewal, attempt=1)), token)
        return record.renewal.attempt + 1 if isinstance(found, int) else found

    patch.setattr(renewal, "next_attempt", next_attempt)


def a_program_that_was_stopped_sends_all_the_same(patch):
    patch.setattr(renewal, "LEASE", float("inf"))


def a_sign_out_does_not_ask_for_the_right_to_send(patch):
    with_a_flow_that_hears(patch, signout, "_revoke_refresh_token", granted)


def a_sign_out_that_was_stopped_revokes_all_the_same(patch):
    patch.setattr(signout, "LEASE", float("inf"))


# ---------------------------------------------------------------- the lock
def there_is_no_lock(patch):
    patch.setattr(World, "take", lambda *_: True)


def a_lease_that_was_long_on_its_way_is_taken_for_good(patch):
    patch.setattr(program, "LATE", float("inf"))


# ---------------------------------------------------------------- the right to save
def the_generation_restarts_at_a_sign_in(patch):
    def keep(terms, token):
        record = yield from Load()
        new = replace(token, generation=1)
        yield from Save(new, after=record.generation)
        return new

    def saved(record, token, after, at):
        return Record(token.generation, token, saved_at=at) if record.generation == after else None

    patch.setattr(login, "_keep", keep)
    patch.setattr(transitions, "saved", saved)


def a_late_save_is_refused(patch):
    real = World.save

    def save(world, program, token, after, at):
        if world.holder is not program and program.kind != "sign in":
            program.unsaved = None
            return False
        return real(world, program, token, after, at)

    patch.setattr(World, "save", save)


def a_late_pair_is_saved_all_the_same(patch):
    def save(terms, old, new):
        record = yield from Load()
        new = replace(new, generation=record.generation + 1)
        yield from Save(new, after=record.generation)
        return new

    patch.setattr(renewal, "_save", save)


def a_pair_is_used_before_it_is_saved(patch):
    def save(terms, old, new):
        new = replace(new, generation=old.generation + 1)
        yield from Note("later")
        return new

    patch.setattr(renewal, "_save", save)


def a_copy_of_an_old_answer_is_taken_for_a_new_pair(patch):
    patch.setattr(renewal, "_read_new", lambda reply, old, sent_at: read_token(reply, sent_at=sent_at))


def a_late_renewal_undoes_a_sign_out(patch):
    def forgotten(record, generation):
        return Record(generation) if record.generation == generation else None

    patch.setattr(transitions, "forgotten", forgotten)


# ---------------------------------------------------------------- what is forgotten, and who is served
def a_refused_refresh_token_is_forgotten(patch):
    real = renewal._dead

    def dead(terms, wish, token, back):
        yield from Forget(token.generation)
        return (yield from real(terms, wish, token, back))

    patch.setattr(renewal, "_dead", dead)


def a_sign_out_forgets_though_nothing_was_revoked(patch):
    def revoked(terms, secret):
        yield from Note("whatever")
        return False, None

    patch.setattr(signout, "_revoked", revoked)


def there_is_no_second_look_at_the_store_after_a_refusal(patch):
    real = renewal._dead

    def dead(terms, wish, token, back):
        unchanged = (yield from Load()).__class__(token.generation, token)
        flow = real(terms, wish, token, back)
        return (yield from hearing(flow, lambda effect, answer: unchanged if isinstance(effect, Load) else answer))

    patch.setattr(renewal, "_dead", dead)


def a_failed_renewal_takes_a_living_token_away(patch):
    def otherwise(terms, wish, token, error):
        raise error

    patch.setattr(renewal, "otherwise", otherwise)


def a_refused_token_is_served_while_it_seems_to_live(patch):
    real = renewal.otherwise
    patch.setattr(
        renewal, "otherwise", lambda terms, wish, token, error: real(terms, replace(wish, refused=None), token, error)
    )


SENT_AGAIN = "sent again|one last attempt|after its successor came"
SPENT = "nothing that was spent is sent"
MUTANTS = {
    the_right_to_send_is_not_asked_for: SENT_AGAIN,
    the_right_to_send_is_given_again_when_a_lease_runs_out: SENT_AGAIN,
    a_lost_reply_is_sent_again: SENT_AGAIN,
    a_time_out_is_tried_again_at_once: SENT_AGAIN,
    a_cut_connection_is_taken_for_one_never_made: SENT_AGAIN,
    a_500_is_taken_for_a_refusal_at_the_door: SENT_AGAIN,
    last_attempts_are_not_counted: SENT_AGAIN,
    a_program_that_was_stopped_sends_all_the_same: SENT_AGAIN,
    a_sign_out_does_not_ask_for_the_right_to_send: f"{SPENT}|{SENT_AGAIN}",  # and gives it back, too
    a_sign_out_that_was_stopped_revokes_all_the_same: SPENT,
    there_is_no_lock: "sent again while an earlier sending is under way",
    a_lease_that_was_long_on_its_way_is_taken_for_good: SENT_AGAIN,
    the_generation_restarts_at_a_sign_in: "the generation",
    a_late_save_is_refused: "no login is lost",
    a_late_pair_is_saved_all_the_same: "replaced by an older one|brings back",
    a_pair_is_used_before_it_is_saved: "saved before it is used",
    a_copy_of_an_old_answer_is_taken_for_a_new_pair: "replaced by an older one",
    a_late_renewal_undoes_a_sign_out: "only a sign-in brings back",
    a_refused_refresh_token_is_forgotten: "only a sign-out forgets",
    a_sign_out_forgets_though_nothing_was_revoked: "nothing is forgotten before",
    there_is_no_second_look_at_the_store_after_a_refusal: "uses the winner's token",
    a_failed_renewal_takes_a_living_token_away: "a living token is served",
    a_refused_token_is_served_while_it_seems_to_live: "not served again",
}
