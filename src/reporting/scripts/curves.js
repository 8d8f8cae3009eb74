// Learning curves, drawn anew where something is chosen: models, splits, the scale of the epochs, a part of the chart.
// A curve's id is curve-MODEL-SEED-SPLIT-MEASURE. On paper the chart of metrics/ stands in their place.
"use strict";

const SVG = "http://www.w3.org/2000/svg", HEIGHT = 340, EDGE = { left: 52, right: 12, top: 26, bottom: 34 };
const shape = (name, attributes, text = "") => {
  const element = document.createElementNS(SVG, name);
  for (const [key, value] of Object.entries(attributes)) element.setAttribute(key, value);
  element.textContent = text;
  return element;
};
const niceStep = width => {  // 1, 2 or 5 times a power of ten, some five to a width
  const power = 10 ** Math.floor(Math.log10(width / 5));
  return [1, 2, 5, 10].map(times => times * power).find(step => width / step <= 6);
};

class CurveChart {
  constructor(box, curves, isShown, isLog) {
    Object.assign(this, { box, measure: box.dataset.measure, isShown, isLog, part: null, at: null });
    this.curves = curves.filter(({ measure }) => measure === this.measure);
    this.svg = shape("svg", { height: HEIGHT, tabindex: 0, role: "img", "aria-describedby": "tip-text" });
    this.svg.setAttribute("aria-label", `${this.measure} by epoch; arrow keys go from value to value`);
    box.append(this.svg);
    new ResizeObserver(() => this.draw()).observe(box);
    this.svg.addEventListener("pointermove", event => this.drag ? this.outline(event) : this.point(event));
    this.svg.addEventListener("pointerleave", () => this.drag || this.tell(null));
    this.svg.addEventListener("pointerdown", event => {
      this.drag = this.place(event);
      this.svg.setPointerCapture(event.pointerId);
    });
    this.svg.addEventListener("pointerup", event => this.choosePart(event));
    this.svg.addEventListener("dblclick", () => { this.part = null; this.draw(); });
    this.svg.addEventListener("keydown", event => this.step(event));
    this.svg.addEventListener("blur", () => this.tell(null));
  }

  scales() {  // functions from values to places, and back
    const shown = this.curves.filter(this.isShown), values = shown.flatMap(({ values }) => values);
    const longest = Math.max(1, ...shown.map(({ values }) => values.length));
    const [low, high] = values.length ? [Math.min(...values), Math.max(...values)] : [0, 1];
    const room = (high - low || 1) * 0.04;
    const { x, y } = this.part ?? { x: [1, longest], y: [low - room, high + room] };
    const [log, power] = this.isLog() ? [Math.log10, value => 10 ** value] : [value => value, value => value];
    const [left, right] = [EDGE.left, this.svg.clientWidth - EDGE.right], [top, bottom] = [EDGE.top, HEIGHT - EDGE.bottom];
    const span = log(x[1]) - log(x[0]) || 1;
    return {
      shown, x, y, left, right, top, bottom,
      across: epoch => left + (log(epoch) - log(x[0])) / span * (right - left),
      down: value => bottom - (value - y[0]) / (y[1] - y[0]) * (bottom - top),
      epoch: place => power(log(x[0]) + (place - left) / (right - left) * span),
      value: place => y[0] + (bottom - place) / (bottom - top) * (y[1] - y[0]),
    };
  }

  draw() {
    if (!this.svg.clientWidth) return;  // on paper
    const scale = this.scales(), { shown, x, y, left, right, top, bottom, across, down } = scale;
    const parts = [shape("text", { x: left, y: 14, class: "title" }, this.measure)];
    const step = niceStep(y[1] - y[0]), digits = Math.max(0, -Math.floor(Math.log10(step)));
    for (let value = Math.ceil(y[0] / step) * step; value <= y[1]; value += step) {
      parts.push(shape("line", { x1: left, x2: right, y1: down(value), y2: down(value), class: "grid" }));
      parts.push(shape("text", { x: left - 6, y: down(value) + 4, "text-anchor": "end" }, value.toFixed(digits)));
    }
    const epochs = this.isLog() ? [1, 2, 3, 5, 10, 20, 30, 50, 100, 200, 300, 500]
      : Array.from({ length: 12 }, (_, place) => (Math.ceil(x[0] / Math.max(1, niceStep(x[1] - x[0] || 1))) + place) * Math.max(1, niceStep(x[1] - x[0] || 1)));
    for (const epoch of epochs) if (epoch >= x[0] && epoch <= x[1]) {
      parts.push(shape("line", { x1: across(epoch), x2: across(epoch), y1: top, y2: bottom, class: "grid" }));
      parts.push(shape("text", { x: across(epoch), y: bottom + 16, "text-anchor": "middle" }, epoch));
    }
    parts.push(shape("text", { x: (left + right) / 2, y: HEIGHT - 4, "text-anchor": "middle" }, "epoch"));
    const clip = `part-${this.measure}`, frame = shape("clipPath", { id: clip });
    frame.append(shape("rect", { x: left - 4, y: top - 4, width: right - left + 8, height: bottom - top + 8 }));
    const lines = shape("g", { "clip-path": `url(#${clip})` });
    for (const { id, color, split, first, values } of shown) {
      const line = shape("g", { "data-curve": id, class: "curve", stroke: color, fill: color, opacity: first ? 1 : 0.3 });
      const points = values.map((value, place) => [across(place + 1), down(value)]);
      line.append(shape("polyline", { points: points.join(" "), fill: "none", "stroke-dasharray": split === "training" ? "2 4" : "none" }));
      for (const [cx, cy] of points) line.append(shape("circle", { cx, cy, r: 2.5 }));
      lines.append(line);
    }
    this.svg.replaceChildren(frame, ...parts, lines);
    this.scale = scale;
  }

