// The map: all features as marks on a canvas, those of the report in front.

/** Draws a mark; the shape says what the colour says. */
function drawMark(context, shape, x, y, r) {
  context.beginPath();
  if (shape === "disc") context.arc(x, y, r, 0, 2 * Math.PI);
  else if (shape === "square") context.rect(x - 0.85 * r, y - 0.85 * r, 1.7 * r, 1.7 * r);
  else if (shape === "triangle") {
    context.moveTo(x, y - 1.15 * r);
    context.lineTo(x + 1.05 * r, y + 0.8 * r);
    context.lineTo(x - 1.05 * r, y + 0.8 * r);
    context.closePath();
  } else if (shape === "diamond") {
    for (const [dx, dy] of [[0, -1.2], [1.2, 0], [0, 1.2], [-1.2, 0]]) {
      context.lineTo(x + dx * r, y + dy * r);
    }
    context.closePath();
  } else {
    context.moveTo(x - r, y - r);
    context.lineTo(x + r, y + r);
    context.moveTo(x + r, y - r);
    context.lineTo(x - r, y + r);
  }
}

const SHAPES = ["cross", "diamond", "disc"];

/** Makes the map on the canvas; `open` is called with a feature that was chosen. */
function makeMap(canvas, card, open) {
  const held = data("map");
  const places = new Uint16Array(bytes(held.places).buffer);
  const [modality, languages, status] = [held.modality, held.languages, held.status].map(bytes);
  const inside = held.features.map((feature) => placeOf.has(feature));
  let order = [];
  const view = { zoom: 1, x: 0, y: 0 };
  let [by, selected, pointed, found, planned] = ["modality", null, -1, null, false];

  /** Puts in front what is in the report and, of that, what was found. */
  function arrange() {
    const depth = held.features.map((feature, at) => inside[at] + (found?.has(feature) ? 1 : 0));
    order = depth.map((_, at) => at).sort((a, b) => depth[a] - depth[b]);
  }
  arrange();

  const looks = {
    modality(at) {
      if (modality[at] === 255) return ["cross", [150, 150, 150], 3];
      const share = modality[at] / 254;
      const shape = share >= 0.7 ? "triangle" : share <= 0.3 ? "square" : "disc";
      return [shape, colour(palettes.modality, share), 3.6];
    },
    languages(at) {
      const share = languages[at] / Math.max(1, index.all_languages);
      return ["disc", colour(palettes.languages, share), 1.8 + 2.6 * share];
    },
    status(at) {
      return [SHAPES[status[at]], colour(palettes.status, status[at] / 2), status[at] ? 3.6 : 2.6];
    },
  };

  const extent = [0, 1].map((axis) => {
    let most = 0.05;
    for (let at = axis; at < places.length; at += 2) {
      most = Math.max(most, Math.abs(places[at] / 32767.5 - 1));
    }
    return most;
  });

  function screen(at) {
    const [width, height] = [canvas.clientWidth, canvas.clientHeight];
    const size = view.zoom * Math.min((width - 30) / extent[0], (height - 30) / extent[1]);
    return [
      width / 2 + view.x + (places[2 * at] / 65535 - 0.5) * size,
      height / 2 + view.y - (places[2 * at + 1] / 65535 - 0.5) * size,
    ];
  }

  function draw() {
    planned = false;
    const [width, height] = [canvas.clientWidth, canvas.clientHeight];
    if (!width) return;
    const ratio = devicePixelRatio || 1;
    canvas.width = Math.round(width * ratio);
    canvas.height = Math.round(height * ratio);
    const context = canvas.getContext("2d");
    context.scale(ratio, ratio);
    const ink = getComputedStyle(canvas).color;
    const surface = getComputedStyle(canvas).backgroundColor;
    const grow = Math.min(2, Math.sqrt(view.zoom));
    for (const at of order) {
      const [x, y] = screen(at);
      if (x < -9 || y < -9 || x > width + 9 || y > height + 9) continue;
      const [shape, parts, size] = looks[by](at);
      const hidden = found && !found.has(held.features[at]);
      const alpha = hidden ? 0.12 : inside[at] ? 0.92 : 0.35;
      drawMark(context, shape, x, y, (inside[at] ? size : 0.65 * size) * grow);
      context.lineWidth = shape === "cross" ? 1.4 : 1;
      context.strokeStyle = shape === "cross" ? rgb(parts, alpha) : surface;
      context.fillStyle = rgb(parts, alpha);
      if (shape !== "cross") context.fill();
      if (shape === "cross" || inside[at]) context.stroke();
    }
    for (const at of [pointed, held.features.indexOf(selected)]) {
      if (at < 0) continue;
      const [x, y] = screen(at);
      for (const [style, line] of [[surface, 5], [ink, 2]]) {
        drawMark(context, "disc", x, y, 8);
        context.strokeStyle = style;
        context.lineWidth = line;
        context.stroke();
      }
    }
  }

  function plan() {
    if (!planned) requestAnimationFrame(draw);
    planned = true;
  }

  /** Returns the nearest feature; those of the report are preferred. */
  function near(x, y) {
    let [best, least] = [-1, 14];
    for (const at of order) {
      const [px, py] = screen(at);
      const distance = Math.hypot(px - x, py - y) * (inside[at] ? 1 : 2);
      if (distance <= least) [best, least] = [at, distance];
    }
    return best;
  }

  function point(at) {
    pointed = at;
    card.hidden = at < 0;
    canvas.style.setProperty("cursor", at >= 0 && inside[at] ? "pointer" : "default");
    if (at >= 0) {
      const feature = held.features[at];
      const place = placeOf.get(feature);
      const title = place === undefined ? { dir: "auto" } : written(list.language[place]);
      card.replaceChildren(
        place === undefined || list.picture[place] < 0 ? "" : image(list.picture[place], ""),
        make(
          "span",
          {},
          make("b", title, held.titles[at]),
          make("small", {}, `#${feature} · ${MARKS[status[at]]} ${STATUS[status[at]]}`),
          make("small", {}, inside[at] ? `${languages[at]} languages` : "not in this report"),
        ),
      );
      const [x, y] = screen(at);
      const left = Math.min(x + 14, canvas.clientWidth - card.offsetWidth - 4);
      const top = y + 14 + card.offsetHeight > canvas.clientHeight ? y - card.offsetHeight - 12 : y + 14;
      card.style.setProperty("left", `${Math.max(4, left)}px`);
      card.style.setProperty("top", `${Math.max(4, top)}px`);
      if (document.activeElement === canvas) byId("said").textContent = card.textContent;
    }
    plan();
  }

  function zoom(factor, x = canvas.clientWidth / 2, y = canvas.clientHeight / 2) {
    const next = Math.min(40, Math.max(1, view.zoom * factor));
    const [dx, dy] = [x - canvas.clientWidth / 2, y - canvas.clientHeight / 2];
    view.x = next === 1 ? 0 : dx - ((dx - view.x) * next) / view.zoom;
    view.y = next === 1 ? 0 : dy - ((dy - view.y) * next) / view.zoom;
    view.zoom = next;
    plan();
  }

  /** Points at the next feature of the report in a direction. */
  function step(dx, dy) {
    const start = pointed >= 0 ? pointed : held.features.indexOf(selected);
    const [x, y] = start >= 0 ? screen(start) : [canvas.clientWidth / 2, canvas.clientHeight / 2];
    let [best, least] = [-1, Infinity];
    for (const at of order) {
      if (!inside[at] || at === start) continue;
      const [px, py] = screen(at);
      const along = (px - x) * dx + (py - y) * dy;
      const aside = Math.abs((px - x) * dy) + Math.abs((py - y) * dx);
      if (along > 0 && along + 2 * aside < least) [best, least] = [at, along + 2 * aside];
    }
    if (best >= 0) point(best);
  }

  const choose = (at) => at >= 0 && inside[at] && open(held.features[at]);
  let drag = null;
  canvas.addEventListener("pointerdown", (event) => {
    drag = { x: event.offsetX, y: event.offsetY, moved: false };
  });
  canvas.addEventListener("pointermove", (event) => {
    if (drag && event.buttons) {
      drag.moved ||= Math.hypot(event.offsetX - drag.x, event.offsetY - drag.y) > 4;
      if (drag.moved && view.zoom > 1) {
        view.x += event.movementX;
        view.y += event.movementY;
        point(-1);
      }
    } else {
      const at = near(event.offsetX, event.offsetY);
      if (at !== pointed) point(at);
    }
  });
  canvas.addEventListener("pointerleave", () => point(-1));
  canvas.addEventListener("blur", () => point(-1));
  canvas.addEventListener("click", (event) => {
    if (!drag?.moved) choose(near(event.offsetX, event.offsetY));
  });
  canvas.addEventListener("wheel", (event) => {
    if (event.deltaY > 0 && view.zoom === 1) return;
    event.preventDefault();
    zoom(Math.exp(-event.deltaY / 300), event.offsetX, event.offsetY);
  });
  const keys = {
    ArrowLeft: () => step(-1, 0),
    ArrowRight: () => step(1, 0),
    ArrowUp: () => step(0, -1),
    ArrowDown: () => step(0, 1),
    Enter: () => choose(pointed),
    "+": () => zoom(1.5),
    "-": () => zoom(1 / 1.5),
    0: () => zoom(0),
  };
  canvas.addEventListener("keydown", (event) => {
    if (!(event.key in keys) || event.ctrlKey || event.metaKey || event.altKey) return;
    event.preventDefault();
    keys[event.key]();
  });
  new ResizeObserver(plan).observe(canvas);

  return {
    redraw: plan,
    colour(key) {
      by = key;
      byId("legend").replaceChildren(...legend(key));
      plan();
    },
    select(feature) {
      selected = feature;
      plan();
    },
    /** Shows some features, all with null; the others fade. */
    find(features) {
      found = features;
      arrange();
      plan();
    },
  };
}

/** Returns what explains the colours and shapes of the map. */
function legend(key) {
  if (key === "status") {
    return [2, 1, 0].map((at) => {
      const mark = make("i", {}, MARKS[at]);
      mark.style.setProperty("color", rgb(colour(palettes.status, at / 2)));
      return make("span", {}, mark, ` ${STATUS[at]}`);
    });
  }
  const ramp = make("span", { class: "ramp" });
  const stops = [0, 0.25, 0.5, 0.75, 1].map((share) => rgb(colour(palettes[key], share)));
  ramp.style.setProperty("background", `linear-gradient(90deg, ${stops.join(", ")})`);
  const ends = { modality: ["■ captions", "pictures ▲"], languages: ["· 0", `${index.all_languages} ●`] };
  return [ends[key][0], ramp, ends[key][1]];
}
