// How many images a model answers, and how many of its answers are right, if it is silent below a probability.
"use strict";

const slider = document.getElementById("threshold");
const coverage = JSON.parse(document.getElementById("abstention-data").textContent);
const abstentionTable = document.getElementById("abstention");

function abstain() {
  const step = slider.valueAsNumber, percent = share => `${(100 * share).toFixed(2)}%`;
  document.getElementById("threshold-text").textContent = `${step}%`;
  slider.setAttribute("aria-valuetext", `${step} percent`);
  for (const row of abstentionTable.tBodies[0].rows) {
    const cells = ["val", "test"].flatMap(split => {
      const [share, accuracy, low, high] = coverage[row.cells[0].textContent][split][step];
      const right = accuracy === null ? [["", ""]] : [[accuracy, percent(accuracy)]];
      return [[share, percent(share)], ...right, ...(split === "test" ? [["", accuracy === null ? "" : `${percent(low)} to ${percent(high)}`]] : [])];
    });
    cells.forEach(([value, text], place) => {
      row.cells[place + 1].textContent = text;
      row.cells[place + 1].dataset.value = value;
    });
  }
  remember({ threshold: step || null });
}
const wanted = Number(address().get("threshold"));
slider.value = wanted > 0 ? wanted : 0;
slider.addEventListener("input", abstain);
abstain();
