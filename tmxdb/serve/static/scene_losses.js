// Where one run loses time to another: their times at equal places, and the steepest changes between them.

const AHEAD = 40; // samples of the other line that are looked at, from the last place found
const NEAR_M = 24; // lines further apart are not at the same place: a cut, a fall
const AWAY_M = 8; // the other line goes away from the place found
const SPAN_MS = 1500; // the stretch over which a change of the gap is measured
const LONGEST_MS = 5000; // of stretches that follow each other and are shown as one
const LEAST_MS = 50; // smaller changes are not told from the distance between samples
const MOST = 6;

// Milliseconds that `ghost` is behind `other` at each of its samples, NaN where the other one was not near.
// Places are matched from start to finish and never backwards, so a track may cross itself.
export function gaps(ghost, other) {
  const found = new Float64Array(ghost.n).fill(NaN);
  let from = 0, missed = 0;
  for (let i = 0; i < ghost.n; i++) {
    const end = Math.min(from + AHEAD + 2 * missed, other.n - 1);
    let least = NEAR_M * NEAR_M, best = null;
    for (let j = from; j < end; j++) {
      if (other.isJump[j + 1]) continue;
      const [share, far] = nearest(ghost.positions, 3 * i, other.positions, 3 * j);
      if (far < least) [least, best] = [far, [j, share]];
      else if (best !== null && Math.sqrt(far) > Math.sqrt(least) + AWAY_M) break; // what comes near again is later
    }
    if (best === null) {
      missed++;
      continue;
    }
    const [j, share] = best;
    const there = other.times[j] + share * (other.times[j + 1] - other.times[j]);
    // An end of the line matches everything before or after it: only a point beside the line is at the same place.
    if (!(j === 0 && share === 0 && i > 0) && !(j === other.n - 2 && share === 1 && i < ghost.n - 1)) found[i] = ghost.times[i] - there;
    from = j;
    missed = 0;
  }
  return found;
}

// The place nearest to a point on a segment, as a share of it, and the square of the distance.
function nearest(p, at, q, b) {
  let along = 0, length = 0;
  for (let axis = 0; axis < 3; axis++) {
    const step = q[b + 3 + axis] - q[b + axis];
    along += (p[at + axis] - q[b + axis]) * step;
    length += step * step;
  }
  const share = length === 0 ? 0 : Math.min(Math.max(along / length, 0), 1);
  let far = 0;
  for (let axis = 0; axis < 3; axis++) {
    const d = p[at + axis] - q[b + axis] - share * (q[b + 3 + axis] - q[b + axis]);
    far += d * d;
  }
  return [share, far];
}

// The stretches in which `ghost` lost (lost_ms > 0) or gained most time, from what `gaps` returned, in the order of the
// race: the samples from and to, and `at`, the one in the middle.
export function losses(ghost, behind) {
  const spans = [];
  for (let from = 0, to = 0; from < ghost.n; from++) {
    while (to < ghost.n && ghost.times[to] - ghost.times[from] < SPAN_MS) to++;
    if (to === ghost.n) break;
    const lost = behind[to] - behind[from];
    if (Math.abs(lost) >= LEAST_MS) spans.push({ from, to, lost_ms: lost });
  }
  spans.sort((a, b) => Math.abs(b.lost_ms) - Math.abs(a.lost_ms));
  const chosen = [];
  for (const span of spans) {
    if (chosen.every((one) => span.to <= one.from || span.from >= one.to)) chosen.push(span);
  }
  chosen.sort((a, b) => a.from - b.from);
  const joined = [];
  for (const span of chosen) {
    const last = joined.at(-1);
    const isNext = last !== undefined && span.from - last.to <= 3 && Math.sign(span.lost_ms) === Math.sign(last.lost_ms);
    if (isNext && ghost.times[span.to] - ghost.times[last.from] <= LONGEST_MS) [last.to, last.lost_ms] = [span.to, behind[span.to] - behind[last.from]];
    else joined.push(span);
  }
  const most = joined.sort((a, b) => Math.abs(b.lost_ms) - Math.abs(a.lost_ms)).slice(0, MOST);
  return most.sort((a, b) => a.from - b.from).map((one) => ({ ...one, at: Math.round((one.from + one.to) / 2) }));
}
