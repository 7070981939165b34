"""No module of `src` reaches into the private parts of another distribution, which an update may change unannounced."""

from __future__ import annotations

import ast
import re
from pathlib import Path

import pytest

SOURCE = Path(__file__).parents[1] / "src" / "traktauth"
# Documented by Python in spite of their names: two functions, and the members of named tuples.
DOCUMENTED = {"os._exit", "_thread.get_ident"}
OF_TUPLES = {"_asdict", "_fields", "_make", "_replace"}
BY_NAME = {
    "__import__",
    "attrgetter",
    "delattr",
    "find_spec",
    "getattr",
    "hasattr",
    "import_module",
    "methodcaller",
    "setattr",
}
# What nothing public tells, and the tests that fail if it is no longer told.
EXCEPTIONS = {
    # Which modules other threads import: client/driver/test_fork_during_import.py
    "client/driver/shield.py": ["_frozen_importlib", "_module_locks"],
    # Whether a transaction is that of Django's TestCase: web/test_django_runner.py
    "web/django/store.py": ["_from_testcase"],
}


def is_private(name):
    """Whether a name or one part of a dotted one begins with one underscore."""
    return any(re.match(r"_(?!_)\w", part) for part in name.split("."))


def own_names(trees):
    """The private names that the project itself gives to something."""
    names = set()
    for tree in trees:
        for node in ast.walk(tree):
            match node:
                case ast.FunctionDef(name=name) | ast.AsyncFunctionDef(name=name) | ast.ClassDef(name=name):
                    names.add(name)
                case ast.Name(id=name, ctx=ast.Store()) | ast.Attribute(attr=name, ctx=ast.Store()):
                    names.add(name)
                case ast.alias(asname=str(name)):
                    names.add(name)
    return names


def foreign_imports(tree):
    """The names that a module binds to parts of other distributions, and what they stand for."""
    bound = {}
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            for alias in node.names:
                if alias.name.partition(".")[0] != "traktauth":
                    name = alias.name if alias.asname else alias.name.partition(".")[0]
                    bound[alias.asname or name] = name
        elif isinstance(node, ast.ImportFrom) and node.module.partition(".")[0] != "traktauth":
            bound |= {alias.asname or alias.name: f"{node.module}.{alias.name}" for alias in node.names}
    return bound


def private_accesses(source, own=frozenset()):
    """The private parts of other distributions that a module reaches into.

    Found are imports of private modules and names; private attributes of what is imported; private attributes of any
    object, if the project gives their name to nothing of its own; and names in strings that are given to `getattr`,
    `attrgetter`, `import_module` and the like, or looked up in `sys.modules`.

    Not found are private attributes of an object that was not imported, if the project has one of the same name; names
    that are put together when the program runs; and what is taken from `vars()` or `__dict__`.
    """
    tree = ast.parse(source)
    bound = foreign_imports(tree)
    found = [name for name in bound.values() if is_private(name)]
    imports = [node for node in ast.walk(tree) if isinstance(node, ast.Import)]
    found += [alias.name for node in imports for alias in node.names if is_private(alias.name)]
    for node in ast.walk(tree):
        match node:
            case ast.Attribute(attr=attr) if is_private(attr):
                path = ast.unparse(node)
                root = path.partition(".")[0]
                if root in bound:
                    found.append(path.replace(root, bound[root], 1))
                elif attr not in own | OF_TUPLES:
                    found.append(path)
            case ast.Call(func=ast.Name(id=name) | ast.Attribute(attr=name), args=arguments) if name in BY_NAME:
                found += [text for text in strings(arguments) if is_private(text) and text not in own]
            case ast.Subscript(value=value, slice=ast.Constant(value=str(text))):
                found += [text] if is_private(text) and ast.unparse(value) == "sys.modules" else []
            case ast.Call(func=ast.Attribute(value=value, attr="get"), args=arguments):
                texts = strings(arguments) if ast.unparse(value) == "sys.modules" else []
                found += filter(is_private, texts)
    return sorted(set(found) - DOCUMENTED)


def strings(nodes):
    return [node.value for node in nodes if isinstance(node, ast.Constant) and isinstance(node.value, str)]


def test_nothing_private_of_another_distribution_is_used():
    sources = {path: path.read_text() for path in SOURCE.rglob("*.py")}
    own = own_names(map(ast.parse, sources.values()))
    found = {str(path.relative_to(SOURCE)): private_accesses(source, own) for path, source in sources.items()}
    assert {path: names for path, names in found.items() if names} == EXCEPTIONS


@pytest.mark.parametrize(
    ("source", "found"),
    [
        ("import asyncio\nasyncio._unregister_task(1)", "asyncio._unregister_task"),
        ("import asyncio as a\na._mine()", "asyncio._mine"),
        ("import httpcore2._backends.anyio", "httpcore2._backends.anyio"),
        ("from anyio._core import x", "anyio._core.x"),
        ("from os import _exit_handlers as x", "os._exit_handlers"),
        ("from httpx2 import Client\nClient()._pool", "Client()._pool"),
        ("def f(x): return x.stream._h11_state.y", "x.stream._h11_state"),
        ("def f(x): return getattr(x, '_pool', None)", "_pool"),
        ("from operator import attrgetter\nattrgetter('a._b')", "a._b"),
        ("import importlib\nimportlib.import_module('anyio._core')", "anyio._core"),
        ("import sys\nsys.modules.get('_frozen_importlib')", "_frozen_importlib"),
        ("import sys\nsys.modules['_frozen_importlib']", "_frozen_importlib"),
        ("import os\nos._exit(1)\nos.__name__", None),
        ("def f(self): return self._mine", None),
        ("from traktauth.x import _y\n_y._mine", None),
    ],
)
def test_each_way_of_access_is_found(source, found):
    assert private_accesses(source, {"_mine"}) == ([] if found is None else [found])
