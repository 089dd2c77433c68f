"""Gridworlds for inferring rewards from the state that a person left behind.

Importing this package registers its environments with Gymnasium::

    import gymnasium as gym
    import rlsp_envs

    env = gym.make("RoomDefault-v0")
"""

from rlsp_envs.registration import register_envs

__version__ = "0.1.0"

__all__ = ["__version__", "register_envs"]

register_envs()
