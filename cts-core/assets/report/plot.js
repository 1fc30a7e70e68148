// Plots: a heading, panels of one time axis, and a readout that follows the pointer.
const SIDE = () => (narrow() ? 42 : 132);
const AXIS = 34;
const rowHeight = () => (narrow() ? 36 : 26);

function buildPlot(plot, index) {
  plot.kinds = [...new Set(plot.marks.map((mark) => mark.kind))];
  plot.byKind = plot.kinds.map((kind) => plot.marks.filter((mark) => mark.kind === kind));
  const panels = [...plot.panels];
  if (plot.marks.length) panels.splice(panels.length && panels[0].kind === "lines" ? 1 : 0, 0, { kind: "marks", title: "Events" });
  if (!panels.length) return;
  const heading = el("h3", { id: `plot-${index}` }, plot.title);
  const area = el("div", {
    className: "area", tabIndex: 0, role: "group", "aria-label": `${plot.title}: ${panels.map(describe).join("; ")}`,
  });
  const tip = el("div", { className: "tip", hidden: true });
  const figure = el("section", { className: "plot card", "aria-labelledby": heading.id }, heading);
  if (plot.note) figure.append(el("p", { className: "note" }, plot.note));
  figure.append(area);
  if (plot.thinned.length) {
    figure.append(el("details", { className: "note" },
      el("summary", {}, `Thinned for this page: ${plot.thinned.length} of its parts`),
      el("ul", {}, ...plot.thinned.map((text) => el("li", {}, text)))));
  }
  $("plots").append(figure);
  const charts = panels.map((panel, i) => buildPanel(plot, panel, area, i === 0, i === panels.length - 1));
  area.append(tip);
  const width = () => Math.max(area.clientWidth, 120);
  const follow = () => {
    const { from: min, to: max } = axis;
    charts.forEach((chart) => chart.setScale("x", { min, max }));
  };
  followers.push(follow);
  new ResizeObserver(() => {
    charts.forEach((chart, i) => chart.setSize({ width: width(), height: panelHeight(plot, panels[i], i === panels.length - 1) }));
  }).observe(area);
  redraws.push(() => charts.forEach((chart) => chart.redraw(false, true)));
  const over = charts[0].over;
  const timeAt = (clientX) => charts[0].posToVal(clientX - over.getBoundingClientRect().left, "x");
  navigate(area, timeAt);
  readout(area, tip, plot, panels, charts, timeAt);
}

function describe(panel) {
  if (panel.kind === "marks") return "events";
  if (panel.kind === "lanes") return `${panel.title}, states of ${panel.lanes.map((lane) => lane.name).join(", ")}`;
  if (panel.kind === "traces") return `${panel.title}, bits ${panel.traces.map((trace) => trace.name).join(", ")}`;
  return panel.lines.map((line) => {
    const values = line.y.filter((y) => y !== null);
    if (!values.length) return `${line.name}, no values`;
    const low = values.reduce((a, b) => Math.min(a, b)), high = values.reduce((a, b) => Math.max(a, b));
    return `${line.name} from ${low.toFixed(line.decimals)} to ${high.toFixed(line.decimals)} ${panel.unit}`;
  }).join(", ");
}

function panelHeight(plot, panel, last) {
  const rows = { marks: plot.kinds, lanes: panel.lanes, traces: panel.traces }[panel.kind];
  return (rows ? Math.max(rows.length, 1) * rowHeight() : narrow() ? 180 : 240) + (last ? AXIS : 6) + 6;
}

function buildPanel(plot, panel, area, first, last) {
  area.append(legend(plot, panel));
  const lines = panel.kind === "lines" ? panel.lines : [];
  const data = lines.length ? uPlot.join(lines.map((line) => [line.t, line.y])) : [extent, [null, null]];
  const labels = [...new Set((panel.lanes ?? []).flatMap((lane) => lane.spans.map((span) => span[2])))];
  const draw = (u) => {
    if (panel.kind === "lines") drawLevels(u, panel);
    if (panel.kind === "marks") { drawNames(u, plot.kinds, rowHeight()); drawMarks(u, plot, rowHeight()); }
    if (panel.kind === "lanes") { drawNames(u, panel.lanes.map((lane) => lane.name), rowHeight()); drawLanes(u, panel.lanes, labels, rowHeight()); }
    if (panel.kind === "traces") { drawNames(u, panel.traces.map((trace) => trace.name), rowHeight()); drawTraces(u, panel.traces, rowHeight()); }
    drawMoments(u, plot);
  };
  const options = {
    width: Math.max(area.clientWidth, 120), height: panelHeight(plot, panel, last),
    padding: [6, 12, 0, 0], legend: { show: false },
    cursor: {
      y: false, points: { show: false }, sync: { key: "page", scales: ["x", null], setSeries: false, filters: { pub: moves, sub: moves } },
      drag: { x: true, y: false, setScale: false, dist: 4 }, bind: { dblclick: () => () => { reset(); return null; } },
    },
    scales: { x: { time: false, min: axis.from, max: axis.to }, y: { range: yRange(panel) } },
    axes: [xAxis(last), yAxis(panel)],
    series: [{}, ...(lines.length ? lines : [{}]).map((line, i) => ({
      label: line.name ?? "", stroke: () => series(i), width: 1.75, points: { show: false },
      paths: line.step ? uPlot.paths.stepped({ align: 1 }) : uPlot.paths.linear(), spanGaps: false,
    }))],
    hooks: { drawClear: [(u) => drawShades(u, plot.shades, first)], draw: [draw], setSelect: [select] },
  };
  return new uPlot(options, data, area);
}

// Panels share the pointer, not the dragging.
const moves = (type) => type === "mousemove" || type === "mouseleave";

