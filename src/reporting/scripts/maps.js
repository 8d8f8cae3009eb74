// The maps: dots in the colours of the chosen groups, their legend, and the tip of the dot that is pointed at or kept.
"use strict";

const PALETTE = ["#4e79a7", "#f28e2b", "#e15759", "#59a14f", "#b07aa1", "#d4a900", "#17becf", "#9c755f", "#ff7fbf", "#7f9f00"];
const color = (grouping, place) => grouping.grey.includes(place) ? "#999999"
  : PALETTE[place] ?? `hsl(${(place * 137.5) % 360} 60% 50%)`;
const colorBy = document.getElementById("color-by");
const legend = document.getElementById("legend");
const finder = document.getElementById("find");
const REACH = 14;  // pixels from a dot at which the pointer still means it
let hidden = new Set();  // places of the groups that the legend hides
let selected = null;  // the dots within the outline that was drawn, if there is one
let chosen = null, over = null, kept = false;  // the dot of the tip, its map, and whether it stays

const maps = [...document.querySelectorAll("canvas[data-map]")].map(canvas => {
  const places = unpack(atlas.maps[canvas.dataset.map]);
  const placing = () => {  // a function from a dot to its place on the canvas as large as it is now
    const size = (canvas.clientWidth - 12) / 65535;
    return dot => [6 + places[2 * dot] * size, 6 + places[2 * dot + 1] * size];
  };
  return { canvas, placing };
});

function draw() {
  const grouping = groupings[colorBy.value];
  const colors = grouping.names.map((_, place) => color(grouping, place));
  const grey = new Set(grouping.grey);
  for (const { canvas, placing } of maps) {
    const size = canvas.clientWidth, scale = devicePixelRatio, at = placing();
    canvas.width = canvas.height = size * scale;
    const brush = canvas.getContext("2d");
    brush.scale(scale, scale);
    brush.globalAlpha = 0.8;
    const radius = Math.min(3, Math.max(1, size / 40 / Math.sqrt(images.length / 100)));
    // Grey dots first, then in the order of the images: no group hides another.
    for (const greyNow of [true, false]) for (let dot = 0; dot < images.length; dot++) {
      const place = grouping.places[dot];
      if (grey.has(place) !== greyNow || hidden.has(place)) continue;
      brush.fillStyle = colors[place];
      brush.globalAlpha = selected === null || selected.has(dot) ? 0.8 : 0.12;
      const [x, y] = at(dot);
      brush.fillRect(x - radius, y - radius, 2 * radius, 2 * radius);
    }
    if (chosen !== null) {
      const [x, y] = at(chosen);
      brush.globalAlpha = 1;
      brush.lineWidth = kept ? 3 : 2;
      brush.strokeStyle = getComputedStyle(canvas).color;
      brush.beginPath();
      brush.arc(x, y, 7, 0, 2 * Math.PI);
      brush.stroke();
    }
  }
}

function listGroups() {  // the legend: its buttons hide and show a group
  const grouping = groupings[colorBy.value];
  const counts = grouping.names.map(() => 0);
  for (const place of grouping.places) counts[place]++;
  legend.replaceChildren(...grouping.names.map((name, place) => {
    const button = document.createElement("button");
    button.type = "button";
    button.setAttribute("aria-pressed", "true");
    button.style.setProperty("--dot", color(grouping, place));
    button.textContent = `${name} (${counts[place].toLocaleString("en")})`;
    button.addEventListener("click", () => {
      const hides = !hidden.delete(place) && hidden.add(place);
      button.setAttribute("aria-pressed", String(!hides));
      draw();
      document.dispatchEvent(new CustomEvent("select"));
    });
    return button;
  }));
}

