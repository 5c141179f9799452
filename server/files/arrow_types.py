"""Columns of tables as Arrow's."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

import pyarrow as pa

from server.files.columns import ColumnType

#: Type of Arrow for each type of column.
ARROW_TYPES: Mapping[ColumnType, pa.DataType] = MappingProxyType(
    {
        ColumnType.TEXT: pa.string(),
        ColumnType.INT32: pa.int32(),
        ColumnType.INT64: pa.int64(),
        ColumnType.FLOAT: pa.float64(),
        ColumnType.BOOL: pa.bool_(),
        ColumnType.TIME: pa.timestamp("us", "UTC"),
        ColumnType.ENUM: pa.string(),
        ColumnType.TEXT_LIST: pa.list_(pa.string()),
    }
)
