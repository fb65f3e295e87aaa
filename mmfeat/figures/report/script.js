// The list, the search, and what is shown: the part after # in the address says which feature.

const COLUMNS = [
  ["title", "name", "Sorts by name."],
  ["languages", "lang.", "n_languages"],
  ["effect", "effect", "shared_effect"],
  ["modality", "modality", "modality_score"],
  ["energy", "energy", "Mean squared activation on pictures and on captions, added."],
];

let [map, current, found] = [null, null, null];
const sorting = { key: null, falling: true };
let shown = Array.from({ length: count }, (_, place) => place);
const rows = shown.map(makeRow);

/** Makes the row of a feature; its picture comes when it is scrolled to. */
function makeRow(place) {
  const [feature, status, modality] = [list.feature[place], list.status[place], list.modality[place]];
  const mark = make("span", { class: `mark s${status}`, role: "img", "aria-label": STATUS[status], title: STATUS[status] }, MARKS[status]);
  const scale = make("span", { class: "scale", "aria-hidden": "true" }, make("i"));
  scale.firstChild.style.setProperty("inset-inline-start", `${100 * (modality ?? 0.5)}%`);
  return make(
    "tr",
    {},
    make("td", {},
      make("a", { href: `#f${feature}` },
        make("span", { class: "thumb" }),
        make("span", { class: "what" },
          make("bdi", { class: "title", ...(list.language[place] ? { lang: list.language[place] } : {}) }, list.title[place]),
          make("small", {}, mark, ` #${feature}`)))),
    make("td", {}, String(list.languages[place])),
    make("td", {}, number(list.effect[place])),
    make("td", {}, make("span", { class: "unseen" }, number(modality)), scale),
    make("td", {}, number(list.energy[place])),
  );
}

function explanationOf(key) {
  const own = index.explanations.find(([name]) => name === key);
  return own ? `${own[1]}: ${own[2]}` : key;
}

function makeHead() {
  byId("list").tHead.rows[0].append(
    ...COLUMNS.map(([key, label, why]) =>
      make("th", { scope: "col", "data-key": key },
        explained(make("button", { type: "button", click: () => sort(key) }, label), explanationOf(why)))),
  );
}

function sort(key) {
  const falls = key !== "title";
  sorting.falling = sorting.key === key ? !sorting.falling : falls;
  sorting.key = key;
  for (const cell of byId("list").tHead.rows[0].cells) {
    const own = cell.dataset.key === key;
    if (own) cell.setAttribute("aria-sort", sorting.falling ? "descending" : "ascending");
    else cell.removeAttribute("aria-sort");
  }
  arrange();
}

/** Puts the rows in order: the best found first, then as they are sorted; what lacks is last. */
function arrange() {
  const collator = new Intl.Collator("en", { numeric: true });
  const compare = (a, b) => {
    const rank = found ? found.get(a).rank - found.get(b).rank : 0;
    if (rank || !sorting.key) return rank || a - b;
    const [x, y] = [list[sorting.key][a], list[sorting.key][b]];
    if (x === null || y === null) return (x === null) - (y === null) || a - b;
    const order = sorting.key === "title" ? collator.compare(x, y) : x - y;
    return (sorting.falling ? -order : order) || a - b;
  };
  shown = Array.from({ length: count }, (_, place) => place).filter((place) => !found || found.has(place));
  shown.sort(compare);
  byId("list").tBodies[0].replaceChildren(...shown.map((place) => rows[place]));
}

function find(query) {
  const active = query.trim() !== "";
  found = active ? search(query) : null;
  for (let place = 0; place < count; place += 1) {
    const cell = rows[place].querySelector(".what");
    cell.querySelector(".hit")?.remove();
    const hit = found?.get(place);
    if (hit?.text && hit.text !== list.title[place]) {
      cell.append(make("span", { class: "hit" },
        make("code", {}, hit.tag), " ",
        make("bdi", { lang: hit.tag, dir: directions.get(hit.tag) }, ...marked(hit.text, hit.wanted))));
    }
    const title = rows[place].querySelector(".title");
    title.replaceChildren(...marked(list.title[place], hit?.wanted));
  }
  arrange();
  byId("found").textContent = found ? `${found.size} of ${count} features found` : `${count} features`;
  map?.find(found && new Set([...found.keys()].map((place) => list.feature[place])));
}

/** Goes to the next feature of the list as it is shown, or to one before. */
function step(by) {
  if (!shown.length) return;
  const at = shown.indexOf(current);
  const next = at < 0 ? (by > 0 ? 0 : shown.length - 1) : Math.min(shown.length - 1, Math.max(0, at + by));
  if (shown[next] !== current) open(list.feature[shown[next]]);
}

/** Changes the address, and shows what it says at once: the next key may come before its event. */
function go(hash) {
  location.hash = hash;
  route();
}

