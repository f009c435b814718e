"""Every tensor that hyra makes says where it lives and of which type it is: torch's defaults are the user's."""

import ast
from pathlib import Path

PACKAGE = Path(__file__).parents[2] / "python" / "hyra"
INTEGERS = {"arange", "randint", "randperm"}  # of integers, unless they are given others
FLOATS = {
    "empty",
    "eye",
    "fftfreq",
    "full",
    "linspace",
    "logspace",
    "ones",
    "rand",
    "randn",
    "rfftfreq",
    "tensor",
    "zeros",
}


def omissions(source: str) -> list[tuple[int, str]]:
    """Line and name of the calls that leave device or dtype to torch."""
    wrong = []
    for node in ast.walk(ast.parse(source)):
        if not (isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute)):
            continue
        owner, name = ast.unparse(node.func.value), node.func.attr
        if owner not in ("torch", "torch.fft") or name not in INTEGERS | FLOATS:
            continue
        given = {keyword.arg for keyword in node.keywords}
        if missing := ({"device"} if name in INTEGERS else {"device", "dtype"}) - given:
            wrong.append((node.lineno, f"torch.{name} without {' and '.join(sorted(missing))}"))
    return wrong


def test_no_tensor_leaves_its_device_or_its_type_to_the_user():
    files = sorted(PACKAGE.rglob("*.py"))
    wrong = [
        f"{file.relative_to(PACKAGE)}:{line}: {what}" for file in files for line, what in omissions(file.read_text())
    ]
    assert not wrong, "\n".join(wrong)


def test_it_sees_omissions():
    assert omissions("torch.zeros(3)") == [(1, "torch.zeros without device and dtype")]
    assert omissions("torch.arange(3)\ntorch.fft.fftfreq(3, device=x)") == [
        (1, "torch.arange without device"), (2, "torch.fftfreq without dtype")]  # fmt: skip
    assert not omissions("x.new_zeros(3) + torch.arange(3, device=d) + torch.eye(3, dtype=t, device=d)")
