"""The wire: a process that speaks gRPC, so that the engine's interpreter need not."""
