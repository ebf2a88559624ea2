// The end of a game that was played for its own sake: learning curves, who valued the player, and a secret admirer.

import { announce } from "./current.js";
import { face } from "./draw.js";
import { call } from "./server.js";
import { escaped, html, ordinal, partner, percent, words } from "./words.js";

const WIDTH = 560;
const HEIGHT = 300;
const RIGHT = 150; // room for the names of the curves

export async function showResult(stage, study) {
  stage.innerHTML = `<div class="page" id="end"><p>${escaped(words("result.working"))}</p></div>`;
  const { body: found } = await call("/api/result");
  const texts = study.result;
  const admirer = found.admirer;
  const headline = words("result.headline", { percent: percent(found.share) });
  stage.innerHTML = `<div class="result" id="end"><h2 tabindex="-1">${escaped(headline)}</h2>
    <figure>${curves(found, texts)}<figcaption>${escaped(words("result.caption", { n: found.window }))}</figcaption></figure>
    <section><h3>${escaped(texts.valued)}</h3><ul class="valued">${found.partners.map(valued).join("")}</ul></section>
    ${admirer ? `<section class="admirer">${face(admirer.partner)}<div><h3>${escaped(words("result.admirer", { name: partner(admirer.partner) }))}</h3>${html(words("result.admirer_text", { rank: ordinal(admirer.rank), rejected: admirer.rejected, asked: admirer.asked }))}</div></section>` : ""}
    <section><h3>${escaped(texts.squares)}</h3><p class="squares">${escaped(found.squares)}</p><div class="actions"><button class="go" type="button" id="copy">${escaped(texts.copy)}</button><button class="go plain" type="button" id="again">${escaped(texts.again)}</button></div><p class="problem" role="status"></p></section></div>`;
  stage.querySelectorAll(".bar i").forEach((bar, i) => { bar.style.width = `${100 * found.partners[i].valuation}%`; });
  stage.querySelector("#again").addEventListener("click", () => location.assign(found.next));
  stage.querySelector("#copy").addEventListener("click", async () => {
    await navigator.clipboard.writeText(`${headline}\n${found.squares}\n${found.challenge}`);
    stage.querySelector("[role=status]").textContent = texts.copied;
  });
  stage.querySelector("h2").focus({ preventScroll: true });
  announce(headline);
}

function curves(found, texts) {
  const x = (round) => 44 + ((WIDTH - 44 - RIGHT) * round) / found.rounds;
  const y = (share) => 12 + (HEIGHT - 44) * (1 - share);
  const path = (points) => points.map(([round, share], i) => `${i ? "L" : "M"}${x(round).toFixed(1)} ${y(share).toFixed(1)}`).join("");
  const others = found.curves.map(({ name, points }, i) => ({ name: texts.agents[name] ?? texts[name] ?? name, points, style: `line-${i % 5}` }));
  const lines = [...others, { name: texts.you, points: found.you, style: "you-line" }].filter(({ points }) => points.length);
  const labels = lines.map(({ name, points, style }) => ({ name, style, at: y(points.at(-1)[1]) })).sort((a, b) => a.at - b.at || (a.style < b.style ? 1 : -1));
  labels.forEach((label, i) => { if (i) label.at = Math.max(label.at, labels[i - 1].at + 16); });
  const over = (labels.at(-1)?.at ?? 0) - (HEIGHT - 30);
  if (over > 0) labels.reverse().forEach((label, i) => { label.at = Math.min(label.at - (i ? 0 : over), i ? labels[i - 1].at - 16 : Infinity); });
  const grid = [0, 0.5, 1].map((share) => `<line class="grid" x1="44" x2="${x(found.rounds)}" y1="${y(share)}" y2="${y(share)}"/><text x="36" y="${y(share) + 4}" text-anchor="end">${percent(share)}</text>`);
  const names = labels.map(({ name, style, at }) => `<text x="${x(found.rounds) + 8}" y="${at + 4}" class="${style === "you-line" ? "strong" : ""}">${escaped(name)}</text>`);
  const ticks = [1, found.rounds].map((round) => `<text x="${x(round)}" y="${HEIGHT - 12}" text-anchor="middle">${round}</text>`);
  const axis = `<text x="${(x(0) + x(found.rounds)) / 2}" y="${HEIGHT - 12}" text-anchor="middle">${escaped(texts.round)}</text>`;
  return `<svg class="curves" viewBox="0 0 ${WIDTH} ${HEIGHT}" role="img" aria-label="${escaped(texts.curve)}">${grid.join("")}${lines.map(({ points, style }) => `<path class="${style}" d="${path(points)}"/>`).join("")}${names.join("")}${ticks.join("")}${axis}</svg>`;
}

const valued = ({ partner: number, valuation }) => `<li>${face(number)}<span>${escaped(partner(number))}</span><span class="bar"><i></i></span><span>${percent(valuation)}</span></li>`;
