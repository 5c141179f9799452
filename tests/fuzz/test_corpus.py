"""Every input that was kept is answered as a caller may expect."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import grpc
import pytest

from tests.contract.api_target import all_methods
from tests.fuzz.fuzzed_life import FuzzedLife, read_life
from tests.fuzz.request import TEMPLATES, Request, request_of
from tests.fuzz.server_under_fuzz import ServerUnderFuzz

CORPUS = Path(__file__).with_name("corpus")
KEPT = sorted(CORPUS.iterdir())


@pytest.fixture
def server() -> Iterator[ServerUnderFuzz]:
    """Run a server of its own."""
    started = ServerUnderFuzz()
    yield started
    started.close()


def test_the_corpus_is_answered(server: ServerUnderFuzz) -> None:
    """One server gets it all, and most methods say yes to some of it."""
    met: Counter[tuple[str, grpc.StatusCode]] = Counter()
    for path in KEPT:
        request = request_of(path.read_bytes())
        met[request.method.full_name, server.answer(request)] += 1
    assert len({name for name, code in met if code == grpc.StatusCode.OK}) > 20
    assert len({name for name, code in met if code != grpc.StatusCode.OK}) > 30


def test_every_method_is_drawn() -> None:
    """None is out of reach of the bytes that draw it."""
    draws = (number.to_bytes(2, "little") for number in range(4_096))
    drawn = {request_of(draw).method.full_name for draw in draws}
    assert drawn == {each.full_name for each in all_methods()}


@pytest.mark.parametrize("template", TEMPLATES, ids=lambda each: each.DESCRIPTOR.name)
def test_a_template_passes_the_rules(template: object, server: ServerUnderFuzz) -> None:
    """Mutations start from what a careful caller would send."""
    (method,) = [m for m in all_methods() if m.input_type == template.DESCRIPTOR]  # type: ignore[attr-defined]
    payload = template.SerializeToString()  # type: ignore[attr-defined]
    assert server.answer(Request(method, payload)) != grpc.StatusCode.INVALID_ARGUMENT


def test_an_error_of_ours_fails(
    server: ServerUnderFuzz, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A handler that breaks is told to nobody but us."""

    def broken(*_: object) -> None:
        raise ZeroDivisionError

    monkeypatch.setattr("server.api.handler.check", broken)
    (method,) = [m for m in all_methods() if m.name == "UpsertDemand"]
    with pytest.raises(AssertionError, match="/UpsertDemand: code: 13"):
        server.answer(Request(method, b""))


def test_a_life_is_read_as_it_was_lived(tmp_path: Path) -> None:
    """What a server was asked is on disk before it answers."""
    life = FuzzedLife(tmp_path / "life")
    asked = [b"", b"\x01\x00", bytes(range(40))]
    for data in asked:
        life.live(request_of(data), data)
    assert list(read_life(tmp_path / "life")) == asked
    life.close()
