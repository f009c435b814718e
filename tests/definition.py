"""FSDS from its definition, in NumPy and float64, sharing nothing with the package."""

import numpy as np


def fsds(preds, target, variant):
    """``[C, H, W]`` arrays; materialised integrals, sums in the order in which they are written down."""
    energies = [0.0, 0.0]
    z_preds, z_target = (standardize(np.asarray(x, dtype=np.float64)) for x in (preds, target))
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
    return -10 * np.log10(energies[0] / energies[1])


def standardize(x):
    return (x - x.mean()) / x.std(ddof=1)
