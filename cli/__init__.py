"""The ``csanmt`` command: one entry point, one module a group of commands."""
