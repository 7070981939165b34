"""Write `docs/api.md` from the docstrings of the public names.

Usage: python scripts/api.py [--check]

With --check nothing is written; the exit status is 1 if the page is not up to date.
"""

from __future__ import annotations

import enum
import importlib
import inspect
import re
import sys
from pathlib import Path
from typing import get_origin

import django
import griffe
from django.conf import settings

CHECKOUT = Path(__file__).parents[1]
PAGE = CHECKOUT / "docs" / "api.md"
MODULES = {
    "traktauth": "The client",
    "traktauth.steps": "The steps of a sign-in, for a prompt of your own",
    "traktauth.stores": "Stores",
    "traktauth.keeper": "The keeper",
    "traktauth.web": "Web sign-in",
    "traktauth.web.starlette": "Web sign-in with Starlette and FastAPI",
    "traktauth.web.flask": "Web sign-in with Flask",
    "traktauth.web.django": "Web sign-in with Django",
    "traktauth.web.allauth": "django-allauth",
    "traktauth.web.authlib": "Authlib",
    "traktauth.web.social": "social-auth",
    "traktauth.adapters.requests": "Adapter for requests, and with it PyTrakt",
    "traktauth.adapters.httpx": "Adapter for httpx",
    "traktauth.adapters.aiohttp": "Adapter for aiohttp",
    "traktauth.adapters.pyreqwest": "Adapter for pyreqwest",
    "traktauth.sandbox": "The sandbox",
    "traktauth.explain": "What an error line means",
    "traktauth.testing": "The local Trakt in tests, and the contract of a store",
}
HEAD = """# API reference

Written by `scripts/api.py` from the docstrings; do not edit. What is listed here is public: it changes only with a
note in the [changelog](../CHANGELOG.md). Every other module and name is internal.
"""


# The names of two modules are imported on first use, when Django's apps must be ready.
DJANGO_APPS = [
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.sessions",
    "allauth",
    "allauth.account",
    "allauth.socialaccount",
    "traktauth.web.django",
    "traktauth.web.allauth",
]


def set_up_django() -> None:
    """Configure Django, without a database."""
    middleware = ["allauth.account.middleware.AccountMiddleware"]
    settings.configure(SECRET_KEY="not secret", INSTALLED_APPS=DJANGO_APPS, MIDDLEWARE=middleware)
    django.setup()


def public_names(module: str) -> list[str]:
    """Return the names that a module exports, in the order of the alphabet."""
    found = importlib.import_module(module)
    names = getattr(found, "__all__", None)
    if names is None:
        here = vars(found).items()
        names = [name for name, kind in here if getattr(kind, "__module__", None) == module]
    return sorted(name for name in names if not name.startswith("_"))


def signature(function: griffe.Function, *, name: str | None = None) -> str:
    """Return a function as it is called, with types and defaults."""
    parts: list[str] = []
    kinds = griffe.ParameterKind
    has_star = False
    for parameter in function.parameters:
        if parameter.name in {"self", "cls"}:
            continue
        if parameter.kind is kinds.keyword_only and not has_star:
            parts.append("*")
            has_star = True
        prefix = {kinds.var_positional: "*", kinds.var_keyword: "**"}.get(parameter.kind, "")
        has_star = has_star or parameter.kind is kinds.var_positional
        text = f"{prefix}{parameter.name}" + (f": {parameter.annotation}" if parameter.annotation else "")
        if parameter.default is not None and not prefix:
            text += f" = {parameter.default}" if parameter.annotation else f"={parameter.default}"
        parts.append(text)
    returns = f" -> {function.returns}" if function.returns and name is None else ""
    prefix = "async " if "async" in function.labels else ""
    return f"{prefix}{name or function.name}({', '.join(parts)}){returns}"


def constructor_of(kind: type) -> str:
    """Return the arguments of a class whose constructor is not in its source."""
    if issubclass(kind, BaseException | enum.Enum) or not hasattr(kind, "__annotations__"):
        return ""
    parts = []
    for parameter in inspect.signature(kind).parameters.values():
        default = "" if parameter.default is parameter.empty else f" = {parameter.default!r}"
        parts.append(f"{parameter.name}: {parameter.annotation}{default}")
    return f"({', '.join(parts)})"


