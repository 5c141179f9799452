"""A caller of the browser's door, in each of the ways that it speaks."""

from __future__ import annotations

from collections.abc import AsyncGenerator, AsyncIterator, Iterable, Mapping
from dataclasses import dataclass
from types import TracebackType
from typing import Any, Self

import trustme
from connectrpc.client import ConnectClient
from connectrpc.codec import Codec
from connectrpc.errors import ConnectError
from connectrpc.method import IdempotencyLevel, MethodInfo, StreamType
from connectrpc.protocol import ProtocolType
from google.protobuf import json_format
from google.protobuf.any_pb2 import Any as Packed
from google.protobuf.descriptor import MethodDescriptor
from google.protobuf.message import DecodeError
from google.protobuf.message_factory import GetMessageClass
from google.rpc import code_pb2, status_pb2
from pyqwest import Client, HTTPTransport

from server.api.registration import services

#: By name: the protocol, and whether its messages are JSON.
WAYS = {
    "connect": (ProtocolType.CONNECT, False),
    "connect_json": (ProtocolType.CONNECT, True),
    "grpc_web": (ProtocolType.GRPC_WEB, False),
    "grpc_web_json": (ProtocolType.GRPC_WEB, True),
}


class WebRefusedError(Exception):
    """What a call was refused with, as gRPC would say it."""

    def __init__(self, error: ConnectError) -> None:
        super().__init__(error.message)
        self.status = status_pb2.Status(
            code=_number(error),
            message=error.message,
            details=[
                Packed(
                    type_url=f"type.googleapis.com/{each.type_name}",
                    value=each.message_bytes,
                )
                for each in error.details
            ],
        )


@dataclass(frozen=True)
class _AsIs(Codec[bytes, bytes]):
    # Bytes of the tests, which may be malformed.
    encoding: str

    def name(self) -> str:
        return self.encoding

    def encode(self, message: bytes) -> bytes:
        return message

    def decode(self, data: bytes | bytearray, message_class: type[bytes]) -> bytes:  # noqa: ARG002
        return bytes(data)


class WebCaller:
    """
    Carries encoded messages to a method and back by one way.

    Whatever the way, requests and answers are the bytes of protobuf; those that are
    none go as they are.

    Parameters
    ----------
    url
        Of the door.
    way
        A key of :data:`WAYS`.
    ca
        In PEM, by whom the server's certificate has to be.
    client
        A certificate to show.
    """

    def __init__(
        self,
        url: str,
        way: str = "connect",
        *,
        ca: bytes | None = None,
        client: trustme.LeafCert | None = None,
    ) -> None:
        protocol, self._is_json = WAYS[way]
        self._http = HTTPTransport(
            tls_ca_cert=ca,
            tls_cert=client and client.cert_chain_pems[0].bytes(),
            tls_key=client and client.private_key_pem.bytes(),
            enable_otel=False,
        )
        self._client = ConnectClient(
            url,
            codec=_AsIs("json" if self._is_json else "proto"),
            protocol=protocol,
            send_compression=None,
            http_client=Client(self._http),
        )

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        await self._client.close()
        await self._http.aclose()

    async def unary(self, path: str, request: bytes, **options: Any) -> bytes:
        """Call a method with one answer; options are those of the library."""
        method = _METHODS[path]
        try:
            answer = await self._client.execute_unary(
                request=self._sent(method, request),
                method=_info(method, StreamType.UNARY),
                **options,
            )
        except ConnectError as error:
            raise WebRefusedError(error) from error
        return self._read(method, answer)

    async def stream(
        self, path: str, request: bytes, **options: Any
    ) -> AsyncIterator[bytes]:
        """Call a method with many answers."""
        method = _METHODS[path]
        try:
            async for answer in self._client.execute_server_stream(
                request=self._sent(method, request),
                method=_info(method, StreamType.SERVER_STREAM),
                **options,
            ):
                yield self._read(method, answer)
        except ConnectError as error:
            raise WebRefusedError(error) from error

    def bidi(
        self, path: str, requests: Iterable[bytes], **options: Any
    ) -> AsyncGenerator[bytes]:
        """Send all requests, and iterate over the answers."""

        async def each() -> AsyncIterator[bytes]:
            for request in requests:
                yield request

        return self.bidi_of(path, each(), **options)

    async def bidi_of(
        self, path: str, requests: AsyncIterator[bytes], **options: Any
    ) -> AsyncGenerator[bytes]:
        """Send requests as they come, and iterate over the answers."""
        method = _METHODS[path]

        async def sent() -> AsyncIterator[bytes]:
            async for request in requests:
                yield self._sent(method, request)

        try:
            async for answer in self._client.execute_bidi_stream(
                request=sent(),
                method=_info(method, StreamType.BIDI_STREAM),
                **options,
            ):
                yield self._read(method, answer)
        except ConnectError as error:
            raise WebRefusedError(error) from error

    def _sent(self, method: MethodDescriptor, request: bytes) -> bytes:
        if not self._is_json:
            return request
        try:
            message = GetMessageClass(method.input_type).FromString(request)
        except DecodeError:
            return request
        return json_format.MessageToJson(message).encode()

    def _read(self, method: MethodDescriptor, answer: bytes) -> bytes:
        if not self._is_json:
            return answer
        message = GetMessageClass(method.output_type)()
        return json_format.Parse(answer, message).SerializeToString()


_METHODS: Mapping[str, MethodDescriptor] = {
    f"/{service.full_name}/{method.name}": method
    for service in services()
    for method in service.methods
}


def _info(method: MethodDescriptor, kind: StreamType) -> MethodInfo[bytes, bytes]:
    return MethodInfo(
        name=method.name,
        service_name=method.containing_service.full_name,
        input=bytes,
        output=bytes,
        idempotency_level=IdempotencyLevel.UNKNOWN,
        stream_type=kind,
    )


def _number(error: ConnectError) -> int:
    name = error.code.name
    return code_pb2.Code.Value("CANCELLED" if name == "CANCELED" else name)
