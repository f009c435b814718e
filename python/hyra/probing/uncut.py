"""The response of a network that bounds its output, where nothing of it is cut off."""

from __future__ import annotations

from contextlib import suppress

from hyra._util.warnings import recorded, warn
from hyra.filters.response import ImpulseResponse
from hyra.network.forward import NetworkError
from hyra.network.wrapper import Network
from hyra.probing.impulse import impulse_response
from hyra.probing.operating_point import OperatingPoint

GREY = (OperatingPoint(background=0.5, mode="jvp"), OperatingPoint(amplitude=0.1, background=0.5))
"""Where bounds such as 0 and 1 cut nothing: the derivative at grey, or where there is none a small step."""


def uncut_response(network: Network, point: OperatingPoint) -> ImpulseResponse:
    """The response at an operating point, or at grey where the network's bounds cut that off.

    `clipped` of what comes back is not 0 where they cut grey, too. Warnings are of that response alone.

    Raises:
        NetworkError: the network raised at `point`.
    """
    _ = network.traits  # what there is to warn of is told before warnings are held back
    with recorded() as caught:
        first = response = impulse_response(network, point)
    for grey in GREY if first.clipped else ():
        with suppress(NetworkError), recorded() as of_grey:
            found = impulse_response(network, grey)
            if not found.clipped:
                response, caught = found, of_grey
                break
    for warning in caught:
        warn(str(warning.message), warning.category)
    return response
