// Takes the place of `server.js` in a study without a server: the answers are kept in this browser by the rules of
// `sessions.py`, and sent to where the data are collected: JATOS gets them after each answer, DataPipe at the end.

import { storage } from "./storage.js";
import { words } from "./words.js";

const DATAPIPE = "https://pipe.jspsych.org/api/data/";

const read = async (address) => (await fetch(address)).json();
const study = await read("study.json");
const { jatos } = window;
if (jatos) await new Promise((loaded) => jatos.onLoad(loaded));
const query = { ...Object.fromEntries(new URLSearchParams(location.search)), ...jatos?.urlQueryParameters };
const id = jatos?.studyResultId ?? query[study.external[0]] ?? "";
const key = `accept-reject: ${study.name} ${study.version}${id && `: ${id}`}`;
const tables = {}; // the rounds of episodes

export function useStudy() {} // there is one study

export const tokenOf = () => recorded()?.token ?? null;

export function keepToken() {}

export function forgetToken() {
  storage.remove(key);
}

// What happened so far; another tab may have added to it
const recorded = () => JSON.parse(storage.get(key));

export async function call(path, body = {}) {
  const [status, answer] = await answers[path.split("?")[0]](body, Date.now() / 1000);
  return { status, body: answer };
}

const answers = {
  async "/api/study"() {
    if (study.collector === "jatos" && !jatos) throw new Error("This page must be opened by JATOS.");
    const wanted = [query.lang, ...navigator.languages, ...navigator.languages.map((each) => each.split("-")[0])];
    const about = study.languages[wanted.find((each) => study.languages[each]) ?? Object.keys(study.languages)[0]];
    document.documentElement.lang = about.language;
    document.title = about.texts.title;
    document.querySelector("h1").textContent = about.texts.title;
    document.getElementById("progress").ariaLabel = about.texts.interface.progress;
    return [200, { ...about, simulated: true, withdrawal_at_end: false }]; // the data have left by then
  },

  async "/api/start"({ language, external }, at) {
    const [first, count] = study.episodes;
    const random = crypto.getRandomValues(new Uint32Array(1))[0];
    const family = study.browsers.find(([mark]) => navigator.userAgent.includes(mark))?.[1] ?? "other";
    const handheld = study.handheld.some((mark) => navigator.userAgent.includes(mark));
    const known = study.external.filter((name) => query[name]).map((name) => [name, query[name]]);
    const record = {
      study: study.name,
      version: study.version,
      kind: query.simulate ? "simulated" : "real",
      token: crypto.randomUUID(),
      browser: `${family}, ${handheld ? "phone or tablet" : "computer"}`,
      start: { language, external: { ...external, ...Object.fromEntries(known) }, episode: first + (random % count) },
      at,
      answers: [],
    };
    keep(record);
    return [201, { token: record.token, ...(await view(record)) }];
  },

  async "/api/state"(body, at) {
    const record = recorded();
    if (!record) return [401, { error: "there is no such session; it may have been withdrawn" }];
    expire(record, at);
    return [200, await view(record)];
  },

  "/api/page": (body, at) => take("page", body, at, (session) => body.attempt < (session.attempts[body.page] ?? 0)),

  "/api/rating": (body, at) => take("rating", body, at, (session) => body.number < session.rated),

  "/api/extra": (body, at) => take("extra", body, at, (session) => session.done.has(body.part)),

  async "/api/round"(body, at) {
    const { part, round, place } = body;
    const [status, answer] = await take("round", body, at, (session) => round < session.places[part].length);
    if (status !== 200) return [status, answer];
    const chosen = replay(recorded()).places[part][round];
    const elsewhere = chosen !== null && chosen !== place;
    if (elsewhere) note(`${part} ${round} answered twice`, at);
    return [200, { ...answer, last: await feedback(part, round, chosen), elsewhere }];
  },

  async "/api/note"({ event }, at) {
    note(event, at);
    return [200, {}];
  },

  async "/api/withdraw"() {
    await persist(() => jatos?.abortStudyAjax("withdrawn")); // JATOS deletes what it has
    storage.remove(key);
    return [200, study.endings.withdrawn];
  },
};

function note(event, at) {
  const record = recorded();
  if (record) keep({ ...record, answers: [...record.answers, ["note", { event }, at]] });
}

// Take an answer, unless it was taken before; the answer to another question means that this page is behind
async function take(kind, body, at, isRepeated) {
  const record = recorded();
  if (!record) return [401, { error: "there is no such session; it may have been withdrawn" }];
  expire(record, at);
  const before = replay(record);
  if (isRepeated(before)) return [200, await view(record)];
  const step = next(before);
  const number = { page: body.page, rating: body.number, extra: body.part, round: `${body.part} ${body.round}` }[kind];
  const expected = step && { page: step[1], rating: step[2], extra: step[1], round: `${step[1]} ${step[2]}` }[step[0]];
  if (!step || step[0] !== kind || number !== expected) return [409, { error: "the session is at another step" }];
  record.answers.push([kind, body, at]);
  keep(record);
  const passed = kind !== "page" || replay(record).done.has(body.page);
  return [200, { ...(await view(record)), passed }];
}

