"""The world's store as a program's driver sees it: every verb is an act of its program."""

from __future__ import annotations

from contextlib import contextmanager

from traktauth.stores.base import TokenStore


class ProgramStore(TokenStore):
    def __init__(self, program):
        self.program = program
        self.perform = program.perform
        self.life = object()  # a program that was killed starts with nothing that it shared with itself

    @property
    def identity(self):
        return self.life

    @property
    def address(self):
        return "simulated:"

    def load(self, login):
        return self.perform(self.program.load() if login.account else self.program.load_app())

    def apply(self, login, change):
        return self.perform(self.program.apply(change))

    def check_writable(self):
        return self.perform(self.program.check())

    def list_logins(self):
        raise NotImplementedError

    @contextmanager
    def lock(self, login, timeout):
        held = self.perform(self.program.take(timeout))
        try:
            yield held
        finally:
            self.program.let_go(held)
