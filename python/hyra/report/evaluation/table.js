"use strict";
// Tables that sort by a click on a heading and show the lines that hold every word of a filter.

const LINES = 50; // of every pair, at a time: a browser is slow with very many

class SortableTable {
  /** `lines` have `values` to sort by, a `text` to filter by, and a function `row` that makes their `<tr>`. */
  constructor(table, lines, noun, limit) {
    this.table = table;
    this.lines = lines;
    this.noun = noun;
    this.words = [];
    this.limit = limit;
    this.count = element("output");
    this.more = element("button", { type: "button", textContent: "Show more", onclick: () => this.showMore() });
    const filter = element("input", {
      type: "search",
      placeholder: "Filter",
      ariaLabel: `Filter ${noun}s by words`,
      oninput: () => this.filter(filter.value),
    });
    this.head = [...table.tHead.rows[0].cells];
    this.head.forEach((cell, column) => this.makeSortable(cell, column));
    const box = table.parentElement;
    box.before(element("div", { className: "choices" }, filter, this.count));
    box.after(this.more);
    this.show();
  }

  makeSortable(cell, column) {
    const button = element("button", { type: "button", onclick: () => this.sort(column) }, ...cell.childNodes);
    cell.ariaSort = "none";
    cell.replaceChildren(button);
  }

  /** Numbers from the largest first, texts from A; a second click turns it round. What has no value stays last. */
  sort(column) {
    const cell = this.head[column];
    const first = this.lines.some((line) => typeof line.values[column] === "number") ? "descending" : "ascending";
    const other = { ascending: "descending", descending: "ascending" };
    const order = cell.ariaSort === "none" ? first : other[cell.ariaSort];
    for (const each of this.head) each.ariaSort = each === cell ? order : "none";
    const sign = order === "ascending" ? 1 : -1;
    this.lines.sort((a, b) => compare(a.values[column], b.values[column], sign));
    this.show();
  }

  filter(text) {
    this.words = text.toLowerCase().split(/\s+/).filter(Boolean);
    this.show();
  }

  showMore() {
    this.limit *= 4;
    this.show();
  }

  show() {
    const left = this.lines.filter((line) => this.words.every((word) => line.text.includes(word)));
    this.table.tBodies[0].replaceChildren(...left.slice(0, this.limit).map((line) => line.row()));
    const all = counted(this.lines.length, this.noun);
    this.count.value = left.length < this.lines.length ? `${left.length} of ${all}` : all;
    this.more.hidden = left.length <= this.limit;
  }
}

function compare(a, b, sign) {
  const missing = Number(Number.isNaN(a)) - Number(Number.isNaN(b));
  if (missing || Number.isNaN(a)) return missing;
  if (typeof a === "string") return sign * a.localeCompare(b, undefined, { numeric: true });
  return a === b ? 0 : sign * (a < b ? -1 : 1);
}

/** What a cell sorts by. */
function cellValue(cell) {
  const value = cell.dataset.value;
  if (value === undefined) return cell.textContent;
  return value === "" ? NaN : Number(value);
}

for (const table of document.querySelectorAll("table.sortable")) {
  const lines = [...table.tBodies[0].rows].map((row) => ({
    values: [...row.cells].map(cellValue),
    text: [...row.cells].slice(0, 2).map((cell) => cell.textContent).join(" ").replace("×", "x").toLowerCase(),
    row: () => row,
  }));
  new SortableTable(table, lines, table.dataset.noun, lines.length);
}
