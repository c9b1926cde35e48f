// The head of the page: what was asked, what it costs, by action.

const ENERGY_COLOURS = {
  sop: "#3b6fb6", neuron_update: "#5aa0a8", spike: "#7a68b3", axon_in: "#b3689a",
  axon_out: "#c98aa9", router: "#c9b03c", hop: "#e08a3c", chip_crossing: "#b5472f",
  static: "#8c8c8c",
};

function tile(term, value, remark) {
  const shown = element("dd", {}, value);
  if (remark) shown.append(element("small", {}, remark));
  return element("div", {}, element("dt", {}, term), shown);
}

function showHead(data) {
  const e = data.estimate;
  const declared = e.model.declared;
  const of = declared
    ? "declared spikes"
    : `means of ${count(e.n_samples)} inference${e.n_samples > 1 ? "s" : ""}`;
  byId("subtitle").textContent = `on ${e.chip}, ${e.casting}, ${of}`;
  const numbered = (n, what) => `${count(n)} ${what}${n === 1 ? "" : "s"}`;
  const steps = `${numbered(e.steps, "step")}, ${numbered(e.windows, "window")}`;
  const chips = e.chips > 1 ? `, ${count(e.chips)} chips` : "";
  byId("tiles").append(
    tile("Energy", quantity(e.energy_j.total, "J"), "per inference"),
    tile("Latency", quantity(e.latency_s, "s"), steps),
    tile("Cores", count(e.cores), `${e.mesh.join(" × ")} ${data.topology}${chips}`),
    tile("Synaptic operations", count(e.sops)),
    tile("Spikes", count(e.spikes), `+ ${count(e.spikes_by_origin.input)} of the input`),
    tile("Hops", count(e.hops), `${count(e.packets)} packets`),
  );
  if (e.normalised_energy !== null) {
    const value = Number(e.normalised_energy.toPrecision(4)).toString();
    byId("tiles").append(tile("Normalised energy", value, "rate-coded VGG16 = 1"));
  }
}

function showEnergy(data) {
  const energy = data.estimate.energy_j;
  const names = Object.keys(energy).filter((name) => name !== "total");
  const bar = byId("energy-bar");
  const said = [];
  for (const name of names) {
    const part = energy[name];
    if (!(part > 0)) continue;
    const text = `${data.titles[name]}: ${quantity(part, "J")}`;
    said.push(`${text}, ${share(part, energy.total)}`);
    const piece = element("span", { title: text });
    if (part > 0.12 * energy.total) piece.append(data.titles[name]);
    piece.style.color = inkOn(ENERGY_COLOURS[name]);
    piece.style.flex = `${part / energy.total} 0 0`;
    piece.style.background = ENERGY_COLOURS[name];
    bar.append(piece);
  }
  bar.setAttribute("aria-label", said.join("; ") || "no energy");
  const head = ["spent on", "energy", "share", "price"].map((title, i) =>
    element("th", { scope: "col", className: i === 0 ? "text" : "" }, title),
  );
  const rows = [...names, "total"].map((name) => {
    const swatch = element("span", { className: "swatch" });
    swatch.style.background = ENERGY_COLOURS[name] ?? "transparent";
    return element(
      "tr",
      { className: name === "total" ? "total" : "" },
      element("td", { className: "text" }, swatch, data.titles[name] ?? name),
      element("td", {}, quantity(energy[name], "J")),
      element("td", {}, share(energy[name], energy.total)),
      element("td", { className: "price" }, data.prices[name] ?? ""),
    );
  });
  byId("energy-table").append(
    element(
      "table",
      { "aria-label": "Energy by action" },
      element("thead", {}, element("tr", {}, ...head)),
      element("tbody", {}, ...rows),
    ),
  );
}

function showRemarks(id, remarks) {
  const section = byId(id);
  section.hidden = remarks.length === 0;
  section.querySelector("ul").append(...remarks.map((r) => element("li", {}, r)));
}

function showProvenance(model) {
  const entries = Object.entries(model).map(([key, value]) => [key, String(value)]);
  byId("provenance").hidden = entries.length === 0;
  pairs(byId("provenance").querySelector("dl"), entries);
}

