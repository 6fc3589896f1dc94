// How the record of a track developed: a step for each record, up to today.

import { chart, clock, shortClock } from "./charts.js";

const place = document.getElementById("record-chart");
const { x, times, names } = JSON.parse(place.dataset.points);
const author = Number(place.dataset.author) || null;
const now = Math.max(Date.now() / 1000, x.at(-1) + 1);
const drivers = [...names, names.at(-1)];
const data = [[...x, now], [...times, times.at(-1)]];
const series = [{ label: "record", colour: "--run-1", isStepped: true, isFilled: false, hasPoints: true, value: (u, v, s, i) => (v == null || i == null ? "–" : `${clock(v)} by ${drivers[i]}`) }];
// The author's time is drawn only near the records: far away, it would flatten them.
const spread = times[0] - times.at(-1) + 0.1;
if (author !== null && author > times.at(-1) - spread && author < times[0] + spread) {
  data.push(data[0].map(() => author));
  series.push({ label: "author time", colour: "--soft", dash: [4, 4], value: (u, v) => (v == null ? "–" : clock(v)) });
}
chart(place, {
  title: "The record over time", height: 240, data, series, isDate: true,
  xSeries: { label: "uploaded", value: (u, at) => (at == null ? "–" : new Date(at * 1000).toISOString().slice(0, 10)) },
  y: { size: 68, values: (u, splits) => splits.map((v) => shortClock(v, splits.length > 1 ? splits[1] - splits[0] : 1)) },
});
place.dataset.state = "ready";
