"""Servicers and what stands between the wire and the engine; no SQL here."""
