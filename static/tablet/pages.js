// The station's pages without contact: kept as they were last seen, shown with their age, on plain HTTP too.
import { all, get, put, remove } from "./store.js";
import { isFailing } from "./outbox.js";
import { clock } from "./waiting.js";

const FRESH = 120000;
const OLD = 86400000;
const MOST = 40;
const root = document.documentElement;
const known = new Map();
let warming = null;

export const isLost = () => isFailing() || root.classList.contains("stale");

const here = () => location.pathname + location.search;
const isOurs = (path) => path.startsWith("/tablet/") && !/^\/tablet\/(enrol|devices|badge|start|undo|leave)\b/.test(path);

// As the server sent it, without what is said once.
const snapshot = () => {
  const copy = root.cloneNode(true);
  for (const said of copy.querySelectorAll(".say[data-undo], dialog li")) said.remove();
  copy.removeAttribute("data-kept");
  copy.classList.remove("stale", "kept", "js");
  return `<!DOCTYPE html>\n${copy.outerHTML}`;
};

const store = async (path, html) => {
  known.set(path, Date.now());
  await put("pages", { path, html, at: Date.now() }).catch(() => {});
};

const links = (from) =>
  [...from.querySelectorAll("main a[href]")]
    .map((link) => new URL(link.getAttribute("href"), location.href))
    .filter((url) => url.origin === location.origin && isOurs(url.pathname))
    .map((url) => url.pathname + url.search);

// The station's pages, and what one tap further leads to, read one by one while nobody waits for the network.
const warm = async () => {
  for (const row of await all("pages").catch(() => [])) if (Date.now() - row.at > OLD) await remove("pages", row.path);
  const wanted = links(document);
  for (let number = 0; number < wanted.length && number < MOST; number += 1) {
    const path = wanted[number];
    if (path === "/tablet/" || Date.now() - (known.get(path) ?? (await get("pages", path).catch(() => null))?.at ?? 0) < FRESH) continue;
    if (isLost()) return;
    const answer = await fetch(path, { headers: { "X-Poll": "1" } }).catch(() => null);
    if (!answer?.ok || answer.redirected) continue;
    const html = await answer.text();
    await store(path, html);
    if (/^\/tablet\/(checks|micro|stops)\//.test(path)) {
      const further = links(new DOMParser().parseFromString(html, "text/html"));
      for (const link of further) if (!wanted.includes(link)) wanted.push(link);
    }
  }
};

export const keepPages = () => {
  if (root.dataset.kept || !isOurs(location.pathname) || isLost()) return;
  store(here(), snapshot());
  if (location.pathname !== "/tablet/") return;
  const idle = window.requestIdleCallback ?? ((work) => setTimeout(work, 500));
  idle(() => {
    warming ??= warm().finally(() => {
      warming = null;
    });
  });
};

// Values are hatched and their time is told until a poll or a page of now replaces them.
export const markKept = () => {
  const at = Number(root.dataset.kept ?? 0);
  root.classList.toggle("kept", at > 0);
  const note = document.getElementById("kept-at");
  if (!note) return;
  note.hidden = !at;
  note.textContent = at ? note.dataset.words.replace("{at}", clock(at)) : "";
};

export const show = (html, path, at) => {
  const page = new DOMParser().parseFromString(html, "text/html");
  const fresh = page.querySelector("main");
  if (!fresh) return false;
  document.querySelector("main").replaceWith(document.adoptNode(fresh));
  document.title = page.title;
  if (at) root.dataset.kept = String(at);
  if (path && path !== here()) history.pushState({}, "", path);
  markKept();
  scrollTo(0, 0);
  document.dispatchEvent(new CustomEvent("mom:shown"));
  return true;
};

export const openKept = async (path) => {
  const row = (await get("pages", path).catch(() => null)) ?? (await get("pages", path.split("?")[0]).catch(() => null));
  return row ? show(row.html, path, row.at) : false;
};

// Contact is back: the station's poll brings now; another page is read again, unless something is being typed there.
export const renew = async () => {
  if (!root.dataset.kept) return;
  if (document.getElementById("station")) return void window.mom?.ask("station");
  if (document.querySelector("main input:not([type=hidden]), main textarea")) return;
  const answer = await fetch(here(), { headers: { "X-Poll": "1" } }).catch(() => null);
  if (!answer?.ok || answer.redirected) return;
  delete root.dataset.kept;
  show(await answer.text(), here());
};

document.addEventListener("mom:swapped", (event) => {
  if (event.detail.id !== "station") return;
  delete root.dataset.kept;
  markKept();
  keepPages();
});

if (window.isSecureContext && navigator.serviceWorker) {
  navigator.serviceWorker.register("/tablet/worker.js", { scope: "/tablet/" }).catch(() => {});
}
