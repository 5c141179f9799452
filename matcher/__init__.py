"""The matching engine, a library: no gRPC, no SQL, no clock, no environment."""
