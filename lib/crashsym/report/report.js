// SPDX-License-Identifier: MIT
// Sorts and searches the table of files. What it looks for is in the address behind the "#", so that it can be
// passed on: #search=busybox&status=no-lines&sort=code&order=descending
"use strict";
(() => {
  const FEW = 100; // rows in the table at once: thousands take a browser longer than a key takes
  const STATUS = 5; // the column; those behind it are numbers
  const get = (id) => document.getElementById(id);
  const search = get("search"), status = get("status"), count = get("count"), more = get("more");
  const body = get("table").tBodies[0];
  const heads = [...get("table").tHead.rows[0].cells];
  const keys = heads.map((head) => head.dataset.key);
  const severity = [...status.options].map((option) => option.value);
  const texts = new Intl.Collator("en", { numeric: true });
  const entries = [...body.rows].map((row, index) => {
    const cells = [...row.cells].map((cell) => cell.textContent);
    const state = row.cells[STATUS].firstChild.data;
    return { row, index, cells, state, text: cells.slice(0, STATUS + 1).join("\n").toLowerCase() };
  });
  let wanted = { search: "", status: "", sort: "path", order: "ascending" };
  let limit = FEW;
  let usual = FEW; // the limit before the page is printed
  let waiting = 0;

  // null where there is none: such rows come last in either order
  function value(entry, column) {
    if (column === 0) return entry.index; // the page has them by path
    if (column === STATUS) return severity.indexOf(entry.state);
    const text = entry.cells[column];
    if (text === "—") return null;
    return column > STATUS ? parseFloat(text.replaceAll(",", "")) : text;
  }

  function compare(a, b) {
    return typeof a === "number" ? a - b : texts.compare(a, b);
  }

  function sort() {
    const column = Math.max(keys.indexOf(wanted.sort), 0);
    const sign = wanted.order === "descending" ? -1 : 1;
    for (const entry of entries) entry.value = value(entry, column);
    entries.sort((a, b) => {
      if (a.value === null || b.value === null) return (a.value === null) - (b.value === null) || a.index - b.index;
      return sign * compare(a.value, b.value) || a.index - b.index;
    });
    heads.forEach((head, index) => {
      if (index === column) head.setAttribute("aria-sort", sign < 0 ? "descending" : "ascending");
      else head.removeAttribute("aria-sort");
    });
  }

  function fill() {
    const words = wanted.search.toLowerCase().split(/\s+/).filter(Boolean);
    const found = entries.filter(
      ({ state, text }) => (!wanted.status || state === wanted.status) && words.every((word) => text.includes(word)),
    );
    const rows = document.createDocumentFragment();
    for (const { row } of found.slice(0, limit)) rows.append(row);
    body.replaceChildren(rows);
    const [some, all] = [found, entries].map((list) => list.length.toLocaleString("en"));
    count.textContent = `${some} of ${all} files`;
    more.textContent = `Show all ${some}`;
    more.hidden = found.length <= limit;
  }

  function remember() {
    clearTimeout(waiting);
    waiting = setTimeout(() => {
      const said = new URLSearchParams();
      if (wanted.search) said.set("search", wanted.search);
      if (wanted.status) said.set("status", wanted.status);
      if (wanted.sort !== "path" || wanted.order !== "ascending") {
        said.set("sort", wanted.sort);
        said.set("order", wanted.order);
      }
      history.replaceState(null, "", `#${said}`);
    }, 300);
  }

  function show(change) {
    const old = wanted;
    wanted = { ...wanted, ...change };
    if (wanted.sort !== old.sort || wanted.order !== old.order) sort();
    search.value = wanted.search;
    status.value = wanted.status;
    fill();
  }

  // A link to a file or a kind of finding, or what to look for.
  function follow() {
    const place = location.hash.slice(1);
    const index = entries.findIndex(({ row }) => row.id === place);
    if (index >= 0) {
      limit = Math.max(FEW, index + 20);
      show({ search: "", status: "" });
      get(place).scrollIntoView({ block: "center" });
    } else if (!get(place)) {
      const said = new URLSearchParams(place);
      const state = severity.includes(said.get("status")) ? said.get("status") : "";
      const sort = keys.includes(said.get("sort")) ? said.get("sort") : "path";
      const order = said.get("order") === "descending" ? "descending" : "ascending";
      limit = FEW;
      show({ search: said.get("search") || "", status: state, sort, order });
      if (said.get("search") || state || said.has("sort")) get("files").scrollIntoView();
    }
  }

  heads.forEach((head, column) => {
    const button = document.createElement("button");
    button.type = "button";
    button.textContent = head.textContent;
    button.addEventListener("click", () => {
      const again = wanted.sort === keys[column] && wanted.order === "ascending";
      show({ sort: keys[column], order: again ? "descending" : "ascending" });
      remember();
    });
    head.replaceChildren(button);
  });
  search.addEventListener("input", () => {
    limit = FEW;
    show({ search: search.value });
    remember();
  });
  status.addEventListener("change", () => {
    limit = FEW;
    show({ status: status.value });
    remember();
  });
  more.addEventListener("click", () => {
    limit = entries.length;
    fill();
  });
  body.addEventListener("mouseover", ({ target }) => {
    if (target.scrollWidth > target.clientWidth) target.title = target.textContent;
  });
  for (const map of document.querySelectorAll(".map")) {
    map.addEventListener("click", ({ target }) => {
      const group = target.closest("g");
      if (group) location.hash = new URLSearchParams({ search: group.dataset.place });
    });
  }
  window.addEventListener("hashchange", follow);
  window.addEventListener("beforeprint", () => {
    for (const details of document.querySelectorAll("details")) details.open = true;
    usual = limit;
    limit = entries.length;
    fill();
  });
  window.addEventListener("afterprint", () => {
    limit = usual;
    fill();
  });
  get("controls").hidden = false;
  fill();
  follow();
})();
