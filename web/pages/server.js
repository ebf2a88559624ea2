// Requests. They are repeated until there is an answer; the server takes each of them once.

import { words } from "./words.js";

let token = null;
let key = null;

const memory = new Map(); // where the browser has no storage
const storage = {
  get: (name) => { try { return localStorage.getItem(name); } catch { return memory.get(name) ?? null; } },
  set: (name, value) => { try { localStorage.setItem(name, value); } catch { memory.set(name, value); } },
  remove: (name) => { try { localStorage.removeItem(name); } catch { memory.delete(name); } },
};

export function useStudy(name, kept) {
  key = `accept-reject: ${name}`;
  if (kept) token = storage.get(key);
}

export const hasToken = () => token !== null;

export function keepToken(given) {
  token = given;
  storage.set(key, given);
}

export function forgetToken() {
  token = null;
  storage.remove(key);
}

const pause = (milliseconds) => new Promise((done) => setTimeout(done, milliseconds));

export async function call(path, body) {
  const headers = token === null ? {} : { authorization: `Bearer ${token}` };
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