function choose(dot, map, keep = false) {
  if (dot === chosen && map === over && keep === kept) return;
  [chosen, over, kept] = [dot, map, keep && dot !== null];
  draw();
  tip.hidden = dot === null;
  remember({ image: kept ? images[dot].replace(" ", "-") : null });
  document.dispatchEvent(new CustomEvent("keep", { detail: kept ? dot : null }));
  if (dot === null) return;
  const lines = Object.entries(groupings).map(([name, grouping]) => `${name}: ${grouping.names[grouping.places[dot]]}`);
  showTip([images[dot], ...lines, `confidence: ${confidence(dot)}`], dot);
  followDot();
}

function followDot() {  // the tip stays with its dot when the page scrolls
  if (chosen === null) return;
  const box = over.canvas.getBoundingClientRect(), [x, y] = over.placing()(chosen);
  placeTip(box.left + x, box.top + y);
}

// An image goes by its id, `test 0` or `test 0 cat/1.png`, by its place, the first two words of it, or by its file.
const names = images.map(image => image.toLowerCase()).map(id => [id, id.split(" ", 2).join(" "), id.split(" ").slice(2).join(" ")]);
function keepImage(name) {  // the image of this name, kept on the first map; false where no dot is that image
  const wanted = name.trim().toLowerCase().replace(/^(train|test)[\s-]+/, "$1 ");
  const dot = wanted === "" ? -1 : names.findIndex(known => known.includes(wanted));
  if (dot < 0) return false;
  maps[0].canvas.scrollIntoView({ block: "center", behavior: "instant" });
  choose(dot, maps[0], true);
  return true;
}

function nearest(map, x, y, cost) {
  const at = map.placing(), { places } = groupings[colorBy.value];
  let best = null, least = Infinity;
  for (let dot = 0; dot < images.length; dot++) {
    if (hidden.has(places[dot])) continue;
    const [across, down] = at(dot), distance = cost(across - x, down - y);
    if (distance < least) [best, least] = [dot, distance];
  }
  return [best, least];
}

const STEPS = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] };
function step(map, [across, down]) {  // to the next dot in this direction
  const middle = [map.canvas.clientWidth / 2, map.canvas.clientHeight / 2];
  if (chosen === null) return choose(nearest(map, ...middle, Math.hypot)[0], map);
  const [x, y] = map.placing()(chosen);
  const [next] = nearest(map, x, y, (dx, dy) => {  // how far along the step, and twice how far beside it
    const along = dx * across + dy * down, beside = Math.abs(dx * down) + Math.abs(dy * across);
    return along > 0.5 ? along + 2 * beside : Infinity;
  });
  if (next !== null) choose(next, map, kept);
}

for (const map of maps) {
  const { canvas } = map;
  const pointed = event => {
    const box = canvas.getBoundingClientRect();
    const [dot, distance] = nearest(map, event.clientX - box.left, event.clientY - box.top, Math.hypot);
    return distance <= REACH ? dot : null;
  };
  canvas.addEventListener("pointermove", event => kept || choose(pointed(event), map));
  canvas.addEventListener("click", event => choose(pointed(event), map, true));
  canvas.addEventListener("pointerleave", event => kept || event.pointerType !== "mouse" || choose(null, map));
  canvas.addEventListener("blur", () => kept || choose(null, map));
  canvas.addEventListener("keydown", event => {
    if (event.key === "Escape") choose(null, map);
    if (event.key === "Enter" && chosen !== null) choose(chosen, map, !kept);
    if (!(event.key in STEPS)) return;
    event.preventDefault();
    step(map, STEPS[event.key]);
  });
}
colorBy.addEventListener("change", () => {
  hidden = new Set();
  listGroups();
  draw();
  document.dispatchEvent(new CustomEvent("select"));
});
finder.addEventListener("submit", event => {
  event.preventDefault();
  const name = finder.querySelector("input").value, count = images.length.toLocaleString("en");
  finder.querySelector("output").textContent = keepImage(name) ? "" : `${name} is not among the ${count} images here.`;
});
new ResizeObserver(() => { draw(); followDot(); }).observe(maps[0].canvas);
addEventListener("scroll", followDot, { passive: true });
listGroups();
draw();
sheet.decode().then(() => address().has("image") && keepImage(address().get("image")));
