// Shared by all parts: the data, small helpers, the theme.
const DATA = JSON.parse(document.getElementById("data").textContent);
const $ = (id) => document.getElementById(id);

// An element with properties and children; text is never parsed as markup.
function el(tag, props = {}, ...children) {
  const node = document.createElement(tag);
  for (const [key, value] of Object.entries(props)) {
    if (key in node && !key.startsWith("aria")) node[key] = value;
    else node.setAttribute(key, value);
  }
  node.append(...children);
  return node;
}

const clamp = (value, low, high) => Math.min(Math.max(value, low), high);
const grouped = (n) => n.toLocaleString("en-US");

function clock(t) {
  const sign = t < 0 ? "-" : "", all = Math.abs(t), minutes = Math.floor(all / 60);
  return `${sign}${minutes}:${(all - minutes * 60).toFixed(1).padStart(4, "0")}`;
}

// Index of the last time <= t, or -1.
function before(times, t) {
  let low = 0, high = times.length;
  while (low < high) {
    const middle = (low + high) >> 1;
    if (times[middle] <= t) low = middle + 1;
    else high = middle;
  }
  return low - 1;
}

const narrow = () => window.innerWidth < 640;

// Theme: that of the system until the reader chooses.
const dark = window.matchMedia("(prefers-color-scheme: dark)");
const root = document.documentElement;
const redraws = [];
const isDark = () => (root.dataset.theme ? root.dataset.theme === "dark" : dark.matches);

function remembered() {
  try { return localStorage.getItem("cts-theme"); } catch { return null; }
}

function applyTheme(name) {
  if (name) root.dataset.theme = name;
  else delete root.dataset.theme;
  $("theme").textContent = isDark() ? "Light" : "Dark";
  redraws.forEach((redraw) => redraw());
}

$("theme").addEventListener("click", () => {
  const name = isDark() ? "light" : "dark";
  try { localStorage.setItem("cts-theme", name); } catch { /* not remembered */ }
  applyTheme(name);
});
dark.addEventListener("change", () => applyTheme(root.dataset.theme));
let shown;
window.addEventListener("beforeprint", () => { shown = root.dataset.theme; applyTheme("light"); });
window.addEventListener("afterprint", () => applyTheme(shown));
applyTheme(["light", "dark"].includes(remembered()) ? remembered() : undefined);

const color = (name) => getComputedStyle(root).getPropertyValue(`--${name}`).trim();
const PALETTE = 8;
const series = (i) => color(`c${(i % PALETTE) + 1}`);
