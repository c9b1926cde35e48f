// Puts the page together: what is shown on the map, at which time, and what is picked.

const QUANTITIES = {
  sops: ["synaptic operations", (core) => core.sops, count],
  spikes: ["spikes fired", (core) => core.spikes, count],
  joules: ["energy", (core) => core.joules, (v) => quantity(v, "J")],
  neurons: ["neurons", (core) => core.neurons, count],
  layer: ["layer", (core) => core.layer_index, count],
};
const FRAME_MS = 120;

class MeshView {
  constructor(data) {
    this.data = data;
    this.bin = null; // null: the whole inference
    this.picked = null;
    this.onPick = () => {};
    const cursor = byId("cursor");
    this.map = new MeshMap(data, byId("map"), byId("map-width"), cursor);
    this.prepareQuantities();
    this.preparePointing();
    this.prepareSize();
    if (data.playback) this.preparePlayback();
    else byId("no-playback").textContent = `No playback: ${data.no_playback}.`;
    byId("no-playback").hidden = Boolean(data.playback);
    this.paint();
    this.inspect(null);
  }

  prepareQuantities() {
    const select = byId("quantity");
    for (const [name, [title]] of Object.entries(QUANTITIES))
      select.append(element("option", { value: name }, title));
    select.addEventListener("change", () => this.paint());
  }

  prepareSize() {
    const select = byId("extent");
    const { used, whole } = this.map.shape.boxes;
    select.closest("label").hidden = Object.keys(used).every((side) => used[side] === whole[side]);
    select.addEventListener("change", () => this.map.showExtent(select.value));
    byId("larger").addEventListener("click", () => this.map.step(1));
    byId("smaller").addEventListener("click", () => this.map.step(-1));
    for (const [layer, { name }] of this.data.estimate.layers.entries()) {
      const colour = layerColour(layer);
      const key = element("span", { title: name }, String(this.data.layer_numbers[layer]));
      Object.assign(key.style, { background: colour, color: inkOn(colour) });
      byId("layer-key").append(key);
    }
  }

  preparePointing() {
    const canvas = byId("map");
    const steps = {
      ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1],
    };
    canvas.addEventListener("pointermove", (event) => {
      const found = this.map.at(event.clientX, event.clientY);
      this.point(found ?? this.picked);
    });
    canvas.addEventListener("pointerleave", () => this.point(this.picked));
    canvas.addEventListener("click", (event) => {
      this.pick(this.map.at(event.clientX, event.clientY));
    });
    canvas.addEventListener("focus", () => {
      if (!this.picked && canvas.matches(":focus-visible")) this.pick({ core: 0 });
    });
    canvas.addEventListener("keydown", (event) => {
      const now = this.picked?.core ?? 0;
      const last = this.data.cores.length - 1;
      if (event.key in steps) this.pick({ core: this.map.next(now, ...steps[event.key]) });
      else if (event.key === "Home") this.pick({ core: 0 });
      else if (event.key === "End") this.pick({ core: last });
      else if (event.key === "Escape") this.pick(null);
      else if (event.key === "+") this.map.step(1);
      else if (event.key === "-") this.map.step(-1);
      else return;
      event.preventDefault();
    });
  }

  pick(what) {
    this.picked = what;
    this.point(what);
    this.map.reveal();
    this.onPick(what);
  }

  point(what) {
    if (what?.core === this.pointed?.core && what?.link === this.pointed?.link) return;
    this.pointed = what;
    this.map.mark(what);
    this.inspect(what);
  }

  coreValues() {
    if (this.bin !== null) return this.data.playback.core_spikes[this.bin];
    const [, value] = QUANTITIES[byId("quantity").value];
    return this.data.cores.map(value);
  }

  linkValues() {
    if (this.bin !== null) return this.data.playback.link_packets[this.bin];
    return this.data.links.map((link) => link.packets);
  }

  paint() {
    const playing = this.bin !== null;
    const name = byId("quantity").value;
    const byLayer = name === "layer" && !playing;
    byId("quantity").disabled = playing;
    const values = this.coreValues();
    const packets = this.linkValues();
    const coreScale = playing ? this.binScales.cores : scaleOf(values);
    const linkScale = playing ? this.binScales.links : scaleOf(packets);
    this.map.show({ values, scale: coreScale, byLayer }, { values: packets, scale: linkScale });
    byId("layer-key").hidden = !byLayer;
    const [title, , number] = QUANTITIES[playing ? "spikes" : name];
    legend("core", playing ? "spikes" : title, coreScale, number, byLayer);
    legend("link", "packets on links", linkScale, count, this.data.links.length === 0);
  }

  inspect(what) {
    const box = byId("inspector");
    if (!what) {
      box.replaceChildren(
        element("h3", {}, "Nothing chosen"),
        element("p", {}, "Point at a core or a link, or focus the map and use the arrow keys, + and −. The triangle is the input port; numbers are layers."),
      );
      return;
    }
    const isCore = what.core !== undefined;
    const [title, entries] = isCore ? this.coreFacts(what.core) : this.linkFacts(what.link);
    box.replaceChildren(
      element("h3", {}, title),
      pairs(element("dl", { className: "pairs" }), entries),
    );
  }

  coreFacts(i) {
    const core = this.data.cores[i];
    const entries = [
      ["layer", core.layer],
      ["place", `(${core.position.join(", ")})`],
      ["neurons", count(core.neurons)],
      ...(core.copies > 0 ? [["copies of neurons", count(core.copies)]] : []),
      ["spikes", count(core.spikes)],
      ["SOPs", count(core.sops)],
      ["energy", quantity(core.joules, "J")],
    ];
    if (this.bin !== null)
      entries.push(["spikes now", count(this.data.playback.core_spikes[this.bin][i])]);
    return [`Core ${core.core}`, entries];
  }

  linkFacts(i) {
    const link = this.data.links[i];
    const entries = [
      ["from", `(${link.from.join(", ")})`],
      ["to", `(${link.to.join(", ")})`],
      ["packets", count(link.packets)],
      ["energy", quantity(link.joules, "J")],
    ];
    if (this.bin !== null)
      entries.push(["packets now", count(this.data.playback.link_packets[this.bin][i])]);
    return ["Link", entries];
  }

  preparePlayback() {
    const { bin_edges_s, core_spikes, link_packets } = this.data.playback;
    this.binScales = {
      cores: scaleOf(core_spikes.flat()), links: scaleOf(link_packets.flat()),
    };
    const slider = byId("time");
    slider.max = bin_edges_s.length - 2;
    slider.addEventListener("input", () => {
      this.stop();
      this.goTo(slider.valueAsNumber);
    });
    byId("play").addEventListener("click", () => (this.timer ? this.stop() : this.play()));
    byId("whole").addEventListener("click", () => {
      this.stop();
      this.goTo(null);
    });
    byId("sparkline").append(sparkline(core_spikes.map((row) => row.reduce((a, b) => a + b, 0))));
    byId("playback").hidden = false;
    this.goTo(null);
  }

  play() {
    const last = this.data.playback.bin_edges_s.length - 2;
    if (this.bin === null || this.bin === last) this.goTo(0);
    byId("play").textContent = "Pause";
    this.timer = setInterval(() => {
      if (this.bin >= last) this.stop();
      else this.goTo(this.bin + 1);
    }, FRAME_MS);
  }

  stop() {
    clearInterval(this.timer);
    this.timer = null;
    byId("play").textContent = "Play";
  }

  goTo(bin) {
    this.bin = bin;
    const slider = byId("time");
    const edges = this.data.playback.bin_edges_s;
    slider.value = bin ?? 0;
    const text = bin === null
      ? "whole inference"
      : `${quantity(edges[bin], "s")} to ${quantity(edges[bin + 1], "s")}`;
    slider.setAttribute("aria-valuetext", text);
    byId("time-text").textContent = text;
    byId("whole").disabled = bin === null;
    this.paint();
    if (this.pointed) this.inspect(this.pointed);
  }
}

