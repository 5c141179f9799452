"""Record batches between wire and engine, checked by column; knows stubs and Arrow."""
