// What is selected on the maps: the groups that the legend shows, within an outline that is drawn with the pointer.
"use strict";

const outlining = document.getElementById("outline"), clearing = document.getElementById("clear-outline");
const selectionTable = document.getElementById("selection");
const Z = Number(selectionTable.dataset.z);  // of the intervals' confidence

function wilson(right, n) {  // Wilson's interval of a share
  const center = (right + Z * Z / 2) / (n + Z * Z), share = right / n;
  const half = Z / (n + Z * Z) * Math.sqrt(n * share * (1 - share) + Z * Z / 4);
  return [Math.max(0, center - half), Math.min(1, center + half)];
}

const shownDots = () => images.map((_, dot) => dot)
  .filter(dot => !hidden.has(groupings[colorBy.value].places[dot]) && (selected === null || selected.has(dot)));
const isTest = unpack(atlas.tested);

function summarise() {
  const dots = shownDots(), test = dots.filter(dot => isTest[dot]);
  const percent = share => `${(100 * share).toFixed(1)}%`;
  document.getElementById("selection-count").textContent = `${dots.length.toLocaleString("en")} images are selected, `
    + `${test.length.toLocaleString("en")} of them test images: `
    + labels.map((label, number) => [label, dots.filter(dot => truth[dot] === number).length])
      .filter(([, count]) => count).map(([label, count]) => `label ${label} (${count.toLocaleString("en")})`).join(", ") + ".";
  for (const row of selectionTable.tBodies[0].rows) {
    const predicted = predictions[row.cells[0].textContent], right = test.filter(dot => predicted[dot] === truth[dot]).length;
    const cells = test.length ? [right.toLocaleString("en"), percent(right / test.length), wilson(right, test.length).map(percent).join(" to ")] : ["", "", ""];
    cells.forEach((text, place) => { row.cells[place + 1].textContent = text; });
    [right, test.length ? right / test.length : ""].forEach((value, place) => { row.cells[place + 1].dataset.value = value; });
  }
}

function inside([x, y], outline) {  // whether a ray to the right crosses the outline an odd number of times
  let odd = false;
  outline.forEach(([x1, y1], corner) => {
    const [x2, y2] = outline[(corner + 1) % outline.length];
    if ((y1 > y) !== (y2 > y) && x < x1 + (y - y1) / (y2 - y1) * (x2 - x1)) odd = !odd;
  });
  return odd;
}

function select(dots) {
  selected = dots;
  clearing.hidden = dots === null;
  draw();
  summarise();
}

for (const { canvas, placing } of maps) {
  let outline = null;
  const at = event => {
    const box = canvas.getBoundingClientRect();
    return [event.clientX - box.left, event.clientY - box.top];
  };
  canvas.addEventListener("pointerdown", event => {
    if (outlining.getAttribute("aria-pressed") !== "true") return;
    choose(null, maps[0]);
    outline = [at(event)];
    canvas.setPointerCapture(event.pointerId);
  });
  canvas.addEventListener("pointermove", event => {
    if (outline === null) return;
    outline.push(at(event));
    draw();
    const brush = canvas.getContext("2d");
    brush.globalAlpha = 1;
    brush.lineWidth = 2;
    brush.strokeStyle = getComputedStyle(canvas).color;
    brush.beginPath();
    for (const point of outline) brush.lineTo(...point);
    brush.stroke();
  });
  canvas.addEventListener("pointerup", () => {
    if (outline === null) return;
    const place = placing(), drawn = outline;
    outline = null;
    const dots = new Set(images.map((_, dot) => dot).filter(dot => inside(place(dot), drawn)));
    select(dots.size ? dots : null);
  });
}
outlining.addEventListener("click", () => {
  const on = outlining.getAttribute("aria-pressed") !== "true";
  outlining.setAttribute("aria-pressed", String(on));
  for (const { canvas } of maps) canvas.classList.toggle("outlined", on);
});
clearing.addEventListener("click", () => select(null));
document.addEventListener("select", summarise);
summarise();
