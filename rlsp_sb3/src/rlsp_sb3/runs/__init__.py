"""Run folders: what ``rlsp learn`` writes, and how it is read."""
