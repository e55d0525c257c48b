// The desk's queue: shows one case after another and sends what the stylist decides, each by one key.
import { all, api, askWho, failed, find, firstLang, garmentPicture, itemPicture, make, named, palette, price, reasons, say, speak,
  state, toast } from './desk_common.js';
import { showMeasures } from './desk_measures.js';
import { showKnobs, useText } from './desk_knobs.js';
import { Queue } from './desk_queue.js';

const queue = new Queue();
let piece = -1;  // which piece of the case on show (-1: the whole look)
let isTraceOpen = false, isTakingBack = false;
const marked = new Set();
const wholes = new Map();  // cases with both orders, by id; null while they are asked for
let chosen = { state: 'open' }, tab = 'queue', filtersFor = '';
let line = Promise.resolve();  // what the server is told stands in line, in the order of the keys

// The case on show; none while one is loaded, so that no key is about a case that nobody sees.
const isWaiting = () => queue.isWaiting || isTakingBack;
const current = () => isWaiting() ? undefined : queue.now && (wholes.get(queue.now.id) ?? queue.now);

// --- loading ---

async function load() {
  wholes.clear();
  marked.clear();
  const loading = queue.load(chosen);
  turnTo();
  await shownAfter(loading);
  progress();
}

async function refresh() {
  await queue.refresh();
  wholes.clear();
}

// Where it fails nothing more is asked for: that would fail again, and again.
async function shownAfter(loading) {
  try { await loading; } catch (error) { failed(error); draw(); return; }
  show();
}

async function progress() {
  try {
    const found = await api('progress');
    const done = found.approved + found.rejected + found.settled;
    const bar = find('.progress progress');
    bar.max = Math.max(1, done + found.open);
    bar.value = done;
    bar.setAttribute('aria-label', say('desk.progress', { done, all: done + found.open }));
    find('#done').textContent = say('desk.progress', { done, all: done + found.open });
    find('#contested').textContent = found.contested ? say('desk.contested_left', { count: found.contested }) : '';
    filters(found.categories);
    const goesBy = await api('knobs'), line = find('#shop-goes-by');
    line.hidden = !goesBy.use;
    line.textContent = useText(goesBy);
  } catch (error) { failed(error); }
}

// The case with the model's second order; the next one is asked for ahead of time.
async function complete(row) {
  if (!row || wholes.has(row.id)) return;
  wholes.set(row.id, null);
  try {
    wholes.set(row.id, await api(`cases/${row.id}`));
    if (queue.now?.id === row.id) showCase();
  } catch (error) { wholes.delete(row.id); if (error.status !== 404) failed(error); }
}

// --- showing ---

function show() {
  if (queue.isShort) more();
  draw();
  if (!isWaiting()) complete(queue.now).then(() => complete(queue.following));
}

function draw() {
  showList();
  showCase();
  find('#more').hidden = !queue.hasMore;
}

const more = () => shownAfter(queue.more());

function filters(categories) {
  const form = find('#filters'), these = JSON.stringify([state.lang, categories]);
  if (these === filtersFor) return;
  filtersFor = these;
  const option = (name, value, text) => make('option', { value, selected: (chosen[name] ?? '') === value }, text);
  const list = (name, label, options) => make('label', {}, make('span', {}, say(label)),
    make('select', { name }, options.map(([value, text]) => option(name, value, text))));
  const any = ['', say('desk.any')];
  const states = { open: 'desk.state.open', approved: 'desk.state.approved', rejected: 'desk.state.rejected', settled: 'desk.state.settled' };
  const kinds = { look: 'desk.kind.look', pair: 'desk.kind.pair', contested: 'desk.contested', complaints: 'desk.complaints' };
  const answers = { yes: 'desk.answer.yes', no: 'desk.answer.no', undecided: 'desk.answer.undecided' };
  const focused = document.activeElement?.name;
  form.replaceChildren(
    list('state', 'desk.filter_state', Object.entries(states).map(([value, key]) => [value, say(key)])),
    list('what', 'desk.filter_kind', [any, ...Object.entries(kinds).map(([value, key]) => [value, say(key)])]),
    list('category', 'desk.filter_category', [any, ...categories.map((name) => [name, named(name)])]),
    list('answer', 'desk.filter_model', [any, ...Object.entries(answers).map(([value, key]) => [value, say(key)])]),
    make('label', {}, make('span', {}, say('desk.filter_text')), make('input', { name: 'text', type: 'search', maxlength: 100, value: form.text?.value ?? chosen.text ?? '' })),
  );
  form.what.value = chosen.kind ?? (chosen.contested ? 'contested' : chosen.complaints ? 'complaints' : '');
  if (focused && form[focused]) form[focused].focus();
}

