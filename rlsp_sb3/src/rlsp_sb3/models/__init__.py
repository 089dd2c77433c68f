"""Neural networks, normalization, and how they are trained."""
