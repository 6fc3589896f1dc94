// Charts in the colours of the page, drawn with uPlot, which is loaded before this module.

const dark = matchMedia("(prefers-color-scheme: dark)");
const drawn = [];

// The value of a colour of style.css.
export function colour(name) {
  return getComputedStyle(document.documentElement).getPropertyValue(name).trim();
}

export function clock(seconds) {
  const sign = seconds < 0 ? "-" : "";
  const hundredths = Math.round(Math.abs(seconds) * 100);
  const rest = String(Math.floor((hundredths % 6000) / 100)).padStart(2, "0");
  return `${sign}${Math.floor(hundredths / 6000)}:${rest}.${String(hundredths % 100).padStart(2, "0")}`;
}

// Axis labels: 0:05 where steps are whole seconds.
export function shortClock(seconds, step) {
  const text = clock(seconds);
  return step >= 1 ? text.slice(0, -3) : step >= 0.1 ? text.slice(0, -1) : text;
}

// Show a chart with a heading in `place`. `options`: title, height, data (x and the series), series, x and y axes of
// uPlot, sync (charts with the same word share cursor and zoom), onClick(x), and draw(u), which marks something.
export function chart(place, options) {
  const figure = document.createElement("figure");
  figure.className = "chart";
  const heading = document.createElement("figcaption");
  heading.textContent = options.title;
  figure.append(heading);
  place.append(figure);
  const holder = { figure, options, plot: null, remove };
  const width = () => Math.max(figure.clientWidth - 18, 120);
  const build = () => {
    holder.plot?.destroy();
    const plot = new uPlot(described(options, width()), options.data, figure);
    if (options.onClick) plot.over.addEventListener("click", () => options.onClick(plot.posToVal(plot.cursor.left, "x")));
    holder.plot = plot;
  };
  build();
  const resized = new ResizeObserver(() => {
    if (holder.plot.width !== width()) holder.plot.setSize({ width: width(), height: options.height });
  });
  resized.observe(figure);
  dark.addEventListener("change", build);
  drawn.push(holder);
  return holder;

  function remove() {
    resized.disconnect();
    dark.removeEventListener("change", build);
    drawn.splice(drawn.indexOf(holder), 1);
    holder.plot.destroy();
    figure.remove();
  }
}

function described(options, width) {
  const axis = { stroke: colour("--soft"), grid: { stroke: colour("--line"), width: 1 }, ticks: { stroke: colour("--line"), width: 1 }, font: "12px system-ui, sans-serif" };
  return {
    width,
    height: options.height,
    scales: { x: { time: options.isDate === true, ...options.xScale }, y: options.yScale ?? {} },
    axes: [{ ...axis, ...options.x }, { ...axis, size: 56, ...options.y }],
    series: [{ label: "time", ...options.xSeries }, ...options.series.map((one) => ({
      width: 1.5,
      points: { show: one.hasPoints === true, size: 6 },
      ...one,
      stroke: colour(one.colour),
      fill: one.isFilled ? `${colour(one.colour)}55` : undefined,
      paths: one.isBars ? uPlot.paths.bars({ size: [0.7, 60] }) : one.isStepped ? uPlot.paths.stepped({ align: one.isStepped === "before" ? -1 : 1 }) : undefined,
    }))],
    cursor: { sync: options.sync ? { key: options.sync } : undefined, drag: { x: true, y: false } },
    legend: { show: options.hasLegend !== false },
    hooks: { draw: options.draw ? [options.draw] : [] },
  };
}

// Move the cursor of all charts to an x value without telling anyone.
export function moveCursors(x) {
  for (const { plot } of drawn) {
    const left = plot.valToPos(x, "x");
    plot.setCursor({ left: left < 0 || left > plot.over.clientWidth ? -10 : left, top: plot.over.clientHeight / 2 }, false, false);
  }
}

// Vertical lines at some x values, with texts above where there is room.
export function verticals(u, marks, name, hasText) {
  const { ctx, bbox } = u;
  const ratio = devicePixelRatio;
  ctx.save();
  ctx.strokeStyle = ctx.fillStyle = colour(name);
  ctx.lineWidth = ratio;
  ctx.setLineDash([3 * ratio, 3 * ratio]);
  ctx.font = `${11 * ratio}px system-ui, sans-serif`;
  ctx.textAlign = "center";
  let last = -Infinity;
  for (const [x, text] of marks) {
    const at = u.valToPos(x, "x", true);
    if (at < bbox.left || at > bbox.left + bbox.width) continue;
    ctx.beginPath();
    ctx.moveTo(at, bbox.top);
    ctx.lineTo(at, bbox.top + bbox.height);
    ctx.stroke();
    if (hasText && at - last > 22 * ratio) {
      ctx.fillText(text, at, bbox.top - 3 * ratio);
      last = at;
    }
  }
  ctx.restore();
}