function readFilters() {
  const form = find('#filters'), what = form.what.value;
  chosen = { state: form.state.value, category: form.category.value, answer: form.answer.value, text: form.text.value.trim() };
  if (what === 'look' || what === 'pair') chosen.kind = what;
  else if (what) chosen[what] = 'true';
  load();
}

const titleOf = (row) => row.kind === 'pair' ? `${row.garment.title} + ${row.pieces[0].item?.title ?? row.pieces[0].sku}` : row.look?.title || row.garment.title;

function showList() {
  const list = find('#list');
  list.replaceChildren(...queue.rows.map((row, place) => make(`li${place === queue.at ? '.now' : ''}`, { 'data-case': row.id },
    make('input', { type: 'checkbox', 'aria-label': `${say('desk.mark')}: ${titleOf(row)}`, checked: marked.has(row.id), onchange: () => mark(row.id) }),
    make('button.entry', { 'aria-current': place === queue.at ? 'true' : null, onclick: () => go(place) },
      make('span.thumb', {}, garmentPicture(row.garment, row.id, row.has_photo)),
      row.kind === 'pair' ? make('span.thumb', {}, itemPicture(row.pieces[0].sku, '')) : null,
      make('span.what', {}, make('b', {}, row.kind === 'pair' ? row.pieces[0].item?.title ?? row.pieces[0].sku : titleOf(row)), make('small', {}, say(row.kind === 'look' ? 'desk.kind.look' : 'desk.kind.pair'), badges(row)))))));
  find('.now', list)?.scrollIntoView({ block: 'nearest' });
  find('#unmark').hidden = marked.size === 0;
  find('#mark-all').hidden = queue.rows.length === 0;
}

function badges(row) {
  return [
    row.is_contested ? make('em.badge', {}, say('desk.contested')) : null,
    row.complaints ? make('em.badge.bad', {}, say('desk.complaints')) : null,
    row.state !== 'open' ? make('em.badge.plain', {}, say(stateKey(row.state))) : null,
  ];
}

const stateKey = (name) => ({ open: 'desk.state.open', approved: 'desk.state.approved', rejected: 'desk.state.rejected', settled: 'desk.state.settled' })[name];
const answerKey = (name) => ({ yes: 'desk.answer.yes', no: 'desk.answer.no', undecided: 'desk.answer.undecided' })[name];

function showCase() {
  const row = current(), place = find('#case');
  find('#acts').hidden = !row || tab !== 'queue';
  if (isWaiting()) { place.replaceChildren(make('p.aside', {}, say('desk.loading'))); return; }
  if (!row) {
    place.replaceChildren(make('div.empty', {}, make('h2', {}, say('desk.empty')), make('p', {}, say('desk.empty_why'))));
    return;
  }
  const [, kind] = row.holds_for.split('kind:');
  const holds = kind === undefined ? say('desk.holds_item') : say('desk.holds_kind', { what: kind.split('|').filter(Boolean).map(named).join(' · ') });
  const facts = [say(row.kind === 'look' ? 'desk.kind.look' : 'desk.kind.pair'), say('desk.seen', { count: row.times_seen })];
  place.replaceChildren(...[
    make('header', {}, make('div', {}, make('p.kicker', {}, facts.join(' · '), badges(row)), make('h2', {}, row.look?.title || titleOf(row)),
      row.look?.reason ? make('p.reason', {}, `${row.look.reason} ${say('desk.coherence', { score: row.look.score.toFixed(2) })}`) : null, make('p.holds', {}, holds))),
    row.decision ? make('p.decision', {}, make('b', {}, say(row.decision.act === 'reject' ? 'desk.state.rejected' : 'desk.state.approved')), ' ',
      say('desk.decided', { who: row.decision.who, at: new Date(`${row.decision.at}Z`).toLocaleString(state.lang) }),
      row.decision.words ? make('q', {}, row.decision.words) : null) : null,
    row.opinions.length || row.complaints ? said(row) : null,
    make(`div.pieces.${row.kind}`, { role: 'radiogroup', 'aria-label': say('desk.whole') }, garment(row), row.pieces.map((one, number) => pieceCard(one, number, row))),
    make('details.trace', { open: isTraceOpen, ontoggle: (event) => { isTraceOpen = event.target.open; } }, make('summary', {}, make('kbd', {}, 'T'), say('desk.trace')), trace(row)),
  ].filter(Boolean));
  about();
}

