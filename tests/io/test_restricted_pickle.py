"""Pickles of arrays are read; everything else in them is refused by name, and never happens."""

import copyreg
import os
import pickle
import pickletools
import random
from collections import OrderedDict

import numpy as np
import pytest

from rlsp_sb3.io.restricted_pickle import (
    GLOBALS,
    PickledObject,
    PickledTrajectory,
    RefusedPickleError,
    parse_pickle,
    read_pickle,
)

PROTOCOLS = range(pickle.HIGHEST_PROTOCOL + 1)
TYPES = ["?", "i1", "<i8", ">i4", "u2", "f2", "f4", "<f8", ">f8"]


def arrays(dtype):
    array = np.arange(24).reshape(2, 3, 4).astype(dtype)
    return {
        "C": array,
        "F": np.asfortranarray(array),
        "axes in another order": array.transpose(1, 0, 2),
        "with gaps": array[:, ::2],
        "of no axes": array[0, 0, 1].reshape(()),
        "empty": array[:0],
    }


@pytest.mark.parametrize("dtype", TYPES)
@pytest.mark.parametrize("protocol", PROTOCOLS)
def test_arrays_and_scalars_of_any_protocol(dtype, protocol):
    written = {**arrays(dtype), "scalar": np.ones(1, dtype)[0]}
    read = parse_pickle(pickle.dumps(written, protocol))
    assert list(read) == list(written)
    for name, array in written.items():
        assert type(read[name]) is type(array), name
        assert read[name].dtype == array.dtype, name
        np.testing.assert_array_equal(read[name], array, err_msg=name)
    read["C"][:] = 0  # may be changed, as any array


@pytest.mark.parametrize("core", ["numpy.core", "numpy._core"])
@pytest.mark.parametrize("protocol", [0, 3])
def test_pickles_of_numpy_1_and_2(core, protocol):
    array = np.arange(3.0)
    data = pickle.dumps(array, protocol)
    for other in (b"numpy._core", b"numpy.core"):
        data = data.replace(b"c" + other + b".", b"c" + core.encode() + b".")
    assert (core + ".multiarray").encode() in data
    np.testing.assert_array_equal(parse_pickle(data), array)


@pytest.mark.parametrize("protocol", PROTOCOLS)
def test_plain_data(protocol):
    shared = [1]
    data = [{"a": (1, 2.5, 10**30, True, None, "ö", b"\xff", b"")}, shared, shared, [], ((),)]
    read = parse_pickle(pickle.dumps(data, protocol))
    assert read == data
    assert read[1] is read[2]


# The files that there are.


def files(reference, folder):
    found = sorted((reference / folder).glob("*.pkl"))
    assert found
    return found


def test_skills(reference):
    for path in files(reference, "skills"):
        skill = read_pickle(path)
        assert set(skill) == {"observations", "actions", "env_id"}
        assert np.array(skill["observations"]).shape == (1, 100, 17)
        assert np.array(skill["actions"]).shape == (1, 100, 6)
        assert all(type(row) is np.ndarray for row in skill["observations"][0])


def test_demonstrations(reference):
    sizes = {"cheetah": (18, 6), "hopper": (12, 3), "pendulum": (4, 1)}
    for path in files(reference, "demonstrations"):
        env, length = path.name.split("_")[1], int(path.name.split("_len_")[1].split("_")[0])
        (demonstration,) = read_pickle(path)
        assert type(demonstration) is PickledTrajectory
        n_observation, n_action = sizes[env]
        assert demonstration.obs.shape == (length + 1, n_observation)
        assert demonstration.acts.shape == (length, n_action)
        assert demonstration.rews.shape == (length,)
        assert demonstration.infos is None
        assert np.all(np.isfinite(demonstration.obs))


def test_what_the_files_name_is_what_is_allowed(reference):
    named = set()
    for path in [*files(reference, "skills"), *files(reference, "demonstrations")]:
        for opcode, argument, _ in pickletools.genops(path.read_bytes()):
            if opcode.name == "GLOBAL":
                named.add(argument.replace(" ", "."))
    assert named == {
        "imitation.data.types.TrajectoryWithRew",
        "numpy.core.multiarray._reconstruct",
        "numpy.dtype",
        "numpy.ndarray",
    }
    assert named <= {*GLOBALS, "imitation.data.types.TrajectoryWithRew"}


