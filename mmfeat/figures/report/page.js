// The page of a feature.

let heated = true;

/** Lays a heat map over a picture, as `mmfeat.figures.heatmap.overlay` does. */
function paintHeat(canvas, values, rows, columns) {
  const side = 72;
  canvas.width = side;
  canvas.height = side;
  const context = canvas.getContext("2d");
  const pixels = context.createImageData(side, side);
  const cells = (size) =>
    Array.from({ length: side }, (_, at) => {
      const place = Math.min(size - 1, Math.max(0, ((at + 0.5) * size) / side - 0.5));
      const low = Math.min(Math.floor(place), Math.max(size - 2, 0));
      return [low, Math.min(low + 1, size - 1), place - low];
    });
  const [down, across] = [cells(rows), cells(columns)];
  const table = palettes.heat;
  let at = 0;
  for (const [top, bottom, y] of down) {
    for (const [left, right, x] of across) {
      const high = values[top * columns + left] * (1 - x) + values[top * columns + right] * x;
      const low = values[bottom * columns + left] * (1 - x) + values[bottom * columns + right] * x;
      const strength = high * (1 - y) + low * y; // of 255, as many as the table has colours
      const own = 3 * Math.round(strength);
      pixels.data[at] = table[own];
      pixels.data[at + 1] = table[own + 1];
      pixels.data[at + 2] = table[own + 2];
      pixels.data[at + 3] = 0.8 * strength;
      at += 4;
    }
  }
  context.putImageData(pixels, 0, 0);
}

/** An activation, and whether it is of a test concept. */
function strength(activation, test) {
  return [number(activation), ...(test ? [" ", make("span", { class: "test" }, "test")] : [])];
}

/** Says what the colours of activations stand for. */
function scale(largest, table, what) {
  const ramp = make("span", { class: "ramp" });
  ramp.style.setProperty("background", table);
  return make("small", { class: "scaled" }, `${what} 0`, ramp, number(largest));
}

/** Makes pictures with their heat maps and activations. */
function gallery(held) {
  const heat = bytes(held.heat);
  let start = 0;
  return held.pictures.map((place, at) => {
    const [rows, columns] = held.grids[at];
    const values = heat.subarray(start, start + rows * columns);
    start += rows * columns;
    const own = pictureOf(place);
    const frame = make("span", { class: "frame" }, image(place));
    if (own.address && values.some((value) => value > 0)) {
      const canvas = make("canvas", { class: "heat", "aria-hidden": "true" });
      paintHeat(canvas, values, rows, columns);
      frame.append(canvas);
    }
    return make("figure", { title: own.label }, frame,
      make("figcaption", {}, ...strength(held.activations[at], own.test)));
  });
}

/** Returns a caption as nodes, each token shaded by its activation. */
function shaded(text, spans, values) {
  const signs = Array.from(text);
  const shade = new Uint8Array(signs.length);
  values.forEach((value, at) => {
    for (let i = spans[2 * at]; i < spans[2 * at + 1]; i += 1) shade[i] = Math.max(shade[i], value);
  });
  const nodes = [];
  for (let start = 0, end = 0; start < signs.length; start = end) {
    while (end < signs.length && shade[end] === shade[start]) end += 1;
    const part = signs.slice(start, end).join("");
    if (!shade[start]) nodes.push(part);
    else {
      const token = make("span", { class: "token" }, part);
      token.style.setProperty("--share", (shade[start] / 255).toFixed(3));
      nodes.push(token);
    }
  }
  return nodes;
}

/** Makes the column of a language: the name, how it fires, and its strongest captions. */
function column(held, at) {
  const [tag, name, english] = index.languages[at];
  const table = data(`captions-${tag}`);
  const values = bytes(held.tokens);
  let start = 0;
  const captions = held.captions.map((place, i) => {
    const spans = table.spans[place];
    const own = values.subarray(start, start + spans.length / 2);
    start += spans.length / 2;
    return make(
      "li",
      {},
      make("span", { class: "caption", ...written(tag) }, ...shaded(table.texts[place], spans, own)),
      make("small", { dir: "ltr" }, ...strength(held.activations[i], table.test[place])),
    );
  });
  const title = held.name
    ? [make("b", written(tag), held.name), make("small", { dir: "ltr" }, number(held.score))]
    : [make("small", { dir: "ltr" }, "no good name")];
  const evidence = `p ${number(held.p)} · effect ${number(held.effect)}`;
  return make(
    "section",
    { class: "column", "data-language": tag, "aria-label": english, ...written(tag) },
    make("h4", {}, make("span", {}, name), make("code", { dir: "ltr" }, tag)),
    make("p", { class: "name" }, ...title),
    explained(
      make(
        "p",
        { class: "rate", dir: "ltr", tabindex: "0" },
        `${held.shared ? "●" : "○"} ${percent(held.rate)}`,
        make("span", {}, evidence),
      ),
      `${english}: fires on ${percent(held.rate)} of its captions; ${held.shared ? "shared" : "not shared"} ` +
        `with pictures (exact p of joint firing ${number(held.p)}, lower 95 % bound of the effect ${number(held.effect)}).`,
    ),
    captions.length
      ? make("ol", {}, ...captions)
      : make("p", { class: "quiet", dir: "ltr" }, "no captions to show"),
  );
}

