"""Reshaping, slicing, joining and gathering against numpy."""

from __future__ import annotations

import numpy as np
import pytest

from sightline.core.errors import ModelConversionError

F32 = np.float32


def ints(tiny, name, values):
    return tiny.const(name, np.array(values, np.int32))


@pytest.fixture(params=[False, True], ids=["fed", "behind a convolution"])
def pictures(request, tiny, rng):
    """A (2, 3, 4, 5) tensor, as fed or as a convolution leaves it (channels first inside); returns its name and value."""
    x = rng.normal(size=(2, 3, 4, 5)).astype(F32)
    tiny.input("x", x.shape)
    if not request.param:
        return "x", x
    weight = tiny.const("w", np.eye(5, dtype=F32)[None, None])
    return tiny.op("Conv2D", "c", ["x", weight], strides=[1, 1, 1, 1], padding="VALID"), x


def check(tiny, x, *expected, outputs=("y",)):
    for found, want in zip(tiny.run(*outputs, x=x), expected, strict=True):
        assert found.shape == want.shape
        np.testing.assert_array_equal(found, want)


@pytest.mark.parametrize("shape", [(6, 20), (2, 60), (-1, 5), (2, 12, 5), (2, 3, 2, 2, 5)])
def test_reshape(tiny, pictures, shape):
    name, x = pictures
    tiny.op("Reshape", "y", [name, ints(tiny, "s", shape)])
    check(tiny, x, x.reshape(shape))


@pytest.mark.parametrize("perm", [(0, 3, 1, 2), (3, 2, 1, 0), (0, 1, 2, 3)])
def test_transpose(tiny, pictures, perm):
    name, x = pictures
    tiny.op("Transpose", "y", [name, ints(tiny, "p", perm)])
    check(tiny, x, x.transpose(perm))


def test_transpose_costs_nothing_between_operators_that_do_not_care(tiny, rng, ops):
    tiny.input("x", (1, 4, 4, 2))
    to, back = ints(tiny, "to", (0, 3, 1, 2)), ints(tiny, "back", (0, 2, 3, 1))
    tiny.op("Transpose", "a", ["x", to])
    tiny.op("Relu", "b", ["a"])
    tiny.op("Transpose", "y", ["b", back])
    assert ops(tiny.convert("y")) == ["Relu"]


@pytest.mark.parametrize("axes", [[], [1], [1, 2], [-2]])
def test_squeeze(tiny, rng, axes):
    x = rng.normal(size=(3, 1, 1, 5)).astype(F32)
    tiny.input("x", x.shape)
    tiny.op("Squeeze", "y", ["x"], squeeze_dims=axes)
    check(tiny, x, np.squeeze(x, tuple(axes) if axes else None))


@pytest.mark.parametrize("axis", [0, 2, -1])
def test_expand_dims(tiny, pictures, axis):
    name, x = pictures
    tiny.op("ExpandDims", "y", [name, ints(tiny, "a", axis)])
    check(tiny, x, np.expand_dims(x, axis))


@pytest.mark.parametrize("axis", [0, 1, 3, -1])
def test_concat_split_and_split_v(tiny, pictures, axis):
    name, x = pictures
    axis_name = ints(tiny, "a", axis)
    tiny.op("ConcatV2", "y", [name, "x", tiny.const("k", x), axis_name])
    tiny.op("Split", "s", [axis_name, "y"], num_split=3)
    whole = np.concatenate([x, x, x], axis)
    first = whole.shape[axis] - 1
    tiny.op("SplitV", "v", ["y", ints(tiny, "z", [-1, 1]), axis_name])
    parts = np.split(whole, [first], axis)
    check(tiny, x, whole, *np.split(whole, 3, axis), *parts, outputs=("y", "s", "s:1", "s:2", "v", "v:1"))


@pytest.mark.parametrize("axis", [0, 1, -1])
def test_pack_and_unpack(tiny, pictures, axis):
    name, x = pictures
    tiny.op("Pack", "y", [name, "x"], axis=axis, N=2)
    tiny.op("Unpack", "u", [name], axis=axis, num=x.shape[axis])
    slices = [np.take(x, i, axis) for i in range(x.shape[axis])]
    check(tiny, x, np.stack([x, x], axis), *slices, outputs=("y", *(f"u:{i}" for i in range(len(slices)))))


