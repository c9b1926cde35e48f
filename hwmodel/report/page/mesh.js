// The map: one square a router (split when it has several cores), two lanes between
// neighbours. Drawn on a canvas, because a mesh may have thousands of cores.

const SIDE = 0.62; // of a router's square; neighbouring routers are 1 apart
const LANE = 0.15; // of a link beside the line between two routers
const LARGEST_CELL = 130;
const SMALLEST_CELL = 10; // smaller ones scroll instead
const LARGEST_CANVAS = 8000; // pixels a side that browsers draw
const ZOOM_STEP = 1.5;
const LIGHT = {
  core: [[226, 235, 247], [24, 62, 122]], link: [[250, 222, 186], [176, 58, 10]],
  idle: "#f4f5f7", edge: "#c3cbd6", dark: "#1b2330", bright: "#ffffff",
  port: "#23864e", router: "#dfe3e8",
};
const DARK = {
  core: [[30, 42, 62], [156, 197, 255]], link: [[62, 44, 27], [255, 172, 92]],
  idle: "#181d25", edge: "#3a4556", dark: "#0d1117", bright: "#e5e9f0",
  port: "#58c98a", router: "#2d3542",
};

function scaleOf(values) {
  let low = Infinity;
  let high = 0;
  for (const v of values) {
    if (v > 0 && v < low) low = v;
    if (v > high) high = v;
  }
  const logarithmic = high > 100 * low;
  const at = (v) => {
    if (!(v > 0)) return 0;
    if (!logarithmic) return v / high;
    return 0.04 + (0.96 * Math.log(v / low)) / Math.log(high / low);
  };
  return { at, high, low: logarithmic ? low : 0, logarithmic };
}

function mixed([from, to], part) {
  const channels = from.map((f, i) => Math.round(f + (to[i] - f) * part));
  return `rgb(${channels.join(" ")})`;
}

// Eight colours that colour-blind readers tell apart (Okabe and Ito 2008, grey for
// black), dark and bright by turns; after eight layers they start again.
const LAYER_COLOURS = [
  "#0072b2", "#e69f00", "#009e73", "#f0e442", "#d55e00", "#56b4e9", "#666666", "#cc79a7",
];
const layerColour = (layer) => LAYER_COLOURS[layer % LAYER_COLOURS.length];

// Where cores and links are, in cells of the grid, y downwards as in the tables.
function layOut(data) {
  const per_side = Math.ceil(Math.sqrt(data.cores_per_router));
  const side = SIDE / per_side;
  const taken = new Map();
  const byRouter = new Map();
  const cores = data.cores.map((core, i) => {
    const [x, y] = core.position;
    const place = taken.get(`${x},${y}`) ?? 0;
    taken.set(`${x},${y}`, place + 1);
    const column = place % per_side;
    const row = Math.floor(place / per_side);
    if (place === 0) byRouter.set(`${x},${y}`, []);
    byRouter.get(`${x},${y}`).push(i);
    return { x: x - SIDE / 2 + side * column, y: y - SIDE / 2 + side * row, side };
  });
  const links = data.links.map((link) => {
    const [dx, dy] = link.step;
    const [x, y] = link.from;
    const lane = [-dy * LANE, dx * LANE];
    const piece = (cx, cy, from, to) => [
      cx + from * dx + lane[0], cy + from * dy + lane[1],
      cx + to * dx + lane[0], cy + to * dy + lane[1],
    ];
    const wraps = link.to[0] !== x + dx || link.to[1] !== y + dy;
    if (!wraps) return [piece(x, y, 0.34, 0.66)];
    return [piece(x, y, 0.34, 0.5), piece(link.to[0], link.to[1], -0.5, -0.34)];
  });
  const [width, height] = data.estimate.mesh;
  const whole = { left: 0, right: width - 1, top: 0, bottom: height - 1 };
  return { cores, links, byRouter, boxes: { used: usedBox(data), whole } };
}

// The routers from the first to the last column and row that anything uses.
function usedBox(data) {
  const [px, py] = data.estimate.input_port;
  const box = { left: px, right: px, top: py, bottom: py };
  const cover = ([x, y]) => {
    box.left = Math.min(box.left, x);
    box.right = Math.max(box.right, x);
    box.top = Math.min(box.top, y);
    box.bottom = Math.max(box.bottom, y);
  };
  for (const core of data.cores) cover(core.position);
  for (const link of data.links) {
    cover(link.from);
    cover(link.to);
  }
  return box;
}

