"""Waypoints: a reward for the features of any of the observed states (Lindner et al. 2021)."""

from __future__ import annotations

from rlsp_baselines.observed_features import ObservedFeaturesLearner
from rlsp_baselines.waypoint_reward import WaypointReward
from rlsp_sb3.rewards import FeatureFn


class Waypoints(ObservedFeaturesLearner):
    """Reward for being in a state with the features of any of the observed ones.

    The inferred reward of a state s is max_i φ(s)·φ(s_i)/‖φ(s_i)‖ over the observed states s_i
    (Lindner et al. 2021, section 3): of a single observed state it is that of
    :class:`~rlsp_baselines.AverageFeatures`.

    ``rlsp learn`` writes no ``reward.json`` of it, which is for linear rewards: the reward is in
    the file of the learner.

    The arguments and errors are those of AverageFeatures.
    """

    @property
    def reward(self) -> WaypointReward:
        """The inferred reward, which is not linear in the features."""
        return self._reward_of(self.encoder)

    def _reward_of(self, features: FeatureFn | None) -> WaypointReward:
        return WaypointReward(self.observed_features, features)
