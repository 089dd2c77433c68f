"""Deep RLSP (Lindner et al. 2021): the loop, simulated pasts, their weights and the gradient."""
