// Small comforts on top of pages that work without them.
"use strict";

// A form that saves as soon as its checkbox is used. Whether to ask first is the server's decision.
for (const form of document.querySelectorAll("form[data-autosave]")) {
  for (const button of form.querySelectorAll("[data-autosave-button]")) {
    button.hidden = true;
  }
  form.addEventListener("change", (event) => {
    if (event.target.matches("input[type=checkbox]")) form.requestSubmit();
  });
}

// Coming back by the browser's own button shows what is saved, not what was clicked.
window.addEventListener("pageshow", (event) => {
  if (!event.persisted) return;
  for (const form of document.querySelectorAll("form[data-autosave]")) form.reset();
});

// One checkbox ticks all rows of its form (or table) and says how many are ticked.
for (const all of document.querySelectorAll("input[data-select-all]")) {
  const scope = all.closest("form") ?? all.closest("table") ?? document;
  const rows = () => [...scope.querySelectorAll("tbody input[type=checkbox]:not(:disabled)")];

  const show = () => {
    const boxes = rows();
    const ticked = boxes.filter((box) => box.checked).length;
    all.checked = boxes.length > 0 && ticked === boxes.length;
    all.indeterminate = ticked > 0 && ticked < boxes.length;
    for (const count of scope.querySelectorAll("[data-selected-count]")) {
      count.textContent = ticked.toLocaleString("de-DE");
    }
  };

  scope.addEventListener("change", (event) => {
    if (event.target === all) {
      for (const box of rows()) box.checked = all.checked;
    }
    show();
  });
  // A browser may restore ticks after the page is loaded.
  window.addEventListener("pageshow", show);
  show();
}

// Whether a form was sent: its answer is on the way, and a reload would cancel it.
let isLeaving = false;
document.addEventListener("submit", (event) => {
  isLeaving = !event.defaultPrevented;
});
window.addEventListener("pageshow", () => {
  isLeaving = false;
});

// Progress of something long: the server sends the new inside of the element, and says when it is over.
for (const element of document.querySelectorAll("[data-progress-url]")) {
  const poll = async () => {
    try {
      const response = await fetch(element.dataset.progressUrl, {
        headers: { "X-Requested-With": "fetch" },
        cache: "no-store",
      });
      // Over, or signed out meanwhile: the page itself says so.
      if (response.redirected || response.headers.get("X-Fertig") === "ja") {
        if (!isLeaving) window.location.reload();
        return;
      }
      if (response.ok) element.innerHTML = await response.text();
      else if (response.status < 500) return;
    } catch {
      // No connection at the moment: the next second tries again.
    }
    window.setTimeout(poll, 1000);
  };
  window.setTimeout(poll, 1000);
}

// What is wrong comes first, for the keyboard and for those who listen.
document.querySelector("[data-error-summary]")?.focus();

// What a button says for two seconds. Only its first words change: more may follow for those who listen.
const say = (button, words) => {
  const text = button.firstChild;
  const usual = (button.dataset.usual ??= text.data);
  text.data = words;
  window.setTimeout(() => (text.data = usual), 2000);
};

// Prints the page; its style sheet knows what belongs on paper.
for (const button of document.querySelectorAll("[data-print]")) {
  button.addEventListener("click", () => window.print());
}

// Copies what stands elsewhere on the page. Browsers allow that on pages reached by https only.
for (const button of document.querySelectorAll("[data-copy]")) {
  const source = document.getElementById(button.dataset.copy);
  if (!navigator.clipboard || !source) {
    button.hidden = true;
    continue;
  }
  button.addEventListener("click", async () => {
    await navigator.clipboard.writeText(source.textContent);
    say(button, "Kopiert");
  });
}

// Writes a picture into the content, where the cursor is: as MJML where the content is MJML.
for (const button of document.querySelectorAll("[data-insert-into]")) {
  const field = document.getElementById(button.dataset.insertInto);
  let visited = false;
  field.addEventListener("focus", () => (visited = true));
  button.addEventListener("click", () => {
    // Without a cursor it would land before everything else.
    if (!visited && field.value.trim() !== "") {
      say(button, "Klicken Sie zuerst im Inhalt an die Stelle");
      return;
    }
    const mjml = field.value.trimStart().toLowerCase().startsWith("<mjml");
    const source = document.getElementById(mjml ? button.dataset.insertMjml : button.dataset.insertHtml);
    field.setRangeText(source.textContent, field.selectionStart, field.selectionEnd, "end");
    field.dispatchEvent(new Event("input", { bubbles: true }));
    field.focus();
  });
}

// From what the check has found to its line.
for (const link of document.querySelectorAll("a[data-line]")) {
  const field = document.getElementById(link.hash.slice(1));
  if (!field || link.pathname !== window.location.pathname) continue;
  link.addEventListener("click", (event) => {
    event.preventDefault();
    const lines = field.value.split("\n");
    const at = Number(link.dataset.line) - 1;
    const from = lines.slice(0, at).reduce((length, line) => length + line.length + 1, 0);
    field.setSelectionRange(from, from + (lines[at] ?? "").length);
    // Some browsers scroll to the selection only when the field gets the focus.
    field.blur();
    field.focus();
    field.scrollIntoView({ block: "center" });
  });
}

// Goes on by itself where only a form can lead on.
for (const form of document.querySelectorAll("form[data-autosubmit]")) form.requestSubmit();

// What was typed stays on the page while there is no connection: a browser would show its own page.
for (const form of document.querySelectorAll("form[method=post]")) {
  form.addEventListener("submit", (event) => {
    if (navigator.onLine) return;
    event.preventDefault();
    let notice = form.querySelector("[data-no-connection]");
    if (!notice) {
      notice = document.createElement("p");
      notice.className = "field__error";
      notice.setAttribute("role", "alert");
      notice.dataset.noConnection = "";
      (event.submitter ?? form.lastElementChild).before(notice);
      window.addEventListener("online", () => notice.remove(), { once: true });
    }
    notice.textContent = "Keine Verbindung. Ihre Eingaben stehen noch hier; senden Sie sie, sobald die Verbindung wieder da ist.";
  });
}

// What was typed and not saved is not left by mistake. Drafts have a script of their own.
for (const form of document.querySelectorAll("form[data-guard]:not([data-draft])")) {
  let changed = form.dataset.guard !== "";
  form.addEventListener("input", () => (changed = true));
  form.addEventListener("submit", (event) => (changed &&= event.defaultPrevented));
  window.addEventListener("beforeunload", (event) => {
    if (changed) event.preventDefault();
  });
}
