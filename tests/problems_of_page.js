// The problems of a report as it is shown now, in words; an empty list if there are none.
() => {
  const problems = [];

  // Each piece of visible text, with the corners of its box, which may be rotated, and its owner.
  const pieces = [];
  const corners = (x, y, w, h) => [[x, y], [x + w, y], [x + w, y + h], [x, y + h]];
  const clips = (element) => { // the boxes that clip an element
    const found = [];
    for (let up = element; up !== document.body; up = up.parentElement)
      if (getComputedStyle(up).overflowX !== "visible" && !up.closest("svg")) found.push(up.getBoundingClientRect());
    return found;
  };
  const keep = (text, owner, quad, slack, clipped) => {
    const [xs, ys] = [0, 1].map((axis) => quad.map((point) => point[axis]));
    if (clipped.every((box) => Math.max(...xs) > box.left + 1 && Math.min(...xs) < box.right - 1))
      pieces.push({ text: text.trim(), owner, quad, slack, top: Math.min(...ys), bottom: Math.max(...ys) });
  };
  const walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
  while (walker.nextNode()) {
    const node = walker.currentNode, parent = node.parentElement;
    if (!node.data.trim() || parent.closest("svg, style") || !parent.checkVisibility()) continue;
    const range = document.createRange();
    range.selectNodeContents(node);
    for (const box of range.getClientRects())
      keep(node.data, node, corners(box.x, box.y, box.width, box.height), 2, clips(parent));
    const ratio = contrast(parent);
    if (ratio < 4.5) problems.push(`contrast of ${ratio.toFixed(1)} only: ${node.data.trim()}`);
  }
  for (const svg of document.querySelectorAll("figure svg")) {
    const frame = svg.getBoundingClientRect(), scale = Math.min(1, svg.getScreenCTM().a);
    for (const owner of svg.querySelectorAll("g[id^=text_]")) // Matplotlib draws text as outlines, with the text in a comment
      for (const line of owner.querySelectorAll(":scope > g")) {
        const text = [...owner.childNodes].filter((node) => node.nodeType === Node.COMMENT_NODE).map((node) => node.data);
        const box = line.getBBox(), seen = line.getScreenCTM();
        const quad = corners(box.x, box.y, box.width, box.height)
          .map(([x, y]) => [seen.a * x + seen.c * y + seen.e, seen.b * x + seen.d * y + seen.f]);
        if (quad.some(([x, y]) => x < frame.left - 1 || x > frame.right + 1 || y < frame.top - 1 || y > frame.bottom + 1))
          problems.push(`cut off by the edge of a figure: ${text}`);
        keep(text.join(" "), owner, quad, 2 * scale, clips(svg.parentElement));
      }
  }

  // How much two boxes overlap: the shortest way to separate them, along a side of either.
  const depth = (one, other) => Math.min(...[one, other].flatMap((quad) => [0, 1].map((side) => {
    const [dx, dy] = [quad[side + 1][0] - quad[side][0], quad[side + 1][1] - quad[side][1]];
    const along = (points) => points.map(([x, y]) => (x * dx + y * dy) / (Math.hypot(dx, dy) || 1));
    const [a, b] = [along(one), along(other)];
    return Math.min(Math.max(...a), Math.max(...b)) - Math.max(Math.min(...a), Math.min(...b));
  })));
  const marks = (piece) => /^\d+$/.test(piece.text) && piece.owner.closest?.("svg[aria-label^='Predictive accuracy']");
  pieces.sort((one, other) => one.top - other.top);
  pieces.forEach((one, i) => {
    for (let j = i + 1; j < pieces.length && pieces[j].top < one.bottom; j++) {
      const other = pieces[j];
      if (one.owner === other.owner || (marks(one) && marks(other))) continue; // similar players hide each other
      const deep = depth(one.quad, other.quad);
      if (deep > Math.min(one.slack, other.slack)) problems.push(`"${one.text}" over "${other.text}", ${deep.toFixed(1)} px`);
    }
  });

  // What extends beyond the page.
  const page = document.scrollingElement;
  if (page.scrollWidth > innerWidth) problems.push(`the page is ${page.scrollWidth} px wide in a window of ${innerWidth} px`);
  for (const each of document.querySelectorAll("table, figure svg, pre"))
    if (each.checkVisibility() && each.getBoundingClientRect().right > innerWidth + 1 && !clips(each).length)
      problems.push(`extends beyond the page: ${each.textContent.trim().slice(0, 40)}`);
  return problems;

  // WCAG 2.1's contrast of an element's text with what is behind it.
  function contrast(element) {
    const numbers = (color) => color.match(/[\d.]+/g).map(Number);
    let behind = element;
    while (behind && numbers(getComputedStyle(behind).backgroundColor)[3] === 0) behind = behind.parentElement;
    const [light, dark] = [getComputedStyle(element).color, behind ? getComputedStyle(behind).backgroundColor : "rgb(255, 255, 255)"]
      .map((color) => numbers(color).slice(0, 3).map((value) => value / 255)
        .map((value) => (value <= 0.03928 ? value / 12.92 : ((value + 0.055) / 1.055) ** 2.4)))
      .map(([r, g, b]) => 0.2126 * r + 0.7152 * g + 0.0722 * b)
      .sort((a, b) => b - a);
    return (light + 0.05) / (dark + 0.05);
  }
}
