// Sorting, the switches of the learning curves, the choice of a model's mistakes, and the maps.
"use strict";

// ---- Tables: a click on a heading sorts by it, largest number or first word first; a second one the other way.
// Empty cells stay last.
for (const table of document.querySelectorAll("table.sortable")) {
  const heads = [...table.tHead.rows[0].cells];
  const value = (row, column) => {
    const cell = row.cells[column];
    const text = cell.dataset.value ?? cell.textContent.trim();
    return text === "" || isNaN(text) ? text : Number(text);
  };
  heads.forEach((head, column) => head.querySelector("button")?.addEventListener("click", () => {
    const numbers = [...table.tBodies[0].rows].some(row => typeof value(row, column) === "number");
    const sorted = head.getAttribute("aria-sort");
    const down = sorted === "none" ? numbers : sorted === "ascending";
    heads.forEach(other => other.setAttribute("aria-sort", "none"));
    head.setAttribute("aria-sort", down ? "descending" : "ascending");
    const order = (a, b) => {
      const [x, y] = [value(a, column), value(b, column)];
      if (x === "" || y === "") return (x === "") - (y === "");
      const [p, q] = typeof x === typeof y ? [x, y] : [String(x), String(y)];
      const ascending = p < q ? -1 : p > q ? 1 : 0;
      return down ? -ascending : ascending;
    };
    table.tBodies[0].append(...[...table.tBodies[0].rows].sort(order));
  }));
}

// ---- Learning curves: each line's id is curve-MODEL-SEED-SPLIT-MEASURE.
const switches = [...document.querySelectorAll("#curve-switches input")];
for (const one of switches) one.addEventListener("change", () => {
  const on = new Set(switches.filter(each => each.checked).map(each => `${each.name} ${each.value}`));
  for (const line of document.querySelectorAll("g[id^='curve-']")) {
    const [, model, , split] = line.id.split("-");
    line.style.display = on.has(`model ${model}`) && on.has(`split ${split}`) ? "" : "none";
  }
});

// ---- Mistakes: those of the chosen model.
const choice = document.getElementById("mistakes-of");
choice.addEventListener("change", () => {
  for (const group of document.querySelectorAll("[data-mistakes]")) group.hidden = group.dataset.mistakes !== choice.value;
});

// ---- Maps.
const atlas = JSON.parse(document.getElementById("atlas").textContent);
const bytes = text => Uint8Array.from(atob(text), letter => letter.charCodeAt(0)).buffer;
const images = atlas.images;  // their names
const groups = Object.fromEntries(
  Object.entries(atlas.groups).map(([what, group]) => [what, { ...group, of: new Uint16Array(bytes(group.of)) }]));
const PALETTE = ["#4e79a7", "#f28e2b", "#e15759", "#59a14f", "#b07aa1", "#d4a900", "#17becf", "#9c755f", "#ff7fbf", "#7f9f00"];
const color = (group, place) => group.grey.includes(place) ? "#999999"
  : PALETTE[place] ?? `hsl(${(place * 137.5) % 360} 60% 50%)`;
const sheet = document.getElementById("sheet");
const tip = document.getElementById("tip");
const colorBy = document.getElementById("color-by");
const legend = document.getElementById("legend");
const REACH = 14;  // pixels from a dot at which the pointer still means it
let hidden = new Set();
let chosen = null, over = null;  // the dot that the tip is about, and the map that it is on

const canvases = [...document.querySelectorAll("canvas[data-map]")].map(canvas => {
  const places = new Uint16Array(bytes(atlas.maps[canvas.dataset.map]));
  const placed = () => {  // a function from a dot to its place on the canvas as large as it is now
    const size = (canvas.clientWidth - 12) / 65535;
    return dot => [6 + places[2 * dot] * size, 6 + places[2 * dot + 1] * size];
  };
  return { canvas, placed };
});

const shows = dot => !hidden.has(groups[colorBy.value].of[dot]);

function draw() {
  const group = groups[colorBy.value];
  const colors = group.names.map((_, place) => color(group, place));
  const grey = new Set(group.grey);
  for (const { canvas, placed } of canvases) {
    const size = canvas.clientWidth, scale = devicePixelRatio, at = placed();
    canvas.width = canvas.height = size * scale;
    const brush = canvas.getContext("2d");
    brush.scale(scale, scale);
    brush.globalAlpha = 0.8;
    const radius = Math.min(3, Math.max(1, size / 40 / Math.sqrt(images.length / 100)));
    // Grey ones first, then in the order of the images: no group hides another.
    for (const greyNow of [true, false]) for (let dot = 0; dot < images.length; dot++) {
      const place = group.of[dot];
      if (grey.has(place) !== greyNow || hidden.has(place)) continue;
      brush.fillStyle = colors[place];
      const [x, y] = at(dot);
      brush.fillRect(x - radius, y - radius, 2 * radius, 2 * radius);
    }
    if (chosen !== null) {
      const [x, y] = at(chosen);
      brush.globalAlpha = 1;
      brush.lineWidth = 2;
      brush.strokeStyle = getComputedStyle(canvas).color;
      brush.beginPath();
      brush.arc(x, y, 7, 0, 2 * Math.PI);
      brush.stroke();
    }
  }
}