function distanceTo([x0, y0, x1, y1], x, y) {
  const [dx, dy] = [x1 - x0, y1 - y0];
  const along = ((x - x0) * dx + (y - y0) * dy) / (dx * dx + dy * dy);
  const t = Math.min(Math.max(along, 0), 1);
  return Math.hypot(x - x0 - t * dx, y - y0 - t * dy);
}

class MeshMap {
  constructor(data, canvas, view, cursor) {
    Object.assign(this, { data, canvas, view, cursor, shape: layOut(data) });
    this.extent = "used"; // or "whole"
    this.zoom = 1; // times the size that fits
    this.dark = window.matchMedia("(prefers-color-scheme: dark)");
    this.printing = false;
    this.dark.addEventListener("change", () => this.draw());
    window.addEventListener("beforeprint", () => this.draw((this.printing = true)));
    window.addEventListener("afterprint", () => this.draw((this.printing = false)));
    new ResizeObserver(() => this.resize()).observe(view);
  }

  // cores: {values, scale, byLayer}; links: {values, scale}
  show(cores, links) {
    Object.assign(this, { coreColours: cores, linkColours: links });
    this.resize(true);
  }

  get box() {
    return this.shape.boxes[this.extent];
  }

  showExtent(extent) {
    this.extent = extent;
    this.zoom = 1;
    this.resize(true);
  }

  // Larger (1) or smaller (-1); what is marked stays in sight.
  step(direction) {
    this.zoom = Math.max(this.zoom * ZOOM_STEP ** direction, 1);
    this.resize();
    this.zoom = Math.min(this.zoom, this.cell / this.fitting);
    this.reveal();
  }

  reveal() {
    if (this.marked) this.cursor.scrollIntoView({ block: "nearest", inline: "nearest" });
  }

  get isDark() {
    return this.dark.matches && !this.printing;
  }

  get colours() {
    return this.isDark ? DARK : LIGHT;
  }

  resize(force = false) {
    const { left, right, top, bottom } = this.box;
    const columns = right - left + 1.25;
    const rows = bottom - top + 1;
    const width = this.view.clientWidth;
    const ratio = window.devicePixelRatio || 1;
    const largest = Math.min(LARGEST_CELL, LARGEST_CANVAS / ratio / Math.max(columns, rows));
    const fitting = Math.min(width / columns, 900 / rows);
    this.fitting = Math.min(Math.max(fitting, SMALLEST_CELL), largest);
    const cell = Math.min(this.fitting * this.zoom, largest);
    if (!force && cell === this.cell) return;
    this.cell = cell;
    this.canvas.style.width = `${cell * columns}px`;
    this.canvas.style.height = `${cell * rows}px`;
    this.canvas.width = Math.round(cell * columns * ratio);
    this.canvas.height = Math.round(cell * rows * ratio);
    this.origin = [-(left - 0.7), -(top - 0.5)];
    this.draw();
    this.mark(this.marked);
  }

  draw() {
    if (!this.coreColours) return;
    const pen = this.canvas.getContext("2d");
    const ratio = window.devicePixelRatio || 1;
    pen.setTransform(1, 0, 0, 1, 0, 0);
    pen.clearRect(0, 0, this.canvas.width, this.canvas.height);
    const scale = this.cell * ratio;
    pen.setTransform(scale, 0, 0, scale, this.origin[0] * scale, this.origin[1] * scale);
    this.drawRouters(pen);
    this.drawLinks(pen);
    this.drawCores(pen);
    this.drawPort(pen);
  }

  drawRouters(pen) {
    if (this.cell < 10) return;
    const { left, right, top, bottom } = this.box;
    pen.fillStyle = this.colours.router;
    for (let y = top; y <= bottom; y++)
      for (let x = left; x <= right; x++) {
        if (this.shape.byRouter.has(`${x},${y}`)) continue;
        pen.beginPath();
        pen.arc(x, y, 0.06, 0, 7);
        pen.fill();
      }
  }

  drawCores(pen) {
    const { values, scale, byLayer } = this.coreColours;
    pen.lineWidth = Math.min(0.03, 1 / this.cell);
    pen.strokeStyle = this.colours.edge;
    pen.textAlign = "center";
    pen.textBaseline = "middle";
    this.shape.cores.forEach(({ x, y, side }, i) => {
      const part = byLayer ? 0 : scale.at(values[i]);
      const layer = this.data.cores[i].layer_index;
      if (byLayer) pen.fillStyle = layerColour(layer);
      else pen.fillStyle = values[i] > 0
        ? mixed(this.colours.core, part) : this.colours.idle;
      pen.fillRect(x, y, side, side);
      if (this.cell * side > 5) pen.strokeRect(x, y, side, side);
      if (this.cell * side < 16) return;
      pen.font = `${0.42 * side}px system-ui, sans-serif`;
      if (byLayer) pen.fillStyle = inkOn(layerColour(layer));
      else if (this.isDark) pen.fillStyle = part > 0.45 ? DARK.dark : DARK.bright;
      else pen.fillStyle = part > 0.5 ? LIGHT.bright : LIGHT.dark;
      pen.fillText(String(this.data.cores[i].layer_number), x + side / 2, y + side / 2);
    });
  }

