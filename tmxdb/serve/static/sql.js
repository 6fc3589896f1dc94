// The SQL page: a chart of the result, statements saved in this browser, Ctrl-Enter runs.

import { chart, clock } from "./charts.js";

const form = document.getElementById("sql-form");
const text = document.getElementById("sql");
const KEY = "tmxdb saved statements";
const COLOURS = ["--run-1", "--run-2", "--gas", "--respawn"];
const MAX_SAVED = 100;

text.addEventListener("keydown", (event) => {
  if (event.key === "Enter" && (event.ctrlKey || event.metaKey)) form.requestSubmit();
});
bindSaved();
drawResult();

function bindSaved() {
  const button = document.getElementById("save");
  const place = document.getElementById("saved");
  let saved = [];
  try {
    saved = JSON.parse(localStorage.getItem(KEY) ?? "[]").filter((one) => typeof one === "string").slice(0, MAX_SAVED);
    button.hidden = false;
  } catch {
    return; // storage is switched off, or holds something else
  }
  const keep = () => { localStorage.setItem(KEY, JSON.stringify(saved)); list(); };
  const list = () => {
    place.hidden = !saved.length;
    place.querySelector("ul").replaceChildren(...saved.map((sql) => {
      const row = document.createElement("li");
      const link = document.createElement("a");
      link.href = `/sql?${new URLSearchParams({ q: sql })}`;
      link.textContent = sql.length > 120 ? `${sql.slice(0, 119)}…` : sql;
      const drop = document.createElement("button");
      drop.type = "button";
      drop.className = "second small";
      drop.textContent = "Delete";
      drop.setAttribute("aria-label", `Delete ${link.textContent}`);
      drop.addEventListener("click", () => { saved = saved.filter((one) => one !== sql); keep(); });
      row.append(link, " ", drop);
      return row;
    }));
  };
  button.addEventListener("click", () => {
    const sql = text.value.trim();
    if (sql && !saved.includes(sql)) saved = [sql, ...saved].slice(0, MAX_SAVED);
    keep();
  });
  list();
}

// Bars over the words, or lines over the numbers or dates, of the first column; up to four columns of numbers.
function drawResult() {
  const table = document.getElementById("result");
  if (!table || table.rows.length < 3) return;
  const names = [...table.rows[0].cells].map((cell) => cell.textContent);
  const rows = [...table.tBodies[0].rows].map((row) => [...row.cells].map((cell) => cell.textContent));
  const numbers = names.map((name, i) => rows.map((row) => (row[i] === "null" || row[i] === "" ? null : Number(row[i]))));
  const isNumeric = numbers.map((column) => column.some((value) => value !== null) && column.every((value) => value === null || Number.isFinite(value)));
  const shown = names.map((name, i) => i).filter((i) => i > 0 && isNumeric[i] && !/(^|_)id$/.test(names[i])).slice(0, 4);
  if (!shown.length) return;
  const dates = rows.map((row) => (/^\d{4}-\d\d-\d\d/.test(row[0]) ? Date.parse(row[0].slice(0, 24)) / 1000 : NaN));
  const isDate = dates.every(Number.isFinite);
  const isLine = isDate || (isNumeric[0] && !/(^|_)id$/.test(names[0]));
  const first = isDate ? dates : isLine ? numbers[0] : rows.map((row, i) => i);
  const order = first.map((x, i) => i).filter((i) => first[i] !== null).sort((a, b) => first[a] - first[b]);
  const x = order.map((i) => first[i]);
  const data = [x, ...shown.map((column) => order.map((i) => numbers[column][i]))];
  const labels = order.map((i) => rows[i][0]);
  const isTime = shown.every((column) => names[column].endsWith("_ms"));
  chart(document.getElementById("sql-chart"), {
    title: `${shown.map((i) => names[i]).join(", ")} by ${names[0]}`, height: 240, data, isDate,
    xScale: isLine ? {} : { range: [-0.6, x.length - 0.4] },
    x: isLine ? (isDate ? {} : { values: (u, splits) => splits.map((value) => (Number.isInteger(value) ? value : "")) }) : {
      splits: () => spread(x.length), values: (u, splits) => splits.map((i) => short(labels[i])),
    },
    xSeries: { label: names[0], value: (u, at, s, i) => (i == null ? "–" : labels[i]) },
    y: isTime ? { size: 72, values: (u, splits) => splits.map((value) => clock(value / 1000)) } : { size: 72 },
    yScale: isLine ? {} : { range: (u, low, high) => [Math.min(0, low), Math.max(high, 0) * 1.05 || 1] },
    series: shown.map((column, i) => ({ label: names[column], colour: COLOURS[i], isBars: !isLine, hasPoints: isLine && x.length < 40, isFilled: !isLine })),
  });
}

// Places of at most a dozen labels.
function spread(n) {
  const step = Math.max(1, Math.ceil(n / Math.max(2, Math.floor(form.clientWidth / 90))));
  return Array.from({ length: Math.ceil(n / step) }, (_, i) => i * step);
}

function short(text) {
  return text === undefined ? "" : text.length > 12 ? `${text.slice(0, 11)}…` : text;
}
