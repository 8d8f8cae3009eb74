// The images of the page: their names, labels and predictions, the sheet that they are on, and the tip that shows one.
"use strict";

const atlas = JSON.parse(document.getElementById("atlas-data").textContent);
const unpack = text => new Uint16Array(Uint8Array.from(atob(text), letter => letter.charCodeAt(0)).buffer);
const unpackAll = texts => Object.fromEntries(Object.entries(texts).map(([name, text]) => [name, unpack(text)]));
const images = atlas.images;
const groupings = Object.fromEntries(
  Object.entries(atlas.groupings).map(([name, grouping]) => [name, { ...grouping, places: unpack(grouping.places) }]));
const confidence = dot => `${(permille[dot] / 10).toFixed(1)}%`;
const permille = unpack(atlas.permille);
const sheet = document.getElementById("sheet");
const tip = document.getElementById("tip");

// What is chosen on the page is in its address, after the #, so that a link leads back to it.
const address = () => new URLSearchParams(location.hash.includes("=") ? location.hash.slice(1) : "");
function remember(values) {  // null: no longer chosen
  const state = address(), before = state.toString();
  for (const [name, value] of Object.entries(values)) {
    if (value === null) state.delete(name);
    else state.set(name, value);
  }
  const text = state.toString();
  if (text === before) return;  // the address may lead to a section
  history.replaceState(null, "", text ? `#${text}` : location.pathname + location.search);
}

function paint(canvas, dot) {  // an image of the sheet, as large as it is there
  const side = sheet.naturalWidth / atlas.columns;
  canvas.width = canvas.height = side;
  const [left, top] = [dot % atlas.columns * side, Math.floor(dot / atlas.columns) * side];
  canvas.getContext("2d").drawImage(sheet, left, top, side, side, 0, 0, side, side);
}

function showTip(lines, dot = null) {  // with the picture of a dot, if there is one
  const picture = tip.querySelector("canvas");
  picture.hidden = dot === null;
  if (dot !== null) paint(picture, dot);
  tip.querySelector("p").textContent = lines.join("\n");
  tip.hidden = false;
}

function placeTip(x, y) {  // beside this place of the window, or above or below where there is no room
  const box = tip.getBoundingClientRect();
  const [right, left] = [x + 16, x - 16 - box.width];
  const beside = right + box.width < innerWidth ? right : left > 0 ? left : null;
  const above = y - 16 - box.height > 0 ? y - 16 - box.height : y + 16;
  const middle = Math.max(4, Math.min(y - box.height / 2, innerHeight - box.height - 4));
  tip.style.left = `${beside ?? Math.max(4, (innerWidth - box.width) / 2)}px`;
  tip.style.top = `${beside === null ? above : middle}px`;
}
