"""What the callback of Weights & Biases asks of a learner, as wandb 0.31 does it."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from stable_baselines3.common.callbacks import BaseCallback

pytest.importorskip("rlsp_envs")

from rlsp_sb3.learners import learner_names, load_learner

NEED_IMITATION = {"airl", "gail"}  # and demonstrations


class WandbCallbackStandIn(BaseCallback):
    """Takes notes of a model, and saves it, as ``wandb.integration.sb3.WandbCallback``."""

    def __init__(self, path: Path) -> None:
        super().__init__()
        self.path = path
        self.config: dict[str, object] = {}

    def _init_callback(self) -> None:
        self.config["algo"] = type(self.model).__name__
        for name, value in self.model.__dict__.items():
            self.config[name] = value if type(value) in (float, int, str) else str(value)

    def _on_step(self) -> bool:
        self.model.save(self.path)
        return True

    def _on_training_end(self) -> None:
        self.model.save(self.path)


@pytest.mark.skipif(not learner_names(), reason="learners are found by entry points")
@pytest.mark.parametrize("name", sorted({*learner_names()} - NEED_IMITATION))
def test_it_works_with_every_learner(name: str, tmp_path: Path) -> None:
    learner_class = load_learner(name)
    arguments = {"preset": "smoke"} if name == "rlsp" else {}
    learner = learner_class("RoomDefault-v0", seed=0, **arguments)
    callback = WandbCallbackStandIn(tmp_path / "model.zip")
    learner.learn(2, callback)
    assert callback.config["algo"] == type(learner).__name__
    json.dumps(callback.config)  # what wandb keeps
    saved = learner_class.load(tmp_path / "model.zip", "RoomDefault-v0")
    assert saved.num_timesteps == learner.num_timesteps
