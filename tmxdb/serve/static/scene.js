// The 3D view of a track: driven lines and cars over the blocks, with a clock that all ghosts share.

import * as THREE from "./vendor/three/three.module.min.js";
import { OrbitControls } from "./vendor/three/OrbitControls.js";
import { carAt, clock, gap, load, passed } from "./scene_data.js";
import { KEYS, THEMES, driver } from "./scene_colours.js";
import { blocksOf, groundOf } from "./scene_world.js";
import { Cars, Lines } from "./scene_lines.js";
import { Marks } from "./scene_marks.js";

const view = document.getElementById("view");
const canvas = document.getElementById("scene");
const note = document.getElementById("scene-note");
const tip = document.getElementById("tip");
const field = (name) => document.getElementById(name);
const AFTER_MS = 800; // the clock goes on a little after the last finish
const dark = matchMedia("(prefers-color-scheme: dark)");

start().catch((error) => {
  note.textContent = `The 3D view cannot be shown: ${error.message}`;
  view.dataset.state = "failed";
});

async function start() {
  note.textContent = "Loading the runs…";
  const scene = await load(view.dataset.scene);
  const problems = [scene.map_problem, ...scene.left_out.map((one) => `Replay ${one.replay_id} is not drawn: ${one.reason}.`)];
  note.textContent = problems.filter(Boolean).join(" ");
  if (!scene.ghosts.length) {
    note.textContent += ` There is no line to draw.${scene.left_out.length ? "" : " Download replays of this track first."}`;
    view.dataset.state = "empty";
    return;
  }
  new Player(scene);
}

