"""The command ``rlsp``: one module for each of its subcommands."""
