"""Check an environment into which only rlsp-envs was installed.

Not collected by pytest, which that environment lacks: the nox session ``envs_alone`` runs this.
"""

from importlib.metadata import distributions

import gymnasium as gym

EXPECTED = {
    "cloudpickle",
    "farama-notifications",
    "gymnasium",
    "numpy",
    "rlsp-envs",
    "scipy",
    "typing-extensions",
}
INSTALLERS = {"pip", "setuptools", "wheel"}


def main() -> None:
    names = {d.metadata["Name"].lower().replace("_", "-") for d in distributions()}
    assert names - INSTALLERS == EXPECTED, (
        f"unexpected: {sorted(names - INSTALLERS - EXPECTED)}, missing: {sorted(EXPECTED - names)}"
    )

    env = gym.make("rlsp_envs:RoomDefault-v0")
    observation, _ = env.reset(seed=0)
    assert observation in env.observation_space

    message = "no error"
    try:
        env = gym.make("rlsp_envs:RoomDefault-v0", render_mode="rgb_array")
        env.reset(seed=0)
        env.render()
    except Exception as error:
        message = str(error)
    assert "pip install pygame" in message, f"rendered without pygame: {message}"
    print("rlsp-envs works alone: 3 checks passed")


if __name__ == "__main__":
    main()