// A session that paused for too long ends
function expire(record, at) {
  const session = replay(record);
  if (session.outcome === null && at - session.last > study.resume_seconds) {
    record.answers.push(["expired", {}, at]);
    keep(record);
  }
}

function keep(record) {
  storage.set(key, JSON.stringify(record));
  if (study.collector === "jatos") send(record);
}

// Where a session is after its answers
function replay(record) {
  const session = { places: { practice: [], game: [] }, attempts: {}, done: new Set(), rated: 0, last: record.at, outcome: null };
  for (const [kind, body, at] of record.answers) {
    if (kind === "note") continue;
    if (kind === "expired") {
      session.outcome = "timed_out";
      break;
    }
    if (kind === "page") {
      session.attempts[body.page] = (session.attempts[body.page] ?? 0) + 1;
      if (body.page !== "check" || String(body.answers) === String(study.correct)) session.done.add(body.page);
      else if (session.attempts.check >= study.check_attempts) session.outcome = "check_failed";
    }
    if (kind === "extra") session.done.add(body.part);
    if (kind === "round") session.places[body.part].push(study.late && at - session.last > study.late ? null : body.place);
    if (kind === "rating") session.rated += 1;
    session.last = at;
  }
  if (session.outcome === null && !next(session)) session.outcome = "complete";
  return session;
}

function next(session) {
  if (session.outcome !== null) return null;
  return study.steps.find(([kind, name, number]) => {
    if (kind === "round") return number >= session.places[name].length;
    return kind === "rating" ? number >= session.rated : !session.done.has(name);
  });
}

async function episode(part) {
  if (part === "practice") return study.practice;
  const number = recorded().start.episode;
  tables[number] ??= await read(`episodes/${number}.json`);
  return tables[number];
}

async function feedback(part, round, place) {
  const { offered, rank, spots, accepted } = await episode(part);
  const seen = { round, offered: offered[round], place };
  if (place === null) return seen;
  const shown = rank[round][place] > 0;
  return { ...seen, rank: shown ? rank[round][place] : null, spots: shown ? spots[round][place] : null, accepted: accepted[round][place] };
}

async function view(record) {
  const session = replay(record);
  const step = next(session);
  if (!step) {
    await delivered(record); // nobody leaves with a code before the data have arrived
    return study.endings[session.outcome];
  }
  const [kind, name, number] = step;
  if (kind === "page") return { step: kind, page: name, attempt: session.attempts[name] ?? 0 };
  if (kind === "extra") return { step: kind, part: name };
  if (kind === "rating") {
    const { rating_order } = await episode("game");
    return { step: kind, number, of: rating_order.length, partner: rating_order[number] };
  }
  const { offered, accepted } = await episode(name);
  const total = study.steps.filter(([each, part]) => each === "round" && part === name).length;
  const hits = session.places[name].filter((place, i) => place !== null && accepted[i][place]).length;
  return { step: kind, part: name, round: number, rounds: total, offered: offered[number], accepted: hits };
}

// One request at a time, always with the latest state
let sending = null;
let latest = null;
let sent = null;

function send(record) {
  latest = JSON.stringify(record);
  sending ??= deliver().finally(() => { sending = null; });
  return sending;
}

async function deliver() {
  while (sent !== latest) {
    const text = latest;
    await persist(() => (study.collector === "jatos" ? jatos.submitResultData(text) : pipe(JSON.parse(text).token, text)));
    sent = text;
  }
}

let ended = false;

async function delivered(record) {
  if (ended) return;
  await send(record);
  if (jatos) await persist(() => jatos.endStudyAjax());
  ended = true;
}

async function pipe(token, data) {
  const headers = { "content-type": "application/json" };
  const reply = await fetch(DATAPIPE, { method: "POST", headers, body: JSON.stringify({ experimentID: study.collector, filename: `${token}.json`, data }) });
  const text = reply.ok ? "" : await reply.text();
  if (!reply.ok && !/file[ _](already[ _])?exists/i.test(text)) throw new Error(text); // a request was repeated although the file had arrived
}

async function persist(request) {
  for (let wait = 500; ; wait = Math.min(2 * wait, 10_000)) {
    try {
      await request();
      document.getElementById("notice").textContent = "";
      return;
    } catch (error) {
      console.warn(error);
      document.getElementById("notice").textContent = words("interface.connecting");
      await new Promise((done) => setTimeout(done, wait));
    }
  }
}
