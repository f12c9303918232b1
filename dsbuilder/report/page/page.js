"use strict";
const all = (what, under = document) => [...under.querySelectorAll(what)];

// Filter: rows and pictures of classes whose names hold what is typed.
const filter = document.getElementById("filter");
if (filter) {
  const told = document.getElementById("filtered");
  const parts = all("[data-classes]").map((part) => [
    part,
    JSON.parse(part.dataset.classes).map((name) => name.toLowerCase()),
  ]);
  filter.addEventListener("input", () => {
    const wanted = filter.value.trim().toLowerCase();
    let rows = 0, strips = 0;
    for (const [part, names] of parts) {
      const fits = names.some((name) => name.includes(wanted));
      part.hidden = wanted === "" ? "spare" in part.dataset : !fits;
      if (!part.hidden) part.localName === "tr" ? (rows += 1) : (strips += 1);
    }
    told.textContent = wanted ? `${rows} in tables, ${strips} in pictures` : "";
    for (const each of all(".picked")) each.textContent = "";
  });
}

// Pick: a number in the table of errors shows the pictures of its pair alone, until all are asked for.
const strips = all(".strip[data-pair]");
const ofPair = (pair) => strips.filter((strip) => strip.dataset.pair === pair);
for (const link of all("a.pick")) {
  const found = ofPair(link.dataset.pair);
  if (found.length === 0) {
    link.replaceWith(link.firstChild);
    continue;
  }
  link.addEventListener("click", () => {
    const gallery = found[0].closest(".gallery"), told = gallery.previousElementSibling;
    if (filter && filter.value) {
      filter.value = "";
      filter.dispatchEvent(new Event("input"));
    }
    for (const each of all(".strip", gallery)) each.hidden = !found.includes(each);
    const [truth, answer] = JSON.parse(link.dataset.pair);
    const back = document.createElement("button");
    back.type = "button";
    back.textContent = "Show the worst of all";
    back.addEventListener("click", () => {
      for (const each of all(".strip", gallery)) each.hidden = "spare" in each.dataset;
      told.textContent = "";
      gallery.scrollIntoView();
    });
    told.replaceChildren(`${truth} taken for ${answer}: `, back);
  });
}

// Sort: a heading orders the rows by its column, and turns the order when it is pressed again.
const valueOf = (row, column) => {
  const cell = row.cells[column];
  if (cell.dataset.value !== undefined) return Number(cell.dataset.value);
  const text = cell.textContent.trim();
  const number = Number(text.replaceAll(",", "").split(" ")[0]);
  return text !== "" && !Number.isNaN(number) ? number : text;
};
const compare = (one, other) => {
  if (typeof one === "number" && typeof other === "number") return one - other;
  if (one === "" || other === "") return one === "" ? 1 : -1;
  return String(one).localeCompare(String(other), undefined, { numeric: true });
};
for (const button of all("table.sortable th > button")) {
  button.addEventListener("click", () => {
    const heading = button.parentElement, table = heading.closest("table");
    const column = [...heading.parentElement.children].indexOf(heading);
    const starts = heading.classList.contains("number") ? "descending" : "ascending";
    const turned = { ascending: "descending", descending: "ascending" };
    const order = turned[heading.getAttribute("aria-sort")] ?? starts;
    for (const each of heading.parentElement.children) each.removeAttribute("aria-sort");
    heading.setAttribute("aria-sort", order);
    const sign = order === "ascending" ? 1 : -1;
    const rows = [...table.tBodies[0].rows].map((row) => [valueOf(row, column), row]);
    rows.sort((one, other) => sign * compare(one[0], other[0]));
    table.tBodies[0].append(...rows.map((each) => each[1]));
  });
}

// Choice: of several charts the one whose button is pressed is shown.
for (const choice of all(".choice")) {
  const buttons = all(".options button", choice), options = all(".option", choice);
  buttons.forEach((button, place) =>
    button.addEventListener("click", () => {
      buttons.forEach((each) => each.setAttribute("aria-pressed", String(each === button)));
      options.forEach((each, at) => (each.hidden = at !== place));
      settle();
    }),
  );
}

// What has nothing to scroll is no stop for the keyboard.
const stops = all(".scroll, pre");
const settle = () => {
  for (const each of stops) {
    const wide = each.scrollWidth > each.clientWidth + 1;
    if (wide || each.scrollHeight > each.clientHeight + 1) each.tabIndex = 0;
    else each.removeAttribute("tabindex");
  }
};
settle();
addEventListener("resize", settle);
for (const each of all("details")) each.addEventListener("toggle", settle);
