// What all parts use. Whatever comes from the atlas becomes text or an attribute, never markup.

const byId = (id) => document.getElementById(id);

const parsed = new Map();

/** Returns a JSON value of the file, parsed when it is first asked for; null if there is none. */
function data(id) {
  if (!parsed.has(id)) {
    const element = byId(`data-${id}`);
    if (!element) return null;
    parsed.set(id, JSON.parse(element.textContent));
  }
  return parsed.get(id);
}

const index = data("index");
const list = index.features;
const count = list.feature.length;
const placeOf = new Map(list.feature.map((feature, place) => [feature, place]));
const directions = new Map(index.languages.map(([tag, , , direction]) => [tag, direction]));

/** Makes an element; a child that is a string becomes text. */
function make(tag, attributes = {}, ...children) {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) {
    if (typeof value === "function") element.addEventListener(name, value);
    else if (value === true) element.setAttribute(name, "");
    else if (value !== null && value !== false) element.setAttribute(name, value);
  }
  element.append(...children.filter((child) => child !== null));
  return element;
}

/** Attributes of a text in a language of the atlas, or of one whose language is unknown. */
const written = (tag) => (tag ? { lang: tag, dir: directions.get(tag) ?? "auto" } : { dir: "auto" });

const bytes = (base64) => Uint8Array.from(atob(base64), (sign) => sign.charCodeAt(0));

const palettes = Object.fromEntries(
  Object.entries(index.palettes).map(([name, base64]) => [name, bytes(base64)]),
);

/** Returns a colour of a table, the share being from 0 to 1. */
function colour(table, share) {
  const last = table.length / 3 - 1;
  const at = 3 * Math.round(Math.min(1, Math.max(0, share)) * last);
  return [table[at], table[at + 1], table[at + 2]];
}

const rgb = (parts, alpha = 1) => `rgb(${parts.join(" ")} / ${alpha})`;

const MARKS = ["×", "◇", "●"];
const STATUS = ["untestable", "not shared", "shared"];

/** Writes a number as pages of features do: three digits, and a dash where there is none. */
function number(value) {
  if (value === null) return "–";
  return String(Number(value.toPrecision(3))).replace("-", "−");
}

const percent = (value) => (value === null ? "–" : `${number(100 * value)} %`);

/** Returns a picture: its address, its item and a caption of it. */
function pictureOf(place) {
  const size = data("pictures-0").pictures.length;
  const chunk = data(`pictures-${Math.floor(place / size)}`);
  const at = place % size;
  const held = chunk.pictures[at];
  return {
    address: held && `data:image/webp;base64,${held}`,
    label: chunk.captions[at] || chunk.names[at],
    name: chunk.names[at],
    test: chunk.test[at] === 1,
  };
}

/** Makes the picture of an item, or an empty frame where the atlas holds none. */
function image(place, label = null) {
  const own = place < 0 ? null : pictureOf(place);
  if (!own || !own.address) return make("span", { class: "none", "aria-hidden": "true" });
  return make("img", { src: own.address, alt: label ?? own.label, draggable: "false" });
}

// An explanation that shows while its element is pointed at or has the focus.
function explained(element, text) {
  element.dataset.tip = text;
  return element;
}

function showTip(element) {
  const tip = byId("tip");
  tip.textContent = element.dataset.tip;
  tip.hidden = false;
  element.setAttribute("aria-describedby", "tip");
  const box = element.getBoundingClientRect();
  const own = tip.getBoundingClientRect();
  const left = Math.min(box.left, innerWidth - own.width - 8);
  const below = box.bottom + 6;
  const top = below + own.height > innerHeight ? box.top - own.height - 6 : below;
  tip.style.setProperty("left", `${Math.max(8, left)}px`);
  tip.style.setProperty("top", `${Math.max(8, top)}px`);
}

function hideTip() {
  byId("tip").hidden = true;
  document.querySelector("[aria-describedby=tip]")?.removeAttribute("aria-describedby");
}

for (const [shows, hides] of [["pointerover", "pointerout"], ["focusin", "focusout"]]) {
  document.addEventListener(shows, (event) => {
    const element = event.target.closest("[data-tip]");
    if (element) showTip(element);
  });
  document.addEventListener(hides, (event) => {
    if (event.target.closest("[data-tip]")) hideTip();
  });
}
document.addEventListener("scroll", hideTip, { capture: true, passive: true });
