"""A gRPC server that does nothing: the most that a server in Python can answer."""

from __future__ import annotations

import asyncio
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import grpc
import grpc.aio

METHOD = "/benchmark.Echo/Call"


@contextmanager
def echo_server(answer_bytes: int) -> Iterator[str]:
    """Run one in a process of its own, with answers of a size; give its address."""
    command = [sys.executable, "-m", "benchmarks.echo_server", str(answer_bytes)]
    with subprocess.Popen(command, stdout=subprocess.PIPE) as process:  # noqa: S603
        assert process.stdout is not None
        try:
            yield f"127.0.0.1:{int(process.stdout.readline())}"
        finally:
            process.kill()


async def _serve(answer_bytes: int) -> None:
    answer = bytes(answer_bytes)

    async def call(_: bytes, __: Any) -> bytes:
        return answer

    server = grpc.aio.server(options=(("grpc.so_reuseport", 0),))
    service, _, name = METHOD.strip("/").partition("/")
    handler: grpc.RpcMethodHandler[bytes, bytes]
    handler = grpc.unary_unary_rpc_method_handler(call)
    server.add_generic_rpc_handlers(
        (grpc.method_handlers_generic_handler(service, {name: handler}),)
    )
    port = server.add_insecure_port("127.0.0.1:0")
    await server.start()
    # How the process that started it learns it.
    print(port, flush=True)
    await server.wait_for_termination()


if __name__ == "__main__":
    asyncio.run(_serve(int(sys.argv[1])))
