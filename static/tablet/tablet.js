// The operator tablet: forms, numeric pad, wedge scanner, undo, idle sign-out. Entries go through outbox.js.
// Everything works without this file, as plain forms; with it a tap is answered at once and survives lost contact.
import * as outbox from "./outbox.js";
import * as pages from "./pages.js";
import * as waiting from "./waiting.js";
import { signed, leaveHere } from "./signed.js";

const words = document.getElementById("tablet-words")?.dataset ?? {};
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

// One line that says what is happening to what was just tapped; `action` is offered for ten seconds.
let saying = 0;
const say = (text, kind, action) => {
  const line = document.getElementById("tablet-say");
  if (!line) return;
  clearTimeout(saying);
  for (const other of document.querySelectorAll(".say[data-undo]")) other.remove();
  const span = document.createElement("span");
  span.textContent = text;
  line.replaceChildren(span);
  line.className = `say say-${kind}`;
  line.hidden = false;
  if (kind !== "busy" && kind !== "error") saying = setTimeout(() => (line.hidden = true), 10000);
  if (!action) return;
  const button = document.createElement("button");
  button.type = "button";
  button.className = "t-btn";
  button.textContent = action.label;
  button.addEventListener("click", action.run, { once: true });
  line.append(button);
};

// What the person sees of an entry while it waits: where, and what was tapped or typed.
const wordsOf = (form, fields) => {
  const heading = form.dataset.words || (form.closest("section")?.querySelector("h1, h2") ?? form.querySelector("h1, h2"))?.textContent || document.title;
  const tapped = form.querySelector("button.pressed[name]")?.firstChild?.textContent ?? "";
  const typed = [...form.querySelectorAll("input:not([type=hidden], [type=password]), textarea, [name=code]")].map((field) => field.value).filter(Boolean);
  const verb = fields.length === 0 ? (form.querySelector("button.pressed")?.textContent ?? "") : "";
  return [heading, tapped || typed.join(" / ") || verb].map((text) => text.replace(/\s+/g, " ").trim()).filter(Boolean).join(": ").slice(0, 150);
};

// The form's own key for its first tap and for one repeated by the back button; else a tap is a new entry.
const keyOf = (form, body) => {
  const key = form.elements.key?.value;
  const before = key && sessionStorage.getItem(`used:${key}`);
  if (key && (before === null || (before === body && wentBack)) && !document.documentElement.dataset.kept) {
    sessionStorage.setItem(`used:${key}`, body);
    return { key };
  }
  return {};
};
let wentBack = performance.getEntriesByType("navigation")[0]?.type === "back_forward";

const entryOf = (form) => {
  const all = [...new FormData(form)].filter(([name]) => name !== "csrfmiddlewaretoken");
  const fields = all.filter(([name]) => name !== "key");
  const correcting = waiting.correcting(location.pathname);
  return {
    ...keyOf(form, JSON.stringify(fields)),
    ...signed(),
    path: new URL(form.action).pathname,
    fields: all,
    words: wordsOf(form, fields),
    look: words.look,
    arrived: words.arrived,
    corrects: correcting?.seq,
  };
};

const send = async (form) => {
  const tile = form.querySelector(".pressed") ?? form;
  tile.classList.add("sent");
  say(form.dataset.send || words.sending, "busy");
  const correcting = waiting.correcting(location.pathname);
  const isSecret = form.querySelector("input[type=password]") !== null;
  const entry = isSecret ? outbox.unkept(entryOf(form)) : await outbox.keep(entryOf(form));
  if (correcting) await waiting.correctedBy(entry);
  await told(form, tile, entry, await outbox.sent(entry));
};

const told = async (form, tile, entry, outcome) => {
  if (outcome.kind === "kept") {
    forget(form);
    location.assign(outcome.body.where ?? "/tablet/");
  } else if (outcome.kind === "shown") {
    pages.show(await outcome.answer.text());
  } else if (outcome.kind === "badge" || outcome.kind === "elsewhere") {
    location.assign(outcome.where ?? "/tablet/");
  } else if (entry.seq === 0) {
    tile.classList.remove("sent");
    form.dataset.busy = "";
    sessionStorage.removeItem(`used:${entry.key}`);
    say(words.unsent, "error", { label: words.again, run: () => form.requestSubmit() });
  } else if (outcome.kind === "refused") {
    tile.classList.remove("sent");
    form.dataset.busy = "";
    waiting.open();
  } else {
    forget(form);
    await goOn(form, tile, entry);
  }
};

// It waits on the tablet; the person goes on from the station's last copy, or from here when there is none.
const goOn = async (form, tile, entry) => {
  if (!(await pages.openKept("/tablet/"))) {
    tile.classList.remove("sent", "pressed");
    form.dataset.busy = "";
    form.reset();
    for (const field of form.querySelectorAll("input[data-tapped]")) field.remove();
  }
  const undo = { label: words.undoWord, run: () => takeBack(entry) };
  say(`${entry.words} · ${entry.by || words.account ? words.kept : words.keptNobody}`, "kept", undo);
};

const takeBack = async (entry) => {
  if (await outbox.takeBack(entry.seq, signed())) say(`${entry.words} · ${words.back}`, "kept");
  else say(words.gone, "error");
};

