/* Polling without lies: elements with data-poll="url" are asked again every 2 s (or data-poll-every seconds) with
   their ETag and replaced by id.
   A part marked data-hold is left as it is when what holds it is replaced: another answer brings it.
   Contact lost is always visible; nothing is swapped while a finger or the mouse is down. */
"use strict";

(() => {
  const FIRST = 2000;
  const LONGEST = 30000;
  const LOST_AFTER = 10000;
  const PATIENCE = 8000;
  const root = document.documentElement;
  const pollers = new Map();
  const waiting = new Map();
  let pressed = false;

  const jitter = (delay) => delay * (0.85 + Math.random() * 0.3);

  function isBusy(element) {
    const active = document.activeElement;
    const typing = active && element.contains(active) && active.matches("input:not([type=checkbox]), select, textarea");
    return pressed || typing || element.querySelector("dialog[open]") !== null;
  }

  function keepChoices(old, fresh) {
    for (const box of old.querySelectorAll("input[type=checkbox]:checked")) {
      const twin = fresh.querySelector(`input[type=checkbox][value="${CSS.escape(box.value)}"]`);
      if (twin) twin.checked = true;
    }
    for (const part of fresh.querySelectorAll("[data-hold][id]")) {
      const held = document.getElementById(part.id);
      if (held && old.contains(held)) part.replaceWith(held);
    }
    for (const details of old.querySelectorAll("details[open][id]")) {
      const twin = fresh.querySelector(`#${CSS.escape(details.id)}`);
      if (twin) twin.open = true;
    }
  }

  function swap(html) {
    const page = new DOMParser().parseFromString(html, "text/html");
    for (const fresh of [...page.body.children]) {
      const old = fresh.id && document.getElementById(fresh.id);
      if (!old) continue;
      if (isBusy(old)) {
        waiting.set(fresh.id, fresh);
        continue;
      }
      place(old, fresh);
    }
  }

  function place(old, fresh) {
    waiting.delete(fresh.id);
    keepChoices(old, fresh);
    const focused = old.contains(document.activeElement) ? document.activeElement.getAttribute("href") : null;
    old.replaceWith(document.adoptNode(fresh));
    if (focused) fresh.querySelector(`[href="${CSS.escape(focused)}"]`)?.focus({ preventScroll: true });
    tick();
    document.dispatchEvent(new CustomEvent("mom:swapped", { detail: { id: fresh.id } }));
  }

  function placeWaiting() {
    for (const [id, fresh] of [...waiting]) {
      const old = document.getElementById(id);
      if (old && !isBusy(old)) place(old, fresh);
    }
  }

  async function ask(poller) {
    const stop = new AbortController();
    const timer = setTimeout(() => stop.abort(), PATIENCE);
    try {
      const headers = { "X-Poll": "1" };
      if (poller.etag) headers["If-None-Match"] = poller.etag;
      const answer = await fetch(poller.url, { headers, signal: stop.signal, cache: "no-store", credentials: "same-origin" });
      if (answer.redirected) return fail(poller, root.dataset.signedOut);
      if (answer.status !== 304 && !answer.ok) return fail(poller, `${root.dataset.refused} ${answer.status}`);
      if (answer.status === 200) {
        swap(await answer.text());
        poller.etag = answer.headers.get("ETag");
      }
      poller.contact = Date.now();
      poller.delay = poller.every;
      poller.problem = "";
    } catch {
      fail(poller, "");
    } finally {
      clearTimeout(timer);
    }
  }

  function fail(poller, problem) {
    poller.problem = problem || "";
    poller.delay = Math.min(LONGEST, poller.delay * 1.7);
  }

  async function run(poller) {
    if (!document.hidden && document.getElementById(poller.id)) await ask(poller);
    showContact();
    poller.timer = setTimeout(() => run(poller), jitter(poller.delay));
  }

  function watch(element) {
    if (!element.id || pollers.has(element.id)) return;
    const every = Number(element.dataset.pollEvery || 0) * 1000 || FIRST;
    const poller = { id: element.id, url: element.dataset.poll, etag: element.dataset.etag || "", every, delay: every, contact: Number(root.dataset.kept) || Date.now(), problem: "" };
    pollers.set(element.id, poller);
    poller.timer = setTimeout(() => run(poller), "pollNow" in element.dataset ? 0 : jitter(every));
  }

  /* A page shown from its kept copy is as old as that copy, and another than the one polled last. */
  function watchShown() {
    for (const element of document.querySelectorAll("[data-poll]")) {
      const poller = pollers.get(element.id);
      if (poller) poller.etag = element.dataset.etag || "";
      else watch(element);
    }
  }

  function showContact() {
    const band = document.getElementById("contact");
    if (!band || pollers.size === 0) return;
    const list = [...pollers.values()];
    const problem = list.map((poller) => poller.problem).find(Boolean);
    const ages = list.map((poller) => Date.now() - poller.contact - (poller.every - FIRST));
    const age = Math.max(...ages);
    const lost = age > LOST_AFTER;
    root.classList.toggle("stale", lost);
    band.hidden = !(lost || problem);
    if (band.hidden) return;
    const words = [];
    if (problem) words.push(problem);
    if (lost) words.push(root.dataset.lost.replace("{s}", span(age / 1000)));
    band.textContent = words.join(" · ");
  }

  function span(seconds) {
    const s = Math.max(0, Math.floor(seconds));
    if (s < 60) return `${s} s`;
    if (s < 3600) return `${Math.floor(s / 60)} min ${String(s % 60).padStart(2, "0")} s`;
    return `${Math.floor(s / 3600)} h ${String(Math.floor((s % 3600) / 60)).padStart(2, "0")} min`;
  }

  /* <time data-since="ISO"> counts up between polls; the difference to the server's clock is taken off. */
  const serverLead = root.dataset.now ? Date.parse(root.dataset.now) - Date.now() : 0;
  function tick() {
    if (root.classList.contains("stale")) return;
    const now = Date.now() + serverLead;
    for (const element of document.querySelectorAll("[data-since]")) {
      element.textContent = span((now - Date.parse(element.dataset.since)) / 1000);
    }
  }

  function onClick(event) {
    const opener = event.target.closest("[data-open]");
    if (opener) document.getElementById(opener.dataset.open)?.showModal();
    if (event.target.closest("[data-close]")) event.target.closest("dialog")?.close();
    if (event.target.closest("[data-print]")) window.print();
    if (event.target.closest("[data-theme-switch]")) switchTheme();
    const copy = event.target.closest("[data-copy]");
    if (copy) navigator.clipboard?.writeText(copy.dataset.copy);
    for (const menu of document.querySelectorAll("details.menu[open]")) {
      if (!menu.contains(event.target)) menu.open = false;
    }
  }

  function switchTheme() {
    const system = matchMedia("(prefers-color-scheme: dark)").matches ? "dark" : "light";
    const next = (root.dataset.theme || system) === "dark" ? "light" : "dark";
    root.dataset.theme = next;
    document.cookie = `theme=${next}; path=/; max-age=31536000; samesite=lax`;
  }

  function onChange(event) {
    const all = event.target.closest("[data-check-all]");
    if (all) {
      for (const box of document.querySelectorAll(`input[name="${all.dataset.checkAll}"]`)) box.checked = all.checked;
    }
    event.target.closest("form[data-autosubmit]")?.requestSubmit();
    countChosen();
  }

  /* data-chosen="name" shows how many boxes of that name are ticked, and disables its button at none. */
  function countChosen() {
    for (const element of document.querySelectorAll("[data-chosen]")) {
      const count = document.querySelectorAll(`input[name="${element.dataset.chosen}"]:checked`).length;
      element.textContent = count;
      const button = element.closest("button");
      if (button) button.disabled = count === 0;
    }
  }

  function start() {
    for (const element of document.querySelectorAll("[data-poll]")) watch(element);
    countChosen();
    tick();
    setInterval(tick, 1000);
    setInterval(showContact, 1000);
    document.addEventListener("click", onClick);
    document.addEventListener("change", onChange);
    document.addEventListener("mom:swapped", countChosen);
    document.addEventListener("mom:shown", watchShown);
    addEventListener("pointerdown", () => { pressed = true; }, true);
    const release = () => { pressed = false; setTimeout(placeWaiting, 60); };
    addEventListener("pointerup", release, true);
    addEventListener("pointercancel", release, true);
    document.addEventListener("focusout", () => setTimeout(placeWaiting, 60));
    document.addEventListener("visibilitychange", () => {
      if (document.hidden) return;
      for (const poller of pollers.values()) {
        clearTimeout(poller.timer);
        poller.delay = poller.every;
        run(poller);
      }
    });
  }

  window.mom = { ask: (id) => pollers.has(id) && ask(pollers.get(id)).then(showContact) };
  start();
})();
