"""Vector environment whose observations end with the skill of the episode."""

from __future__ import annotations

from typing import Any

import numpy as np
from gymnasium import spaces
from numpy.typing import NDArray
from stable_baselines3.common.vec_env import VecEnv, VecEnvWrapper
from stable_baselines3.common.vec_env.base_vec_env import VecEnvStepReturn

from rlsp_baselines.skills.coordinates import SkillTransitions
from rlsp_baselines.skills.skill_prior import SkillPrior


class SkillVecEnv(VecEnvWrapper):
    """Vector environment in which each episode has a skill, for a solver to learn skills in.

    Observations are those of the environment with the skill at their end. Rewards are 0: what a
    transition tells of its skill is found afterwards, from what :meth:`take_transitions` returns.

    Args:
        venv: The environment, whose observations are vectors.
        prior: The prior of skills.
        rng: Draws the skill of each episode.
    """

    def __init__(self, venv: VecEnv, prior: SkillPrior, rng: np.random.Generator) -> None:
        shown: Any = venv.observation_space
        edge = np.ones(prior.size, shown.dtype)
        low = np.zeros_like(edge) if prior.is_discrete else -edge
        space = spaces.Box(
            np.concatenate([shown.low, low]), np.concatenate([shown.high, edge]), dtype=shown.dtype
        )
        super().__init__(venv, observation_space=space)
        self._prior = prior
        self._rng = rng
        self._skills = prior.sample(self.num_envs, rng)
        self._observations: NDArray[Any] = np.empty(0)
        self._steps: list[SkillTransitions] = []

    def reset(self) -> NDArray[Any]:
        """Start an episode, with another skill, in each copy."""
        self._steps.clear()
        self._skills = self._prior.sample(self.num_envs, self._rng)
        self._observations = np.array(self.venv.reset())
        return with_skills(self._observations, self._skills)

    def step_wait(self) -> VecEnvStepReturn:
        """Return the transitions, with rewards of 0."""
        observations, rewards, dones, infos = self.venv.step_wait()
        observations = np.array(observations)
        reached, skills = observations.copy(), self._skills
        ended = np.flatnonzero(dones)
        for i in ended:
            reached[i] = infos[i]["terminal_observation"]
            infos[i]["terminal_observation"] = with_skills(reached[i], skills[i])
        self._steps.append(SkillTransitions(self._observations, reached, skills))
        self._observations = observations
        if len(ended):
            self._skills = skills.copy()
            self._skills[ended] = self._prior.sample(len(ended), self._rng)
        return with_skills(observations, self._skills), np.zeros_like(rewards), dones, infos

    def take_transitions(self) -> SkillTransitions:
        """The transitions (steps · copies, ...) since the last call, step after step."""
        steps = [np.concatenate(each) for each in zip(*self._steps, strict=True)]
        self._steps.clear()
        return SkillTransitions(*steps)


def with_skills(observations: NDArray[Any], skills: NDArray[np.float32]) -> NDArray[Any]:
    """Observations (..., D) with skills (..., size) at their end."""
    return np.concatenate([observations, skills.astype(observations.dtype)], axis=-1)
