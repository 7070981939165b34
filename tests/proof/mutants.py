"""Flows, drivers and stores with one thing wrong, each with the claim that the simulator must find broken."""

from __future__ import annotations

from dataclasses import replace

from proof import program
from proof.world import LEASE, World
from traktauth.errors import LoginRequired
from traktauth.flow import logout, refresh, save_login
from traktauth.flow.effects import Apply, Load, LogMessage, NoResponse, Shielded, WithLock
from traktauth.flow.refresh_policy import Sending
from traktauth.models import Record
from traktauth.models.changes import BeginRefresh, CancelRefresh, DeleteToken, SaveToken
from traktauth.wire.token_endpoint import parse_token_response


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
            if isinstance(effect, WithLock):
                inside = effect.flow
                effect = WithLock(
                    lambda inside=inside: hearing(inside(), change), purpose=effect.purpose, timeout=effect.timeout
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


def applies(effect, kind):
    return isinstance(effect, Apply) and isinstance(effect.change, kind)


def granted(effect, answer):
    return True if applies(effect, BeginRefresh) else answer


# ---------------------------------------------------------------- the right to send
def the_right_to_send_is_not_asked_for(patch):
    with_a_flow_that_hears(patch, refresh._Refresh, "run", granted)


def the_right_to_send_is_granted_again_when_a_lease_runs_out(patch):
    next_sending, begin = refresh.next_sending, BeginRefresh.apply

    def over(record, now):
        return record.pending_refresh is not None and now - record.pending_refresh.started_at > LEASE

    def next_(context, request, record, token):
        return Sending(1) if over(record, context.clock()) else next_sending(context, request, record, token)

    def begin_again(change, record):
        return begin(
            change, replace(record, pending_refresh=None) if over(record, change.pending_refresh.started_at) else record
        )

    patch.setattr(refresh, "next_sending", next_)
    patch.setattr(BeginRefresh, "apply", begin_again)


def a_lost_reply_is_sent_again(patch):
    def next_sending(context, request, record, token):
        return Sending(1 if record.pending_refresh is None else record.pending_refresh.sending + 1)

    patch.setattr(refresh, "next_sending", next_sending)


def a_time_out_is_tried_again_at_once(patch):
    real = refresh._Refresh._reload_or_fail

    def look_again(self, error):
        if not error.unconfirmed:
            return (yield from real(self, error))
        context, request = self._context, replace(self._request, resend=True)
        record = yield from Load()
        again = refresh._Refresh(context, request, self._token, context.monotonic(), 2, record.pending_refresh)
        return (yield from again.run())

    patch.setattr(refresh._Refresh, "_reload_or_fail", look_again)


def a_cut_connection_is_taken_for_one_never_made(patch):
    def change(effect, answer):
        return NoResponse(sent=False, reason=answer.reason) if isinstance(answer, NoResponse) else answer

    with_a_flow_that_hears(patch, refresh._Refresh, "run", change)


def a_500_is_taken_for_a_refusal_before_the_token_endpoint(patch):
    real = refresh.is_certainly_unspent
    patch.setattr(refresh, "is_certainly_unspent", lambda reply: real(reply) or reply.status == 500)


def a_program_that_was_stopped_sends_all_the_same(patch):
    patch.setattr(refresh, "has_time_to_send", lambda *_: True)


def a_sign_out_does_not_ask_for_the_right_to_send(patch):
    with_a_flow_that_hears(patch, logout, "_revoke_refresh_token", granted)


def a_sign_out_that_was_stopped_revokes_all_the_same(patch):
    patch.setattr(logout, "has_time_to_send", lambda *_: True)


def an_attempt_that_was_not_sent_is_counted(patch):
    def handle_unspent(self, error):
        yield from LogMessage("the right to send is not given back", event="mutant")
        return refresh.current_token_or_raise(self._context, self._request, self._token, error)

    patch.setattr(refresh._Refresh, "_handle_unspent", handle_unspent)


def a_begin_that_failed_is_counted(patch):
    real = refresh._Refresh.run
    patch.setattr(refresh._Refresh, "run", lambda self: hearing_no_cancel(real(self)))


def hearing_no_cancel(flow):
    """The same flow, whose Cancel effects never come to the driver."""
    answer, error = None, None
    while True:
        try:
            effect = flow.send(answer) if error is None else flow.throw(error)
        except StopIteration as end:
            return end.value
        answer, error = None, None
        if not applies(effect, CancelRefresh):
            try:
                answer = yield effect
            except Exception as raised:  # noqa: BLE001 - the flow hears it
                error = raised


def an_ambiguous_answer_ends_a_login(patch):
    real = refresh.next_sending

    def next_sending(context, request, record, token):
        found = real(context, request, record, token)
        over = isinstance(found, Sending) and found.number > 2 and not request.resend
        return LoginRequired("it was the last attempt", reason="reply-lost") if over else found

    patch.setattr(refresh, "next_sending", next_sending)


def it_is_sent_again_without_a_probe(patch):
    def check_endpoint(context, *, since=0.0):
        yield from LogMessage("it will work", event="mutant")
        return True

    patch.setattr(refresh, "check_endpoint", check_endpoint)


# ---------------------------------------------------------------- the lock
def there_is_no_lock(patch):
    patch.setattr(World, "take", lambda *_: True)


def a_lease_that_was_long_on_its_way_is_taken_for_good(patch):
    patch.setattr(program, "LEASE_GRANT_MAX_AGE", float("inf"))


# ---------------------------------------------------------------- the right to save
def the_generation_restarts_at_a_sign_in(patch):
    def keep(context, token, *_rest):
        record = yield from Load()
        new = replace(token, generation=1)
        yield from Apply(SaveToken(new, record.generation, context.clock()))
        return new

    def saved(change, record):
        if record.generation != change.after:
            return None
        return Record(change.token.generation, change.token, saved_at=change.at)

    patch.setattr(save_login, "_save", keep)
    patch.setattr(SaveToken, "apply", saved)


def a_late_save_is_refused(patch):
    real = World.save

    def save(world, program, change):
        if world.holder is not program and program.kind != "sign in":
            program.unsaved = None
            return False
        return real(world, program, change)

    patch.setattr(World, "save", save)


def a_late_pair_is_saved_all_the_same(patch):
    def save(self, new):
        record = yield from Load()
        new = replace(new, generation=record.generation + 1)
        yield from Apply(SaveToken(new, record.generation, self._context.clock()))
        return new

    patch.setattr(refresh._Refresh, "_save", save)


def a_pair_is_used_before_it_is_saved(patch):
    def save(self, new):
        new = replace(new, generation=self._token.generation + 1)
        yield from LogMessage("later", event="mutant")
        return new

    patch.setattr(refresh._Refresh, "_save", save)


def a_copy_of_an_old_answer_is_taken_for_a_new_pair(patch):
    patch.setattr(refresh, "_parse_new_token", lambda reply, old, sent_at: parse_token_response(reply, sent_at=sent_at))


def a_late_refresh_undoes_a_sign_out(patch):
    def deleted(change, record):
        return Record(change.generation) if record.generation == change.generation else None

    patch.setattr(DeleteToken, "apply", deleted)


# ---------------------------------------------------------------- what is forgotten, and who is served
def a_refused_refresh_token_is_forgotten(patch):
    real = refresh._Refresh._handle_invalid_grant

    def dead(self, words):
        yield from Apply(DeleteToken(self._token.generation))
        return (yield from real(self, words))

    patch.setattr(refresh._Refresh, "_handle_invalid_grant", dead)


def a_sign_out_forgets_though_nothing_was_revoked(patch):
    def revoked(context, secret):
        yield from LogMessage("whatever", event="mutant")
        return False, None

    patch.setattr(logout, "_try_revoke", revoked)


def there_is_no_second_look_at_the_store_after_a_refusal(patch):
    real = refresh._Refresh._handle_invalid_grant

    def dead(self, words):
        unchanged = (yield from Load()).__class__(self._token.generation, self._token)
        flow = real(self, words)
        return (yield from hearing(flow, lambda effect, answer: unchanged if isinstance(effect, Load) else answer))

    patch.setattr(refresh._Refresh, "_handle_invalid_grant", dead)


def a_failed_refresh_takes_a_living_token_away(patch):
    def otherwise(context, request, token, error):
        raise error

    patch.setattr(refresh, "current_token_or_raise", otherwise)


def a_refused_token_is_served_while_it_seems_to_live(patch):
    real = refresh.current_token_or_raise
    patch.setattr(
        refresh,
        "current_token_or_raise",
        lambda context, request, token, error: real(context, replace(request, rejected=None), token, error),
    )


SENT_AGAIN = "sent again|between two sendings|after its successor came"
SPENT = "nothing that was spent is sent"
MUTANTS = {
    the_right_to_send_is_not_asked_for: SENT_AGAIN,
    the_right_to_send_is_granted_again_when_a_lease_runs_out: SENT_AGAIN,
    a_lost_reply_is_sent_again: SENT_AGAIN,
    a_time_out_is_tried_again_at_once: SENT_AGAIN,
    a_cut_connection_is_taken_for_one_never_made: SENT_AGAIN,
    a_500_is_taken_for_a_refusal_before_the_token_endpoint: SENT_AGAIN,
    a_program_that_was_stopped_sends_all_the_same: SENT_AGAIN,
    a_sign_out_does_not_ask_for_the_right_to_send: f"{SPENT}|{SENT_AGAIN}",  # and gives it back, too
    a_sign_out_that_was_stopped_revokes_all_the_same: SPENT,
    an_attempt_that_was_not_sent_is_counted: "only what was sent is counted",
    a_begin_that_failed_is_counted: "only what was sent is counted",
    an_ambiguous_answer_ends_a_login: "only a definite refusal",
    it_is_sent_again_without_a_probe: "before a probe has shown",
    there_is_no_lock: "sent again while an earlier sending is under way",
    a_lease_that_was_long_on_its_way_is_taken_for_good: SENT_AGAIN,
    the_generation_restarts_at_a_sign_in: "the generation",
    a_late_save_is_refused: "no login is lost",
    a_late_pair_is_saved_all_the_same: "replaced by an older one|brings back",
    a_pair_is_used_before_it_is_saved: "saved before it is used",
    a_copy_of_an_old_answer_is_taken_for_a_new_pair: "replaced by an older one",
    a_late_refresh_undoes_a_sign_out: "only a sign-in brings back",
    a_refused_refresh_token_is_forgotten: "only a sign-out forgets",
    a_sign_out_forgets_though_nothing_was_revoked: "nothing is forgotten before",
    there_is_no_second_look_at_the_store_after_a_refusal: "uses the winner's token",
    a_failed_refresh_takes_a_living_token_away: "a living token is served",
    a_refused_token_is_served_while_it_seems_to_live: "not served again",
}
