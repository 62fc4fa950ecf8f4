// Leaves only the rows of the releases that a reader chooses; the page is whole without it.
// The choice stands in the address: ?grpcio=1.62.3&python=3.11
"use strict";

(() => {
  const ANY = "";
  const place = document.querySelector(".look-up");
  const command = document.querySelector(".look-up-command pre");
  const template = command.innerHTML;
  const typed = command.textContent;

  const words = (text) => (text || "").split(" ").filter(Boolean);
  const minor = (release) => release.split(".").slice(0, 2).join(".");

  const rows = [...document.querySelectorAll("tr [data-axis]")].map((mark) => ({
    element: mark.closest("tr"),
    axis: mark.dataset.axis,
    releases: words(mark.dataset.releases),
    cells: words(mark.dataset.cells).map((cell) => cell.split(",")),
  }));

  const axes = [...document.querySelectorAll("div[data-axis]")].map(({ dataset, parentElement }) => ({
    id: dataset.axis,
    name: dataset.name,
    releases: words(dataset.releases),
    section: parentElement.closest("section"),
    rows: rows.filter((row) => row.axis === dataset.axis),
  }));

  /** Create an element. */
  function make(name, properties, ...children) {
    const element = Object.assign(document.createElement(name), properties);
    element.append(...children);
    return element;
  }

  /** Return the release of the plan that stands for a reader's: itself, or its minor release's. */
  function standsFor(axis, release) {
    const same = axis.releases.filter((it) => minor(it) === minor(release));
    return axis.releases.includes(release) ? release : same.pop();
  }

  const isMeasured = (axis, release) => axis.rows.some((row) => row.releases.includes(release));

  /** Return a labelled list of an axis's releases, newest first. */
  function control(axis) {
    const id = `look-up-${axis.id}`;
    axis.select = make("select", { id, name: axis.id }, new Option("any", ANY));
    for (const release of [...axis.releases].reverse()) {
      const note = isMeasured(axis, release) ? "" : " (not measured yet)";
      axis.select.append(new Option(release + note, release));
    }
    return make("div", {}, make("label", { htmlFor: id }, axis.name), axis.select);
  }

  /** Choose what the address says; return a sentence for each release that has no row. */
  function readAddress() {
    const asked = new URLSearchParams(location.search);
    const unknown = [];
    for (const axis of axes) {
      const release = asked.get(axis.id) || ANY;
      const found = release && standsFor(axis, release);
      axis.select.value = found || ANY;
      if (release && !found) {
        unknown.push(`The tables have no ${axis.name} ${release}.`);
      }
    }
    return unknown;
  }

  /** Let the address say what is chosen, beside whatever else it says. */
  function writeAddress() {
    const address = new URL(location);
    for (const { id, select } of axes) {
      if (select.value) {
        address.searchParams.set(id, select.value);
      } else {
        address.searchParams.delete(id);
      }
    }
    history.replaceState(null, "", address);
  }

  /** Show an axis's rows of the chosen release; without a choice, all if none is chosen at all. */
  function show(axis, chosen) {
    const release = axis.select.value;
    for (const row of axis.rows) {
      row.element.hidden = Boolean(release) && !row.releases.includes(release);
    }
    axis.section.hidden = chosen.length > 0 && !(release && isMeasured(axis, release));
    for (const link of document.querySelectorAll(`.toc-tree a[href="#${axis.section.id}"]`)) {
      link.parentElement.hidden = axis.section.hidden;
    }
  }

  /** Say how many rows are left, and what they do not tell. */
  function sentences(chosen) {
    const count = axes
      .filter((axis) => !axis.section.hidden)
      .flatMap((axis) => axis.rows)
      .filter((row) => !row.element.hidden).length;
    if (!chosen.length) {
      return [`All ${count} rows are shown.`];
    }
    const called = chosen.map((axis) => `${axis.name} ${axis.select.value}`);
    const said = [`${count} of ${rows.length} rows are about ${called.join(" or ")}.`];
    const wanted = chosen.map((axis) => `${axis.id}:${axis.select.value}`);
    const together = rows.some((row) =>
      row.cells.some((cell) => wanted.every((release) => cell.includes(release))),
    );
    for (const axis of chosen.filter((it) => !isMeasured(it, it.select.value))) {
      said.push(`${axis.name} ${axis.select.value} is not measured yet.`);
    }
    if (chosen.length > 1 && !together) {
      said.push(
        `${called.join(" with ")} was not measured together: ` +
          "each table changes one of them, and has the others as its column “with” says.",
      );
    }
    said.push("The command below measures exactly what you chose.");
    return said;
  }

  /** Let the command of the page name what is chosen. */
  function writeCommand(chosen) {
    if (!chosen.length) {
      command.innerHTML = template;
      return;
    }
    const names = axes.map((axis) => axis.id).join("|");
    const options = chosen.map((axis) => ` --${axis.id} ${axis.select.value}`).join("");
    command.textContent = typed
      .replace(new RegExp(` --(${names}) \\S+`, "g"), "")
      .replace(" -- ", ` --${options} `);
  }

  function update(unknown) {
    const chosen = axes.filter((axis) => axis.select.value);
    axes.forEach((axis) => show(axis, chosen));
    writeCommand(chosen);
    status.textContent = [...unknown, ...sentences(chosen)].join(" ");
  }

  const status = make("p", {});
  status.setAttribute("role", "status");
  status.setAttribute("aria-live", "polite");
  const all = make("button", { type: "reset" }, "Show all rows");
  const form = make("form", { className: "look-up-form", autocomplete: "off" });
  form.setAttribute("aria-label", "Your versions");
  form.append(...axes.map(control), all);
  form.addEventListener("submit", (event) => event.preventDefault());
  form.addEventListener("reset", (event) => {
    event.preventDefault();
    axes.forEach((axis) => (axis.select.value = ANY));
    form.dispatchEvent(new Event("change"));
  });
  form.addEventListener("change", () => {
    writeAddress();
    update([]);
  });
  place.replaceChildren(form, status);
  update(readAddress());
})();
