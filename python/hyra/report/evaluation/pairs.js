"use strict";
// Pairs of images: the worst and the best as a gallery, one of them opened, and the table of all.

const pairs = new Map(data.pairs.map((pair) => [`${pair.group} ${pair.image}`, pair]));

function nameOf(group) {
  return `${group.method} ×${group.scale}`;
}

/** A method's scores of an image, as they are written. */
function scoresOf(group, place) {
  return data.scores.map((score, s) => written(number(group.values[s][place]), score.digits));
}

/** One picture over the other; the slider says how much is seen of each. */
function overlaid(sr, hr, caption) {
  const images = [
    element("img", { src: hr, alt: `HR, ${caption}` }),
    element("img", { src: sr, alt: `SR, ${caption}`, className: "above" }),
    element("span", { className: "left" }, "SR"),
    element("span", { className: "right" }, "HR"),
  ];
  return element("figure", {}, element("div", { className: "overlaid" }, ...images), element("figcaption", {}, caption));
}

class Viewer {
  constructor() {
    this.dialog = element("dialog");
    document.body.append(this.dialog);
  }

  open(pair) {
    const group = data.groups[pair.group];
    this.pair = pair;
    const close = element("button", { type: "button", textContent: "Close", onclick: () => this.dialog.close() });
    const heading = element("h2", { id: "opened" }, `${data.images[pair.image]}, ${nameOf(group)}`);
    this.dialog.setAttribute("aria-labelledby", "opened");
    this.dialog.replaceChildren(
      element("header", {}, heading, this.step(-1, "Previous"), this.step(1, "Next"), close),
      this.slider(),
      this.figures(pair),
      element("div", { className: "table" }, this.scores(pair)),
    );
    this.split(50);
    if (!this.dialog.open) this.dialog.showModal();
    this.range.focus();
  }

  /** To the pair before or after it in the gallery. */
  step(by, text) {
    const other = data.pairs[data.pairs.indexOf(this.pair) + by];
    return element("button", { type: "button", textContent: text, disabled: !other, onclick: () => this.open(other) });
  }

  slider() {
    const oninput = () => this.split(this.range.value);
    this.range = element("input", { type: "range", min: 0, max: 100, value: 50, oninput });
    this.range.ariaLabel = "SR up to here from the left, then HR";
    return element("div", { className: "slider" }, this.range);
  }

  split(percent) {
    this.range.value = percent;
    this.range.ariaValueText = `${Math.round(percent)} % SR`;
    this.dialog.style.setProperty("--split", `${percent}%`);
  }

  figures(pair) {
    const { window, size } = pair;
    const whole = window.width === size[0] && window.height === size[1];
    const corner = `${window.width}×${window.height} pixels at (${window.left}, ${window.top})`;
    const where = whole ? `the whole image, ${size[0]}×${size[1]} pixels` : `${corner} of ${size[0]}×${size[1]}`;
    const difference = element("div", { className: "overlaid" });
    difference.append(element("img", { src: pair.difference, alt: "SR minus HR" }));
    const figures = [
      overlaid(pair.sr, pair.hr, where),
      element("figure", {}, difference, element("figcaption", {}, "difference SR − HR, twice, around mid-grey")),
      overlaid(pair.sr_spectrum, pair.hr_spectrum, "spectrum of the whole image's luma"),
    ];
    const box = element("div", { className: "figures" }, ...figures);
    for (const picture of box.querySelectorAll(".overlaid:has(.above)")) {
      picture.onpointerdown = picture.onpointermove = (event) => {
        if (event.type === "pointermove" && event.pointerType === "mouse" && !event.buttons) return;
        const { left, width } = picture.getBoundingClientRect();
        this.split(Math.min(100, Math.max(0, (100 * (event.clientX - left)) / width)));
      };
    }
    return box;
  }

  /** Of this image by every method at this scale. */
  scores(pair) {
    const { scale } = data.groups[pair.group];
    const body = element("tbody");
    data.groups.forEach((group, g) => {
      const place = group.images.indexOf(pair.image);
      if (group.scale !== scale || place < 0) return;
      const cells = scoresOf(group, place).map((text) => element("td", { className: "number" }, text));
      const name = element("th", { scope: "row" }, nameButton(g, pair.image, group.method));
      body.append(element("tr", { className: g === pair.group ? "this" : "" }, name, ...cells));
    });
    return element("table", {}, heading(["method", ...data.scores.map((score) => score.title)]), body);
  }
}

const viewer = new Viewer();

/** A name, as a button where there are pictures of that pair to open. */
function nameButton(group, image, text) {
  const pair = pairs.get(`${group} ${image}`);
  if (!pair) return text;
  return element("button", { type: "button", className: "open", onclick: () => viewer.open(pair) }, text);
}

function heading(titles) {
  const cells = titles.map((title) => element("th", { scope: "col" }, title));
  return element("thead", {}, element("tr", {}, ...cells));
}

function thumbnail(pair) {
  const group = data.groups[pair.group];
  const name = data.images[pair.image];
  const [first] = scoresOf(group, group.images.indexOf(pair.image)).slice(data.by);
  const picture = element("img", { src: pair.sr, alt: "", decoding: "async" });
  const text = `${pair.end} ${pair.place}`;
  const score = `${data.scores[data.by].title.replace(/ \(dB\)$/, "")} ${first}`;
  return element(
    "button",
    { type: "button", className: `thumbnail ${pair.end}`, onclick: () => viewer.open(pair), title: name },
    picture,
    element("b", {}, text),
    element("span", {}, name),
    element("span", { className: "number" }, score),
  );
}

function showExamples() {
  const box = document.getElementById("examples");
  data.groups.forEach((group, g) => {
    const of = data.pairs.filter((pair) => pair.group === g);
    if (!of.length) return;
    box.append(
      element("h3", {}, nameOf(group)),
      element("div", { className: "thumbnails" }, ...of.map(thumbnail)),
    );
  });
}

function showPairs() {
  const titles = ["image", "method", "scale", ...data.scores.map((score) => score.title)];
  const table = element("table", {}, heading(titles), element("tbody"));
  document.getElementById("pairs").append(element("div", { className: "table" }, table));
  const lines = data.groups.flatMap((group, g) =>
    group.images.map((image, place) => ({
      values: [data.images[image], group.method, group.scale, ...group.values.map((values) => number(values[place]))],
      text: `${data.images[image]} ${group.method} x${group.scale} ${group.notes[image] ?? ""}`.toLowerCase(),
      row: () => pairRow(group, g, image, place),
    })),
  );
  new SortableTable(table, lines, "pair", LINES);
}

function pairRow(group, g, image, place) {
  const name = element("th", { scope: "row" }, nameButton(g, image, data.images[image]));
  const note = group.notes[image];
  if (note) name.append(element("small", {}, note));
  const cells = scoresOf(group, place).map((text) => element("td", { className: "number" }, text));
  return element("tr", {}, name, element("td", {}, group.method), element("td", {}, `×${group.scale}`), ...cells);
}

showExamples();
showPairs();
