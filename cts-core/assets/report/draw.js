// What plots draw themselves: shades, marks, lanes and traces. All places are canvas pixels.
const FONT = '"Inter", system-ui, -apple-system, "Segoe UI", Roboto, "Noto Sans", sans-serif';
const px = (n) => n * devicePixelRatio;

function setFont(ctx, size, weight = 400) {
  ctx.font = `${weight} ${px(size)}px ${FONT}`;
  ctx.textAlign = "left";
}

// Text shortened to a width; nothing when not even a few letters fit.
function fitted(ctx, text, width) {
  if (ctx.measureText(text).width <= width) return text;
  let low = 0, high = text.length;
  while (low < high) {
    const middle = (low + high + 1) >> 1;
    if (ctx.measureText(`${text.slice(0, middle)}…`).width <= width) low = middle;
    else high = middle - 1;
  }
  return low >= 3 ? `${text.slice(0, low)}…` : "";
}

function inside(u, draw) {
  const { ctx, bbox } = u;
  ctx.save();
  ctx.beginPath();
  ctx.rect(bbox.left, bbox.top, bbox.width, bbox.height);
  ctx.clip();
  draw(ctx, bbox, (t) => u.valToPos(t, "x", true));
  ctx.restore();
}

const SHAPES = [
  (ctx, x, y, r) => ctx.arc(x, y, r, 0, 7),
  (ctx, x, y, r) => { ctx.moveTo(x, y - r); ctx.lineTo(x + r, y + r); ctx.lineTo(x - r, y + r); },
  (ctx, x, y, r) => { ctx.moveTo(x, y - r); ctx.lineTo(x + r, y); ctx.lineTo(x, y + r); ctx.lineTo(x - r, y); },
  (ctx, x, y, r) => ctx.rect(x - r * 0.85, y - r * 0.85, r * 1.7, r * 1.7),
  (ctx, x, y, r) => { ctx.moveTo(x, y + r); ctx.lineTo(x + r, y - r); ctx.lineTo(x - r, y - r); },
];

// Shaded windows, hatched where the data does not cover them; only the top panel names them.
function drawShades(u, shades, named) {
  inside(u, (ctx, box, x) => {
    setFont(ctx, 11);
    for (const shade of shades) {
      const left = Math.max(x(shade.start), box.left), right = Math.min(x(shade.end), box.left + box.width);
      if (right <= left) continue;
      ctx.fillStyle = color("shade");
      ctx.fillRect(left, box.top, right - left, box.height);
      ctx.strokeStyle = ctx.fillStyle = color("shade-edge");
      ctx.lineWidth = px(1);
      ctx.beginPath();
      if (shade.partial) hatch(ctx, left, right, box);
      for (const t of [shade.start, shade.end]) { ctx.moveTo(x(t), box.top); ctx.lineTo(x(t), box.top + box.height); }
      ctx.stroke();
      if (!named) continue;
      ctx.fillStyle = color("muted");
      ctx.textBaseline = "top";
      const label = shade.partial ? `${shade.label} (partial)` : shade.label;
      ctx.fillText(fitted(ctx, label, right - left - px(8)), left + px(4), box.top + px(3));
    }
  });
}

function hatch(ctx, left, right, box) {
  ctx.save();
  ctx.beginPath();
  ctx.rect(left, box.top, right - left, box.height);
  ctx.clip();
  ctx.globalAlpha = 0.6;
  ctx.beginPath();
  for (let at = left - box.height; at < right; at += px(9)) {
    ctx.moveTo(at, box.top + box.height);
    ctx.lineTo(at + box.height, box.top);
  }
  ctx.stroke();
  ctx.restore();
  ctx.beginPath();
}

// Thin lines through the panels at each mark, and the time that was asked for.
function drawMoments(u, plot) {
  inside(u, (ctx, box, x) => {
    const line = (t, style, width, dash) => {
      const at = x(t);
      if (at < box.left || at > box.left + box.width) return;
      ctx.strokeStyle = style;
      ctx.lineWidth = px(width);
      ctx.setLineDash(dash.map(px));
      ctx.beginPath();
      ctx.moveTo(at, box.top);
      ctx.lineTo(at, box.top + box.height);
      ctx.stroke();
    };
    ctx.globalAlpha = 0.55;
    if (plot.marks.length <= 400) plot.marks.forEach((mark) => line(mark.t, series(plot.kinds.indexOf(mark.kind)), 1, [3, 3]));
    ctx.globalAlpha = 1;
    if (axis.pin) {
      const [start, end] = axis.pin;
      ctx.fillStyle = color("pin-fill");
      ctx.fillRect(x(start), box.top, x(end) - x(start), box.height);
      [...new Set(axis.pin)].forEach((t) => line(t, color("pin"), 1.5, []));
    }
  });
}

