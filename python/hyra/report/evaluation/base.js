"use strict";
// What the other scripts share: the data, and how it is written.

const data = JSON.parse(document.getElementById("data").textContent);
const scales = [...new Set(data.groups.map((group) => group.scale))].sort((a, b) => a - b);
const methods = [...new Set(data.groups.map((group) => group.method))];

/** A value as JSON can hold it, as a number. */
function number(value) {
  return value === null ? NaN : Number(value);
}

/** A number as a table writes it. */
function written(value, digits) {
  if (Number.isNaN(value)) return "–";
  return Number.isFinite(value) ? value.toFixed(digits) : value > 0 ? "∞" : "−∞";
}

/** An element with properties and children; texts stay texts, whatever they hold. */
function element(tag, properties = {}, ...children) {
  const made = Object.assign(document.createElement(tag), properties);
  made.append(...children);
  return made;
}

/** Such as `1 image` or `24 images`. */
function counted(count, noun) {
  return `${count} ${noun}${count === 1 ? "" : "s"}`;
}