class Player {
  constructor(data) {
    this.data = data;
    this.ghosts = data.ghosts;
    this.renderer = new THREE.WebGLRenderer({ canvas, antialias: !drawsInSoftware(), powerPreference: "high-performance" });
    this.renderer.setPixelRatio(Math.min(devicePixelRatio, 2));
    this.scene = new THREE.Scene();
    this.camera = new THREE.PerspectiveCamera(55, 1, 1, 12000);
    this.controls = new OrbitControls(this.camera, canvas);
    this.controls.addEventListener("change", () => this.#wake());
    this.controls.maxPolarAngle = Math.PI / 2 - 0.02;
    const { group, bounds } = blocksOf(data.blocks);
    for (const ghost of this.ghosts) {
      for (let i = 0; i < ghost.n; i += 5) bounds.expandByPoint(new THREE.Vector3().fromArray(ghost.positions, 3 * i));
    }
    this.bounds = bounds;
    this.lines = new Lines(this.ghosts);
    this.cars = new Cars(this.ghosts);
    this.marks = new Marks(this.ghosts, (time) => this.#seek(time), () => this.#wake());
    this.scene.add(group, this.lines.group, this.cars.group, this.marks.group);
    this.hemisphere = new THREE.HemisphereLight();
    this.sun = new THREE.DirectionalLight();
    this.sun.position.set(0.5, 1, 0.3);
    this.scene.add(this.hemisphere, this.sun);
    this.states = this.ghosts.map(() => ({ position: [0, 0, 0], forward: [0, 0, 1], speed: 0, index: 0 }));
    this.isShown = this.ghosts.map(() => true);
    this.followed = 0;
    this.mode = "follow";
    this.time = 0;
    this.pace = 1;
    this.isPlaying = false;
    this.end = Math.max(...this.ghosts.map((ghost) => ghost.end_ms)) + AFTER_MS;
    this.frames = 0;
    this.#theme();
    this.#rows();
    this.#bind();
    this.lines.colour("speed");
    field("legend-most").textContent = `${Math.round(this.lines.maxSpeed)} km/h`;
    this.#overview();
    this.#setMode("free");
    this.moved = false; // until a person chooses a camera, the first Play follows the first car
    new ResizeObserver(() => this.#resize()).observe(view);
    this.#resize();
    const start = /^#t=(\d{1,9})$/.exec(location.hash);
    if (start) this.#seek(Number(start[1]));
    view.dataset.state = "ready";
    view.dataset.ghosts = this.ghosts.length;
    view.dataset.blocks = data.blocks.n;
  }

  // Colours of the page's theme.
  #theme() {
    const theme = THEMES[dark.matches ? "dark" : "light"];
    this.scene.background = new THREE.Color(theme.back);
    this.scene.fog = new THREE.Fog(theme.back, 1500, 7000);
    this.hemisphere.color.set(theme.sky);
    this.hemisphere.groundColor.set(theme.earth);
    this.hemisphere.intensity = theme.light;
    this.sun.intensity = theme.sun;
    if (this.ground) this.scene.remove(this.ground);
    this.ground = groundOf(this.data.blocks, this.bounds, theme);
    this.scene.add(this.ground);
    this.#wake();
  }

  // The list of ghosts: show or hide, follow, and live numbers.
  #rows() {
    const list = field("ghosts");
    this.rows = this.ghosts.map((ghost, number) => {
      const row = document.createElement("li");
      const box = document.createElement("input");
      box.type = "checkbox";
      box.checked = true;
      box.setAttribute("aria-label", `Show ${ghost.name}`);
      box.addEventListener("change", () => {
        this.isShown[number] = box.checked;
        this.lines.objects[number].visible = box.checked;
        this.#wake();
      });
      const button = document.createElement("button");
      button.type = "button";
      button.title = "Follow";
      const dot = dotOf(driver(number).map((part) => Math.round(255 * part)));
      const name = document.createElement("bdi");
      name.textContent = ghost.name;
      const time = document.createElement("span");
      time.className = "time";
      time.textContent = clock(ghost.time_ms);
      const live = document.createElement("span");
      live.className = "live";
      button.append(dot, `${ghost.rank ?? "–"} `, name, time, live);
      button.addEventListener("click", () => this.#follow(number));
      const link = document.createElement("a");
      link.href = `/replay/${ghost.replay_id}`;
      link.textContent = "run";
      link.setAttribute("aria-label", `The page of the run of ${ghost.name}`);
      row.append(box, button, link);
      list.append(row);
      return { row, live };
    });
    this.#follow(0, true);
  }

  #follow(number, quiet = false) {
    this.followed = number;
    this.rows.forEach(({ row }, i) => row.classList.toggle("followed", i === number));
    this.marks.show(number);
    if (!quiet && this.mode === "free") this.#setMode("follow");
    this.#wake();
  }

  #bind() {
    field("play").addEventListener("click", () => this.#play(!this.isPlaying));
    field("scrub").max = this.end;
    field("scrub").addEventListener("input", () => this.#seek(Number(field("scrub").value)));
    field("pace").addEventListener("change", () => { this.pace = Number(field("pace").value); });
    field("camera").addEventListener("change", () => this.#setMode(field("camera").value));
    field("colour").addEventListener("change", () => {
      const mode = field("colour").value;
      this.lines.colour(mode);
      view.dataset.colour = mode;
      field("legend").hidden = mode !== "speed";
      this.#keys(mode);
      this.#wake();
    });
    field("driven").addEventListener("change", () => this.#wake());
    dark.addEventListener("change", () => this.#theme());
    canvas.addEventListener("pointermove", (event) => this.#hover(event));
    canvas.addEventListener("pointerleave", () => { tip.hidden = true; });
    canvas.addEventListener("wheel", () => { if (this.mode === "above") this.#wake(); }, { passive: true });
    view.addEventListener("keydown", (event) => this.#key(event));
    canvas.addEventListener("webglcontextlost", () => { note.textContent = "The graphics were lost. Reload the page."; });
    document.addEventListener("tmxdb:seek", (event) => this.#seek(event.detail));
    document.addEventListener("visibilitychange", () => { this.last = undefined; });
  }

  // What the colours of inputs and gears mean, and what is not known.
  #keys(mode) {
    const keys = field("legend-keys");
    keys.hidden = !(mode in KEYS);
    const shown = (KEYS[mode] ?? []).map(([text, rgb]) => {
      const key = document.createElement("span");
      const dot = dotOf(rgb);
      key.append(dot, ` ${text}`);
      return key;
    });
    const what = { gear: ["gears", "has_gears", " Captures with telemetry have them."] }[mode] ?? ["inputs", "has_inputs", ""];
    const without = mode in KEYS ? this.ghosts.filter((ghost) => !ghost[what[1]]).length : 0;
    keys.replaceChildren(...shown);
    field("scene-known").textContent = without ? `${without} of ${this.ghosts.length} runs have no ${what[0]}.${what[2]}` : "";
  }

  #key(event) {
    if (event.ctrlKey || event.altKey || event.metaKey) return; // the browser's own, such as Alt-Left: back
    if (["INPUT", "SELECT"].includes(event.target.tagName) && event.target.type !== "checkbox") return;
    const keys = {
      " ": () => event.target.tagName !== "BUTTON" && this.#play(!this.isPlaying),
      ArrowLeft: () => this.#seek(this.time - 1000),
      ArrowRight: () => this.#seek(this.time + 1000),
      Home: () => this.#seek(0),
      c: () => this.#setMode({ follow: "above", above: "free", free: "follow" }[this.mode]),
    };
    const act = keys[event.key] ?? keys[event.key.toLowerCase()];
    if (act && act() !== false) event.preventDefault();
  }

  #play(on) {
    if (on && this.time >= this.end) this.time = 0;
    if (on && this.time === 0 && this.mode === "free" && !this.moved) this.#setMode("follow");
    this.isPlaying = on;
    this.last = undefined;
    field("play").textContent = on ? "Pause" : "Play";
    view.dataset.playing = on;
    this.#wake();
  }

  #seek(time) {
    this.time = Math.min(Math.max(time, 0), this.end);
    this.#wake();
  }

  #setMode(mode) {
    this.mode = mode;
    this.moved = true;
    field("camera").value = mode;
    view.dataset.camera = mode;
    this.controls.enabled = mode !== "follow";
    this.controls.enableRotate = mode === "free";
    this.height = undefined;
    this.chase = undefined;
    if (mode === "free") {
      const [x, y, z] = this.states[this.followed].position;
      if (this.frames > 0) this.controls.target.set(x, y, z);
      this.camera.up.set(0, 1, 0);
    }
    this.#wake();
  }

  // A view of the whole track from the side.
  #overview() {
    const middle = this.bounds.getCenter(new THREE.Vector3());
    const size = this.bounds.getSize(new THREE.Vector3());
    const far = Math.max(size.x, size.z, 120) * 0.62;
    this.camera.position.set(middle.x + far * 0.55, middle.y + far * 0.75, middle.z + far);
    this.controls.target.copy(middle);
    this.controls.update();
  }

  #resize() {
    const { clientWidth: width, clientHeight: height } = view;
    if (!width || !height) return;
    this.renderer.setSize(width, height, false);
    this.camera.aspect = width / height;
    this.camera.updateProjectionMatrix();
    this.#wake();
  }

  // Draw one frame soon; while playing, frames follow each other.
  #wake() {
    if (this.waiting) return;
    this.waiting = true;
    requestAnimationFrame((now) => {
      this.waiting = false;
      this.#frame(now);
    });
  }

  #frame(now) {
    const passedMs = this.last === undefined ? 0 : Math.min(now - this.last, 250);
    this.last = this.isPlaying ? now : undefined;
    if (this.isPlaying) {
      this.time += passedMs * this.pace;
      if (this.time >= this.end) {
        this.time = this.end;
        this.#play(false);
      }
    }
    const scale = this.mode === "follow" ? 1 : Math.min(Math.max(this.camera.position.distanceTo(this.controls.target) / 90, 1), 7);
    this.ghosts.forEach((ghost, number) => {
      this.cars.set(number, carAt(ghost, this.time, this.states[number]), this.isShown[number], scale);
    });
    this.lines.reveal(field("driven").checked ? this.states.map((state) => state.index) : null);
    this.#moveCamera(passedMs);
    this.renderer.render(this.scene, this.camera);
    this.frames++;
    this.#numbers(now);
    if (this.isPlaying) this.#wake();
  }

  #moveCamera(passedMs) {
    const state = this.states[this.followed];
    const [x, y, z] = state.position;
    if (this.mode === "follow") {
      const [fx, , fz] = state.forward;
      const flat = Math.hypot(fx, fz) || 1;
      const wanted = new THREE.Vector3(x - (fx / flat) * 17, y + 7.5, z - (fz / flat) * 17);
      const isFar = this.chase === undefined || this.chase.distanceTo(wanted) > 120;
      const share = isFar || passedMs === 0 ? 1 : 1 - Math.exp((-passedMs * Math.max(this.pace, 0.5)) / 140);
      this.chase = isFar ? wanted : this.chase.lerp(wanted, share);
      this.camera.up.set(0, 1, 0);
      this.camera.position.copy(this.chase);
      this.camera.lookAt(x + (fx / flat) * 6, y + 1.5, z + (fz / flat) * 6);
    } else if (this.mode === "above") {
      const height = this.height === undefined ? 260 : this.camera.position.distanceTo(this.controls.target);
      this.height = height;
      this.controls.target.set(x, y, z);
      this.camera.up.set(0, 0, -1);
      this.camera.position.set(x, y + height, z);
      this.camera.lookAt(x, y, z);
    }
  }

