// The blocks of a map as plain solids: one instanced mesh for each kind.

import * as THREE from "./vendor/three/three.module.min.js";
import { BLOCKS, FAINT } from "./scene_colours.js";

const SEAM_M = 0.25; // kept free at the edges, so that neighbours can be told apart
const GATE_M = 9;
const GATES = new Set(["start", "finish", "checkpoint", "multilap"]);

// Return a group with all blocks, and the box around those that are part of the track.
export function blocksOf(blocks) {
  const boxes = {};
  const bounds = new THREE.Box3();
  const [sx, sy, sz] = blocks.cell_m;
  for (let i = 0; i < blocks.n; i++) {
    const [kind, width, depth, low, high] = blocks.names[blocks.name[i]];
    const turned = blocks.direction[i] & 1;
    const w = (turned ? depth : width) * sx, d = (turned ? width : depth) * sz;
    const x = blocks.x[i] * sx, y = blocks.y[i] * sy, z = blocks.z[i] * sz;
    const thin = kind === "pillar" ? Math.min(w, d) * 0.38 : kind === "decoration" ? Math.min(w, d) * 0.2 : SEAM_M;
    add(boxes, kind, x + thin, y + low, z + thin, w - 2 * thin, high - low, d - 2 * thin);
    if (!["ground", "water", "decoration", "pillar"].includes(kind)) {
      bounds.expandByPoint(new THREE.Vector3(x, y, z));
      bounds.expandByPoint(new THREE.Vector3(x + w, y + high, z + d));
    }
    if (GATES.has(kind)) gate(boxes, kind, blocks.direction[i], x, y + high, z, w, d);
  }
  const group = new THREE.Group();
  for (const [kind, list] of Object.entries(boxes)) group.add(mesh(kind, list));
  return { group, bounds };
}

// Two posts and a beam across the direction of driving, in the middle of the block.
function gate(boxes, kind, direction, x, y, z, w, d) {
  const post = 1.4;
  if (direction & 1) {
    const middle = x + w / 2 - post / 2;
    add(boxes, `${kind} gate`, middle, y, z + 1, post, GATE_M, post);
    add(boxes, `${kind} gate`, middle, y, z + d - 1 - post, post, GATE_M, post);
    add(boxes, `${kind} gate`, middle, y + GATE_M, z + 1, post, post, d - 2);
  } else {
    const middle = z + d / 2 - post / 2;
    add(boxes, `${kind} gate`, x + 1, y, middle, post, GATE_M, post);
    add(boxes, `${kind} gate`, x + w - 1 - post, y, middle, post, GATE_M, post);
    add(boxes, `${kind} gate`, x + 1, y + GATE_M, middle, w - 2, post, post);
  }
}

function add(boxes, kind, x, y, z, w, h, d) {
  (boxes[kind] ??= []).push(x + w / 2, y + h / 2, z + d / 2, w, Math.max(h, 0.1), d);
}

function mesh(kind, list) {
  const n = list.length / 6;
  const isGate = kind.endsWith(" gate");
  const colour = BLOCKS[kind.replace(" gate", "")] ?? BLOCKS.other;
  const opacity = FAINT[kind];
  const material = new THREE.MeshLambertMaterial({
    color: colour, transparent: opacity !== undefined, opacity: opacity ?? 1, depthWrite: opacity === undefined,
    emissive: isGate ? colour : 0x000000, emissiveIntensity: isGate ? 0.45 : 0,
  });
  const instanced = new THREE.InstancedMesh(new THREE.BoxGeometry(1, 1, 1), material, n);
  const matrix = new THREE.Matrix4();
  for (let i = 0; i < n; i++) {
    const [x, y, z, w, h, d] = list.slice(6 * i, 6 * i + 6);
    matrix.makeScale(w, h, d).setPosition(x, y, z);
    instanced.setMatrixAt(i, matrix);
  }
  instanced.instanceMatrix.needsUpdate = true;
  instanced.computeBoundingSphere();
  return instanced;
}

// The ground that nobody built on, with a grid of the map's cells.
export function groundOf(blocks, bounds, theme) {
  const [sx, , sz] = blocks.cell_m;
  const cells = Math.ceil(Math.max(bounds.max.x - bounds.min.x, bounds.max.z - bounds.min.z) / sx) + 8;
  const size = cells * sx;
  const x = Math.round((bounds.min.x + bounds.max.x) / 2 / sx) * sx, z = Math.round((bounds.min.z + bounds.max.z) / 2 / sz) * sz;
  const y = Math.min(blocks.ground_m, bounds.min.y) - 0.4;
  const plane = new THREE.Mesh(new THREE.PlaneGeometry(size * 3, size * 3), new THREE.MeshLambertMaterial({ color: theme.ground }));
  plane.rotation.x = -Math.PI / 2;
  plane.position.set(x, y - 0.3, z);
  const grid = new THREE.GridHelper(size, cells, theme.grid, theme.grid);
  grid.position.set(x, y, z);
  const group = new THREE.Group();
  group.add(plane, grid);
  return group;
}
