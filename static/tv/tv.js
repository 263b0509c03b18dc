/* A display nobody touches: asks with its ETag, counts on between answers, goes through its screens, and says in
   big how old everything is as soon as the contact is lost. It comes back by itself, after a new version too. */
"use strict";

(() => {
  const EVERY = 5000;
  const LONGEST = 15000;
  const LOST_AFTER = 12000;
  const PATIENCE = 8000;
  const root = document.documentElement;
  const first = document.getElementById("tv");
  const build = first.dataset.build;
  const serverLead = Date.parse(root.dataset.now) - Date.now();
  const screens = new Map();
  const order = root.dataset.screens.split(" ").filter(Boolean);
  const rotate = Number(root.dataset.rotate) * 1000;
  let shown = first.dataset.poll;
  let delay = EVERY;
  let timer = 0;
  let problem = "";

  const now = () => Date.now() + serverLead;
  const jitter = (value) => value * (0.85 + Math.random() * 0.3);
  const screen = (url) => {
    if (!screens.has(url)) screens.set(url, { url, etag: "", part: null, contact: 0 });
    return screens.get(url);
  };

  Object.assign(screen(shown), { etag: first.dataset.etag, part: first, contact: Date.now() });

  function place(one) {
    if (!one.part || one.url !== shown) return;
    const old = document.getElementById("tv");
    if (old !== one.part) old.replaceWith(one.part);
    tick();
  }

  function take(one, html) {
    const fresh = new DOMParser().parseFromString(html, "text/html").getElementById("tv");
    if (!fresh) throw new Error("no screen");
    if (fresh.dataset.build !== build) return location.reload();
    one.part = document.adoptNode(fresh);
    place(one);
  }

  async function ask(one) {
    const stop = new AbortController();
    const patience = setTimeout(() => stop.abort(), PATIENCE);
    try {
      const headers = { "X-Poll": "1" };
      if (one.etag) headers["If-None-Match"] = one.etag;
      const answer = await fetch(one.url, { headers, signal: stop.signal, cache: "no-store", credentials: "same-origin" });
      if (answer.redirected || answer.status === 403 || answer.status === 404) throw new Error(root.dataset.signedOut);
      if (answer.status !== 304 && !answer.ok) throw new Error("");
      if (answer.status === 200) {
        take(one, await answer.text());
        one.etag = answer.headers.get("ETag") || "";
      }
      one.contact = Date.now();
      delay = EVERY;
      problem = "";
    } catch (fault) {
      problem = fault.message === root.dataset.signedOut ? fault.message : "";
      delay = Math.min(LONGEST, delay * 1.5);
    } finally {
      clearTimeout(patience);
    }
  }

  async function run() {
    await ask(screen(shown));
    tick();
    timer = setTimeout(run, jitter(delay));
  }

  function show(url) {
    shown = url;
    const one = screen(url);
    if (one.part) place(one);
    clearTimeout(timer);
    run();
  }

  function next() {
    const url = order[(order.indexOf(shown) + 1) % order.length];
    if (url && url !== shown) show(url);
  }

  function span(seconds) {
    const s = Math.max(0, Math.floor(seconds));
    if (s < 60) return `${s} s`;
    if (s < 3600) return `${Math.floor(s / 60)} min ${String(s % 60).padStart(2, "0")} s`;
    return `${Math.floor(s / 3600)} h ${String(Math.floor((s % 3600) / 60)).padStart(2, "0")} min`;
  }

  /* What is on the screen is as old as its own last answer; a screen never fetched leaves the one before it. */
  function age() {
    const on = [...screens.values()].find((one) => one.part === document.getElementById("tv"));
    return Date.now() - (on ? on.contact : 0);
  }

  function tick() {
    const old = age();
    const lost = old > LOST_AFTER || problem !== "";
    root.classList.toggle("tv-old", lost);
    const band = document.getElementById("tv-lost");
    band.hidden = !lost;
    if (lost) {
      document.getElementById("tv-lost-what").textContent = problem || root.dataset.lost;
      document.getElementById("tv-lost-age").textContent = root.dataset.age.replace("{s}", span(old / 1000));
    }
    const at = now();
    for (const element of document.querySelectorAll("[data-clock]")) element.textContent = clock(at, element.dataset.clock);
    for (const element of document.querySelectorAll(".tv-fresh")) element.textContent = lost ? "" : root.dataset.fresh;
    if (lost) return;
    for (const element of document.querySelectorAll("[data-since]")) element.textContent = span((at - Date.parse(element.dataset.since)) / 1000);
  }

  function clock(at, zone) {
    return new Date(at).toLocaleTimeString("en-GB", { hour: "2-digit", minute: "2-digit", timeZone: zone });
  }

  async function stayAwake() {
    try {
      await navigator.wakeLock?.request("screen");
    } catch {
      /* Not allowed here: the display's own settings keep it on. */
    }
  }

  setInterval(tick, 1000);
  if (rotate && order.length > 1) setInterval(next, rotate);
  document.addEventListener("visibilitychange", () => {
    if (document.hidden) return;
    stayAwake();
    clearTimeout(timer);
    run();
  });
  stayAwake();
  tick();
  timer = setTimeout(run, jitter(EVERY));
})();
