// Search while a name is typed: fetches the results only, and keeps the address in step.
"use strict";
const form = document.getElementById("filters");
const results = document.getElementById("results");
let timer = 0;
let asked = 0;
function address() {
  const pairs = [...new FormData(form)].filter(([, value]) => value !== "");
  return new URLSearchParams(pairs);
}
async function show() {
  const mine = ++asked;
  const words = address();
  const shown = `/tracks${words.size ? `?${words}` : ""}`;
  words.set("fragment", "1");
  const answer = await fetch(`/tracks?${words}`);
  const text = await answer.text();
  if (mine !== asked) return;
  if (answer.ok) {
    results.innerHTML = text;
    history.replaceState(null, "", shown);
  } else {
    const page = new DOMParser().parseFromString(text, "text/html");
    results.replaceChildren(page.querySelector("main .banner") ?? "This cannot be shown.");
  }
}
form.addEventListener("input", () => {
  clearTimeout(timer);
  timer = setTimeout(show, 120);
});
form.addEventListener("submit", (event) => {
  event.preventDefault();
  show();
});
