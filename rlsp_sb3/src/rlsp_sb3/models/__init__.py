"""Neural networks, their normalization and their training."""
