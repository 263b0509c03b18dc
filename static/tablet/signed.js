// Who is signed in on this tablet. A page kept from before may name somebody who has left since.
const KEY = "tablet-signed";
const root = document.documentElement;

const shown = () => document.getElementById("signed")?.dataset ?? {};

const held = () => {
  try {
    return JSON.parse(localStorage.getItem(KEY)) ?? {};
  } catch {
    return {};
  }
};

// A page of the server says who it is; a kept one does not know.
if (!root.dataset.kept && document.getElementById("signed")) {
  localStorage.setItem(KEY, JSON.stringify({ by: shown().by ?? "", person: shown().person ?? "" }));
}

export const signed = () => {
  const { by = "", person = "" } = held();
  return { by, person };
};

// An enrolled tablet, used by whoever badges in; an account is always itself.
export const isStation = () => shown().tablet === "yes";

const apply = () => {
  const { by, person } = signed();
  const name = document.getElementById("signed-name");
  if (!name || !shown().tablet) return;
  name.textContent = person;
  for (const part of document.querySelectorAll("[data-signed]")) part.hidden = (part.dataset.signed === "in") !== Boolean(by);
};

export const leaveHere = () => {
  localStorage.setItem(KEY, JSON.stringify({ by: "", person: "" }));
  apply();
};

if (root.dataset.kept) apply();
