"""Policies that differ in one or two fields."""

from __future__ import annotations

import copy
import itertools
import json
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any

from google.protobuf.json_format import MessageToDict, ParseDict, ParseError

from matcher.domain.errors import InvalidValueError
from matcher.domain.policy import Policy
from nearturn.v1 import policy_pb2
from server.api.convert.policy import to_policy
from server.api.validation import check

#: Combinations that one sweep may have.
COMBINATION_COUNT_MAX = 400

_STEP = re.compile(r"(\w+)(?:\[([^\]]+)\])?")
_ALL = "*"
# Lists that a path may lead through: what names an entry, less a prefix.
_NAMED_BY = {
    "categories": ("category", ""),
    "match_limits": ("scope", "LIMIT_SCOPE_"),
    "guardrails": ("metric", "GUARDRAIL_METRIC_"),
}
_LISTS_ACCEPTED = (
    "categories[NAME] or categories[*], match_limits[DAY] or another scope of the "
    "policy, guardrails[LOST_SHARE] or another metric of it, match_limits[*] or "
    "guardrails[*]"
)
_ACCEPTED = "a field of Policy, such as rollout_basis_points or categories[*].radius_m"


def swept(
    base: policy_pb2.Policy, sweeps: Sequence[tuple[str, Sequence[str]]]
) -> Iterator[tuple[dict[str, str], Policy]]:
    """
    Yield a policy for every combination of some fields' values.

    Parameters
    ----------
    base
        What the others are made of.
    sweeps
        Path of a field as in the JSON form of a policy, and its values in JSON.

    Raises
    ------
    InvalidValueError
        If there are too many combinations, a path names no field, a value is no JSON,
        or a combination is no valid policy: with the combination and every fault.
    """
    count = 1
    for _, values in sweeps:
        count *= len(values)
    if count > COMBINATION_COUNT_MAX:
        raise InvalidValueError(
            "sweeps",
            f"{count:,} combinations",
            f"at most {COMBINATION_COUNT_MAX} in all",
        )
    document = MessageToDict(base, preserving_proto_field_name=True)
    paths = [path for path, _ in sweeps]
    for texts in itertools.product(*(values for _, values in sweeps)):
        changed = copy.deepcopy(document)
        for number, (path, text) in enumerate(zip(paths, texts, strict=True)):
            _set(changed, path, _parsed(number, text), f"sweeps[{number}].path")
        chosen = dict(zip(paths, texts, strict=True))
        yield chosen, _policy(changed, chosen)


def _policy(document: dict[str, Any], values: Mapping[str, str]) -> Policy:
    name = " and ".join(f"{path} = {text}" for path, text in values.items())
    message = policy_pb2.Policy()
    try:
        ParseDict(document, message)
    except ParseError as error:
        raise InvalidValueError("sweeps", name, f"a Policy: {error}") from error
    try:
        check(message)
        return to_policy(message)
    except InvalidValueError as error:
        raise type(error).of(
            [
                replace(each, field=f"sweeps ({name}): {each.field}")
                for each in error.violations
            ]
        ) from error


def _parsed(number: int, text: str) -> Any:
    try:
        return json.loads(text)
    except ValueError as error:
        raise InvalidValueError(
            f"sweeps[{number}].values",
            text,
            'a value in JSON, such as 25000 or "21600s"',
        ) from error


def _set(document: dict[str, Any], path: str, value: Any, field: str) -> None:
    # Every name is checked by the parser later; here a path only has to lead somewhere.
    places = [document]
    *steps, last = path.split(".")
    for step in steps:
        places = [
            found for place in places for found in _into(place, step, path, field)
        ]
    match = _STEP.fullmatch(last)
    if match is None or match[2] is not None:
        raise InvalidValueError(field, path, _ACCEPTED)
    for place in places:
        if value is None:
            place.pop(last, None)
        else:
            place[last] = value


def _into(
    place: dict[str, Any], step: str, path: str, field: str
) -> list[dict[str, Any]]:
    match = _STEP.fullmatch(step)
    if match is None:
        raise InvalidValueError(field, path, _ACCEPTED)
    name, key = match[1], match[2]
    if key is None:
        inner = place.setdefault(name, {})
        if not isinstance(inner, dict):
            raise InvalidValueError(field, path, _ACCEPTED)
        return [inner]
    rules = place.get(name, [])
    if name not in _NAMED_BY or not rules:
        raise InvalidValueError(field, path, _LISTS_ACCEPTED)
    named_by, prefix = _NAMED_BY[name]
    names = [str(rule.get(named_by)).removeprefix(prefix) for rule in rules]
    found = [
        rule
        for rule, its_name in zip(rules, names, strict=True)
        if key in (_ALL, its_name)
    ]
    if not found:
        known = ", ".join(sorted(set(names)))
        raise InvalidValueError(field, path, f"one of the {name}: {known}")
    return found
