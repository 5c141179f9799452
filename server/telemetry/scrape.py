"""The metrics of a running server, read back as numbers."""

from __future__ import annotations

import http.client
import urllib.error
import urllib.request
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TypeAlias

from prometheus_client.parser import text_string_to_metric_families

from matcher.domain.errors import InvalidValueError, UnavailableError

_ACCEPTED = "http://HOST:PORT, where a server's metrics_listen is"

Labels: TypeAlias = frozenset[tuple[str, str]]


@dataclass(frozen=True, slots=True)
class Scrape:
    """What a server told, and when: seconds of the clock that the reader goes by."""

    at_s: float
    samples: Mapping[str, Mapping[Labels, float]]

    def total(self, name: str, **labels: str) -> float | None:
        """Return the sum over all series with some labels; ``None`` without any."""
        asked = labels.items()
        found = [
            value
            for each, value in self.samples.get(name, {}).items()
            if asked <= dict(each).items()
        ]
        return sum(found) if found else None

    def by(self, label: str, name: str, **labels: str) -> dict[str, float]:
        """Return the sums over all series with some labels, by another label."""
        found: dict[str, float] = {}
        for each, value in self.samples.get(name, {}).items():
            own = dict(each)
            if labels.items() <= own.items() and label in own:
                found[own[label]] = found.get(own[label], 0.0) + value
        return found


def read_scrape(url: str, at_s: float, timeout_s: float = 10.0) -> Scrape:
    """
    Read the metrics of a server.

    Parameters
    ----------
    url
        ``http://HOST:PORT``.
    at_s
        The instant that it is read at.
    timeout_s
        How long to wait for an answer.

    Raises
    ------
    InvalidValueError
        If there are other metrics at the address, or it is none.
    UnavailableError
        If nobody answers.
    """
    if not url.startswith("http://"):
        raise InvalidValueError("metrics", url, _ACCEPTED)
    try:
        # Of the scheme that was just looked at.
        with urllib.request.urlopen(  # noqa: S310
            f"{url.rstrip('/')}/metrics", timeout=timeout_s
        ) as answer:
            text = answer.read().decode()
    except (urllib.error.HTTPError, http.client.InvalidURL, UnicodeDecodeError):
        raise InvalidValueError("metrics", url, _ACCEPTED) from None
    except (OSError, http.client.HTTPException) as error:
        reason = getattr(error, "reason", error)
        raise UnavailableError(f"no metrics at {url}: {reason}") from error
    return _parsed(text, url, at_s)


def _parsed(text: str, url: str, at_s: float) -> Scrape:
    samples: dict[str, dict[Labels, float]] = {}
    try:
        for family in text_string_to_metric_families(text):
            for sample in family.samples:
                labels = frozenset(sample.labels.items())
                samples.setdefault(sample.name, {})[labels] = sample.value
    except ValueError:
        samples = {}
    if "nearturn_build_info" not in samples:
        raise InvalidValueError("metrics", url, _ACCEPTED)
    return Scrape(at_s, samples)
