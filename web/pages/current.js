// Where the session is: what the server said last, and the study.

import { call } from "./server.js";

export const current = { study: null, state: null };

export async function post(path, body) {
  const { status, body: answer } = await call(path, body);
  if (status === 409) return refresh(); // this page is behind, for instance because of another tab
  if (status >= 400) throw new Error(answer.error);
  current.state = answer;
  return answer;
}

export async function refresh() {
  const { status, body } = await call("/api/state");
  if (status >= 400) throw new Error(body.error);
  current.state = body;
  return body;
}

export const announce = (text) => { document.getElementById("live").textContent = text; };

// Plain numbers of seconds, as precise as a browser's clock
export const seconds = (milliseconds) => Math.max(0, Math.round(milliseconds * 10) / 10000);
