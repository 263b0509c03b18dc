// With HTTPS or on localhost the pages open without contact too. RELEASE and ASSETS are put before this text by the server.
const NAME = `tablet-${RELEASE}`;
const PATIENCE = 4000;

self.addEventListener("install", (event) => {
  event.waitUntil(
    caches
      .open(NAME)
      .then((cache) => cache.addAll(ASSETS.map((path) => new Request(path, { cache: "reload" }))))
      .then(() => self.skipWaiting()),
  );
});

self.addEventListener("activate", (event) => {
  const old = (names) => Promise.all(names.filter((name) => name.startsWith("tablet-") && name !== NAME).map((name) => caches.delete(name)));
  event.waitUntil(caches.keys().then(old).then(() => self.clients.claim()));
});

const keptPage = (path) =>
  new Promise((resolve) => {
    const asked = indexedDB.open("tablet");
    asked.onerror = () => resolve(null);
    asked.onupgradeneeded = () => asked.transaction.abort();
    asked.onsuccess = () => {
      const base = asked.result;
      const read = base.transaction("pages").objectStore("pages").get(path);
      read.onsuccess = () => {
        resolve(read.result ?? null);
        base.close();
      };
      read.onerror = () => resolve(null);
    };
  });

const pageKept = async (url) => {
  const row = (await keptPage(url.pathname + url.search)) ?? (await keptPage(url.pathname)) ?? (await keptPage("/tablet/"));
  if (!row) return Response.error();
  const html = row.html.replace("<html", `<html data-kept="${row.at}"`);
  return new Response(html, { headers: { "Content-Type": "text/html; charset=utf-8" } });
};

const page = async (request) => {
  const url = new URL(request.url);
  try {
    const late = new Promise((_, reject) => setTimeout(reject, PATIENCE));
    return await Promise.race([fetch(request), late]);
  } catch {
    return pageKept(url);
  }
};

// A file of this release is the same everywhere: the copy is good; another one comes with another worker.
const file = async (request) => (await caches.match(request, { cacheName: NAME })) ?? fetch(request);

self.addEventListener("fetch", (event) => {
  const { request } = event;
  const url = new URL(request.url);
  if (request.method !== "GET" || url.origin !== self.location.origin) return;
  if (request.mode === "navigate") {
    if (!/^\/tablet\/(enrol|devices)\//.test(url.pathname)) event.respondWith(page(request));
  } else if (ASSETS.includes(url.pathname)) event.respondWith(file(request));
});
