// Marks in the 3D view where a run loses time to another one, and the same as a table.

import * as THREE from "./vendor/three/three.module.min.js";
import { clock, gap, passed } from "./scene_data.js";
import { gaps, losses } from "./scene_losses.js";

const LOST = "#c62828", GAINED = "#137333";
const ABOVE_M = 9;

export class Marks {
  // `seek(ms)` moves the clock; `changed()` lets a frame be drawn.
  constructor(ghosts, seek, changed) {
    this.ghosts = ghosts;
    this.seek = seek;
    this.changed = changed;
    this.group = new THREE.Group();
    this.known = new Map();
    this.section = document.getElementById("losses");
    this.box = document.getElementById("marks");
    this.box.addEventListener("change", () => {
      this.group.visible = this.box.checked;
      this.changed();
    });
  }

  // Compare a ghost with the first one, and the first one with the second.
  show(number) {
    if (this.ghosts.length < 2) return;
    const ghost = this.ghosts[number], other = this.ghosts[number === 0 ? 1 : 0];
    if (!this.known.has(number)) {
      const behind = gaps(ghost, other);
      const near = behind.filter((gap) => !Number.isNaN(gap)).length / ghost.n;
      this.known.set(number, { found: losses(ghost, behind), isNear: near > 0.5 });
    }
    const { found, isNear } = this.known.get(number);
    for (const old of this.group.children) {
      old.material.map?.dispose();
      old.material.dispose();
      old.geometry.dispose();
    }
    this.group.clear();
    for (const one of found) this.#mark(ghost, one);
    this.#table(ghost, other, found);
    document.getElementById("losses-far").hidden = isNear;
    if (!isNear) document.getElementById("losses-none").hidden = true;
    this.changed();
  }

  #mark(ghost, one) {
    const place = new THREE.Vector3().fromArray(ghost.positions, 3 * one.at);
    const top = place.clone();
    top.y += ABOVE_M;
    const colour = one.lost_ms > 0 ? LOST : GAINED;
    const pole = new THREE.Line(new THREE.BufferGeometry().setFromPoints([place, top]), new THREE.LineBasicMaterial({ color: colour }));
    const map = label(gap(one.lost_ms), colour);
    const sign = new THREE.Sprite(new THREE.SpriteMaterial({ map, sizeAttenuation: false, depthTest: false, fog: false }));
    sign.scale.set(0.1, 0.1 * map.image.height / map.image.width, 1);
    sign.center.set(0.5, 0);
    sign.position.copy(top);
    sign.renderOrder = 2;
    this.group.add(pole, sign);
  }

  #table(ghost, other, found) {
    this.section.hidden = false;
    this.section.dataset.losses = found.length;
    document.getElementById("losses-title").replaceChildren("Where ", nameOf(ghost), " loses time to ", nameOf(other));
    document.getElementById("losses-none").hidden = found.length > 0;
    document.getElementById("losses-table").hidden = found.length === 0;
    const rows = found.map((one) => {
      const row = document.createElement("tr");
      const button = document.createElement("button");
      button.type = "button";
      button.className = "second small";
      button.textContent = clock(ghost.times[one.from]);
      button.setAttribute("aria-label", `Show ${clock(ghost.times[one.from])}`);
      button.addEventListener("click", () => this.seek(ghost.times[one.from]));
      const k = passed(ghost, ghost.times[one.at]);
      const next = k + 1 >= ghost.checkpoints_ms.length ? "finish" : `checkpoint ${k + 1}`;
      const cells = [button, clock(ghost.times[one.to]), `before the ${next}`.replace("the checkpoint", "checkpoint"), gap(one.lost_ms)].map((content) => {
        const cell = document.createElement("td");
        cell.append(content);
        return cell;
      });
      cells[3].className = `n ${one.lost_ms > 0 ? "behind" : "ahead"}`;
      row.append(...cells);
      return row;
    });
    document.querySelector("#losses-table tbody").replaceChildren(...rows);
  }
}

function nameOf(ghost) {
  const name = document.createElement("bdi");
  name.textContent = ghost.name;
  return name;
}

function label(text, colour) {
  const canvas = document.createElement("canvas");
  canvas.width = 160;
  canvas.height = 64;
  const ctx = canvas.getContext("2d");
  ctx.fillStyle = colour;
  ctx.beginPath();
  ctx.roundRect(4, 4, 152, 56, 16);
  ctx.fill();
  ctx.fillStyle = "#ffffff";
  ctx.font = "bold 38px system-ui, sans-serif";
  ctx.textAlign = "center";
  ctx.textBaseline = "middle";
  ctx.fillText(text, 80, 34);
  const texture = new THREE.CanvasTexture(canvas);
  texture.colorSpace = THREE.SRGBColorSpace;
  return texture;
}
