"""HyRA: any super-resolution network as the sum of a linear low-pass filter and a part that injects detail."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from fractions import Fraction
from typing import Any

import torch
from torch import Tensor

from hyra._util import validate
from hyra.attribution.detail import Window
from hyra.attribution.integrate import attribution
from hyra.attribution.layer_spectra import LayerSpectra, layer_spectra
from hyra.attribution.maps import Attribution
from hyra.attribution.receptive_field import EffectiveReceptiveField, erf
from hyra.filters.response import ImpulseResponse
from hyra.network.sizes import InputSizes
from hyra.network.wrapper import Network
from hyra.probing.amplitude import AmplitudeSweep, amplitude_sweep
from hyra.probing.impulse import mean_response
from hyra.probing.layers import LayerResponses, layer_responses
from hyra.probing.mean_probe import mean_probe
from hyra.probing.operating_point import OperatingPoint
from hyra.probing.probe import Probe
from hyra.split.decompose import decompose
from hyra.split.parts import Decomposition


class HyRA:
    """Hybrid response analysis of a super-resolution network: `N(I) = H(I) + G(I)`.

    H is linear and spatially invariant, so its impulse response says all about it; G has no impulse response, which
    makes the split unique. So `h = N(d)` for an impulse `d`, `H(I) = I * h` and `G(I) = N(I) - H(I)`.

    Every method runs the network in evaluation mode without gradients, and leaves training flags, parameters, buffers
    and random state as they were. Images and amplitudes are in 0..1 whatever the network's own range is.

    Autocast, default dtype and default device are the network's: it runs under what is set around the call. hyra's own
    arithmetic, here and everywhere, has the dtype and the device of its images under all of them.

    Args:
        net: an `nn.Module` or any callable from `[N, C, h, w]` to `[N, C_out, s*h, s*w]`, or to a tuple, list or
            mapping that holds exactly one such tensor.
        scale: `s`; found from the shapes when not given and an integer. A fraction p/q is given as `Fraction(3, 2)`,
            `"3/2"` or 1.5, with p up to 128 and q up to 20. Its output moves by p pixels where the input moves by q, so
            that the responses to q x q impulses say all about H (see `ImpulseResponse`), and it is run on images that
            are padded to multiples of q.
        input_range: the network's value of white: 1, 255, or any other positive number.
        in_channels: colours of the input; found by trying when not given.
        dtype: floating type to run in; the type of the module's weights when not given, and of the image for a callable
            without weights.
        device: where to run; found as `dtype` is.

    Source: Deng et al., Exploring the Low-Pass Filtering Behavior in Image Super-Resolution (ICML 2024), section 3.
    There h is an 8-bit picture, filtering is correlation and the result is resized to fit; here h is floating-point and
    carries its origin, filtering is convolution, and the output has exactly the network's size.

    Example:
        >>> import torch, hyra
        >>> bicubic = torch.nn.Upsample(scale_factor=4, mode="bicubic")
        >>> model = hyra.HyRA(bicubic, dtype=torch.float64)
        >>> split = model.decompose(torch.rand(3, 20, 24), boundary="replicate")
        >>> split.output.shape, bool(split.nonlinear.abs().max() < 1e-12)  # bicubic is linear: nothing is left for G
        (torch.Size([3, 80, 96]), True)
    """

    def __init__(
        self,
        net: Callable[[Tensor], Any],
        scale: float | Fraction | str | None = None,
        input_range: float = 1.0,
        *,
        in_channels: int | None = None,
        dtype: torch.dtype | None = None,
        device: torch.device | str | None = None,
    ) -> None:
        self.network = Network(net, scale, input_range, in_channels=in_channels, dtype=dtype, device=device)

    @property
    def scale(self) -> int | Fraction:
        """HR pixels per LR pixel; runs the network if it has not run yet."""
        return self.network.scale

    def input_sizes(self, limit: int = 128) -> InputSizes:
        """The smallest square input that the network takes and the multiple that larger ones must have, by trying."""
        return self.network.input_sizes(limit)

    def impulse_response(
        self,
        size: int | None = None,
        channels: str = "joint",
        *,
        amplitude: float = 1.0,
        background: float | Tensor = 0.0,
        form: str | None = None,
        mode: str = "finite",
        position: tuple[int, int] | None = None,
        seeds: int = 1,
    ) -> ImpulseResponse:
        """The impulse response: what the network makes of a single bright pixel.

        Args:
            size: side of the square canvas in LR pixels; when not given, 64 or the next size that the network takes.
            channels: `"joint"`, one impulse in all colours (the paper's white pixel), or `"matrix"`, one for each
                colour, which gives the response from each colour to each.
            amplitude: height of the impulse over the background, on the 0..1 scale; may be small or negative. Networks
                are not linear, so the response per unit of amplitude depends on it. Ignored in mode `"jvp"`.
            background: a level, or an image `[C, h, w]` that the impulse is added to.
            form: `"literal"`, `h = N(a d) / a`, as in the paper, on a black background only; `"affine"`,
                `h = (N(b + a d) - N(b)) / a`, which takes away what the network makes of the background alone. When not
                given, literal where that has a meaning and affine otherwise.
            mode: `"finite"`, or `"jvp"`: the derivative at the background, the limit of small amplitudes, which is of
                the affine form.
            position: LR index `(y, x)` of the impulse, the middle one, `size // 2`, when not given.
            seeds: how many draws to average over, for a network that draws random numbers (dropout left on, diffusion,
                flows): the result has a `standard_error`. Every term of a difference gets the same random numbers.

        Returns:
            An `ImpulseResponse` of `s*size x s*size` HR pixels, and of all q x q places in a block at a scale p/q. One
            that explodes or is not finite is a result too, and comes with a warning; so does one that reaches the
            border of the canvas.

        Raises:
            NetworkError: the network raised; the message says at which input size, and which sizes work.
            ValueError: an argument is not as above, or the output's size is no multiple of the input's.
        """
        point = OperatingPoint(amplitude, background, form, mode, channels)
        return mean_response(self.network, point, seeds, size=size, position=position)

    def amplitude_sweep(
        self,
        amplitudes: Sequence[float] | None = None,
        size: int | None = None,
        channels: str = "joint",
        *,
        background: float | Tensor = 0.0,
        position: tuple[int, int] | None = None,
        seeds: int = 1,
    ) -> AmplitudeSweep:
        """Responses at several amplitudes: how far the network is from linear, and where it breaks.

        Args:
            amplitudes: heights of the impulse over the background, not 0; when not given, 0.01 to 1 up and down.
            size: as for `impulse_response`.
            channels: as for `impulse_response`.
            background: as for `impulse_response`.
            position: as for `impulse_response`.
            seeds: as there; `linearity` and the ring cosines then have standard errors, too.

        Returns:
            An `AmplitudeSweep`: responses of the affine form, their fits, the local response, and numbers that compare
            them. An amplitude at which the response explodes or is not finite is a result, and comes with a warning.

        Raises:
            ValueError: an argument is not as above.
            NetworkError: the network raised.

        Source: ours; Deng et al. (ICML 2024) probe at one amplitude.

        Example:
            >>> import torch, hyra
            >>> print(hyra.HyRA(torch.nn.Upsample(scale_factor=2)).amplitude_sweep([-0.5, 0.1, 1], size=16))
            AmplitudeSweep(3 amplitudes from -0.5 to 1, linearity 1)
        """
        point = OperatingPoint(background=background, form="affine", channels=channels)
        return amplitude_sweep(self.network, point, amplitudes, size=size, position=position, seeds=seeds)

    def layer_responses(
        self,
        layers: Sequence[str] | None = None,
        size: int | None = None,
        *,
        amplitude: float = 1.0,
        form: str = "affine",
        seeds: int = 1,
    ) -> LayerResponses:
        """What the layers inside the network make of a white pixel: where in it the response takes shape.

        Args:
            layers: names of modules as `named_modules` gives them, and `"(output)"` for the whole network; when not
                given, all that return one image whose size is a multiple of the input's, except containers that
                return what their last part does.
            size: side of the square canvas in LR pixels, as for `impulse_response`.
            amplitude: height of the impulse, on the 0..1 scale.
            form: `"affine"` takes away what the layer makes of a black image, which in hidden layers is mostly their
                biases; `"literal"` keeps it, as the paper does (appendix C.3).
            seeds: as for `impulse_response`.

        Returns:
            `LayerResponses`, a mapping: for each layer, in the order of computation or of `layers`, a response
            `[C_layer, k*size, k*size]` with `k` as its `scale`, in the network's own units. It has the principal
            pattern of each layer, and how like the sinc that is, too. A module that runs several times gives what it
            returned last.

        Raises:
            ValueError: `net` is no module, or a layer is unknown or returns no such image.
            NetworkError: the network raised.

        Source: Deng et al. (ICML 2024), appendix C.3, which shows channels of some layers; the scores are ours.

        Example:
            >>> import torch, hyra
            >>> net = torch.nn.Sequential(torch.nn.Conv2d(3, 12, 3, padding=1), torch.nn.PixelShuffle(2))
            >>> {name: h.response.shape for name, h in hyra.HyRA(net).layer_responses(size=16).items()}
            {'0': torch.Size([12, 16, 16]), '1': torch.Size([3, 32, 32])}
        """
        return layer_responses(self.network, OperatingPoint(amplitude, form=form), layers, size=size, seeds=seeds)

    def probe(
        self,
        positions: Tensor | str = "grid",
        channels: str = "joint",
        *,
        pack: bool = True,
        canvas: int | None = None,
        size: int | None = None,
        amplitude: float = 1.0,
        background: float | Tensor = 0.0,
        form: str | None = None,
        mode: str = "finite",
        keep_responses: bool = False,
        batch_size: int | None = None,
        progress: bool = True,
        seeds: int = 1,
    ) -> Probe:
        """Impulse responses at many positions: how far the network is from spatially invariant.

        Responses to impulses that are farther apart than the network looks do not meet, so one image can hold many. How
        far it looks, and the period after which it repeats, are measured. That packing changes nothing is checked to
        1e-6 of the peak; where it does change something, each position gets an image of its own, with a warning.

        Args:
            positions: `[P, 2]` integers, LR rows and columns on the canvas, or `"grid"`: every 7 LR pixels each way, as
                far as the windows lie inside.
            channels: as for `impulse_response`; `"matrix"` takes an image for each colour.
            pack: whether to put several impulses into one image.
            canvas: side of the canvas in LR pixels; 128, or the next size that the network takes, when not given.
            size: side in LR pixels of the window around each impulse that counts as its response; the receptive field
                when not given (from 9 to 65; 33 where it is not known).
            amplitude: as for `impulse_response`.
            background: as for `impulse_response`; an image is its own canvas, and shows how the response changes on it.
            form: as for `impulse_response`.
            mode: as for `impulse_response`.
            keep_responses: whether to keep each position's own response, too.
            batch_size: images per call of the network, halved when memory runs out. When not given, 1 on a CPU and 16
                elsewhere to begin with, and doubled as long as that gives a tenth more images per second and a call
                takes less than 0.1 s. Results do not depend on it beyond rounding; give one for the same bits every
                time.
            progress: whether to show a bar on a terminal, if tqdm is installed.
            seeds: as for `impulse_response`: responses are averaged before they are compared, and deviations have a
                `standard_error`, which says what of them is noise. All are held in memory.

        Returns:
            A `Probe`: mean response, variance map, and the deviation of every position from the middle one.

        Raises:
            ValueError: an argument is not as above.
            NetworkError: the network raised.

        Source: Deng et al. (ICML 2024), appendix C.2, which compares a few positions by eye.

        Example:
            >>> import torch, hyra
            >>> model = hyra.HyRA(torch.nn.Upsample(scale_factor=2, mode="bicubic"))
            >>> result = model.probe(canvas=64)
            >>> result.packed, result.locality.receptive_field, bool(result.deviation.max() < 1e-6)
            (True, 5, True)
        """
        return mean_probe(
            self.network,
            OperatingPoint(amplitude, background, form, mode, channels),
            positions,
            seeds,
            canvas_side=canvas,
            window_side=size,
            pack=pack,
            keep_responses=keep_responses,
            batch_size=batch_size,
            progress=progress,
        )

    def decompose(
        self,
        lr: Tensor,
        boundary: str = "reflect",
        response: ImpulseResponse | None = None,
        *,
        channels: str | None = None,
        form: str | None = None,
        tile: int | None = None,
        halo: int | None = None,
        seeds: int = 1,
    ) -> Decomposition:
        """Split the network's output for one image, or a batch, into H and G.

        The literal form takes `H(I) = I * h`. The affine form takes `H(I) = N(b) + (I - b) * h`, so that G is zero for
        the background alone too; `N(b)` is then computed for a background of the image's size.

        Args:
            lr: `[C, h, w]` or `[N, C, h, w]`, floating-point, in 0..1.
            boundary: how H continues the image beyond its border: `"reflect"`, `"zeros"`, `"replicate"` or
                `"circular"`.
            response: what `impulse_response` returned; measured with its defaults, but for `channels` and `form`, when
                not given.
            channels: of the response, `"joint"` or `"matrix"`; joint when neither is given.
            form: of the response, `"literal"` or `"affine"`; literal when neither is given.
            tile: side in LR pixels of the parts that the network is run on, for images that are too large for it in one
                piece; rounded up to what the network's windows and sizes need. The result is that of the whole image to
                rounding.
            halo: LR pixels around each tile that the network is shown and whose output is not used; how far the network
                looks, as measured, when not given. A network that looks at the whole image needs one, and is then only
                approximated, with a warning that says how nearly.
            seeds: as for `impulse_response`: output, H and G are means, and the output has a `standard_error`.

        Returns:
            A `Decomposition` whose `linear + nonlinear` is `output` to rounding.

        Raises:
            TypeError: `lr` is no floating-point tensor.
            ValueError: `lr` is no image or not finite, or does not match the response; the response has not the
                `channels` or `form` asked for; or `tile` is given for a network that looks at the whole image, without
                `halo`.
            NetworkError: the network raised on it.

        Example:
            >>> import torch, hyra
            >>> model, lr = hyra.HyRA(torch.nn.Upsample(scale_factor=2, mode="bicubic")), torch.rand(3, 50, 70)
            >>> torch.equal(model.decompose(lr, tile=16).output, model.decompose(lr).output)
            True
        """
        return decompose(
            self.network, lr, boundary, response, channels=channels, form=form, tile=tile, halo=halo, seeds=seeds
        )

    def attribution(
        self,
        lr: Tensor,
        window: int | Window | Sequence[Window] = 1,
        *,
        side: int = 16,
        sigma: float = 1.2,
        tolerance: float = 0.01,
        block: int | None = None,
        batch_size: int | None = None,
        progress: bool = True,
        seeds: int = 1,
    ) -> Attribution:
        """Which pixels of an image make the detail in a window of the output: local attribution maps.

        The detail of a window is the sum of the output's gradient magnitude over its pixels and colours. The image is
        blurred and then sharpened little by little; its gradients, times what changes of the image at each step, add up
        to what each pixel contributes. The sum over all pixels is the change of detail: the path is divided more
        finely until that holds. All windows share the runs of the network.

        Args:
            lr: `[C, h, w]`, floating-point, in 0..1.
            window: HR row and column of the first pixel of a square in the output and its side, or several such; or
                how many to look at, which then lie where the output has most detail.
            side: of windows that are not named, in HR pixels.
            sigma: of the strongest Gaussian blur, in LR pixels.
            tolerance: how far the sum of the contributions may be from the change of detail, relative to that.
            block: measure contributions of squares of so many LR pixels a side by central differences, which takes no
                gradients but two runs of the network for each square and step. When not given, gradients are used, and
                this with 8 squares along the longer side only where the network has none.
            batch_size: images per call of the network, as for `probe`; results do not depend on it beyond rounding.
            progress: whether to show a bar on a terminal, if tqdm is installed.
            seeds: as for `impulse_response`: output, details and maps are means over so many draws, and the maps and
                their indices have standard errors. Each draw has the random numbers of its seed all along the path.

        Returns:
            An `Attribution`: signed maps, their diffusion index, and how complete they are.

        Raises:
            TypeError: `lr` is no floating-point tensor.
            ValueError: `lr` is no image of the network's colours, or another argument is not as above.
            NetworkError: the network raised.

        Source: Gu and Dong, Interpreting Super-Resolution Networks with Local Attribution Maps (CVPR 2021). Their code
            takes 50 steps, whatever that gives, with sums in place of integrals; maps agree as steps grow.

        Example:
            >>> import torch, hyra
            >>> model = hyra.HyRA(torch.nn.Upsample(scale_factor=2, mode="bicubic"))
            >>> found = model.attribution(torch.rand(3, 24, 24), (20, 20, 8))
            >>> found.maps.shape, bool(found.completeness_error < 0.01)
            (torch.Size([1, 3, 24, 24]), True)
        """
        return attribution(
            self.network,
            lr,
            window,
            side=side,
            sigma=sigma,
            tolerance=tolerance,
            block=block,
            batch_size=batch_size,
            progress=progress,
            seeds=seeds,
        )

    def erf(
        self,
        images: Tensor,
        *,
        response: ImpulseResponse | None = None,
        support: bool = True,
        batch_size: int | None = None,
        progress: bool = True,
        seeds: int = 1,
    ) -> EffectiveReceptiveField:
        """The effective receptive field: how much the middle of the output depends on each pixel of the input.

        The derivatives of all HR pixels in the middle LR pixel's cell are squared and summed up, mean over the images.
        For a linear network that is the energy of the impulse response in each cell, turned about the middle.

        Args:
            images: `[C, h, w]` or `[N, C, h, w]`, floating-point, in 0..1: the more, the better. Those of photographs
                say what the network does with photographs.
            response: to compare with; measured, of the affine form, when not given.
            support: whether to measure also how far the network looks at all, as `probe` does, and the response.
            batch_size: as for `attribution`.
            progress: as there.
            seeds: as for `impulse_response`: the energy is the mean over so many draws, and it and its radii have
                standard errors.

        Returns:
            An `EffectiveReceptiveField`: the energy, its radii, areas and direction.

        Raises:
            TypeError: `images` is no floating-point tensor.
            ValueError: `images` is empty, not finite, or not of the network's colours.
            NetworkError: the network raised, or no gradients pass through it; `probe` then says how far it looks.

        Source: Luo et al., Understanding the Effective Receptive Field in Deep Convolutional Neural Networks (NIPS
            2016), and Ding et al., Scaling Up Your Kernels to 31x31 (CVPR 2022), who rectify and add up derivatives
            of one output pixel where energies of a cell are added up here.

        Example:
            >>> import torch, hyra
            >>> field = hyra.HyRA(torch.nn.Upsample(scale_factor=2)).erf(torch.rand(3, 16, 16), support=False)
            >>> field.radius(0.99), int((field.energy > 0).sum())  # nearest neighbours look at one pixel
            (0.0, 1)
        """
        return erf(
            self.network,
            images,
            response=response,
            support=support,
            batch_size=batch_size,
            progress=progress,
            seeds=seeds,
        )

    def layer_spectra(self, lr: Tensor, layers: Sequence[str] | None = None, *, black: bool = False) -> LayerSpectra:
        """What becomes of frequencies from layer to layer: the radial power of each layer's output for an image.

        Args:
            lr: `[C, h, w]`, floating-point, in 0..1.
            layers: names as for `layer_responses`; when not given, all whose output is an image on the input's grid or
                one that is finer or coarser: channels first or last, or as tokens. The grid is that of the image as the
                network takes it, continued by reflection where it does not take every size.
            black: whether to measure also what the layers make of black, and what the image adds to that. In hidden
                layers H starts from the difference, since it leaves out what biases make of nothing. The network then
                runs on two images.

        Returns:
            `LayerSpectra`, a mapping from names to powers over the frequency in cycles per LR pixel.

        Raises:
            TypeError: `lr` is no floating-point tensor.
            ValueError: `net` is no module, a layer is unknown or returns no such image, or none does.
            NetworkError: the network raised.

        Source: Park and Kim, How Do Vision Transformers Work? (ICLR 2022), for the relative log amplitude.

        Example:
            >>> import torch, hyra
            >>> net = torch.nn.Sequential(torch.nn.AvgPool2d(3, 1, 1), torch.nn.Upsample(scale_factor=2))
            >>> found = hyra.HyRA(net).layer_spectra(torch.rand(3, 32, 32))
            >>> [*found], bool(found.survival()[0, 3] > 1)  # repeated pixels bring copies of the spectrum
            (['0', '1'], False)
        """
        return layer_spectra(self.network, lr, layers, black=black)


def check_model(name: str, value: object) -> None:
    """`value` is a `HyRA`, and not the network itself."""
    if not isinstance(value, HyRA):
        raise TypeError(f"{name} must be a hyra.HyRA, such as hyra.HyRA(net), got {validate.kind(value)}")
