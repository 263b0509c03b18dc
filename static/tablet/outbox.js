// Every entry of an operator passes here: kept on the tablet first, then sent in order, exactly once.
// The server answers a key it knows with its first answer, so sending again after a lost reply is harmless.
import { all, change, get, put, remove, uuid } from "./store.js";
import { isStation } from "./signed.js";

const FIRST = 2000;
const LONGEST = 30000;
const PATIENCE = 15000;
const FAULTS = 5;

let delay = FIRST;
let timer = 0;
let draining = null;
let failing = false;
// The entry somebody is looking at; its answer is shown to them as it comes.
let watched = null;
// Set aside after faults of their own: until when, by performance.now().
const aside = new Map();
// A page that was hidden may have slept, while performance.now() stood still.
let hiddenAt = -1;
document.addEventListener("visibilitychange", () => (hiddenAt = performance.now()));

const tell = (kind, detail) => document.dispatchEvent(new CustomEvent(`outbox:${kind}`, { detail }));

export const isFailing = () => failing || navigator.onLine === false;
export const entries = () => all("outbox");

// When: by the clock, and by this page's own count, which nobody sets.
const stamp = () => ({ at: new Date().toISOString(), origin: performance.timeOrigin, tick: performance.now() });

// Now by the clock that stamped the entry: a clock put right meanwhile must not count as waiting.
const sentAt = (entry) => {
  if (entry.origin !== performance.timeOrigin) return new Date();
  const waited = performance.now() - entry.tick;
  const byClock = Date.now() - Date.parse(entry.at);
  return new Date(Date.parse(entry.at) + (hiddenAt < entry.tick ? waited : Math.max(waited, byClock)));
};

const made = (entry) => ({ key: uuid(), ...stamp(), state: "waiting", attempts: 0, faults: 0, why: "", ...entry });

// Not written down, such as what holds a PIN: it is sent while somebody waits, or not at all.
export const unkept = (entry) => ({ ...made(entry), seq: 0 });

export const keep = async (entry) => {
  const kept = made(entry);
  try {
    kept.seq = await put("outbox", kept);
  } catch {
    return unkept(kept);
  }
  tell("change");
  return kept;
};

const cookie = (name) => document.cookie.split("; ").find((part) => part.startsWith(`${name}=`))?.slice(name.length + 1) ?? "";

const post = (entry, mode) =>
  fetch(entry.path, {
    method: "POST",
    body: new URLSearchParams(entry.fields),
    headers: {
      Accept: "application/json",
      "X-CSRFToken": cookie("csrftoken"),
      "Idempotency-Key": entry.key,
      "X-Outbox": mode,
      "X-Tapped-At": entry.at,
      "X-Sent-At": sentAt(entry).toISOString(),
      "X-Person": entry.by ?? "",
      "X-Claimed": entry.claimed ? "yes" : "",
      "X-Words": encodeURIComponent((entry.words ?? "").slice(0, 150)),
    },
    signal: AbortSignal.timeout(PATIENCE),
  });

// The row as it is on disk now, with these values; undefined when the entry is gone, such as taken back.
const save = async (entry, values) => {
  const after = entry.seq ? await change("outbox", entry.seq, (row) => ({ ...row, ...values(row) })) : { ...entry, ...values(entry) };
  return after && Object.assign(entry, after);
};
const drop = (entry) => (entry.seq ? remove("outbox", entry.seq) : Promise.resolve());

const refuse = async (entry, why, values = {}) => {
  await save(entry, () => ({ state: "refused", why, page: "", ...values }));
  tell("refused", entry);
  return { kind: "refused", entry };
};

const isJson = (answer) => (answer.headers.get("Content-Type") ?? "").includes("json");
// Trouble of the server or of what stands before it, which says nothing about the entry (RFC 9110, 6585, 8470).
const isTrouble = (status) => status >= 500 || [408, 425, 429].includes(status);

