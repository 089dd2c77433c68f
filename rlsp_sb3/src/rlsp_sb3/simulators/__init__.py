"""Simulators: many transitions at once, from the states that observations show."""
