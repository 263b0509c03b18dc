// What a tablet keeps by itself: entries that wait (in order) and the last copy of its pages. IndexedDB needs no HTTPS.
const VERSION = 1;
let opening = null;

const open = () =>
  (opening ??= new Promise((resolve, reject) => {
    const asked = indexedDB.open("tablet", VERSION);
    asked.onupgradeneeded = () => {
      const base = asked.result;
      base.createObjectStore("outbox", { keyPath: "seq", autoIncrement: true }).createIndex("key", "key", { unique: true });
      base.createObjectStore("pages", { keyPath: "path" });
    };
    asked.onsuccess = () => resolve(asked.result);
    asked.onerror = () => {
      opening = null;
      reject(asked.error);
    };
  }));

// Resolves when it is on disk: a tablet may lose power the moment after.
const run = async (name, mode, ask) => {
  const base = await open();
  return new Promise((resolve, reject) => {
    const work = base.transaction(name, mode, { durability: "strict" });
    const asked = ask(work.objectStore(name));
    work.oncomplete = () => resolve(asked.result);
    work.onerror = work.onabort = () => reject(work.error);
  });
};

export const all = (name) => run(name, "readonly", (store) => store.getAll());
export const get = (name, key) => run(name, "readonly", (store) => store.get(key));
export const put = (name, row) => run(name, "readwrite", (store) => store.put(row));
// One step no other can come between: `how` gets the row and gives the new one, null to remove it, undefined to leave it.
export const change = async (name, key, how) => {
  let after;
  await run(name, "readwrite", (store) => {
    const asked = store.get(key);
    asked.onsuccess = () => {
      if (asked.result === undefined) return;
      after = how(asked.result);
      if (after === null) store.delete(key);
      else if (after !== undefined) store.put(after);
    };
    return asked;
  });
  return after;
};
export const remove = (name, key) => run(name, "readwrite", (store) => store.delete(key));

// Version 4 by hand: crypto.randomUUID exists only with HTTPS.
export const uuid = () => {
  const bytes = crypto.getRandomValues(new Uint8Array(16));
  bytes[6] = (bytes[6] & 0x0f) | 0x40;
  bytes[8] = (bytes[8] & 0x3f) | 0x80;
  const hex = [...bytes].map((byte) => byte.toString(16).padStart(2, "0")).join("");
  return [hex.slice(0, 8), hex.slice(8, 12), hex.slice(12, 16), hex.slice(16, 20), hex.slice(20)].join("-");
};
