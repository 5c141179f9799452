"""The JSON of a chunk's demands, written by the column."""

from __future__ import annotations

from typing import Any

import msgspec
import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from server.api.bulk.demand_batch import DemandBatch
from server.api.bulk.text_values import TextValues
from server.storage.written_demands import WrittenDemands

# What a text in JSON may not have as it is: controls, quotes and backslashes. The
# first are in no identifier.
_ESCAPED = r'["\\]'


def written_demands(batch: DemandBatch) -> WrittenDemands:
    """
    Return the command that stores the good rows of a chunk, with its texts.

    Notes
    -----
    The texts are those of the store's own codec, to the byte. Arrow joins them, and
    lets other threads run meanwhile; what has a form of its own in JSON, which is
    numbers with a fraction and texts with quotes, the codec's library writes.
    """
    batch = batch.good()
    demands = tuple(batch.demands())
    documents = _documents(batch)
    etags = ("",) * len(demands)
    whole = pa.ListArray.from_arrays(np.array([0, len(documents)], np.int32), documents)
    joined = pc.binary_join(whole, ",")[0].as_buffer()
    event = b"".join(
        (b'{"demands":[', joined, b'],"etags":', msgspec.json.encode(etags), b"}")
    )
    return WrittenDemands(demands, etags, documents, event)


def _documents(batch: DemandBatch) -> Any:
    return pc.binary_join_element_wise(
        '{"demand_id":',
        _texts(batch.demand_ids),
        ',"location":{"lat":',
        _numbers(batch.lat),
        ',"lng":',
        _numbers(batch.lng),
        '},"sku":',
        _texts(batch.skus),
        ',"category":',
        _texts(batch.categories),
        ',"quantity":',
        _integers(batch.quantity),
        ',"ship_by_us":',
        _integers(batch.ship_by_us),
        ',"min_condition":',
        _integers(batch.min_condition),
        ',"accepts_returned_item":',
        pc.if_else(pa.array(batch.accepts_returned_item), "true", "false"),
        ',"segment":',
        _texts(batch.segments),
        ',"priority":',
        _integers(batch.priority),
        "}",
        "",
    )


def _texts(texts: TextValues) -> Any:
    values = texts.values
    if pc.any(pc.match_substring_regex(values, _ESCAPED)).as_py():
        encoded = [msgspec.json.encode(each).decode() for each in values.to_pylist()]
        values = pa.array(encoded, pa.string())
    else:
        values = pc.binary_join_element_wise('"', values, '"', "")
    return TextValues(values, texts.index).array()


def _numbers(values: NDArray[np.float64]) -> Any:
    # All as one list, which is then taken apart again; none at all leaves one part.
    encoded = msgspec.json.encode(values.tolist())[1:-1]
    parts = pc.split_pattern(pa.array([encoded.decode()]), ",").flatten()
    return parts[: len(values)]


def _integers(values: NDArray[Any]) -> Any:
    return pa.array(values).cast(pa.string())
