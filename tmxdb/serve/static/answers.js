// Ask the server for something, or say in one sentence why that failed.

export async function ask(address) {
  let answer;
  try {
    answer = await fetch(address);
  } catch {
    throw new Error("the server does not answer. Start `tmxdb serve` again, then reload the page.");
  }
  if (!answer.ok) throw new Error(await sentence(answer));
  return answer;
}

// What the page of an error says; a refusal is plain text.
async function sentence(answer) {
  const text = await answer.text();
  const isPage = (answer.headers.get("content-type") ?? "").startsWith("text/html");
  const said = isPage ? new DOMParser().parseFromString(text, "text/html").querySelector("main .banner")?.textContent : text;
  return said?.trim() || `the server answered ${answer.status}.`;
}
