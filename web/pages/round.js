// jsPsych plugin `accept-reject-round`: an offer, the choice by key, mouse or touch, and the partner's answer.

import { announce, current, post, seconds } from "./current.js";
import { emptyLadder, face, fillLadder } from "./draw.js";
import { escaped, html, ordinal, partner, spots, words } from "./words.js";

const KEYS = {
  2: [["KeyF", "ArrowLeft"], ["KeyJ", "ArrowRight"]],
  3: [["KeyD"], ["KeyF"], ["KeyJ"]],
  4: [["KeyD"], ["KeyF"], ["KeyJ"], ["KeyK"]],
};

export class Round {
  static info = {
    name: "accept-reject-round",
    version: "1.0.0",
    parameters: {},
    data: { part: { type: 1 }, round: { type: 2 }, place: { type: 2 }, response_time: { type: 3 }, device: { type: 1 } },
  };

  constructor(jsPsych) {
    this.jsPsych = jsPsych;
  }

  trial(stage) {
    const { study, state } = current;
    this.stage = stage;
    this.offer = state;
    this.chosen = false;
    this.shown = null;
    this.away = watchFocus();
    header();
    stage.innerHTML = `<div class="round choosing" data-offered="${state.offered.length}">
      <div class="message"><p id="ask">${escaped(words("round.ask"))}</p><div id="feedback" hidden></div></div>
      ${emptyLadder(study.ranks)}
      <div class="partners">${state.offered.map((number, place) => this.card(number, place)).join("")}</div>
    </div>`;
    this.cards = [...stage.querySelectorAll(".partner")];
    this.cards.forEach((card, place) => {
      card.addEventListener("click", (event) => this.choose(place, event, event.pointerType || "key"));
    });
    this.onKey = (event) => {
      if (event.repeat || event.ctrlKey || event.metaKey || event.altKey) return;
      const place = KEYS[this.cards.length].findIndex((keys) => keys.includes(event.code));
      if (place >= 0) this.choose(place, event, "key");
    };
    document.addEventListener("keydown", this.onKey);
    // the time of the first frame with the offer: a callback runs before its frame, the next one after it
    requestAnimationFrame(() => requestAnimationFrame((time) => {
      this.shown = time;
      if (study.time_limit) this.timer = setTimeout(() => this.choose(null, { timeStamp: time }, null), 1000 * study.time_limit);
    }));
    const names = state.offered.map((number, place) => words("round.key", { name: partner(number), key: keyName(this.cards.length, place) }));
    announce(words("round.offer", { n: state.round + 1, partners: new Intl.ListFormat(study.language, { type: "disjunction" }).format(names) }));
  }

  card(number, place) {
    const key = keyName(current.state.offered.length, place);
    return `<button type="button" class="partner" data-place="${place}">${face(number)}<span class="name">${escaped(partner(number))}</span><kbd aria-hidden="true">${key}</kbd></button>`;
  }

  async choose(place, event, device) {
    if (this.chosen || this.shown === null) return;
    this.chosen = true;
    clearTimeout(this.timer);
    document.removeEventListener("keydown", this.onKey);
    this.cards.forEach((card, i) => {
      card.setAttribute("aria-disabled", "true");
      card.classList.add(i === place ? "asked" : "passed");
    });
    this.stage.querySelector(".round").classList.remove("choosing");
    const { part, round } = this.offer;
    const response_time = place === null ? null : seconds(event.timeStamp - this.shown);
    const answer = await post("/api/round", { part, round, place, response_time, device, ...this.away.stop() });
    if (answer.last) this.showFeedback(answer.last, answer.elsewhere);
    const time = answer.last ? 1000 * current.study.feedback_seconds : 0;
    this.jsPsych.pluginAPI.setTimeout(() => this.jsPsych.finishTrial({ part, round, place, response_time, device }), time);
  }

  showFeedback(last, elsewhere) {
    this.cards.forEach((card, i) => {
      card.classList.toggle("asked", i === last.place);
      card.classList.toggle("passed", i !== last.place);
    });
    let verdict = "";
    let text = words("round.missed");
    if (last.place !== null) {
      const name = partner(last.offered[last.place]);
      verdict = words(last.accepted ? "round.accepted" : "round.rejected");
      text = last.rank === null
        ? words("round.hidden", { name })
        : words("round.ranked", { name, rank: ordinal(last.rank), spots: spots(last.spots) });
      const ladder = this.stage.querySelector(".ladder");
      if (last.rank === null) ladder.classList.add("veiled");
      else fillLadder(ladder, last.rank, last.spots);
    }
    if (elsewhere) text = `${words("interface.elsewhere")} ${text}`;
    const feedback = this.stage.querySelector("#feedback");
    const mark = last.accepted ? "✓" : "✕";
    feedback.innerHTML = (verdict && `<p class="verdict ${last.accepted ? "in" : "out"}"><span aria-hidden="true">${mark}</span> ${escaped(verdict)}</p>`) + html(text);
    feedback.hidden = false;
    this.stage.querySelector("#ask").hidden = true;
    announce(`${verdict && `${verdict}. `}${text}`);
  }

  // jsPsych's simulation: a choice at random unless `options.data` has `place` and `response_time`
  simulate(trial, mode, options, loaded) {
    const random = this.jsPsych.randomization;
    const place = options.data?.place ?? random.randomInt(0, current.study.offered - 1);
    const wait = 1000 * (options.data?.response_time ?? random.sampleExGaussian(0.5, 0.05, 1 / 0.15, true));
    this.trial(this.jsPsych.getDisplayElement(), trial);
    loaded();
    const whenShown = () => {
      if (this.shown === null) setTimeout(whenShown, 5);
      else this.jsPsych.pluginAPI.clickTarget(this.cards[place], mode === "visual" ? wait : 0);
    };
    whenShown();
  }
}

const keyName = (offered, place) => KEYS[offered][place][0].slice(3);

function header() {
  const { state } = current;
  const name = state.part === "practice" ? "interface.practice" : "interface.round";
  document.getElementById("where").textContent = words(name, { n: state.round + 1, total: state.rounds });
  document.getElementById("tally").textContent = words("interface.tally", { n: state.accepted });
  document.getElementById("progress").value = state.round / state.rounds;
}

// How often and how long the page was out of sight or focus, and how often the full screen was left
function watchFocus() {
  const counts = { unfocused: 0, unfocused_seconds: 0, fullscreen_left: 0 };
  let since = null;
  const change = () => {
    const here = document.visibilityState === "visible" && document.hasFocus();
    if (!here && since === null) {
      since = performance.now();
      counts.unfocused += 1;
    } else if (here && since !== null) {
      counts.unfocused_seconds += (performance.now() - since) / 1000;
      since = null;
    }
  };
  const screen = () => { if (!document.fullscreenElement) counts.fullscreen_left += 1; };
  const events = [[window, "blur", change], [window, "focus", change], [document, "visibilitychange", change], [document, "fullscreenchange", screen]];
  events.forEach(([target, name, listener]) => target.addEventListener(name, listener));
  return {
    stop() {
      events.forEach(([target, name, listener]) => target.removeEventListener(name, listener));
      if (since !== null) counts.unfocused_seconds += (performance.now() - since) / 1000;
      return counts;
    },
  };
}
