//! Where the focus is, one must see it: a mark around what has it (WCAG 2.4.7), and nothing in
//! front of it (WCAG 2.4.11).

use super::lines;
use crate::person::Person;

const SCRIPT: &str = r"
const controls = 'a[href], button, input:not([type=hidden]), select, textarea, summary, [tabindex]';
const mark = (element) => {
  const { outlineStyle, outlineWidth, boxShadow, backgroundColor, borderColor } = getComputedStyle(element);
  return { outline: outlineStyle === 'none' ? 0 : parseFloat(outlineWidth), rest: [boxShadow, backgroundColor, borderColor].join() };
};
const shown = (element) => element.checkVisibility({ visibilityProperty: true }) && !element.disabled;
const wrong = [];
for (const element of [...document.querySelectorAll(controls)].filter(shown)) {
  document.activeElement?.blur();
  const before = mark(element);
  element.focus();
  if (document.activeElement !== element || element.tabIndex < 0) continue;
  const name = element.outerHTML.slice(0, 120);
  const after = mark(element);
  if (after.outline < 2 && after.rest === before.rest) wrong.push(`no mark: ${name}`);
  const at = element.getClientRects()[0];
  if (!at) continue;
  const [x, y] = [at.left + at.width / 2, at.top + Math.min(at.height / 2, 20)];
  const there = document.elementFromPoint(x, y);
  const own = there && (element.contains(there) || there.contains(element) || there.control === element);
  if (!own) wrong.push(`hidden: ${name}`);
}
return wrong;
";

/// What takes the focus and doesn't show it.
pub async fn not_seen(person: &Person) -> Vec<String> {
    lines(person.run(SCRIPT).await)
}