const open = (feature) => go(`#f${feature}`);

let [scrolled, routed] = [0, null];

/** Shows what the address says. */
function route() {
  if (routed === location.hash) return;
  routed = location.hash;
  const asked = /^#f(\d+)$/.exec(location.hash);
  const place = asked ? placeOf.get(Number(asked[1])) : undefined;
  const opens = place !== undefined;
  hideTip();
  if (opens && current === null) scrolled = scrollY;
  if (current !== null) {
    rows[current].classList.remove("current");
    rows[current].querySelector("a").removeAttribute("aria-current");
  }
  current = opens ? place : null;
  document.body.classList.toggle("open", opens);
  byId("feature").hidden = !opens;
  byId("overview").hidden = opens;
  byId("feature").replaceChildren(...(opens ? featurePage(place, step).filter(Boolean) : []));
  showHeat(heated);
  const home = byId("home").textContent;
  document.title = opens ? `${list.title[place]} · ${home}` : home;
  if (opens) {
    rows[place].classList.add("current");
    rows[place].querySelector("a").setAttribute("aria-current", "page");
    rows[place].scrollIntoView({ block: "nearest" });
    byId("said").textContent = `Feature ${list.feature[place]}: ${list.title[place]}`;
  } else if (asked) {
    byId("said").textContent = `Feature ${asked[1]} is not in this report.`;
  }
  byId("pane").scrollTop = 0;
  scrollTo(0, opens ? 0 : scrolled);
  map?.select(opens ? list.feature[place] : null);
}

function dark() {
  const chosen = document.documentElement.style.colorScheme;
  return chosen ? chosen === "dark" : matchMedia("(prefers-color-scheme: dark)").matches;
}

function nameTheme() {
  byId("theme").textContent = dark() ? "Light" : "Dark";
  map?.redraw();
}

byId("theme").addEventListener("click", () => {
  document.documentElement.style.colorScheme = dark() ? "light" : "dark";
  nameTheme();
});
matchMedia("(prefers-color-scheme: dark)").addEventListener("change", nameTheme);

const help = byId("help");
const box = byId("search");
byId("keys").addEventListener("click", () => help.showModal());
byId("close").addEventListener("click", () => help.close());
byId("skip").addEventListener("click", () => byId("page").focus());
byId("home").addEventListener("click", () => box.value && ((box.value = ""), find("")));
let waiting = 0;
box.addEventListener("input", () => {
  clearTimeout(waiting);
  waiting = setTimeout(() => find(box.value), 90);
});
box.addEventListener("keydown", (event) => {
  if (event.key === "Enter" && !event.isComposing) {
    clearTimeout(waiting);
    find(box.value);
    if (shown.length) open(list.feature[shown[0]]);
  }
});

function escape() {
  if (!byId("tip").hidden) hideTip();
  else if (box.value) {
    box.value = "";
    find("");
  } else if (document.activeElement === box) box.blur();
  else if (current !== null) go("");
}

const keys = {
  "/": () => {
    if (matchMedia("(max-width: 800px)").matches && current !== null) go("");
    box.focus();
    box.select();
  },
  j: () => step(1),
  k: () => step(-1),
  "?": () => help.showModal(),
};
document.addEventListener("keydown", (event) => {
  if (event.ctrlKey || event.metaKey || event.altKey || event.isComposing || help.open) return;
  if (event.key === "Escape") escape();
  else if (event.key in keys && !event.target.closest("input[type=search], select")) {
    event.preventDefault();
    keys[event.key]();
  }
});

// First what the start shows; then, when all of the file is there, the map and the pages.
makeHead();
arrange();
byId("found").textContent = `${count} features`;
byId("facts").append(
  ...index.facts.map(([label, text]) => make("div", {}, make("dt", {}, label), make("dd", {}, text))),
);
nameTheme();

/** Puts the picture of a row into it, once. */
function illustrate(row) {
  const thumb = row.querySelector(".thumb");
  if (!thumb.firstChild) thumb.append(image(list.picture[rows.indexOf(row)], ""));
}

function start() {
  if (data("map")) {
    map = makeMap(byId("map"), byId("card"), open);
    byId("colour").addEventListener("change", (event) => map.colour(event.target.value));
    map.colour(byId("colour").value);
  } else byId("map-part").hidden = true;
  const seen = new IntersectionObserver((entries) => {
    for (const entry of entries) if (entry.isIntersecting) illustrate(entry.target);
  }, { rootMargin: "200px" });
  rows.forEach((row) => seen.observe(row));
  addEventListener("beforeprint", () => current === null && rows.forEach(illustrate));
  addEventListener("hashchange", route);
  route();
  if (box.value) find(box.value);
}

if (document.readyState === "loading") document.addEventListener("DOMContentLoaded", start);
else start();
