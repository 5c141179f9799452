"""Hold the source to the limits and habits that no linter knows."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Callable, Iterable
from pathlib import Path

import pytest

from tests import tidy_rules as rules
from tests.tidy_rules import ROOT, Source

Rule = Callable[[Source], list[str]]

CODE_RULES = (
    rules.long_modules,
    rules.long_functions,
    rules.many_parameters,
    rules.kernel_imports,
    rules.kernel_marks,
    rules.forbidden_names,
    rules.silent_packages,
    rules.work_at_import,
    rules.unexplained_skips,
    rules.unexplained_tests,
)
TEXT_RULES = (rules.naked_notes, rules.machine_paths, rules.registry_hosts)

# (path, rule, what is broken): each breaks its own rule and no other.
BROKEN = (
    ("matcher/a.py", rules.long_modules, "\n" * 501),
    ("matcher/a.py", rules.long_functions, "def f():\n" + "    x = 1\n" * 71),
    (
        "matcher/a_kernel.py",
        rules.long_functions,
        "def f():\n" + "    x = 1\n" * 101,
    ),
    ("matcher/a.py", rules.many_parameters, "def f(a, b, c, d, e, f, g, h, *, i): ..."),
    ("matcher/a_kernel.py", rules.kernel_imports, "from matcher.domain import ids"),
    ("matcher/a_kernel.py", rules.kernel_imports, "import scipy.sparse"),
    (
        "matcher/a.py",
        rules.kernel_marks,
        "@njit(cache=True, nogil=True)\ndef f(): ...",
    ),
    ("matcher/a_kernel.py", rules.kernel_marks, "@njit\ndef f(): ..."),
    ("matcher/a_kernel.py", rules.kernel_marks, "@njit(cache=True)\ndef f(): ..."),
    (
        "matcher/a_kernel.py",
        rules.kernel_marks,
        "@numba.njit(cache=True, nogil=True, fastmath=True)\ndef f(): ...",
    ),
    ("matcher/utils.py", rules.forbidden_names, ""),
    ("matcher/a/__init__.py", rules.silent_packages, "import os"),
    ("server/a.py", rules.work_at_import, "import time\nSTART = time.monotonic()"),
    ("server/a.py", rules.work_at_import, "HOME = os.environ['HOME']"),
    ("server/a.py", rules.work_at_import, "def f(engine=create_engine('')): ..."),
    ("server/a.py", rules.work_at_import, "class A:\n    lock = threading.Lock()"),
    ("tests/test_a.py", rules.unexplained_skips, "pytest.skip()"),
    ("tests/test_a.py", rules.unexplained_skips, "pytest.importorskip('ortools')"),
    (
        "tests/test_a.py",
        rules.unexplained_skips,
        "@pytest.mark.skip\ndef test_a():\n    'Say.'",
    ),
    ("tests/test_a.py", rules.unexplained_tests, "def test_a(): ..."),
    ("docs/a.md", rules.naked_notes, "# TO" + "DO: later"),
    ("docs/a.md", rules.machine_paths, "see /ho" + "me/me/notes"),
    ("docs/a.md", rules.registry_hosts, "from https://py" + "pi.org"),
)

# What is close to a fault and is none.
SOUND = (
    ("matcher/a.py", "def f():\n" + "    x = 1\n" * 70),
    ("matcher/a.py", "def f(self, a, b, c, d, e, f, g, h): ..."),
    ("server/a.py", "@app.command()\ndef f(a, b, c, d, e, f, g, h, i): ..."),
    ("matcher/a_kernel.py", "import numpy as np\nfrom numba import njit"),
    ("matcher/a_kernel.py", "@njit(cache=True, nogil=True)\ndef f(): ..."),
    ("server/a.py", "def f():\n    return time.monotonic() + os.environ['A']"),
    ("server/a.py", "if __name__ == '__main__':\n    subprocess.run([])"),
    ("tests/test_a.py", "@pytest.mark.skipif(True, reason='it')\ndef f(): ..."),
    ("docs/a.md", "TO" + "DO(#12): later; see https://example.org/home and ~/work"),
)


def _broken_by(found: Iterable[list[str]]) -> str:
    return "\n".join(line for lines in found for line in lines)


@pytest.mark.parametrize("rule", CODE_RULES, ids=lambda rule: rule.__name__)
def test_code_keeps_the_rules(rule: Rule) -> None:
    """No Python file of ours breaks a limit or habit of the style guide."""
    faults = _broken_by(map(rule, rules.sources()))
    assert not faults, faults


@pytest.mark.parametrize("rule", TEXT_RULES, ids=lambda rule: rule.__name__)
def test_text_keeps_the_rules(rule: Rule) -> None:
    """No file of ours, be it code or prose, is bound to one machine or moment."""
    faults = _broken_by(map(rule, rules.texts()))
    assert not faults, faults


@pytest.mark.parametrize(("path", "rule", "text"), BROKEN)
def test_each_rule_finds_its_fault(path: str, rule: Rule, text: str) -> None:
    """The rules bite: one past each limit, or the plainest breach, is reported once."""
    assert len(rule(Source(Path(path), text))) == 1


@pytest.mark.parametrize(("path", "text"), SOUND)
def test_rules_leave_sound_code_alone(path: str, text: str) -> None:
    """The rules do not cry wolf: exactly at each limit, nothing is reported."""
    source = Source(Path(path), text)
    applied = CODE_RULES + TEXT_RULES if path.endswith(".py") else TEXT_RULES
    assert not _broken_by(rule(source) for rule in applied)


def test_the_walk_sees_the_checkout() -> None:
    """The rules above read the real files: engine, server, tests, proto and this."""
    found = {str(path) for path in rules.files()}
    assert {
        "matcher/domain/errors.py",
        "server/main.py",
        "nearturn/v1/item_pb2.py",
        "proto/nearturn/v1/item.proto",
        "tests/test_tidy.py",
        ".ci/run",
        "Makefile",
    } <= found
    assert not any(".venv" in path or "__pycache__" in path for path in found)


def test_type_checker_knows_the_kernels() -> None:
    """The modules that mypy lets off their annotations are exactly the kernels."""
    config = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    let_off = next(
        override["module"]
        for override in config["tool"]["mypy"]["overrides"]
        if "disallow_untyped_defs" in override
    )
    kernels = [
        ".".join(source.path.with_suffix("").parts)
        for source in rules.sources()
        if source.is_kernel
    ]
    assert let_off == sorted(kernels)


def test_type_checker_sees_all_code() -> None:
    """Every folder of ours with Python in it, but tests and examples, is typed."""
    config = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    folders = {source.path.parts[0] for source in rules.sources()}
    assert set(config["tool"]["mypy"]["files"]) == folders - {"tests", "examples"}


def _targets() -> dict[str, str]:
    makefile = (ROOT / "Makefile").read_text(encoding="utf-8")
    lines = re.findall(r"^([a-z][a-z-]*):(?!=)(.*)$", makefile, re.MULTILINE)
    return dict(lines)


def test_make_targets_explain_themselves() -> None:
    """`make help` shows every target, and each is declared to be no file."""
    phony = re.search(
        r"^\.PHONY: (.*)$",
        (ROOT / "Makefile").read_text(encoding="utf-8"),
        re.MULTILINE,
    )
    assert phony is not None
    assert sorted(_targets()) == sorted(phony.group(1).split())
    silent = [name for name, rest in _targets().items() if "## " not in rest]
    assert not silent


def test_readme_names_every_make_target() -> None:
    """The README's code mentions each target as `make NAME`, and no other target."""
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    code = re.findall(r"```.*?```|`[^`\n]+`", readme, re.DOTALL)
    mentioned = set(re.findall(r"\bmake ([a-z][a-z-]*)", "\n".join(code)))
    assert mentioned == set(_targets())
