"""What a caller of nearturn imports: the stubs and a thin, typed client."""

from nearturn.client import Client, channel_options, error_details, request_id
from nearturn.columnar_plan import ColumnarPlan, PlanTerms
from nearturn.credentials import secure
from nearturn.pages import each_item, each_item_async
from nearturn.retry import RetryRules
from nearturn.row_import import ImportResult, RejectedRow

__all__ = [
    "Client",
    "ColumnarPlan",
    "ImportResult",
    "PlanTerms",
    "RejectedRow",
    "RetryRules",
    "channel_options",
    "each_item",
    "each_item_async",
    "error_details",
    "request_id",
    "secure",
]
