// Requests. They are repeated until there is an answer; the server takes each of them once.

import { storage } from "./storage.js";
import { words } from "./words.js";

let token = null;
let keys = []; // where the token is kept
let resumed = false;

// On a computer that several participants use, each of their ids has a session of its own. A link without an id leads to
// the session that began last
export function useStudy(name, resumes, id) {
  resumed = resumes;
  keys = [...(id ? [`accept-reject: ${name}: ${id}`] : []), `accept-reject: ${name}`];
}

// The secret of the session; another tab may have begun it
export function tokenOf() {
  if (resumed) token ??= storage.get(keys[0]);
  return token;
}

export function keepToken(given) {
  token = given;
  keys.forEach((key) => storage.set(key, given));
}

export function forgetToken() {
  token = null;
  keys.forEach((key) => storage.remove(key));
}

const pause = (milliseconds) => new Promise((done) => setTimeout(done, milliseconds));

export async function call(path, body) {
  const known = tokenOf();
  const headers = known === null ? {} : { authorization: `Bearer ${known}` };
  const request = body === undefined
    ? { headers }
    : { method: "POST", body: JSON.stringify(body), headers: { ...headers, "content-type": "application/json" } };
  for (let wait = 200; ; wait = Math.min(2 * wait, 5000)) {
    try {
      const reply = await fetch(path, request);
      if (reply.status < 500) {
        notify("");
        return { status: reply.status, body: await reply.json() };
      }
    } catch {
      // no connection
    }
    notify(words("interface.connecting"));
    await pause(wait * (0.7 + 0.6 * Math.random())); // not all at once when the server is back
  }
}

const notify = (text) => {
  const box = document.getElementById("notice");
  if (box.textContent !== text) box.textContent = text;
};
