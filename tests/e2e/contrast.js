// Texts of the page whose contrast with what they stand on is below 4.5:1, by class and ratio.
() => {
  const part = (value) => {
    const v = value / 255;
    return v <= 0.03928 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4;
  };
  const light = (c) => 0.2126 * part(c[0]) + 0.7152 * part(c[1]) + 0.0722 * part(c[2]);
  const read = (text) => {
    const v = (text.match(/[\d.]+/g) || []).map(Number);
    return [v[0], v[1], v[2], v[3] ?? 1];
  };
  const under = (element) => {
    for (let node = element; node; node = node.parentElement) {
      const found = read(getComputedStyle(node).backgroundColor);
      if (found[3] > 0.95) return found;
    }
    return [255, 255, 255, 1];
  };
  const faults = {};
  const walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
  while (walker.nextNode()) {
    const element = walker.currentNode.parentElement;
    const text = walker.currentNode.data.trim();
    if (!text || !element || element.closest("svg, script, noscript, option, [hidden], .visually-hidden")) continue;
    const style = getComputedStyle(element);
    if (style.visibility === "hidden" || style.display === "none") continue;
    let shown = 1;
    for (let node = element; node; node = node.parentElement) shown *= Number(getComputedStyle(node).opacity);
    const back = under(element);
    const [r, g, b, alpha] = read(style.color);
    const front = [r, g, b].map((value, at) => value * shown * alpha + back[at] * (1 - shown * alpha));
    const [one, other] = [light(front), light(back)];
    const ratio = (Math.max(one, other) + 0.05) / (Math.min(one, other) + 0.05);
    if (ratio < 4.5) faults[`${element.className || element.tagName} ${ratio.toFixed(2)}`] = text.slice(0, 40);
  }
  return faults;
};
