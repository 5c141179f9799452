"""The gRPC server, its store and its command line, around the engine."""
