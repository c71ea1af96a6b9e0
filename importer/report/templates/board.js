// Filters issues, shows them as a board or a list, and a page for each, whose HTML was made harmless when it was written.
const CARDS = 50;

async function showBoard() {
  const pages = (await unpack("pages")).map(([html]) => html);
  const texts = pages.map((html) => html.replace(/<[^>]*>/g, " ").toLowerCase());
  const [list, board, article, all, view, count, search] =
    ["list", "board", "issue", "all", "view", "count", "search"].map((id) => document.getElementById(id));
  const issues = [...list.tBodies[0].rows].map((row) => {
    const [number, title, status, severity, category, owner] = [...row.cells].map((cell) => cell.textContent);
    return { row, number, title, status, severity, category, owner };
  });
  const choices = ["severity", "category", "owner"].map((name) => document.getElementById(name));
  for (const choice of choices) {
    const values = [...new Set(issues.map((issue) => issue[choice.id]))].sort(collator.compare);
    for (const value of values) choice.add(new Option(value));
  }

  function make(tag, text, name = "") {
    const made = document.createElement(tag);
    made.textContent = text;
    made.className = name;
    return made;
  }

  function card({ row, number, title, severity, category, owner }) {
    const made = make("li", "", "card");
    const link = made.appendChild(make("a", `${number} ${title}`));
    link.href = `#${number}`;
    made.append(make("div", `${severity} · ${category} · ${owner}`, "soft"));
    made.append(make("div", `rehearsal of ${row.dataset.key}`, "soft"));
    return made;
  }

  function column(status, some) {
    const made = make("section", "", "column");
    made.append(make("h2", `${status.replaceAll("_", " ")} ${some.length.toLocaleString("en")}`));
    const cards = made.appendChild(make("ul", ""));
    cards.append(...some.slice(0, CARDS).map(card));
    if (some.length > CARDS) {
      made.append(make("p", `… and ${(some.length - CARDS).toLocaleString("en")} more: the list has them.`, "soft"));
    }
    return made;
  }

  function filter() {
    const words = search.value.toLowerCase().split(/\s+/).filter(Boolean);
    const shown = issues.filter((issue) => choices.every(({ id, value }) => value === "" || issue[id] === value)
      && words.every((word) => texts[issue.row.dataset.place].includes(word)));
    const chosen = new Set(shown);
    for (const issue of issues) issue.row.hidden = !chosen.has(issue);
    const statuses = board.dataset.statuses.split(" ");
    board.replaceChildren(...statuses.map((status) => column(status, shown.filter((each) => each.status === status))));
    count.textContent = `${shown.length.toLocaleString("en")} of ${issues.length.toLocaleString("en")} issues`;
  }

  function turnTo() {
    const row = document.getElementById(location.hash.slice(1))?.closest("#list tr");
    article.hidden = !row;
    all.hidden = !!row;
    if (!row) return;
    article.innerHTML = pages[row.dataset.place];
    article.querySelector("h2").focus();
    scrollTo(0, 0);
  }

  view.addEventListener("click", () => {
    const isList = document.documentElement.classList.toggle("as-list");
    view.setAttribute("aria-pressed", isList);
  });
  search.addEventListener("input", filter);
  for (const choice of choices) choice.addEventListener("change", filter);
  addEventListener("hashchange", turnTo);
  filter();
  turnTo();
}

showBoard().catch(() => document.documentElement.classList.remove("live"));
