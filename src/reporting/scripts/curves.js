// Learning curves: switches hide lines, and pointing at a line shows its values. A line's id is curve-MODEL-SEED-SPLIT-MEASURE.
"use strict";

const curveChart = document.getElementById("curve-chart");
if (curveChart) {
  const switches = [...document.querySelectorAll("#curve-switches input")];
  const values = JSON.parse(document.getElementById("curve-data").textContent);
  const lines = [...curveChart.querySelectorAll("g[id^='curve-']")].map(line => {
    const [, model, seed, split, measure] = line.id.split("-");
    return { line, model, seed, split, measure, points: [...line.querySelectorAll("use")] };
  });
  const update = () => {
    const on = new Set(switches.filter(box => box.checked).map(box => `${box.name} ${box.value}`));
    for (const { line, model, split } of lines) {
      line.style.display = on.has(`model ${model}`) && on.has(`split ${split}`) ? "" : "none";
    }
  };
  for (const box of switches) box.addEventListener("change", update);
  update();

  const REACH = 12;  // pixels
  curveChart.addEventListener("pointermove", event => {
    let [least, chosen] = [REACH, null];
    for (const curve of lines) {
      if (curve.line.style.display === "none") continue;
      curve.points.forEach((point, epoch) => {
        const box = point.getBoundingClientRect();
        const [x, y] = [(box.left + box.right) / 2, (box.top + box.bottom) / 2];
        const distance = Math.hypot(event.clientX - x, event.clientY - y);
        if (distance < least) [least, chosen] = [distance, { ...curve, epoch, x, y }];
      });
    }
    if (!chosen) { tip.hidden = true; return; }
    const { line, model, seed, split, measure, epoch, x, y } = chosen;
    const value = values[line.id][epoch];
    const text = measure === "accuracy" ? `${(100 * value).toFixed(2)}\u00a0%` : value.toFixed(4);
    showTip([`${model}, seed ${seed}`, `${split} ${measure}: ${text}`, `after epoch ${epoch + 1}`]);
    placeTip(x, y);
  });
  curveChart.addEventListener("pointerleave", () => { tip.hidden = true; });
}
