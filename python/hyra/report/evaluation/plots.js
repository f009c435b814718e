"use strict";
// The two plots, drawn again when the reader chooses something else, or a darker screen.

const MANY = 10000; // points, from which WebGL draws them
const dark = matchMedia("(prefers-color-scheme: dark)");
const SYMBOLS = ["circle", "square", "diamond", "cross", "triangle-up"];

/** A name as Plotly shows it: its own tags and entities have no meaning in it. */
function plain(text) {
  return text.replaceAll("&", "&amp;").replaceAll("<", "&lt;").replaceAll(">", "&gt;");
}

/** A colour that stands out from a dark page; black turns white. */
function lightened(colour) {
  if (colour === "#000000") return "#ffffff";
  const parts = [1, 3, 5].map((start) => parseInt(colour.slice(start, start + 2), 16));
  return `rgb(${parts.map((part) => Math.round(part + 0.35 * (255 - part))).join(", ")})`;
}

function marker(method) {
  const place = methods.indexOf(method);
  const colour = data.colours[place % data.colours.length];
  return { color: dark.matches ? lightened(colour) : colour, symbol: SYMBOLS[Math.floor(place / data.colours.length) % SYMBOLS.length] };
}

function layout(height, x, y) {
  const line = "rgba(128, 128, 128, 0.3)";
  const axis = { gridcolor: line, zerolinecolor: line, linecolor: line, automargin: true };
  return {
    height,
    font: { family: "system-ui, sans-serif", color: getComputedStyle(document.body).color },
    paper_bgcolor: "transparent",
    plot_bgcolor: "transparent",
    margin: { l: 10, r: 10, t: 10, b: 40 },
    legend: { orientation: "h", y: -0.18 },
    modebar: { bgcolor: "transparent", color: "#808080", activecolor: "#0072b2" },
    hoverlabel: { align: "left" },
    hovermode: "closest",
    xaxis: { ...axis, ...x },
    yaxis: { ...axis, ...y },
  };
}

/** The finite values of a group with the names they belong to, for one or two scores. */
function points(group, ...scores) {
  const values = scores.map((score) => group.values[score].map(number));
  const finite = group.images.map((_, place) => place).filter((place) => values.every((of) => Number.isFinite(of[place])));
  return {
    values: values.map((of) => finite.map((place) => of[place])),
    text: finite.map((place) => plain(data.images[group.images[place]])),
    images: finite.map((place) => group.images[place]),
  };
}

function draw(id, traces, made) {
  const config = { responsive: true, displaylogo: false, displayModeBar: matchMedia("(hover: hover)").matches && "hover", modeBarButtonsToRemove: ["select2d", "lasso2d"] };
  return Plotly.react(id, traces, made, config);
}

function groupsAt(scale) {
  return data.groups.map((group, index) => ({ ...group, index })).filter((group) => group.scale === scale);
}

function drawDistributions() {
  const [score, scale] = chosen("distributions", "score", "scale");
  const { title, digits } = data.scores[score];
  const groups = groupsAt(scales[scale]);
  const traces = groups.map((group) => {
    const { values, text, images } = points(group, score);
    return {
      type: "box",
      orientation: "h",
      name: plain(group.method),
      x: values[0],
      text,
      customdata: images.map((image) => `${group.index} ${image}`),
      boxpoints: values[0].length <= 200 ? "all" : "outliers",
      jitter: 0.5,
      pointpos: 0,
      marker: { ...marker(group.method), size: 4, opacity: 0.6 },
      line: { width: 1.5 },
      hovertemplate: `%{text}<br>%{x:.${digits}f}<extra>%{fullData.name}</extra>`,
    };
  });
  const made = layout(90 + 46 * groups.length, { title: { text: title } }, { autorange: "reversed" });
  draw("distributions", traces, { ...made, showlegend: false });
}

function drawScatter() {
  const [x, y, scale] = chosen("scatter", "x", "y", "scale");
  const groups = groupsAt(scales[scale]);
  const count = groups.reduce((sum, group) => sum + group.images.length, 0);
  const [across, upwards] = [data.scores[x], data.scores[y]];
  const label = `%{text}<br>%{x:.${across.digits}f}, %{y:.${upwards.digits}f}<extra>%{fullData.name}</extra>`;
  const traces = groups.map((group) => {
    const { values, text, images } = points(group, x, y);
    return {
      type: count > MANY ? "scattergl" : "scatter",
      mode: "markers",
      name: plain(group.method),
      x: values[0],
      y: values[1],
      text,
      customdata: images.map((image) => `${group.index} ${image}`),
      marker: { ...marker(group.method), size: 8, opacity: 0.85 },
      hovertemplate: label,
    };
  });
  draw("scatter", traces, layout(460, { title: { text: across.title } }, { title: { text: upwards.title } }));
}

/** What stands in the selections of a plot, as indices. */
function chosen(plot, ...names) {
  return names.map((name) => Number(document.getElementById(`${plot}-${name}`).value));
}

function offer(id, texts, first, redraw) {
  const select = document.getElementById(id);
  texts.forEach((text, index) => select.append(new Option(text, index, index === first, index === first)));
  select.onchange = redraw;
  select.parentElement.hidden = texts.length < 2;
}

function start(plot, scores, redraw) {
  const box = document.getElementById(plot);
  if (!box) return;
  const titles = data.scores.map((score) => score.title);
  scores.forEach((name, place) => offer(`${plot}-${name}`, titles, place, redraw));
  offer(`${plot}-scale`, scales.map((scale) => `×${scale}`), scales.length - 1, redraw);
  dark.addEventListener("change", redraw);
  redraw();
  box.on("plotly_click", (event) => {
    const pair = pairs.get(event.points[0].customdata);
    if (pair) viewer.open(pair);
  });
}

start("distributions", ["score"], drawDistributions);
start("scatter", ["x", "y"], drawScatter);
