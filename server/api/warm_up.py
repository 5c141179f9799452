"""What the first calls would wait for, done before there are any."""

from __future__ import annotations

from google.protobuf.message_factory import GetMessageClass

from matcher.explain.message_catalogue import SHIPPED, MessageCatalogue
from server.api.registration import services
from server.api.validation import violations


def warm_up_calls() -> None:
    """Compile the rules of every request, and load the texts for people."""
    for service in services():
        for method in service.methods:
            violations(GetMessageClass(method.input_type)())
    shipped = MessageCatalogue.of(None)
    for locale in SHIPPED:
        shipped.parts(shipped.locale(locale))
