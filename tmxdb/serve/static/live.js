// Replaces the changing parts of the overview when the server sends newer ones.
"use strict";
const note = document.getElementById("live");
let source = null;
function listen() {
  if (source !== null) return;
  source = new EventSource(note.dataset.events);
  source.onmessage = (event) => {
    const sent = document.createElement("template");
    sent.innerHTML = event.data;
    for (const part of [...sent.content.children]) document.getElementById(part.id)?.replaceWith(part);
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
