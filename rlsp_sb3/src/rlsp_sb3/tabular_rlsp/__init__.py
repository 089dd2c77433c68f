"""Exact RLSP (Shah et al. 2019): the learner and the likelihood of observed states."""
