"""Solvers, which find the policy for the current reward: SB3's algorithms or planning."""
