// Shows all rows in a window of a few dozen. Texts only ever become text nodes.
const HEIGHT = 28;

async function showRows() {
  const frame = document.getElementById("table");
  const outcomes = frame.dataset.outcomes.split(" ");
  const rows = [...await unpack("rows-urgent"), ...await unpack("rows-others")].sort((a, b) => a[0] - b[0]);
  const texts = rows.map((row) => `${row[1]} ${row[2]} ${row[4]} ${row[5]}`.toLowerCase());
  const order = rows.map((_, place) => place);
  const [search, choice, count] = ["search", "outcome", "count"].map((id) => document.getElementById(id));
  const body = frame.querySelector("tbody");
  let chosen = order;

  for (const place of [...new Set(rows.map((row) => row[3]))].sort()) choice.add(new Option(outcomes[place], place));

  function cell(text, title) {
    const made = document.createElement("td");
    const inner = made.appendChild(document.createElement("bdi"));
    inner.textContent = show(text);
    if (title) made.title = show(title);
    return made;
  }

  function link(text, url) {
    const made = document.createElement("td");
    const inner = made.appendChild(document.createElement("a"));
    inner.href = url;
    inner.textContent = show(text);
    return made;
  }

  function line(place, number) {
    const [position, key, title, outcome, reason, triage, url] = rows[place];
    const made = document.createElement("tr");
    made.setAttribute("aria-rowindex", number + 2);
    const tag = cell(outcomes[outcome]);
    tag.className = `tag is-${outcomes[outcome]}`;
    made.append(cell(position.toLocaleString("en")), cell(key, key), cell(title, title), tag,
      cell(reason.replaceAll("\n", " · "), reason), url ? link(triage, url) : cell(triage));
    return made;
  }

  function space(height) {
    const made = document.createElement("tr");
    made.className = "space";
    made.setAttribute("aria-hidden", "true");
    made.appendChild(document.createElement("td")).style.height = `${height}px`;
    return made;
  }

  function draw() {
    const first = Math.max(0, Math.floor(frame.scrollTop / HEIGHT) - 10);
    const last = Math.min(chosen.length, first + Math.ceil(frame.clientHeight / HEIGHT) + 20);
    body.replaceChildren(space(first * HEIGHT),
      ...chosen.slice(first, last).map((place, number) => line(place, first + number)),
      space((chosen.length - last) * HEIGHT));
  }

  function filter() {
    const words = search.value.toLowerCase().split(/\s+/).filter(Boolean);
    const outcome = choice.value === "" ? null : Number(choice.value);
    chosen = order.filter((place) => (outcome === null || rows[place][3] === outcome)
      && words.every((word) => texts[place].includes(word)));
    count.textContent = `${chosen.length.toLocaleString("en")} of ${rows.length.toLocaleString("en")} rows`;
    frame.querySelector("table").setAttribute("aria-rowcount", chosen.length + 1);
    frame.scrollTop = 0;
    draw();
  }

  for (const button of frame.querySelectorAll("thead button")) {
    button.addEventListener("click", () => turn(button, (place, sign) => {
      const numeric = place === 0 || place === 3;
      order.sort((a, b) => sign * (numeric ? rows[a][place] - rows[b][place]
        : collator.compare(rows[a][place], rows[b][place])));
      filter();
    }));
  }
  search.addEventListener("input", filter);
  choice.addEventListener("change", filter);
  frame.addEventListener("scroll", () => requestAnimationFrame(draw), { passive: true });
  filter();
  document.documentElement.dataset.rows = rows.length;
}

if (document.getElementById("table")) {
  showRows().catch(() => {
    document.documentElement.classList.remove("live");
    document.getElementById("count").textContent = "This browser can't unpack the rows: results.csv has them.";
  });
}
