"""Domain values as JSON documents, and back."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Generic, TypeVar

import msgspec

from matcher.domain.decision import Decision
from matcher.domain.drop_off_point import DropOffPoint
from matcher.domain.errors import InvalidValueError
from matcher.domain.match import Match
from matcher.domain.program import Program, ProgramEvent
from matcher.domain.warehouse import ServiceArea, Warehouse
from matcher.engine.records import (
    DemandRecord,
    PolicyRecord,
    ReturnRecord,
    RoundRecord,
)
from matcher.engine.shadow_records import ShadowRecord
from server.storage.audit_entry import AuditEntry

T = TypeVar("T")


class StoredDocumentError(RuntimeError):
    """
    A stored document does not read as its domain type.

    Nobody's request is at fault: the file was changed by other means, or the
    domain grew a rule that older rows break and no migration took care of it.
    """


class DocumentCodec(Generic[T]):
    """
    Encoder and decoder of one domain type.

    A document is an object with every field by its name; enums are their numbers.
    Fields that a later version added take their defaults when an older document
    is read, and fields that it dropped are ignored. Reading runs the checks of the
    domain type. Safe to share between threads.

    Parameters
    ----------
    kind
        The domain type, a dataclass.
    """

    def __init__(self, kind: type[T]) -> None:
        self._kind = kind
        self._encoder = msgspec.json.Encoder()
        self._decoder = msgspec.json.Decoder(kind)

    def encode(self, value: T) -> str:
        """Return the value as one line of JSON."""
        return self._encoder.encode(value).decode()

    def encode_all(self, values: Iterable[T]) -> list[str]:
        """Return a line of JSON for each value, in less time than one by one."""
        # JSON has no line break inside: those of a text are escaped.
        return self._encoder.encode_lines(values).decode().split("\n")[:-1]

    def decode(self, document: str) -> T:
        """
        Return the value that was encoded.

        Raises
        ------
        StoredDocumentError
            If the document does not make a valid value of the type.
        """
        try:
            return self._decoder.decode(document)
        except (msgspec.DecodeError, InvalidValueError, AssertionError) as error:
            # The first field is the id; the ones behind it are somebody's data.
            start = document.partition(",")[0][:200]
            raise StoredDocumentError(
                f"stored {self._kind.__name__} {start}... does not read back: {error}"
            ) from error

    def decode_all(self, documents: Iterable[str]) -> list[T]:
        """Return the values of many documents, in their order."""
        return [self.decode(document) for document in documents]


DEMANDS = DocumentCodec(DemandRecord)
RETURNS = DocumentCodec(ReturnRecord)
MATCHES = DocumentCodec(Match)
DECISIONS = DocumentCodec(Decision)
POLICIES = DocumentCodec(PolicyRecord)
PROGRAMS = DocumentCodec(Program)
PROGRAM_EVENTS = DocumentCodec(ProgramEvent)
AUDIT_ENTRIES = DocumentCodec(AuditEntry)
WAREHOUSES = DocumentCodec(Warehouse)
SERVICE_AREAS = DocumentCodec(ServiceArea)
DROP_OFF_POINTS = DocumentCodec(DropOffPoint)
ROUNDS = DocumentCodec(RoundRecord)
SHADOWS = DocumentCodec(ShadowRecord)
