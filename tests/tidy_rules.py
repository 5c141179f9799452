"""The rules that test_tidy.py holds the source to; each lists what breaks it."""

from __future__ import annotations

import ast
import os
import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache, cached_property
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
PACKAGES = ("matcher", "server", "nearturn")
GENERATED = (Path("nearturn/v1"), Path("nearturn/buf"))

MODULE_LINES_MAX = 500
FUNCTION_LINES_MAX = 70
KERNEL_LINES_MAX = 100
PARAMETERS_MAX = 8
KERNEL_PARAMETERS_MAX = 12

# Of the standard library, what holds no state and numba understands.
KERNEL_IMPORTS = {"__future__", "heapq", "math", "numba", "numpy", "typing"}
FORBIDDEN_MODULES = {"utils", "util", "helpers", "helper", "core", "misc", "common"}
JIT_DECORATORS = {"njit", "jit", "vectorize", "guvectorize", "cfunc"}

# What connects, reads the environment or the clock, or starts something.
WORK = re.compile(
    r"""
    (?: ^ (?: open | print | input | __import__ ) $
      | ^ time\. (?!struct_time)
      | ^ os\. (?: environ | getenv | getcwd | system | urandom )
      | ^ (?: subprocess | socket | sqlite3 | threading | random | secrets | uuid )\.
      | ^ (?: Thread | Lock | ThreadPoolExecutor | ProcessPoolExecutor ) $
      | ^ concurrent\.futures\.
      | ^ asyncio\. (?: run | new_event_loop | get_event_loop | create_task )
      | ^ (?: np | numpy )\.random\.
      | ^ (?: grpc | grpc\.aio )\. (?: server | insecure_channel | secure_channel )
      | ^ logging\. (?: basicConfig | config )
      | ^ structlog\.configure
      | (?: ^ | \. ) (?: create_engine | connect | Settings ) $
      | \. (?: now | utcnow | today | read_text | read_bytes | write_text | mkdir
             | warm_up | run | start ) $
    )
    """,
    re.VERBOSE,
)

# This file is not searched for them.
_NAKED_NOTE = re.compile(r"\b(?:TODO|FIXME|XXX|HACK)\b(?! ?\(#\d+\))")
_MACHINE_PATH = re.compile(r"(?<![\w.~*$}-])/(?:home|root|Users|work|tmp|mnt)/\w")
_REGISTRY = re.compile(
    r"pypi\.org|pythonhosted\.org|registry\.npmjs\.org|proxy\.golang\.org"
    r"|--(?:extra-)?index-url[ =]|--find-links[ =]"
)

Function = ast.FunctionDef | ast.AsyncFunctionDef


@dataclass(frozen=True)
class Source:
    """One Python file, by its path inside the repository."""

    path: Path
    text: str

    @cached_property
    def tree(self) -> ast.Module:
        """Return the parsed file."""
        return ast.parse(self.text, str(self.path))

    @property
    def is_kernel(self) -> bool:
        """Say whether the file holds kernels."""
        return self.path.stem.endswith("_kernel") and not self.is_test

    @property
    def is_test(self) -> bool:
        """Say whether the file holds tests."""
        return self.path.name.startswith("test_")

    def functions(self) -> Iterator[Function]:
        """Yield all functions and methods, nested ones included."""
        for node in ast.walk(self.tree):
            if isinstance(node, Function):
                yield node

    def at(self, node: ast.stmt | ast.expr, message: str) -> str:
        """Return a finding as an editor can jump to it."""
        return f"{self.path}:{node.lineno}: {message}"


@cache
def files() -> tuple[Path, ...]:
    """Return the files of the checkout but for products, relative, sorted."""
    found: list[Path] = []
    for folder, folders, names in os.walk(ROOT):
        folders[:] = filter(_is_ours, folders)
        found += (Path(folder, name).relative_to(ROOT) for name in names)
    return tuple(sorted(path for path in found if _is_ours(path.name)))


def _is_ours(name: str) -> bool:
    if name in {".ci", ".gitignore", ".pre-commit-config.yaml"}:
        return True
    return not (
        name.startswith(".")
        or name in {"__pycache__", "build", "dist", "demo-out", "node_modules"}
        or name.endswith((".pyc", ".nbi", ".nbc", ".egg-info"))
    )


