"""The table of the gridworlds."""
