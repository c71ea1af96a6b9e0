"use strict";
// For every page: copies commands, sorts tables, unpacks what is compressed.
document.documentElement.classList.add("live");
const show = (text) => text.replace(/[\u0000-\u0009\u000b-\u001f\u007f-\u009f\u200b-\u200f\u202a-\u202e\u2060-\u2069]/g,
  (c) => "\\u" + c.charCodeAt(0).toString(16).padStart(4, "0"));
const collator = new Intl.Collator(undefined, { numeric: true, sensitivity: "base" });

for (const button of document.querySelectorAll("button.copy")) {
  button.addEventListener("click", async () => {
    const { text } = button.dataset;
    try {
      await navigator.clipboard.writeText(text);
    } catch {
      const area = document.body.appendChild(document.createElement("textarea"));
      area.value = text;
      area.select();
      document.execCommand("copy");
      area.remove();
      button.focus();
    }
    button.textContent = "Copied";
    setTimeout(() => { button.textContent = "Copy"; }, 2000);
  });
}

function turn(button, sort) {
  const head = button.closest("th");
  const down = head.getAttribute("aria-sort") === "ascending";
  for (const other of head.parentNode.children) other.removeAttribute("aria-sort");
  head.setAttribute("aria-sort", down ? "descending" : "ascending");
  sort(head.cellIndex, down ? -1 : 1);
}

for (const table of document.querySelectorAll("table.sorts")) {
  for (const head of table.tHead.rows[0].cells) {
    const button = document.createElement("button");
    button.type = "button";
    button.append(...head.childNodes);
    head.append(button);
    button.addEventListener("click", () => turn(button, (place, sign) => {
      const body = table.tBodies[0];
      const value = (row) => row.cells[place].dataset.value ?? row.cells[place].textContent;
      body.append(...[...body.rows].sort((a, b) => sign * collator.compare(value(a), value(b))));
    }));
  }
}

async function unpack(id) {
  const packed = document.getElementById(id)?.textContent.trim();
  if (!packed) return [];
  const bytes = Uint8Array.from(atob(packed), (c) => c.charCodeAt(0));
  const stream = new Blob([bytes]).stream().pipeThrough(new DecompressionStream("deflate"));
  return JSON.parse("[" + await new Response(stream).text() + "]");
}
