// The coding bar shows the suggestions of the first ticked stop. Nothing is entered until a button is pressed.
const slot = document.querySelector("[data-suggestions]");
let shown = "";

async function follow() {
  const first = document.querySelector("input[name=stop]:checked");
  const id = first ? first.closest("tr").id.replace("stop-", "") : "";
  if (id === shown) return;
  shown = id;
  if (!id) {
    slot.replaceChildren();
    return;
  }
  try {
    const answer = await fetch(slot.dataset.suggestions.replace("STOP", id));
    // A later tick may have been faster.
    if (answer.ok && shown === id) slot.innerHTML = await answer.text();
  } catch {
    slot.replaceChildren();
  }
}

if (slot) document.addEventListener("change", (event) => event.target.matches("input[name=stop], [data-check-all]") && follow());
