"""Tables and documents on disk, in and out; imports matcher.domain, never stubs."""

from server.files.checkpoint import Checkpoint
from server.files.columns import Kind
from server.files.document import read_document
from server.files.mapping import TableMapping
from server.files.mapping_file import read_mapping
from server.files.message import to_message_dict
from server.files.reading import open_table, read_rows
from server.files.record import (
    NamedRow,
    Record,
    read_named,
    read_records,
    to_record,
)
from server.files.rejected import RejectedWriter, rejected_path
from server.files.row_columns import RowColumns, to_columns
from server.files.table import Row, Table
from server.files.writing import write_table

__all__ = [
    "Checkpoint",
    "Kind",
    "NamedRow",
    "Record",
    "RejectedWriter",
    "Row",
    "RowColumns",
    "Table",
    "TableMapping",
    "open_table",
    "read_document",
    "read_mapping",
    "read_named",
    "read_records",
    "read_rows",
    "rejected_path",
    "to_columns",
    "to_message_dict",
    "to_record",
    "write_table",
]
