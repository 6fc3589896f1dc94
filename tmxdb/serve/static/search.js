// Search while a name is typed: fetches the results only, and keeps the address in step.

import { ask } from "./answers.js";

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
  try {
    const html = await (await ask(`/tracks?${words}`)).text();
    if (mine !== asked) return;
    results.innerHTML = html;
    history.replaceState(null, "", shown);
  } catch (error) {
    if (mine !== asked) return;
    const banner = document.createElement("p");
    banner.className = "banner bad";
    banner.textContent = error.message;
    results.replaceChildren(banner);
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
