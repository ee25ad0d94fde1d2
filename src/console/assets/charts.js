// Draws how a job has done, and goes on while it runs. Points are few: the server keeps them sparser with age.

const box = document.getElementById('charts');
const EVERY_MS = 5000;
// So often all points are asked for anew, since those of the server have grown sparser meanwhile.
const RENEW = 120;
const ROWS = 20;

// A canvas knows neither variables nor the two sides of a colour: an element has to work it out.
const probe = box.appendChild(document.createElement('span'));
probe.hidden = true;
const colour = name => {
  probe.style.color = `var(${name})`;
  return getComputedStyle(probe).color;
};
const seconds = ms => (ms === undefined ? null : ms / 1000);

/** What each chart shows: its lines, and how a point becomes their values. */
const charts = {
  rate: {
    lines: [
      ['Read', '--accent'],
      ['Written', '--good'],
      ['Dead letters', '--bad'],
    ],
    values: (_, from, to) => {
      const span = (to.time - from.time) / 1000;
      const rate = key => (span > 0 ? Math.max(0, to[key] - from[key]) / span : null);
      return [rate('read'), rate('written'), rate('deadLettered')];
    },
  },
  lag: { lines: [['Behind', '--accent']], values: point => [seconds(point.lagMs)] },
  latency: { lines: [['Until durable', '--accent']], values: point => [seconds(point.latencyMs)] },
  memory: {
    lines: [['Memory', '--accent']],
    values: point => [point.memoryBytes === undefined ? null : point.memoryBytes / 1e6],
  },
  backlog: {
    lines: [['Backlog', '--warn']],
    values: point => [point.backlogElements ?? point.backlogBytes ?? null],
  },
};

const drawn = new Map();
let points = [];
let rounds = 0;

async function load() {
  const isWhole = rounds++ % RENEW === 0;
  const after = isWhole ? 0 : (points.at(-1)?.time ?? 0);
  const response = await fetch(`${box.dataset.points}?after=${after}`);
  if (!response.ok) return;
  const { points: more } = await response.json();
  if (isWhole) points = more;
  else points.push(...more);
  if (more.length > 0 || isWhole) draw();
}

function draw() {
  box.querySelector('[data-empty]').hidden = points.length > 1;
  for (const [name, chart] of Object.entries(charts)) {
    const figure = box.querySelector(`[data-chart="${name}"]`);
    // The first one has the rate of what follows, each other one that of what came before it.
    const rows = points.map((point, i) =>
      chart.values(point, points[Math.max(0, i - 1)], points[Math.max(1, i)] ?? point),
    );
    const isEmpty = points.length < 2 || rows.every(values => values.every(value => value === null));
    figure.hidden = isEmpty;
    if (isEmpty) continue;
    const data = [
      points.map(({ time }) => time / 1000),
      ...chart.lines.map((_, line) => rows.map(values => values[line])),
    ];
    const plot = drawn.get(name);
    if (plot) plot.setData(data);
    else drawn.set(name, plotIn(figure, chart, data));
  }
  table();
}

const DAY = '{YYYY}-{MM}-{DD}';
/**
 * How uPlot writes the times at the axis: for ticks of at least so many seconds what each says, and what is added where a
 * new year, month, day, hour or minute begins.
 */
const TIMES = [
  [31_536_000, '{YYYY}', null, null, null, null, null, null, 1],
  [2_419_200, '{MMM}', '\n{YYYY}', null, null, null, null, null, 1],
  [86_400, '{MM}-{DD}', '\n{YYYY}', null, null, null, null, null, 1],
  [60, '{HH}:{mm}', `\n${DAY}`, null, '\n{MM}-{DD}', null, null, null, 1],
  [1, '{HH}:{mm}:{ss}', `\n${DAY}`, null, '\n{MM}-{DD}', null, null, null, 1],
  [0.001, ':{ss}.{fff}', `\n${DAY} {HH}:{mm}`, null, '\n{MM}-{DD} {HH}:{mm}', null, '\n{HH}:{mm}', null, 1],
];

function plotIn(figure, { lines }, data) {
  const axis = {
    stroke: () => colour('--ink-2'),
    grid: { stroke: () => colour('--line'), width: 1 },
    ticks: { stroke: () => colour('--line'), width: 1 },
    font: '11px system-ui, sans-serif',
  };
  return new uPlot(
    {
      ...sizeOf(figure),
      tzDate: at => uPlot.tzDate(new Date(at * 1000), 'Etc/UTC'),
      cursor: { drag: { x: true, y: false } },
      legend: { show: lines.length > 1, live: true },
      scales: { y: { range: (_, min, max) => [Math.min(0, min), Math.max(1, max * 1.1)] } },
      axes: [
        { ...axis, values: TIMES, space: 64 },
        { ...axis, size: 56, values: (_, values) => values.map(short) },
      ],
      series: [
        { label: 'Time, UTC', value: (_, at) => (at === null ? '–' : dated(at)) },
        ...lines.map(([label, variable]) => ({
          label,
          stroke: () => colour(variable),
          width: 2,
          points: { show: data[0].length < 3 },
          value: (_, value) => (value === null ? '–' : short(value)),
        })),
      ],
    },
    data,
    figure,
  );
}

const dated = at => new Date(at * 1000).toISOString().slice(0, 19).replace('T', ' ');

const short = value =>
  new Intl.NumberFormat('en', { notation: 'compact', maximumFractionDigits: 1 }).format(value);

const sizeOf = figure => ({
  width: Math.max(200, figure.clientWidth),
  height: figure.dataset.chart === 'rate' ? 220 : 130,
});

/** For those who cannot see the charts. */
function table() {
  const rows = points
    .slice(-ROWS)
    .reverse()
    .map(({ time, read, written, deadLettered }) => {
      const row = document.createElement('tr');
      const texts = [new Date(time).toISOString().slice(11, 19), read, written, deadLettered];
      for (const [i, text] of texts.entries()) {
        const cell = row.insertCell();
        cell.textContent = typeof text === 'number' ? text.toLocaleString('en') : text;
        if (i > 0) cell.className = 'number';
      }
      return row;
    });
  box.querySelector('[data-rows]').replaceChildren(...rows);
}

new ResizeObserver(() => {
  for (const [name, plot] of drawn) plot.setSize(sizeOf(box.querySelector(`[data-chart="${name}"]`)));
}).observe(box);
const redraw = () => {
  for (const plot of drawn.values()) plot.redraw(false);
};
matchMedia('(prefers-color-scheme: dark)').addEventListener('change', redraw);
new MutationObserver(redraw).observe(document.documentElement, { attributeFilter: ['data-theme'] });

await load();
// The next ones are asked for when those before have come, however long they take.
const again = () =>
  setTimeout(async () => {
    if (!document.hidden) await load().catch(() => {});
    again();
  }, EVERY_MS);
if (box.dataset.live) again();
