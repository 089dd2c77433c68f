"""Encoders: the features φ that a reward is linear in."""
