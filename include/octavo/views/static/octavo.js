// Octavo's pages: the host's theme, layers, zoom, keys, fields and boxes that light each other up, the queue's keys, copying.
// Without it the pages still work: boxes and names are links, answers are forms.
"use strict";

// Airflow keeps the theme that was chosen; without a choice the system's holds. A file of its own has no such storage.
try {
  const theme = localStorage.getItem("theme");
  if (theme === "light" || theme === "dark") document.documentElement.dataset.theme = theme;
} catch (error) {
  if (!(error instanceof DOMException)) throw error;
}

document.addEventListener("DOMContentLoaded", () => {
  const root = document.documentElement;
  const all = (selector) => [...document.querySelectorAll(selector)];

  // Layers
  const boxes = all("input[data-layer]");
  const showLayers = () => boxes.forEach((box) => {
    root.classList.toggle("show-" + box.dataset.layer, box.checked);
    root.classList.toggle("hide-" + box.dataset.layer, !box.checked);
  });
  boxes.forEach((box) => box.addEventListener("change", showLayers));
  showLayers();
  const toggle = (name) => boxes.filter((box) => box.dataset.layer === name).forEach((box) => box.click());

  // Zoom: 1 is the width of the panel
  let zoom = 1;
  const setZoom = (value) => {
    zoom = Math.min(6, Math.max(0.25, value));
    all(".page").forEach((page) => {
      page.style.width = zoom * 100 + "%";
      page.style.maxWidth = zoom === 1 ? "" : "none";
    });
  };
  const zooms = { in: () => setZoom(zoom * 1.25), out: () => setZoom(zoom / 1.25), fit: () => setZoom(1) };
  all("button[data-zoom]").forEach((button) => button.addEventListener("click", zooms[button.dataset.zoom]));

  // A field and its boxes
  const light = (number, on) => all('[data-f="' + number + '"]').forEach((one) => one.classList.toggle("lit", on));
  const numberOf = (target) => target instanceof Element && target.closest("[data-f]")?.dataset.f;
  for (const [event, on] of [["mouseover", true], ["mouseout", false], ["focusin", true], ["focusout", false]]) {
    document.addEventListener(event, (happened) => {
      const number = numberOf(happened.target);
      if (number) light(number, on);
    });
  }
  const fields = all("li.field");
  const show = (number, focus) => {
    fields.forEach((one) => one.classList.toggle("selected", one.dataset.f === number));
    all(".evidence a").forEach((one) => one.classList.toggle("selected", one.dataset.f === number));
    const field = document.getElementById("f" + number);
    if (!field) return;
    field.scrollIntoView({ block: "nearest" });
    if (focus) field.querySelector(".name").focus({ preventScroll: true });
    const box = document.querySelector('.evidence a[data-f="' + number + '"]');
    if (box) box.scrollIntoView({ block: "center", inline: "center" });
  };
  // On the same page nothing needs to be loaded; the address follows, so that it can be sent to a colleague.
  document.addEventListener("click", (happened) => {
    const link = happened.target instanceof Element && happened.target.closest("a[data-f], li.field a.name");
    if (!link || happened.ctrlKey || happened.metaKey || happened.shiftKey) return;
    const number = numberOf(link);
    const here = link.getAttribute("href").startsWith("#") || document.querySelector('.evidence a[data-f="' + number + '"]');
    if (!here) return;
    happened.preventDefault();
    if (!link.getAttribute("href").startsWith("#")) history.replaceState(null, "", link.getAttribute("href"));
    const details = document.querySelector("#f" + number + " details");
    if (details) details.open = true;
    show(number, true);
  });

  // Keys
  const step = (by) => {
    const now = fields.findIndex((one) => one.contains(document.activeElement) || one.classList.contains("selected"));
    const next = fields[Math.min(fields.length - 1, Math.max(0, now + by))];
    if (next) show(next.dataset.f, true);
  };
  const follow = (rel) => document.querySelector('a[rel="' + rel + '"]')?.click();
  const keys = {
    j: () => step(1), k: () => step(-1), n: () => follow("next"), p: () => follow("prev"),
    "+": zooms.in, "=": zooms.in, "-": zooms.out, 0: zooms.fit,
    e: () => toggle("evidence"), w: () => toggle("words"), c: () => toggle("chunks"), l: () => toggle("lines"), t: () => toggle("tables"),
  };
  document.addEventListener("keydown", (pressed) => {
    if (pressed.ctrlKey || pressed.metaKey || pressed.altKey || pressed.target.matches("input:not([type=checkbox]), select, textarea")) return;
    const action = document.querySelector(".document") && keys[pressed.key];
    if (!action) return;
    pressed.preventDefault();
    action();
  });

  // Links to Airflow's own pages: within its frame they move Airflow, whose router listens to the history.
  document.addEventListener("click", (happened) => {
    const link = happened.target instanceof Element && happened.target.closest("a[data-host]");
    if (!link || window.parent === window || happened.ctrlKey || happened.metaKey || happened.shiftKey) return;
    happened.preventDefault();
    window.parent.history.pushState({}, "", link.getAttribute("href"));
    window.parent.dispatchEvent(new PopStateEvent("popstate"));
  });

  // Copying a snippet; a frame may not write to the clipboard itself, but what is selected can always be copied.
  all("button[data-copy]").forEach((button) => button.addEventListener("click", () => {
    window.getSelection().selectAllChildren(document.getElementById(button.dataset.copy));
    button.textContent = document.execCommand("copy") ? "copied" : "selected";
  }));

  // What another accept_at would do to a day's values: data-counts has [confidence, number of values] pairs
  all(".threshold[data-counts]").forEach((shown) => {
    const counts = JSON.parse(shown.dataset.counts).map(([confidence, count]) => [Number(confidence), Number(count)]);
    const slider = shown.querySelector("input");
    const sum = (pairs, of) => pairs.reduce((total, [confidence, count]) => total + of(confidence, count), 0);
    slider.addEventListener("input", () => {
      const accepted = counts.filter(([confidence]) => confidence >= Number(slider.value));
      shown.querySelector("output").textContent = Number(slider.value).toFixed(3) + ": " + sum(accepted, (_, count) => count) + " of "
        + sum(counts, (_, count) => count) + " values accepted, of these some "
        + sum(accepted, (confidence, count) => (1 - confidence) * count).toFixed(1) + " wrong";
    });
  });

  // The review queue: one value after the other by keyboard
  const items = all("li.item");
  const goTo = (number) => {
    const item = items[Math.min(items.length - 1, Math.max(0, number))];
    if (!item) return;
    items.forEach((one) => one.classList.toggle("selected", one === item));
    item.focus({ preventScroll: true });
    item.scrollIntoView({ block: "nearest" });
  };
  const current = () => items.findIndex((one) => one.classList.contains("selected"));
  const queueKeys = {
    j: () => goTo(current() + 1), k: () => goTo(current() - 1),
    y: () => items[current()]?.querySelector('button[value="confirm"]')?.click(),
    Enter: () => items[current()]?.querySelector('input[name="value"]')?.select(),
  };
  items.forEach((one, number) => one.addEventListener("focusin", () => {
    items.forEach((other) => other.classList.toggle("selected", other === items[number]));
  }));
  document.addEventListener("keydown", (pressed) => {
    if (!items.length || pressed.ctrlKey || pressed.metaKey || pressed.altKey) return;
    if (pressed.key === "Escape" && pressed.target.matches("li.item input")) goTo(current());
    const free = pressed.target === document.body || pressed.target.matches("li.item");
    if (!free || !queueKeys[pressed.key]) return;
    pressed.preventDefault();
    queueKeys[pressed.key]();
  });
  const at = document.querySelector("main.review")?.dataset.at;
  if (at !== undefined) goTo(Number(at));

  const selected = document.querySelector("li.field.selected");
  if (selected) show(selected.dataset.f, false);
});
