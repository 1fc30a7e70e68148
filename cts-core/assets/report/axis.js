// The one time axis of the page: what is shown of it, and everything that moves it.
const extent = (() => {
  const [a, b] = DATA.extent ?? [0, 1];
  const pad = (b - a || 1) * 0.01;
  return [a - pad, b + pad];
})();
const axis = { from: extent[0], to: extent[1], pin: null };
const followers = [];

// Shows a span of time, not shorter than a millisecond and within the data.
function show(from, to) {
  const span = clamp(to - from, 0.001, extent[1] - extent[0]);
  axis.from = clamp((from + to - span) / 2, extent[0], extent[1] - span);
  axis.to = axis.from + span;
  followers.forEach((follow) => follow());
}

function zoom(factor, at = (axis.from + axis.to) / 2) {
  const span = clamp((axis.to - axis.from) * factor, 0.001, extent[1] - extent[0]);
  const share = (at - axis.from) / (axis.to - axis.from);
  show(at - share * span, at + (1 - share) * span);
}

function pan(share) {
  const shift = (axis.to - axis.from) * share;
  show(axis.from + shift, axis.to + shift);
}

function reset() {
  axis.pin = null;
  show(...extent);
}

// Shows a time of a finding or a table, with some of what is around it.
function goTo(start, end) {
  const margin = Math.max((end - start) * 0.25, Math.min(5, (extent[1] - extent[0]) / 10));
  axis.pin = [start, end];
  show(start - margin, end + margin);
  const still = window.matchMedia("(prefers-reduced-motion: reduce)").matches;
  $("plots").scrollIntoView({ behavior: still ? "auto" : "smooth", block: "start" });
}

document.addEventListener("click", (event) => {
  const button = event.target.closest("button.time");
  if (button) goTo(Number(button.dataset.start), Number(button.dataset.end));
});

function toolbar() {
  const range = el("output", { className: "range" });
  const button = (text, label, action) =>
    el("button", { type: "button", title: label, "aria-label": label, onclick: action }, text);
  followers.push(() => {
    range.textContent = `${axis.from.toFixed(2)} – ${axis.to.toFixed(2)} s`;
  });
  return el("div", { className: "toolbar", role: "toolbar", "aria-label": "Time axis" },
    button("−", "Zoom out", () => zoom(2)), button("+", "Zoom in", () => zoom(0.5)),
    button("←", "Earlier", () => pan(-0.5)), button("→", "Later", () => pan(0.5)),
    button("Reset", "Show everything", reset), range,
    el("span", { className: "hint" },
      "Drag to zoom, Shift+drag or sideways wheel to move, Ctrl+wheel to zoom, double-click to reset"));
}

const KEYS = {
  "+": () => zoom(0.5), "=": () => zoom(0.5), "-": () => zoom(2), "0": reset, Escape: reset,
  ArrowLeft: () => pan(-0.25), ArrowRight: () => pan(0.25),
};

// Keys, wheel and fingers on a plot; `timeAt` turns a place on the screen into a time.
function navigate(node, timeAt) {
  node.addEventListener("keydown", (event) => {
    const action = KEYS[event.key];
    if (!action || event.ctrlKey || event.metaKey || event.altKey) return;
    event.preventDefault();
    action();
  });
  node.addEventListener("wheel", (event) => {
    const sideways = Math.abs(event.deltaX) > Math.abs(event.deltaY);
    // The plain wheel scrolls the page, until the plot has been clicked.
    if (!sideways && !event.ctrlKey && !event.metaKey && !node.contains(document.activeElement)) return;
    event.preventDefault();
    if (sideways) pan(event.deltaX / 600);
    else zoom(Math.exp(clamp(event.deltaY, -100, 100) / 250), timeAt(event.clientX));
  }, { passive: false });
  fingers(node, timeAt);
  drag(node, timeAt);
}

// Shift+drag moves.
function drag(node, timeAt) {
  node.addEventListener("mousedown", (event) => {
    node.focus({ preventScroll: true });
    if (!event.shiftKey && event.button !== 1) return;
    event.preventDefault();
    event.stopPropagation();
    const held = timeAt(event.clientX);
    const move = (e) => {
      const shift = held - timeAt(e.clientX);
      show(axis.from + shift, axis.to + shift);
    };
    const up = () => {
      window.removeEventListener("mousemove", move);
      window.removeEventListener("mouseup", up);
    };
    window.addEventListener("mousemove", move);
    window.addEventListener("mouseup", up);
  }, { capture: true });
}

// One finger moves sideways, two zoom; up and down stays with the page.
function fingers(node, timeAt) {
  let held = [];
  const times = (event) => [...event.touches].slice(0, 2).map((touch) => timeAt(touch.clientX)).sort((a, b) => a - b);
  const hold = (event) => { held = times(event); };
  node.addEventListener("touchstart", hold, { passive: true });
  node.addEventListener("touchend", hold, { passive: true });
  node.addEventListener("touchmove", (event) => {
    const now = times(event);
    if (now.length !== held.length) return;
    if (now.length === 1) show(axis.from + held[0] - now[0], axis.to + held[0] - now[0]);
    if (now.length === 2 && now[1] > now[0]) {
      const scale = (held[1] - held[0]) / (now[1] - now[0]);
      const from = held[0] - (now[0] - axis.from) * scale;
      show(from, from + (axis.to - axis.from) * scale);
      event.preventDefault();
    }
  }, { passive: false });
}
