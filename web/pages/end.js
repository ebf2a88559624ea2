// The last page: thanks and a code, or the result of a game that was played for its own sake.

import { announce } from "./current.js";
import { escaped, html, words } from "./words.js";

export async function showEnd(stage, { study, state }) {
  document.getElementById("where").textContent = "";
  document.getElementById("tally").textContent = "";
  document.getElementById("progress").value = 1;
  if (study.result && state.outcome === "complete") {
    const { showResult } = await import("./result.js");
    return showResult(stage, study);
  }
  const { title, text } = study.texts.end[state.outcome];
  const exit = state.url
    ? `<div class="actions"><a class="go" href="${escaped(state.url)}">${escaped(words("interface.proceed"))}</a></div>`
    : state.code ? `<p>${escaped(words("interface.code"))} <strong class="code">${escaped(state.code)}</strong></p>` : "";
  stage.innerHTML = `<div class="page" id="end"><h2 tabindex="-1">${escaped(title)}</h2>${html(text)}${exit}</div>`;
  stage.querySelector("h2").focus({ preventScroll: true });
  scrollTo(0, 0);
  announce(title);
}
