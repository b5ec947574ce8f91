// What the page does more with JavaScript: times in the reader's zone, new
// entries without a reload, and a form that stays filled when the network fails.
(() => {
  "use strict";
  const lang = document.documentElement.lang;
  const locale = navigator.languages.find((l) => l.split("-")[0] === lang) || lang;
  const when = new Intl.DateTimeFormat(locale, { dateStyle: "medium", timeStyle: "short" });
  const number = new Intl.NumberFormat(lang);
  const fill = (text, values) => text.replace(/\{(\w+)\}/g, (_, key) => number.format(values[key]));
  const parse = (html) => new DOMParser().parseFromString(html, "text/html");
  const book = () => document.getElementById("book");

  const localTimes = (root) => {
    for (const time of root.querySelectorAll("time")) time.textContent = when.format(new Date(time.dateTime));
  };

  // ask gives up after so many seconds: a network that goes away in the middle
  // of an answer may say nothing for ever.
  const ask = async (url, seconds, options) => {
    const late = new AbortController();
    const timer = setTimeout(() => late.abort(), seconds * 1000);
    try {
      const answer = await fetch(url, { ...options, signal: late.signal });
      return { status: answer.status, text: await answer.text() };
    } finally {
      clearTimeout(timer);
    }
  };

  // show replaces the entries, and marks those that were not there before.
  const show = (next) => {
    const old = book();
    const known = new Set(Array.from(old.querySelectorAll(".entry"), (entry) => entry.id));
    localTimes(next);
    let fresh = 0;
    for (const entry of next.querySelectorAll(".entry")) {
      if (known.has(entry.id) || !old.dataset.tag) continue; // no tag: they could not be read
      entry.classList.add("fresh");
      fresh++;
    }
    const inside = old.contains(document.activeElement) && document.activeElement.rel;
    old.replaceWith(next);
    if (inside) next.querySelector(`a[rel="${inside}"]`)?.focus();
    return fresh;
  };

  // Ask for news every few seconds while the page is looked at; less often
  // while the guestbook does not answer. The random part keeps many readers apart.
  let pause = 4000;
  const poll = async () => {
    const { live, tag } = book().dataset;
    if (live && !document.hidden) {
      try {
        const answer = await ask(live, 10, { headers: { "If-None-Match": tag }, cache: "no-store" });
        if (answer.status === 200) {
          const fresh = show(parse(answer.text).getElementById("book"));
          const news = document.getElementById("news");
          if (fresh) news.textContent = fill(news.dataset.news, { n: fresh });
        }
        pause = answer.status === 200 || answer.status === 304 ? 4000 : Math.min(pause * 2, 60000);
      } catch {
        pause = Math.min(pause * 2, 60000);
      }
    }
    setTimeout(poll, pause * (0.75 + Math.random() / 2));
  };

  const notice = (text, failed) => {
    const place = document.getElementById("notice");
    place.setAttribute("role", failed ? "alert" : "status");
    const line = document.createElement("p");
    line.className = failed ? "notice failed" : "notice";
    line.textContent = text;
    place.replaceChildren(line);
  };

  const count = () => {
    const { form, value } = document.getElementById("message");
    const n = Array.from(value.trim()).length;
    const hint = document.getElementById("count");
    hint.textContent = fill(form.dataset.count, { n, max: +form.dataset.max });
    hint.classList.toggle("over", n > +form.dataset.max);
  };

  // The server answers a sent form with a whole page, as it does without
  // JavaScript; its form and entries take the place of ours.
  const send = async (event) => {
    event.preventDefault();
    const form = event.target;
    const button = form.querySelector("button");
    if (button.hasAttribute("aria-disabled")) return;
    const label = button.textContent;
    button.setAttribute("aria-disabled", "true");
    button.textContent = form.dataset.sending;
    document.getElementById("notice").replaceChildren();
    try {
      // A write and the two reads that follow take 30 s at most (MONGODB_TIMEOUT).
      const answer = await ask("/", 30, { method: "POST", body: new URLSearchParams(new FormData(form)) });
      const page = parse(answer.text);
      const next = page.getElementById("sign");
      if (!next) {
        notice(page.querySelector("main p")?.textContent || form.dataset.unsent, true);
        return;
      }
      const failed = page.querySelector("#notice .failed");
      notice(page.getElementById("notice").textContent, failed);
      for (const field of ["token", "form"]) form.elements[field].value = next.elements[field].value;
      for (const field of ["name", "message"]) {
        const wrong = next.elements[field].hasAttribute("aria-invalid");
        for (const name of ["aria-invalid", "aria-describedby"]) {
          const value = next.elements[field].getAttribute(name);
          if (value === null) form.elements[field].removeAttribute(name);
          else form.elements[field].setAttribute(name, value);
        }
        if (wrong) form.elements[field].focus();
      }
      if (failed) return;
      form.elements.message.value = "";
      count();
      if (book().dataset.live) show(page.getElementById("book"));
      else location.assign("/?signed=1");
    } catch {
      notice(form.dataset.unsent, true);
    } finally {
      button.removeAttribute("aria-disabled");
      button.textContent = label;
    }
  };

  localTimes(document);
  document.getElementById("sign").addEventListener("submit", send);
  document.getElementById("message").addEventListener("input", count);
  if (location.search.startsWith("?signed")) history.replaceState(null, "", "/");
  setTimeout(poll, pause);
})();
