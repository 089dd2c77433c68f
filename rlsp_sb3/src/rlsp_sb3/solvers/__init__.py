"""Solvers: what finds the policy for the current reward."""