# What must not happen.


@pytest.fixture
def canary(tmp_path):
    """A file whose existence shows that something was run."""
    path = tmp_path / "run"
    yield path
    assert not path.exists()


class Calls:
    """Pickled as a call."""

    def __init__(self, function, *args):
        self.call = (function, args)

    def __reduce__(self):
        return self.call


def stack_global(module, name, *args):
    return (
        b"\x80\x04"
        + b"".join(b"\x8c" + bytes([len(text)]) + text.encode() for text in (module, name))
        + b"\x93("
        + b"".join(b"\x8c" + bytes([len(text)]) + text.encode() for text in args)
        + b"tR."
    )


CODE = [
    *("os.system", "posix.system", "nt.system", "subprocess.Popen", "subprocess.check_output"),
    *("builtins.eval", "builtins.exec", "builtins.getattr", "builtins.open", "builtins.compile"),
    *("__builtin__.eval", "__builtin__.apply", "builtins.__import__", "importlib.import_module"),
    *("pickle.loads", "cloudpickle.loads", "torch.load", "joblib.load", "marshal.loads"),
    *("numpy.load", "numpy.fromfile", "numpy.memmap", "numpy.save", "numpy.frombuffer"),
    *("numpy.testing._private.utils.runstring", "numpy.f2py.compile", "numpy.array"),
    *(
        "numpy.core._exceptions.os",
        "numpy.core.multiarray.fromfile",
        "numpy.distutils.exec_command",
    ),
    *("numpy._core.multiarray.scalar.__self__", "numpy.ndarray.__reduce__", "numpy.dtype.__new__"),
    *("operator.attrgetter", "operator.methodcaller", "functools.partial", "types.FunctionType"),
    *("_codecs.lookup", "codecs.encode", "copyreg._reconstructor", "copyreg.add_extension"),
    *("imitation.data.types.os", "imitation.data.types.Transitions", "builtins.object"),
    *("rlsp_sb3.io.restricted_pickle.read_pickle", "sys.modules", "sys.exit", "runpy.run_path"),
]


def pickles_of(name, canary):
    """Pickles that would call something of a name, or hold it, by how they do."""
    module, _, attribute = name.rpartition(".")
    command = f"touch {canary}"
    line = f"{module}\n{attribute}\n".encode()
    return {
        "GLOBAL": b"c" + line + b"(V" + command.encode() + b"\ntR.",
        "INST": b"(V" + command.encode() + b"\ni" + line + b".",
        "OBJ": b"(c" + line + b"V" + command.encode() + b"\no.",
        "NEWOBJ": b"\x80\x02c" + line + b"V" + command.encode() + b"\n\x85\x81.",
        "NEWOBJ_EX": b"\x80\x04c" + line + b"V" + command.encode() + b"\n\x85}\x92.",
        "not called": b"c" + line + b".",
        "STACK_GLOBAL": stack_global(module, attribute, command),
        "within": b"(lp0\n(dp1\nVkey\nc" + line + b"(V" + command.encode() + b"\ntRsa.",
        "state": b"cnumpy\ndtype\n(Vf8\nI0\nI1\ntRc" + line + b"(V" + command.encode() + b"\ntRb.",
    }


@pytest.mark.parametrize("name", CODE)
def test_code_is_refused_by_name(name, canary):
    for how, data in pickles_of(name, canary).items():
        with pytest.raises(RefusedPickleError) as raised:
            parse_pickle(data)
        assert f"asks for {name}" in str(raised.value), how


@pytest.mark.parametrize("protocol", PROTOCOLS)
def test_objects_that_call_are_refused(protocol, canary):
    for function, args, name in [
        (eval, (f"open({str(canary)!r}, 'w')",), r"(builtins|__builtin__)\.eval"),
        (canary.touch, (), r"(builtins|__builtin__)\.getattr"),
        (getattr, (np, "load"), r"(builtins|__builtin__)\.getattr"),
        (np.load, (str(canary), None, True), r"numpy\.load"),
        (np.asarray(1).tofile, (str(canary),), r"(builtins|__builtin__)\.getattr"),
    ]:
        if function is getattr:
            data = b"cbuiltins\ngetattr\n(cnumpy\nndarray\nVtofile\ntR."
        else:
            data = pickle.dumps([1, Calls(function, *args)], protocol)
        with pytest.raises(RefusedPickleError, match=name):
            parse_pickle(data)