function showNeuroBench(metrics) {
  const known = (value, text) => (value === null ? "unknown" : text(value));
  const part = (value) => value.toFixed(4);
  const length = Number(metrics.step_windows.toPrecision(4));
  const rows = [
    ["footprint", known(metrics.footprint, (v) => `${count(v)} bytes`)],
    ["connection sparsity", part(metrics.connection_sparsity)],
    ["activation sparsity", known(metrics.activation_sparsity, part)],
    ["spikes per neuron", Number(metrics.spikes_per_neuron.toPrecision(4)).toString()],
    ["effective ACs", known(metrics.effective_acs, count)],
    ["effective MACs", known(metrics.effective_macs, count)],
    ["dense operations", count(metrics.dense)],
    ["membrane updates, by events", count(metrics.membrane_updates_events)],
    ["membrane updates, by steps", count(metrics.membrane_updates_steps)],
  ].map(([name, text]) =>
    element(
      "tr", {},
      element("td", { className: "text" }, name),
      element("td", {}, text),
    ),
  );
  const steps = `Over ${count(metrics.steps)} nominal steps of ${length} firing windows each.`;
  byId("neurobench").append(
    element("p", { className: "empty" }, [steps, ...metrics.notes].join(" ")),
    element("table", { "aria-label": "NeuroBench" }, element("tbody", {}, ...rows)),
  );
}

// Returns a function that marks the row of what is picked on the map.
function showTables(data, pickCore, pickLink) {
  const e = data.estimate;
  const joules = (value) => quantity(value, "J");
  const terms = Object.keys(e.layers[0].energy_j).filter((term) =>
    e.layers.some((layer) => layer.energy_j[term] > 0),
  );
  const dynamic = (layer) => Object.values(layer.energy_j).reduce((a, b) => a + b, 0);
  sortableTable(byId("layers"), {
    label: "Layers", rows: e.layers, totals: true,
    columns: [
      textColumn("layer", (l) => l.name),
      extra(textColumn("kind", (l) => l.kind)),
      wide(numberColumn("neurons", (l) => l.neurons)),
      wide(numberColumn("cores", (l) => l.cores)),
      extra(numberColumn("synapses", (l) => l.synapses)),
      wide(numberColumn("spikes in", (l) => l.spikes_in)),
      wide(numberColumn("fired", (l) => l.spikes)),
      numberColumn("SOPs", (l) => l.sops),
      extra(numberColumn("packets in", (l) => l.packets)),
      wide(numberColumn("hops in", (l) => l.hops)),
      numberColumn("dynamic energy", dynamic, joules),
      ...terms.map((t) =>
        extra(numberColumn(`energy of ${data.titles[t]}`, (l) => l.energy_j[t], joules)),
      ),
    ],
  });
  const copied = data.cores.some((core) => core.copies > 0);
  const chooseCore = sortableTable(byId("cores"), {
    label: "Cores", rows: data.cores, totals: true, pick: pickCore,
    columns: [
      numberColumn("core", (c) => c.core, String, false),
      wide(numberColumn("x", (c) => c.position[0], String, false)),
      wide(numberColumn("y", (c) => c.position[1], String, false)),
      textColumn("layer", (c) => c.layer),
      wide(numberColumn("neurons", (c) => c.neurons)),
      ...(copied ? [wide(numberColumn("copies", (c) => c.copies))] : []),
      wide(numberColumn("fired", (c) => c.spikes)),
      numberColumn("SOPs", (c) => c.sops),
      numberColumn("energy", (c) => c.joules, joules),
    ],
  });
  const chooseLink = sortableTable(byId("links"), {
    label: "Links", rows: data.links, totals: true, pick: pickLink,
    columns: [
      numberColumn("link", (l) => l.link, String, false),
      numberColumn("from x", (l) => l.from[0], String, false),
      numberColumn("from y", (l) => l.from[1], String, false),
      numberColumn("to x", (l) => l.to[0], String, false),
      numberColumn("to y", (l) => l.to[1], String, false),
      numberColumn("packets", (l) => l.packets),
      numberColumn("energy", (l) => l.joules, joules),
    ],
  });
  return (what) => {
    chooseCore(data.cores[what?.core]);
    chooseLink(data.links[what?.link]);
  };
}
