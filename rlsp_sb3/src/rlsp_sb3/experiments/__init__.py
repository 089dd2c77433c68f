"""The papers' experiments: configurations, jobs that can be killed at any moment, and tables."""