ARRAY = b"cnumpy.core.multiarray\n_reconstruct\n(cnumpy\nndarray\n(I0\ntVb\ntR"
TRAJECTORY = b"cimitation.data.types\nTrajectoryWithRew\n"
OBJECTS = b"cnumpy\ndtype\n(VO8\nI0\nI1\ntR"
FLOAT64 = b"cnumpy\ndtype\n(Vf8\nI0\nI1\ntR"


@pytest.mark.parametrize(
    ("data", "message"),
    [
        # A class of arrays with methods of its own.
        (b"cnumpy.core.multiarray\n_reconstruct\n(cnumpy\ndtype\n(I0\ntVb\ntR.", "numpy.ndarray"),
        (b"cnumpy.core.multiarray\n_reconstruct\n(Vndarray\n(I0\ntVb\ntR.", "numpy.ndarray"),
        (b"cnumpy\nndarray\n(I8\ntR.", "asks to call numpy.ndarray"),
        # Changes to what is shared with the rest of the program.
        (b"cnumpy\nndarray\n(dVx\nI1\nsb.", "asks to change numpy.ndarray"),
        (b"cnumpy\ndtype\n(N(dV__call__\nI1\nstb.", "asks to change numpy.dtype"),
        (b"c_codecs\nencode\n(N(dV__defaults__\nI1\nstb.", "asks to change _codecs.encode"),
        (TRAJECTORY + b"(N(dVfields\nI1\nstb.", "damaged"),
        (TRAJECTORY + b"(dVfields\nI1\nsb.", "damaged"),
        # Objects in arrays: numpy would take bytes for pointers to objects.
        (b"cnumpy\ndtype\n(VO8\nI0\nI1\ntR.", "contains DType"),
        (b"cnumpy\ndtype\n(VO\nI0\nI1\ntR.", "contains DType"),
        (ARRAY + b"(I1\n(I1\nt" + OBJECTS + b"I00\nC\x08abcdefghtb.", "array of objects"),
        (ARRAY + b"(I1\n(I2\nt" + OBJECTS + b"I00\n(lI1\natb.", "array of objects of shape"),
        (b"cnumpy.core.multiarray\nscalar\n(" + OBJECTS + b"C\x08abcdefghtR.", "not made of bytes"),
        (b"cnumpy\ndtype\n(VV8\nI0\nI1\ntR.", "array of type 'V8'"),
        (b"cnumpy\ndtype\n(Vf8,O\nI0\nI1\ntR.", "array of type 'f8,O'"),
        (b"cnumpy\ndtype\n((lVf8\naI0\nI1\ntR.", r"array of type \['f8'\]"),
        (FLOAT64 + b"(I3\nV<\nN(Va\nt(dNI-1\nI-1\nI0\ntb.", "array of type"),
        (FLOAT64 + b"(I4\nV<\nNNNI-1\nI-1\nI0\n(dtb.", "array of type"),
        (ARRAY + b"(I1\n(I1\nt" + FLOAT64 + b"I00\n(lI1\natb.", "not made of bytes"),
        (ARRAY + b"(I1\n(I1\ntVf8\nI00\nVxxxxxxxx\ntb.", "not made of bytes"),
        # Sizes that are not those of the data.
        (ARRAY + b"(I1\n(I1000000000000\nt" + FLOAT64 + b"I00\nC\x08abcdefghtb.", "in 8 bytes"),
        (ARRAY + b"(I1\n(I-1\nt" + FLOAT64 + b"I00\nC\x08abcdefghtb.", r"shape \(-1,\)"),
        (ARRAY + b".", "damaged"),
        # Names without content.
        (b"cnumpy\nndarray\n.", "contains numpy.ndarray, which is not data"),
        (b"cnumpy\ndtype\n(Vf8\nI0\nI1\ntR.", "contains DType, which is not data"),
        (b"\x80\x04\x8f.", "contains set"),
        (b"c_codecs\nencode\n(Vx\nVrot13\ntR.", "encoding 'rot13'"),
        # What does not go through find_class.
        (b"Pos.system\n.", "persistent object os.system"),
        (b"\x80\x01Vos.system\nQ.", "persistent object"),
        (b"\x80\x02\x82\xf0.", "extension 240"),
        # Trajectories of other fields.
        (TRAJECTORY + b")\x81.", "damaged"),
        (TRAJECTORY + b")\x81(dVobs\nNsb.", "has the fields acts, infos, obs, perhaps"),
        (TRAJECTORY + b"(I1\ntR.", "damaged"),
        # Too deep, round in circles, or with a memo of many gigabytes.
        (b"(l" * 10_000 + b"a" * 9_999 + b".", "nested deeper"),
        (b"\x80\x02]q\x00h\x00a.", "nested deeper"),
        (b"\x80\x02]r\xff\xff\xff\xff.", "memo 4294967295"),
    ],
)
def test_abuse_is_refused(data, message):
    with pytest.raises(ValueError, match=message):
        parse_pickle(data)