function garment(row) {
  return make('article.piece.own', {}, make('figure', {}, garmentPicture(row.garment, row.id, row.has_photo)),
    make('p.kicker', {}, say('desk.garment')), make('h3', {}, row.garment.title), palette(row.garment.palette),
    row.wishes.length ? make('p.small', {}, `${say('desk.wishes')}: ${row.wishes.join(', ')}`) : null);
}

function pieceCard(one, number, row) {
  const isChosen = number === piece || row.kind === 'pair';
  const title = one.item?.title ?? one.sku;
  const wavers = one.p_yes !== null && one.p_yes_swapped !== null && (one.p_yes >= 0.5) !== (one.p_yes_swapped >= 0.5);
  return make(`article.piece${isChosen ? '.chosen' : ''}`, { 'data-sku': one.sku, onclick: () => choose(number) },
    make('figure', {}, one.item ? itemPicture(one.sku, title) : make('span.no-picture', {}, say('desk.gone'))),
    make('p.kicker', {}, row.kind === 'look' ? make('input', { type: 'radio', name: 'piece', checked: isChosen, 'aria-label': title, tabindex: -1 }) : null,
      named(one.slot), one.is_closest ? make('em.badge', {}, say('desk.closest')) : null),
    make('h3', {}, title), make('p.price', {}, price(one.item)), palette(one.palette),
    make('p.verdict', { 'data-answer': one.answer }, make('b', {}, say(answerKey(one.answer))), ' ', one.reason),
    make('div.orders', {}, order('desk.p_yes', one.p_yes), order('desk.p_yes_swapped', one.p_yes_swapped)),
    wavers ? make('p.warn', {}, say('desk.wavers')) : null, make('p.small.model', {}, one.model));
}

function order(key, value) {
  const bar = make('span.bar', {}, value === null ? null : make('i', { style: `width:${100 * value}%`, 'data-side': value >= 0.5 ? 'yes' : 'no' }));
  return make('div', {}, make('span', {}, say(key)), bar, make('b', {}, value === null ? say('desk.not_asked') : value.toFixed(2)));
}

function said(row) {
  return make('section.said', {}, make('p.kicker', {}, say('desk.by_shopper')), make('ul', {}, row.opinions.map((one) =>
    make(`li.${one.rating}`, {}, say(one.rating === 'up' ? 'desk.thumbs_up' : 'desk.thumbs_down'), one.words ? make('q', {}, one.words) : null))));
}

function trace(row) {
  const total = row.trace.seconds || 1;
  return make('ol', {}, row.trace.steps.map((step) => make('li', {}, make('span', {}, say(`step.${step.name}`)),
    make('span.bar', {}, make('i', { style: `width:${100 * step.seconds / total}%` })), make('b', {}, `${(1000 * step.seconds).toFixed(0)} ms`),
    make('small', {}, [step.model, ...Object.entries(step.counts).filter(([, value]) => value).map(([name, value]) => `${name} ${value}`)].filter(Boolean).join(' · ')))),
    row.trace.notices.map((text) => make('li.notice', {}, text)));
}

function about() {
  const row = current();
  const chosenPiece = row?.kind === 'look' && piece >= 0 ? row.pieces[piece] : null;
  const text = marked.size ? say('desk.marked', { count: marked.size }) : row?.kind !== 'look' ? ''
    : chosenPiece ? say('desk.about_piece', { title: chosenPiece.item?.title ?? chosenPiece.sku }) : say('desk.about_whole');
  for (const node of all('.about')) node.textContent = text;
  find('[data-act=replace]').hidden = row?.kind !== 'look' || marked.size > 0;  // one piece of one look
}

// --- moving ---

// What has just become the case on show is looked at from its beginning.
function turnTo() {
  piece = -1;
  isTraceOpen = false;
  show();
}

function go(place) {
  if (isWaiting() || !queue.rows.length) return;
  queue.go(place);
  turnTo();
}

function choose(number) {
  const row = current();
  if (row?.kind !== 'look') return;
  piece = number < -1 ? row.pieces.length - 1 : number >= row.pieces.length ? -1 : number;
  all('#case .piece[data-sku]').forEach((node, place) => {
    node.classList.toggle('chosen', place === piece);
    find('input', node).checked = place === piece;
  });
  find('#case .chosen')?.scrollIntoView({ block: 'nearest' });
  about();
}

