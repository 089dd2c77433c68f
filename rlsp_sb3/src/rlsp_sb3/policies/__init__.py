"""Policies: loaded from files, imported, and trained for a true or an inferred reward."""