def test_registered_extensions_are_refused_even_if_they_were_used_before(canary):
    copyreg.add_extension("os", "system", 0xF0)
    try:
        assert pickle.loads(b"\x80\x02\x82\xf0.")  # and is in the registry's cache now
        with pytest.raises(RefusedPickleError, match="extension 240"):
            parse_pickle(b"\x80\x02\x82\xf0(Vtouch " + str(canary).encode() + b"\ntR.")
    finally:
        copyreg.remove_extension("os", "system", 0xF0)
        copyreg.clear_extension_cache()


def test_numpy_and_this_package_are_as_before():
    before = {name: function and dict(vars(function)) for name, function in GLOBALS.items()}
    for change in (b"(dV__setstate__\nI1\nsb.", b"(N(dV__setstate__\nI1\nstb."):
        for name in [*GLOBALS, "imitation.data.types.TrajectoryWithRew"]:
            module, _, attribute = name.rpartition(".")
            with pytest.raises(ValueError, match=r"change|damaged"):
                parse_pickle(f"c{module}\n{attribute}\n".encode() + change)
    assert before == {name: function and dict(vars(function)) for name, function in GLOBALS.items()}
    np.testing.assert_array_equal(parse_pickle(pickle.dumps(np.arange(3))), np.arange(3))


@pytest.mark.parametrize("protocol", PROTOCOLS)
def test_arrays_of_text_and_records_are_refused(protocol):
    for array, code in [
        (np.array(["a"]), "U1"),
        (np.zeros(1, [("x", "f8"), ("y", "O")]), "V16"),
        (np.zeros(1, complex), "c16"),
        (np.zeros(1, "M8[s]"), "M8"),
    ]:
        with pytest.raises(RefusedPickleError, match=f"array of type '{code}'"):
            parse_pickle(pickle.dumps(array, protocol))


@pytest.mark.parametrize("protocol", PROTOCOLS)
def test_a_row_of_objects_is_a_list_of_data(protocol, canary):
    row = np.array([{}, {"TimeLimit.truncated": True, "x": np.arange(2)}, None], dtype=object)
    first, second, third = parse_pickle(pickle.dumps(row, protocol))
    assert (first, second["TimeLimit.truncated"], third) == ({}, True, None)
    np.testing.assert_array_equal(second["x"], np.arange(2))
    with pytest.raises(RefusedPickleError, match=r"asks for .*system"):
        parse_pickle(
            pickle.dumps(np.array([Calls(os.system, f"touch {canary}"), 1], dtype=object), protocol)
        )
    with pytest.raises(ValueError, match=r"array of objects of shape \(1, 2\)"):
        parse_pickle(pickle.dumps(np.array([[None, 1]]), protocol))


def test_other_classes_are_refused():
    with pytest.raises(RefusedPickleError, match=r"asks for collections\.OrderedDict"):
        parse_pickle(pickle.dumps(OrderedDict(a=1)))
    with pytest.raises(RefusedPickleError, match="only numpy arrays and imitation"):
        parse_pickle(pickle.dumps(PickledTrajectory(1, 2, 3, 4)))


# Attributes of objects.


class Wrapper:
    """An object of which two attributes are wanted, and not the others."""

    def __init__(self, **attributes):
        vars(self).update(attributes)


WRAPPER = f"{__name__}.Wrapper"
WANTED = {WRAPPER: ("inner", "size")}


