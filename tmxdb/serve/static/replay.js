// The page of a replay: charts over race time, which the frames and the 3D view move along.

import { ask } from "./answers.js";
import { chart, clock, moveCursors, shortClock, verticals } from "./charts.js";

const place = document.getElementById("charts");
const note = document.getElementById("charts-note");
const COLOURS = ["--run-1", "--run-2"];
const MAX_MARKS = 80; // more checkpoints would cover the curves

if (place) {
  show().catch((error) => {
    note.textContent = `The charts cannot be shown: ${error.message}`;
    place.dataset.state = "failed";
  });
  bindScene();
}

async function show() {
  const { runs, charts } = await (await ask(place.dataset.runs)).json();
  const names = runs.map((run) => run.name);
  const draw = marks(runs[0]);
  const common = { sync: "run", onClick: (x) => seek(Math.round(1000 * x)), x: timeAxis(), xSeries: { value: (u, x) => (x == null ? "–" : clock(x)) }, xScale: { range: [0, Math.max(...runs.map((run) => run.end_ms)) / 1000] } };
  let shown = 0;
  const add = (title, channel, values, options) => {
    if (!charts[channel].series.some((one) => one.some((value) => value !== null))) return;
    const series = charts[channel].series.map((one) => one.map((value) => (value === null ? null : values(value))));
    chart(place, { title, data: [seconds(charts[channel].x), ...series], ...common, ...options,
      series: names.map((label, i) => ({ label, colour: COLOURS[i], ...options.each })) });
    shown++;
  };
  const lines = (u) => draw(u, false);
  add("Speed, km/h", "speed", (v) => v, { height: 240, draw: (u) => draw(u, true), yScale: { range: (u, low, high) => [0, Math.max(high * 1.05, 10)] }, each: { value: (u, v) => (v == null ? "–" : `${Math.round(v)} km/h`) } });
  add("Gear", "gear", (v) => v, { height: 130, draw: lines, each: { isStepped: true }, yScale: { range: (u, low, high) => [Math.min(low, 0), Math.max(high, 5) + 0.3] } });
  add("Steering", "steer", (v) => -v, {
    height: 150, draw: lines, each: { isStepped: true, isFilled: runs.length === 1, value: (u, v) => (v == null ? "–" : side(v)) },
    yScale: { range: [-1.1, 1.1] }, y: { splits: () => [-1, 0, 1], values: () => ["right", "", "left"] },
  });
  shown += pedals(names, charts, { ...common, draw: lines });
  shown += gaps(runs, { ...common, draw: lines });
  const problems = runs.filter((run) => run.problem).map((run) => `${run.name}: ${run.problem}.`);
  if (!shown) problems.push("The file has neither positions nor inputs.");
  else if (charts.gear.series.every((one) => one.every((value) => value === null))) problems.push("A replay file does not store gears; a capture with telemetry does.");
  note.textContent = problems.join(" ");
  place.dataset.state = "ready";
  place.dataset.charts = shown;
}

// Accelerate and brake of each run, as bars in lanes of their own.
function pedals(names, charts, common) {
  const lanes = ["accelerate", "brake"].flatMap((channel) => names.map((name, i) => ({ channel, name, i })));
  const used = lanes.filter(({ channel, i }) => charts[channel].series[i].some((value) => value));
  if (!used.length) return 0;
  const x = [...new Set([...charts.accelerate.x, ...charts.brake.x])].sort((a, b) => a - b);
  const base = (lane) => lanes.length - 1 - lanes.indexOf(lane);
  const data = lanes.map((lane) => at(charts[lane.channel].x, charts[lane.channel].series[lane.i], x).map((value) => (value === null ? null : base(lane) + 0.8 * value)));
  chart(place, {
    title: "Accelerate and brake", height: 70 + 26 * lanes.length, ...common, data: [seconds(x), ...data],
    yScale: { range: [-0.1, lanes.length] },
    y: { splits: () => lanes.map((lane) => base(lane) + 0.4), values: () => lanes.map((lane) => (lane.channel === "brake" ? "brake" : "gas")), grid: { show: false }, ticks: { show: false } },
    series: lanes.map((lane) => ({
      label: `${lane.channel} ${lane.name}`, colour: names.length > 1 ? COLOURS[lane.i] : lane.channel === "brake" ? "--brake" : "--gas", isStepped: true, isFilled: true, width: 1,
      fillTo: () => base(lane), value: (u, value) => (value == null ? "–" : value > base(lane) ? "on" : "off"),
    })),
  });
  return 1;
}

// Seconds behind the other run at each checkpoint.
function gaps(runs, common) {
  if (runs.length < 2) return 0;
  const [own, other] = runs.map((run) => run.checkpoints_ms);
  const points = own.map((time, i) => [time, other[i]]).filter(([a, b]) => a != null && b != null).map(([a, b]) => [a / 1000, (a - b) / 1000]);
  if (!points.length) return 0;
  const data = [[0, ...points.map(([x]) => x)], [0, ...points.map(([, y]) => y)]];
  chart(place, {
    title: `Seconds behind ${runs[1].name} at the checkpoints`, height: 170, ...common, data,
    yScale: { range: (u, low, high) => [Math.min(low, -0.05) * 1.1, Math.max(high, 0.05) * 1.1] },
    series: [{ label: "behind", colour: COLOURS[0], isFilled: true, hasPoints: true, value: (u, v) => (v == null ? "–" : `${v < 0 ? "−" : "+"}${Math.abs(v).toFixed(2)} s`) }],
  });
  return 1;
}

function marks(run) {
  const times = run.checkpoints_ms.map((time, i) => [time, i + 1]).filter(([time]) => time !== null).map(([time, i]) => [time / 1000, String(i)]);
  const respawns = run.respawns_ms.map((time) => [time / 1000, ""]);
  return (u, hasText) => {
    if (times.length <= MAX_MARKS) verticals(u, times, "--soft", hasText);
    verticals(u, respawns, "--respawn", false);
  };
}

function timeAxis() {
  return { values: (u, splits) => splits.map((x) => shortClock(x, splits.length > 1 ? splits[1] - splits[0] : 1)) };
}

function seconds(times) {
  return times.map((time) => time / 1000);
}

function side(value) {
  return value === 0 ? "straight" : `${value > 0 ? "left" : "right"}${Math.abs(value) < 1 ? ` ${Math.round(100 * Math.abs(value))} %` : ""}`;
}

// The values of steps at other times.
function at(times, values, wanted) {
  let i = -1;
  return wanted.map((time) => {
    while (i + 1 < times.length && times[i + 1] <= time) i++;
    return i < 0 ? null : values[i];
  });
}

function seek(timeMs) {
  place.dataset.time = timeMs;
  document.dispatchEvent(new CustomEvent("tmxdb:seek", { detail: timeMs }));
}

function bindScene() {
  const button = document.getElementById("show-scene");
  button.hidden = false;
  button.addEventListener("click", () => {
    button.hidden = true;
    document.getElementById("scene-place").hidden = false;
    import(button.dataset.module);
  });
  document.addEventListener("tmxdb:time", (event) => moveCursors(event.detail / 1000));
  for (const frame of document.querySelectorAll(".strip button")) {
    frame.addEventListener("click", () => {
      moveCursors(Number(frame.dataset.time) / 1000);
      seek(Number(frame.dataset.time));
    });
  }
}
