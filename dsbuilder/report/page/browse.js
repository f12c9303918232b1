"use strict";
const told = document.getElementById("told");
let latest = Promise.resolve();

// Marks are written one after the other; one that is not written is taken back.
const mark = async (change, undo) => {
  try {
    const answer = await fetch(document.body.dataset.marks, {
      method: "POST",
      headers: { "Content-Type": "application/json" },
      body: JSON.stringify(change),
    });
    const said = await answer.json();
    told.textContent = said.says;
    if (!answer.ok) undo();
  } catch {
    told.textContent = "Not written: dsbuilder browse has ended.";
    undo();
  }
};
for (const place of document.querySelectorAll(".marks")) {
  const number = Number(place.dataset.place);
  for (const field of place.querySelectorAll("input, select")) {
    let before = field.type === "checkbox" ? field.checked : field.value;
    field.addEventListener("change", () => {
      const now = field.type === "checkbox" ? field.checked : field.value;
      const was = before;
      before = now;
      const shown = (value) => {
        if (field.type === "checkbox") {
          field.checked = value;
          place.closest(".card")?.classList.toggle("excluded", value);
        } else field.value = value;
      };
      shown(now);
      const change = field.type === "checkbox"
        ? { place: number, exclude: now }
        : { place: number, target: field.name, value: now };
      latest = latest.then(() => mark(change, () => { before = was; shown(was); }));
    });
  }
}
