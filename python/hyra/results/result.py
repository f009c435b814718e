"""What every result can do: be written to a file, be read again, and be drawn."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Self

from hyra.results import storage
from hyra.results.figures import figure_of


class Result:
    """Base of the frozen dataclasses that hyra's measurements return.

    `hyra.plots` draws each kind; a function of your own for a kind of your own registers itself with
    `hyra.results.figures.draws`.

    Example:
        >>> import tempfile, torch, hyra
        >>> response = hyra.HyRA(torch.nn.Upsample(scale_factor=2)).impulse_response(16)
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     response.save(f"{folder}/nearest.safetensors")
        ...     hyra.ImpulseResponse.load(f"{folder}/nearest.safetensors")
        ImpulseResponse(3x32x32 at x2, literal, amplitude 1 on background 0, main lobe 1)
    """

    def plot(self, **options: Any) -> tuple[Any, Any]:
        """Draw it: `(fig, axes)` from the function of `hyra.plots` for this kind of result, with that one's options."""
        drawn: tuple[Any, Any] = figure_of(type(self))(self, **options)
        return drawn

    def save(self, file: str | Path) -> None:
        """Write to one safetensors file, with everything but the tensors as JSON in its header; folders are made.

        A file that is there is replaced once the new one is whole; every later version of hyra can load it.

        Raises:
            TypeError, ValueError: a field holds what its type does not allow, which could not be loaded again.
        """
        storage.write(file, self)

    @classmethod
    def load(cls, file: str | Path) -> Self:
        """Read what `save` wrote; tensors are on the CPU.

        Raises:
            FileNotFoundError: there is no such file.
            ValueError: it holds no result of this kind, is damaged, or is of a newer version of hyra.
        """
        return storage.read(file, cls)
