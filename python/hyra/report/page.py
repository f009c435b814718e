"""One self-contained HTML page: pictures inlined, nothing fetched, readable on a phone and in the dark."""

from __future__ import annotations

import base64
import hashlib
import json
from collections.abc import Iterable, Mapping, Sequence
from html import escape
from typing import Any

from hyra.report.numbers import Number

_CSS = """
:root { color-scheme: light dark; --line: color-mix(in srgb, currentColor 22%, transparent); }
body { font: 1rem/1.55 system-ui, sans-serif; max-width: 62rem; margin: 0 auto; padding: 1rem; }
h1 { font-size: 1.5rem; line-height: 1.25; } h2 { font-size: 1.15rem; margin-top: 2.2rem; }
p, figcaption { max-width: 44rem; }
figure { margin: 1rem 0; } figcaption { font-size: .9rem; opacity: .8; }
img { max-width: 100%; height: auto; background: #fff; border-radius: .3rem; padding: .4rem; box-sizing: border-box; }
/* A shadow at an edge beyond which there is more: what lies on it moves along, and covers it at the end of the way. */
.table { overflow-x: auto; --shade: color-mix(in srgb, CanvasText 45%, transparent); background:
  linear-gradient(to right, Canvas 40%, transparent) left / 3rem 100% no-repeat local,
  linear-gradient(to left, Canvas 40%, transparent) right / 3rem 100% no-repeat local,
  linear-gradient(to right, var(--shade), transparent) left / .9rem 100% no-repeat scroll,
  linear-gradient(to left, var(--shade), transparent) right / .9rem 100% no-repeat scroll; }
table { border-collapse: collapse; width: 100%; font-size: .92rem; }
th, td { text-align: left; vertical-align: top; padding: .4rem .8rem .4rem 0; border-bottom: 1px solid var(--line); }
td.value { white-space: nowrap; font-variant-numeric: tabular-nums; }
td.meaning { min-width: 16rem; }
code { font-family: ui-monospace, monospace; overflow-wrap: anywhere; }
.warning { border-left: .25rem solid #d55e00; padding-left: .8rem; }
"""

_PIXELS_PER_INCH = 139  # of every figure, so that all have letters of one size; the widest fill the page


def figure(png: bytes, alt: str, caption: str, inches: float) -> str:
    """A picture of this width with its caption; `alt` says what is seen to those who do not see it."""
    source = f"data:image/png;base64,{base64.b64encode(png).decode()}"
    picture = f'<img src="{source}" width="{round(inches * _PIXELS_PER_INCH)}" alt="{escape(alt)}">'
    return f"<figure>{picture}<figcaption>{escape(caption)}</figcaption></figure>"


def paragraph(text: str, kind: str = "") -> str:
    """Plain text as one paragraph."""
    return f'<p class="{kind}">{escape(text)}</p>' if kind else f"<p>{escape(text)}</p>"


def numbers(rows: Iterable[Number]) -> str:
    """A table of values, what to compare them with, and what they mean."""
    cells = ((row.label, str(row), row.reference, row.meaning) for row in rows)
    return table(("", "this network", "compare", "what it means"), cells, ("", "value", "", "meaning"))


def table(head: Sequence[str], rows: Iterable[Sequence[str]], kinds: Sequence[str] = ()) -> str:
    """Any table of text; `kinds` are the columns' classes."""
    kinds = kinds or ("value",) * len(head)
    top = "".join(f"<th>{escape(cell)}</th>" for cell in head)
    body = "".join(
        "<tr>" + "".join(f'<td class="{k}">{escape(cell)}</td>' for k, cell in zip(kinds, row, strict=True)) + "</tr>"
        for row in rows
    )
    return f'<div class="table"><table><thead><tr>{top}</tr></thead><tbody>{body}</tbody></table></div>'


def render(
    title: str,
    sections: Sequence[tuple[str, Sequence[str]]],
    provenance: Mapping[str, str],
    *,
    style: str = "",
    scripts: Sequence[str] = (),
    data: Any = None,
) -> str:
    """The page: each section is a heading and its parts, made by the functions above.

    Args:
        title: of the page.
        sections: headings with their pieces of HTML.
        provenance: facts for the table at the end.
        style: more CSS.
        scripts: JavaScript, run in that order when all else is there. The page runs no other, wherever it came from.
        data: what they find in the element ``#data`` as JSON.
    """
    parts = [f"<h2>{escape(heading)}</h2>" * bool(heading) + "".join(body) for heading, body in sections]
    facts = "".join(f"<tr><td>{escape(k)}</td><td><code>{escape(v)}</code></td></tr>" for k, v in provenance.items())
    code = "".join(f"<script>{script}</script>" for script in scripts)
    return (
        '<!doctype html><html lang="en"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        f'<meta http-equiv="Content-Security-Policy" content="{_policy(scripts)}">'
        f"<title>{escape(title)}</title><style>{_CSS}{style}</style></head><body><h1>{escape(title)}</h1>"
        + "".join(parts)
        + f'<h2>Provenance</h2><div class="table"><table><tbody>{facts}</tbody></table></div>'
        + _json_element(data) * bool(scripts)
        + f"{code}</body></html>\n"
    )


def _policy(scripts: Sequence[str]) -> str:
    """What a browser may load for the page: nothing from outside, and these scripts alone, by their hashes."""
    digests = (base64.b64encode(hashlib.sha256(script.encode()).digest()).decode() for script in scripts)
    allowed = "".join(f" 'sha256-{digest}'" for digest in digests)
    code = f"; script-src 'unsafe-eval'{allowed}" if scripts else ""  # WebGL plots compile their shaders' inputs
    return f"default-src 'none'; img-src data: blob:; style-src 'unsafe-inline'{code}"


def _json_element(data: Any) -> str:
    """As text that ends no element, whatever names it holds."""
    text = json.dumps(data, separators=(",", ":"), allow_nan=False)
    for character in "<>&":
        text = text.replace(character, f"\\u{ord(character):04x}")
    return f'<script type="application/json" id="data">{text}</script>'
