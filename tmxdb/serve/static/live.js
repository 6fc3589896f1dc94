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
    tell("Live.", false);
  };
  source.addEventListener("problem", (event) => tell(`These numbers are not up to date: ${event.data}`, true));
  source.onerror = () => { // the browser connects again by itself, unless the server refused
    const isRefused = source.readyState === EventSource.CLOSED;
    tell(`These numbers are not up to date: ${isRefused ? "the server refused the connection. Reload the page." : "not connected; trying again."}`, true);
  };
}
function stop() {
  if (source !== null) source.close();
  source = null;
}
function tell(text, isProblem) {
  note.textContent = text;
  note.className = isProblem ? "banner warn" : "note";
}
document.addEventListener("visibilitychange", () => (document.hidden ? stop() : listen()));
listen();
