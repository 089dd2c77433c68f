"""Reward learners: base classes, callbacks, and the registry of those that are installed."""
