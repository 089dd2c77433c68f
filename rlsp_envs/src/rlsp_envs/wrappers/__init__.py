"""Wrappers that environments of this distribution have around Gymnasium's."""

from rlsp_envs.wrappers.drift import Drift
from rlsp_envs.wrappers.fuel_gauge import FuelGauge
from rlsp_envs.wrappers.termination_penalty import TerminationPenalty
from rlsp_envs.wrappers.time_feature import TimeFeature

__all__ = ["Drift", "FuelGauge", "TerminationPenalty", "TimeFeature"]
