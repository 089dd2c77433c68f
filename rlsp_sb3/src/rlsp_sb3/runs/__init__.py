"""Run folders of ``rlsp learn``: written and read."""