function legend(which, title, scale, number, hidden) {
  byId(`${which}-ramp`).hidden = hidden;
  byId(`${which}-legend-title`).textContent = hidden ? "" : title;
  const [from, to] = [0, 1].map((part) => {
    const light = mixed(LIGHT[which], part);
    return `light-dark(${light}, ${mixed(DARK[which], part)})`;
  });
  byId(`${which}-ramp`).style.background = `linear-gradient(to right, ${from}, ${to})`;
  const kind = scale.logarithmic ? " (log)" : "";
  const range = `${number(scale.low)} – ${number(scale.high)}${kind}`;
  byId(`${which}-range`).textContent = hidden ? "" : range;
}

function sparkline(totals) {
  const high = Math.max(...totals, 1);
  const width = 100 / totals.length;
  const points = totals.flatMap((v, i) => {
    const y = 23 - (22 * v) / high;
    return [`L${(i * width).toFixed(3)} ${y.toFixed(2)}`, `L${((i + 1) * width).toFixed(3)} ${y.toFixed(2)}`];
  });
  const path = document.createElementNS("http://www.w3.org/2000/svg", "path");
  path.setAttribute("d", `M0 24${points.join("")}L100 24Z`);
  return path;
}

// Everything about a core or link in one record, in the order of the estimate.
function joined(data) {
  data.cores = data.estimate.core_load.map((core, i) => ({
    ...core, joules: data.core_energy_j[i], layer_index: data.core_layer[i],
    layer_number: data.layer_numbers[data.core_layer[i]],
  }));
  data.links = data.estimate.links.map((link, i) => ({
    ...link, link: i, step: data.link_steps[i], joules: data.link_energy_j[i],
  }));
  return data;
}

const data = joined(JSON.parse(byId("data").textContent));
showHead(data);
showRemarks("warnings", data.estimate.warnings);
showEnergy(data);
const view = new MeshView(data);
const goTo = (what) => {
  view.pick(what);
  byId("map").focus({ preventScroll: true });
  byId("mesh").scrollIntoView({ block: "nearest" });
};
view.onPick = showTables(data, (core) => goTo({ core: core.core }), (link) => goTo({ link: link.link }));
for (const id of ["cores", "links"])
  byId(id).querySelector("h2").after(element("p", { className: "empty" }, data.places[id]));
showNeuroBench(data.estimate.neurobench);
showRemarks("notes", data.estimate.notes);
showProvenance(data.estimate.model);
