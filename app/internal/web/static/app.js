// Progressive enhancement: times in the reader's time zone, new entries without a reload, and a form that stays filled
// when the network fails. The page works without it.
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

  // request fetches a text. It aborts after the given number of seconds, because fetch has no timeout of its own.
  const request = async (url, seconds, options) => {
    const timeout = new AbortController();
    const timer = setTimeout(() => timeout.abort(), seconds * 1000);
    try {
      const response = await fetch(url, { ...options, signal: timeout.signal });
      return { status: response.status, text: await response.text() };
    } finally {
      clearTimeout(timer);
    }
  };

  // show replaces the entries, marks the new ones and returns their number.
  const show = (next) => {
    const old = book();
    const known = new Set(Array.from(old.querySelectorAll(".entry"), (entry) => entry.id));
    localTimes(next);
    let fresh = 0;
    for (const entry of next.querySelectorAll(".entry")) {
      if (known.has(entry.id) || !old.dataset.tag) continue; // without a tag, old shows no entries
      entry.classList.add("fresh");
      fresh++;
    }
    const focused = old.contains(document.activeElement) && document.activeElement.rel;
    old.replaceWith(next);
    if (focused) next.querySelector(`a[rel="${focused}"]`)?.focus();
    return fresh;
  };

  // Poll for new entries while the page is visible, with exponential backoff on errors. The jitter spreads the requests
  // of many readers.
  let pause = 4000;
  const poll = async () => {
    const { live, tag } = book().dataset;
    if (live && !document.hidden) {
      try {
        const { status, text } = await request(live, 10, { headers: { "If-None-Match": tag }, cache: "no-store" });
        if (status === 200) {
          const fresh = show(parse(text).getElementById("book"));
          const news = document.getElementById("news");
          if (fresh) news.textContent = fill(news.dataset.news, { n: fresh });
        }
        pause = status === 200 || status === 304 ? 4000 : Math.min(pause * 2, 60000);
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

  // The response to the form is a whole page, as without JavaScript. Its form's state and its entries are copied here.
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
      // A write and the two reads that follow take at most 30 s (MONGODB_TIMEOUT).
      const body = new URLSearchParams(new FormData(form));
      const page = parse((await request("/", 30, { method: "POST", body })).text);
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