// Names of rows: left of them, or above each row where the screen is narrow.
function drawNames(u, names, rowHeight) {
  const { ctx, bbox } = u;
  ctx.save();
  setFont(ctx, 11.5);
  ctx.fillStyle = color("text");
  const above = narrow();
  names.forEach((name, i) => {
    const top = bbox.top + i * px(rowHeight);
    ctx.textAlign = above ? "left" : "right";
    ctx.textBaseline = above ? "top" : "middle";
    if (above) ctx.fillText(fitted(ctx, name, bbox.width), bbox.left + px(2), top + px(2));
    else ctx.fillText(fitted(ctx, name, bbox.left - px(14)), bbox.left - px(8), top + px(rowHeight / 2));
  });
  ctx.restore();
}

// Where a row is drawn: below its name on a narrow screen.
function rowBox(box, i, rowHeight) {
  const head = narrow() ? 14 : 0;
  return { top: box.top + px(i * rowHeight + head), height: px(rowHeight - head) };
}

function drawMarks(u, plot, rowHeight) {
  inside(u, (ctx, box, x) => {
    setFont(ctx, 11);
    ctx.textBaseline = "middle";
    plot.kinds.forEach((kind, row) => {
      const place = rowBox(box, row, rowHeight), y = place.top + place.height / 2;
      const marks = plot.byKind[row];
      ctx.strokeStyle = color("grid");
      ctx.lineWidth = px(1);
      ctx.beginPath();
      ctx.moveTo(box.left, y);
      ctx.lineTo(box.left + box.width, y);
      ctx.stroke();
      let last = -Infinity;
      marks.forEach((mark, i) => {
        const at = x(mark.t);
        if (at < box.left - px(8) || at > box.left + box.width || at - last < 0.5) return;
        last = at;
        ctx.fillStyle = series(row);
        ctx.beginPath();
        SHAPES[row % SHAPES.length](ctx, at, y, px(4.5));
        ctx.fill();
        const next = i + 1 < marks.length ? x(marks[i + 1].t) : Infinity;
        const room = Math.min(next, box.left + box.width) - at - px(18);
        // A label is shown whole or not at all; the readout has them all.
        if (ctx.measureText(mark.label).width > room) return;
        ctx.strokeStyle = color("panel");
        ctx.lineWidth = px(3);
        ctx.strokeText(mark.label, at + px(9), y);
        ctx.fillStyle = color("muted");
        ctx.fillText(mark.label, at + px(9), y);
      });
    });
  });
}

function drawLanes(u, lanes, labels, rowHeight) {
  inside(u, (ctx, box, x) => {
    setFont(ctx, 11, 500);
    ctx.textBaseline = "middle";
    lanes.forEach((lane, row) => {
      const place = rowBox(box, row, rowHeight), top = place.top + px(3), height = place.height - px(6);
      ctx.fillStyle = color("lane");
      ctx.fillRect(box.left, top, box.width, height);
      for (const [start, end, label] of lane.spans) {
        const left = Math.max(x(start), box.left), right = Math.min(x(end), box.left + box.width);
        if (right < left) continue;
        const tone = labels.indexOf(label);
        ctx.fillStyle = series(tone);
        ctx.fillRect(left, top, Math.max(right - left, px(1)), height);
        ctx.fillStyle = color(`on${(tone % PALETTE) + 1}`);
        ctx.fillText(fitted(ctx, label, right - left - px(10)), left + px(5), top + height / 2);
      }
    });
  });
}

function drawTraces(u, traces, rowHeight) {
  inside(u, (ctx, box, x) => {
    traces.forEach((trace, row) => {
      const place = rowBox(box, row, rowHeight);
      const low = place.top + place.height - px(5), high = place.top + px(4);
      const level = (value) => (value ? high : low);
      ctx.strokeStyle = series(row);
      ctx.lineWidth = px(1.5);
      let i = Math.max(before(trace.t, axis.from), 0), value = (trace.first + i) % 2;
      if (!trace.t.length) return;
      let at = Math.max(x(trace.t[i]), box.left - px(2));
      const filled = [];
      ctx.beginPath();
      ctx.moveTo(at, level(value));
      for (i += 1; i <= trace.t.length; i += 1) {
        const next = Math.min(x(i < trace.t.length ? trace.t[i] : trace.end), box.left + box.width + px(2));
        if (value) filled.push([at, next]);
        ctx.lineTo(next, level(value));
        if (i === trace.t.length || next > box.left + box.width) break;
        value = 1 - value;
        ctx.lineTo(next, level(value));
        at = next;
      }
      ctx.stroke();
      ctx.globalAlpha = 0.22;
      ctx.fillStyle = ctx.strokeStyle;
      filled.forEach(([a, b]) => ctx.fillRect(a, high, b - a, low - high));
      ctx.globalAlpha = 1;
    });
  });
}