// One try. `kind`: kept, refused, shown (an answer for the one who waits), badge, elsewhere, aside, or again.
const attempt = async (entry, mode) => {
  if (!(await save(entry, (row) => ({ attempts: row.attempts + 1 })))) return { kind: "gone" };
  const answer = await post(entry, mode).catch(() => null);
  if (!answer) return { kind: "again", failing: true };
  if (isTrouble(answer.status)) return fault(entry, answer);
  if (answer.status === 401) {
    // Nothing was written for want of a person; whose proof it carries, if any, is still true.
    await save(entry, (row) => ({ attempts: row.attempts - 1 }));
    return { kind: "badge", where: (await answer.json().catch(() => ({}))).badge };
  }
  if (!isJson(answer)) return page(entry, answer, mode);
  // Cut off on its way: what it said is not known.
  const body = await answer.json().catch(() => null);
  if (!body) return { kind: "again", failing: true };
  if (!answer.ok) return refuse(entry, body.refused ?? String(answer.status), { page: body.page });
  return kept(entry, body, mode);
};

// Tried again for ever, never refused. One that the server itself fails on steps aside, for others not of its kind.
const fault = async (entry, answer) => {
  await save(entry, (row) => ({ faults: row.faults + (answer.status === 500 ? 1 : 0), trouble: answer.status }));
  if (answer.status !== 500 || entry.faults < FAULTS || !entry.seq) return { kind: "again", failing: true };
  aside.set(entry.seq, performance.now() + LONGEST);
  return { kind: "aside", failing: true };
};

const page = async (entry, answer, mode) => {
  if (answer.ok && (answer.redirected || mode === "later")) return { kind: "elsewhere", where: answer.url };
  if (mode === "now") {
    await drop(entry);
    return { kind: "shown", answer };
  }
  if (answer.status === 403 && !entry.renewed) {
    // Perhaps only the form's cookie is gone: any page brings a new one.
    await save(entry, () => ({ renewed: true }));
    await fetch("/tablet/badge/").catch(() => null);
    return { kind: "again" };
  }
  // Not the words of the tablet's own pages: an earlier try may have been written. It keeps its key, to be sent again.
  return refuse(entry, `${document.documentElement.dataset.refused} ${answer.status}`, { unsure: true });
};

const kept = async (entry, body, mode) => {
  const now = (entry.seq && (await get("outbox", entry.seq))) || entry;
  if (now.undone) {
    if (!body.undo) return refuse(entry, entry.arrived ?? "");
    const back = await post({ ...entry, key: `${entry.key}-undo`, path: body.undo, fields: [], ...stamp() }, "later").catch(() => null);
    if (!back || isTrouble(back.status)) return { kind: "again", failing: true };
    if (!back.ok) return refuse(entry, entry.arrived ?? "");
    await drop(entry);
    return { kind: "kept", entry, body: {}, undone: true };
  }
  if (mode === "later" && !body.message && body.where) return refuse(entry, entry.look ?? "", { page: body.where });
  await drop(entry);
  if (entry.corrects) await drop({ seq: entry.corrects });
  return { kind: "kept", entry, body };
};

const later = (wait) => {
  clearTimeout(timer);
  timer = setTimeout(flush, wait * (0.85 + Math.random() * 0.3));
};

const settle = (entry, outcome) => {
  if (watched?.entry !== entry) return false;
  watched.resolve(outcome);
  watched = null;
  return true;
};

// Whose it is nobody has said yet: it does not go before somebody does, and holds up no other.
export const isUnclaimed = (entry) => isStation() && !entry.by && !entry.quiet && entry.state === "waiting";
// What depends on order, such as pausing and resuming, stays in order: the first step of its address below /tablet/.
const kindOf = (entry) => entry.path.split("/")[2];

