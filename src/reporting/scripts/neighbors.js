// Beside a dot that is kept: the images nearest to it by the features that the maps are made of.
"use strict";

const near = unpack(atlas.nearest), perImage = near.length / images.length;
const nearestBox = document.getElementById("nearest");
document.addEventListener("keep", ({ detail: dot }) => {
  nearestBox.hidden = dot === null;
  if (dot === null) return;
  nearestBox.querySelector("h3").textContent = `Nearest to ${images[dot]}`;
  nearestBox.querySelector(".pictures").replaceChildren(...[...near.slice(perImage * dot, perImage * (dot + 1))].map(tile));
});
if (chosen !== null && kept) document.dispatchEvent(new CustomEvent("keep", { detail: chosen }));
