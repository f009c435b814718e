"""FSDS from its definition, in NumPy and extended precision, sharing nothing with the package."""

import numpy as np


def fsds(preds, target, variant):
    """``[C, H, W]`` arrays; materialised integrals, sums in the order in which they are written down."""
    if variant == "radial":
        return radial(preds, target)
    energies = [0.0, 0.0]
    z_preds, z_target = (standardize(np.asarray(x, dtype=np.longdouble)) for x in (preds, target))
    padding = z_target.shape[1] % 2 if variant == "paper" else 0
    for k, z in enumerate((z_preds - z_target, z_target)):
        X = np.fft.rfft2(np.pad(z, ((0, 0), (0, padding), (0, 0))))
        frequencies = np.fft.fftfreq(X.shape[1], 1 / X.shape[1]).round().astype(int)
        for quadrant in (np.where(frequencies >= 0)[0], np.flip(np.where(frequencies < 0)[0])):
            Q = X[:, quadrant]
            if variant == "paper":
                energies[k] += (np.abs(Q.cumsum(1).cumsum(2)) ** 2).sum()
            else:
                R, K = Q.shape[1:]
                energies[k] += (np.arange(R, 0, -1)[:, None] * np.arange(K, 0, -1) * np.abs(Q) ** 2).sum()
    return float(-10 * np.log10(energies[0] / energies[1]))


def radial(preds, target):
    """Rings in integers, since bins lie on edges."""
    height, width = preds.shape[1:]
    ky, kx = (np.minimum(np.arange(n), n - np.arange(n)) for n in (height, width))
    distance = 4 * ((ky[:, None] * width) ** 2 + (kx * height) ** 2)
    ring = np.searchsorted((2 * np.arange(1, height + width) - 1) ** 2 * max(height, width) ** 2, distance, "right")
    distributions = []
    for x in (preds, target):
        power = (np.abs(np.fft.fft2(standardize(np.asarray(x, dtype=np.longdouble)))) ** 2).sum(0)
        distributions.append(np.cumsum([power[ring == r].sum() for r in range(ring.max() + 1)]))
    change = distributions[0] - distributions[1]
    return float(-10 * np.log10((change**2).sum() / (distributions[1] ** 2).sum()))


def standardize(x):
    x = x - x.mean()
    x = x - x.mean()  # what rounding the first mean has left
    return x / x.std(ddof=1)
