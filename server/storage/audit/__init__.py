"""What must hold between the rows of a store; reads, and imports storage only."""