// A number nobody means is asked about before it is kept, with contact or without. The server asks again.
const number = (text) => Number.parseFloat(String(text).replace(",", "."));
const unlikely = (form) =>
  [...form.querySelectorAll("[data-most],[data-least]")].find((input) => number(input.value) > number(input.dataset.most) || number(input.value) < number(input.dataset.least));
const question = (form, input) => {
  const asked = form.querySelector("[data-sure]");
  if (!asked) return false;
  asked.hidden = !input;
  form.querySelector("[data-enter]").hidden = Boolean(input);
  if (input) asked.querySelector("[data-sure-typed]").textContent = input.value;
  return Boolean(input);
};
document.addEventListener("input", (event) => {
  const form = event.target.closest?.("form");
  if (form?.querySelector("[data-sure]:not([hidden])")) question(form, null);
});

document.addEventListener("submit", (event) => {
  const form = event.target;
  if (form.dataset.busy === "yes") {
    event.preventDefault();
    return;
  }
  if (event.submitter?.name !== "sure" && question(form, unlikely(form) ?? null)) {
    event.preventDefault();
    form.querySelector("[data-sure] button").scrollIntoView({ block: "nearest" });
    return;
  }
  form.dataset.busy = "yes";
  event.submitter?.classList.add("pressed");
  if (event.submitter?.name) {
    const value = document.createElement("input");
    value.type = "hidden";
    value.dataset.tapped = "";
    value.name = event.submitter.name;
    value.value = event.submitter.value;
    form.append(value);
  }
  if (form.dataset.send === undefined) return;
  event.preventDefault();
  send(form);
});
// A page brought back by the back button may be sent again.
addEventListener("pageshow", (event) => {
  if (event.persisted) wentBack = true;
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
    // When the key came, not when a busy page got round to it
    const now = event.timeStamp;
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
  form.dataset.busy = "";
  form.requestSubmit();
};

// Undo is offered for ten seconds.
const ready = (root) => {
  keepFields(root);
  waiting.mark();
  for (const flash of root.querySelectorAll("[data-undo]")) setTimeout(() => flash.remove(), 10000);
};
document.addEventListener("mom:shown", () => ready(document));

// Without contact a tap on a link opens the page's last copy; the browser would show its own error.
document.addEventListener("click", async (event) => {
  const link = event.target.closest?.("a[href]");
  if (!link || link.origin !== location.origin || !link.pathname.startsWith("/tablet/") || !pages.isLost()) return;
  event.preventDefault();
  if (!(await pages.openKept(link.pathname + link.search))) say(words.nopage, "error");
});
addEventListener("popstate", async () => {
  if (!pages.isLost() || !(await pages.openKept(location.pathname + location.search))) location.reload();
});

// An entry that waited has arrived: said where somebody waits for it, and the station is read again.
document.addEventListener("outbox:kept", (event) => {
  const { entry, body } = event.detail;
  if (entry.path === "/tablet/leave/") {
    leaveHere();
    location.assign("/tablet/");
    return;
  }
  pages.renew();
  if (entry.quiet) return;
  const back = { label: words.undoWord, run: () => undoSent(body.undo) };
  if (body.message) say(`✓ ${body.message}`, "kept", body.undo ? back : null);
});
document.addEventListener("outbox:change", () => {
  waiting.mark();
  if (!outbox.isFailing()) window.mom?.ask("station");
});
addEventListener("online", pages.renew);
document.addEventListener("outbox:refused", () => {
  document.getElementById("tablet-say").hidden = true;
  waiting.open();
});

const undoSent = async (path) => {
  const entry = await outbox.keep({ path, fields: [], words: words.undoWord, ...signed() });
  const outcome = await outbox.sent(entry);
  if (outcome.kind === "kept") say(outcome.body.message ?? words.back, "kept");
  else if (outcome.kind === "shown") pages.show(await outcome.answer.text());
};

// Left alone: the person is signed out, the tablet stays enrolled; what waits keeps the name of who tapped it.
const leave = document.getElementById("leave-form");
const idle = Number(leave?.dataset.idle ?? 0) * 1000;
let touched = Date.now();
const signOut = async () => {
  const person = signed();
  leaveHere();
  if (!pages.isLost()) return leave.submit();
  await outbox.keep({ path: "/tablet/leave/", fields: [], quiet: true, ...person });
  return pages.openKept("/tablet/");
};
leave?.addEventListener("submit", (event) => {
  event.preventDefault();
  event.stopImmediatePropagation();
  signOut();
});
if (idle && !leave.hidden) {
  // A tablet that slept wakes up with somebody else before it: that touch signs out, it does not enter.
  const touch = (event) => {
    if (leave.hidden) return;
    const over = Date.now() - touched > idle;
    touched = Date.now();
    if (!over) return;
    event.preventDefault();
    event.stopImmediatePropagation();
    signOut();
  };
  for (const kind of ["pointerdown", "keydown", "click"]) document.addEventListener(kind, touch, true);
  setInterval(() => {
    if (!leave.hidden && Date.now() - touched > idle) {
      touched = Date.now();
      signOut();
    }
  }, 1000);
}

pages.markKept();
ready(document);
pages.keepPages();
waiting.ask();
outbox.flush();
