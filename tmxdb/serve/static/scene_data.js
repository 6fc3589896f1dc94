// Unpack a scene: tmxdb/serve/scene/build.py says how it is packed.

import { ask } from "./answers.js";

const JUMP_BREAK = 1;

export async function load(address) {
  return unpack(await (await ask(address)).arrayBuffer());
}

export function unpack(buffer) {
  const view = new DataView(buffer);
  if (view.getUint32(0, true) !== 0x53584d54 || view.getUint32(4, true) !== 2) throw new Error("this is not a scene.");
  const size = view.getUint32(8, true);
  const scene = JSON.parse(new TextDecoder().decode(new Uint8Array(buffer, 12, size)));
  let at = 12 + size;
  for (const ghost of scene.ghosts) {
    unpackLine(ghost, buffer, at);
    at += padded(8 * ghost.n);
    ghost.states = new Uint8Array(buffer, at, ghost.n);
    at += padded(ghost.n);
  }
  const blocks = scene.blocks;
  const n = blocks.n;
  blocks.name = new Uint16Array(buffer, at, n);
  ["x", "y", "z", "direction"].forEach((part, i) => { blocks[part] = new Uint8Array(buffer, at + 2 * n + i * n, n); });
  return scene;
}

function padded(bytes) {
  return bytes + (-bytes & 3);
}

function unpackLine(ghost, buffer, at) {
  const n = ghost.n;
  const gaps = new Uint16Array(buffer, at, n);
  ghost.times = new Float64Array(n);
  ghost.positions = new Float32Array(3 * n);
  let time = ghost.start_ms;
  for (let i = 0; i < n; i++) ghost.times[i] = time += gaps[i];
  for (let axis = 0; axis < 3; axis++) {
    const second = new Int16Array(buffer, at + 2 * n + 2 * axis * n, n);
    let step = 0, place = 0;
    for (let i = 0; i < n; i++) {
      step += second[i];
      place += step;
      ghost.positions[3 * i + axis] = ghost.origin[axis] + place * ghost.step_m;
    }
  }
  ghost.isJump = new Uint8Array(n);
  for (const i of ghost.jumps) ghost.isJump[i] = JUMP_BREAK;
  ghost.end_ms = ghost.times[n - 1];
  ghost.speeds = speeds(ghost);
}

// km/h at each sample, from the samples before and after it.
function speeds(ghost) {
  const { n, positions: p, times, isJump } = ghost;
  const found = new Float32Array(n);
  for (let i = 0; i < n; i++) {
    const a = i === 0 || isJump[i] ? i : i - 1;
    const b = i === n - 1 || isJump[i + 1] ? i : i + 1;
    if (a === b) continue;
    const way = Math.hypot(p[3 * b] - p[3 * a], p[3 * b + 1] - p[3 * a + 1], p[3 * b + 2] - p[3 * a + 2]);
    found[i] = (way / Math.max(times[b] - times[a], 1)) * 3600;
  }
  return found;
}

// The number of the last sample at or before a time. `ghost.at` remembers where the search ended.
function indexAt(ghost, time) {
  const { times, n } = ghost;
  let i = ghost.at ?? 0;
  if (times[i] > time || (i + 50 < n && times[i + 50] < time)) {
    let low = 0, high = n - 1;
    while (low < high) {
      const middle = (low + high + 1) >> 1;
      if (times[middle] <= time) low = middle; else high = middle - 1;
    }
    i = low;
  }
  while (i + 1 < n && times[i + 1] <= time) i++;
  ghost.at = i;
  return i;
}

// Write the car of a ghost at a time to `car`: position, forward direction, speed; on a smooth curve through samples.
export function carAt(ghost, time, car) {
  const { n, positions: p, times, isJump, speeds: v } = ghost;
  const t = Math.min(Math.max(time, times[0]), times[n - 1]);
  const i = indexAt(ghost, t);
  const j = Math.min(i + 1, n - 1);
  const stays = j === i || isJump[j];
  const u = stays ? 0 : (t - times[i]) / (times[j] - times[i]);
  const h = i === 0 || isJump[i] ? i : i - 1;
  const k = j === n - 1 || isJump[j + 1] ? j : j + 1;
  for (let axis = 0; axis < 3; axis++) {
    const b = p[3 * i + axis];
    if (stays) { car.position[axis] = b; continue; }
    const a = p[3 * h + axis], c = p[3 * j + axis], d = p[3 * k + axis];
    const m0 = (c - a) / 2, m1 = (d - b) / 2;
    const u2 = u * u, u3 = u2 * u;
    car.position[axis] = (2 * u3 - 3 * u2 + 1) * b + (u3 - 2 * u2 + u) * m0 + (3 * u2 - 2 * u3) * c + (u3 - u2) * m1;
  }
  car.speed = stays ? v[i] : v[i] + (v[j] - v[i]) * u;
  car.index = i;
  // Forward: the next stretch of at least half a metre; a car that stands keeps its last direction.
  for (let b = i + 1; b < n && !isJump[b]; b++) {
    const x = p[3 * b] - p[3 * i], y = p[3 * b + 1] - p[3 * i + 1], z = p[3 * b + 2] - p[3 * i + 2];
    const way = Math.hypot(x, y, z);
    if (way > 0.5) {
      const turn = Math.min(1, 0.25 + u);
      const f = car.forward;
      const same = car.lastIndex !== undefined && Math.abs(i - car.lastIndex) <= 2;
      const share = same ? turn * 0.5 : 1;
      f[0] += (x / way - f[0]) * share; f[1] += (y / way - f[1]) * share; f[2] += (z / way - f[2]) * share;
      break;
    }
  }
  car.lastIndex = i;
  return car;
}

// What a byte of states says: tmxdb/serve/scene/states.py. Steering: -3 (left) to 3; the gear is 7 if it is unknown.
export function stateOf(byte) {
  return { accelerate: byte & 1, brake: (byte >> 1) & 1, steer: ((byte >> 2) & 7) - 3, gear: byte >> 5 };
}

// How many checkpoints a ghost has passed at a time.
export function passed(ghost, time) {
  let n = 0;
  for (const at of ghost.checkpoints_ms) {
    if (at === null || at > time) break;
    n++;
  }
  return n;
}

export function clock(ms) {
  if (ms === null || ms === undefined) return "–";
  const sign = ms < 0 ? "-" : "";
  const hundredths = Math.floor(Math.abs(ms) / 10);
  const minutes = Math.floor(hundredths / 6000);
  const rest = hundredths % 6000;
  return `${sign}${minutes}:${String(Math.floor(rest / 100)).padStart(2, "0")}.${String(rest % 100).padStart(2, "0")}`;
}

export function gap(ms) {
  return ms === 0 ? "±0.00" : `${ms < 0 ? "−" : "+"}${(Math.abs(ms) / 1000).toFixed(2)}`;
}
