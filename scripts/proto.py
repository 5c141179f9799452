"""
Generate the committed stubs from ``proto/``; check that they are fresh; lint.

The compiler and its plugins come from the development lock, so every machine makes
the same bytes. The validation rules' own schema is on no package registry as a
file; its descriptor is part of the validator's distribution and is taken from there.
"""

from __future__ import annotations

import argparse
import filecmp
import os
import re
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

import grpc_tools
from google.protobuf import descriptor_pb2
from grpc_tools import protoc
from protovalidate._gen.buf.validate import validate_pb

ROOT = Path(__file__).resolve().parent.parent
SOURCES = ROOT / "proto"
STUBS = ROOT / "nearturn"
RULES = "buf/validate/validate.proto"

# No field has its types: they travel with errors. Callers need them all the same.
ERROR_DETAILS = "google/rpc/error_details.proto"

_HEADER = '"""Generated from the schema by `make proto`; not edited by hand."""\n'
_GENERATED = ("v1", "buf")
# The module's name in code; not the file's name inside a descriptor.
_RULES_MODULE = re.compile(r"(?<![\w./\"'])buf\.validate")


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command; return the exit code."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n\n")[0].strip())
    parser.add_argument(
        "--check", action="store_true", help="only compare; exit 1 if stubs are stale"
    )
    parser.add_argument("--lint", action="store_true", help="only lint the schema")
    parser.add_argument(
        "--image", type=Path, help="only write the compiled schema to this file"
    )
    options = parser.parse_args(arguments)
    if options.image:
        _write_image(options.image)
        return 0
    if options.lint:
        return _lint()
    with tempfile.TemporaryDirectory() as folder:
        made = _generate(Path(folder))
        stale = _differences(made)
        if options.check:
            for name in stale:
                print(f"stale: {name}; run `make proto`", file=sys.stderr)
            return 1 if stale else 0
        for name in stale:
            _update(made / name, STUBS / name)
    return 0


def _lint() -> int:
    # The linter reads the compiled image, so it has nothing to resolve or fetch.
    with tempfile.TemporaryDirectory() as folder:
        image = Path(folder) / "schema.binpb"
        _write_image(image)
        command = [
            str(Path(sys.executable).parent / "buf"),
            "lint",
            str(image),
            "--config",
            str(ROOT / "buf.yaml"),
        ]
        return subprocess.run(command, check=False).returncode  # noqa: S603 (ours)


def _write_image(path: Path) -> None:
    _compile(
        [*_ours(), ERROR_DETAILS],
        f"--descriptor_set_out={path}",
        "--include_imports",
        "--include_source_info",
    )


def _generate(folder: Path) -> Path:
    _compile(
        [*_ours(), RULES],
        f"--python_out={folder}",
        f"--grpc_python_out={folder}",
        f"--mypy_out=quiet:{folder}",
        f"--mypy_grpc_out=quiet:{folder}",
    )
    made = folder / "nearturn"
    # A top-level package "buf" of ours would stand in everybody else's way.
    (folder / "buf").rename(made / "buf")
    for path in sorted(made.rglob("*_pb2_grpc.py")):
        if "class " not in path.read_text():  # a schema file without services
            path.unlink()
            path.with_suffix(".pyi").unlink()
    for path in sorted(made.rglob("*_pb2*.py*")):
        text = _RULES_MODULE.sub("nearturn.buf.validate", path.read_text())
        path.write_text(text)
    for package in sorted({path.parent for path in made.rglob("*_pb2.py")}):
        (package / "__init__.py").write_text(_HEADER)
    (made / "buf" / "__init__.py").write_text(_HEADER)
    return made


def _compile(files: Sequence[str], *outputs: str) -> None:
    # The plugins stand beside the interpreter, which need not be on the path.
    bin_folder = str(Path(sys.executable).parent)
    os.environ["PATH"] = os.pathsep.join((bin_folder, os.environ.get("PATH", "")))
    with tempfile.TemporaryDirectory() as folder:
        rules = Path(folder) / "rules.binpb"
        rules.write_bytes(_rules().SerializeToString())
        command = [
            "protoc",
            f"--descriptor_set_in={rules}",
            f"-I{SOURCES}",
            f"-I{Path(descriptor_pb2.__file__).parents[2]}",
            f"-I{Path(grpc_tools.__file__).parent / '_proto'}",
            *outputs,
            *files,
        ]
        if protoc.main(command):
            raise SystemExit("the compiler refused the schema")


def _ours() -> list[str]:
    return sorted(str(path.relative_to(SOURCES)) for path in SOURCES.rglob("*.proto"))


def _rules() -> descriptor_pb2.FileDescriptorSet:
    described = descriptor_pb2.FileDescriptorSet()
    described.file.add().MergeFromString(validate_pb._DESC.proto.to_binary())  # noqa: SLF001
    return described


def _differences(made: Path) -> list[str]:
    now, then = _files(made), _files(STUBS)
    differing = {
        name
        for name in now & then
        if not filecmp.cmp(made / name, STUBS / name, shallow=False)
    }
    return sorted((now ^ then) | differing)


def _files(folder: Path) -> set[str]:
    return {
        str(path.relative_to(folder))
        for part in _GENERATED
        for path in (folder / part).rglob("*.py*")
        if "__pycache__" not in path.parts
    }


def _update(source: Path, target: Path) -> None:
    if source.exists():
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(source, target)
    else:
        target.unlink()
    print(f"{'wrote' if source.exists() else 'removed'} {target.relative_to(ROOT)}")


if __name__ == "__main__":
    raise SystemExit(main())
