"""What a caller of nearturn imports: the stubs and a thin, typed client."""

from nearturn.client import Client, channel_options, error_details, request_id

__all__ = ["Client", "channel_options", "error_details", "request_id"]