function list() {  // the legend: its buttons hide and show a group
  const group = groups[colorBy.value];
  const counts = group.names.map(() => 0);
  for (const place of group.of) counts[place]++;
  legend.replaceChildren(...group.names.map((name, place) => {
    const button = document.createElement("button");
    button.type = "button";
    button.setAttribute("aria-pressed", "true");
    button.style.setProperty("--dot", color(group, place));
    button.textContent = `${name} (${counts[place].toLocaleString("en")})`;
    button.addEventListener("click", () => {
      const now = !hidden.delete(place) && hidden.add(place);
      button.setAttribute("aria-pressed", String(!now));
      draw();
    });
    return button;
  }));
}

function choose(dot, map) {
  if (dot === chosen && map === over) return;
  [chosen, over] = [dot, map];
  draw();
  tip.hidden = dot === null;
  if (dot === null) return;
  const picture = tip.querySelector("canvas"), side = sheet.naturalWidth / atlas.columns;
  picture.width = picture.height = side;
  const [left, top] = [dot % atlas.columns * side, Math.floor(dot / atlas.columns) * side];
  picture.getContext("2d").drawImage(sheet, left, top, side, side, 0, 0, side, side);
  const lines = Object.entries(groups).map(([what, group]) => `${what}: ${group.names[group.of[dot]]}`);
  tip.querySelector("p").textContent = [images[dot], ...lines].join("\n");
  put();
}

function put() {  // the tip beside its dot, or above or below where there is no room
  if (chosen === null) return;
  const box = over.canvas.getBoundingClientRect(), own = tip.getBoundingClientRect();
  const [x, y] = over.placed()(chosen).map((length, axis) => length + (axis ? box.top : box.left));
  const [right, left] = [x + 16, x - 16 - own.width];
  const beside = right + own.width < innerWidth ? right : left > 0 ? left : null;
  const above = y - 16 - own.height > 0 ? y - 16 - own.height : y + 16;
  tip.style.left = `${beside ?? Math.max(4, (innerWidth - own.width) / 2)}px`;
  tip.style.top = `${beside === null ? above : Math.max(4, Math.min(y - own.height / 2, innerHeight - own.height - 4))}px`;
}

function nearest(map, x, y, cost) {
  const at = map.placed();
  let best = null, least = Infinity;
  for (let dot = 0; dot < images.length; dot++) {
    if (!shows(dot)) continue;
    const [there, down] = at(dot), now = cost(there - x, down - y);
    if (now < least) [best, least] = [dot, now];
  }
  return [best, least];
}

const STEPS = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] };
for (const map of canvases) {
  const { canvas } = map;
  const point = event => {
    const box = canvas.getBoundingClientRect();
    const [dot, distance] = nearest(map, event.clientX - box.left, event.clientY - box.top, Math.hypot);
    choose(distance <= REACH ? dot : null, map);
  };
  canvas.addEventListener("pointermove", point);
  canvas.addEventListener("pointerdown", point);
  canvas.addEventListener("pointerleave", event => event.pointerType === "mouse" && choose(null, map));
  canvas.addEventListener("blur", () => choose(null, map));
  canvas.addEventListener("keydown", event => {
    const step = STEPS[event.key];
    if (event.key === "Escape") choose(null, map);
    if (!step) return;
    event.preventDefault();
    const middle = [canvas.clientWidth / 2, canvas.clientHeight / 2];
    if (chosen === null) return choose(nearest(map, ...middle, Math.hypot)[0], map);
    const [x, y] = map.placed()(chosen);
    const cost = (right, down) => {  // how far along the step, and twice how far beside it
      const along = right * step[0] + down * step[1], beside = Math.abs(right * step[1]) + Math.abs(down * step[0]);
      return along > 0.5 ? along + 2 * beside : Infinity;
    };
    const [next] = nearest(map, x, y, cost);
    if (next !== null) choose(next, map);
  });
}
colorBy.addEventListener("change", () => { hidden = new Set(); list(); draw(); });
new ResizeObserver(draw).observe(canvases[0].canvas);
addEventListener("scroll", put, { passive: true });
list();
draw();