  // The clock and the list, ten times a second.
  #numbers(now) {
    view.dataset.time = Math.round(this.time);
    view.dataset.frames = this.frames;
    if (this.isPlaying && now - (this.shownAt ?? -1000) < 100) return;
    this.shownAt = now;
    document.dispatchEvent(new CustomEvent("tmxdb:time", { detail: this.time }));
    field("clock").textContent = clock(this.time);
    if (document.activeElement !== field("scrub") || this.isPlaying) field("scrub").value = this.time;
    field("scrub").setAttribute("aria-valuetext", clock(this.time));
    const reference = this.ghosts[0];
    this.ghosts.forEach((ghost, number) => {
      const k = passed(ghost, this.time);
      const last = ghost.checkpoints_ms.length;
      const best = reference.checkpoints_ms[k - 1];
      const text = [];
      if (k > 0 && number > 0 && best !== undefined && best !== null) text.push(gap(ghost.checkpoints_ms[k - 1] - best));
      text.push(k > 0 && k === last ? "finished" : `${Math.round(this.states[number].speed)} km/h`);
      this.rows[number].live.textContent = text.join(" · ");
    });
  }

  // Name, speed and time of the car under the pointer.
  #hover(event) {
    const box = canvas.getBoundingClientRect();
    const place = new THREE.Vector3();
    let nearest = null, least = 20;
    this.states.forEach((state, number) => {
      if (!this.isShown[number]) return;
      place.fromArray(state.position).project(this.camera);
      if (place.z > 1) return;
      const x = (place.x + 1) / 2 * box.width - (event.clientX - box.left);
      const y = (1 - place.y) / 2 * box.height - (event.clientY - box.top);
      const far = Math.hypot(x, y);
      if (far < least) [nearest, least] = [number, far];
    });
    tip.hidden = nearest === null;
    if (nearest === null) return;
    const ghost = this.ghosts[nearest];
    tip.textContent = `${ghost.name} · ${Math.round(this.states[nearest].speed)} km/h · ${clock(ghost.time_ms)}`;
    tip.style.left = `${Math.min(event.clientX - box.left + 14, box.width - 180)}px`;
    tip.style.top = `${event.clientY - box.top + 12}px`;
  }
}

// Whether the processor draws: smooth edges would cost it a third of its frames.
function drawsInSoftware() {
  const gl = document.createElement("canvas").getContext("webgl2");
  const info = gl?.getExtension("WEBGL_debug_renderer_info");
  const name = info ? gl.getParameter(info.UNMASKED_RENDERER_WEBGL) : "";
  gl?.getExtension("WEBGL_lose_context")?.loseContext();
  return /swiftshader|llvmpipe|softpipe|software|basic render/i.test(name);
}

function dotOf([r, g, b]) {
  const dot = document.createElementNS("http://www.w3.org/2000/svg", "svg");
  dot.setAttribute("viewBox", "0 0 10 10");
  dot.setAttribute("class", "dot");
  dot.setAttribute("aria-hidden", "true");
  const circle = document.createElementNS("http://www.w3.org/2000/svg", "circle");
  for (const [name, value] of Object.entries({ cx: 5, cy: 5, r: 5, fill: `rgb(${r},${g},${b})` })) circle.setAttribute(name, value);
  dot.append(circle);
  return dot;
}
