"""Helpers that know nothing of reward learning."""
