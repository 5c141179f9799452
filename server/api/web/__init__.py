"""The browser's door: Connect, gRPC-Web and JSON for the handlers of gRPC's calls."""
