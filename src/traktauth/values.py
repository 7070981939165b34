"""Frozen value classes, made without the `dataclasses` module.

Importing `dataclasses` (with `inspect` and `ast`) and generating six methods for each class took half of this package's
import time. A class made by `value` behaves as one made by `dataclass(frozen=True, slots=True)`; its `__init__` is
generated when it is first used, and its other methods are shared. The functions of `dataclasses` work on its instances.
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from operator import attrgetter
from types import FunctionType, MethodType
from typing import Any, TypeVar, cast, dataclass_transform

T = TypeVar("T")

_MISSING: Any = object()  # no default


class Field:
    """How one attribute of a value class behaves; made by `field`."""

    __slots__ = ("annotation", "compare", "default", "factory", "init", "kw_only", "name", "repr")

    def __init__(self, default: object, factory: Callable[[], object], flags: tuple[bool, bool, bool, bool]) -> None:
        self.name = ""
        self.annotation: object = None
        self.default = default
        self.factory = factory
        self.init, self.repr, self.compare, self.kw_only = flags


def field(
    *,
    default: object = _MISSING,
    default_factory: Callable[[], object] = _MISSING,
    init: bool = True,
    repr: bool = True,  # noqa: A002 - as in dataclasses.field
    compare: bool = True,
    kw_only: bool = False,
) -> Any:  # noqa: ANN401 - stands for the attribute, of whatever type
    """Describe one attribute of a value class; the arguments mean what they mean in `dataclasses.field`."""
    return Field(default, default_factory, (init, repr, compare, kw_only))


@dataclass_transform(frozen_default=True, field_specifiers=(field,))
def value(cls: type[T]) -> type[T]:
    """Make a frozen class with slots from annotated attributes, as `dataclass(frozen=True, slots=True)` does.

    Raises:
        TypeError: the class has a mutable default; use `default_factory`.
    """
    namespace = dict(cls.__dict__)
    inherited = {
        each.name: each for base in reversed(cls.__mro__[1:]) for each in getattr(base, "__value_fields__", ())
    }
    own = {name: _own_field(cls, name, annotation) for name, annotation in _annotations(namespace).items()}
    fields = tuple((inherited | own).values())
    for name in own:
        namespace.pop(name, None)  # a slot cannot have a class attribute of its name
    for name in ("__dict__", "__weakref__"):
        namespace.pop(name, None)
    namespace["__slots__"] = tuple(name for name in own if name not in inherited)
    namespace["__value_fields__"] = fields
    namespace["__match_args__"] = tuple(each.name for each in fields if each.init and not each.kw_only)
    namespace.setdefault("__init__", _Init())
    namespace["__dataclass_fields__"], namespace["__dataclass_params__"] = _AsDataclass(), _AsDataclass()
    for name, method in _methods(fields).items():
        if namespace.get(name) is None:  # None: __hash__ of a class that defines __eq__
            namespace[name] = method
    metaclass = cast("Callable[..., type[T]]", type(cls))
    made = metaclass(cls.__name__, cls.__bases__, namespace)
    made.__qualname__ = cls.__qualname__
    return made


def replace(instance: T, /, **changes: object) -> T:
    """Return a copy of a value with some attributes changed.

    Raises:
        TypeError: the value has no such attribute, or its `__init__` does not take it.
    """
    for each in _fields(instance):
        if each.init and each.name not in changes:
            changes[each.name] = getattr(instance, each.name)
    return cast("Callable[..., T]", type(instance))(**changes)


def _fields(instance: object) -> tuple[Field, ...]:
    fields: tuple[Field, ...] = cast("Any", instance).__value_fields__
    return fields


def _annotations(namespace: dict[str, Any]) -> dict[str, Any]:
    found: dict[str, Any] = namespace.get("__annotations__", {})
    return {name: kind for name, kind in found.items() if not str(kind).startswith(("ClassVar", "typing.ClassVar"))}


def _own_field(cls: type[Any], name: str, annotation: object) -> Field:
    given = cls.__dict__.get(name, _MISSING)
    made: Field = given if isinstance(given, Field) else field(default=given)
    if type(made.default).__hash__ is None:
        raise TypeError(f"{cls.__qualname__}.{name} has a mutable default: use default_factory")
    made.name, made.annotation = name, annotation
    return made


# ---------------------------------------------------------------- __init__
class _Init:
    """Generate `__init__` when it is first used: most programs never use most value classes."""

    def __set_name__(self, owner: type[Any], name: str) -> None:
        self._owner = owner

    def __get__(self, instance: object, kind: type[Any]) -> Callable[..., None]:
        made = _make_init(self._owner)
        type.__setattr__(self._owner, "__init__", made)
        return made if instance is None else MethodType(made, instance)


def _make_init(cls: type[Any]) -> Callable[..., None]:
    """Compile `__init__`; it has the class's module as its globals, so that annotations can be resolved."""
    fields = _fields(cls)
    outer: dict[str, Any] = {"_unset": _MISSING}
    lines: list[str] = []
    for each in fields:
        outer[f"_set_{each.name}"] = getattr(cls, each.name).__set__
        outer[f"_default_{each.name}"] = each.default
        outer[f"_factory_{each.name}"] = each.factory
        lines += _assignment(each)
    if hasattr(cls, "__post_init__"):
        lines.append("self.__post_init__()")
    parameters = [_parameter(each) for each in fields if each.init and not each.kw_only]
    by_keyword = [_parameter(each) for each in fields if each.init and each.kw_only]
    signature = ", ".join(["self", *parameters, *(["*", *by_keyword] if by_keyword else [])])
    body = "\n  ".join(lines or ["pass"])
    source = f"def _outer({', '.join(outer)}):\n def __init__({signature}):\n  {body}\n return __init__"
    local: dict[str, Any] = {}
    # As code: after a Ctrl-C in the `exec` of a text CPython ends the process by SIGINT, although it was caught.
    code = compile(source, f"<__init__ of {cls.__qualname__}>", "exec")
    exec(code, sys.modules[cls.__module__].__dict__, local)  # noqa: S102 - made from the class's own names
    made: FunctionType = local["_outer"](**outer)
    made.__qualname__ = f"{cls.__qualname__}.__init__"
    made.__annotations__ = {each.name: each.annotation for each in fields if each.init} | {"return": None}
    return made