// A dragged span is shown on all plots.
function select(u) {
  const { left, width } = u.select;
  if (width < 4) return;
  const from = u.posToVal(left, "x"), to = u.posToVal(left + width, "x");
  u.setSelect({ left: 0, top: 0, width: 0, height: 0 }, false);
  show(from, to);
}

function yRange(panel) {
  return (u, min, max) => {
    if (panel.kind !== "lines") return [0, 1];
    const levels = panel.levels.map((level) => level.y);
    const all = [...levels, ...(min === null || min === undefined ? [] : [min, max])];
    if (!all.length) return [0, 1];
    const low = Math.min(...all), high = Math.max(...all), pad = (high - low || 1) * 0.08;
    return [low - pad, high + pad];
  };
}

function xAxis(last) {
  const tick = { show: last, stroke: () => color("grid"), width: 1, size: 5 };
  const values = (u, splits, axisIdx, space, step) => {
    const decimals = clamp(Math.ceil(-Math.log10(step) - 1e-9), 0, 4);
    return splits.map((t) => (last ? `${t.toFixed(decimals)} s` : ""));
  };
  return {
    size: last ? AXIS : 6, space: narrow() ? 70 : 90, stroke: () => color("muted"), font: `11.5px ${FONT}`,
    grid: { stroke: () => color("grid"), width: 1 }, ticks: tick, values,
  };
}

function yAxis(panel) {
  const lines = panel.kind === "lines";
  return {
    size: SIDE, stroke: () => color("muted"), font: `11.5px ${FONT}`, gap: 6,
    grid: { show: lines, stroke: () => color("grid"), width: 1 }, ticks: { show: false },
    values: lines ? undefined : (u, splits) => splits.map(() => ""),
  };
}

function drawLevels(u, panel) {
  inside(u, (ctx, box) => {
    setFont(ctx, 11);
    for (const level of panel.levels) {
      const y = u.valToPos(level.y, "y", true);
      ctx.strokeStyle = ctx.fillStyle = color("level");
      ctx.lineWidth = px(1);
      ctx.setLineDash([px(6), px(4)]);
      ctx.beginPath();
      ctx.moveTo(box.left, y);
      ctx.lineTo(box.left + box.width, y);
      ctx.stroke();
      ctx.textAlign = "right";
      ctx.textBaseline = "bottom";
      ctx.fillText(level.label, box.left + box.width - px(4), y - px(2));
    }
  });
}

function legend(plot, panel) {
  const node = el("p", { className: "legend" }, el("b", {}, panel.unit ? `${panel.title} (${panel.unit})` : panel.title));
  if (panel.kind === "lines") {
    panel.lines.forEach((line, i) => node.append(el("span", { className: `key k${(i % PALETTE) + 1}` }, line.name)));
  }
  return node;
}

// What all panels say at a time.
function readout(area, tip, plot, panels, charts, timeAt) {
  const hide = () => { tip.hidden = true; };
  area.addEventListener("mouseleave", hide);
  area.addEventListener("mousemove", (event) => {
    const box = charts[0].over.getBoundingClientRect(), t = timeAt(event.clientX);
    if (event.buttons || event.clientX < box.left || event.clientX > box.right) return hide();
    const near = (axis.to - axis.from) * 6 / box.width;
    tip.replaceChildren(el("div", { className: "at" }, `${t.toFixed(3)} s`, el("small", {}, clock(t))));
    const row = (tone, name, value) => tip.append(el("div", { className: tone }, el("span", {}, name), el("b", {}, value)));
    for (const shade of plot.shades) if (shade.start <= t && t <= shade.end) row("", shade.label, shade.partial ? "partial" : "");
    for (const mark of plot.marks.filter((m) => Math.abs(m.t - t) <= near).slice(0, 6)) {
      row(`key k${(plot.kinds.indexOf(mark.kind) % PALETTE) + 1}`, mark.label || mark.kind, `${mark.t.toFixed(3)} s`);
    }
    for (const panel of panels) rows(panel, t, row);
    tip.hidden = false;
    place(area, tip, event);
  });
}

function rows(panel, t, row) {
  const key = (i) => `key k${(i % PALETTE) + 1}`;
  (panel.lines ?? []).forEach((line, i) => {
    let at = before(line.t, t);
    if (!line.step && at + 1 < line.t.length && (at < 0 || line.t[at + 1] - t < t - line.t[at])) at += 1;
    const y = line.y[at];
    row(key(i), line.name, y === null || y === undefined ? "–" : `${y.toFixed(line.decimals)} ${panel.unit}`);
  });
  for (const lane of panel.lanes ?? []) {
    const span = lane.spans.find(([start, end]) => start <= t && t <= end);
    row("", lane.name, span ? [span[2], span[3]].filter(Boolean).join(" · ") : "–");
  }
  (panel.traces ?? []).forEach((trace, i) => {
    const at = before(trace.t, t);
    const known = at >= 0 && t <= trace.end;
    row(key(i), [trace.name, trace.origin].filter(Boolean).join(" · "), known ? String((trace.first + at) % 2) : "–");
  });
}

function place(area, tip, event) {
  const box = area.getBoundingClientRect();
  const x = event.clientX - box.left, y = event.clientY - box.top;
  const left = x + 16 + tip.offsetWidth > box.width ? x - 16 - tip.offsetWidth : x + 16;
  tip.style.left = `${clamp(left, 0, Math.max(box.width - tip.offsetWidth, 0))}px`;
  tip.style.top = `${clamp(y - 20, 0, Math.max(box.height - tip.offsetHeight, 0))}px`;
}

if (DATA.plots.length) {
  $("plots").append(el("h2", {}, "Plots"), toolbar());
  DATA.plots.forEach(buildPlot);
  reset();
}