@pytest.mark.parametrize("protocol", range(2, pickle.HIGHEST_PROTOCOL + 1))
def test_attributes_that_are_wanted_are_read(protocol):
    inner = Wrapper(size=np.arange(3), other={1, 2})
    others = [OrderedDict(a=1), slice(3), random.Random(0), np.random.default_rng(0), Wrapper]
    read = parse_pickle(pickle.dumps(Wrapper(inner=inner, others=others), protocol), WANTED)
    assert (type(read), read.class_name, set(read.attributes)) == (
        PickledObject,
        WRAPPER,
        {"inner"},
    )
    assert set(read.attributes["inner"].attributes) == {"size"}
    np.testing.assert_array_equal(read.attributes["inner"].attributes["size"], np.arange(3))


@pytest.mark.parametrize("protocol", range(2, pickle.HIGHEST_PROTOCOL + 1))
def test_what_is_wanted_is_data(protocol, canary):
    opened = Calls(open, str(canary), "w")
    for value, name in (
        (opened, r"\w+\.open"),
        ([opened], r"\w+\.open"),
        (OrderedDict(a=1), "collections.OrderedDict"),
        (Wrapper, WRAPPER),
        ({1}, r"(\w+\.)?set"),
    ):
        with pytest.raises(RefusedPickleError, match=f"contains {name}, which is not data"):
            parse_pickle(pickle.dumps(Wrapper(size=value), protocol), WANTED)
    with pytest.raises(ValueError, match="without attributes"):
        parse_pickle(pickle.dumps(Wrapper(), protocol), WANTED)
    parse_pickle(pickle.dumps(Wrapper(size=1, other=[opened]), protocol), WANTED)


@pytest.mark.parametrize("name", CODE)
def test_code_is_never_run_for_what_is_not_wanted(name, canary):
    for how, data in pickles_of(name, canary).items():
        with pytest.raises(ValueError, match=r"asks|contains|damaged"):
            pytest.fail(f"{how}: {parse_pickle(data, WANTED)}")


# Files that are damaged.


def damaged(rng, data):
    data = bytearray(data)
    for _ in range(rng.randint(1, 4)):
        data[rng.randrange(len(data))] = rng.randrange(256)
    return bytes(data)


@pytest.mark.filterwarnings("ignore:invalid escape sequence")
def test_damaged_pickles_are_errors():
    """Thousands of pickles with a few other bytes: read, or an error of the documented kind."""
    rng = random.Random(0)
    wholes = [pickle.dumps([np.arange(4.0), {"a": np.float32(1)}], p) for p in PROTOCOLS]
    wholes.append(
        b"\x80\x03"
        + TRAJECTORY
        + b")\x81}("
        + b"".join(b"V" + name + b"\nN" for name in (b"obs", b"acts", b"infos", b"rews"))
        + b"ub."
    )
    wholes.append(pickle.dumps(Wrapper(size=np.arange(4.0), inner=Wrapper(size=1, seed=rng))))
    for whole in wholes:
        wanted = WANTED if whole is wholes[-1] else None
        parse_pickle(whole, wanted)
        for length in range(len(whole)):
            with pytest.raises(ValueError, match="damaged"):
                parse_pickle(whole[:length], wanted)
        for _ in range(1000):
            try:
                parse_pickle(damaged(rng, whole), wanted)
            except ValueError as error:
                words = ("damaged", "asks", "not data", "without")
                assert any(word in str(error) for word in words)  # noqa: PT017


@pytest.mark.parametrize("data", [b"", b"garbage", b"\x89PNG\r\n\x1a\n", b"{'a': 1}", bytes(100)])
def test_garbage_is_an_error_that_names_the_file(data, tmp_path):
    path = tmp_path / "rollouts.pkl"
    path.write_bytes(data)
    with pytest.raises(ValueError, match=r"rollouts\.pkl' cannot be read: it is damaged, or not"):
        read_pickle(path)


def test_refusals_name_the_file(tmp_path):
    path = tmp_path / "rollouts.pkl"
    path.write_bytes(pickle.dumps(Calls(eval, "1")))
    with pytest.raises(RefusedPickleError, match=r"rollouts\.pkl' is refused: .* builtins\.eval"):
        read_pickle(path)
    with pytest.raises(FileNotFoundError):
        read_pickle(tmp_path / "absent.pkl")
