"""`traktauth.values`: its classes behave as frozen dataclasses with slots, and importing it loads no `dataclasses`."""

from __future__ import annotations

import copy
import dataclasses
import inspect
import os
import pickle
import pprint
import subprocess
import sys
import typing

import pytest

from traktauth.values import field, replace, value


@value
class Point:
    """A value with every kind of attribute."""

    known: typing.ClassVar[int] = 7
    x: int
    y: int = 2
    notes: list[str] = field(default_factory=list, compare=False)
    secret: str = field(default="hidden", repr=False, kw_only=True)
    _cached: int | None = field(default=None, init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        if self.x < 0:
            raise ValueError(self.x)

    @property
    def total(self) -> int:
        """The sum."""
        return self.x + self.y


@dataclasses.dataclass(frozen=True, slots=True)
class Twin:
    """The same as a dataclass."""

    known: typing.ClassVar[int] = 7
    x: int
    y: int = 2
    notes: list[str] = dataclasses.field(default_factory=list, compare=False)
    secret: str = dataclasses.field(default="hidden", repr=False, kw_only=True)
    _cached: int | None = dataclasses.field(default=None, init=False, repr=False, compare=False)


@value
class Point3(Point):
    """A value class below another."""

    z: int = 3


@value
class Empty:
    """No attribute at all."""


BOTH = pytest.mark.parametrize("kind", [Point, Twin])


@BOTH
def test_the_arguments_are_taken_by_position_and_by_name(kind):
    made = kind(1, y=3, secret="s")
    assert (made.x, made.y, made.notes, made.secret, made._cached, made.known) == (1, 3, [], "s", None, 7)


@BOTH
@pytest.mark.parametrize(
    ("args", "kwargs", "message"),
    [
        ((), {}, r"__init__\(\) missing 1 required positional argument: 'x'"),
        ((1,), {"q": 1}, r"__init__\(\) got an unexpected keyword argument 'q'"),
        ((1, 2, [], "s"), {}, "positional arguments"),
        ((1,), {"_cached": 1}, "unexpected keyword argument '_cached'"),
    ],
)
def test_wrong_arguments_are_refused_in_the_words_of_a_dataclass(kind, args, kwargs, message):
    with pytest.raises(TypeError, match=f"{kind.__name__}.*{message}|{message}"):
        kind(*args, **kwargs)


@BOTH
def test_equality_and_hash_leave_out_what_is_not_compared(kind):
    assert kind(1, notes=["a"]) == kind(1, notes=["b"])
    assert hash(kind(1, notes=["a"])) == hash(kind(1))
    assert kind(1) != kind(2)
    assert kind(1) != (1, 2)
    assert hash(kind(1, 2, secret="s")) == hash((1, 2, "s"))


@BOTH
def test_the_repr_hides_what_is_marked(kind):
    assert repr(kind(1)) == f"{kind.__name__}(x=1, y=2, notes=[])"


@pytest.mark.parametrize("name", ["x", "other"])
def test_an_instance_cannot_be_changed(name):
    made = Point(1)
    with pytest.raises(dataclasses.FrozenInstanceError, match=f"cannot assign to field '{name}'"):
        setattr(made, name, 5)
    with pytest.raises(dataclasses.FrozenInstanceError, match=f"cannot delete field '{name}'"):
        delattr(made, name)
    assert made.x == 1


@BOTH
def test_instances_have_slots_and_no_dict(kind):
    assert not hasattr(kind(1), "__dict__")
    assert kind.__slots__ == ("x", "y", "notes", "secret", "_cached")


@BOTH
def test_a_pattern_matches_by_position(kind):
    assert kind.__match_args__ == ("x", "y", "notes")
    match kind(1, 5):
        case Point(x, y) | Twin(x, y):
            assert (x, y) == (1, 5)
        case _:
            pytest.fail("no match")


@pytest.mark.parametrize("made", [Point(1, 3, ["n"], secret="s"), Point3(1, 3, z=9), Empty()])
def test_a_value_is_copied_and_pickled_whole(made):
    for copied in (copy.copy(made), copy.deepcopy(made), pickle.loads(pickle.dumps(made))):
        assert type(copied) is type(made)
        assert copied == made
        assert copied.__getstate__() == made.__getstate__()


def test_a_pickle_has_the_state_that_a_dataclass_writes():
    assert Point(1).__getstate__() == Twin(1).__getstate__()


@pytest.mark.parametrize("copied", [replace, dataclasses.replace])
def test_replace_changes_what_is_named_and_checks_the_rest(copied):
    made = copied(Point(1, 3, secret="s"), x=5)
    assert (made.x, made.y, made.secret) == (5, 3, "s")
    with pytest.raises(TypeError, match="unexpected keyword argument 'q'"):
        copied(made, q=1)
    with pytest.raises(ValueError, match="-1"):
        copied(made, x=-1)


def test_a_subclass_adds_attributes_behind_the_inherited_ones():
    made = Point3(1, 2, ["n"], 9, secret="s")
    assert (made.z, made.notes, made.total) == (9, ["n"], 3)
    assert Point3.__slots__ == ("z",)
    assert repr(made) == "Point3(x=1, y=2, notes=['n'], z=9)"


def test_a_plain_subclass_may_have_attributes_of_its_own_but_not_change_the_values():
    class Named(Point):
        pass

    made = Named(1)
    made.name = "n"
    assert made.name == "n"
    with pytest.raises(dataclasses.FrozenInstanceError):
        made.x = 2


def test_methods_that_a_class_defines_are_kept():
    @value
    class Own:
        x: int

        def __repr__(self) -> str:
            return "own"

        def __eq__(self, other: object) -> bool:
            return isinstance(other, Own)

        def __hash__(self) -> int:
            return 5

    assert (repr(Own(1)), Own(1) == Own(2), hash(Own(1))) == ("own", True, 5)


def test_a_mutable_default_is_refused():
    with pytest.raises(TypeError, match=r"Wrong\.x has a mutable default: use default_factory"):

        @value
        class Wrong:
            x: list[int] = []  # noqa: RUF012 - what is refused


@BOTH
def test_the_signature_is_there_before_the_first_instance(kind):
    text = str(inspect.signature(kind)).replace(" ", "")
    assert text.startswith("(x:'int',y:'int'=2,notes:")
    assert text.endswith(("*,secret:'str'='hidden')->None", "*,secret:'str'='hidden')->'None'"))
    assert typing.get_type_hints(kind.__init__)["x"] is int


def test_dataclasses_functions_work_on_a_value():
    made = Point(1, secret="s")
    assert dataclasses.is_dataclass(made)
    assert [each.name for each in dataclasses.fields(Point)] == [each.name for each in dataclasses.fields(Twin)]
    assert dataclasses.asdict(made) == dataclasses.asdict(Twin(1, secret="s"))
    assert pprint.pformat(made) == repr(made)

    @dataclasses.dataclass(frozen=True)
    class Below(Point):
        z: int = 5

    assert Below(1, 2, [], 6).z == 6


def test_the_package_loads_without_dataclasses():
    code = "import sys, traktauth; from traktauth import App, Trakt; print({'dataclasses', 'inspect'} & {*sys.modules})"
    bare = {name: value for name, value in os.environ.items() if not name.startswith("COV")}  # it imports, too
    shown = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, env=bare).stdout
    assert shown.strip() == "set()"
