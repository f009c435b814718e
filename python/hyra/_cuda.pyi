backend: str

def runtime_version() -> int: ...
def driver_version() -> int: ...
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