def _parameter(each: Field) -> str:
    if each.factory is not _MISSING:
        return f"{each.name}=_unset"
    return each.name if each.default is _MISSING else f"{each.name}=_default_{each.name}"


def _assignment(each: Field) -> list[str]:
    made = f"_factory_{each.name}()"
    if each.factory is not _MISSING:
        value_ = f"{made} if {each.name} is _unset else {each.name}" if each.init else made
    elif each.init:
        value_ = each.name
    elif each.default is _MISSING:
        return []
    else:
        value_ = f"_default_{each.name}"
    return [f"_set_{each.name}(self, {value_})"]


# ---------------------------------------------------------------- the other methods
def _methods(fields: tuple[Field, ...]) -> dict[str, Any]:
    """Return the methods that need a class's fields, and the ones that all classes share."""
    names = frozenset(each.name for each in fields)
    compared = [each.name for each in fields if each.compare]
    parts: Callable[[object], object] = attrgetter(*compared) if compared else lambda _: ()

    def __eq__(self: object, other: object) -> bool:  # noqa: N807 - becomes a method
        return parts(self) == parts(other) if type(other) is type(self) else NotImplemented

    def __hash__(self: object) -> int:  # noqa: N807 - the same
        return hash(parts(self))

    def __setattr__(self: object, name: str, new: object) -> None:  # noqa: N807 - the same
        _refuse_change(self, names, name, "assign to")
        object.__setattr__(self, name, new)

    def __delattr__(self: object, name: str) -> None:  # noqa: N807 - the same
        _refuse_change(self, names, name, "delete")
        object.__delattr__(self, name)

    return {
        "__eq__": __eq__,
        "__hash__": __hash__,
        "__setattr__": __setattr__,
        "__delattr__": __delattr__,
        "__repr__": _repr,
        "__getstate__": _getstate,
        "__setstate__": _setstate,
        "__replace__": replace,
    }


def _refuse_change(self: object, names: frozenset[str], name: str, what: str) -> None:
    """Refuse a change, except of an attribute that a subclass that is not a value class has added."""
    if name in names or "__value_fields__" in type(self).__dict__:
        from dataclasses import FrozenInstanceError  # noqa: PLC0415 - only for an error

        raise FrozenInstanceError(f"cannot {what} field {name!r}")


def _repr(self: object) -> str:
    shown = ", ".join(f"{each.name}={getattr(self, each.name)!r}" for each in _fields(self) if each.repr)
    return f"{type(self).__qualname__}({shown})"


def _getstate(self: object) -> list[Any]:
    return [getattr(self, each.name) for each in _fields(self)]


def _setstate(self: object, state: list[Any]) -> None:
    for each, part in zip(_fields(self), state, strict=True):
        object.__setattr__(self, each.name, part)


# ---------------------------------------------------------------- as a dataclass
class _AsDataclass:
    """Let the functions of `dataclasses` work on a value class; that module is imported when one of them does."""

    def __set_name__(self, owner: type[Any], name: str) -> None:
        self._owner, self._name = owner, name

    def __get__(self, instance: object, kind: type[Any]) -> object:
        import dataclasses  # noqa: PLC0415 - only if it is asked for

        described: list[tuple[str, Any, Any]] = []
        for each in _fields(self._owner):
            options: dict[str, Any] = {name: getattr(each, name) for name in ("init", "repr", "compare", "kw_only")}
            if each.default is not _MISSING:
                options["default"] = each.default
            if each.factory is not _MISSING:
                options["default_factory"] = each.factory
            described.append((each.name, each.annotation, dataclasses.field(**options)))
        twin = dataclasses.make_dataclass(self._owner.__name__, described, frozen=True)
        for name in ("__dataclass_fields__", "__dataclass_params__"):
            type.__setattr__(self._owner, name, getattr(twin, name))
        return getattr(twin, self._name)