function mark(id) {
  if (!marked.delete(id)) marked.add(id);
  showList();
  about();
}

// --- deciding ---

const inTurn = (work) => { line = line.then(work).catch(failed); };

// The list moves on at the key, not at the answer: the next key is about what is then on show, however slow the server is.
async function decide(act, more = {}) {
  const row = current();
  const ids = marked.size ? [...marked] : row ? [row.id] : [];
  if (!ids.length) return;
  const body = { cases: ids, act, ...more };
  if (act === 'reject' && !marked.size && row.kind === 'look' && piece >= 0) body.sku = row.pieces[piece].sku;
  if (!state.who) await askWho();
  body.who = state.who;
  const taken = queue.take(ids);
  ids.forEach((id) => wholes.delete(id));
  marked.clear();
  turnTo();
  find('#case').focus({ preventScroll: true });
  inTurn(() => tell(body, taken));
}

async function tell(body, taken) {
  let outcome;
  try { outcome = await api('decisions', body); } catch (error) { failed(error); queue.putBack(taken); draw(); return; }
  const key = { approve: 'desk.done.approve', reject: 'desk.done.reject', replace: 'desk.done.replace' }[body.act];
  const notes = outcome.decided.length ? [say(key, { count: outcome.decided.length })] : [];
  notes.push(...new Set(outcome.late.map((late) => say('desk.late', { who: late.who }))));
  if (outcome.settled) notes.push(say('desk.settled', { count: outcome.settled }));
  toast(notes.join(' · '));
  queue.arrived(taken);
  if (outcome.settled || chosen.state !== 'open') await shownAfter(refresh());
  progress();
}

async function undo() {
  if (isTakingBack) return;
  if (!state.who) await askWho();
  isTakingBack = true;
  turnTo();
  inTurn(takeBack);
}

async function takeBack() {
  try {
    const { decisions: [first] } = await api('undo', { who: state.who });
    toast(say('desk.done.undo'));
    await refresh();
    if (!queue.find(first.case)) queue.insert(await api(`cases/${first.case}`));
    progress();
  } catch (error) { if (error.status === 409) toast(say('desk.nothing_to_undo')); else failed(error); }
  isTakingBack = false;
  turnTo();
}

function askWhy() {
  if (!current() && !marked.size) return;
  const dialog = find('#why'), form = find('form', dialog);
  find('.reasons', form).replaceChildren(...reasons.map(([code, key], number) => make('label', {},
    make('input', { type: 'radio', name: 'reason', value: code, required: true }), make('kbd', {}, number + 1), say(key))));
  find('textarea', form).value = '';
  about();
  dialog.showModal();
  find('input', form).focus();
  form.onsubmit = (event) => {
    event.preventDefault();
    const reason = form.reason.value;
    if (!reason) return;
    dialog.close();
    const words = find('textarea', form).value.trim();
    decide('reject', { reason, words });
  };
}

function askInstead() {
  const row = current();
  if (row?.kind !== 'look' || marked.size) return;
  if (piece < 0) { toast(say('desk.pick_piece')); return; }
  const old = row.pieces[piece];
  const others = (row.candidates[old.slot] ?? []).filter((one) => one.sku !== old.sku && !row.pieces.some((p) => p.sku === one.sku));
  const dialog = find('#instead');
  find('.cards', dialog).replaceChildren(...(others.length ? others.map((one, number) => make('button.candidate', {
    'data-sku': one.sku, onclick: () => { dialog.close(); decide('replace', { sku: old.sku, instead: one.sku }); } },
    make('figure', {}, itemPicture(one.sku, one.item.title)), make('span', {}, make('kbd', {}, number + 1), one.item.title), make('small', {}, price(one.item)),
    make('small', {}, one.reason))) : [make('p.aside', {}, say('desk.no_candidates'))]));
  dialog.showModal();
}

function help() {
  const rowsOf = [['A', 'desk.key.approve'], ['1 – 8', 'desk.key.digits'], ['R', 'desk.key.reject'], ['← →', 'desk.key.pieces'], ['S', 'desk.key.replace'],
    ['N · P', 'desk.key.move'], ['U', 'desk.key.undo'], ['X', 'desk.key.mark'], ['T', 'desk.key.trace']];
  find('#keys dl').replaceChildren(...rowsOf.flatMap(([key, text]) => [make('dt', {}, make('kbd', {}, key)), make('dd', {}, say(text))]),
    ...reasons.flatMap(([, key], number) => [make('dt', {}, make('kbd', {}, number + 1)), make('dd', {}, say(key))]));
  find('#keys').showModal();
}

