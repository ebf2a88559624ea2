// Trials of the study's own, before and after the game: classic scripts such as plugins, and at last a module.

import { current, post } from "./current.js";

const classic = (address) => new Promise((resolve, reject) => {
  const script = document.createElement("script");
  script.src = address;
  script.onload = resolve;
  script.onerror = () => reject(new Error(`${address} can't be loaded`));
  document.head.append(script);
});

// The timelines of both parts. Each ends with a trial that sends the data of the others
export async function ownTrials(jsPsych, addresses) {
  for (const address of addresses.slice(0, -1)) await classic(address);
  const own = addresses.length ? await import(new URL(addresses.at(-1), document.baseURI)) : {};
  return ["before", "after"].map((part) => {
    const given = own[part] ?? [];
    const trials = typeof given === "function" ? given(jsPsych) : given;
    return {
      timeline: [...(trials.length ? [{ timeline: trials, data: { part_of_study: part } }] : []), { type: Sending, part }],
      conditional_function: () => current.state.step === "extra" && current.state.part === part,
    };
  });
}

class Sending {
  static info = {
    name: "accept-reject-sending",
    version: "1.0.0",
    parameters: { part: { type: 1 } },
    data: {},
  };

  constructor(jsPsych) {
    this.jsPsych = jsPsych;
  }

  async trial(stage, { part }) {
    const trials = this.jsPsych.data.get().filter({ part_of_study: part }).values();
    await post("/api/extra", { part, trials });
    this.jsPsych.finishTrial();
  }
}
