// Replaces the changing part of the overview when the server sends a newer one.
"use strict";
const part = document.getElementById("status");
const note = document.getElementById("live");
let source = null;
function listen() {
  if (source !== null) return;
  source = new EventSource(part.dataset.events);
  source.onmessage = (event) => {
    part.innerHTML = event.data;
    note.textContent = "Live.";
  };
  source.onerror = () => { note.textContent = "Not connected; trying again."; };
}
function stop() {
  if (source !== null) source.close();
  source = null;
}
document.addEventListener("visibilitychange", () => (document.hidden ? stop() : listen()));
listen();
