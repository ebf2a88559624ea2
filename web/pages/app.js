// The page asks the server for everything: the server knows what a player may see, and where the session is.

import { current } from "./current.js";
import { showEnd } from "./end.js";
import { ownTrials } from "./extra.js";
import { Page } from "./page.js";
import { Round } from "./round.js";
import { call, forgetToken, keepToken, tokenOf, useStudy } from "./server.js";
import { escaped, useTexts, words } from "./words.js";

const query = new URLSearchParams(location.search);
const stage = document.getElementById("stage");

async function load() {
  const { body: study } = await call(`/api/study?lang=${document.documentElement.lang}`);
  current.study = study;
  useTexts({ ...study.texts, result: study.result }, study.language);
  useStudy(study.study, study.consent, query.get(study.external[0]) ?? "");
  if (study.consent) await resume();
  else {
    const episode = query.get("episode");
    const { body } = await call("/api/start", { language: study.language, ...(/^\d{1,9}$/.test(episode) && { episode: Number(episode) }) });
    keepToken(body.token);
    current.state = body;
  }
}

// A session that began in this browser goes on; otherwise nothing begins before the consent
async function resume() {
  if (tokenOf()) {
    const { status, body } = await call("/api/state");
    if (status === 200) {
      current.state = body;
      await call("/api/note", { event: "resumed" });
      return;
    }
    forgetToken();
  }
  current.state = { step: "page", page: "consent", attempt: 0 };
}

// Tabs of one browser share a session; the one that was opened last reports it
function reportTabs() {
  const channel = new BroadcastChannel(`accept-reject: ${current.study.study}`);
  let reported = false;
  channel.onmessage = async ({ data }) => {
    if (data.token !== tokenOf()) return; // another participant
    if (data.event === "opened") channel.postMessage({ event: "here", token: data.token });
    if (data.event !== "here" || reported) return;
    reported = true;
    await call("/api/note", { event: "second tab" });
  };
  if (tokenOf()) channel.postMessage({ event: "opened", token: tokenOf() });
}

function offerWithdrawal() {
  const button = document.getElementById("withdraw");
  const dialog = document.createElement("dialog");
  dialog.setAttribute("aria-labelledby", "withdraw-question");
  dialog.innerHTML = `<h2 id="withdraw-question">${escaped(words("interface.withdraw_question"))}</h2><div class="actions"><button class="go" type="button" value="yes">${escaped(words("interface.withdraw_yes"))}</button><button class="go plain" type="button" value="no">${escaped(words("interface.withdraw_no"))}</button></div>`;
  document.body.append(dialog);
  button.textContent = words("interface.withdraw");
  button.addEventListener("click", () => dialog.showModal());
  dialog.querySelector("[value=no]").addEventListener("click", () => dialog.close());
  dialog.querySelector("[value=yes]").addEventListener("click", async () => {
    await call("/api/withdraw", {}); // in another tab it may have been withdrawn before
    forgetToken();
    current.state = current.study.withdrawn;
    dialog.close();
    button.hidden = true;
    window.jsPsych.pauseExperiment();
    document.querySelectorAll("main > :not(#end)").forEach((each) => each.remove());
    showEnd(stage, current);
  });
}

function showWithdrawal() {
  const possible = current.state.step !== "end" || current.study.withdrawal_at_end;
  document.getElementById("withdraw").hidden = !current.study.consent || !tokenOf() || !possible;
}

const at = (...steps) => () => {
  showWithdrawal();
  return steps.includes(current.state.step);
};

// In a simulation, `window.simulated(state)` may say what to answer: `place` and `response_time`, or `answers`
const simulated = (name) => () => window.simulated?.(current.state)[name];
const simulation_options = { data: Object.fromEntries(["place", "response_time", "answers"].map((name) => [name, simulated(name)])) };

async function run() {
  window.jsPsych = initJsPsych({
    display_element: stage,
    on_finish: () => {
      showWithdrawal();
      showEnd(stage, current);
    },
  });
  const own = await ownTrials(window.jsPsych, current.study.extra);
  const timeline = [
    {
      timeline: [
        { timeline: [{ type: Round, simulation_options }], conditional_function: at("round") },
        { timeline: [{ type: Page, simulation_options }], conditional_function: at("page", "rating") },
        ...own,
      ],
      loop_function: () => current.state.step !== "end",
      conditional_function: () => current.state.step !== "end",
    },
  ];
  const mode = current.study.simulated && query.get("simulate"); // "data-only" or "visual"
  return mode ? window.jsPsych.simulate(timeline, mode) : window.jsPsych.run(timeline);
}

window.addEventListener("unhandledrejection", (event) => {
  document.getElementById("notice").textContent = words("interface.failed", { error: event.reason?.message ?? event.reason });
});

await load();
if (current.study.consent) {
  offerWithdrawal();
  reportTabs();
}
await run();
