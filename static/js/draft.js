// A draft saves itself while somebody is writing. Without this script it is saved by its button.
"use strict";

for (const form of document.querySelectorAll("form[data-draft]")) {
  const state = document.getElementById(form.dataset.draft);
  // Not with every letter, and not only when somebody stops for long.
  const PAUSE = 2000;
  const RETRY = 5000;
  let timer = 0;
  // What was sent last and not answered. It is sent once more before anything newer: whether it was
  // saved is not known, and the same twice is no conflict.
  let unanswered = null;
  let running = false;
  let stopped = false;
  let submitting = false;

  const body = () => {
    const data = new FormData(form);
    return new URLSearchParams([...data].filter(([, value]) => typeof value === "string"));
  };
  const text = () => {
    const data = body();
    data.delete("stand");
    data.delete("entwurf");
    return data.toString();
  };
  let saved = form.dataset.guard === "" ? text() : null;
  const unsaved = () => text() !== saved;

  const say = (words, kind) => {
    state.textContent = words;
    state.className = `draft-state draft-state--${kind}`;
  };
  const later = (wait) => {
    window.clearTimeout(timer);
    timer = window.setTimeout(save, wait);
  };

  async function save() {
    if (running || stopped || submitting) return;
    if (!unanswered && !unsaved()) return;
    running = true;
    const sent = unanswered ?? { action: form.getAttribute("action"), body: body(), text: text() };
    unanswered = sent;
    say("Wird gespeichert …", "busy");
    try {
      const answer = await fetch(sent.action, {
        method: "POST",
        body: sent.body,
        headers: { Accept: "application/json" },
        redirect: "manual",
        cache: "no-store",
      });
      await take(answer, sent);
    } catch {
      say("Nicht gespeichert: Keine Verbindung. Es wird weiter versucht.", "problem");
      later(RETRY);
    } finally {
      running = false;
    }
  }

  async function take(answer, sent) {
    if (answer.status >= 500) {
      say("Nicht gespeichert: Der Server antwortet gerade nicht. Es wird weiter versucht.", "problem");
      later(RETRY);
      return;
    }
    unanswered = null;
    if (answer.ok) {
      const said = await answer.json();
      saved = sent.text;
      form.elements.stand.value = said.stand;
      if (form.getAttribute("action") !== said.path) {
        form.setAttribute("action", said.path);
        window.history.replaceState(null, "", said.path);
      }
      say(`Gespeichert um ${said.time}`, "saved");
      if (unsaved()) later(PAUSE);
      return;
    }
    if (answer.status === 422) {
      say(`Nicht gespeichert: ${(await answer.json()).why}`, "problem");
      return;
    }
    // Only a person can go on from here; the button leads to where that is done.
    stopped = true;
    if (answer.status === 409 && answer.headers.get("content-type")?.startsWith("application/json")) {
      say(`Nicht gespeichert: ${(await answer.json()).why}`, "problem");
    } else if (answer.status === 403 || answer.type === "opaqueredirect") {
      say("Nicht gespeichert: Sie sind nicht mehr angemeldet. Speichern Sie selbst, dann können Sie sich anmelden; Ihr Text bleibt erhalten.", "problem");
    } else {
      say("Nicht gespeichert: Speichern Sie selbst, dann sehen Sie, was zu tun ist.", "problem");
    }
  }

  form.addEventListener("input", () => {
    if (!stopped) {
      say("Noch nicht gespeichert", "busy");
      later(PAUSE);
    }
  });
  window.addEventListener("online", () => later(0));
  form.addEventListener("submit", (event) => {
    if (event.defaultPrevented) return;
    // What is being saved just now has its answer first: else a new draft would be made twice.
    if (running) {
      event.preventDefault();
      const button = event.submitter;
      const wait = () => (running ? window.setTimeout(wait, 50) : form.requestSubmit(button));
      wait();
      return;
    }
    window.clearTimeout(timer);
    submitting = true;
  });
  // Coming back by the browser's button, or after sending failed.
  window.addEventListener("pageshow", () => (submitting = false));
  window.addEventListener("beforeunload", (event) => {
    if (!submitting && unsaved()) event.preventDefault();
  });
  if (form.dataset.guard !== "") say("Noch nicht gespeichert", "busy");
}