/** Makes the bars of firing rates: pictures, then each language. */
function rates(page) {
  const all = [["pictures", "▲", page.rate, false], ...index.languages.map(([tag, , english], at) => [
    english, tag, page.columns[at].rate, page.columns[at].shared === 1,
  ])];
  const most = Math.max(...all.map(([, , rate]) => rate ?? 0), 1e-9);
  return make(
    "ul",
    { class: "bars", "aria-label": "Firing rates" },
    ...all.map(([label, tag, rate, shared], at) => {
      const bar = make("i", { class: at ? "" : "picture" });
      bar.style.setProperty("--share", ((rate ?? 0) / most).toFixed(3));
      const text = `${label}: fires on ${percent(rate)}${shared ? ", shared with pictures" : ""}`;
      return explained(
        make("li", { tabindex: "0", "aria-label": text }, make("em", {}, shared ? "●" : ""), bar, make("code", {}, tag)),
        text,
      );
    }),
  );
}

/** Makes links to features; those that are not in the report are grey. */
function links(features) {
  const entries = features.map(([feature, value, title]) => {
    const place = placeOf.get(feature);
    const inside = place !== undefined;
    const parts = [
      inside ? image(list.picture[place], "") : make("span", { class: "none" }),
      make("bdi", {}, title),
      make("small", {}, value),
    ];
    return make(
      "li",
      {},
      inside
        ? make("a", { href: `#f${feature}` }, ...parts)
        : make("span", { class: "out", title: "not in this report" }, ...parts),
    );
  });
  return make("ul", { class: "links" }, ...entries);
}

function section(title, note, ...content) {
  const small = typeof note === "string" ? make("small", {}, note) : note;
  return make("section", {}, make("h3", {}, title, small), ...content);
}

function modality([picture, caption]) {
  const share = picture / (picture + caption || 1);
  const bar = make("span", { class: "balance", "aria-hidden": "true" }, make("i"));
  bar.firstChild.style.setProperty("inline-size", `${100 * share}%`);
  return make(
    "p",
    { class: "energies" },
    make("span", {}, `▲ pictures ${number(picture)}`),
    bar,
    make("span", {}, `${number(caption)} captions ■`),
  );
}

/** Makes all that the page of a feature shows. */
function featurePage(place, step) {
  const feature = list.feature[place];
  const page = data(`f${feature}`);
  const status = list.status[place];
  const bands = page.bands.filter((band) => band.pictures.length);
  const bandOf = (at) => `${100 - (100 * (at + 1)) / page.bands.length}–${100 - (100 * at) / page.bands.length} %`;
  const [patch, token] = page.largest;
  const heat = `linear-gradient(90deg, #fff, ${[0.3, 0.6, 1].map((share) => rgb(colour(palettes.heat, share), 0.2 + 0.6 * share)).join(", ")}) #fff`;
  const words = "linear-gradient(90deg, transparent, color-mix(in srgb, var(--token) 75%, transparent))";
  const toggle = make("input", { type: "checkbox", id: "heat", change: (event) => showHeat(event.target.checked) });
  toggle.checked = heated;
  const partners = page.partners;
  const related = [
    ["Similar directions", "cosine of decoder rows", page.neighbours.map(([f, cosine, title]) => [f, number(cosine), title])],
    ...[["image", "From pictures to captions"], ["text", "From captions to pictures"]].map(([side, title]) => [
      title,
      "bridge B, z under random pairing",
      partners[side].map(([f, value, z, name]) => [f, `${number(value)}, z ${number(z)}`, name]),
    ]),
  ].filter(([, , features]) => features.length);
  return [
    make(
      "header",
      {},
      make("a", { class: "back", href: "#" }, "‹ All features"),
      make("span", { class: "number" }, `Feature ${feature}`),
      make("span", { class: `status s${status}` }, `${MARKS[status]} ${STATUS[status]}`),
      make("span", { class: "steps" },
        make("button", { type: "button", "aria-label": "Previous feature", click: () => step(-1) }, "‹"),
        make("button", { type: "button", "aria-label": "Next feature", click: () => step(1) }, "›")),
    ),
    make("h2", { id: "title", ...written(list.language[place]) }, list.title[place]),
    make("p", { class: "sentence" }, page.sentence),
    page.korean ? make("p", { class: "sentence korean", lang: "ko" }, page.korean) : null,
    make(
      "div",
      { class: "top" },
      make("section", {},
        make("h3", {}, "Energy", make("small", {}, "mean squared activation")),
        modality(page.energy.map((value) => value ?? 0)),
        make("dl", { class: "numbers" },
          ...index.explanations.map(([, label, explanation], at) =>
            explained(
              make("div", { tabindex: "0" }, make("dt", {}, label), make("dd", {}, page.numbers[at]), make("dd", { class: "why" }, explanation)),
              `${label}: ${explanation}`,
            )))),
      section("Firing rate", "● shared with pictures", rates(page)),
    ),
    make(
      "section",
      { class: "pictures" },
      make("h3", {}, "Strongest pictures", make("label", { class: "toggle" }, toggle, " heat map"),
        patch ? scale(patch, heat, "activation of a patch") : null),
      page.pictures.pictures.length
        ? make("div", { class: "gallery" }, ...gallery(page.pictures))
        : make("p", { class: "quiet" }, "Fires for no picture."),
    ),
    bands.length
      ? section("Pictures of every strength", "random ones from even bands of the largest activation",
          make("div", { class: "bands" },
            ...page.bands.map((band, at) =>
              make("div", {}, make("h4", {}, bandOf(at)),
                band.pictures.length
                  ? make("div", { class: "gallery small" }, ...gallery(band))
                  : make("p", { class: "quiet" }, "none")))))
      : null,
    section("Captions", token ? scale(token, words, "the strongest in each language; activation of a word") : "the strongest in each language",
      make("div", { class: "columns" }, ...page.columns.map(column))),
    make("div", { class: "related" },
      ...related.map(([title, note, features]) => section(title, note, links(features)))),
  ];
}

function showHeat(on) {
  heated = on;
  byId("feature").classList.toggle("plain", !on);
}
