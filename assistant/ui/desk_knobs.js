// The knobs: each turn is tried on sample garments at once, and what it does is shown beside what is in use.
import { api, askWho, failed, find, garmentPicture, itemPicture, make, percent, say, state, toast } from './desk_common.js';

const SAMPLE = 6;
const NAMES = ['search_threshold', 'candidates_per_title', 'admitted_per_slot', 'guardrail_rounds', 'guardrail_least_p_yes', 'text_weight', 'colour_weight', 'style_weight'];
const KNOB = {
  search_threshold: 'desk.knob.search_threshold', candidates_per_title: 'desk.knob.candidates_per_title', admitted_per_slot: 'desk.knob.admitted_per_slot',
  guardrail_rounds: 'desk.knob.guardrail_rounds', guardrail_least_p_yes: 'desk.knob.guardrail_least_p_yes', text_weight: 'desk.knob.text_weight',
  colour_weight: 'desk.knob.colour_weight', style_weight: 'desk.knob.style_weight',
};
// Name, words, whether more is better (0: neither), and how it is written.
const EFFECTS = [
  ['looks', 'desk.effect.looks', 1, 1], ['pieces', 'desk.effect.pieces', 1, 1], ['coherence', 'desk.effect.coherence', 1, 3], ['p_yes', 'desk.effect.p_yes', 1, 3],
  ['admitted', 'desk.effect.admitted', 0, '%'], ['closest', 'desk.effect.closest', -1, '%'], ['unfilled', 'desk.effect.unfilled', -1, 1], ['asked', 'desk.effect.asked', 0, 0],
  ['calls', 'desk.effect.calls', -1, 0], ['seconds', 'desk.effect.seconds', -1, 3], ['refused_shown', 'desk.effect.refused_shown', -1, 0], ['approved_shown', 'desk.effect.approved_shown', 1, 0],
];
let inUse = null, knobs = null, running = null, timer;

export async function showKnobs(place) {
  try { inUse = await api('knobs'); } catch (error) { failed(error); return; }
  knobs ??= { ...inUse.knobs };
  place.replaceChildren(
    make('section.panel', {}, make('div.row', { id: 'in-use', role: 'status' }), make('p.small', {}, say('desk.knobs_how')), make('form', { id: 'dials', onsubmit: (event) => event.preventDefault() },
      NAMES.map(dial), make('label.check', {}, make('input', { type: 'checkbox', name: 'guardrail_both_orders', checked: knobs.guardrail_both_orders, onchange: turned }), say('desk.knob.guardrail_both_orders')),
      make('div.row', {}, make('button', { type: 'button', id: 'reset', onclick: reset }, say('desk.reset')))),
    make('h2', {}, say('desk.profiles')), make('form.row', { id: 'save', onsubmit: save }, make('input', { name: 'profile', required: true, maxlength: 60, placeholder: say('desk.profile_name'), 'aria-label': say('desk.profile_name') }),
      make('button.solid', {}, say('desk.save'))), make('ul', { id: 'profiles' })),
    make('section', { id: 'effect', 'aria-live': 'polite' }));
  tellUse();
  listProfiles();
  run();
}

// --- what the shop goes by ---

const moment = (at) => new Date(at).toLocaleString(state.lang, { dateStyle: 'medium', timeStyle: 'short' });

export function useText({ use }) {
  if (!use) return say('desk.in_use_settings');
  return say(use.name === null ? 'desk.in_use_settings_by' : 'desk.in_use', { name: use.name, who: use.who, at: moment(use.at) });
}

function tellUse() {
  const use = inUse.use;
  find('#in-use').replaceChildren(make('b', {}, useText(inUse)),
    ...(use && use.name !== null ? [make('button', { id: 'use-settings', onclick: () => choose(null) }, say('desk.use_settings'))] : []),
    ...(inUse.can_undo ? [make('button.quiet', { id: 'use-undo', onclick: takeBack }, say('desk.use_undo'))] : []));
}

const choose = (profile) => change('knobs', { profile }, 'PUT');
const takeBack = () => change('knobs/undo', {}, 'POST');

async function change(path, body, method) {
  if (!state.who) await askWho();
  try { inUse = await api(path, { ...body, who: state.who }, method); } catch (error) { failed(error); return; }
  toast(useText(inUse));
  showKnobs(find('#knobs'));
}

function dial(name) {
  const range = inUse.ranges[name];
  const told = make('output', { id: `told-${name}` }, shown(knobs[name], range.step));
  const mark = 100 * (inUse.knobs[name] - range.least) / (range.most - range.least);
  return make('label.dial', {}, make('span', {}, say(KNOB[name])), told,
    make('input', { type: 'range', name, min: range.least, max: range.most, step: range.step, value: knobs[name], style: `--in-use:${mark}%`, oninput: turned }));
}

const shown = (value, step) => step === 1 ? String(value) : Number(value).toFixed(step < 0.1 ? 2 : 1);

function turned() {
  const form = find('#dials');
  for (const name of NAMES) {
    knobs[name] = Number(form.elements[name].value);
    find(`#told-${name}`).textContent = shown(knobs[name], inUse.ranges[name].step);
  }
  knobs.guardrail_both_orders = form.elements.guardrail_both_orders.checked;
  clearTimeout(timer);
  timer = setTimeout(run, 250);
}