def describe(docstring: griffe.Docstring | None) -> list[str]:
    """Return a docstring in Markdown: its text, and a list for each section."""
    lines: list[str] = []
    for section in docstring.parse("google", warnings=False) if docstring else []:
        if section.kind is griffe.DocstringSectionKind.text:
            lines += [section.value, ""]
        elif section.kind is griffe.DocstringSectionKind.examples:
            lines += ["```python", *(value for _, value in section.value), "```", ""]
        elif isinstance(section.value, list):
            lines.append(f"{(section.title or section.kind.value.title()).rstrip(':')}:\n")
            for item in section.value:
                term = getattr(item, "name", "") or str(getattr(item, "annotation", "") or "")
                text = " ".join(item.description.split())
                lines.append(f"- `{term}`: {text}" if term else f"- {text}")
            lines.append("")
    return lines


def members(kind: griffe.Class) -> list[griffe.Object | griffe.Alias]:
    """Return the public methods and properties of a class, inherited ones of the package included."""
    found = {**kind.inherited_members, **kind.members}
    return [
        member
        for name, member in found.items()
        if not name.startswith(("_", "test_")) and (member.is_function or member.is_attribute) and member.has_docstring
    ]


def type_arguments(kind: type, target: griffe.Object | griffe.Alias) -> dict[str, str]:
    """Return what a class puts in the place of the type variables of its generic base."""
    bases = getattr(kind, "__orig_bases__", ())
    names = [parameter.__name__ for base in bases for parameter in getattr(get_origin(base), "__parameters__", ())]
    texts = (
        [text for base in target.bases for text in str(base).partition("[")[2].rstrip("]").split(", ")] if names else []
    )
    return dict(zip(names, texts, strict=False))


def document(path: str, kind: type, target: griffe.Object | griffe.Alias) -> list[str]:
    """Return the entry of one public name, without type variables of a base."""
    arguments = type_arguments(kind, target)
    return [
        re.sub(r"\w+", lambda name: arguments.get(name[0], name[0]), line) for line in describe_name(path, kind, target)
    ]


def describe_name(path: str, kind: type, target: griffe.Object | griffe.Alias) -> list[str]:
    """Return the entry of one public name, as it is in the source."""
    name = path.rpartition(".")[2]
    if target.is_class:
        first = target.all_members.get("__init__")
        is_written = first is not None and first.is_function  # else it is made by a decorator, or inherited
        shown = signature(first, name=name) if is_written else name + constructor_of(kind)
        lines = [f"### `{name}`", "", "```python", f"class {shown}", "```", "", *describe(target.docstring)]
        lines += describe(first.docstring) if is_written else []
        for member in members(target):
            title = (
                signature(member) if member.is_function else f"{member.name}: {member.annotation or ''}".rstrip(": ")
            )
            lines += [f"#### `{name}.{member.name}`", "", "```python", title, "```", "", *describe(member.docstring)]
        return lines
    if target.is_function:
        return [f"### `{name}`", "", "```python", signature(target), "```", "", *describe(target.docstring)]
    return [f"### `{name}`", "", *describe(target.docstring)]


def page() -> str:
    """Return the whole page."""
    sys.path.insert(0, str(CHECKOUT / "src"))
    set_up_django()
    package = griffe.load("traktauth", search_paths=[CHECKOUT / "src"], resolve_aliases=True)
    lines = [HEAD]
    for module, title in MODULES.items():
        lines += [f"## {title}: `{module}`", ""]
        for name in public_names(module):
            kind = getattr(importlib.import_module(module), name)
            where = getattr(kind, "__module__", module)
            home = where if where.startswith("traktauth") else module
            try:
                target = package[f"{home}.{name}".removeprefix("traktauth.")]
            except KeyError:
                continue  # a name that the module makes at run time
            if target.is_module:
                continue
            lines += document(f"{module}.{name}", kind, target)
    text = "\n".join(line.rstrip() for line in "\n".join(lines).splitlines())
    while "\n\n\n" in text:
        text = text.replace("\n\n\n", "\n\n")
    return text.rstrip() + "\n"


def main() -> int:
    """Write the page, or compare it."""
    new = page()
    if "--check" in sys.argv[1:]:
        return int(not PAGE.exists() or PAGE.read_text() != new)
    PAGE.write_text(new)
    return 0


if __name__ == "__main__":
    sys.exit(main())
