"""Plays the driver of a flow, effect by effect: what it asks for is checked, what it hears is the test's to choose.

```python
talk = Conversation(get_token(context))
talk.expect(Load(), answer=record)
talk.enter(WithLock, timeout=35.0)
talk.expect(Begin(1, 1), answer=True)
request = talk.expect(Send, answer=reply).request
assert talk.returns() == token
```
"""

from __future__ import annotations

from flow.changes import Begin, check_change, is_change
from traktauth.flow.effects import Load, LogMessage, Shielded, WithLock


class Conversation:
    """One flow, with the flows inside its locks and shields, up to its end."""

    def __init__(self, flow):
        self._flows = [flow]
        self._asked = None
        self._end = None
        self._go_on()

    def expect(self, effect, *, answer=None, raising=None):
        """The next effect is this one, or one of this class; it is answered, or fails. Return it."""
        found = self.effect
        if is_change(effect):
            change = check_change(found, effect)
            self._go_on(answer, raising)
            return change
        if isinstance(effect, type):
            assert isinstance(found, effect), f"{found} instead of {effect.__name__}"
        else:
            assert found == effect, f"{found} instead of {effect}"
        self._go_on(answer, raising)
        return found

    def enter(self, kind, *args, **attributes):
        """The next effect holds a flow of its own, which is talked with until it ends. Return the effect."""
        found = self.effect
        assert isinstance(found, kind), f"{found} instead of {kind.__name__}"
        assert {name: getattr(found, name) for name in attributes} == attributes
        self._flows.append(found.flow(*args))
        self._go_on()
        return found

    def returns(self):
        """The flow has ended with a value, but for what it notes. Return it."""
        self._hear_notes()
        assert self._end is not None, f"the flow goes on with {self._asked}"
        value, error = self._end
        if error is not None:
            raise AssertionError(f"the flow raised {error!r}") from error
        return value

    def raises(self, kind):
        """The flow has ended with an error of exactly this class, but for what it notes. Return it."""
        self._hear_notes()
        assert self._end is not None, f"the flow goes on with {self._asked}"
        value, error = self._end
        assert type(error) is kind, f"{error or value!r} instead of {kind.__name__}"
        return error

    def _hear_notes(self):
        while self._end is None and isinstance(self._asked, LogMessage):
            self._go_on()

    @property
    def effect(self):
        """The effect that waits for its answer."""
        assert self._end is None, f"the flow ended with {self._end}"
        return self._asked

    def _go_on(self, answer=None, error=None):
        """Answer the innermost flow; where it ends, its end answers the one around it."""
        while self._flows:
            flow = self._flows[-1]
            try:
                self._asked = flow.send(answer) if error is None else flow.throw(error)
                while isinstance(self._asked, LogMessage) and self._asked.debug:
                    self._asked = flow.send(None)
            except StopIteration as end:
                answer, error = end.value, None
            except Exception as raised:  # noqa: BLE001 - whatever it is, the flow around it hears it
                answer, error = None, raised
            else:
                return
            self._flows.pop()
        self._end = (answer, error)

    @property
    def goes_on(self):
        """Whether the flow has not ended."""
        return self._end is None

    @property
    def error(self):
        """What the flow raised, if it did."""
        return self._end[1] if self._end else None


def under_lock(flow, stored, *, again=None):
    """A flow that has loaded the record, waits for the lock, and loads the record again."""
    talk = Conversation(flow)
    talk.expect(Load(), answer=stored)
    talk.enter(WithLock)
    talk.expect(Load(), answer=again or stored)
    return talk


def may_send(talk, generation, sending):
    """Give a flow under the lock the right to send."""
    talk.enter(Shielded)
    talk.expect(Begin(generation, sending), answer=True)
    return talk
