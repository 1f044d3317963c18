"use strict";
// Draws the charts, and makes tables sortable and filtered. Nothing of a result is ever taken as markup or code.
(() => {
  const drawn = [];

  // Vega-Lite warns of fitting the width where rows have a height each, though it can: here it is told a width, and Vega the rest
  function asWide(spec, options) {
    const update = "containerSize()[0]";
    const width = { name: "width", init: update, on: [{ events: "window:resize", update }] };
    const patch = ({ width: _, ...compiled }) => ({ ...compiled, autosize: spec.autosize, signals: [width, ...(compiled.signals ?? [])] });
    return [{ ...spec, width: 600, autosize: "pad" }, { ...options, patch }];
  }

  // Vega's expressions are interpreted (ast), and no style is put in: the page's Content-Security-Policy allows neither.
  async function draw(picture) {
    const options = { ast: true, mode: "vega-lite", renderer: "svg", actions: false, defaultStyle: false, tooltip: { disableDefaultStyle: true } };
    try {
      const spec = JSON.parse(document.getElementById(picture.dataset.spec).textContent);
      const { view } = await vegaEmbed(picture, ...(spec.height?.step ? asWide(spec, options) : [spec, options]));
      view.description(picture.dataset.label);
      drawn.push(view);
    } catch (error) {
      picture.classList.add("failed");
      picture.textContent = "This chart could not be drawn. Its data stand below.";
      console.error(picture.dataset.spec, error);
    }
  }

  const SECONDS = { ns: 1e-9, us: 1e-6, ms: 1e-3, s: 1 };

  // "~84", "203 [180,229]", "4.60 us": the number in front, in seconds where a unit of time follows; null is absent
  function figure(text) {
    const found = /^~?([+-]?\d+(?:\.\d+)?(?:e[+-]?\d+)?)(?:\s?(ns|us|ms|s)\b)?/.exec(text);
    return found ? Number(found[1]) * (SECONDS[found[2]] ?? 1) : null;
  }

  const absent = (text) => text === "" || text === "-";

  function compare(one, other) {
    const [a, b] = [figure(one), figure(other)];
    if (a !== null && b !== null && a !== b) return a - b;
    if ((a === null) !== (b === null)) return a === null ? 1 : -1;
    return one.localeCompare(other, "en", { numeric: true });
  }

  // absent cells stay at the end whichever way; equal ones in the order of the page
  function sort(table, heading, column) {
    const descending = heading.getAttribute("aria-sort") === "ascending";
    for (const one of table.tHead.rows[0].cells) one.removeAttribute("aria-sort");
    heading.setAttribute("aria-sort", descending ? "descending" : "ascending");
    const body = table.tBodies[0];
    const rows = Array.from(body.rows, (row) => ({ row, text: row.cells[column].textContent.trim() }));
    rows.sort((a, b) => absent(a.text) - absent(b.text) || (absent(a.text) ? 0 : compare(a.text, b.text) * (descending ? -1 : 1)));
    body.append(...rows.map(({ row }) => row));
  }

  function sortable(table) {
    Array.from(table.tHead?.rows[0].cells ?? []).forEach((heading, column) => {
      const button = document.createElement("button");
      button.type = "button";
      button.textContent = heading.textContent.trim() || "marks";
      heading.replaceChildren(button);
      button.addEventListener("click", () => sort(table, heading, column));
    });
  }

  // rows that hold every word
  function filtered(line, table) {
    const input = line.querySelector("input");
    const told = line.querySelector("output");
    line.hidden = false;
    input.addEventListener("input", () => {
      const words = input.value.toLowerCase().split(/\s+/).filter(Boolean);
      let kept = 0;
      for (const row of table.tBodies[0].rows) {
        const text = Array.from(row.cells, (cell) => cell.textContent.toLowerCase()).join(" ");
        row.hidden = !words.every((word) => text.includes(word));
        kept += row.hidden ? 0 : 1;
      }
      told.value = words.length ? `${kept} of ${table.tBodies[0].rows.length} rows` : "";
    });
  }

  for (const block of document.querySelectorAll("[data-table]")) {
    const table = block.querySelector("table");
    if (!table) continue;
    sortable(table);
    const line = block.querySelector(".filter");
    if (line) filtered(line, table);
  }

  Promise.all(Array.from(document.querySelectorAll(".picture"), draw)).then(() => {
    document.documentElement.dataset.drawn = String(drawn.length);
  });
})();
