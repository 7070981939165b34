"""One address of the protocol: how it reads, what it does, how it writes."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from traktauth.server.attempt import Procedure, Spoken
from traktauth.server.http.answers import JSON, Answer
from traktauth.server.http.encodings import FORM
from traktauth.server.refusals import Invalid, Refusal

if TYPE_CHECKING:
    from traktauth.server.http.heard import Heard

Written = Callable[[Any, str], Answer]
Refused = Callable[[Refusal | Invalid], Answer]
EITHER = (JSON, FORM)


@dataclass(frozen=True)
class Endpoint:
    """One address of the protocol.

    Attributes:
        path: where it is.
        read: takes the request apart; may raise Refusal or Invalid.
        procedure: what is to be done, where the request's own words do not choose it.
        grants: what is to be done by grant type; the request chooses.
        write: writes the result as an answer; is given the issuer too.
        refuse: writes a refusal as an answer.
        methods: the methods that it answers; any other is as if the path were not there.
        media: the media types of the bodies that it reads.
        changes: whether it may change anything, or only looks.
        guarded: whether it takes an app's secret, and stops whoever guesses at one.
    """

    path: str
    read: Callable[[Heard], Spoken]
    write: Written
    refuse: Refused
    procedure: Procedure | None = None
    grants: Mapping[str, Procedure] = field(default_factory=dict[str, Procedure])
    methods: tuple[str, ...] = ("POST",)
    media: tuple[str, ...] = EITHER
    changes: bool = True
    guarded: bool = False

    def chosen(self, said: Spoken) -> Procedure:
        """Give what is to be done. The reader has made sure that the grant type is a known one."""
        return self.procedure or self.grants[said.parameters["grant_type"]]
