"""Each check passes what it should and refuses the rest with a sentence that names argument, expectation and value."""

import numpy as np
import pytest
import torch

from hyra._util import validate as v

NAN_IMAGE = torch.eye(4)[None].index_fill(1, torch.tensor(2), torch.nan)
REFUSED = {
    "choice": (lambda: v.choice("form", "rato", ("ratio", "db")), ValueError, "form must be one of 'ratio', 'db', got"),
    "integer type": (lambda: v.positive_integer("scale", 2.0), TypeError, "scale must be an integer, got float 2.0"),
    "bool": (lambda: v.positive_integer("scale", True), TypeError, "scale must be an integer, got bool True"),
    "integer range": (lambda: v.positive_integer("scale", 0), ValueError, "scale must be at least 1, got 0"),
    "scale of more digits than memory has": (lambda: v.scale("scale", "1e999999999"), ValueError, "above 0, got inf"),
    "scale beyond floats": (lambda: v.scale("scale", 10**5000), ValueError, "scale must be at most 1024, got far more"),
    "fraction beyond floats": (lambda: v.scale("scale", f"{10**400}/3"), ValueError, "at most 1024, got far more"),
    "fraction beyond scales": (lambda: v.scale("scale", 1024.5), ValueError, "at most 1024, got 1024.5"),
    "number type": (lambda: v.positive_number("amplitude", "1"), TypeError, "amplitude must be a number, got str '1'"),
    "number range": (
        lambda: v.positive_number("amplitude", float("nan")),
        ValueError,
        "finite number above 0, got nan",
    ),
    "no tensor": (lambda: v.images("preds", np.ones(3)), TypeError, "preds must be a torch.Tensor, got ndarray"),
    "integer image": (lambda: v.images("preds", torch.ones(1, 2, 2).byte()), TypeError, r"x / 255\), got torch.uint8"),
    "complex image": (lambda: v.images("preds", torch.ones(1, 2, 2) + 0j), TypeError, "floating-point dtype"),
    "rank": (lambda: v.images("preds", torch.ones(2, 2)), ValueError, r"preds must be an image .* shape \(2, 2\)"),
    "empty": (lambda: v.images("preds", torch.ones(1, 0, 2)), ValueError, "at least one channel, row and column"),
    "shape": (
        lambda: v.same_shape("preds", torch.ones(1, 2, 3), "target", torch.ones(1, 3, 3)),
        ValueError,
        r"preds must have the shape of target, \(1, 3, 3\), got \(1, 2, 3\)",
    ),
    "device": (
        lambda: v.same_device("preds", torch.ones(1), "target", torch.ones(1, device="meta")),
        ValueError,
        "preds must be on the device of target, meta, got cpu",
    ),
    "finite": (lambda: v.finite("target", NAN_IMAGE), ValueError, r"got 4 NaN .* first at index \(0, 2, 0\)"),
    "constant": (lambda: v.not_constant("target", torch.full((1, 2, 2), 0.5)), ValueError, "it is 0.5 everywhere"),
    "constant in batch": (
        lambda: v.not_constant("target", torch.stack([torch.eye(3)[None], torch.zeros(1, 3, 3)])),
        ValueError,
        "target must not be constant.* image 1 of the batch is 0 everywhere",
    ),
}


@pytest.mark.parametrize("case", REFUSED)
def test_refuses_with_one_sentence(case):
    check, error, message = REFUSED[case]
    with pytest.raises(error, match=message):
        check()


def test_accepts():
    v.choice("form", "ratio", ("ratio", "db"))
    assert v.positive_integer("scale", np.int64(3)) == 3
    assert v.positive_number("amplitude", 1) == 1.0
    for shape in ((1, 2, 3), (4, 1, 2, 3), (0, 3, 4, 4)):
        assert v.images("preds", torch.ones(shape, dtype=torch.float16)).shape == shape
    v.same_shape("preds", torch.ones(1), "target", torch.zeros(1))
    v.same_device("preds", torch.ones(1), "target", torch.zeros(1))
    v.finite("preds", torch.ones(1, 2, 2))
    v.not_constant("preds", torch.eye(3)[None])


RARE = {
    "sparse_coo": torch.Tensor.to_sparse,
    "sparse_csr": lambda x: x[0].to_sparse_csr(),
    "_mkldnn": torch.Tensor.to_mkldnn,
    "nested": lambda x: torch.nested.nested_tensor([x, x]),
    "jagged": lambda x: torch.nested.nested_tensor([x, x], layout=torch.jagged),
    "float8_e4m3fn": lambda x: x.to(torch.float8_e4m3fn),
}


@pytest.mark.filterwarnings("ignore")  # what torch says of prototypes
@pytest.mark.parametrize("kind", RARE)
def test_tensors_of_rare_kinds_are_refused_by_name(kind):
    if kind == "_mkldnn" and not torch.backends.mkldnn.is_available():
        pytest.skip("torch was built without MKLDNN")
    came = "nested" if kind == "jagged" else kind
    with pytest.raises(TypeError, match=f"^preds must be .*, got .*{came}") as raised:
        v.images("preds", RARE[kind](torch.rand(3, 8, 8)))
    assert "\n" not in str(raised.value)
