backend: str

def simd_level() -> str: ...
def simd_levels() -> list[str]: ...
def set_simd_level(level: str) -> None: ...
def polyphase_filter(
    dtype: str,
    out: int,
    image: int,
    taps: int,
    batch: int,
    out_channels: int,
    in_channels: int,
    height: int,
    width: int,
    scale: int,
    taps_y: int,
    taps_x: int,
    first_y: int,
    first_x: int,
    matrix: bool,
    boundary: int,
    context: int,
) -> None: ...
def quadrant_energy(
    dtype: str,
    partials: int,
    column_sums: int,
    spectrum: int,
    planes: int,
    rows: int,
    columns: int,
    bands: int,
    weighting: int,
    context: int,
) -> None: ...
def impulse_batch(
    dtype: str,
    images: int,
    background: int,
    positions: int,
    amplitudes: int,
    count: int,
    channels: int,
    height: int,
    width: int,
    impulses: int,
    context: int,
) -> None: ...
def radial_moments(
    dtype: str,
    power_a: int,
    power_b: int,
    cross: int,
    count: int,
    partials: int,
    partial_counts: int,
    a: int,
    b: int,
    planes: int,
    height: int,
    width: int,
    rings: int,
    bands: int,
    context: int,
) -> None: ...
