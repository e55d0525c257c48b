// The page of measures: what decisions say of the guardrail, as drawings.
import { api, failed, itemPicture, make, named, percent, reasons, say } from './desk_common.js';

const WIDE = 640;

export async function showMeasures(place) {
  place.replaceChildren(make('p.aside', {}, say('desk.loading')));
  let found;
  try { found = await api('measures'); } catch (error) { failed(error); return; }
  const decided = found.looks.approve + found.looks.replace + found.looks.reject + found.overall.n;
  place.replaceChildren(...[
    make('div.row.exports', {}, ...['csv', 'jsonl'].map((kind) => make('button', { 'data-export': kind, onclick: () => save(kind) }, `${say('desk.export')} (${kind.toUpperCase()})`))),
    decided ? null : make('p.aside', {}, say('desk.no_measures')),
    make('div.charts', {}, [
      found.overall.n ? card('desk.kappa', kappa(found.overall), say('desk.kappa_how', { n: found.overall.n })) : null,
      found.overall.n ? card('desk.pairs_by', square(found.overall), say('desk.agreement', { share: percent(found.overall.agreement) })) : null,
      found.by_category.length ? card('desk.by_category', stacked(found.by_category.map((row) => ({ name: named(row.category), ...row })), KINDS), null, legend(KINDS)) : null,
      found.rejected_items.length ? card('desk.rejected_items', items(found.rejected_items)) : null,
      found.reasons.length ? card('desk.reasons', bars(found.reasons.map((row) => [say(reasons.find(([code]) => code === row.reason)[1]), row.count]))) : null,
      found.by_day.length ? card('desk.by_day', days(found.by_day), null, legend(ACTS)) : null,
      found.latency.n ? card('desk.latency', waits(found.latency),
        say('desk.latency_how', { n: found.latency.n, p50: found.latency.p50.toFixed(2), p95: found.latency.p95.toFixed(2) })) : null,
      found.latency.n ? card('desk.steps', bars(found.latency.steps.map((step) => [say(`step.${step.name}`), 1000 * step.mean_s]), (ms) => ms.toFixed(1))) : null,
    ]),
  ].filter(Boolean));
}

async function save(kind) {
  try {
    const link = make('a', { href: URL.createObjectURL(await api(`export?format=${kind}`)), download: `decisions.${kind}` });
    link.click();
    setTimeout(() => URL.revokeObjectURL(link.href), 60000);
  } catch (error) { failed(error); }
}

const KINDS = [['yes_yes', 'desk.both_yes', 'yes'], ['no_no', 'desk.both_no', 'calm'], ['yes_no', 'desk.false_yes', 'no'], ['no_yes', 'desk.false_no', 'warn']];
const ACTS = [['approve', 'desk.approve', 'yes'], ['replace', 'desk.replace', 'warn'], ['reject', 'desk.reject', 'no']];

function card(title, drawing, note = null, key = null) {
  return make('section.chart', {}, make('h2', {}, say(title)), note ? make('p.small', {}, note) : null, drawing, key);
}

const legend = (kinds) => make('ul.legend', {}, kinds.map(([, key, tone]) => make('li', {}, make(`i.${tone}`), say(key))));
const drawing = (height, label, ...children) => make('svg', { viewBox: `0 0 ${WIDE} ${height}`, role: 'img', 'aria-label': label }, ...children);
const word = (x, y, content, anchor = 'start', look = '') => make(`text${look ? `.${look}` : ''}`, { x, y, 'text-anchor': anchor }, content);
const rect = (x, y, width, height, tone, told) => make(`rect.${tone}`, { x, y, width: Math.max(0, width), height: Math.max(0, height), rx: 3 }, told ? make('title', {}, told) : null);

// Kappa as a point with its interval on a line from -1 to 1.
function kappa(all) {
  if (all.kappa === null) return drawing(90, '–', word(WIDE / 2, 60, '–', 'middle', 'huge'));
  const x = (value) => 40 + (WIDE - 80) * (value + 1) / 2;
  const ticks = [-1, -0.5, 0, 0.5, 1];
  return drawing(150, `${say('desk.kappa')} ${all.kappa.toFixed(2)} (${all.kappa_low.toFixed(2)} – ${all.kappa_high.toFixed(2)})`,
    word(x(all.kappa), 46, all.kappa.toFixed(2), 'middle', 'huge'),
    rect(x(-1), 84, x(1) - x(-1), 8, 'ground'), rect(x(all.kappa_low), 80, x(all.kappa_high) - x(all.kappa_low), 16, 'soft'),
    make('circle.accent', { cx: x(all.kappa), cy: 88, r: 9 }), ...ticks.map((tick) => word(x(tick), 124, tick, 'middle')));
}