def is_generated(path: Path) -> bool:
    """Say whether a file is made by `make proto`."""
    return any(path.is_relative_to(folder) for folder in GENERATED)


@cache
def sources() -> tuple[Source, ...]:
    """Return all Python files that people write."""
    return tuple(
        Source(path, (ROOT / path).read_text(encoding="utf-8"))
        for path in files()
        if path.suffix == ".py" and not is_generated(path)
    )


@cache
def texts() -> tuple[Source, ...]:
    """Return all text files that people write, this one and the licence aside."""
    found = []
    for path in files():
        if is_generated(path) or path.name in {"LICENSE", Path(__file__).name}:
            continue
        try:
            found.append(Source(path, (ROOT / path).read_text(encoding="utf-8")))
        except UnicodeDecodeError:
            continue  # a picture or an archive
    return tuple(found)


def in_packages(source: Source) -> bool:
    """Say whether a file is part of what we ship."""
    return source.path.parts[0] in PACKAGES


# --- Sizes --------------------------------------------------------------------


def long_modules(source: Source) -> list[str]:
    """List a module that is longer than its limit."""
    count = source.text.count("\n")
    if count <= MODULE_LINES_MAX:
        return []
    return [f"{source.path}: {count} lines, at most {MODULE_LINES_MAX}"]


def long_functions(source: Source) -> list[str]:
    """List functions whose bodies, docstrings aside, are longer than their limit."""
    limit = KERNEL_LINES_MAX if source.is_kernel else FUNCTION_LINES_MAX
    return [
        source.at(node, f"{node.name} has {_body_lines(node)} lines, at most {limit}")
        for node in source.functions()
        if _body_lines(node) > limit
    ]


def many_parameters(source: Source) -> list[str]:
    """List functions that take more parameters than their limit."""
    limit = KERNEL_PARAMETERS_MAX if source.is_kernel else PARAMETERS_MAX
    return [
        source.at(node, f"{node.name} takes {_parameters(node)}, at most {limit}")
        for node in source.functions()
        if _parameters(node) > limit and not _is_command(source, node)
    ]


def _body_lines(node: Function) -> int:
    body = node.body[1:] if ast.get_docstring(node) else node.body
    return (node.end_lineno or 0) - body[0].lineno + 1 if body else 0


def _parameters(node: Function) -> int:
    names = [*node.args.posonlyargs, *node.args.args, *node.args.kwonlyargs]
    return sum(name.arg not in {"self", "cls"} for name in names)


def _is_command(source: Source, node: Function) -> bool:
    # The parameters of a command are its flags, which typer reads off the function:
    # one that is marked, or the one that a module of commands is named after.
    if source.path.name == f"{node.name}_command.py":
        return True
    return any(
        isinstance(mark, ast.Call)
        and isinstance(mark.func, ast.Attribute)
        and mark.func.attr in {"command", "callback"}
        for mark in node.decorator_list
    )


# --- Kernels ------------------------------------------------------------------


def kernel_imports(source: Source) -> list[str]:
    """List what a kernel module imports beyond arrays and the compiler."""
    if not source.is_kernel:
        return []
    return [
        source.at(node, f"a kernel module imports {name}")
        for node in ast.walk(source.tree)
        for name in _imported(node)
        if name.split(".")[0] not in KERNEL_IMPORTS
    ]


def kernel_marks(source: Source) -> list[str]:
    """List kernels outside kernel modules, or compiled otherwise than agreed."""
    found = []
    for node in source.functions():
        for mark in node.decorator_list:
            name = _dotted(mark.func if isinstance(mark, ast.Call) else mark)
            if name.rpartition(".")[2] not in JIT_DECORATORS or source.is_test:
                continue
            if not source.is_kernel:
                found.append(source.at(node, f"kernel {node.name} outside *_kernel.py"))
            if not _compiled_as_agreed(mark):
                found.append(
                    source.at(node, f"{node.name}: only @njit(cache=True, nogil=True)")
                )
    return found


def _compiled_as_agreed(mark: ast.expr) -> bool:
    if not isinstance(mark, ast.Call) or not _dotted(mark.func).endswith("njit"):
        return False
    options = {word.arg: ast.unparse(word.value) for word in mark.keywords}
    inline = options.pop("inline", "'always'")  # allowed: it changes no result
    return options == {"cache": "True", "nogil": "True"} and inline == "'always'"


# --- Modules ------------------------------------------------------------------


