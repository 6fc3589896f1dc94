// Charts of the overview: what was finished, what is open and how large the files are, over time.

import { ask } from "./answers.js";
import { chart } from "./charts.js";

const section = document.getElementById("progress");
const place = document.getElementById("progress-charts");
const note = document.getElementById("progress-note");
const COLOURS = { list: "--run-1", download: "--gas", extract: "--run-2", capture: "--respawn" };
const EVERY_MS = 60_000;
let span = "day";
let holders = [];
let asked = 0;

for (const button of document.querySelectorAll("#spans button")) {
  button.addEventListener("click", () => {
    span = button.dataset.span;
    for (const other of document.querySelectorAll("#spans button")) other.setAttribute("aria-pressed", String(other === button));
    show();
  });
}
setInterval(() => { if (!document.hidden) show(); }, EVERY_MS);
show();

async function show() {
  const mine = ++asked;
  try {
    const progress = await (await ask(`${place.dataset.progress}?span=${span}`)).json();
    if (mine === asked) draw(progress);
  } catch (error) {
    note.textContent = `The charts cannot be shown: ${error.message}`;
    section.hidden = false;
    place.dataset.state = "failed";
  }
}

function draw({ x, kinds, bytes }) {
  const names = Object.keys(kinds);
  section.hidden = names.length === 0;
  if (section.hidden) return;
  note.textContent = x.length > 1 ? "" : "Workers count the rows once a minute.";
  const of = (key) => [x, ...names.map((name) => kinds[name][key])];
  const series = (value) => names.map((label) => ({ label, colour: COLOURS[label], hasPoints: x.length < 3, value }));
  const whole = (u, v) => (v == null ? "–" : Math.round(v).toLocaleString("en"));
  const few = (u, v) => (v == null ? "–" : v.toLocaleString("en", { maximumFractionDigits: 1 }));
  const dates = { values: (u, splits, i, space, step) => splits.map((at) => moment(new Date(at * 1000), step)) };
  const common = { height: 180, isDate: true, sync: "progress", x: dates, yScale: { range: (u, low, high) => [0, Math.max(high * 1.05, 1)] },
    xSeries: { label: "time", value: (u, at) => (at == null ? "–" : new Date(at * 1000).toLocaleString("en-GB", { dateStyle: "medium", timeStyle: "short" })) } };
  const short = (u, splits) => splits.map((v) => compact(v));
  const wanted = [
    { title: "Finished per minute", data: of("per_minute"), series: series(few).map((one) => ({ ...one, isStepped: "before" })), y: { values: short } },
    { title: "Left to do", data: of("open"), series: series(whole), y: { values: short } },
    { title: "Size of replays and maps", data: [x, bytes], series: [{ label: "size", colour: "--run-1", isFilled: true, hasPoints: x.length < 3, value: (u, v) => (v == null ? "–" : size(v)) }], y: { values: (u, splits) => splits.map(size), size: 68 } },
  ];
  const shape = names.join();
  if (place.dataset.shape === shape && x.length > 2) {
    holders.forEach((holder, i) => { holder.options.data = wanted[i].data; holder.plot.setData(wanted[i].data); });
  } else {
    for (const holder of holders) holder.remove();
    holders = wanted.map((one) => chart(place, { ...common, ...one }));
  }
  place.dataset.shape = shape;
  place.dataset.state = "ready";
  place.dataset.span = span;
  place.dataset.moments = x.length;
}

// Axis labels: the time, and the day where it begins.
function moment(at, step) {
  const isDay = step >= 86_400 || (at.getHours() === 0 && at.getMinutes() === 0);
  return at.toLocaleString("en-GB", isDay ? { day: "numeric", month: "short" } : { hour: "2-digit", minute: "2-digit" });
}

function compact(value) {
  return value.toLocaleString("en", { notation: "compact", maximumFractionDigits: 1 });
}

function size(bytes) {
  const units = ["B", "KB", "MB", "GB", "TB"];
  let at = 0;
  while (bytes >= 1000 && at < units.length - 1) {
    bytes /= 1000;
    at++;
  }
  return `${bytes.toLocaleString("en", { maximumFractionDigits: 1 })} ${units[at]}`;
}
