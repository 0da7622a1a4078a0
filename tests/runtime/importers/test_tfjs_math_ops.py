"""Arithmetic, comparisons, reductions and products against numpy."""

from __future__ import annotations

import numpy as np
import pytest

F32 = np.float32

UNARY = {
    "Sqrt": lambda v: np.sqrt(np.abs(v)),
    "Rsqrt": lambda v: 1 / np.sqrt(np.abs(v)),
    "Log": lambda v: np.log(np.abs(v)),
    "Square": np.square,
    "Reciprocal": lambda v: 1 / v,
    "Exp": np.exp,
    "Neg": np.negative,
    "Abs": np.abs,
    "Floor": np.floor,
    "Ceil": np.ceil,
    "Round": np.round,
    "Sin": np.sin,
    "Cos": np.cos,
}

BINARY = {
    "Add": np.add,
    "AddV2": np.add,
    "Sub": np.subtract,
    "Mul": np.multiply,
    "RealDiv": np.divide,
    "Div": np.divide,
    "FloorDiv": np.floor_divide,
    "FloorMod": np.mod,
    "Maximum": np.maximum,
    "Minimum": np.minimum,
    "SquaredDifference": lambda a, b: (a - b) ** 2,
    "Equal": np.equal,
    "NotEqual": np.not_equal,
    "Less": np.less,
    "LessEqual": np.less_equal,
    "Greater": np.greater,
    "GreaterEqual": np.greater_equal,
}

TYPED = [(op, dtype) for op in BINARY for dtype in ("float32", "int32") if dtype == "float32" or op not in ("RealDiv", "Div")]

SHAPES = [
    ((2, 3), (2, 3)),
    ((2, 3), (3,)),
    ((), (2, 3)),
    ((1, 4, 4, 3), (3,)),
    ((1, 4, 4, 3), (4, 1)),
    ((1, 4, 4, 3), (1, 1, 1, 1)),
    ((3,), (1, 4, 4, 3)),
]


@pytest.mark.parametrize("op", UNARY)
def test_unary(tiny, rng, op):
    x = (rng.normal(size=(1, 2, 3, 4)) * 3).astype(F32)
    x = np.abs(x) if op in ("Sqrt", "Rsqrt", "Log") else x
    tiny.input("x", x.shape)
    tiny.op(op, "y", ["x"])
    np.testing.assert_allclose(tiny.run("y", x=x)[0], UNARY[op](x), rtol=1e-4, atol=1e-6)


@pytest.mark.parametrize("constant", [None, 0, 1])
@pytest.mark.parametrize(("op", "dtype"), TYPED)
def test_binary(tiny, rng, op, dtype, constant):
    values = [rng.integers(-9, 9, (2, 3)).astype(dtype) for _ in range(2)]
    values[1][values[1] == 0] = 4
    feeds = {}
    for index, name in enumerate("ab"):
        if constant == index:
            tiny.const(name, values[index])
        else:
            feeds[tiny.input(name, (2, 3), dtype)] = values[index]
    tiny.op(op, "y", ["a", "b"])
    np.testing.assert_allclose(tiny.run("y", **feeds)[0], BINARY[op](*values), rtol=1e-5)


@pytest.mark.parametrize("transposed", [False, True], ids=["as fed", "stored in another order"])
@pytest.mark.parametrize("constant", [None, 0, 1])
@pytest.mark.parametrize("shapes", SHAPES, ids=str)
def test_broadcasting(tiny, rng, shapes, constant, transposed):
    """A value whose axes are stored in another order must meet lower ranks, scalars and constants correctly."""
    values = [rng.normal(size=shape).astype(F32) for shape in shapes]
    feeds, names = {}, []
    for index, value in enumerate(values):
        name = "ab"[index]
        if constant == index:
            names.append(tiny.const(name, value))
        elif transposed and value.ndim == 4:
            feeds[tiny.input(name, np.moveaxis(value, 3, 1).shape)] = np.ascontiguousarray(np.moveaxis(value, 3, 1))
            names.append(tiny.op("Transpose", f"{name}t", [name, tiny.const(f"{name}p", np.array([0, 2, 3, 1], np.int32))]))
        else:
            feeds[tiny.input(name, value.shape)] = value
            names.append(name)
    tiny.op("Sub", "y", names)
    np.testing.assert_array_equal(tiny.run("y", **feeds)[0], values[0] - values[1])


def test_sum_of_many_and_power(tiny, rng):
    values = [rng.uniform(0.5, 2, (2, 3)).astype(F32) for _ in range(3)]
    for name, value in zip("abc", values, strict=True):
        tiny.input(name, value.shape)
    tiny.op("AddN", "y", ["a", "b", "c"])
    tiny.op("Pow", "z", ["a", "b"])
    a, b, c = values
    for found, expected in zip(tiny.run("y", "z", a=a, b=b, c=c), (a + b + c, a**b), strict=True):
        np.testing.assert_allclose(found, expected, rtol=1e-5)


def test_atan2_in_every_quadrant_and_on_the_axes(tiny):
    y, x = (np.array(v, F32) for v in ([1, 1, -1, -1, 0, 2, -2, 0, 0], [1, -1, 1, -1, 1, 0, 0, -1, 0]))
    tiny.input("y", y.shape)
    tiny.input("x", x.shape)
    tiny.op("Atan2", "a", ["y", "x"])
    np.testing.assert_allclose(tiny.run("a", y=y, x=x)[0], np.arctan2(y, x), atol=1e-6)


