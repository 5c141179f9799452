"""`make fuzz`: bytes chosen by the code that they reach, while one has time."""

from __future__ import annotations

import io
import logging
import sys
from contextlib import redirect_stderr
from pathlib import Path
from typing import Annotated

import atheris
import structlog
import typer

_ROOT = Path(__file__).resolve().parents[2]
# Compiled from their bytecode, which must be as it was written.
_KERNELS = [
    ".".join(path.relative_to(_ROOT).with_suffix("").parts)
    for path in _ROOT.glob("matcher/**/*_kernel.py")
]

with (
    redirect_stderr(io.StringIO()),
    atheris.instrument_imports(include=["matcher", "server"], exclude=_KERNELS),
):
    import server.api.registration
    import server.runtime.runtime  # noqa: F401

# Behind what they use, which has to be instrumented first.
from tests.fuzz.fuzzed_life import FuzzedLife, read_life  # noqa: E402
from tests.fuzz.request import request_of  # noqa: E402
from tests.fuzz.server_under_fuzz import ServerUnderFuzz  # noqa: E402

CORPUS = Path(__file__).with_name("corpus")
_HANG_S = 30
_MEMORY_MIB = 4_096


def main(
    minutes: Annotated[float, typer.Option(min=0.01, help="How long.")] = 10.0,
    seed: Annotated[int, typer.Option(min=1, help="Where chance begins.")] = 1,
    found: Annotated[
        Path, typer.Option(help="Where inputs that reach new code are put.")
    ] = Path(".fuzz"),
    life: Annotated[
        Path | None, typer.Option(help="Ask a server what another one was asked.")
    ] = None,
) -> None:
    """
    Call a server with requests that are hardly ever right, and see that it says so.

    A crash, a hang, and a status that no caller should see end the run. What that
    server was asked is then in the file `life` of FOUND: `--life FILE` does it again.
    """
    quiet = structlog.make_filtering_bound_logger(logging.CRITICAL)
    structlog.configure(wrapper_class=quiet)
    if life is not None:
        _repeat(life)
        return
    found.mkdir(parents=True, exist_ok=True)
    lives = FuzzedLife(found / "life")
    atheris.Setup(
        [
            *(sys.argv[0], str(found), str(CORPUS)),
            f"-max_total_time={round(minutes * 60)}",
            *(f"-seed={seed}", "-max_len=512", "-len_control=0"),
            *(f"-timeout={_HANG_S}", f"-rss_limit_mb={_MEMORY_MIB}"),
            *(f"-artifact_prefix={found}/", "-print_final_stats=1"),
        ],
        lambda data: lives.live(request_of(data), data),
    )
    atheris.Fuzz()


def _repeat(life: Path) -> None:
    server = ServerUnderFuzz()
    for data in read_life(life):
        request = request_of(data)
        typer.echo(f"{request.method.name} {server.answer(request).name}")
    server.close()


if __name__ == "__main__":
    typer.run(main)