// Four squares, model down, stylist across; each square's area is its count.
function square(all) {
  const most = Math.max(all.yes_yes, all.yes_no, all.no_yes, all.no_no, 1), side = 96;
  const cell = (column, line, count, key, tone) => {
    const length = side * Math.sqrt(count / most), left = 60 + column * 290, top = 10 + line * 112;
    return make('g', {}, rect(left + (side - length) / 2, top + (side - length) / 2, length, length, tone, `${say(key)}: ${count}`),
      word(left + side + 14, top + side / 2 - 2, count.toLocaleString(), 'start', 'big'), word(left + side + 14, top + side / 2 + 20, say(key).split(/[:：]/)[0]));
  };
  return drawing(232, say('desk.pairs_by'), cell(0, 0, all.yes_yes, 'desk.both_yes', 'yes'), cell(1, 0, all.yes_no, 'desk.false_yes', 'no'),
    cell(0, 1, all.no_yes, 'desk.false_no', 'warn'), cell(1, 1, all.no_no, 'desk.both_no', 'calm'));
}

function stacked(rows, kinds) {
  const most = Math.max(...rows.map((row) => row.n)), left = 150, line = 34;
  return drawing(rows.length * line + 6, say('desk.by_category'), ...rows.map((row, place) => {
    let x = left;
    const y = place * line + 6;
    const parts = kinds.map(([name, key, tone]) => {
      const width = (WIDE - left - 120) * row[name] / most;
      const part = rect(x, y, width - (width > 3 ? 1.5 : 0), 22, tone, `${row.name} – ${say(key)}: ${row[name]}`);
      x += width;
      return part;
    });
    return make('g', {}, word(left - 10, y + 16, row.name, 'end'), ...parts, word(x + 8, y + 16, say('desk.share_of', { share: percent(row.agreement), n: row.n })));
  }));
}

function bars(rows, told = (value) => value) {
  const most = Math.max(...rows.map(([, value]) => value), 1e-9), left = 236, line = 34;
  return drawing(rows.length * line + 6, rows.map(([name, value]) => `${name} ${told(value)}`).join(', '), ...rows.map(([name, value], place) => {
    const width = (WIDE - left - 70) * value / most, y = place * line + 6;
    return make('g', {}, word(left - 10, y + 16, name, 'end'), rect(left, y, width, 22, 'accent', `${name}: ${told(value)}`), word(left + width + 8, y + 16, told(value)));
  }));
}

function items(rows) {
  const most = rows[0].count;
  return make('ol.rejected', {}, rows.map((row) => make('li', {}, make('figure', {}, itemPicture(row.sku, row.title ?? row.sku)),
    make('div', {}, make('span', {}, row.title ?? row.sku), make('span.bar', {}, make('i', { style: `width:${100 * row.count / most}%`, 'data-side': 'no' }))), make('b', {}, row.count))));
}

function days(rows) {
  const most = Math.max(...rows.map((row) => row.approve + row.replace + row.reject)), width = Math.min(60, (WIDE - 40) / rows.length);
  return drawing(210, say('desk.by_day'), ...rows.map((row, place) => {
    let y = 170;
    const x = 20 + place * width;
    const parts = ACTS.map(([name, key, tone]) => {
      const height = 150 * row[name] / most;
      y -= height;
      return rect(x, y, width - 4, height - (height > 3 ? 1.5 : 0), tone, `${row.day} – ${say(key)}: ${row[name]}`);
    });
    const isTold = rows.length < 10 || place % 5 === 0;
    return make('g', {}, ...parts, word(x + width / 2, y - 6, row.approve + row.replace + row.reject, 'middle'), isTold ? word(x + width / 2, 192, row.day.slice(5), 'middle') : null);
  }));
}

function waits(found) {
  const most = Math.max(...found.counts), width = (WIDE - 40) / found.counts.length;
  return drawing(210, say('desk.latency'), ...found.counts.map((count, place) => {
    const height = 140 * count / most, x = 20 + place * width;
    const name = place === 0 ? `< ${found.edges_s[0]} s` : place === found.edges_s.length ? `≥ ${found.edges_s.at(-1)} s` : `${found.edges_s[place - 1]} – ${found.edges_s[place]}`;
    return make('g', {}, rect(x, 170 - height, width - 4, height, 'accent', `${name}: ${count}`), count ? word(x + width / 2, 162 - height, count, 'middle') : null, word(x + width / 2, 192, name, 'middle', 'tiny'));
  }));
}
