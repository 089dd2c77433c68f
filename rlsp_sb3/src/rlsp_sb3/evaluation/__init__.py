"""Evaluation: returns of policies, distances of rewards, statistics over seeds."""
