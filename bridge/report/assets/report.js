"use strict";
(() => {
  const STEP = 100; // rows at a time: a page stays quick, and the browser's own search finds what is shown
  const SVG = "http://www.w3.org/2000/svg";
  const DAY = 86400;
  const byId = (id) => document.getElementById(id);
  const told = JSON.parse(byId("data").textContent);
  const table = byId("clients");
  const body = table.tBodies[0];
  const entries = Array.from(body.rows, (row, rank) => ({ row, rank, told: told[rank], detail: null,
    text: row.textContent.toLowerCase() }));
  const find = byId("find"), state = byId("state"), owner = byId("owner"), attention = byId("attention");
  let sorting = { key: "state", down: false };
  let limit = STEP;

  // Texts -------------------------------------------------------------------------------------------------------------

  const time = (text) => (text ? Date.parse(text) / 1000 : null);
  const shown = (text) => (text ? text.slice(0, 16).replace("T", " ") + " UTC" : "-");
  const count = (number, word) => `${number.toLocaleString("en")} ${word}${number === 1 ? "" : "s"}`;
  const short = (id) => (/^\d+$/.test(id) ? `v${id}` : id.length > 12 ? `${id.slice(0, 8)}…` : id);
  const span = (seconds) => {
    const [days, hours, minutes] = [Math.floor(seconds / DAY), Math.floor((seconds % DAY) / 3600), Math.floor((seconds % 3600) / 60)];
    if (days) return hours && days < 10 ? `${days} d ${hours} h` : `${days} d`;
    return hours ? `${hours} h` : minutes ? `${minutes} min` : `${Math.floor(seconds)} s`;
  };

  // Elements: texts become text nodes, never markup -------------------------------------------------------------------

  const fill = (element, attributes, parts) => {
    for (const [name, value] of Object.entries(attributes)) element.setAttribute(name, value);
    element.append(...parts);
    return element;
  };
  const el = (name, attributes = {}, ...parts) => fill(document.createElement(name), attributes, parts);
  const svg = (name, attributes = {}, ...parts) => fill(document.createElementNS(SVG, name), attributes, parts);

  // Which rows, in which order ----------------------------------------------------------------------------------------

  const values = {
    client: (entry) => entry.told.client.toLowerCase(),
    state: (entry) => entry.rank,
    owner: (entry) => (entry.told.owner || "").toLowerCase() || null,
    age: (entry) => entry.told.age_seconds,
    fallback: (entry) => entry.told.fallback_age_seconds,
    sinks: (entry) => entry.row.cells[5].textContent,
  };
  const order = (a, b) => {
    const [x, y] = [values[sorting.key](a), values[sorting.key](b)];
    if (x === y) return a.rank - b.rank;
    if (x === null || y === null) return x === null ? 1 : -1; // what is absent comes last, either way
    return (x < y ? -1 : 1) * (sorting.down ? -1 : 1);
  };
  const matching = () => {
    const words = find.value.toLowerCase().split(/\s+/).filter(Boolean);
    return entries.filter((entry) =>
      words.every((word) => entry.text.includes(word)) &&
      (!state.value || entry.told.kind === state.value) &&
      (!owner.value || (entry.told.owner || "-") === owner.value) &&
      (!attention.checked || entry.told.attention));
  };
  const show = () => {
    const found = matching().sort(order);
    const rows = document.createDocumentFragment();
    for (const entry of found.slice(0, limit)) { // the others wait outside of the page, until asked for or printed
      expandable(entry);
      rows.append(entry.row);
      if (entry.detail && !entry.detail.hidden) rows.append(entry.detail);
    }
    body.replaceChildren(rows);
    tell(found.length);
  };
  const tell = (number) => {
    const some = Math.min(limit, number);
    const head = table.querySelector(`th[data-key=${sorting.key}]`).textContent.toLowerCase();
    const sorted = sorting.key === "state" && !sorting.down ? "the most urgent first"
      : `by ${head}, ${sorting.down ? "descending" : "ascending"}`;
    const which = number === entries.length ? count(number, "client") : `${number.toLocaleString("en")} of ${count(entries.length, "client")}`;
    byId("count").textContent = number ? `${which}, ${sorted}${some < number ? `; the first ${some.toLocaleString("en")} are shown` : ""}.`
      : "No client fits. Reset shows all of them.";
    byId("more").hidden = some === number;
    byId("some").textContent = `Show ${Math.min(STEP, number - some)} more`;
    byId("all").textContent = `Show all ${number.toLocaleString("en")}`;
    for (const tile of document.querySelectorAll(".tile button"))
      tile.setAttribute("aria-pressed", String(state.value === tile.parentNode.dataset.kind));
  };
  const expandAll = () => {
    const wanted = byId("expand").getAttribute("aria-pressed") === "false";
    byId("expand").setAttribute("aria-pressed", String(wanted));
    for (const entry of wanted ? matching().sort(order).slice(0, limit) : entries.filter((each) => each.detail)) open(entry, wanted);
  };
  const again = () => { limit = STEP; show(); };

  // One client --------------------------------------------------------------------------------------------------------

  const expandable = (entry) => {
    const cell = entry.row.cells[0];
    if (cell.querySelector("button")) return;
    const button = el("button", { type: "button", class: "toggle", "aria-expanded": "false" });
    const name = cell.querySelector(".name");
    name.before(button);
    button.append(name);
    button.addEventListener("click", () => open(entry, button.getAttribute("aria-expanded") === "false"));
  };
  const open = (entry, wanted) => {
    const button = entry.row.querySelector(".toggle");
    if (!entry.detail) {
      entry.detail = el("tr", { class: "detail", id: `detail-${entry.rank}` }, el("td", { colspan: "6" }, ...detail(entry.told)));
      button.setAttribute("aria-controls", entry.detail.id);
    }
    button.setAttribute("aria-expanded", String(wanted));
    entry.detail.hidden = !wanted;
    if (wanted) entry.row.after(entry.detail);
  };

  const detail = (client) => {
    const drawn = client.sinks.some((sink) => sink.versions.length);
    return [
      ...(drawn ? [el("h3", {}, "Versions and stages"), timeline(client), legend(client)] : []),
      el("div", { class: "versions" }, ...client.sinks.map(versions)),
      el("div", { class: "pair" },
        el("div", {}, el("h3", {}, "Policy"), facts(policy(client))),
        el("div", {}, ...findings(client))),
      ...client.sinks.filter((sink) => sink.log.length).map((sink) =>
        el("div", {}, el("h3", {}, "Latest operations in ", el("span", { class: "where" }, sink.uri)),
          el("ul", { class: "where" }, ...sink.log.map((line) => el("li", {}, line))))),
    ];
  };
  const facts = (pairs) => el("dl", {}, ...pairs.flatMap(([name, value]) => [el("dt", {}, name), el("dd", {}, value)]));
  const policy = (client) => [
    ["Client id", client.client_id], ["Tenant", client.tenant], ["Owner", client.owner || "-"],
    ["Current since", client.promoted_at ? shown(client.promoted_at) + (client.age_is_minimum ? " at the latest" : "") : "-"],
    ["Secret", `at most ${span(client.max_age_seconds)} old` + (client.due_at ? `, due ${shown(client.due_at)}` : "")],
    ["Fallback", `stays ${span(client.fallback_min_age_seconds)}, overdue after ${span(client.fallback_max_age_seconds)}`],
  ];
  const findings = (client) => {
    const granted = client.exception;
    const held = client.sinks.filter((sink) => sink.lock);
    const notes = client.sinks.flatMap((sink) => [
      ...(sink.managed ? [] : [`${sink.uri}: not managed by secret-bridge`]),
      ...(sink.edits ? [`${sink.uri}: edited by others ${count(sink.edits, "time")} since`] : []),
      ...(sink.room === null ? [] : [`${sink.uri}: the fallback survives ${count(sink.room, "more write")} of others`]),
    ]);
    const rotations = new Set(client.sinks.map((sink) => sink.rotation).filter(Boolean));
    const part = (title, lines) => (lines.length ? [el("h3", {}, title), el("ul", {}, ...lines.map((line) => el("li", {}, line)))] : []);
    return [
      ...part("Not read", client.unread.map((each) => `${each.uri}: ${each.message}`)),
      ...part("Operation", held.map(({ uri, lock }) =>
        `${uri}: ${lock.operation} ${lock.id} by ${lock.actor}, counts as live until ${shown(lock.until)}`)),
      ...part("Drift between sinks", rotations.size > 1 ? client.sinks.map((sink) => `${sink.uri}: ${sink.rotation}`) : []),
      ...part("Exception", granted ? [`${granted.counts ? "counts until the end of" : "ended with"} ${granted.until}`,
        `owner: ${granted.owner}`, `reason: ${granted.reason}`] : []),
      ...part("Open fallback: who still uses it", client.fallback_since ? client.evidence || [unasked(client)] : []),
      ...part("Also", notes),
    ];
  };
  const unasked = (client) => `not asked; run: ${client.evidence_next}`;
  const versions = (sink) => el("table", {},
    el("caption", {}, sink.uri),
    el("thead", {}, el("tr", {}, ...["Version", "Stage", "Written"].map((name) => el("th", { scope: "col" }, name)))),
    el("tbody", {}, ...[...sink.versions].reverse().map((version) => el("tr", {},
      el("th", { scope: "row", class: "where" }, short(version.id)),
      el("td", {}, stage(version)), el("td", {}, shown(version.created))))));
  const stage = (version) => version.stage || "no stage";

  // The timeline: one lane per sink, drawn to scale; the tables below it say the same ----------------------------------

  const [LEFT, LANE] = [2, 58];
  const timeline = (client) => {
    const width = Math.max(320, Math.min(1200, table.clientWidth - 56)); // one unit is one pixel: texts stay readable
    const now = time(client.at), limits = [time(client.due_at), time(client.retire_by)].filter((each) => each !== null);
    const dates = client.sinks.flatMap((sink) => sink.versions.map((version) => time(version.created))).filter((each) => each !== null);
    const first = Math.min(...dates, now), last = Math.max(now, ...limits.filter((each) => each < now + 400 * DAY));
    const scale = (at) => LEFT + ((at - first) / Math.max(last - first, 60)) * (width - 2 * LEFT);
    const height = client.sinks.length * LANE + 36;
    const drawing = svg("svg", { class: "timeline drawing", viewBox: `0 0 ${width} ${height}`, role: "img", "aria-label": summary(client) });
    client.sinks.forEach((sink, number) => drawing.append(...lane(sink, client, number * LANE, scale, now)));
    const mark = (at, name, word) => {
      const x = scale(at), end = x > width * 0.75;
      return [svg("line", { class: name, x1: x, x2: x, y1: 16, y2: height - 20 }),
        svg("text", { x: x + (end ? -4 : 4), y: height - 6, "text-anchor": end ? "end" : "start" }, word)];
    };
    const due = time(client.due_at);
    drawing.append(...mark(now, "now", "now"));
    if (due !== null && due <= last && Math.abs(scale(due) - scale(now)) > 90) drawing.append(...mark(due, "limit", `due ${client.due_at.slice(0, 10)}`));
    return drawing;
  };
  const lane = (sink, client, top, scale, now) => {
    const parts = [svg("text", { x: LEFT, y: top + 12 }, sink.uri)];
    const dated = sink.versions.filter((version) => version.created).sort((a, b) => time(a.created) - time(b.created));
    dated.forEach((version, number) => {
      const from = scale(time(version.created)), next = dated[number + 1];
      const length = Math.max((next ? scale(time(next.created)) : scale(now)) - from, 3);
      const kind = version.stage || "others";
      parts.push(svg("rect", { class: kind, x: from, y: top + 18, width: length, height: 20, rx: 3 },
        svg("title", {}, `${short(version.id)}, ${stage(version)}, written ${shown(version.created)}`)));
      if (length > short(version.id).length * 9 + 12) parts.push(svg("text", { class: "inside", x: from + 6, y: top + 32.5 }, short(version.id)));
    });
    if (client.retire_by && dated.some((version) => version.stage === "fallback")) {
      const from = scale(time(client.fallback_since)), until = scale(Math.max(time(client.retire_by), now));
      parts.push(svg("rect", { class: "window", x: from, y: top + 42, width: Math.max(until - from, 3), height: 7, rx: 2 }));
      parts.push(svg("rect", { class: "fallback", x: from, y: top + 42, width: Math.max(scale(now) - from, 3), height: 7, rx: 2 }));
    }
    return parts;
  };
  const summary = (client) => "Timeline. " + client.sinks.map((sink) => `${sink.uri}: ` + sink.versions.map((version) =>
    `${short(version.id)} ${stage(version)}, written ${shown(version.created)}`).join("; ")).join(". ");
  const legend = (client) => {
    const stages = new Set(client.sinks.flatMap((sink) => sink.versions.map((version) => version.stage || "others")));
    const names = { current: "current", pending: "pending", fallback: "fallback (below: how long it may stay)", retired: "retired",
      others: "no stage: from before, or somebody else's" };
    return el("ul", { class: "legend" }, ...Object.entries(names).filter(([kind]) => stages.has(kind)).map(([kind, name]) =>
      el("li", {}, svg("svg", { class: "timeline", viewBox: "0 0 20 14", "aria-hidden": "true" },
        svg("rect", { class: kind, x: 1, y: 1, width: 18, height: 12, rx: 3 })), name)));
  };

  // The page comes to life --------------------------------------------------------------------------------------------

  const options = (select, pairs) => select.append(...pairs.map(([value, name]) => el("option", { value }, name)));
  const tally = (key) => entries.reduce((seen, entry) => seen.set(key(entry), (seen.get(key(entry)) || 0) + 1), new Map());
  options(state, Array.from(document.querySelectorAll(".tile"), (tile) =>
    [tile.dataset.kind, tile.textContent.replace(/^\S+ /, "") + ` (${tile.querySelector("b").textContent})`]));
  options(owner, Array.from(tally((entry) => entry.told.owner || "-")).sort().map(([name, number]) => [name, `${name} (${number})`]));

  for (const head of table.tHead.rows[0].cells) {
    const button = el("button", { type: "button" }, head.textContent);
    head.replaceChildren(button);
    button.addEventListener("click", () => {
      const key = head.dataset.key;
      sorting = { key, down: sorting.key === key ? !sorting.down : key === "age" || key === "fallback" };
      for (const other of table.tHead.rows[0].cells) other.removeAttribute("aria-sort");
      head.setAttribute("aria-sort", sorting.down ? "descending" : "ascending");
      show();
    });
  }
  for (const tile of document.querySelectorAll(".tile")) {
    const button = el("button", { type: "button" }, ...tile.childNodes);
    tile.append(button);
    button.addEventListener("click", () => { state.value = state.value === tile.dataset.kind ? "" : tile.dataset.kind; again(); });
  }
  table.querySelector("th[data-key=state]").setAttribute("aria-sort", "ascending");
  find.addEventListener("input", again);
  for (const control of [state, owner, attention]) control.addEventListener("change", again);
  byId("controls").addEventListener("submit", (event) => event.preventDefault());
  byId("controls").addEventListener("reset", () => setTimeout(again));
  byId("some").addEventListener("click", () => { limit += STEP; show(); });
  byId("all").addEventListener("click", () => { limit = Infinity; show(); });
  const shortly = { limit };
  addEventListener("beforeprint", () => { shortly.limit = limit; limit = Infinity; show(); });
  addEventListener("afterprint", () => { limit = shortly.limit; show(); });
  byId("expand").addEventListener("click", expandAll);
  byId("controls").hidden = false;
  table.classList.add("ready");
  show();
})();