function put(values) {
  knobs = { ...values };
  const form = find('#dials');
  for (const name of NAMES) {
    form.elements[name].value = values[name];
    find(`#told-${name}`).textContent = shown(values[name], inUse.ranges[name].step);
  }
  form.elements.guardrail_both_orders.checked = values.guardrail_both_orders;
  run();
}

const reset = () => put(inUse.knobs);

async function run() {
  running?.abort();
  running = new AbortController();
  const place = find('#effect');
  place.setAttribute('aria-busy', 'true');
  try {
    const trial = await api('try', { knobs, sample: SAMPLE, lang: state.lang }, 'POST', running.signal);
    place.replaceChildren(...effect(trial));
    place.removeAttribute('aria-busy');
  } catch (error) { if (error.name !== 'AbortError') { place.removeAttribute('aria-busy'); failed(error); } }
}

const written = (value, how) => value === null ? '–' : how === '%' ? percent(value) : value.toFixed(how);

function effect(trial) {
  return [
    make('h2', {}, say('desk.effect', { n: trial.then.garments })), make('p.small.changed', {}, say('desk.changed', { share: percent(trial.changed) })),
    make('ul.legend', {}, make('li', {}, make('i.calm'), say('desk.now')), make('li', {}, make('i.accent'), say('desk.then'))),
    make('div.effects', {}, EFFECTS.map(([name, key, better, how]) => compared(say(key), trial.now[name], trial.then[name], better, how, name))),
    make('h2', {}, say('desk.sample')), make('div.sample', {}, trial.sample.map(tried)),
  ];
}

function compared(name, now, then, better, how, id) {
  const most = Math.max(now ?? 0, then ?? 0, 1e-9), change = (then ?? 0) - (now ?? 0);
  const side = !better || Math.abs(change) < 1e-9 ? 'same' : change * better > 0 ? 'good' : 'bad';
  const bar = (value, tone) => make('span.bar', {}, make(`i.${tone}`, { style: `width:${100 * (value ?? 0) / most}%` }));
  return make('div.effect', { 'data-effect': id, 'data-now': now, 'data-then': then }, make('span', {}, name), bar(now, 'calm'), make('small', {}, written(now, how)), bar(then, 'accent'), make(`b.${side}`, {}, written(then, how)));
}

function tried(one) {
  const before = new Set(one.now.flatMap((look) => look.pieces.map((piece) => piece.item.sku)));
  const line = (looks, isNew) => make('div.looks', {}, looks.map((look) => make('div.mini', {}, look.pieces.map((piece) =>
    make(`figure${isNew && !before.has(piece.item.sku) ? '.other' : ''}`, { title: piece.item.title }, itemPicture(piece.item.sku, piece.item.title))))));
  const same = JSON.stringify(one.now.map((l) => l.pieces.map((p) => p.item.sku))) === JSON.stringify(one.then.map((l) => l.pieces.map((p) => p.item.sku)));
  return make('article.tried', {}, make('figure.own', {}, garmentPicture(one.garment, one.case, one.case !== null)), make('div', {}, make('h3', {}, one.garment.title),
    make('p.kicker', {}, say('desk.now')), line(one.now, false), ...(same ? [make('p.small', {}, say('desk.same_looks'))] : [make('p.kicker', {}, say('desk.then')), line(one.then, true)])));
}

// --- profiles ---

async function save(event) {
  event.preventDefault();
  const field = find('#save').elements.profile;
  if (!state.who) await askWho();
  try {
    await api(`profiles/${encodeURIComponent(field.value.trim())}`, { knobs, who: state.who, sample: SAMPLE }, 'PUT');
    field.value = '';
    listProfiles();
  } catch (error) { failed(error); }
}

async function listProfiles() {
  let found;
  try { found = (await api('profiles')).data; } catch (error) { failed(error); return; }
  const told = EFFECTS.slice(0, 4).concat(EFFECTS.slice(9, 11));
  const most = Object.fromEntries(told.map(([name]) => [name, Math.max(...found.map((one) => one.effect[name] ?? 0), 1e-9)]));
  find('#profiles').replaceChildren(...(found.length ? found.map((one) => make('li', { 'data-profile': one.name },
    make('div.row', {}, make('b', {}, one.name), make('small', {}, `${one.who}, ${new Date(`${one.at}Z`).toLocaleDateString(state.lang)}`)),
    make('div.effects', {}, told.map(([name, key, , how]) => make('div.effect.one', {}, make('span', {}, say(key)),
      make('span.bar', {}, make('i.accent', { style: `width:${100 * (one.effect[name] ?? 0) / most[name]}%` })), make('b', {}, written(one.effect[name], how))))),
    make('div.row', {}, make('button', { onclick: () => choose(one.name), 'data-use': one.name }, say('desk.use')), make('button', { onclick: () => put(one.knobs) }, say('desk.load')), make('button', { onclick: () => copy(one.settings) }, say('desk.copy')),
      make('button.quiet', { onclick: () => remove(one.name) }, say('desk.remove'))))) : [make('li.aside', {}, say('desk.no_profiles'))]));
}

async function copy(text) {
  await navigator.clipboard?.writeText(text).then(() => toast(say('desk.copied')), () => toast(text));
}

async function remove(name) {
  try { await api(`profiles/${encodeURIComponent(name)}`, undefined, 'DELETE'); listProfiles(); } catch (error) { failed(error); }
}
