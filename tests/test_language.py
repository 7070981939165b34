"""The language of names and texts: the field's terms, plain English, and no import cycles."""

from __future__ import annotations

import ast
import io
import re
import tokenize
from pathlib import Path

import pytest

CHECKOUT = Path(__file__).resolve().parents[1]
SOURCES = sorted((CHECKOUT / "src").rglob("*.py"))
PROGRAMS = [*SOURCES, *sorted((CHECKOUT / "tests").rglob("*.py"))]
PAGES = [CHECKOUT / "README.md", CHECKOUT / "CONTRIBUTING.md", *sorted((CHECKOUT / "docs").rglob("*.md"))]
TEXTS = [path for kind in ("toml", "html", "js") for path in sorted((CHECKOUT / "src").rglob(f"*.{kind}"))]

# Words of a name that the field has another word for.
COINED = {
    *("wish", "wishes", "flight", "flights", "board", "landing", "deed", "deeds", "door", "doors", "lane", "lanes"),
    *("spoken", "said", "told", "standing", "pati" + "ence", "men" + "d", "men" + "ds", "be" + "fell"),
    *("keeping", "flying", "asking", "given", "trail", "renewal", "renewals", "renewable"),
}
# Words of a text that make a reader look twice, put together so that this file does not hold them.
_HALVES = [
    *(("who", "ever"), ("no", "body"), ("some", "body"), ("be", "fell"), ("men", "ds?"), ("pati", "ence")),
    *(("is ", "none"), ("is ", "no"), ("open ", "renewals?")),
]
CONTRIVED = re.compile("|".join(rf"\b(?i:{first[0]}){first[1:]}{second}\b" for first, second in _HALVES))
SYSTEM_USER = "no" + "body"  # PostgreSQL's tests run as this user
NOUNS = {"logging", "testing", "polling", "batching", "keyring", "embedded", "seed", "parsing"}


TERMS = re.compile(r"single_?flight|in_?flight", re.IGNORECASE)  # established terms that hold a coined word


def words(name):
    return {word.lower() for word in re.findall(r"[A-Z]?[a-z]+|[A-Z]+(?![a-z])", TERMS.sub("", name))}


def names(tree):
    """Yield each class, function and argument of a module with its line."""
    for node in ast.walk(tree):
        if isinstance(node, ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef) and not node.name.startswith(
            "test_"
        ):
            yield node.lineno, node.name
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda):
            arguments = node.args
            more = [found for found in (arguments.vararg, arguments.kwarg) if found]
            for argument in [*arguments.posonlyargs, *arguments.args, *arguments.kwonlyargs, *more]:
                yield node.lineno, argument.arg


def texts(path):
    """Yield each string and each comment of a module with its line."""
    source = path.read_text()
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Constant) and isinstance(node.value, str):
            yield node.lineno, node.value
    for token in tokenize.generate_tokens(io.StringIO(source).readline):
        if token.type == tokenize.COMMENT:
            yield token.start[0], token.string


def place(path, line):
    return f"{path.relative_to(CHECKOUT)}:{line}"


def test_names_are_words_of_the_field():
    found = [f"{path.relative_to(CHECKOUT)}" for path in PROGRAMS if words(path.stem) & COINED]
    for path in PROGRAMS:
        found += [
            f"{place(path, line)}: {name}" for line, name in names(ast.parse(path.read_text())) if words(name) & COINED
        ]
    assert found == []


def test_no_module_is_named_by_a_participle():
    found = [path for path in SOURCES if re.search(r"(ing|ed)$", path.stem) and path.stem not in NOUNS]
    assert found == []


def test_texts_of_programs_are_plain_english():
    found = []
    for path in PROGRAMS:
        for line, text in texts(path):
            if text == SYSTEM_USER:
                continue
            found += [f"{place(path, line)}: {match[0]}" for match in CONTRIVED.finditer(text)]
    assert found == []


def test_pages_are_plain_english():
    found = []
    for path in [*PAGES, *TEXTS]:
        for line, text in enumerate(path.read_text().splitlines(), 1):
            found += [f"{place(path, line)}: {match[0]}" for match in CONTRIVED.finditer(text)]
    assert found == []


def imports():
    """Return the modules that each module imports, for types too."""
    modules = {}
    for path in SOURCES:
        name = ".".join(path.relative_to(CHECKOUT / "src").with_suffix("").parts).removesuffix(".__init__")
        modules[name] = ast.parse(path.read_text())
    graph = {}
    for name, tree in modules.items():
        found = set()
        for node in ast.walk(tree):
            if isinstance(node, ast.Import):
                found |= {alias.name for alias in node.names}
            elif isinstance(node, ast.ImportFrom) and node.module:
                submodules = {f"{node.module}.{alias.name}" for alias in node.names}
                found |= {one for one in submodules if one in modules} or {node.module}
        graph[name] = (found & modules.keys()) - {name}
    return graph


def test_no_import_cycle_also_under_type_checking():
    graph = imports()
    assert len(graph) > 100
    while True:  # a module that imports nothing of what is left is in no cycle
        leaves = {name for name, imported in graph.items() if not imported & graph.keys()}
        if not leaves:
            break
        for name in leaves:
            del graph[name]
    while True:  # and neither is one that nothing of what is left imports
        roots = graph.keys() - {one for imported in graph.values() for one in imported}
        if not roots:
            break
        for name in roots:
            del graph[name]
    assert sorted(graph) == []


@pytest.mark.parametrize("page", ["CONTRIBUTING.md", "docs/architecture.md"])
def test_every_path_that_a_page_names_is_there(page):
    """A path stands in backquotes and has a slash or ends in .py; it is relative to the checkout or to the package."""
    text = re.sub(r"```.*?```", "", (CHECKOUT / page).read_text(), flags=re.DOTALL)
    named = re.findall(r"`((?:\.ci|[a-z][\w.-]*)/[\w./-]*)`", text)
    assert len(named) > 20
    assert [
        one for one in named if not (CHECKOUT / one).exists() and not (CHECKOUT / "src/traktauth" / one).exists()
    ] == []


def test_every_file_of_the_checkout_that_a_page_names_is_there():
    """Other pages name files of users, too; those of the checkout begin with one of its folders."""
    folders = "benchmarks|docs|examples|fidelity|scripts|soak|src|tests"
    missing, count = [], 0
    for page in PAGES:
        text = re.sub(r"```.*?```", "", page.read_text(), flags=re.DOTALL)
        for one in re.findall(rf"`((?:{folders})/[\w./-]*)`", text):
            count += 1
            if not (CHECKOUT / one).exists() and not (CHECKOUT / "src/traktauth" / one).exists():
                missing.append(f"{page.relative_to(CHECKOUT)}: {one}")
    assert count > 50
    assert missing == []
