// What the browser does by itself: ages that tick, the theme, and the keyboard.
(() => {
  "use strict";

  // Ages. The server says when something was; the browser says how long ago, also when the server says nothing more.
  let skew = 0; // milliseconds that this clock is ahead of the server's
  const phrase = (s) => (s = Math.max(0, Math.round(s))) < 60 ? `${s} s`
    : s < 3600 ? `${Math.floor(s / 60)} min` : s < 86400 ? `${Math.floor(s / 3600)} h${s % 3600 >= 60 ? ` ${Math.floor(s % 3600 / 60)} min` : ""}` : `${Math.floor(s / 86400)} d`;
  // Into the text node that is there: Vue goes on to know it, and can still change it.
  const put = (el, text) => {
    const node = el.firstChild;
    if (el.textContent === text) return;
    if (node && node === el.lastChild && node.nodeType === Node.TEXT_NODE) node.nodeValue = text;
    else el.textContent = text;
  };
  const tick = () => {
    const now = Date.now() - skew;
    for (const el of document.querySelectorAll("[data-until]")) {
      const s = (Date.parse(el.dataset.until) - now) / 1000;
      if (!Number.isNaN(s)) put(el, s > 0 ? `in ${phrase(s)}` : "due now");
    }
    for (const el of document.querySelectorAll("[data-at]")) {
      const at = Date.parse(el.dataset.at);
      if (Number.isNaN(at)) continue;
      const s = (now - at) / 1000;
      if (el.id === "live") {
        const stale = s > 8; // four polls missed
        el.classList.toggle("ok", !stale);
        el.classList.toggle("bad", stale);
        put(el, stale ? `✕ stale · ${phrase(s)}` : `● live · ${phrase(s)}`);
      } else {
        put(el, (el.dataset.prefix || "") + phrase(s) + (el.dataset.suffix || ""));
      }
    }
  };
  let seen = "";
  const sync = () => {
    const live = document.getElementById("live");
    if (live && live.dataset.at && live.dataset.at !== seen) {
      seen = live.dataset.at;
      const offset = Date.now() - Date.parse(seen);
      // The smallest difference ever seen is the one with the least delay in it.
      skew = sync.known ? Math.min(skew, offset) : offset;
      sync.known = true;
    }
    tick();
  };
  setInterval(sync, 1000);

  // Theme: the system's until a person chooses.
  window.signalistTheme = () => {
    const dark = !document.body.classList.contains("body--dark");
    document.cookie = `theme=${dark ? "dark" : "light"};path=/;max-age=31536000;samesite=lax`;
    window.Quasar.Dark.set(dark);
    window.dispatchEvent(new Event("signalist:theme"));
  };
  window.signalistNav = (open) => {
    document.body.classList.toggle("nav-open", open);
    document.querySelector(".menu")?.setAttribute("aria-expanded", String(document.body.classList.contains("nav-open")));
    if (document.body.classList.contains("nav-open")) document.querySelector(".side a.item")?.focus();
  };

  // Palette. It lists the navigation (with its keys) and the page's own [data-command] buttons.
  const commands = () => [
    ...[...document.querySelectorAll(".side a.item")].map((a) => ({
      name: `Go to ${a.dataset.name}`, hint: a.dataset.key ? `g ${a.dataset.key}` : "", run: () => a.click(),
    })),
    ...[...document.querySelectorAll("[data-command]:not([disabled])")].map((b) => ({ name: b.dataset.command, hint: "", run: () => b.click() })),
    { name: "Switch between light and dark", hint: "", run: window.signalistTheme },
  ];
  const palette = () => {
    if (document.querySelector("dialog.palette")) return;
    const dialog = document.createElement("dialog");
    dialog.className = "palette";
    dialog.setAttribute("aria-label", "Search or run");
    const input = Object.assign(document.createElement("input"), { placeholder: "Search articles, go somewhere, run something…" });
    input.setAttribute("role", "combobox");
    input.setAttribute("aria-label", "Search or run");
    input.setAttribute("aria-expanded", "true");
    input.setAttribute("aria-controls", "palette-list");
    const list = Object.assign(document.createElement("ul"), { id: "palette-list" });
    list.setAttribute("role", "listbox");
    list.setAttribute("aria-label", "Commands");
    let shown = [], at = 0;
    const draw = () => {
      const words = input.value.trim().toLowerCase();
      shown = commands().filter((c) => words.split(/\s+/).every((w) => c.name.toLowerCase().includes(w)));
      if (words) shown.push({ name: `Search articles for “${input.value.trim()}”`, hint: "", run: () => { location.href = "/search?q=" + encodeURIComponent(input.value.trim()); } });
      at = Math.min(at, Math.max(0, shown.length - 1));
      list.replaceChildren(...shown.map((c, i) => {
        const li = document.createElement("li");
        li.id = `palette-${i}`;
        li.setAttribute("role", "option");
        li.setAttribute("aria-selected", String(i === at));
        li.append(c.name);
        if (c.hint) li.append(Object.assign(document.createElement("span"), { className: "kbd", textContent: c.hint }));
        li.addEventListener("click", () => run(c));
        return li;
      }));
      input.setAttribute("aria-activedescendant", shown.length ? `palette-${at}` : "");
      list.children[at]?.scrollIntoView({ block: "nearest" });
    };
    const run = (c) => { dialog.close(); c?.run(); };
    input.addEventListener("input", () => { at = 0; draw(); });
    dialog.addEventListener("keydown", (e) => {
      if (e.key === "ArrowDown") { at = (at + 1) % Math.max(1, shown.length); draw(); e.preventDefault(); }
      else if (e.key === "ArrowUp") { at = (at - 1 + shown.length) % Math.max(1, shown.length); draw(); e.preventDefault(); }
      else if (e.key === "Enter") { run(shown[at]); e.preventDefault(); }
      e.stopPropagation();
    });
    dialog.addEventListener("close", () => dialog.remove());
    dialog.addEventListener("click", (e) => { if (e.target === dialog) dialog.close(); });
    dialog.append(input, list);
    document.body.append(dialog);
    draw();
    dialog.showModal();
    input.focus();
  };
  const help = () => {
    const dialog = document.createElement("dialog");
    dialog.className = "palette";
    dialog.setAttribute("aria-label", "Keyboard");
    const list = document.createElement("ul");
    const rows = [["Search or run", "Ctrl K"], ["This help", "?"], ...(document.querySelector("[data-filter]") ? [["Filter this page", "/"]] : []), ...[...document.querySelectorAll(".side a.item")]
      .filter((a) => a.dataset.key).map((a) => [a.dataset.name, `g ${a.dataset.key}`])];
    list.append(...rows.map(([name, keys]) => {
      const li = document.createElement("li");
      li.append(name, Object.assign(document.createElement("span"), { className: "kbd", textContent: keys }));
      return li;
    }));
    dialog.append(list);
    dialog.addEventListener("close", () => dialog.remove());
    dialog.addEventListener("click", () => dialog.close());
    document.body.append(dialog);
    dialog.showModal();
  };
  window.signalistPalette = palette;

  // Filters are forms: a choice is sent at once, and what is empty stays out of the address.
  document.addEventListener("change", (e) => { if (e.target.matches("form.filters select, form.filters input[type=date]")) e.target.form.requestSubmit(); });
  document.addEventListener("submit", (e) => {
    if (!e.target.matches("form.filters")) return;
    const empty = [...e.target.elements].filter((field) => field.name && !field.value.trim());
    for (const field of empty) field.disabled = true;
    setTimeout(() => { for (const field of empty) field.disabled = false; });
  });

  // Escape closes what lies on top: dialogs see to themselves.
  const escape = () => {
    const menu = document.querySelector("details.menu[open]");
    if (document.body.classList.contains("nav-open")) window.signalistNav(false);
    else if (menu) { menu.open = false; menu.querySelector("summary").focus(); }
    else if (!document.querySelector(".q-dialog, dialog[open]")) document.querySelector(".drawer [aria-label=Close]")?.click();
  };
  document.addEventListener("click", (e) => { for (const menu of document.querySelectorAll("details.menu[open]")) if (!menu.contains(e.target)) menu.open = false; });

  let g = 0; // when g was pressed
  document.addEventListener("keydown", (e) => {
    if ((e.ctrlKey || e.metaKey) && e.key.toLowerCase() === "k") { palette(); e.preventDefault(); return; }
    if (e.key === "Escape") { escape(); return; }
    if (e.key === "Enter" && e.repeat && e.target.matches("button")) { e.preventDefault(); return; }
    // Enter in a field of a dialog is its main button, as in every form.
    if (e.key === "Enter" && e.target.matches(".dialog input.field")) e.target.closest(".dialog").querySelector(".end .primary, .end .danger")?.click();
    if (e.ctrlKey || e.metaKey || e.altKey) return;
    if (e.target.closest("input, textarea, select, [contenteditable], dialog")) return;
    if (e.key === "?") { help(); e.preventDefault(); return; }
    if (e.key === "/") { const box = document.querySelector("[data-filter]"); if (box) { box.focus(); box.select(); e.preventDefault(); } return; }
    if (e.key === "g") { g = Date.now(); return; }
    if (Date.now() - g < 1500) {
      g = 0;
      document.querySelector(`.side a.item[data-key="${CSS.escape(e.key)}"]`)?.click();
    }
  });
})();
