"""The sections of a report, in the order of reading."""

from __future__ import annotations

from hyra import plots
from hyra._util.table import or_nan
from hyra.filters.sinc import SincFit
from hyra.probing.impulse import explodes
from hyra.report import page, text
from hyra.report.folder import Folder
from hyra.report.measure import Log, Measurements
from hyra.report.operating_points import head
from hyra.report.quality import Quality


def write_all(made: Folder, measured: Measurements, log: Log) -> None:
    """Fill the folder with sections and figures."""
    if measured.fit is None:
        made.section("", text.NOT_FINITE.format(probe=measured.facts["probe"]))
    else:
        made.section("", _verdict(measured, measured.fit))
        log("drawing")
        _response(made, measured, measured.fit)
        _operating_points(made, measured)
        _over_image(made, measured)
        _transfer(made, measured)
        _split(made, measured)
        _inside(made, measured)
        made.section("Numbers")
        made.add(page.numbers(measured.numbers))
    if measured.quality:
        made.section("Against the reference", *text.QUALITY)
        made.add(page.table(Quality.HEAD, (row.row() for row in measured.quality)))
    for message in measured.messages:
        made.sections[0][1].append(page.paragraph(f"Warning: {message}", "warning"))
    made.section("What this does not say", *text.LIMITS)


def _verdict(measured: Measurements, fit: SincFit) -> str:
    """The one sentence at the top: of what is measured where nothing is cut, if anything is."""
    response = measured.response
    exploded = explodes(response.response)
    if fit.ring_cosine is None:
        values = {number.key: number.value for number in measured.numbers}
        return text.restoration(values, exploded=exploded)
    if not response.clipped:
        return text.verdict(fit.ring_cosine, exploded=exploded)
    bounds = response.provenance.get("output", "cut off")
    return text.clipped(
        bounds, response.clipped, [(row.probe, or_nan(row.ring_cosine)) for row in measured.characteristics[1:]]
    )


def _response(made: Folder, measured: Measurements, fit: SincFit) -> None:
    ideal = f" {text.IDEAL}" if measured.response.scale > 1 else ""
    made.section("Impulse response", f"{text.RESPONSE}{ideal} Here: {measured.facts['probe']}.")
    made.figure("impulse_response", plots.impulse_response(measured.response), text.RESPONSE_FIGURE)
    if measured.response.scale > 1:
        made.figure("profile", plots.profile(measured.response, fit=fit), text.PROFILE_FIGURE)


def _operating_points(made: Folder, measured: Measurements) -> None:
    made.section("Operating point", text.OPERATING_POINT)
    made.add(page.table(head(measured.characteristics), (row.row() for row in measured.characteristics)))


def _over_image(made: Folder, measured: Measurements) -> None:
    if measured.places is not None and measured.spread is not None:
        made.section("Over the image", *measured.spread.paragraphs())
        made.figure("over_image", plots.local_responses(measured.places), text.OVER_IMAGE_FIGURE)


def _transfer(made: Folder, measured: Measurements) -> None:
    made.section("Transfer function", text.TRANSFER)
    made.figure("transfer_function", measured.response.transfer_function().plot(), text.TRANSFER_FIGURE)


def _split(made: Folder, measured: Measurements) -> None:
    values = {number.key: number.value for number in measured.numbers}
    said = text.SPLIT
    if "copy_opposition" in values:
        said += f" {text.at_the_copies(values['copy_opposition'], values['copy_remaining'])}"
    made.section("Linear and non-linear part", said)
    made.figure("decomposition", plots.decomposition(measured.split), text.SPLIT_FIGURE)
    if measured.colour is not None:
        made.figure("in_colour", plots.in_colour(measured.split, measured.colour), text.COLOUR_FIGURE)
    made.figure("radial_power", plots.radial_power(measured.split), text.POWER_FIGURE)


def _inside(made: Folder, measured: Measurements) -> None:
    found = measured.inside
    if found is None:
        return
    made.section("Which pixels it uses", *found.paragraphs())
    made.figure("attribution", found.attribution.plot(), text.ATTRIBUTION_FIGURE)
    if found.field is not None:
        made.figure("erf", found.field.plot(), text.FIELD_FIGURE)
    if found.layers is not None:
        made.section("From layer to layer", text.LAYERS)
        made.figure("layer_spectra", found.layers.plot(), text.LAYERS_FIGURE)
