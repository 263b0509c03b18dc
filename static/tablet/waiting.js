// What waits on this tablet, and what was refused: the badge in the header and its list. Nothing is dropped silently.
import * as outbox from "./outbox.js";
import { signed } from "./signed.js";

const words = document.getElementById("tablet-words")?.dataset ?? {};
const badge = document.getElementById("outbox-badge");
const dialog = document.getElementById("outbox");
const CORRECTING = "tablet-correcting";

// As the server writes times: 24 hours, in the site's zone, whatever the tablet is set to.
export const clock = (at) => new Date(at).toLocaleTimeString("en-GB", { hour: "2-digit", minute: "2-digit", timeZone: words.zone || undefined });
const fill = (text, n) => text.replace("{n}", String(n));

const button = (text, kind, run) => {
  const made = document.createElement("button");
  made.type = "button";
  made.className = `t-btn ${kind}`;
  made.textContent = text;
  made.addEventListener("click", run, { once: true });
  return made;
};

const line = (entry) => {
  const item = document.createElement("li");
  item.className = `t-entry is-${entry.state}`;
  const text = document.createElement("div");
  const what = document.createElement("b");
  const who = document.createElement("small");
  what.textContent = entry.words;
  const state = entry.state === "refused" ? "" : entry.trouble ? words.trouble : words.waits;
  who.textContent = [clock(entry.at), entry.person || (outbox.isUnclaimed(entry) ? words.whose : ""), entry.undone ? words.back : "", state].filter(Boolean).join(" · ");
  text.append(what, who);
  if (entry.state === "refused") {
    const why = document.createElement("p");
    why.textContent = entry.why;
    text.append(why);
  }
  item.append(text);
  if (entry.state === "refused") {
    const mend = entry.unsure ? button(words.again, "t-btn-main", () => outbox.again(entry.seq)) : button(words.correct, "t-btn-main", () => correct(entry));
    item.append(mend, button(words.dismiss, "", () => outbox.dismiss(entry.seq, signed())));
    return item;
  }
  if (outbox.isUnclaimed(entry) && signed().by) item.append(button(words.mine, "t-btn-main", () => outbox.claim(entry.seq, signed())));
  if (!entry.undone) item.append(button(words.undoWord, "", () => outbox.takeBack(entry.seq, signed())));
  return item;
};

export const mark = async () => {
  if (!badge) return;
  const found = (await outbox.entries().catch(() => [])).filter((entry) => !entry.quiet);
  const refused = found.filter((entry) => entry.state === "refused").length;
  const waits = found.length - refused;
  badge.hidden = found.length === 0;
  badge.classList.toggle("is-refused", refused > 0);
  const badgeIn = !signed().by && found.some((entry) => outbox.isUnclaimed(entry));
  badge.textContent = [refused ? fill(refused === 1 ? words.refusedOne : words.refusedMany, refused) : "", waits ? fill(waits === 1 ? words.waitingOne : words.waitingMany, waits) : "", badgeIn ? words.badgein : ""].filter(Boolean).join(" · ");
  document.getElementById("badge-draft")?.toggleAttribute("hidden", waits === 0);
  dialog?.querySelector("ul").replaceChildren(...found.map(line));
  if (found.length === 0 && dialog?.open) dialog.close();
  decorate(found);
};

// A stop that has an entry waiting says so: nobody codes it twice.
const decorate = (found) => {
  const said = new Map();
  for (const entry of found) {
    if (entry.state !== "waiting" || entry.undone) continue;
    for (const [name, value] of entry.fields) if (name === "stop") said.set(value.split("|")[0], entry.words);
  }
  for (const tile of document.querySelectorAll("[data-stop]")) {
    const text = said.get(tile.dataset.stop);
    tile.classList.toggle("is-kept", Boolean(text));
    if (text) tile.dataset.kept = `✓ ${text.split(": ").at(-1)}`;
  }
};

export const open = async () => {
  await mark();
  if (dialog && !dialog.open && dialog.querySelector("li")) dialog.showModal();
};
// Somebody has badged in: is what was entered before theirs?
export const ask = async () => {
  if (signed().by && (await outbox.entries().catch(() => [])).some(outbox.isUnclaimed)) await open();
};
badge?.addEventListener("click", open);
dialog?.querySelector("[data-close]")?.addEventListener("click", () => dialog.close());

// Entered again where it was entered before, with what was typed; the refused one goes when the new one is kept.
const correct = (entry) => {
  const path = entry.page || entry.path.replace(/\/(code|use)\/$/, "/");
  const where = new URL(path, location.href).pathname;
  sessionStorage.setItem(CORRECTING, JSON.stringify({ seq: entry.seq, path: where }));
  for (const [name, value] of entry.fields) sessionStorage.setItem(`kept:${where}:${name}`, value);
  location.assign(path);
};

export const correcting = (path) => {
  const held = JSON.parse(sessionStorage.getItem(CORRECTING) ?? "null");
  return held?.path === path ? held : null;
};

export const correctedBy = async (entry) => {
  await outbox.corrected(entry.corrects, signed());
  sessionStorage.removeItem(CORRECTING);
};

document.addEventListener("mom:swapped", mark);
