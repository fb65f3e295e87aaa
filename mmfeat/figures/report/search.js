// Search in names and captions of every language.

const ALIKE = { ى: "ی", ي: "ی", ك: "ک", ı: "i" };

/** Returns a text as it is compared: without case, accents, harakat and forms of one letter. */
function fold(text) {
  return text
    .normalize("NFKD")
    .replace(/[\u0300-\u036f\u0591-\u05c7\u0610-\u061a\u0640\u064b-\u065f\u0670\u200b-\u200f]/g, "")
    .toLowerCase()
    .replace(/[ىيكı\u0307]/g, (sign) => ALIKE[sign] ?? "");
}

/** Returns a text as nodes, with what was sought marked. */
function marked(text, wanted) {
  const signs = Array.from(text);
  let folded = "";
  const from = [];
  signs.forEach((sign, at) => {
    const own = fold(sign);
    for (let i = 0; i < own.length; i += 1) from.push(at);
    folded += own;
  });
  const start = wanted ? folded.indexOf(wanted) : -1;
  if (start < 0) return [text];
  const [first, last] = [from[start], from[start + wanted.length - 1] + 1];
  return [
    signs.slice(0, first).join(""),
    make("mark", {}, signs.slice(first, last).join("")),
    signs.slice(last).join(""),
  ];
}

let sought = null;

/** Returns folded names and captions; made at the first search. */
function corpus() {
  if (!sought) {
    const captions = index.languages.map(([tag]) => {
      const { texts } = data(`captions-${tag}`);
      return { texts, folded: texts.map(fold) };
    });
    const shown = list.feature.map((feature) =>
      data(`f${feature}`).columns.map((column) => column.captions),
    );
    const names = data("names").map((row) => row.map(fold));
    sought = { captions, shown, names, titles: list.title.map(fold) };
  }
  return sought;
}

/**
 * Returns the features that a query finds: their place in the report, with a rank (0 for a whole
 * name, 1 for a part of one, 2 for a caption) and what was found.
 */
function search(query) {
  const asked = query.trim();
  const hash = /^#(\d+)$/.exec(asked);
  if (hash) {
    const place = placeOf.get(Number(hash[1]));
    return place === undefined ? new Map() : new Map([[place, { rank: 0 }]]);
  }
  const wanted = fold(asked);
  const found = new Map();
  if (!wanted) return found;
  const { captions, shown, names, titles } = corpus();
  const hits = captions.map(({ folded }) => folded.map((text) => text.includes(wanted)));
  for (let place = 0; place < count; place += 1) {
    const own = names[place];
    const whole = own.indexOf(wanted);
    const part = whole >= 0 ? whole : own.findIndex((name) => name.includes(wanted));
    if (part >= 0) {
      const tag = index.languages[part][0];
      const text = data("names")[place][part];
      found.set(place, { rank: whole >= 0 ? 0 : 1, tag, text, wanted });
    } else if (titles[place].includes(wanted)) {
      found.set(place, { rank: 1, wanted });
    } else {
      for (let at = 0; at < captions.length; at += 1) {
        const hit = shown[place][at].find((caption) => hits[at][caption]);
        if (hit === undefined) continue;
        const tag = index.languages[at][0];
        found.set(place, { rank: 2, tag, text: captions[at].texts[hit], wanted });
        break;
      }
    }
  }
  return found;
}