// --- keys and buttons ---

const acts = {
  approve: () => decide('approve'), reject: askWhy, replace: askInstead, undo, help,
  next: () => go(queue.at + 1), back: () => go(queue.at - 1), mark: () => current() && mark(current().id),
  trace: () => { const node = find('.trace'); if (node) node.open = !node.open; },
};
const byKey = { a: 'approve', r: 'reject', s: 'replace', u: 'undo', n: 'next', j: 'next', p: 'back', k: 'back', x: 'mark', t: 'trace', '?': 'help' };

document.addEventListener('keydown', (event) => {
  if (event.ctrlKey || event.metaKey || event.altKey || event.isComposing) return;
  const typing = event.target.matches('textarea, select, input:not([type=radio], [type=checkbox])');
  const digit = /^[1-9]$/.test(event.key) ? Number(event.key) : 0;
  if (find('#why').open) {
    if (digit && !typing && reasons[digit - 1]) {
      event.preventDefault();
      all('#why [name=reason]')[digit - 1].checked = true;
      find('#why textarea').focus();
    } else if (event.key === 'Enter' && !event.shiftKey && event.target.matches('textarea, [type=radio]')) {
      event.preventDefault();
      find('#why form').requestSubmit();
    }
    return;
  }
  if (find('#instead').open) { if (digit) all('#instead .candidate')[digit - 1]?.click(); return; }
  if (typing || tab !== 'queue' || find('dialog[open]') || event.target.closest('[role=tab]') && event.key.startsWith('Arrow')) return;
  const act = byKey[event.key.toLowerCase()];
  if (event.repeat && (digit || act && !['next', 'back'].includes(act))) return;  // a key held down decides once
  if (act) { event.preventDefault(); acts[act](); return; }
  if (digit && reasons[digit - 1]) { event.preventDefault(); decide('reject', { reason: reasons[digit - 1][0] }); return; }
  if (event.key === 'ArrowRight' || event.key === 'ArrowLeft') { event.preventDefault(); choose(piece + (event.key === 'ArrowRight' ? 1 : -1)); }
  if (event.key === 'Escape' && marked.size) { marked.clear(); showList(); about(); }
});

document.addEventListener('click', (event) => {
  const target = event.target.closest('[data-act], [data-close]');
  if (!target) return;
  if ('close' in target.dataset) target.closest('dialog').close();
  else acts[target.dataset.act]();
});

find('#filters').addEventListener('change', readFilters);
find('#filters').addEventListener('submit', (event) => { event.preventDefault(); readFilters(); });
find('#more').addEventListener('click', more);
find('#mark-all').addEventListener('click', () => { queue.rows.forEach((row) => marked.add(row.id)); showList(); about(); });
find('#unmark').addEventListener('click', () => { marked.clear(); showList(); about(); });
find('#who').addEventListener('click', askWho);
find('#language').addEventListener('click', () => {
  speak(state.lang === 'zh' ? 'en' : 'zh');
  nameWho();
  if (tab === 'queue') { draw(); progress(); } else open(tab);
});

const nameWho = () => { find('#who').textContent = state.who || say('desk.who'); };

function open(name) {
  tab = name;
  for (const button of all('[role=tab]')) button.setAttribute('aria-selected', String(button.id === `tab-${name}`));
  for (const panel of all('[role=tabpanel]')) panel.hidden = panel.id !== name;
  find('#acts').hidden = true;
  if (name === 'queue') load();
  if (name === 'measures') showMeasures(find('#measures'));
  if (name === 'knobs') showKnobs(find('#knobs'));
  history.replaceState(null, '', `#${name}`);
}

for (const button of all('[role=tab]')) {
  button.addEventListener('click', () => open(button.id.slice(4)));
  button.addEventListener('keydown', (event) => {
    const tabs = all('[role=tab]'), step = { ArrowRight: 1, ArrowLeft: -1 }[event.key];
    if (step) { const other = tabs[(tabs.indexOf(button) + step + tabs.length) % tabs.length]; other.focus(); other.click(); }
  });
}

state.who = localStorage.getItem('desk-who') ?? '';
speak(firstLang());
nameWho();
open(['measures', 'knobs'].includes(location.hash.slice(1)) ? location.hash.slice(1) : 'queue');