def forbidden_names(source: Source) -> list[str]:
    """List modules whose name says nothing of what they own."""
    if source.path.stem in FORBIDDEN_MODULES:
        return [f"{source.path}: name the noun that it owns"]
    return []


def silent_packages(source: Source) -> list[str]:
    """List packages of ours that do not say what they own."""
    if source.path.name != "__init__.py" or not in_packages(source):
        return []
    if len(ast.get_docstring(source.tree) or "") < len("Owns it."):
        return [f"{source.path}: its docstring says what the package owns"]
    return []


def work_at_import(source: Source) -> list[str]:
    """List calls that importing the module would make, defaults included."""
    if not in_packages(source) or "migrations" in source.path.parts:
        return []  # Alembic runs migrations by importing them
    return [
        source.at(node, f"work at import: {name}")
        for node in _run_at_import(source.tree)
        if WORK.search(name := _touched(node))
    ]


def _run_at_import(node: ast.AST) -> Iterator[ast.AST]:
    yield node
    if isinstance(node, Function):
        children: list[ast.AST] = [*node.decorator_list, *node.args.defaults]
        children += [default for default in node.args.kw_defaults if default]
    elif isinstance(node, ast.Lambda) or _is_main_guard(node):
        children = []
    else:
        children = list(ast.iter_child_nodes(node))
    for child in children:
        yield from _run_at_import(child)


def _is_main_guard(node: ast.AST) -> bool:
    return isinstance(node, ast.If) and "__name__" in ast.unparse(node.test)


def _touched(node: ast.AST) -> str:
    if isinstance(node, ast.Call):
        return _dotted(node.func)
    if isinstance(node, ast.Attribute) and _dotted(node) == "os.environ":
        return "os.environ"
    return ""


# --- Tests --------------------------------------------------------------------


def unexplained_skips(source: Source) -> list[str]:
    """List tests that are left out without a reason."""
    found = []
    for node in ast.walk(source.tree):
        if isinstance(node, Function):
            found += [
                source.at(mark, "a skip gives its reason")
                for mark in node.decorator_list
                if re.fullmatch(r"pytest\.mark\.(skip|skipif|xfail)", _dotted(mark))
            ]
        if isinstance(node, ast.Call) and _skips_silently(node):
            found.append(source.at(node, "a skip gives its reason"))
    return found


def _skips_silently(node: ast.Call) -> bool:
    name = _dotted(node.func)
    words = {word.arg for word in node.keywords}
    if re.fullmatch(r"pytest\.mark\.(skip|skipif|xfail)|pytest\.importorskip", name):
        return "reason" not in words
    return name == "pytest.skip" and not (node.args or "reason" in words)


def unexplained_tests(source: Source) -> list[str]:
    """List tests that do not say what they prove."""
    if not source.is_test:
        return []
    return [
        source.at(node, f"{node.name} says in its docstring what it proves")
        for node in source.functions()
        if node.name.startswith("test_") and not ast.get_docstring(node)
    ]


# --- Text ---------------------------------------------------------------------


def naked_notes(source: Source) -> list[str]:
    """List notes to ourselves that name no issue."""
    return _lines(source, _NAKED_NOTE, "a note without its issue, as in (#12)")


def machine_paths(source: Source) -> list[str]:
    """List paths that only one machine has."""
    return _lines(source, _MACHINE_PATH, "a path of one machine")


def registry_hosts(source: Source) -> list[str]:
    """List package registries by name: which to use is the machine's business."""
    return _lines(source, _REGISTRY, "a registry's address")


def _lines(source: Source, pattern: re.Pattern[str], message: str) -> list[str]:
    if not pattern.search(source.text):
        return []
    return [
        f"{source.path}:{number}: {message}: {match.group()}"
        for number, line in enumerate(source.text.splitlines(), 1)
        for match in pattern.finditer(line)
    ]


# --- Syntax -------------------------------------------------------------------


def _imported(node: ast.AST) -> list[str]:
    if isinstance(node, ast.Import):
        return [alias.name for alias in node.names]
    if isinstance(node, ast.ImportFrom):
        return [node.module or "."]
    return []


def _dotted(node: ast.expr) -> str:
    if isinstance(node, ast.Attribute):
        return f"{_dotted(node.value)}.{node.attr}"
    return node.id if isinstance(node, ast.Name) else ""
