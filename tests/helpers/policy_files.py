"""Files of policies of Stable-Baselines 2 and 3, as they are and with traps in them."""

import base64
import io
import json
import pickle
import zipfile

import numpy as np
import pytest


def network(rng, sizes, name, last):
    """Random layers as Stable-Baselines 2 calls them."""
    names = [f"fc{i}" for i in range(len(sizes) - 2)] + [last]
    parameters = {}
    for layer, n_in, n_out in zip(names, sizes, sizes[1:], strict=False):
        kernel = rng.normal(size=(n_in, n_out)) / np.sqrt(n_in)
        parameters[f"{name}/{layer}/kernel:0"] = kernel.astype(np.float32)
        parameters[f"{name}/{layer}/bias:0"] = rng.normal(size=n_out).astype(np.float32)
    return parameters


def sac_parameters(n_observation=5, n_action=2, hidden=(32, 16), critic_hidden=(8, 24)):
    """Parameters as Stable-Baselines 2 has them."""
    rng = np.random.default_rng(0)
    parameters = {
        **network(rng, (n_observation, *hidden, n_action), "model/pi", "dense"),
        **network(rng, (hidden[-1], n_action), "model/pi", "dense_1"),
        **network(rng, (n_observation, *critic_hidden, 1), "model/values_fn/vf", "vf"),
    }
    for name in ("qf1", "qf2"):
        sizes = (n_observation + n_action, *critic_hidden, 1)
        parameters |= network(rng, sizes, f"model/values_fn/{name}", name)
    parameters["model/log_ent_coef:0"] = np.float32(-1.5)
    return parameters


class Touch:
    """A pickle that leaves a trace if it is loaded."""

    def __init__(self, path):
        self.path = path

    def __reduce__(self):
        return open, (str(self.path), "w")


def write_zip(path, parameters, **changes):
    """A file as Stable-Baselines 2 wrote them."""
    serialized = base64.b64encode(pickle.dumps(Touch(path.parent / "run"))).decode()
    data = {
        "learning_rate": {":type:": "<class 'function'>", ":serialized:": serialized},
        "policy": {
            ":type:": "<class 'abc.ABCMeta'>",
            ":serialized:": serialized,
            "__module__": "stable_baselines.sac.policies",
            "__init__": "<function MlpPolicy.__init__ at 0x7f>",
        },
        "observation_space": {":type:": "Box", ":serialized:": serialized, "shape": "[5]"},
        "policy_kwargs": {},
        "gamma": 0.9,
        "tau": 0.25,
        "ent_coef": "auto",
        **changes,
    }
    arrays = io.BytesIO()
    np.savez(arrays, **parameters)
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("data", json.dumps(data))
        archive.writestr("parameters", arrays.getvalue())
        archive.writestr("parameter_list", json.dumps(list(parameters)))
    return path


def rewrite(path, **members):
    """Change members of a zip; a function gets the old content, bytes replace it."""
    with zipfile.ZipFile(path) as archive:
        content = {name: archive.read(name) for name in archive.namelist()}
    for name, change in members.items():
        name = name.replace("__", ".")
        content[name] = change(content.get(name)) if callable(change) else change
    with zipfile.ZipFile(path, "w") as archive:
        for name, data in content.items():
            archive.writestr(name, data)
    return path


def settings(**changes):
    """A change of entries of ``data``, each a value or a function of the old one."""

    def change(data):
        loaded = json.loads(data)
        for name, value in changes.items():
            loaded[name] = value(loaded[name]) if callable(value) else value
        return json.dumps(loaded)

    return change


@pytest.fixture
def trap(tmp_path):
    """Puts pickles that leave a trace in place of SB3's; at the end there must be none."""
    pickled = base64.b64encode(pickle.dumps(Touch(tmp_path / "run"))).decode()

    def put(path):
        def poison(data):
            loaded = json.loads(data)
            poisoned = 0
            for value in loaded.values():
                if isinstance(value, dict) and ":serialized:" in value:
                    value[":serialized:"] = pickled
                    poisoned += 1
            assert poisoned > 3
            return json.dumps(loaded)

        return rewrite(path, data=poison)

    yield put
    assert not (tmp_path / "run").exists()
