// The gallery: test images by their label, a model's prediction, and whether another model is right about them.
"use strict";

const gallery = document.getElementById("gallery");
const galleryCount = document.getElementById("gallery-count");
const [ofLabel, byModel, asLabel, rival] = ["true", "model", "predicted", "rival"]
  .map(name => document.querySelector(`#gallery-controls [name=${name}]`));
const labels = [...ofLabel.options].slice(1).map(option => option.value);
const truth = unpack(atlas.y), predictions = unpackAll(atlas.predicted);
const tested = [...unpack(atlas.tested).entries()].filter(([, isTest]) => isTest).map(([dot]) => dot);
const pairs = JSON.parse(document.getElementById("pair-data").textContent);
const initial = new Map([ofLabel, byModel, asLabel, rival].map(select => [select, select.value]));
const STEP = 24;  // images that are added at a time
const more = document.getElementById("gallery-more");
let limit = STEP;

function tile(dot) {
  const figure = document.createElement("figure"), caption = document.createElement("figcaption");
  const button = document.createElement("button"), canvas = document.createElement("canvas");
  button.type = "button";
  button.setAttribute("aria-label", `Show ${images[dot]} on the map`);
  button.addEventListener("click", () => keepImage(images[dot]));
  canvas.className = "pixels";
  paint(canvas, dot);
  button.append(canvas);
  const { garment } = groupings;
  const lines = [
    ...(garment ? [garment.names[garment.places[dot]]] : []),
    `label ${labels[truth[dot]]}, predicted ${labels[predictions[byModel.value][dot]]}`,
    images[dot],
  ];
  caption.textContent = lines.join("\n");
  figure.append(button, caption);
  return figure;
}

function showGallery() {
  const predicted = predictions[byModel.value];
  const matching = tested.filter(dot =>
    (ofLabel.value === "" || labels[truth[dot]] === ofLabel.value)
    && (asLabel.value === "wrong" ? predicted[dot] !== truth[dot] : labels[predicted[dot]] === asLabel.value)
    && (rival.value === "" || predictions[rival.value][dot] === truth[dot]));
  const number = count => count.toLocaleString("en");
  galleryCount.textContent = tested.length === 0 ? "No test image is on this page (embed.split)."
    : `${number(matching.length)} of the ${number(tested.length)} test images on this page`
      + (matching.length > limit ? `; the first ${limit} are shown.` : ".");
  const pair = rival.value === "" ? "" : pairs[`${byModel.value} ${rival.value}`] ?? "";
  galleryCount.textContent += pair && ` ${pair}`;
  const chosenCell = `${ofLabel.value || "any"}-${asLabel.value}`;
  const first = [ofLabel, byModel, asLabel, rival].every(select => select.value === initial.get(select));
  remember(first ? { model: null, cell: null, rival: null }
    : { model: byModel.value, cell: chosenCell, rival: rival.value || null });
  more.hidden = matching.length <= limit;
  gallery.replaceChildren(...matching.slice(0, limit).map(tile));
}

function fromAddress() {  // #model=cnn1&cell=0-4&rival=cm1
  const state = address(), cell = state.get("cell") ?? "";
  if (!state.has("model")) return;
  byModel.value = state.get("model");
  for (const option of asLabel.options) if (cell.endsWith(`-${option.value}`)) {
    const label = cell.slice(0, -option.value.length - 1);
    if (label !== "any" && !labels.includes(label)) continue;
    [ofLabel.value, asLabel.value] = [label === "any" ? "" : label, option.value];
  }
  rival.value = state.get("rival") ?? "";
  for (const select of [ofLabel, byModel, asLabel, rival]) if (select.selectedIndex < 0) select.value = initial.get(select);
}

const restart = () => { limit = STEP; showGallery(); };
for (const select of [ofLabel, byModel, asLabel, rival]) select.addEventListener("change", restart);
more.addEventListener("click", () => { limit += STEP; showGallery(); });
for (const cell of document.querySelectorAll(".matrix td[data-model]")) cell.addEventListener("click", () => {
  [ofLabel.value, byModel.value, asLabel.value, rival.value]
    = [cell.dataset.true, cell.dataset.model, cell.dataset.predicted, ""];
  restart();
  document.getElementById("gallery-controls").scrollIntoView({ block: "start" });
});
fromAddress();
sheet.decode().then(showGallery);
