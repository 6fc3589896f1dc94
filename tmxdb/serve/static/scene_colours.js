// Colours of blocks, lines and cars.

export const BLOCKS = {
  multilap: 0xffb020, start: 0x2bd469, finish: 0xf0443a, checkpoint: 0x3b8dff, boost: 0xf2d024, free_wheel: 0xd05cf0,
  road: 0x7f868f, dirt: 0xa47c54, platform: 0x9a9fae, pillar: 0x6b7280, decoration: 0x8a93a0, other: 0x8a93a0,
  ground: 0x6f9a5c, water: 0x3f86b8,
};
export const FAINT = { decoration: 0.16, other: 0.3, pillar: 0.45 };
export const THEMES = {
  light: { back: 0xe9eef3, ground: 0xcfdcc9, grid: 0xb5c4b0, sky: 0xffffff, earth: 0x98a090, light: 2.2, sun: 1.5 },
  dark: { back: 0x0d1218, ground: 0x18211b, grid: 0x26332a, sky: 0xbfd4ff, earth: 0x1c221c, light: 1.3, sun: 1.2 },
};

// Slow is blue, fast is red: stops of a rainbow that stays readable on dark and light ground.
const STOPS = [[48, 60, 180], [45, 130, 240], [20, 195, 205], [60, 220, 110], [195, 225, 50], [250, 185, 45], [240, 95, 35], [190, 25, 30]];

// Colours of lines are linear; those above and of the page are not.
function linear(part) {
  return part <= 0.04045 ? part / 12.92 : ((part + 0.055) / 1.055) ** 2.4;
}

export function rainbow(share, out, at) {
  const x = Math.min(Math.max(share, 0), 1) * (STOPS.length - 1);
  const i = Math.min(Math.floor(x), STOPS.length - 2);
  for (let c = 0; c < 3; c++) out[at + c] = linear((STOPS[i][c] + (STOPS[i + 1][c] - STOPS[i][c]) * (x - i)) / 255);
}

// Different colours for any number of drivers: steps of the golden angle around the circle of hues.
export function driver(number) {
  const hue = (0.36 + number * 0.618034) % 1;
  const light = 0.52 + 0.1 * ((number >> 2) % 2);
  const f = (n) => {
    const k = (n + hue * 12) % 12;
    return light - 0.8 * Math.min(light, 1 - light) * Math.max(-1, Math.min(k - 3, 9 - k, 1));
  };
  return [f(0), f(8), f(4)];
}

export function driverLine(number) {
  return driver(number).map(linear);
}

// Time lost in a stretch: green for a gain, grey for none, red for half a second or more.
export function loss(ms, out, at) {
  const share = Math.max(-1, Math.min(1, ms / 500));
  const [from, to] = share < 0 ? [[150, 155, 160], [30, 200, 90]] : [[150, 155, 160], [235, 55, 45]];
  for (let c = 0; c < 3; c++) out[at + c] = linear((from[c] + (to[c] - from[c]) * Math.abs(share)) / 255);
}

// Keys of the colours of inputs and gears: text, and red, green, blue.
export const KEYS = {
  pedals: [["accelerate", [30, 170, 80]], ["brake", [220, 50, 45]], ["both", [190, 80, 200]], ["neither", [70, 120, 220]]],
  steer: [["left", [40, 110, 235]], ["straight", [160, 165, 170]], ["right", [240, 120, 30]]],
  gear: [["1", [60, 90, 220]], ["2", [20, 170, 210]], ["3", [60, 190, 90]], ["4", [235, 180, 40]], ["5", [215, 60, 40]], ["unknown", [150, 155, 160]]],
};

export function pressed(mode, state, out, at) {
  let rgb;
  if (mode === "pedals") rgb = KEYS.pedals[state.accelerate ? (state.brake ? 2 : 0) : state.brake ? 1 : 3][1];
  else if (mode === "gear") rgb = KEYS.gear[state.gear >= 1 && state.gear <= 5 ? state.gear - 1 : 5][1];
  else {
    const [left, none, right] = KEYS.steer.map(([, one]) => one);
    const to = state.steer < 0 ? left : right;
    rgb = none.map((part, c) => part + (to[c] - part) * Math.abs(state.steer) / 3);
  }
  for (let c = 0; c < 3; c++) out[at + c] = linear(rgb[c] / 255);
}
