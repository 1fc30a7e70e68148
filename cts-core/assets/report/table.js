// Tables: sorted by a click on a heading, filtered by words, a page of rows at a time.
const SIZES = [15, 50, 200, 1000];

const FORMATS = {
  text: (value) => String(value),
  bytes: (value) => String(value),
  number: (value, digits) => (typeof value === "number" ? value.toFixed(digits) : String(value)),
  time: (value, digits) => (typeof value === "number" ? value.toFixed(digits) : String(value)),
  hex: (value, digits) => (typeof value === "number" && value >= 0
    ? `0x${value.toString(16).toUpperCase().padStart(digits, "0")}` : String(value)),
};

function buildTable(table, index) {
  const count = table.cells.length ? table.cells[0].length : 0;
  const state = { sort: -1, down: false, filter: "", page: 0, size: SIZES[0], rows: [...Array(count).keys()] };
  const format = (column, row) => {
    const value = table.cells[column][row], { kind, digits } = table.columns[column];
    return value === null ? "" : FORMATS[kind](value, digits);
  };
  const heading = el("h3", { id: `table-${index}` }, table.title, " ", el("span", { className: "count" }, grouped(table.total)));
  const filter = el("input", { type: "search", placeholder: "Filter", "aria-label": `Filter ${table.title}` });
  const status = el("output", { className: "status" });
  const body = el("tbody");
  const heads = table.columns.map((column, i) => head(column, () => sortBy(i)));
  const grid = el("table", { "aria-labelledby": heading.id }, el("thead", {}, el("tr", {}, ...heads)), body);
  const { bar, update } = pager(state, () => render());

  function sortBy(column) {
    if (state.sort !== column) Object.assign(state, { sort: column, down: false });
    else if (!state.down) state.down = true;
    else state.sort = -1;
    state.page = 0;
    select();
  }

  function select() {
    const words = state.filter.toLowerCase().split(/\s+/).filter(Boolean);
    const fits = (row) => {
      const text = table.columns.map((_, i) => format(i, row)).join(" ").toLowerCase();
      return words.every((word) => text.includes(word));
    };
    state.rows = [...Array(count).keys()].filter((row) => !words.length || fits(row));
    if (state.sort >= 0) {
      const values = table.cells[state.sort], sign = state.down ? -1 : 1;
      // Equal values keep their order; empty cells come last.
      state.rows.sort((a, b) => compare(values[a], values[b], sign) || a - b);
    }
    heads.forEach((node, i) => node.setAttribute("aria-sort", state.sort !== i ? "none" : state.down ? "descending" : "ascending"));
    render();
  }

  function render() {
    const from = state.page * state.size, rows = state.rows.slice(from, from + state.size);
    body.replaceChildren(...rows.map((row) => el("tr", {}, ...table.columns.map((column, i) => cell(column, table.cells[i][row], format(i, row))))));
    const all = state.rows.length;
    status.textContent = all ? `${grouped(from + 1)}–${grouped(from + rows.length)} of ${grouped(all)} rows` : "No rows";
    update(all);
  }

  let waiting;
  filter.addEventListener("input", () => {
    clearTimeout(waiting);
    waiting = setTimeout(() => { Object.assign(state, { filter: filter.value, page: 0 }); select(); }, 120);
  });
  const section = el("section", { className: "table card", "aria-labelledby": heading.id },
    el("div", { className: "above" }, heading, filter));
  if (table.note) section.append(el("p", { className: "note" }, table.note));
  if (count < table.total) {
    section.append(el("p", { className: "note" }, `This page holds the first ${grouped(count)} of ${grouped(table.total)} rows.`));
  }
  section.append(el("div", { className: "scroll", tabIndex: 0, role: "region", "aria-labelledby": heading.id }, grid),
    el("div", { className: "below" }, status, bar));
  $("tables").append(section);
  select();
}

function compare(a, b, sign) {
  if (a === null || b === null) return (a === null) - (b === null);
  // Numbers too large for a script come as text.
  const [x, y] = [a, b].map((v) => (typeof v === "string" && /^-?\d{15,}$/.test(v) ? Number(v) : v));
  if (typeof x === "number" && typeof y === "number") return sign * (x - y);
  return sign * String(a).localeCompare(String(b), "en", { numeric: true });
}

function head(column, action) {
  const name = column.unit ? `${column.name} (${column.unit})` : column.name;
  const button = el("button", { type: "button", onclick: action }, name);
  if (column.help) button.title = column.help;
  return el("th", { scope: "col", className: column.kind, "aria-sort": "none" }, button);
}

function cell(column, value, text) {
  const node = el("td", { className: column.kind });
  if (column.kind === "time" && typeof value === "number" && DATA.plots.length) {
    const button = el("button", { type: "button", className: "time", title: "Show in the plots" }, text);
    button.dataset.start = button.dataset.end = value;
    node.append(button);
  } else node.textContent = text;
  return node;
}

function pager(state, render) {
  const turn = (by) => () => { state.page += by; render(); };
  const back = el("button", { type: "button", onclick: turn(-1) }, "Previous");
  const next = el("button", { type: "button", onclick: turn(1) }, "Next");
  const size = el("select", { "aria-label": "Rows on a page" }, ...SIZES.map((n) => el("option", { value: n }, `${n} rows`)));
  size.addEventListener("change", () => { Object.assign(state, { size: Number(size.value), page: 0 }); render(); });
  const update = (all) => {
    back.disabled = state.page === 0;
    next.disabled = (state.page + 1) * state.size >= all;
    size.hidden = all <= SIZES[0];
    back.hidden = next.hidden = back.disabled && next.disabled;
  };
  return { bar: el("div", { className: "pager" }, size, back, next), update };
}

if (DATA.tables.length) {
  $("tables").append(el("h2", {}, "Tables"));
  DATA.tables.forEach(buildTable);
}
