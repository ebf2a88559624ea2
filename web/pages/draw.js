// Partners and ladders. A partner has a shape, a color and a letter, so that none of them is needed alone.

import { escaped, ordinal, partner, spots, words } from "./words.js";

const COLORS = ["#0072b2", "#e69f00", "#009e73", "#cc79a7", "#56b4e9", "#d55e00", "#f0e442", "#4d4d57"];
const LIGHT = [true, false, true, false, false, true, false, true]; // whether a light letter is readable on the color

const ring = (corners, turn, radius, inner = radius) =>
  Array.from({ length: inner === radius ? corners : 2 * corners }, (_, i, all = inner === radius ? corners : 2 * corners) => {
    const angle = (2 * Math.PI * i) / all + (turn * Math.PI) / 180;
    const r = inner !== radius && i % 2 ? inner : radius;
    return `${(r * Math.cos(angle)).toFixed(1)},${(r * Math.sin(angle)).toFixed(1)}`;
  }).join(" ");

const CROSS = "-18,-48 18,-48 18,-18 48,-18 48,18 18,18 18,48 -18,48 -18,18 -48,18 -48,-18 -18,-18";
const SHAPES = ["", ring(4, 45, 56), ring(3, -90, 58), ring(4, 0, 56), ring(6, 0, 50), ring(5, -90, 52), ring(8, 22.5, 50), CROSS];

export function face(number) {
  const color = number % 8;
  const shape = (number + Math.floor(number / 8)) % 8; // beyond eight partners, colors meet other shapes
  const down = shape === 2 ? 9 : 0; // the middle of a triangle
  const fill = COLORS[color];
  const body = shape
    ? `<polygon points="${SHAPES[shape]}" transform="translate(0 ${down})" fill="${fill}"/>`
    : `<circle r="48" fill="${fill}"/>`;
  const letter = escaped([...partner(number)][0]);
  return `<svg class="face" viewBox="-60 -60 120 120" aria-hidden="true">${body}<text y="${down}" fill="${LIGHT[color] ? "#fff" : "#17171b"}">${letter}</text></svg>`;
}

// The rungs of a ladder; `fillLadder` adds what a partner's answer shows
export function emptyLadder(ranks) {
  const rungs = Array.from({ length: ranks }, (_, i) => `<li><span class="rank">${escaped(ordinal(i + 1))}</span></li>`);
  return `<ol class="ladder" aria-hidden="true">${rungs.join("")}</ol>`;
}

export function fillLadder(ladder, rank, free) {
  const rungs = [...ladder.children];
  rungs.forEach((rung, i) => rung.classList.toggle("open", i < free));
  const you = document.createElement("span");
  you.className = rank <= free ? "you in" : "you";
  you.textContent = words("round.you");
  rungs[rank - 1].append(you);
  const cutoff = document.createElement("span");
  cutoff.className = free ? "cutoff" : "cutoff above";
  cutoff.append(document.createElement("span"));
  cutoff.firstChild.textContent = spots(free);
  rungs[Math.max(free, 1) - 1].append(cutoff);
}

// A ladder for instructions, with a description for those that can't see it
export function example(ranks, { rank, spots: free }) {
  const figure = document.createElement("figure");
  figure.setAttribute("role", "img");
  figure.setAttribute("aria-label", words("round.ladder", { n: ranks, rank: ordinal(rank), spots: spots(free) }));
  figure.innerHTML = emptyLadder(ranks);
  fillLadder(figure.firstElementChild, rank, free);
  return figure.outerHTML;
}
