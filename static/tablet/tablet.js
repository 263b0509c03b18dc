// The operator tablet: sends forms and says what became of them, numeric pad, wedge scanner, undo, idle sign-out.
// Everything works without this file, as plain forms; it only makes it quicker and keeps a page when contact is lost.
(() => {
  "use strict";
  const words = document.getElementById("tablet-say")?.dataset ?? {};
  document.documentElement.classList.add("js");

  // A draft survives an idle sign-out and a reload of the page.
  const kept = (field) => `kept:${location.pathname}:${field.name}`;
  const keepFields = (root) => {
    for (const field of root.querySelectorAll("[data-keep]")) {
      const value = sessionStorage.getItem(kept(field));
      if (value !== null && !field.value) field.value = value;
    }
  };
  document.addEventListener("input", (event) => {
    if (event.target.matches?.("[data-keep]")) sessionStorage.setItem(kept(event.target), event.target.value);
  });
  const forget = (form) => {
    for (const field of form.querySelectorAll("[data-keep]")) sessionStorage.removeItem(kept(field));
  };

  // One line that says what is happening to what was just tapped.
  const say = (text, kind, again) => {
    const line = document.getElementById("tablet-say");
    if (!line) return;
    line.replaceChildren(document.createTextNode(text));
    line.className = `say say-${kind}`;
    line.hidden = false;
    if (again) {
      const button = document.createElement("button");
      button.type = "button";
      button.className = "t-btn";
      button.textContent = words.again;
      button.addEventListener("click", again, { once: true });
      line.append(button);
    }
  };

  // Sending. The key in the form makes sending it twice harmless, so "send again" needs no thought.
  // An outbox for lost contact belongs here: this is the one place every write passes.
  const post = (form) =>
    fetch(form.action, {
      method: "POST",
      body: new URLSearchParams(new FormData(form)),
      headers: { Accept: "application/json", "X-Requested-With": "fetch" },
      signal: AbortSignal.timeout(15000),
    });

  const show = async (answer) => {
    const html = new DOMParser().parseFromString(await answer.text(), "text/html");
    const fresh = html.querySelector("main");
    if (!fresh) throw new Error(String(answer.status));
    document.querySelector("main").replaceWith(document.adoptNode(fresh));
    document.getElementById("tablet-say").hidden = true;
    scrollTo(0, 0);
    ready(document);
  };

  const send = async (form) => {
    const tile = form.querySelector(".pressed") ?? form;
    tile.classList.add("sent");
    say(form.dataset.send || words.sending, "busy");
    try {
      const answer = await post(form);
      const type = answer.headers.get("Content-Type") ?? "";
      if (!type.includes("json")) {
        if (answer.status >= 500) throw new Error(String(answer.status));
        await show(answer);
        return;
      }
      const body = await answer.json();
      if (answer.ok) forget(form);
      location.assign(body.where ?? body.badge ?? "/tablet/");
    } catch (problem) {
      tile.classList.remove("sent");
      form.dataset.busy = "";
      const cause = /^\d+$/.test(problem.message) ? ` (${problem.message})` : "";
      say(words.unsent + cause, "error", () => form.requestSubmit());
    }
  };

  document.addEventListener("submit", (event) => {
    const form = event.target;
    if (form.dataset.busy === "yes") {
      event.preventDefault();
      return;
    }
    form.dataset.busy = "yes";
    event.submitter?.classList.add("pressed");
    if (event.submitter?.name) {
      const value = document.createElement("input");
      value.type = "hidden";
      value.name = event.submitter.name;
      value.value = event.submitter.value;
      form.append(value);
    }
    if (form.dataset.send === undefined) return;
    event.preventDefault();
    send(form);
  });
  // A page brought back by the back button may be sent again.
  addEventListener("pageshow", () => {
    for (const form of document.forms) form.dataset.busy = "";
  });

  // Numeric pad: writes into the field touched last, else the first one of its form.
  let field = null;
  document.addEventListener("focusin", (event) => {
    if (event.target.matches("[data-number]")) mark(event.target);
  });
  const mark = (input) => {
    field?.classList.remove("chosen");
    field = input;
    field.classList.add("chosen");
  };
  document.addEventListener("click", (event) => {
    const chooser = event.target.closest("[data-choose]");
    if (chooser) mark(document.getElementById(chooser.dataset.choose));
    const key = event.target.closest("[data-pad]");
    if (!key) return;
    const form = key.closest("form");
    if (!field || field.form !== form) mark(form.querySelector("[data-number]"));
    const digit = key.dataset.pad;
    if (digit === "back") field.value = field.value.slice(0, -1);
    else if (digit === "sign") field.value = field.value.startsWith("-") ? field.value.slice(1) : `-${field.value}`;
    else if (field.value.length < (field.maxLength > 0 ? field.maxLength : 12)) field.value += digit;
    field.dispatchEvent(new Event("input", { bubbles: true }));
  });

  // A value against its limits, judged while it is typed; the server judges again.
  document.addEventListener("input", (event) => {
    const limits = event.target.closest?.("[data-lower],[data-upper]");
    if (!limits) return;
    const value = Number.parseFloat(event.target.value.replace(",", "."));
    const below = limits.dataset.lower !== "" && value < Number.parseFloat(limits.dataset.lower);
    const above = limits.dataset.upper !== "" && value > Number.parseFloat(limits.dataset.upper);
    limits.classList.toggle("outside", !Number.isNaN(value) && (below || above));
  });

  // A wedge scanner types like nobody can: characters under 50 ms apart, then Enter. What it typed never stays in a field.
  const GAP = 50;
  const SHORTEST = 4;
  let scan = { text: "", at: 0, field: null, before: "" };
  document.addEventListener(
    "keydown",
    (event) => {
      const now = performance.now();
      const fast = now - scan.at < GAP;
      if (event.key === "Enter" || event.key === "Tab") {
        if (fast && scan.text.length >= SHORTEST) {
          event.preventDefault();
          event.stopPropagation();
          if (scan.field) {
            scan.field.value = scan.before;
            scan.field.dispatchEvent(new Event("input", { bubbles: true }));
          }
          scanned(scan.text);
        }
        scan = { text: "", at: 0, field: null, before: "" };
        return;
      }
      if (event.key.length !== 1 || event.ctrlKey || event.altKey || event.metaKey) return;
      if (!fast) {
        const target = event.target.matches?.("input,textarea") ? event.target : null;
        scan = { text: "", at: now, field: target, before: target ? target.value : "" };
      }
      scan.text += event.key;
      scan.at = now;
    },
    true,
  );

  const scanned = (text) => {
    const badge = document.querySelector("input[data-badge]");
    const form = badge ? badge.form : document.getElementById("scan-form");
    if (!form) return;
    (badge ?? form.elements.code).value = text;
    const key = form.elements.key;
    if (key) key.value = crypto.randomUUID?.() ?? `${Date.now()}-${Math.random()}`;
    form.dataset.busy = "";
    form.requestSubmit();
  };

  // Undo is offered for ten seconds.
  const ready = (root) => {
    keepFields(root);
    for (const flash of root.querySelectorAll("[data-undo]")) setTimeout(() => flash.remove(), 10000);
  };
  ready(document);

  // Left alone: the person is signed out, the tablet stays enrolled.
  const leave = document.getElementById("leave-form");
  const idle = Number(leave?.dataset.idle ?? 0) * 1000;
  if (idle) {
    let timer = setTimeout(() => leave.requestSubmit(), idle);
    for (const touch of ["pointerdown", "keydown"]) {
      document.addEventListener(touch, () => {
        clearTimeout(timer);
        timer = setTimeout(() => leave.requestSubmit(), idle);
      });
    }
  }
})();
