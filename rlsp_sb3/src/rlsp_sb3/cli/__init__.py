"""The command ``rlsp``: one module for each of its subcommands."""

__all__: list[str] = []