  place(event) {
    const box = this.svg.getBoundingClientRect();
    return [event.clientX - box.left, event.clientY - box.top];
  }

  point(event) {  // the value nearest to the pointer, if it is near
    const [x, y] = this.place(event), { shown, across, down } = this.scale;
    let [least, at] = [12, null];
    shown.forEach(({ values }, line) => values.forEach((value, place) => {
      const distance = Math.hypot(across(place + 1) - x, down(value) - y);
      if (distance < least) [least, at] = [distance, [line, place]];
    }));
    this.tell(at);
  }

  step(event) {  // along a curve with left and right, to the next curve with up and down
    const [across, lines] = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] }[event.key] ?? [0, 0];
    if (event.key === "Escape") { this.part = null; this.draw(); this.tell(null); }
    const { shown } = this.scale;
    if (!across && !lines || !shown.length) return;
    event.preventDefault();
    const [line, place] = this.at ?? [0, -across];
    const next = (line + lines + shown.length) % shown.length;
    this.tell([next, Math.max(0, Math.min(place + across, shown[next].values.length - 1))]);
  }

  tell(at) {  // the value of a curve at a place, in a tip
    this.at = at;
    if (at === null) { tip.hidden = true; return; }
    const { shown, across, down } = this.scale, { model, seed, split, values } = shown[at[0]], value = values[at[1]];
    const text = this.measure === "accuracy" ? `${(100 * value).toFixed(2)}%` : value.toFixed(4);
    showTip([`${model}, seed ${seed}`, `${split} ${this.measure}: ${text}`, `after epoch ${at[1] + 1}`]);
    const box = this.svg.getBoundingClientRect();
    placeTip(box.left + across(at[1] + 1), box.top + down(value));
  }

  outline(event) {
    const [x, y] = this.place(event), [x1, y1] = this.drag;
    this.svg.querySelector(".outline")?.remove();
    this.svg.append(shape("rect", { class: "outline", x: Math.min(x, x1), y: Math.min(y, y1), width: Math.abs(x - x1), height: Math.abs(y - y1) }));
  }

  choosePart(event) {  // what was outlined, unless it is too small to be meant
    const [[x1, y1], [x2, y2], { epoch, value }] = [this.drag, this.place(event), this.scale];
    this.drag = null;
    this.svg.querySelector(".outline")?.remove();
    if (Math.abs(x2 - x1) <= 10 || Math.abs(y2 - y1) <= 10) return;
    const sorted = (a, b) => a < b ? [a, b] : [b, a];
    this.part = { x: sorted(epoch(x1), epoch(x2)), y: sorted(value(y1), value(y2)) };
    this.draw();
  }
}

const curveChart = document.getElementById("curve-chart");
if (curveChart) {
  const switches = [...document.querySelectorAll("#curve-switches input")];
  const logarithmic = document.querySelector("#curve-switches [name=log]");
  const palette = JSON.parse(curveChart.dataset.colors), firstSeeds = new Map();
  const curves = Object.entries(JSON.parse(document.getElementById("curve-data").textContent)).map(([id, values]) => {
    const [, model, seed, split, measure] = id.split("-");
    if (!firstSeeds.has(model)) firstSeeds.set(model, seed);
    return { id, model, seed, split, measure, values, color: palette[model], first: firstSeeds.get(model) === seed };
  });
  const on = (name, value) => switches.some(box => box.name === name && box.value === value && box.checked);
  const charts = [...document.querySelectorAll("#curve-lines > div")].map(box => new CurveChart(
    box, curves, ({ model, split }) => on("model", model) && on("split", split), () => logarithmic.checked));
  document.getElementById("curve-lines").hidden = false;
  curveChart.classList.add("on-paper");
  for (const box of switches) box.addEventListener("change", () => charts.forEach(chart => {
    chart.part = null;
    chart.draw();
  }));
}
