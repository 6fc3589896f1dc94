// Driven lines and cars.

import * as THREE from "./vendor/three/three.module.min.js";
import { LineMaterial } from "./vendor/three/LineMaterial.js";
import { LineSegments2 } from "./vendor/three/LineSegments2.js";
import { LineSegmentsGeometry } from "./vendor/three/LineSegmentsGeometry.js";
import { driver, driverLine, loss, pressed, rainbow } from "./scene_colours.js";
import { stateOf } from "./scene_data.js";

const WIDE = 12; // lines up to this number are 3 pixels wide; more are 1 pixel, which costs a fraction
const LIFT_M = 0.25; // above the road

export class Lines {
  constructor(ghosts) {
    this.ghosts = ghosts;
    this.group = new THREE.Group();
    this.isWide = ghosts.length <= WIDE;
    this.maxSpeed = Math.max(1, ...ghosts.map((ghost) => percentile(ghost.speeds, 0.995)));
    this.objects = ghosts.map((ghost) => this.#object(ghost));
    this.group.add(...this.objects);
  }

  #object(ghost) {
    const { n, positions: p, isJump } = ghost;
    const pairs = [];
    ghost.segmentOf = new Uint32Array(n); // how many segments end at or before a sample
    for (let i = 1; i < n; i++) {
      if (!isJump[i]) pairs.push(i);
      ghost.segmentOf[i] = pairs.length;
    }
    const places = new Float32Array(6 * pairs.length);
    pairs.forEach((i, at) => {
      for (const [side, j] of [[0, i - 1], [3, i]]) {
        places[6 * at + side] = p[3 * j];
        places[6 * at + side + 1] = p[3 * j + 1] + LIFT_M;
        places[6 * at + side + 2] = p[3 * j + 2];
      }
    });
    ghost.pairs = pairs;
    const colours = new Float32Array(6 * pairs.length);
    if (this.isWide) {
      const geometry = new LineSegmentsGeometry();
      geometry.setPositions(places);
      geometry.setColors(colours);
      return new LineSegments2(geometry, new LineMaterial({ linewidth: 3, vertexColors: true }));
    }
    const geometry = new THREE.BufferGeometry();
    geometry.setAttribute("position", new THREE.BufferAttribute(places, 3));
    geometry.setAttribute("color", new THREE.BufferAttribute(colours, 3));
    return new THREE.LineSegments(geometry, new THREE.LineBasicMaterial({ vertexColors: true }));
  }

  // mode: speed, driver, loss, pedals, steer or gear. Losses are compared with the first ghost that has checkpoints.
  colour(mode) {
    const reference = this.ghosts.find((ghost) => ghost.checkpoints_ms.length);
    this.ghosts.forEach((ghost, number) => {
      const of = new Float32Array(3 * ghost.n);
      const own = driverLine(number);
      for (let i = 0; i < ghost.n; i++) {
        if (mode === "speed") rainbow(ghost.speeds[i] / this.maxSpeed, of, 3 * i);
        else if (mode === "loss") loss(lostAt(ghost, reference, ghost.times[i]), of, 3 * i);
        else if (mode === "driver") of.set(own, 3 * i);
        else pressed(mode, stateOf(ghost.states[i]), of, 3 * i);
      }
      const colours = new Float32Array(6 * ghost.pairs.length);
      ghost.pairs.forEach((i, at) => {
        colours.set(of.subarray(3 * i - 3, 3 * i), 6 * at);
        colours.set(of.subarray(3 * i, 3 * i + 3), 6 * at + 3);
      });
      const geometry = this.objects[number].geometry;
      if (this.isWide) geometry.setColors(colours);
      else {
        geometry.attributes.color.array.set(colours);
        geometry.attributes.color.needsUpdate = true;
      }
    });
  }

  // Show whole lines, or only what was driven up to the samples `indices`.
  reveal(indices) {
    this.objects.forEach((object, number) => {
      const ghost = this.ghosts[number];
      const n = indices === null ? ghost.pairs.length : ghost.segmentOf[indices[number]];
      if (this.isWide) object.geometry.instanceCount = n;
      else object.geometry.setDrawRange(0, 2 * n);
    });
  }
}

// Milliseconds lost to the reference between two checkpoints, in the stretch of a time.
function lostAt(ghost, reference, time) {
  if (reference === undefined || ghost === reference) return 0;
  const mine = ghost.checkpoints_ms, other = reference.checkpoints_ms;
  const k = mine.findIndex((at) => at !== null && time <= at);
  if (k < 0 || k >= other.length || other[k] === null) return 0;
  const from = k === 0 ? [0, 0] : [mine[k - 1], other[k - 1]];
  return from[0] === null || from[1] === null ? 0 : mine[k] - from[0] - (other[k] - from[1]);
}

function percentile(values, share) {
  const sorted = Float32Array.from(values).sort();
  return sorted[Math.floor(share * (sorted.length - 1))] ?? 0;
}

export class Cars {
  constructor(ghosts) {
    this.group = new THREE.Group();
    const n = ghosts.length;
    this.parts = [
      part(new THREE.BoxGeometry(2.1, 0.7, 4.4), new THREE.Vector3(0, 0.55, 0), n),
      part(new THREE.BoxGeometry(1.3, 0.6, 1.5), new THREE.Vector3(0, 1.15, -0.4), n),
      part(new THREE.BoxGeometry(2.5, 0.15, 0.6), new THREE.Vector3(0, 1.35, -2.0), n),
    ];
    this.group.add(...this.parts.map((one) => one.mesh));
    ghosts.forEach((_, number) => {
      const colour = new THREE.Color().setRGB(...driver(number), THREE.SRGBColorSpace);
      this.parts.forEach((one, i) => one.mesh.setColorAt(number, i === 1 ? colour.clone().multiplyScalar(0.45) : colour));
    });
    this.matrix = new THREE.Matrix4();
    this.place = new THREE.Matrix4();
    this.offset = new THREE.Vector3();
    this.up = new THREE.Vector3(0, 1, 0);
    this.side = new THREE.Vector3();
    this.top = new THREE.Vector3();
    this.forward = new THREE.Vector3();
  }

  set(number, car, isShown, scale) {
    this.forward.fromArray(car.forward).normalize();
    if (this.forward.lengthSq() === 0 || Math.abs(this.forward.y) > 0.999) this.forward.set(0, 0, 1);
    this.side.crossVectors(this.up, this.forward).normalize();
    this.top.crossVectors(this.forward, this.side);
    const s = isShown ? scale : 0;
    for (const one of this.parts) {
      this.place.makeBasis(this.side, this.top, this.forward).setPosition(...car.position);
      this.matrix.makeScale(s, s, s).setPosition(this.offset.copy(one.offset).multiplyScalar(s));
      one.mesh.setMatrixAt(number, this.place.multiply(this.matrix));
      one.mesh.instanceMatrix.needsUpdate = true;
    }
  }
}

function part(geometry, offset, n) {
  const mesh = new THREE.InstancedMesh(geometry, new THREE.MeshLambertMaterial(), n);
  mesh.frustumCulled = false;
  return { mesh, offset };
}