@pytest.mark.parametrize(("op", "function"), [("LogicalAnd", np.logical_and), ("LogicalOr", np.logical_or)])
def test_logic(tiny, op, function):
    a, b = np.array([[True, False], [True, False]]), np.array([True, True])
    tiny.input("a", a.shape, "bool")
    tiny.op(op, "y", ["a", tiny.const("b", b)])
    tiny.op("LogicalNot", "n", ["y"])
    found = tiny.run("y", "n", a=a)
    np.testing.assert_array_equal(found[0], function(a, b))
    np.testing.assert_array_equal(found[1], ~function(a, b))


@pytest.mark.parametrize(
    ("op", "shape"), [("Select", (2,)), ("Select", (2, 3)), ("SelectV2", (2, 1)), ("SelectV2", (3,)), ("SelectV2", ())]
)
def test_select(tiny, rng, op, shape):
    condition, a, b = rng.random(shape) > 0.5, rng.normal(size=(2, 3)).astype(F32), rng.normal(size=(2, 3)).astype(F32)
    condition = np.asarray(condition)
    for name, value in (("c", condition), ("a", a), ("b", b)):
        tiny.input(name, value.shape, value.dtype.name)
    tiny.op(op, "y", ["c", "a", "b"])
    wide = condition[:, None] if op == "Select" and shape == (2,) else condition
    np.testing.assert_array_equal(tiny.run("y", c=condition, a=a, b=b)[0], np.where(wide, a, b))


@pytest.mark.parametrize(
    ("source", "target"), [("float32", "int32"), ("int32", "float32"), ("bool", "float32"), ("uint8", "float32"), ("float32", "float32")]
)
def test_cast(tiny, source, target):
    x = np.array([0, 1, 2.7, 200]).astype(source)
    tiny.input("x", x.shape, source)
    names = {"float32": "DT_FLOAT", "int32": "DT_INT32", "bool": "DT_BOOL", "uint8": "DT_UINT8"}
    tiny.op("Cast", "y", ["x"], SrcT=names[source], DstT=names[target])
    found = tiny.run("y", x=x)[0]
    assert found.dtype == target
    np.testing.assert_array_equal(found, x.astype(target))


@pytest.mark.parametrize("pictures", [False, True], ids=["plain", "behind a convolution"])
@pytest.mark.parametrize("keep", [False, True])
@pytest.mark.parametrize("axes", [[1, 2], [3], [-1, 0], [0, 1, 2, 3]])
@pytest.mark.parametrize(("op", "function"), [("Mean", np.mean), ("Sum", np.sum), ("Max", np.max), ("Min", np.min), ("Prod", np.prod)])
def test_reductions(tiny, rng, op, function, axes, keep, pictures):
    x = rng.normal(size=(2, 3, 4, 5)).astype(F32)
    tiny.input("x", x.shape)
    source = "x"
    if pictures:
        weight = tiny.const("w", np.eye(5, dtype=F32)[None, None])
        source = tiny.op("Conv2D", "c", ["x", weight], strides=[1, 1, 1, 1], padding="VALID")
    tiny.op(op, "y", [source, tiny.const("axes", np.array(axes, np.int32))], keep_dims=keep)
    np.testing.assert_allclose(tiny.run("y", x=x)[0], function(x, axis=tuple(axes), keepdims=keep), rtol=1e-3, atol=1e-4)


@pytest.mark.parametrize(("op", "function"), [("ArgMax", np.argmax), ("ArgMin", np.argmin)])
@pytest.mark.parametrize("axis", [0, -1])
def test_place_of_an_extreme(tiny, rng, op, function, axis):
    x = rng.integers(0, 4, (3, 5, 4)).astype(F32)  # with ties: the first wins
    tiny.input("x", x.shape)
    tiny.op(op, "y", ["x", tiny.const("axis", np.int32(axis))], output_type="DT_INT32")
    found = tiny.run("y", x=x)[0]
    assert found.dtype == np.int32
    np.testing.assert_array_equal(found, function(x, axis=axis))


@pytest.mark.parametrize("flags", [(False, False), (True, False), (False, True), (True, True)])
@pytest.mark.parametrize("op", ["MatMul", "BatchMatMul", "BatchMatMulV2"])
def test_matrix_products(tiny, rng, op, flags):
    lead = () if op == "MatMul" else (2,)
    a, b = rng.normal(size=(*lead, 3, 4)).astype(F32), rng.normal(size=(*lead, 4, 5)).astype(F32)
    fed = [value.swapaxes(-1, -2).copy() if flag else value for value, flag in zip((a, b), flags, strict=True)]
    keys = ("transpose_a", "transpose_b") if op == "MatMul" else ("adj_x", "adj_y")
    for name, value in zip("ab", fed, strict=True):
        tiny.input(name, value.shape)
    tiny.op(op, "y", ["a", "b"], **dict(zip(keys, flags, strict=True)))
    np.testing.assert_allclose(tiny.run("y", a=fed[0], b=fed[1])[0], a @ b, rtol=1e-4, atol=1e-5)
