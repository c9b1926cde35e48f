// Tables that are sorted by their column heads. A column is
// {title, value: row => number or string, text: row => string}; text columns have
// text: undefined. Long tables show their first rows until asked for all.

const ROWS_AT_FIRST = 25;

function sortedRows(rows, column, ascending) {
  const sign = ascending ? 1 : -1;
  const order = rows.map((row, i) => [column.value(row), i]);
  order.sort(([a, i], [b, j]) => (a < b ? -sign : a > b ? sign : i - j));
  return order.map(([, i]) => rows[i]);
}

function bodyRow(row, columns, pick) {
  const made = element("tr");
  if (pick) {
    made.dataset.pick = "";
    made.addEventListener("click", () => pick(row));
  }
  for (const column of columns) {
    const text = column.text ? column.text(row) : column.value(row);
    made.append(element("td", { className: column.text ? "" : "text" }, text));
  }
  return made;
}

function sortableTable(place, { label, columns, rows, totals, pick }) {
  if (rows.length === 0) {
    place.append(element("p", { className: "empty" }, "None."));
    return;
  }
  let shown = rows;
  let all = rows.length <= ROWS_AT_FIRST;
  const body = element("tbody");
  const said = element("span");
  const more = element("button", { type: "button" }, `Show all ${count(rows.length)}`);
  const fill = () => {
    const part = all ? shown : shown.slice(0, ROWS_AT_FIRST);
    body.replaceChildren(...part.map((row) => bodyRow(row, columns, pick)));
    more.hidden = all;
    said.textContent = all
      ? `${count(rows.length)} row${rows.length > 1 ? "s" : ""}`
      : `The first ${ROWS_AT_FIRST} of ${count(rows.length)} rows in this order`;
  };
  const heads = columns.map((column) => {
    const button = element("button", { type: "button" }, column.title);
    const head = element("th", { scope: "col", className: column.text ? "" : "text" });
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
    element("div", { className: "scroll" }, table),
    element("div", { className: "table-foot" }, said, more),
  );
}

function totalRow(columns, rows) {
  const cells = columns.map((column, i) => {
    if (i === 0) return element("th", { scope: "row", className: "text" }, "total");
    if (!column.text || !column.adds) return element("td");
    const total = rows.reduce((sum, row) => sum + column.value(row), 0);
    return element("td", {}, column.number(total));
  });
  return element("tfoot", {}, element("tr", {}, ...cells));
}

function numberColumn(title, value, number = count, adds = true) {
  return { title, value, number, adds, text: (row) => number(value(row)) };
}

function textColumn(title, value) {
  return { title, value };
}
