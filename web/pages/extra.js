// Trials of the study's own, before and after the game: style sheets, scripts such as plugins, and at last a module.

import { current, post } from "./current.js";

const load = (address) => new Promise((resolve, reject) => {
  const element = address.endsWith(".css")
    ? Object.assign(document.createElement("link"), { rel: "stylesheet", href: address })
    : Object.assign(document.createElement("script"), { src: address });
  element.onload = resolve;
  element.onerror = () => reject(new Error(`${address} can't be loaded`));
  document.head.append(element);
});

// The timelines of both parts. Each ends with a trial that sends the data of the others
export async function ownTrials(jsPsych, addresses) {
  const module = addresses.findLast((address) => address.endsWith(".js"));
  for (const address of addresses) if (address !== module) await load(address);
  const own = module ? await import(new URL(module, document.baseURI)) : {};
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
