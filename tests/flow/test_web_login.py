"""The code of a web application's callback becomes the login of its user."""

from __future__ import annotations

from flow.changes import Save
from flow.conversation import Conversation
from flow.setup import context, grant, reply
from traktauth.errors import StoreFailed
from traktauth.flow.effects import Apply, ForAccount, Load, LogMessage, Send, Shielded, WithLock
from traktauth.flow.web_login import exchange_for_user
from traktauth.models import Record
from traktauth.models.changes import SetUser

SETTINGS = reply(200, {"user": {"username": "sean", "ids": {"slug": "sean", "uuid": "user-1"}}})


def test_a_sign_in_succeeds_though_the_users_name_cannot_be_kept():
    talk = Conversation(exchange_for_user(context(), "code", redirect_uri="http://app/callback", code_verifier=None))
    talk.enter(Shielded)
    talk.expect(Send, answer=grant(1))
    talk.expect(Send, answer=SETTINGS)
    talk.enter(ForAccount, account="user-1")
    talk.enter(WithLock)
    talk.expect(Load(), answer=Record())
    talk.expect(Save, answer=True)
    talk.expect(LogMessage)
    assert isinstance(talk.expect(Apply, raising=StoreFailed("the disk is full")).change, SetUser)
    user = talk.returns()
    assert (user.account, user.username) == ("user-1", "sean")