def test_shape_size_rank_of_known_and_unknown_shapes(tiny, rng):
    x = rng.normal(size=(2, 3, 4, 5)).astype(F32)
    for name, shape in (("x", x.shape), ("d", (-1, 3, 4, 5))):
        tiny.input(name, shape)
        for op in ("Shape", "Size", "Rank"):
            tiny.op(op, f"{name}{op}", [name], out_type="DT_INT32")
        tiny.op("Cast", f"{name}copy", [f"{name}Shape"], DstT="DT_FLOAT")
    found = tiny.run(*(f"{name}{op}" for name in "xd" for op in ("copy", "Size", "Rank")), x=x, d=x)
    for shape, size, rank in (found[:3], found[3:]):
        assert shape.tolist() == [2, 3, 4, 5]
        assert (int(size), int(rank)) == (120, 4)


def test_reshape_with_the_batch_of_another_tensor(tiny, rng, ops):
    """Keras' Flatten: [shape(x)[0], -1] with a batch that is only known at run time."""
    tiny.input("x", (-1, 3, 4))
    tiny.op("Shape", "s", ["x"], out_type="DT_INT32")
    limits = [ints(tiny, name, [at]) for name, at in (("b", 0), ("e", 1), ("t", 1))]
    tiny.op("StridedSlice", "n", ["s", *limits], shrink_axis_mask=1)
    tiny.op("Pack", "p", ["n", tiny.const("k", np.int32(12))], axis=0, N=2)
    tiny.op("Reshape", "y", ["x", "p"])
    assert ops(tiny.convert("y")) == ["Reshape"]
    for batch in (1, 3):
        x = rng.normal(size=(batch, 3, 4)).astype(F32)
        check(tiny, x, x.reshape(batch, 12))


def test_fill_like_range_tile(tiny, rng):
    x = rng.normal(size=(2, 3)).astype(F32)
    tiny.input("x", x.shape)
    tiny.input("d", (-1, 3))
    tiny.op("Fill", "f", [ints(tiny, "s", [2, 2]), tiny.const("v", F32(1.5))])
    tiny.op(
        "AddV2",
        "filled",
        ["f", tiny.op("Mul", "zero", [tiny.op("Sum", "total", ["x", ints(tiny, "ax", [0, 1])]), tiny.const("o", F32(0))])],
    )
    tiny.op("ZerosLike", "z", ["d"])
    tiny.op("OnesLike", "o1", ["d"])
    tiny.op("Size", "n", ["d"], out_type="DT_INT32")
    tiny.op("Range", "r", [tiny.const("r0", np.int32(1)), "n", tiny.const("r2", np.int32(2))])
    tiny.op("Tile", "t", ["x", ints(tiny, "m", [2, 3])])
    found = tiny.run("filled", "z", "o1", "r", "t", x=x, d=x)
    expected = (np.full((2, 2), 1.5), np.zeros((2, 3)), np.ones((2, 3)), np.arange(1, 6, 2), np.tile(x, (2, 3)))
    for one, want in zip(found, expected, strict=True):
        np.testing.assert_array_equal(one, want)


@pytest.mark.parametrize(("axis", "batch_dims", "shape"), [(0, 0, (4,)), (1, 0, ()), (3, 0, (2, 2)), (-1, 0, (3,)), (1, 1, (2, 3))])
def test_gather(tiny, pictures, rng, axis, batch_dims, shape):
    name, x = pictures
    indices = rng.integers(0, x.shape[axis], shape).astype(np.int32)
    inputs = [name, tiny.const("i", np.asarray(indices)), ints(tiny, "a", axis)]
    tiny.op("GatherV2", "y", inputs, batch_dims=batch_dims)
    expected = np.stack([np.take(a, b, 0) for a, b in zip(x, indices, strict=True)]) if batch_dims else np.take(x, indices, axis)
    check(tiny, x, expected)


@pytest.mark.parametrize("width", [1, 2, 4])
def test_gather_nd(tiny, pictures, rng, width):
    name, x = pictures
    places = np.stack([rng.integers(0, size, 6) for size in x.shape[:width]], -1).astype(np.int32)
    tiny.op("GatherNd", "y", [name, tiny.const("i", places)])
    check(tiny, x, x[tuple(places.T)])


