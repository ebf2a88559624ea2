// jsPsych plugin `accept-reject-page`: a page of text, questions or a rating, and a button.

import { announce, current, post, refresh, seconds } from "./current.js";
import { example, face } from "./draw.js";
import { forgetToken, keepToken, tokenOf } from "./server.js";
import { escaped, html, partner, words } from "./words.js";

export class Page {
  static info = {
    name: "accept-reject-page",
    version: "1.0.0",
    parameters: {},
    data: { page: { type: 1 }, seconds: { type: 3 } },
  };

  constructor(jsPsych) {
    this.jsPsych = jsPsych;
  }

  trial(stage) {
    this.stage = stage;
    this.over = false;
    announce("");
    this.started = performance.now();
    const { state } = current;
    this.name = state.step === "rating" ? "rating" : state.page;
    this.subpage = 0;
    document.getElementById("where").textContent = "";
    document.getElementById("tally").textContent = "";
    this.show();
  }

  show(problem = "") {
    const { body, go } = this.content();
    this.stage.innerHTML = `<form class="page" novalidate>${body}<p class="problem" role="alert"></p><div class="actions"><button class="go" type="submit">${escaped(go)}</button>${this.name === "consent" || this.name === "consent-again" ? `<button class="go plain" type="button" id="decline">${escaped(words(`${this.texts}.decline`))}</button>` : ""}</div></form>`;
    const form = this.stage.querySelector("form");
    form.addEventListener("submit", (event) => {
      event.preventDefault();
      this.submit(form);
    });
    form.querySelector("#decline")?.addEventListener("click", () => this.decline());
    scrollTo(0, 0);
    const heading = form.querySelector("h2");
    heading.tabIndex = -1;
    heading.focus({ preventScroll: true });
    this.complain(problem);
  }

  get texts() {
    return { "consent-again": "consent_again" }[this.name] ?? this.name;
  }

  content() {
    const { study, state } = current;
    const go = words("interface.next");
    if (this.name === "rating") return { body: rating(state.partner, study.ratings, state.number), go };
    const texts = study.texts[this.texts];
    if (this.name === "instructions") {
      const each = texts[this.subpage];
      return { body: `<h2>${escaped(each.title)}</h2>${html(each.text)}${each.ladder ? example(study.ranks, each.ladder) : ""}`, go };
    }
    const top = `<h2>${escaped(texts.title)}</h2>${html(texts.text)}`;
    if (this.name === "check") return { body: top + texts.questions.map(question).join(""), go: words("interface.check") };
    if (this.texts.startsWith("consent")) {
      return { body: `${top}<label class="option"><input type="checkbox" name="agreed">${escaped(texts.statement)}</label>`, go: texts.agree };
    }
    return { body: top, go };
  }

  async submit(form) {
    if (this.sending) return;
    const { study, state } = current;
    if (form.querySelector("input[type=checkbox]:not(:checked)")) return this.complain(words("interface.missing"));
    if (this.name === "instructions" && this.subpage + 1 < study.texts.instructions.length) {
      this.subpage += 1;
      return this.show();
    }
    const groups = [...form.querySelectorAll("fieldset")];
    const answers = groups.map((group) => Number(group.querySelector(":checked")?.value));
    if (answers.some(Number.isNaN)) return this.complain(words("interface.missing"));
    const time = seconds(performance.now() - this.started);
    this.sending = true;
    if (study.fullscreen && this.name === "game") document.documentElement.requestFullscreen?.().catch(() => {});
    try {
      if (this.name === "consent") await begin();
      else if (this.name === "rating") await post("/api/rating", { number: state.number, rating: answers[0], seconds: time });
      else await post("/api/page", { page: this.name, attempt: state.attempt, answers, seconds: time });
    } finally {
      this.sending = false;
    }
    if (current.state.passed === false && current.state.step === "page") return this.show(words("check.wrong"));
    this.finish({ page: this.name, seconds: time });
  }

  finish(data) {
    this.over = true;
    this.jsPsych.finishTrial(data);
  }

  async decline() {
    if (this.name === "consent") current.state = current.study.no_consent;
    else {
      await post("/api/withdraw", {});
      forgetToken();
    }
    this.finish({ page: this.name });
  }

  complain(problem) {
    this.stage.querySelector(".problem").textContent = problem;
    if (problem) announce("");
  }

  // jsPsych's simulation: answers at random, unless `options.data` has `answers`
  simulate(trial, mode, options, loaded) {
    this.trial(this.jsPsych.getDisplayElement(), trial);
    loaded();
    const answer = () => {
      if (this.over) return;
      setTimeout(answer, 300); // the next page of the instructions, or the check once more
      if (this.sending) return;
      const form = this.stage.querySelector("form");
      form.querySelectorAll("input[type=checkbox]").forEach((box) => { box.checked = true; });
      form.querySelectorAll("fieldset").forEach((group, i) => {
        const inputs = group.querySelectorAll("input");
        inputs[(options.data?.answers?.[i] ?? this.jsPsych.randomization.randomInt(1, inputs.length)) - 1].checked = true;
      });
      form.requestSubmit();
    };
    setTimeout(answer, mode === "visual" ? 300 : 0);
  }
}

async function begin() {
  if (tokenOf()) return refresh(); // another tab was faster
  const { study } = current;
  const query = new URLSearchParams(location.search);
  const external = Object.fromEntries(study.external.filter((name) => query.get(name)).map((name) => [name, query.get(name)]));
  const answer = await post("/api/start", { language: study.language, external });
  keepToken(answer.token);
}

const choice = (name, value, label) => `<label class="option"><input type="radio" name="${name}" value="${value}">${escaped(label)}</label>`;

const question = ({ question: text, answers, ladder }, i) => `<fieldset><legend>${escaped(text)}</legend>${ladder ? example(current.study.ranks, ladder) : ""}${answers.map((label, k) => choice(`question-${i}`, k + 1, label)).join("")}</fieldset>`;

function rating(number, points, place) {
  const name = partner(number);
  const scale = Array.from({ length: points }, (_, i) => `<label><input type="radio" name="rating" value="${i + 1}"><span>${i + 1}</span></label>`);
  const { low, high } = current.study.texts.rating;
  document.getElementById("progress").value = place / current.state.of;
  return `<h2>${escaped(words("rating.question", { name }))}</h2><div class="portrait">${face(number)}</div><fieldset><legend class="unseen">${escaped(words("rating.question", { name }))} 1: ${escaped(low)}, ${points}: ${escaped(high)}</legend><div class="scale">${scale.join("")}</div><div class="ends" aria-hidden="true"><span>${escaped(low)}</span><span>${escaped(high)}</span></div></fieldset>`;
}