const next = async () => {
  const ready = [];
  const held = new Set();
  for (const entry of await entries()) {
    if (entry.state !== "waiting" || (isUnclaimed(entry) && watched?.entry.seq !== entry.seq)) continue;
    if ((aside.get(entry.seq) ?? 0) > performance.now()) held.add(kindOf(entry));
    if (!held.has(kindOf(entry))) ready.push(entry);
  }
  const first = ready[0] ?? null;
  if (!first && held.size) later(LONGEST);
  // The one being watched is the same object for both, so that its end is told to who waits.
  if (watched && (first === null ? watched.entry.seq === 0 : first.seq === watched.entry.seq)) return watched.entry;
  return first;
};

const drain = async () => {
  for (;;) {
    const entry = await next();
    if (!entry) return;
    if (navigator.onLine === false) return stop(entry, { kind: "again", failing: true });
    const mode = watched?.entry === entry ? "now" : "later";
    const outcome = await attempt(entry, mode);
    if (["again", "badge", "elsewhere"].includes(outcome.kind)) return stop(entry, outcome);
    if (outcome.kind === "aside") {
      settle(entry, { ...outcome, kind: "again" });
      continue;
    }
    if (outcome.kind !== "gone") failing = false;
    delay = FIRST;
    if (!settle(entry, outcome)) tell(outcome.kind, outcome);
    tell("change");
    if (watched && !watched.entry.seq && entry === watched.entry) return;
  }
};

const stop = (entry, outcome) => {
  if (outcome.failing) {
    failing = true;
    later(delay);
    delay = Math.min(LONGEST, delay * 1.7);
  } else if (outcome.kind === "again") later(FIRST);
  else later(LONGEST);
  settle(entry, outcome);
  // Others behind it wait too: whoever watches one of them is told so.
  if (watched) settle(watched.entry, { kind: "again", failing });
  tell("change");
};

export const flush = () => {
  clearTimeout(timer);
  return (draining ??= drain()
    .catch(() => later(LONGEST))
    .finally(() => {
      draining = null;
    }));
};

// What became of an entry just made, or `again` when that is not known soon: it goes on by itself.
export const sent = (entry, patience = 4000) =>
  new Promise((resolve) => {
    const waiting = { entry, resolve };
    watched = waiting;
    setTimeout(() => {
      if (watched !== waiting) return;
      watched = null;
      resolve({ kind: "again", failing: isFailing() });
    }, patience);
    (draining ?? Promise.resolve()).then(flush);
  });

const trace = (entry, outcome, person) =>
  keep({
    path: "/tablet/outbox/",
    fields: [["outcome", outcome], ["entry", entry.key], ["route", entry.path], ["words", entry.words ?? ""], ["why", entry.why ?? ""]],
    words: entry.words,
    quiet: true,
    ...person,
  });

// Back before it left: gone, with a trace. Back after a try: the server may have it, so it is said and taken back there.
export const takeBack = async (seq, person) => {
  let before = null;
  const after = await change("outbox", seq, (row) => {
    if (row.state !== "waiting") return undefined;
    before = row;
    return row.attempts === 0 || isUnclaimed(row) ? null : { ...row, undone: true };
  });
  if (after === undefined) return false;
  if (after === null) await trace(before, "taken_back", person);
  tell("change");
  flush();
  return true;
};

// "This was me": said by somebody who is signed in, about an entry made while nobody was.
export const claim = async (seq, person) => {
  if (!person.by) return;
  await change("outbox", seq, (row) => (row.by ? undefined : { ...row, ...person, claimed: true }));
  tell("change");
  flush();
};

// Sent once more as it is, under its own key: the server knows whether it was written.
export const again = async (seq) => {
  await change("outbox", seq, (row) => ({ ...row, state: "waiting", why: "", renewed: false }));
  tell("change");
  flush();
};

export const dismiss = async (seq, person) => {
  const entry = await get("outbox", seq);
  if (!entry || entry.state !== "refused") return;
  await trace(entry, "dismissed", person);
  await remove("outbox", seq);
  tell("change");
  flush();
};

export const corrected = async (seq, person) => {
  const entry = await get("outbox", seq);
  if (entry) await trace(entry, "corrected", person);
};

addEventListener("online", () => {
  delay = FIRST;
  flush();
});
