"""Figures of inferred rewards and of runs."""
