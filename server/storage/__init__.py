"""The store: one interface, SQLAlchemy Core behind it; knows nothing of the API."""
