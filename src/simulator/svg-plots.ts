// The plots of the page as inline SVG: columns by day, lines by day, a field of SIMs by day, bars. Colours come from the
// page's style, so that they follow light and dark. Every mark names its value.
import { escaped } from './html-text.js';
import { axisTo, px, someIndexes } from './svg-scale.js';
import { grouped } from './text-table.js';

const WIDTH = 960;
const LEFT = 56;
const RIGHT = 12;
const TOP = 12;
const BOTTOM = 26;
const PLOT = WIDTH - LEFT - RIGHT;

export interface Series {
  readonly name: string;
  /** A class of the style: `a` to `d`. */
  readonly colour: string;
  readonly values: readonly number[];
}

/** Stacked columns, the first series lowest. */
export function columnPlot(label: string, names: readonly string[], series: readonly Series[], height = 240): string {
  const totals = names.map((_, index) => series.reduce((sum, { values }) => sum + (values[index] ?? 0), 0));
  const axis = axisTo(Math.max(0, ...totals));
  const room = height - TOP - BOTTOM;
  const slot = PLOT / Math.max(1, names.length);
  const width = Math.max(0.8, Math.min(48, slot * 0.78));
  const columns = names.flatMap((name, index) => {
    let base = height - BOTTOM;
    return series.flatMap(({ name: what, colour, values }) => {
      const value = values[index] ?? 0;
      if (value <= 0) return [];
      const tall = (value / axis.most) * room;
      base -= tall;
      const place = `x="${px(LEFT + index * slot + (slot - width) / 2)}" y="${px(base)}"`;
      const title = escaped(`${name}: ${grouped(value)} ${what}`);
      return [
        `<rect class="${colour}" ${place} width="${px(width)}" height="${px(tall)}"><title>${title}</title></rect>`,
      ];
    });
  });
  const grid = gridOf(
    axis.ticks.map((tick) => ({ at: height - BOTTOM - (tick / axis.most) * room, text: grouped(tick) })),
  );
  return svg(label, height, [...grid, ...columns, ...namesBelow(names, slot, height)]);
}

/** Steps of what was used at the end of each day, in percent of a limit. */
export function sharePlot(label: string, names: readonly string[], series: readonly Series[], height = 200): string {
  const most = Math.max(100, ...series.flatMap(({ values }) => values));
  const axis = axisTo(most);
  const room = height - TOP - BOTTOM;
  const slot = PLOT / Math.max(1, names.length);
  const yOf = (value: number) => height - BOTTOM - (value / axis.most) * room;
  const lines = series.map(({ name, colour, values }) => {
    const steps = values.map((value, index) => `${index === 0 ? 'M' : 'V'}${stepOf(index, value)}`);
    const last = values.at(-1) ?? 0;
    return `<path class="line ${colour}" d="${steps.join('')}"><title>${escaped(`${name}: ${grouped(last)} % at the end`)}</title></path>`;
    function stepOf(index: number, value: number): string {
      const y = px(yOf(value));
      const x = px(LEFT + (index + 1) * slot);
      return index === 0 ? `${px(LEFT)} ${y}H${x}` : `${y}H${x}`;
    }
  });
  const grid = gridOf(axis.ticks.map((tick) => ({ at: yOf(tick), text: `${grouped(tick)} %` })));
  const full = `<line class="full" x1="${LEFT}" x2="${WIDTH - RIGHT}" y1="${px(yOf(100))}" y2="${px(yOf(100))}"/>`;
  return svg(label, height, [...grid, full, ...lines, ...namesBelow(names, slot, height)]);
}

export interface FieldRow {
  readonly name: string;
  readonly values: readonly number[];
}

