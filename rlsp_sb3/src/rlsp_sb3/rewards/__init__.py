"""Reward functions, their priors, and environments and replay buffers that use them."""
