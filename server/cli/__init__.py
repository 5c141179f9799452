"""The command line; each command is a module that imports what it needs when run."""

from server.cli.app import main

__all__ = ["main"]
