"""Episodes and transitions: collected, and read from and written to files."""
