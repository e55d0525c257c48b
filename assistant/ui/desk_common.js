// What the desk's parts share: words, the API, small pieces of page. Every text from outside is put in as text.
const data = JSON.parse(document.getElementById('data').textContent);
export const reasons = data.reasons;
export const state = { lang: 'en', who: '' };

export const find = (selector, within = document) => within.querySelector(selector);
export const all = (selector, within = document) => [...within.querySelectorAll(selector)];

export function say(key, values = {}) {
  const text = data.words[state.lang][key] ?? key;
  return text.replace(/\{(\w+)(?::([^}|]*)\|([^}]*))?\}/g, (_, name, one, many) => {
    const value = values[name];
    if (one !== undefined) return value === 1 ? one : many;
    return typeof value === 'number' ? value.toLocaleString(state.lang) : String(value ?? '');
  });
}

export const named = (name) => data.names[state.lang][name] ?? name;
export const percent = (share, digits = 0) => share === null ? '–' : `${(100 * share).toFixed(digits)} %`;

// make('li.card', {title: 'x'}, 'text', node): an element. Attributes named on... listen; null children are left out.
export function make(what, attributes = {}, ...children) {
  const [tag, ...classes] = what.split('.');
  const svg = ['svg', 'g', 'rect', 'path', 'text', 'line', 'circle', 'title'].includes(tag);
  const node = svg ? document.createElementNS('http://www.w3.org/2000/svg', tag) : document.createElement(tag);
  if (classes.length) node.setAttribute('class', classes.join(' '));
  for (const [name, value] of Object.entries(attributes)) {
    if (value === null || value === undefined || value === false) continue;
    if (name.startsWith('on')) node.addEventListener(name.slice(2), value);
    else node.setAttribute(name, value === true ? '' : value);
  }
  node.append(...children.flat().filter((child) => child !== null && child !== undefined));
  return node;
}

// --- the API ---

export class Refused extends Error {
  constructor(status, error) { super(error?.message ?? say('desk.offline')); this.status = status; this.code = error?.code; }
}

export async function api(path, body, method, signal) {
  const headers = {};
  const key = sessionStorage.getItem('desk-key');
  if (key) headers.authorization = `Bearer ${key}`;
  if (body !== undefined) headers['content-type'] = 'application/json';
  let reply;
  try {
    reply = await fetch(`v1/outfit/review/${path}`, {
      method: method ?? (body === undefined ? 'GET' : 'POST'), headers, signal, body: body === undefined ? undefined : JSON.stringify(body),
    });
  } catch (error) {
    if (error.name === 'AbortError') throw error;
    throw new Refused(0);
  }
  if (!reply.ok) {
    const error = (await reply.json().catch(() => ({}))).error;
    if (reply.status !== 401 && error?.code !== 'wrong_role') throw new Refused(reply.status, error);
    if (key === sessionStorage.getItem('desk-key'))  // else another request has asked for a new one meanwhile
      await askKey(error?.code === 'wrong_role' ? 'desk.key_role' : key ? 'desk.key_wrong' : 'desk.key_why');
    return api(path, body, method, signal);
  }
  if (reply.status === 204) return null;
  return (reply.headers.get('content-type') ?? '').includes('json') && !path.startsWith('export') ? reply.json() : reply.blob();
}

let asking = null;  // one question at a time, however many requests wait for it
function askKey(why) {
  asking ??= question([{ name: 'key', label: say('desk.key'), type: 'password', value: '' }], say(why))
    .then((given) => { sessionStorage.setItem('desk-key', given.key); asking = null; });
  return asking;
}

export async function askWho() {
  const given = await question([{ name: 'who', label: say('desk.who'), type: 'text', value: state.who }], say('desk.who_why'));
  state.who = given.who.slice(0, 100);
  localStorage.setItem('desk-who', state.who);
  find('#who').textContent = state.who;
}

function question(fields, why) {
  const dialog = find('#ask'), form = find('form', dialog);
  form.replaceChildren(make('p', {}, why), ...fields.map((field) => make('label', {}, make('span', {}, field.label),
    make('input', { name: field.name, type: field.type, value: field.value, required: true, maxlength: 200, autocomplete: 'off' }))),
    make('div.row', {}, make('button.solid', {}, say('desk.begin'))));
  dialog.oncancel = (event) => event.preventDefault();
  dialog.showModal();
  return new Promise((done) => {
    form.onsubmit = () => done(Object.fromEntries(fields.map((field) => [field.name, form.elements[field.name].value.trim()])));
  });
}

// --- pictures, prices, notes ---

const photos = new Map();  // of shoppers' garments, by case
export function garmentPicture(garment, caseId, hasPhoto) {
  if (garment.sku) return itemPicture(garment.sku, garment.title);
  if (!hasPhoto) return make('span.no-picture', {}, say('desk.no_photo'));
  const image = make('img', { alt: garment.title });
  if (!photos.has(caseId)) photos.set(caseId, api(`cases/${caseId}/photo`).then((blob) => URL.createObjectURL(blob)));
  photos.get(caseId).then((address) => { image.src = address; })
    .catch(() => image.replaceWith(make('span.no-picture', {}, say('desk.no_photo'))));
  return image;
}

export function itemPicture(sku, title) {
  const image = make('img', { src: `items/${encodeURIComponent(sku)}/picture`, alt: title, loading: 'lazy', decoding: 'async' });
  image.addEventListener('error', () => image.replaceWith(make('span.no-picture', {}, say('desk.no_picture'))));
  return image;
}

const signs = { USD: '$', EUR: '€', GBP: '£', CNY: '¥', JPY: '¥', INR: '₹' };
export function price(item) {
  if (!item || item.price === null) return '';
  const figure = Number(item.price).toLocaleString('en', { minimumFractionDigits: item.price % 1 ? 2 : 0 });
  return signs[item.currency] ? signs[item.currency] + figure : `${figure} ${item.currency ?? ''}`;
}

export function palette(swatches) {
  const shown = swatches.filter((swatch) => swatch.share >= 0.03).slice(0, 5);
  if (!shown.length) return null;
  return make('ul.palette', {}, shown.map((swatch) => make('li', { title: `${named(swatch.name)} ${percent(swatch.share)}` },
    make('i', { style: `background:${swatch.hex};flex-grow:${Math.max(0.1, swatch.share)}` }),
    make('span', {}, `${named(swatch.name)} ${percent(swatch.share)}`))));
}

let timer;
export function toast(text) {
  const node = find('#toast');
  node.textContent = text;
  node.hidden = false;
  clearTimeout(timer);
  timer = setTimeout(() => { node.hidden = true; }, 5000);
}

export const failed = (error) => { if (error.name !== 'AbortError') toast(say('desk.failed', { why: error.message })); };

export function speak(lang) {
  state.lang = lang;
  localStorage.setItem('desk-lang', lang);
  document.documentElement.lang = lang === 'zh' ? 'zh-CN' : 'en';
  document.title = say('desk.title');
  for (const node of all('[data-say]')) node.textContent = say(node.dataset.say);
  for (const node of all('[data-say-label]')) node.setAttribute('aria-label', say(node.dataset.sayLabel));
}

export function firstLang() {
  const chosen = localStorage.getItem('desk-lang') ?? data.lang;
  return ['en', 'zh'].includes(chosen) ? chosen : navigator.language.toLowerCase().startsWith('zh') ? 'zh' : 'en';
}
