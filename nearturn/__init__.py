"""What a caller of nearturn imports: the stubs and a thin, typed client."""
