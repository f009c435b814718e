"""What is timed on a GPU, and beside what: every op and whole FSDS, for one DIV2K image and a batch of patches.

`bytes` is the least that a job must move: its inputs read once and its results written once.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial

import torch
from timing import Job
from torch import Tensor

import hyra
import peers
from hyra import ops
from hyra.ops.radial_moments import _hermitian_weight, _ring_map, ring_count

# One DIV2K image, the same with odd sides, whose planes are not aligned, and a batch of patches.
SHAPES = ((3, 1356, 2040), (3, 1355, 2039), (48, 192, 192))
VARIANTS = ("paper", "shift_invariant", "radial")
Plan = tuple[str, Callable[[], Job]]


def jobs(
    device: str = "cuda",
    *,
    shapes: Sequence[tuple[int, int, int]] = SHAPES,
    lr_size: tuple[int, int] = (339, 510),
    scales: Sequence[int] = (2, 3, 4),
    response_sizes: Sequence[int] = (44, 87),
    probe_sizes: Sequence[int] = (64, 256),
    packed: tuple[int, int] = (1024, 128),
) -> list[Plan]:
    """Each with its name, built when it is called; the sizes are arguments so that a test can try small ones."""
    of_planes = (
        *(partial(_fsds, variant=variant) for variant in VARIANTS),
        *(partial(_fsds_loss, variant=variant) for variant in VARIANTS),
        _difference_sums,
        _mean_std,
        _standardized_difference,
        _standardize_backward,
        _ssim_sums,
        _ssim_sums_backward,
        _rfft2,
        _rfft2_adjoint,
        _integral_energy,
        _integral_energy_backward,
        _quadrant_energy,
        _quadrant_energy_backward,
        _radial_moments,
        _radial_moments_backward,
    )
    makers = [
        *(partial(make, shape) for shape in shapes for make in of_planes),
        *(partial(_impulse_batch, size) for size in probe_sizes),
        partial(_response_moments, *packed),
        *(partial(_polyphase_filter, lr_size, size, scale) for size in response_sizes for scale in scales),
    ]
    return [(_title(make), partial(_on_device, device, make)) for make in makers]


def _title(make: partial[Job]) -> str:
    """What a job is called where it could not be built."""
    values = (*make.args, *make.keywords.values())
    arguments = ("x".join(map(str, value)) if isinstance(value, tuple) else str(value) for value in values)
    return " ".join((make.func.__name__.lstrip("_"), *arguments))


def _on_device(device: str, make: Callable[[], Job]) -> Job:
    with torch.device(device):
        return make()


def _name(op: str, shape: Sequence[int]) -> str:
    return f"{op} {'x'.join(map(str, shape))} float32"


def _spectra(shape: tuple[int, int, int], count: int) -> list[Tensor]:
    return [torch.fft.rfft2(torch.randn(shape)) for _ in range(count)]


def _image_pair(shape: tuple[int, int, int]) -> tuple[Tensor, Tensor]:
    target = torch.rand(shape).unflatten(0, (-1, 3))
    return target + 0.1 * torch.rand_like(target), target


def _fsds(shape: tuple[int, int, int], variant: str) -> Job:
    preds, target = _image_pair(shape)
    theirs = {
        "paper": {"the paper's algorithm": lambda: peers.fsds(preds, target)},
        "shift_invariant": {"plain torch": lambda: peers.shift_invariant_fsds(preds, target)},
    }
    return Job(
        _name("fsds", shape) + f", {variant}",
        preds.nbytes + target.nbytes,
        lambda: hyra.fsds(preds, target, variant=variant, check=False),
        theirs.get(variant, {}),
        tolerance=1e-3,  # it integrates in float32
    )


def _fsds_loss(shape: tuple[int, int, int], variant: str) -> Job:
    """Forward and backward."""
    preds, target = _image_pair(shape)
    preds.requires_grad_()
    loss = hyra.FSDSLoss(variant=variant)

    def ours() -> Tensor:
        (gradient,) = torch.autograd.grad(loss(preds, target), preds)
        return gradient

    return Job(_name("fsds_loss", shape) + f", {variant}, forward and backward", 3 * preds.nbytes, ours, {})


def _difference_sums(shape: tuple[int, int, int]) -> Job:
    preds, target = torch.rand(2, *shape).unflatten(1, (-1, 3))
    return Job(
        _name("difference_sums", shape),
        preds.nbytes + target.nbytes,
        lambda: tuple(ops.difference_sums(preds, target).unbind(1)),
        {"plain torch": lambda: peers.difference_sums(preds, target)},
    )


def _mean_std(shape: tuple[int, int, int]) -> Job:
    images = torch.rand(shape).unflatten(0, (-1, 3))
    return Job(
        _name("mean_std", shape),
        images.nbytes,
        lambda: tuple(ops.mean_std(images).unbind(1)),
        {"torch.std_mean": lambda: torch.std_mean(images, (1, 2, 3))[::-1]},
    )


def _standardized_difference(shape: tuple[int, int, int]) -> Job:
    preds, target = torch.rand(2, *shape)
    moments = [ops.mean_std(x) for x in (preds, target)]
    return Job(
        _name("standardized_difference", shape),
        2 * (preds.nbytes + target.nbytes),
        lambda: ops.standardized_difference(preds, target, *moments, True).chunk(2),
        {"plain torch": lambda: peers.standardized_difference(preds, target, *moments)},
    )


def _standardize_backward(shape: tuple[int, int, int]) -> Job:
    grad, images = torch.rand(2, *shape).unflatten(1, (-1, 3))
    moments = ops.mean_std(images)
    return Job(
        _name("standardize_backward", shape),
        grad.nbytes + 2 * images.nbytes,
        lambda: ops.standardize_backward(grad, images, moments),
        {"plain torch": lambda: peers.standardize_backward(grad, images, moments)},
    )


def _ssim_settings() -> list[Tensor]:
    return [peers.gaussian().double(), torch.tensor([1e-4, 9e-4], dtype=torch.float64)]


def _ssim_sums(shape: tuple[int, int, int]) -> Job:
    preds, target = _image_pair(shape)
    settings, windows = _ssim_settings(), (shape[1] - 10) * (shape[2] - 10)
    return Job(
        _name("ssim_sums", shape),
        preds.nbytes + target.nbytes,
        lambda: ops.ssim_sums(preds, target, *settings)[..., 0].mean(1) / windows,
        {"plain torch": lambda: peers.ssim(preds, target)},
        tolerance=1e-4,  # it has float32 moments about 0
    )


def _ssim_sums_backward(shape: tuple[int, int, int]) -> Job:
    preds, target = _image_pair(shape)
    leaf = preds.clone().requires_grad_()
    score = peers.ssim(leaf, target).sum()
    windows = 3 * (shape[1] - 10) * (shape[2] - 10)
    grad = torch.tensor([1 / windows, 0.0]).expand(*preds.shape[:2], 2)
    settings = _ssim_settings()
    return Job(
        _name("ssim_sums_backward", shape),
        3 * preds.nbytes,
        lambda: ops.ssim_sums_backward(preds, target, *settings, grad),
        {"backward of plain torch": lambda: torch.autograd.grad(score, leaf, retain_graph=True)},
        tolerance=1e-3,  # likewise
    )


def _rfft2(shape: tuple[int, int, int]) -> Job:
    x = torch.randn(shape)
    return Job(
        _name("rfft2", shape),
        x.nbytes + _spectra(shape, 1)[0].nbytes,
        lambda: ops.rfft2(x, "torch"),
        {"torch.fft.rfft2": lambda: torch.fft.rfft2(x)},
    )


def _rfft2_adjoint(shape: tuple[int, int, int]) -> Job:
    x = torch.randn(shape, requires_grad=True)
    spectrum, grad = torch.fft.rfft2(x), _spectra(shape, 1)[0]
    return Job(
        _name("rfft2_adjoint", shape),
        x.nbytes + grad.nbytes,
        lambda: ops.rfft2_adjoint(grad, shape[2], "torch"),
        {"backward of torch.fft.rfft2": lambda: torch.autograd.grad(spectrum, x, grad, retain_graph=True)},
    )


def _integral_energy(shape: tuple[int, int, int]) -> Job:
    preds, target = torch.rand(2, *shape)
    moments = [ops.mean_std(x) for x in (preds, target)]
    return Job(
        _name("integral_energy", shape),
        preds.nbytes + target.nbytes,
        lambda: ops.integral_energy(preds, target, *moments, True).chunk(2),
        {
            "plain torch": lambda: [
                peers.integral_energy(z) for z in peers.standardized_difference(preds, target, *moments)
            ]
        },
    )


def _integral_energy_backward(shape: tuple[int, int, int]) -> Job:
    planes = torch.randn(shape, requires_grad=True)
    energy, grad = peers.integral_energy(planes), torch.rand(len(planes))
    return Job(
        _name("integral_energy_backward", shape),
        2 * planes.nbytes,
        lambda: ops.integral_energy_backward(planes.detach(), grad),
        {"backward of plain torch": lambda: torch.autograd.grad(energy, planes, grad, retain_graph=True)},
    )


def _quadrant_energy(shape: tuple[int, int, int]) -> Job:
    (spectrum,) = _spectra(shape, 1)
    return Job(
        _name("quadrant_energy", shape),
        spectrum.nbytes,
        lambda: ops.quadrant_energy(spectrum, "integral"),
        {"plain torch": lambda: peers.quadrant_energy(spectrum)},
    )


def _quadrant_energy_backward(shape: tuple[int, int, int]) -> Job:
    (spectrum,) = _spectra(shape, 1)
    grad = torch.rand(len(spectrum))
    return Job(
        _name("quadrant_energy_backward", shape),
        2 * spectrum.nbytes,
        lambda: ops.quadrant_energy_backward(spectrum, grad, "integral"),
        {"plain torch": lambda: peers.quadrant_energy_backward(spectrum, grad)},
    )


def _radial_moments(shape: tuple[int, int, int]) -> Job:
    _, height, width = shape
    a, b = _spectra(shape, 2)
    ring, weight, rings = _rings(a, height, width)

    def ours() -> tuple[Tensor, ...]:
        return ops.radial_moments(a, b, height, width)[:3]

    def theirs() -> tuple[Tensor, ...]:
        power_a, power_b, re, im = peers.radial_moments(a, b, ring, weight, rings).unbind(1)
        return power_a, power_b, torch.complex(re, im)

    return Job(_name("radial_moments", shape), a.nbytes + b.nbytes, ours, {"torch scatter_add": theirs})


def _radial_moments_backward(shape: tuple[int, int, int]) -> Job:
    planes, height, width = shape
    a, b = _spectra(shape, 2)
    ring, weight, rings = _rings(a, height, width)
    gain_a, gain_b = torch.randn(planes, rings), torch.randn(planes, rings, dtype=torch.complex64)
    return Job(
        _name("radial_moments_backward", shape),
        a.nbytes + b.nbytes + a.nbytes,
        lambda: ops.radial_moments_backward(a, b, gain_a, gain_b, height, width),
        {"plain torch": lambda: peers.radial_moments_backward(a, b, gain_a, gain_b, ring=ring, weight=weight)},
    )


def _rings(spectrum: Tensor, height: int, width: int) -> tuple[Tensor, Tensor, int]:
    device = spectrum.device
    return _ring_map(height, width, device), _hermitian_weight(width, device), ring_count(height, width)


def _impulse_batch(size: int, count: int = 64) -> Job:
    background, amplitudes = torch.rand(3, size, size), torch.ones(count, 3)
    positions = torch.randint(size, (count, 1, 2))
    return Job(
        _name("impulse_batch", (count, 3, size, size)),
        count * background.nbytes,
        lambda: ops.impulse_batch(background, positions, amplitudes),
        {"plain torch": lambda: peers.impulse_batch(background, positions, amplitudes)},
    )


def _response_moments(size: int, spacing: int) -> Job:
    outputs, reference = torch.rand(4, 3, size, size), torch.rand(3, spacing, spacing)
    line = torch.arange(spacing // 2, size, spacing)
    origins = torch.cartesian_prod(line, line).expand(len(outputs), -1, -1).contiguous()
    zero = torch.zeros(reference.shape, dtype=torch.float64)
    state = [torch.zeros(reference.shape[1:], dtype=torch.int64), zero, zero]

    def ours() -> tuple[Tensor, ...]:
        _, mean, m2, deviation = ops.response_moments(outputs, origins, reference, [spacing // 2] * 2, state)
        return mean, m2, deviation[..., 0].flatten()

    return Job(
        _name("response_moments", outputs.shape) + f", windows {spacing}x{spacing}",
        outputs.nbytes,
        ours,
        {"two passes in plain torch": lambda: peers.response_moments(outputs, reference, spacing)},
    )


def _polyphase_filter(size: tuple[int, int], response_size: int, scale: int) -> Job:
    image, response = torch.rand(1, 3, *size), torch.randn(3, response_size, response_size)
    origin = response_size // scale // 2 * scale
    return Job(
        _name(f"polyphase_filter x{scale}", image.shape) + f", response {response_size}x{response_size}",
        image.nbytes * (1 + scale**2) + response.nbytes,
        lambda: ops.polyphase_filter(image, response, scale, (origin, origin), "zeros"),
        {"grouped conv2d + pixel_shuffle": lambda: peers.polyphase_filter(image, response, scale, origin)},
    )