/** A row a SIM, a column a day: the fuller, the stronger. */
export function fieldPlot(label: string, names: readonly string[], rows: readonly FieldRow[], unit: string): string {
  const left = roomFor(rows.map(({ name }) => name));
  const tall = rows.length > 40 ? 8 : 16;
  const slot = (WIDTH - left - RIGHT) / Math.max(1, names.length);
  const most = Math.max(1, ...rows.flatMap(({ values }) => values));
  const height = TOP + rows.length * tall + BOTTOM;
  const cells = rows.flatMap(({ name, values }, row) =>
    values.flatMap((value, index) => {
      if (value === 0) return [];
      const place = `x="${px(left + index * slot)}" y="${px(TOP + row * tall)}"`;
      const size = `width="${px(Math.max(0.8, slot - 1))}" height="${tall - 1}"`;
      const strength = (0.15 + (0.85 * value) / most).toFixed(2);
      const title = escaped(`${name}, ${names[index]}: ${grouped(value)} ${unit}`);
      return [`<rect class="a" ${place} ${size} opacity="${strength}"><title>${title}</title></rect>`];
    }),
  );
  const named = tall < 12 ? someIndexes(rows.length, Math.ceil(rows.length / 2)) : rows.map((_, index) => index);
  const labels = named.map(
    (row) =>
      `<text class="end${tall < 12 ? ' small' : ''}" x="${px(left - 8)}" y="${px(TOP + row * tall + tall * 0.75)}">${escaped(rows[row]?.name ?? '')}</text>`,
  );
  const below = someIndexes(names.length, 16).map(
    (index) =>
      `<text class="middle" x="${px(left + (index + 0.5) * slot)}" y="${height - 8}">${escaped(names[index] ?? '')}</text>`,
  );
  return svg(label, height, [
    `<rect class="ground" x="${px(left)}" y="${TOP}" width="${px(WIDTH - left - RIGHT)}" height="${rows.length * tall}"/>`,
    ...cells,
    ...labels,
    ...below,
  ]);
}

export interface Bar {
  readonly name: string;
  readonly value: number;
  readonly text: string;
  readonly colour: string;
}

/** Lying bars, each with its value behind it. */
export function barPlot(label: string, bars: readonly Bar[]): string {
  const left = roomFor(bars.map(({ name }) => name));
  const most = Math.max(1e-9, ...bars.map(({ value }) => value));
  const marks = bars.flatMap(({ name, value, text, colour }, index) => {
    const y = TOP + index * 32;
    const width = (value / most) * (WIDTH - left - 190);
    return [
      `<text class="end" x="${px(left - 10)}" y="${y + 18}">${escaped(name)}</text>`,
      `<rect class="${colour}" x="${px(left)}" y="${y + 3}" width="${px(Math.max(1, width))}" height="22"><title>${escaped(`${name}: ${text}`)}</title></rect>`,
      `<text x="${px(left + Math.max(1, width) + 8)}" y="${y + 18}">${escaped(text)}</text>`,
    ];
  });
  return svg(label, TOP + bars.length * 32 + 4, marks);
}

/** Width for names on the left, about as wide as they are. */
function roomFor(names: readonly string[]): number {
  return 24 + Math.min(52, Math.max(12, ...names.map(({ length }) => length))) * 6.6;
}

export function legend(series: readonly Pick<Series, 'name' | 'colour'>[]): string {
  const keys = series.map(({ name, colour }) => `<li><span class="key ${colour}"></span>${escaped(name)}</li>`);
  return `<ul class="legend">${keys.join('')}</ul>`;
}

function gridOf(ticks: readonly { readonly at: number; readonly text: string }[]): string[] {
  return ticks.flatMap(({ at, text }) => [
    `<line class="grid" x1="${LEFT}" x2="${WIDTH - RIGHT}" y1="${px(at)}" y2="${px(at)}"/>`,
    `<text class="end" x="${LEFT - 8}" y="${px(at + 4)}">${escaped(text)}</text>`,
  ]);
}

function namesBelow(names: readonly string[], slot: number, height: number): string[] {
  return someIndexes(names.length, 16).map(
    (index) =>
      `<text class="middle" x="${px(LEFT + (index + 0.5) * slot)}" y="${height - 8}">${escaped(names[index] ?? '')}</text>`,
  );
}

function svg(label: string, height: number, marks: readonly string[]): string {
  return `<div class="wide"><svg role="img" aria-label="${escaped(label)}" viewBox="0 0 ${WIDTH} ${height}">${marks.join('')}</svg></div>`;
}
