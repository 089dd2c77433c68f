"""Helpers of the tests: independent truths, small environments, and small tables."""
