"""FSDS against its definition, and what it promises about batches, threads, dtypes and bad input."""

from unittest import mock

import numpy as np
import pytest
import torch

import backends
import definition
import hyra
from hyra._native import kernels
from hyra.scores.planes import Images
from hyra.scores.variants import _ring_powers

VARIANTS = ["paper", "shift_invariant", "radial"]
BOUND = {torch.float32: 1e-4, torch.float64: 1e-8}
"""What we promise, in dB, for scores up to 140 dB."""

SHAPES = [
    (1, 16, 16),
    (3, 16, 17),
    (3, 17, 16),
    (8, 15, 11),
    (1, 2, 2),
    (2, 1, 5),
    (1, 5, 1),
    (3, 97, 130),
    (1, 240, 320),
]


def pair(shape, level=0.05, dtype=torch.float32, device="cpu"):
    """A smooth image and a distorted copy of it."""
    target = torch.rand(shape, dtype=torch.float64).cumsum(-1).cumsum(-2)
    target = target / target.max()
    preds = target + level * torch.rand(shape, dtype=torch.float64)
    return preds.to(dtype).to(device), target.to(dtype).to(device)


@pytest.mark.parametrize(
    ("shape", "variant"), [(s, v) for s in SHAPES for v in VARIANTS if v != "radial" or min(s[1:]) > 3], ids=str
)
def test_agrees_with_the_definition(backend, dtype, shape, variant):
    preds, target = pair(shape, 0.02, dtype, backend.device)
    score = hyra.fsds(preds, target, variant=variant)
    assert score.dtype == dtype
    assert score.shape == ()
    assert score.item() == pytest.approx(definition.fsds(preds.cpu(), target.cpu(), variant), abs=BOUND[dtype], rel=0)


