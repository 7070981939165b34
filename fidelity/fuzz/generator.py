"""Make up scenarios."""

from __future__ import annotations

from random import Random
from typing import TYPE_CHECKING, Any

from fidelity.extra_cases.case import bare, form, posted, query_of
from fidelity.fuzz.execution import Step
from fidelity.fuzz.mutation import AT_CONTROL, OPTIONAL_VALUES, Mutator, credentials
from fidelity.replay.seed_file import APPS
from fidelity.replay.session import DEVICE_GRANT, NATIVE

if TYPE_CHECKING:
    from collections.abc import Callable

DEVICE = "/api/auth/device"
ADVANCES = (1, 4, 7, 61, 590, 605, 86_000, 604_000, 605_000, 2_591_000, 2_592_100)
TAKING_PART = {"current": ("trusted", "consent", "public"), "classic": ("A", "B", "C")}
PEOPLE = {"current": ("user", "other"), "classic": ("sean",)}


def generate_scenario(profile: str, number: int, length: int = 16) -> list[Step]:
    """Make the scenario of a number: always the same."""
    return ScenarioGenerator(Random(f"{profile} {number}"), profile).scenario(length)  # noqa: S311 - nothing is kept secret


class ScenarioGenerator:
    """Makes one scenario."""

    def __init__(self, random: Random, profile: str) -> None:
        self.random, self.current = random, profile == "current"
        self.apps, self.people = TAKING_PART[profile], PEOPLE[profile]
        self.mutator = Mutator(random, self.an_app)
        self.steps: list[Step] = []
        self.codes: list[tuple[int, str]] = []  # the step that came to it, the app it was for
        self.tokens: list[tuple[int, str]] = []
        self.devices: list[tuple[int, str]] = []

    def scenario(self, length: int) -> list[Step]:
        """Make a scenario; it begins with a login, so that there is something to bend, and ends with a look at all."""
        self.sign_in()
        self.exchange(bend=0)
        actions = self.actions()
        while len(self.steps) < length:
            self.random.choices([action for action, _ in actions], [weight for _, weight in actions])[0]()
        self.look()
        return self.steps

    def actions(self) -> list[tuple[Callable[[], None], int]]:
        """Say what may be done, and how often."""
        both = [
            (self.sign_in, 4), (self.exchange, 8), (self.refresh, 12), (self.revoke, 6), (self.introspect, 3),
            (self.use, 2), (self.itself, 1), (self.pass_time, 2), (self.expire, 2), (self.log_in, 3),
        ]  # fmt: skip
        better_auth = [
            (self.ask_device, 2), (self.answer_device, 2), (self.poll, 4), (self.withdraw, 1), (self.user_info, 2),
            (self.come, 6),
        ]  # fmt: skip
        return both + (better_auth if self.current else [(self.token_info, 2)])

    # ------------------------------------------------------------ actions
    def log_in(self) -> None:
        """Sign in and exchange as one should."""
        self.sign_in(bend=0)
        self.exchange(bend=0, newest=True)

    def sign_in(self, bend: int | None = None) -> None:
        """Have a person agree."""
        app, number = self.an_app(), len(self.steps)
        parameters: dict[str, Any] = {"app": app, "username": self.random.choice(self.people)}
        if self.current:
            parameters["via"] = self.random.choice(("native", "shim"))
            parameters["scope"] = "public offline_access"
            parameters |= {"code_challenge": f"{{{{code_challenge_{number}}}}}", "code_challenge_method": "S256"}
        elif self.random.random() < 0.3:
            parameters |= {"code_challenge": f"{{{{code_challenge_{number}}}}}", "code_challenge_method": "S256"}
        self.codes.append((number, app))
        self.call("authorize", **self.mutator.optional_parameters(parameters, AT_CONTROL, bend))

    def come(self) -> None:
        """Come with a signed-in person's browser."""
        app, number = self.an_app(), len(self.steps)
        parameters = {
            "client_id": f"{{{{client_id:{app}}}}}", "redirect_uri": APPS[app].callback, "response_type": "code",
            "scope": "public offline_access", "state": "s", "code_challenge": f"{{{{code_challenge_{number}}}}}",
            "code_challenge_method": "S256",
        }  # fmt: skip
        headers = {"cookie": "{{session_cookie}}"}
        if not self.random.randrange(6):
            headers["accept"] = "application/json"
        self.codes.append((number, app))
        parameters = self.mutator.optional_parameters(parameters, sorted(OPTIONAL_VALUES))
        self.send(bare("GET", query_of(f"{NATIVE}/authorize", parameters), headers))

    def exchange(self, bend: int | None = None, *, newest: bool = False) -> None:
        """Exchange a code."""
        number, app = self.codes[-1] if newest else self.random.choice(self.codes[-3:])
        parameters = {"grant_type": "authorization_code", "code": f"{{{{code_{number}}}}}", **credentials(app)}
        parameters["redirect_uri"] = APPS[app].callback
        if self.current or self.random.random() < 0.5:
            parameters["code_verifier"] = f"{{{{code_verifier_{number}}}}}"
        self.tokens.append((len(self.steps), app))
        self.post("token", parameters, bend)

    def refresh(self) -> None:
        """Refresh."""
        number, app = self.random.choice(self.tokens[-4:])
        parameters = {"grant_type": "refresh_token", "refresh_token": f"{{{{refresh_{number}}}}}", **credentials(app)}
        self.tokens.append((len(self.steps), app))
        self.post("token", parameters)

    def revoke(self) -> None:
        """Revoke."""
        number, app = self.random.choice(self.tokens[-4:])
        self.post("revoke", {"token": self.a_token(number), **credentials(app)})

    def introspect(self) -> None:
        """Introspect."""
        number, app = self.random.choice(self.tokens[-4:])
        parameters = {"token": self.a_token(number), **credentials(app)}
        if self.current:
            self.post("introspect", parameters)
            return
        basic = {"authorization": f"{{{{basic:{app}}}}}"}
        self.send(form("/oauth/introspect", {"token": parameters["token"]}, basic))

    def use(self) -> None:
        """Use a token at the API; what the resource says is its own affair, whether it may be had is not."""
        number, app = self.random.choice(self.tokens[-4:])
        path = "/users/settings" if self.current else "/me"
        headers = {"authorization": f"Bearer {self.a_token(number)}", "trakt-api-key": f"{{{{client_id:{app}}}}}"}
        self.steps.append(Step(len(self.steps), bare("GET", path, headers), whole=False))

    def user_info(self) -> None:
        """Ask who a token belongs to."""
        number, _ = self.random.choice(self.tokens[-4:])
        self.send(bare("GET", f"{NATIVE}/userinfo", {"authorization": f"Bearer {self.a_token(number)}"}))

    def token_info(self) -> None:
        """Ask about a token, with the token."""
        number, _ = self.random.choice(self.tokens[-4:])
        self.send(bare("GET", "/oauth/token/info", {"authorization": f"Bearer {self.a_token(number)}"}))

    def itself(self) -> None:
        """Ask for a token without a user."""
        if self.current:
            self.post("token", {"grant_type": "client_credentials", **credentials(self.an_app())})

    def ask_device(self) -> None:
        """Ask for a device code."""
        app, number = self.an_app(), len(self.steps)
        self.devices.append((number, app))
        parameters: dict[str, Any] = {"client_id": f"{{{{client_id:{app}}}}}"}
        if self.random.random() < 0.5:
            self.send(posted(f"{DEVICE}/code", {**parameters, "scope": "public offline_access"}))
            return
        if self.random.random() < 0.5:
            parameters["code_challenge"] = f"{{{{code_challenge_{number}}}}}"
        self.send(posted("/oauth/device/code", parameters))

    def answer_device(self) -> None:
        """Approve or deny a device code."""
        if self.devices:
            number, _ = self.random.choice(self.devices[-2:])
            decision = self.random.choice(("approve", "approve", "deny"))
            parameters = {"username": self.random.choice(self.people), "decision": decision}
            self.call("device", user_code=f"{{{{user_{number}}}}}", **parameters)

    def poll(self) -> None:
        """Poll a device code."""
        if not self.devices:
            return
        number, app = self.random.choice(self.devices[-2:])
        code = f"{{{{device_{number}}}}}"
        if self.random.random() < 0.4:
            parameters = {"grant_type": DEVICE_GRANT, "device_code": code, "client_id": f"{{{{client_id:{app}}}}}"}
            self.send(posted(f"{DEVICE}/token", self.mutator.members(parameters, self.others())))
            return
        parameters = {"code": code, **credentials(app)}
        if self.random.random() < 0.4:
            parameters["code_verifier"] = f"{{{{code_verifier_{number}}}}}"
        self.tokens.append((len(self.steps), app))
        self.send(posted("/oauth/device/token", self.mutator.members(parameters, self.others())))

    def pass_time(self) -> None:
        """Let time pass."""
        self.call("clock", advance=self.random.choice(ADVANCES))

    def expire(self) -> None:
        """Let one thing be over."""
        if not self.current:
            return
        number, _ = self.random.choice(self.tokens[-3:])
        kind = self.random.choice(("access", "refresh"))
        self.call("expire", kind=kind, value=f"{{{{{kind}_{number}}}}}")

    def withdraw(self) -> None:
        """Take a consent back, sign out everywhere, or switch an app off or on."""
        app = self.an_app()
        self.random.choice((
            lambda: self.call("revoke-consent", username=self.people[0], client_id=f"{{{{client_id:{app}}}}}"),
            lambda: self.call("signout"),
            lambda: self.call("disable-app", client_id=f"{{{{client_id:{app}}}}}", disabled=True),
            lambda: self.call("disable-app", client_id=f"{{{{client_id:{app}}}}}", disabled=False),
        ))()  # fmt: skip

    def look(self) -> None:
        """Look which tokens live."""
        if self.current:
            for app in self.apps:
                self.call("disable-app", client_id=f"{{{{client_id:{app}}}}}", disabled=False)
        for number, app in self.tokens:
            for kind in ("access", "refresh"):
                parameters = {"token": f"{{{{{kind}_{number}}}}}", **credentials(app)}
                if self.current:
                    self.send(form(f"{NATIVE}/introspect", parameters))
                elif kind == "access":
                    self.send(bare("GET", "/oauth/token/info", {"authorization": f"Bearer {parameters['token']}"}))
        for number, app in self.random.sample(self.tokens, len(self.tokens)):
            parameters = {"grant_type": "refresh_token", "refresh_token": f"{{{{refresh_{number}}}}}"}
            self.send(posted("/oauth/token", {**parameters, **credentials(app)}))

    # ------------------------------------------------------------ how it is parameters
    def post(self, name: str, parameters: dict[str, Any], bend: int | None = None) -> None:
        """Send members to an endpoint, at one of its doors."""
        parameters = self.mutator.members(parameters, self.others(), bend)
        if self.current and self.random.random() < 0.5:
            self.send(form(f"{NATIVE}/{name}", parameters))
        elif self.random.random() < 0.1 and {"client_id", "client_secret"} <= parameters.keys():
            self.send(self.random.choice((form, posted))(f"/oauth/{name}", *self.by_basic(parameters)))
        else:
            self.send(self.random.choice((form, posted, posted))(f"/oauth/{name}", parameters))

    def by_basic(self, parameters: dict[str, Any]) -> tuple[dict[str, Any], dict[str, str]]:
        """Move the credentials into the header; an app of which nothing is known keeps them where they are."""
        named = [app for app in self.apps if parameters["client_id"] == f"{{{{client_id:{app}}}}}"]
        if not named or parameters["client_secret"] != f"{{{{client_secret:{named[0]}}}}}":
            return parameters, {}
        rest = {name: value for name, value in parameters.items() if name not in ("client_id", "client_secret")}
        return rest, {"authorization": f"{{{{basic:{named[0]}}}}}"}

    def call(self, call: str, **members: Any) -> None:
        """Add a call of the control API."""
        self.steps.append(Step(len(self.steps), None, call, members))

    def send(self, request: dict[str, Any]) -> None:
        """Add a request."""
        self.steps.append(Step(len(self.steps), request))

    def others(self) -> list[str]:
        """Give a code and a token that may stand in another's place."""
        code, token = self.random.choice(self.codes)[0], self.random.choice(self.tokens)[0]
        return [f"{{{{code_{code}}}}}", self.a_token(token)]

    def a_token(self, number: int) -> str:
        """Give one of a step's two tokens."""
        return f"{{{{{self.random.choice(('access', 'refresh'))}_{number}}}}}"

    def an_app(self) -> str:
        """Choose an app; mostly the first."""
        return self.random.choices(self.apps, (3, 2, 2))[0]