def test_top_k_prefers_the_first_of_equals(tiny):
    x = np.array([[1, 5, 5, 2], [7, 0, 7, 7]], F32)
    tiny.input("x", x.shape)
    tiny.op("TopKV2", "t", ["x", ints(tiny, "k", 3)], sorted=True)
    values, indices = tiny.run("t", "t:1", x=x)
    assert values.tolist() == [[5, 5, 2], [7, 7, 7]]
    assert indices.dtype == np.int32
    assert indices.tolist() == [[1, 2, 3], [0, 2, 3]]


def test_slice(tiny, pictures):
    name, x = pictures
    tiny.op("Slice", "y", [name, ints(tiny, "b", [0, 1, 0, 2]), ints(tiny, "s", [2, 2, -1, 1])])
    check(tiny, x, x[0:2, 1:3, :, 2:3])


NEW, DOTS = None, ...
STRIDED = {
    "range": (np.s_[0:1, 1:3], {}),
    "step": (np.s_[:, ::2, 3:0:-2], {"begin_mask": 3, "end_mask": 3}),
    "backwards to the border": (np.s_[:, :, ::-1], {"begin_mask": 7, "end_mask": 7}),
    "one place": (np.s_[1, :, 2], {"begin_mask": 2, "end_mask": 2, "shrink_axis_mask": 5}),
    "last place": (np.s_[:, -1], {"begin_mask": 1, "end_mask": 1, "shrink_axis_mask": 2}),
    "new axis": (np.s_[:, NEW, 1:2], {"begin_mask": 1, "end_mask": 1, "new_axis_mask": 2}),
    "dots": (np.s_[DOTS, 1:4], {"ellipsis_mask": 1}),
    "dots in the middle": (np.s_[1, DOTS, NEW, 0], {"ellipsis_mask": 2, "new_axis_mask": 4, "shrink_axis_mask": 9}),
    "more than there is": (np.s_[0:99, 0:99], {}),
}


@pytest.mark.parametrize("case", STRIDED)
def test_strided_slice(tiny, pictures, case):
    name, x = pictures
    index, masks = STRIDED[case]
    begin, end, strides = [], [], []
    for item in index:
        if isinstance(item, slice):
            begin.append(item.start or 0)
            end.append(item.stop or 0)
            strides.append(item.step or 1)
        else:
            place = item if isinstance(item, int) else 0
            begin.append(place)
            end.append(place + 1)
            strides.append(1)
    names = [ints(tiny, key, values) for key, values in (("b", begin), ("e", end), ("s", strides))]
    tiny.op("StridedSlice", "y", [name, *names], **masks)
    check(tiny, x, x[index])


def test_strided_slice_with_limits_known_only_at_run_time(tiny, rng):
    x = rng.normal(size=(6, 4)).astype(F32)
    tiny.input("x", x.shape)
    tiny.input("from", (2,), "int32")
    names = ["x", "from", ints(tiny, "e", [5, 0]), ints(tiny, "s", [1, 1])]
    tiny.op("StridedSlice", "y", names, shrink_axis_mask=2)
    found = tiny.run("y", x=x, **{"from": np.array([2, 3], np.int32)})[0]
    np.testing.assert_array_equal(found, x[2:5, 3])


def test_sparse_to_dense_becomes_a_constant(tiny, rng, ops):
    x = rng.normal(size=(2, 3)).astype(F32)
    tiny.input("x", x.shape)
    places, shape = tiny.const("i", np.array([[0], [1]], np.int64)), tiny.const("s", np.array([2], np.int64))
    tiny.op("SparseToDense", "d", [places, shape, tiny.const("v", np.array([3, 2], np.int64)), tiny.const("o", np.int64(-1))])
    tiny.op("Reshape", "y", ["x", "d"])
    assert ops(tiny.convert("y")) == ["Reshape"]
    check(tiny, x, x.reshape(3, 2))


def test_identity_and_stop_gradient_leave_nothing(tiny, ops):
    tiny.input("x", (2,))
    tiny.op("Identity", "a", ["x"])
    tiny.op("StopGradient", "b", ["a"])
    tiny.op("Neg", "y", ["b"])
    assert ops(tiny.convert("y")) == ["Neg"]


def test_what_must_be_constant_is_named(tiny):
    tiny.input("x", (2, 2))
    tiny.input("p", (2,), "int32")
    tiny.op("Transpose", "turned", ["x", "p"])
    with pytest.raises(ModelConversionError, match=r"Transpose \(turned\): its permutation must be constant"):
        tiny.convert("turned")
