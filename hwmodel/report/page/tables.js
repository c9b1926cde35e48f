// Tables that are sorted by their column heads. A column is
// {title, value: row => number or string, text: row => string}; text columns have
// text: undefined. Long tables show their first rows until asked for all, and wide
// ones their main columns: those of rank "wide" are left out on narrow screens, those of
// rank "extra" everywhere. The first column stays in sight when the others scroll.

const ROWS_AT_FIRST = 25;

function sortedRows(rows, column, ascending) {
  const sign = ascending ? 1 : -1;
  const order = rows.map((row, i) => [column.value(row), i]);
  order.sort(([a, i], [b, j]) => (a < b ? -sign : a > b ? sign : i - j));
  return order.map(([, i]) => rows[i]);
}

function cellClass(column) {
  return `${column.text ? "" : "text"} ${column.rank ?? ""}`.trim();
}

// A row that can be picked has a button in its first cell, for the keyboard.
function bodyRow(row, columns, pick) {
  const made = element("tr");
  if (pick) {
    made.dataset.pick = "";
    made.addEventListener("click", () => pick(row));
  }
  columns.forEach((column, i) => {
    let shown = column.text ? column.text(row) : column.value(row);
    if (pick && i === 0)
      shown = element(
        "button",
        { type: "button", className: "pick", "aria-label": `${column.title} ${shown}: find on the map` },
        shown,
      );
    made.append(element("td", { className: cellClass(column) }, shown));
  });
  return made;
}

// A button for the columns that are left out, if there are any.
function columnsButton(table, columns) {
  if (!columns.some((column) => column.rank)) return [];
  const button = element("button", { type: "button", "aria-pressed": "false" }, "All columns");
  if (!columns.some((column) => column.rank === "extra")) button.className = "narrow-only";
  button.addEventListener("click", () => {
    const all = table.classList.toggle("all-columns");
    button.setAttribute("aria-pressed", all);
    button.textContent = all ? "Main columns" : "All columns";
  });
  return [button];
}

// Fills a place with a table; returns a function that marks a row, or none.
function sortableTable(place, { label, columns, rows, totals, pick }) {
  if (rows.length === 0) {
    place.append(element("p", { className: "empty" }, "None."));
    return () => {};
  }
  let shown = rows;
  let chosen = null;
  let drawn = new Map();
  let all = rows.length <= ROWS_AT_FIRST;
  const body = element("tbody");
  const said = element("span");
  const more = element("button", { type: "button" }, `Show all ${count(rows.length)}`);
  const fill = () => {
    const part = all ? shown : shown.slice(0, ROWS_AT_FIRST);
    drawn = new Map(part.map((row) => [row, bodyRow(row, columns, pick)]));
    body.replaceChildren(...drawn.values());
    choose(chosen);
    more.hidden = all;
    said.textContent = all
      ? `${count(rows.length)} row${rows.length > 1 ? "s" : ""}`
      : `The first ${ROWS_AT_FIRST} of ${count(rows.length)} rows in this order`;
  };
  const choose = (row) => {
    drawn.get(chosen)?.removeAttribute("aria-current");
    chosen = row;
    drawn.get(chosen)?.setAttribute("aria-current", "true");
  };
  const heads = columns.map((column) => {
    const button = element("button", { type: "button" }, column.title);
    const head = element("th", { scope: "col", className: cellClass(column) });
    head.setAttribute("aria-sort", "none");
    button.addEventListener("click", () => {
      const now = head.getAttribute("aria-sort");
      const ascending = now === "none" ? !column.text : now === "descending";
      for (const other of heads) other.setAttribute("aria-sort", "none");
      head.setAttribute("aria-sort", ascending ? "ascending" : "descending");
      shown = sortedRows(rows, column, ascending);
      fill();
    });
    head.append(button);
    return head;
  });
  more.addEventListener("click", () => {
    all = true;
    fill();
  });
  const table = element("table", { "aria-label": label });
  table.append(element("thead", {}, element("tr", {}, ...heads)), body);
  if (totals) table.append(totalRow(columns, rows));
  fill();
  place.append(
    scroller(label, table),
    element("div", { className: "table-foot" }, said, more, ...columnsButton(table, columns)),
  );
  return choose;
}

function totalRow(columns, rows) {
  const cells = columns.map((column, i) => {
    if (i === 0) return element("th", { scope: "row", className: "text" }, "total");
    const className = cellClass(column);
    if (!column.text || !column.adds) return element("td", { className });
    const total = rows.reduce((sum, row) => sum + column.value(row), 0);
    return element("td", { className }, column.number(total));
  });
  return element("tfoot", {}, element("tr", {}, ...cells));
}

function numberColumn(title, value, number = count, adds = true) {
  return { title, value, number, adds, text: (row) => number(value(row)) };
}

// The keyboard reaches it, to scroll.
function scroller(label, table) {
  return element(
    "div", { className: "scroll", tabIndex: 0, role: "region", "aria-label": `${label}, scrolls` },
    table,
  );
}

const wide = (column) => ({ ...column, rank: "wide" });
const extra = (column) => ({ ...column, rank: "extra" });

function textColumn(title, value) {
  return { title, value };
}
