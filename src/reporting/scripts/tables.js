// Sorting of tables, the choice of a model's mistakes, folded pictures, and printing.
"use strict";

// A click on a heading sorts by it, largest number or first word first; a second one the other way. Empty cells stay last.
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
    for (const cell of heads) if (cell.hasAttribute("aria-sort")) cell.setAttribute("aria-sort", "none");
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

// What a table shows, as CSV: numbers as they are, not as they are written.
function asCsv(table) {
  const quoted = text => /[",\n]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text;
  const content = cell => (cell.dataset.value || cell.textContent).trim().replace(/\s+/g, " ");
  return [...table.rows].map(row => [...row.cells].map(cell => quoted(content(cell))).join(",")).join("\n") + "\n";
}
for (const table of document.querySelectorAll("table.sortable")) {
  const button = document.createElement("button");
  button.type = "button";
  button.className = "copy";
  button.textContent = "Copy as CSV";
  button.addEventListener("click", async () => {
    const done = await navigator.clipboard.writeText(asCsv(table)).then(() => true, () => false);
    button.textContent = done ? "Copied" : "The browser allows no copying";
    setTimeout(() => { button.textContent = "Copy as CSV"; }, 2000);
  });
  (table.closest(".wide") ?? table).after(button);
}

// A box that scrolls sideways can be reached with the Tab key, others need not be.
const boxes = [...document.querySelectorAll(".wide")];
const widths = new ResizeObserver(() => {
  for (const box of boxes) {
    if (box.scrollWidth > box.clientWidth) box.tabIndex = 0;
    else box.removeAttribute("tabindex");
  }
});
for (const box of boxes) for (const element of [box, ...box.children]) widths.observe(element);

// The mistakes of the chosen model.
const choice = document.getElementById("mistakes-of");
choice.addEventListener("change", () => {
  for (const group of document.querySelectorAll("[data-mistakes]")) {
    group.hidden = group.dataset.mistakes !== choice.value;
  }
});

// On a phone only the first pictures of a group are shown at first.
for (const group of document.querySelectorAll(".fold")) {
  const all = group.querySelectorAll("figure").length;
  if (all <= 8) continue;
  const button = document.createElement("button");
  button.type = "button";
  button.className = "unfold";
  button.textContent = `Show all ${all}`;
  button.addEventListener("click", () => group.classList.add("unfolded"));
  group.append(button);
}

// Paper has nothing to click on.
addEventListener("beforeprint", () => {
  for (const details of document.querySelectorAll("details")) details.open = true;
});