@pytest.mark.parametrize("variant", VARIANTS)
@pytest.mark.parametrize(("pixels", "white"), [(torch.uint8, 255), (torch.uint16, 65535)], ids=["uint8", "uint16"])
def test_integers_need_no_range(backend, variant, pixels, white):
    target = torch.randint(white + 1, (3, 31, 34))
    preds = (target + torch.randint(-white // 20, white // 20, target.shape)).clamp(0, white)
    expected = definition.fsds(preds, target, variant)
    preds, target = (x.to(pixels).to(backend.device) for x in (preds, target))
    buffers = [x.permute(1, 2, 0).contiguous() for x in (preds, target)]
    score = hyra.fsds(preds, target, variant=variant)
    assert score.dtype == torch.float64
    assert score.item() == pytest.approx(expected, abs=1e-9 if variant == "paper" else 1e-4)
    assert torch.equal(hyra.fsds(*(x.permute(2, 0, 1) for x in buffers), variant=variant), score)
    reference = hyra.FSDSReference(target, variant=variant)
    assert reference(preds).item() == pytest.approx(score.item(), abs=1e-12)
    mixed = reference(preds.double() / white)  # the range may be another
    assert mixed.item() == pytest.approx(expected, abs=1e-4)
    assert hyra.fsds(preds.float() / white, target, variant=variant).item() == pytest.approx(expected, abs=1e-4)
    cut = hyra.fsds(preds, target, variant=variant, crop_border=2)
    whole = [x[:, 2:-2, 2:-2].contiguous() for x in (preds, target)]
    assert torch.equal(cut, hyra.fsds(*whole, variant=variant))


@backends.native
def test_no_float_copy_of_bytes_is_made():
    """`paper` and the scores of differences hand the bytes of decoders to the kernels."""
    buffers = torch.randint(256, (2, 20, 24, 3)).to(torch.uint8)
    preds, target = buffers.permute(0, 3, 1, 2)
    inside = range(buffers.data_ptr(), buffers.data_ptr() + buffers.nbytes)
    for score in (hyra.fsds, hyra.psnr, hyra.mae, hyra.mse, hyra.fourier_mse):
        with mock.patch.object(kernels, "call") as call:
            score(preds, target, check=False)
        arguments = [x for made in call.call_args_list for x in made.args[2]]
        pixels = [x.images for x in arguments if isinstance(x, kernels.Pixels)]
        assert len(pixels) >= 2
        assert all(x.data_ptr() in inside for x in pixels)


def test_constant_integers_are_refused():
    x = torch.full((3, 8, 8), 7, dtype=torch.uint8)
    with pytest.raises(ValueError, match=r"target must not be constant, .* it is 7 everywhere"):
        hyra.fsds(torch.randint(256, (3, 8, 8)).to(torch.uint8), x)


LEVELS = [(v, level) for v in VARIANTS for level in (1.0, 1e-2, 1e-4, 1e-6)]
LEVELS.remove(("radial", 1e-6))  # 164 dB, beyond what we promise


@pytest.mark.parametrize(("variant", "level"), LEVELS)
def test_agrees_with_the_definition_at_every_level(dtype, variant, level):
    preds, target = pair((3, 63, 64), level, dtype)
    score = hyra.fsds(preds, target, variant=variant)
    assert score.item() == pytest.approx(definition.fsds(preds, target, variant), abs=BOUND[dtype], rel=0)


@pytest.mark.parametrize("deviations", [0, 99, 101, 2e3, 1e6, -1e8])
@pytest.mark.parametrize("variant", VARIANTS)
def test_agrees_with_the_definition_however_far_the_mean_lies_from_zero(variant, deviations):
    preds, target = pair((3, 63, 64), 1e-4, torch.float64)  # 100 dB
    preds, target = (x + deviations * target.std() for x in (preds, target))
    expected = definition.fsds(preds, target, variant)
    assert 80 < expected < 130
    for score in (hyra.fsds(preds, target, variant=variant), hyra.FSDSReference(target, variant=variant)(preds)):
        assert score.item() == pytest.approx(expected, abs=BOUND[torch.float64], rel=0)
    batch = [torch.stack([x, x / 2 + 1]) for x in (preds, target)]
    unchecked = hyra.fsds(*batch, variant=variant, check=False)
    assert torch.equal(unchecked, hyra.fsds(*batch, variant=variant))
    assert unchecked[0] == score
    images = [Images.of(x, torch.float64) for x in batch]
    with mock.patch("torch.compiler.is_compiling", return_value=True):  # as on a GPU: nothing is looked at
        unseen = [image.centred(look=False) for image in images]
    for seen, copied in zip((image.centred(look=True) for image in images), unseen, strict=True):
        assert torch.equal(seen.planes, copied.planes)
        assert torch.equal(seen.moments, copied.moments)


@pytest.mark.parametrize("library", ["torch", "scipy", "ducc0"])
@pytest.mark.parametrize("variant", VARIANTS)
def test_agrees_with_the_definition_with_every_fft_library(use_library, library, variant, dtype):
    use_library(library)
    preds, target = pair((3, 125, 258), 0.01, dtype)
    score = hyra.fsds(preds, target, variant=variant)
    assert score.item() == pytest.approx(definition.fsds(preds, target, variant), abs=BOUND[dtype], rel=0)


def test_worked_example_from_numpy(backend, dtype):
    # The 4x4 example of the docstring: the double sums of the definition written out, term by term.
    target = np.array([[0.0, 1, 4, 2], [2, 4, 1, 0], [1, 2, 2, 1], [4, 0, 0, 4]])
    preds = target.copy()
    preds[1, 2] = 2
    z_preds, z_target = definition.standardize(preds), definition.standardize(target)
    energies = np.zeros((3, 2))
    for k, z in enumerate((z_preds - z_target, z_target)):
        X = np.array(
            [
                [
                    sum(z[m, n] * np.exp(-2j * np.pi * (a * m + b * n) / 4) for m in range(4) for n in range(4))
                    for b in range(3)
                ]
                for a in range(4)
            ]
        )
        for rows in ([0, 1], [3, 2]):
            for i in range(2):
                for j in range(3):
                    energies[0, k] += abs(sum(X[rows[m], n] for m in range(i + 1) for n in range(j + 1))) ** 2
                    energies[1, k] += (2 - i) * (3 - j) * abs(X[rows[i], j]) ** 2
    powers = np.zeros((2, 4))
    for k, z in enumerate((z_preds, z_target)):
        for a in range(4):
            for b in range(4):
                X = sum(z[m, n] * np.exp(-2j * np.pi * (a * m + b * n) / 4) for m in range(4) for n in range(4))
                powers[k, int(np.hypot(min(a, 4 - a), min(b, 4 - b)) + 0.5)] += abs(X) ** 2
    below = powers.cumsum(1)
    energies[2] = ((below[0] - below[1]) ** 2).sum(), (below[1] ** 2).sum()
    assert energies[0] == pytest.approx([4.353795313, 183.428571429])
    assert energies[1] == pytest.approx([12.986783412, 272.571428571])
    assert energies[2] == pytest.approx([215.733386375, 136623.673469388])
    images = [torch.from_numpy(x)[None].to(dtype).to(backend.device) for x in (preds, target)]
    for variant, (difference, reference) in zip(VARIANTS, energies, strict=True):
        expected = 10 * np.log10(reference / difference)
        bound = 1e-5 if dtype == torch.float32 else 1e-12
        assert hyra.fsds(*images, variant=variant).item() == pytest.approx(expected, abs=bound)


@pytest.mark.once
@backends.native  # torch's own sums depend on the threads
@pytest.mark.parametrize("library", ["auto", "torch", "scipy", "ducc0"])
@pytest.mark.parametrize("variant", VARIANTS)
@pytest.mark.parametrize("shape", [(5, 3, 24, 32), (3, 2, 97, 130), (4, 3, 192, 192), (2, 1, 601, 700)], ids=str)
def test_batch_equals_loop_and_any_thread_count(use_library, library, variant, shape, dtype):
    use_library(library)
    preds, target = pair(shape, 0.1, dtype)
    scores = hyra.fsds(preds, target, variant=variant)
    assert scores.shape == shape[:1]
    for threads in (1, 2, 3):
        torch.set_num_threads(threads)
        loop = torch.stack([hyra.fsds(p, t, variant=variant) for p, t in zip(preds, target, strict=True)])
        assert torch.equal(scores, hyra.fsds(preds, target, variant=variant))
        assert torch.equal(scores, loop)


@pytest.mark.parametrize("variant", VARIANTS)
def test_identical_images_score_inf(backend, dtype, variant):
    _, target = pair((2, 3, 33, 20), dtype=dtype, device=backend.device)
    assert torch.equal(
        hyra.fsds(target.clone(), target, variant=variant).cpu(), torch.full((2,), torch.inf, dtype=dtype)
    )


def test_ignores_gain_and_offset(backend):
    preds, target = pair((3, 20, 21), dtype=torch.float64, device=backend.device)
    assert hyra.fsds(255 * preds - 7, target).item() == pytest.approx(hyra.fsds(preds, target).item(), abs=1e-9)


def test_shift_invariant_ignores_rolls_of_both(backend):
    for shape in ((1, 9, 12), (1, 12, 9)):
        preds, target = pair(shape, dtype=torch.float64, device=backend.device)
        rolled = hyra.fsds(preds.roll((4, 5), (1, 2)), target.roll((4, 5), (1, 2)), variant="shift_invariant")
        assert rolled.item() == pytest.approx(hyra.fsds(preds, target, variant="shift_invariant").item(), abs=1e-9)


def test_radial_ignores_phase_orientation_and_position():
    preds, target = pair((2, 12, 12), dtype=torch.float64)
    expected = hyra.fsds(preds, target, variant="radial").item()
    for moved in (preds.roll((4, 5), (1, 2)), preds.flip(1), preds.mT, preds.rot90(1, (1, 2)), -preds, preds.flip(0)):
        assert hyra.fsds(moved, target, variant="radial").item() == pytest.approx(expected, abs=1e-9)
        assert hyra.fsds(moved, preds, variant="radial").item() > 250


def test_both_standardized_images_have_the_same_total_power():
    preds, target = pair((2, 3, 33, 20), 0.5, torch.float64)
    moments = (torch.std_mean(x, (1, 2, 3), keepdim=True) for x in (preds, target))
    standardized = [(x - mean) / std for x, (std, mean) in zip((preds, target), moments, strict=True)]
    spectra = [torch.fft.rfft2(x).flatten(0, 1) for x in standardized]
    change, power = _ring_powers(spectra[0] - spectra[1], spectra[1], Images.of(target, torch.float64))
    assert change.view(2, 3, -1).sum((1, 2)).abs().max() <= 1e-12 * power.view(2, 3, -1).sum((1, 2)).min()


def test_strides_do_not_matter(backend, dtype):
    preds, target = pair((2, 3, 20, 30), dtype=dtype, device=backend.device)
    expected = hyra.fsds(preds, target)
    views = [x.contiguous(memory_format=torch.channels_last) for x in (preds, target)]
    assert torch.equal(hyra.fsds(*views), expected)
    wide = [x.repeat_interleave(2, -1)[..., ::2] for x in (preds, target)]
    assert torch.equal(hyra.fsds(*wide), expected)


@pytest.mark.parametrize("half", [torch.float16, torch.bfloat16])
def test_half_images_are_computed_in_float32(half):
    preds, target = pair((3, 16, 16), 0.3)
    preds, target = preds.to(half), target.to(half)
    score = hyra.fsds(preds, target)
    assert score.dtype == torch.float32
    assert torch.equal(score, hyra.fsds(preds.float(), target.float()))
    assert hyra.fsds(preds, target.double()).dtype == torch.float64


def test_crop_border_and_reduction():
    preds, target = pair((4, 3, 20, 22))
    scores = hyra.fsds(preds, target, crop_border=3)
    assert torch.equal(scores, hyra.fsds(preds[..., 3:-3, 3:-3], target[..., 3:-3, 3:-3]))
    assert torch.equal(hyra.fsds(preds, target, crop_border=3, reduction="mean"), scores.mean())
    assert torch.equal(hyra.fsds(preds, target, crop_border=3, reduction="sum"), scores.sum())
    assert hyra.fsds(preds[:0], target[:0]).shape == (0,)


BAD = {
    "rank": ({"preds": torch.rand(8, 8)}, ValueError, r"preds must be an image \[C, H, W\] or a batch"),
    "dtype": (
        {"target": torch.ones(1, 8, 8, dtype=torch.int64)},
        TypeError,
        "target must have a floating-point dtype, uint8",
    ),
    "list": ({"target": [1.0]}, TypeError, "target must be a torch tensor or an array with __dlpack__, got list"),
    "shape": ({"preds": torch.rand(1, 8, 9)}, ValueError, r"preds must have the shape of target, \(1, 8, 8\), got"),
    "nan": ({"preds": torch.rand(1, 8, 8).log() * torch.nan}, ValueError, "preds must be finite, got 64 NaN"),
    "infinite": ({"target": 1 / torch.eye(8)[None]}, ValueError, "target must be finite, got 56 NaN or infinite"),
    "constant": ({"target": torch.full((1, 8, 8), 0.1)}, ValueError, "target must not be constant.* 0.1 everywhere"),
    "overflow": ({"target": torch.rand(1, 8, 8).double() * 1e200}, ValueError, "within the range of float64"),
    "variant": ({"variant": "fourier"}, ValueError, "variant must be one of 'paper', 'shift_invariant', 'radial'"),
    "reduction": ({"reduction": "max"}, ValueError, "reduction must be one of 'none', 'mean', 'sum', got 'max'"),
    "negative border": ({"crop_border": -1}, ValueError, "crop_border must be at least 0, got -1"),
    "rings": (
        {"variant": "radial", "crop_border": 3},
        ValueError,
        "variant 'radial' needs images of three rings of frequencies or more, as 4x4 pixels have, got 2x2 pixels",
    ),
    "border": ({"crop_border": 4}, ValueError, "crop_border must leave at least one pixel of preds, 8x8, got 4"),
}


@pytest.mark.parametrize("case", BAD)
def test_refuses_with_one_sentence(case):
    change, error, message = BAD[case]
    with pytest.raises(error, match=message):
        hyra.fsds(**({"preds": torch.rand(1, 8, 8), "target": torch.rand(1, 8, 8)} | change))


@pytest.mark.parametrize("which", ["preds", "target"])
@pytest.mark.parametrize("value", [0.1, 1 / 3, 255.0, torch.nan, torch.inf, 1e200])
@pytest.mark.parametrize("variant", VARIANTS)
def test_unchecked_bad_pixels_score_nan(backend, which, value, variant):
    images = dict(
        zip(("preds", "target"), pair((2, 3, 40, 50), dtype=torch.float64, device=backend.device), strict=True)
    )
    good = hyra.fsds(**images, variant=variant)
    images[which] = images[which].clone()
    if np.isfinite(value) and value < 1e3:
        images[which][1] = value
    else:
        images[which][1, 0, 3, 4] = value
    scores = hyra.fsds(**images, variant=variant, check=False)
    assert scores[1].isnan()
    assert torch.equal(scores[0], good[0])


def test_scores_may_enter_a_graph():
    preds, target = torch.rand(2, 3, 8, 9)
    weight = torch.ones((), requires_grad=True)
    for score in (hyra.fsds(preds, target), hyra.FSDSReference(target)(preds)):
        assert not score.is_inference()
        (weight * score).backward()