  drawLinks(pen) {
    const { values, scale } = this.linkColours;
    const wide = Math.max(0.085, 1 / this.cell);
    this.shape.links.forEach((pieces, i) => {
      if (!(values[i] > 0)) return;
      pen.strokeStyle = pen.fillStyle = mixed(this.colours.link, scale.at(values[i]));
      pen.lineWidth = wide;
      for (const [x0, y0, x1, y1] of pieces) {
        pen.beginPath();
        pen.moveTo(x0, y0);
        pen.lineTo(x1, y1);
        pen.stroke();
      }
      if (this.cell >= 20) this.drawHead(pen, pieces.at(-1));
    });
  }

  drawHead(pen, [x0, y0, x1, y1]) {
    const long = Math.hypot(x1 - x0, y1 - y0);
    const [ux, uy] = [(x1 - x0) / long, (y1 - y0) / long];
    const [bx, by] = [x1 - 0.06 * ux, y1 - 0.06 * uy];
    pen.beginPath();
    pen.moveTo(x1 + 0.06 * ux, y1 + 0.06 * uy);
    pen.lineTo(bx - 0.09 * uy, by + 0.09 * ux);
    pen.lineTo(bx + 0.09 * uy, by - 0.09 * ux);
    pen.fill();
  }

  drawPort(pen) {
    const [x, y] = this.data.estimate.input_port;
    pen.fillStyle = this.colours.port;
    pen.beginPath();
    pen.moveTo(x - 0.36, y);
    pen.lineTo(x - 0.54, y - 0.13);
    pen.lineTo(x - 0.54, y + 0.13);
    pen.fill();
  }

  // What is at a point of the page: {core: i}, {link: i} or null.
  at(clientX, clientY) {
    const frame = this.canvas.getBoundingClientRect();
    const x = (clientX - frame.left) / this.cell - this.origin[0];
    const y = (clientY - frame.top) / this.cell - this.origin[1];
    const router = [Math.round(x), Math.round(y)];
    for (const i of this.shape.byRouter.get(router.join(",")) ?? []) {
      const core = this.shape.cores[i];
      const inside = x >= core.x && x <= core.x + core.side;
      if (inside && y >= core.y && y <= core.y + core.side) return { core: i };
    }
    let best = null;
    let nearest = 0.12;
    this.shape.links.forEach((pieces, i) => {
      for (const piece of pieces) {
        if (Math.abs(piece[0] - x) > 1 || Math.abs(piece[1] - y) > 1) continue;
        const away = distanceTo(piece, x, y);
        if (away < nearest) [nearest, best] = [away, { link: i }];
      }
    });
    return best;
  }

  // The next core from core i in a direction, the straightest first; or i itself.
  next(i, dx, dy) {
    const here = this.shape.cores[i];
    let [best, least] = [i, Infinity];
    this.shape.cores.forEach((core, j) => {
      const [right, down] = [core.x - here.x, core.y - here.y];
      const along = right * dx + down * dy;
      const aside = Math.abs(right * dy) + Math.abs(down * dx);
      const far = along + 3 * aside;
      if (along > 1e-6 && far < least) [best, least] = [j, far];
    });
    return best;
  }

  mark(what) {
    this.marked = what;
    this.cursor.hidden = !what;
    if (!what) return;
    let [x0, y0, x1, y1] = [0, 0, 0, 0];
    if (what.core !== undefined) {
      const { x, y, side } = this.shape.cores[what.core];
      [x0, y0, x1, y1] = [x, y, x + side, y + side];
    } else {
      const [ax, ay, bx, by] = this.shape.links[what.link][0];
      [x0, x1] = [Math.min(ax, bx) - 0.06, Math.max(ax, bx) + 0.06];
      [y0, y1] = [Math.min(ay, by) - 0.06, Math.max(ay, by) + 0.06];
    }
    const place = (value, axis) => (value + this.origin[axis]) * this.cell;
    Object.assign(this.cursor.style, {
      left: `${place(x0, 0) - 2}px`, top: `${place(y0, 1) - 2}px`,
      width: `${(x1 - x0) * this.cell + 4}px`, height: `${(y1 - y0) * this.cell + 4}px`,
    });
  }
}
