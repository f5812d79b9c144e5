// What a reader gets of a mail, as lists that can be compared. Nothing is fetched.

const NO_PICTURES = '<meta http-equiv="Content-Security-Policy" content="img-src \'none\'">';

async function shown(html, width) {
  const frame = document.createElement('iframe');
  frame.style.cssText = `width: ${width}px; height: 900px; border: 0`;
  frame.srcdoc = html.replace(/<head[^>]*>/i, (head) => head + NO_PICTURES);
  document.body.append(frame);
  await new Promise((resolve) => { frame.onload = resolve; });
  return frame;
}

function box(rectangle) {
  return [rectangle.x, rectangle.y, rectangle.width, rectangle.height].map(Math.round);
}

// Texts, pictures, links and coloured or bordered boxes, with where and how they are shown.
function seen(frame) {
  const page = frame.contentDocument;
  const view = frame.contentWindow;
  const style = (element) => view.getComputedStyle(element);
  const clear = 'rgba(0, 0, 0, 0)';
  const behind = (element) => {
    for (let at = element; at; at = at.parentElement) {
      if (style(at).backgroundColor !== clear) return style(at).backgroundColor;
    }
    return '';
  };
  const target = (element) => element.closest('a')?.href ?? '';
  const found = [];
  const nodes = page.createTreeWalker(page.body, NodeFilter.SHOW_TEXT | NodeFilter.SHOW_ELEMENT);
  while (nodes.nextNode()) {
    const node = nodes.currentNode;
    if (node.nodeType === Node.TEXT_NODE) {
      // JavaScript counts the hair space in the gap of a wrapper among the blanks.
      const text = node.data.replace(/\s+/g, ' ').trim();
      const parent = node.parentElement;
      if (!text || parent.tagName === 'STYLE') continue;
      const range = page.createRange();
      range.selectNodeContents(node);
      const s = style(parent);
      found.push({ box: box(range.getBoundingClientRect()), is: ['text', text, s.color, s.fontFamily,
        s.fontSize, s.fontWeight, s.fontStyle, s.textTransform, s.letterSpacing, behind(parent), target(parent)] });
    } else if (node.tagName === 'IMG') {
      const s = style(node);
      found.push({ box: box(node.getBoundingClientRect()), is: ['img', node.getAttribute('src'), node.alt,
        node.title, node.srcset, s.borderTop, s.borderRadius, behind(node), target(node)] });
    } else if (node.tagName === 'A') {
      found.push({ is: ['a', node.href, node.title, node.target, node.rel, node.dataset.nr ?? ''] });
    } else if (['TABLE', 'TD', 'DIV', 'P'].includes(node.tagName)) {
      const s = style(node);
      if (s.backgroundColor !== clear || s.backgroundImage !== 'none' || parseFloat(s.borderTopWidth)
        || parseFloat(s.borderLeftWidth)) {
        found.push({ box: box(node.getBoundingClientRect()), is: ['box', s.backgroundColor, s.backgroundImage,
          s.backgroundSize, s.backgroundPosition, s.backgroundRepeat, s.borderTop, s.borderLeft, s.borderRadius] });
      }
    }
  }
  return found;
}

function isSame(one, other) {
  // Rounding: thirds of a width are written with more digits or fewer.
  const near = (a, b) => !a || a.every((number, at) => Math.abs(number - b[at]) <= 2);
  return JSON.stringify(one.is) === JSON.stringify(other.is) && near(one.box, other.box);
}

// What only one of two mails shows.
function differences(ours, theirs) {
  const rest = [...theirs];
  const only = ours.filter((one) => {
    const at = rest.findIndex((other) => isSame(one, other));
    if (at >= 0) rest.splice(at, 1);
    return at < 0;
  });
  const line = (who) => (one) => `${who}: ${JSON.stringify(one)}`;
  return [...only.map(line('ours')), ...rest.map(line('theirs'))];
}
