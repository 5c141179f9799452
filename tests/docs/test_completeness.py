"""The documents name everything that there is."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import typer

from matcher.domain.reason import ReasonCode
from server.access.role import Role
from server.api.access_rules import role_of
from server.api.registration import services
from server.cli.app import app
from server.config import ENV_PREFIX, Settings

ROOT = Path(__file__).resolve().parents[2]
DOCS = ROOT / "docs"

_LINK = re.compile(r"\]\(([^)#\s]+)(?:#[^)]*)?\)")


def _documents() -> list[Path]:
    folders = [DOCS, ROOT / "examples"]
    found = [path for folder in folders for path in folder.rglob("*.md")]
    found = [path for path in found if "node_modules" not in path.parts]
    return sorted([*found, ROOT / "README.md", ROOT / "CHANGELOG.md"])


@pytest.mark.parametrize("code", [c for c in ReasonCode if c], ids=lambda c: c.name)
def test_every_reason_has_its_row(code: ReasonCode) -> None:
    """Support has a sentence for each code (R51): a row of the table starts with it."""
    rows = (DOCS / "REASONS.md").read_text().splitlines()
    (row,) = [row for row in rows if row.startswith(f"| `{code.name}` |")]
    cells = [cell.strip() for cell in row.strip("|").split("|")]
    assert len(cells) == 4
    assert all(cells), row


def test_every_method_is_documented() -> None:
    """docs/API.md names each service and method of the contract."""
    text = (DOCS / "API.md").read_text()
    missing = [
        name
        for service in services()
        for name in (service.name, *(f"`{m.name}`" for m in service.methods))
        if name not in text
    ]
    assert missing == []


@pytest.mark.parametrize("name", Settings.model_fields)
def test_every_setting_is_documented(name: str) -> None:
    """The table gives each setting's default and says what it is, word for word."""
    field = Settings.model_fields[name]
    text = (DOCS / "CONFIGURATION.md").read_text()
    (row,) = [r for r in text.splitlines() if r.startswith(f"| `{name}` |")]
    shown = '""' if field.default == "" else field.default
    shown = ",".join(shown) if isinstance(shown, tuple) else shown
    assert f"| `{shown}` |" in row
    assert field.description is not None
    assert field.description in row
    assert ENV_PREFIX in text


def test_every_command_is_documented() -> None:
    """docs/CLI.md names each command of the command line."""
    text = (DOCS / "CLI.md").read_text()
    names = [command.name for command in app.registered_commands]
    assert names
    for group in app.registered_groups:
        assert group.typer_instance is not None
        inner = group.typer_instance.registered_commands
        names += [
            f"{group.name} {each.name or each.callback.__name__}" for each in inner
        ]
    assert [name for name in names if f"`nearturn {name}" not in text] == []


def test_the_table_of_commands_is_the_command_line() -> None:
    """The first table of docs/CLI.md has one row for each command, and no other."""
    rows = re.findall(
        r"^\| `nearturn (\w+)` \|", (DOCS / "CLI.md").read_text(), re.MULTILINE
    )
    names = [command.name for command in app.registered_commands]
    assert sorted(rows) == sorted([*names, *(g.name for g in app.registered_groups)])


def test_the_server_is_named_by_one_flag() -> None:
    """Whatever help says HOST:PORT of the server is --server, in every command."""
    found = {
        command.name: [
            flag
            for param in command.params
            if "HOST:PORT of" in (getattr(param, "help", None) or "")
            for flag in param.opts
        ]
        for command in _commands(typer.main.get_command(app))
    }
    asking = {name for name, opts in found.items() if "--server" in opts}
    assert {"load", "report", "export", "erase", "verify", "explain"} <= asking
    assert [flags for flags in found.values() if flags not in ([], ["--server"])] == []


def test_a_span_of_time_has_one_pair_of_flags() -> None:
    """--since and --until, in every command that has either; nothing else begins."""
    flags = {
        command.name: {flag for param in command.params for flag in param.opts}
        for command in _commands(typer.main.get_command(app))
    }
    spans = {"--since", "--until"}
    assert {name for name, found in flags.items() if found & spans} == {
        "report",
        "simulate",
    }
    assert all(spans <= found for found in flags.values() if found & spans)
    others = {"--from", "--to", "--before", "--after", "--start", "--end"}
    assert {name for name, found in flags.items() if found & others} == set()


def _commands(command: Any) -> Iterator[Any]:
    yield command
    for each in getattr(command, "commands", {}).values():
        yield from _commands(each)


@pytest.mark.parametrize("path", _documents(), ids=lambda p: str(p.relative_to(ROOT)))
def test_links_lead_somewhere(path: Path) -> None:
    """A relative link of a document is a file of the repository."""
    targets = [t for t in _LINK.findall(path.read_text()) if "://" not in t]
    broken = [target for target in targets if not (path.parent / target).exists()]
    assert broken == []


def test_every_requirement_has_its_row() -> None:
    """docs/REQUIREMENTS.md says of R1 to R68 where each is met, or that it is not."""
    rows = (DOCS / "REQUIREMENTS.md").read_text().splitlines()
    found = [row.split("|")[1].strip() for row in rows if row.startswith("| R")]
    assert found == [f"R{number}" for number in range(1, 69)]


def test_demo_policy_is_the_example() -> None:
    """The policy that the demo carries is the one that people are shown."""
    shipped = (ROOT / "server" / "cli" / "demo-policy.json").read_text()
    assert shipped == (ROOT / "examples" / "policies" / "demo.json").read_text()


@pytest.mark.parametrize("role", Role, ids=lambda role: role.name)
def test_every_role_has_its_methods(role: Role) -> None:
    """docs/SECURITY.md says of each role which methods it may call, all of them."""
    rows = (DOCS / "SECURITY.md").read_text().splitlines()
    (row,) = [r for r in rows if r.startswith(f"| `{role.name.lower()}` |")]
    named = set(re.findall(r"`(\w+)`", row.split("|")[2]))
    assert named == {
        method.name
        for service in services()
        for method in service.methods
        if role_of(method) is role
    }
