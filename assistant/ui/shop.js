// The client side of the shop page: sends what the shopper does, puts answers in place. No decision is taken here.
// It runs as soon as the first part of the document is there; Gradio, which carries what is asked, joins later.
(() => {
const element = document.querySelector('#shop > div'), props = JSON.parse(document.getElementById('shop-data').textContent);
const find = (selector) => element.querySelector(selector);
const all = (selector) => [...element.querySelectorAll(selector)];
const talk = find('.talk'), dock = find('.dock'), field = find('textarea');
const sheet = find('.sheet-over'), closet = find('.closet-over'), question = find('.ask-over'), linked = find('.link-over');
const waiting = [];  // asks that came while a turn was under way
const shown = new WeakMap();  // what each part was last given: what is the same is left alone
const local = new Map();  // addresses of photos that this browser has itself
const LARGE_BYTES = 1_500_000, LONGEST_PX = 1600;
let busy = false, lang = 'en', turn = -1, patience, asked;
let looked = null;  // the piece on show that was opened last: what "this one" means
let gradio = null, early = null, isOpen = false, open;  // early: what was asked before there was anyone to ask
const opened = new Promise((resolve) => { open = resolve; });

const say = (key, values = {}) =>
  (props.words[lang][key] ?? key).replace(/\{(\w+)\}/g, (whole, name) => values[name] ?? whole);
const still = () => matchMedia('(prefers-reduced-motion: reduce)').matches;

function speak(next) {
  lang = next;
  document.documentElement.lang = next === 'zh' ? 'zh-CN' : 'en';
  document.title = say('page.title');
  for (const node of all('[data-say]')) node.textContent = say(node.dataset.say);
  find('[data-act=language]').lang = next === 'zh' ? 'en' : 'zh-CN';  // its name is written in the other language
  for (const node of all('[data-say-label]')) {
    const text = say(node.dataset.sayLabel, { number: node.dataset.number });
    node.setAttribute('aria-label', text);
    if (node.tagName === 'BUTTON') node.title = text;
  }
  hint();
}

function hint() {
  const keys = looked ? ['write.about', 'write.about_short'] : ['write.hint', 'write.hint_short'];
  field.placeholder = say(keys[Number(matchMedia('(max-width: 560px)').matches)], { title: looked?.title });
}

function lookAt(piece) {
  looked = piece;
  hint();
}

// --- asking ---

function ask(data) {
  if (busy) { waiting.push(data); return; }
  setBusy(true);
  find('.hello').hidden = true;
  find('[data-act=new]').hidden = false;
  if (!['save', 'new', 'lock', 'keep'].includes(data.act)) { pending(); lookAt(null); }
  if (gradio) gradio.ask({ ...data, lang }); else early = data;
}

// The end of the document calls this: the server has loaded what it needs, photos may be sent.
window.openShop = () => {
  isOpen = true;
  const line = document.querySelector('#pending .steps li');
  if (line) line.lastChild.textContent = say(line.dataset.step);
  open();
};

// Gradio's component hands in how it is asked and how its answers are heard.
window.joinShop = (given) => {
  gradio = given;
  gradio.answers(receive);
  document.title = say('page.title');  // Gradio has put its own
  if (!busy) clearTimeout(patience);
  if (early) { gradio.ask({ ...early, lang }); early = null; }
};

function setBusy(now) {
  busy = now;
  find('.stop').hidden = !now;
  find('[type=submit]').hidden = now;
  element.toggleAttribute('data-busy', now);
  talk.setAttribute('aria-busy', String(now));
  clearTimeout(patience);
  if (now && document.readyState === 'complete') wait();
}

function wait() { patience = setTimeout(() => lost(), props.patience_s * 1000); }
addEventListener('load', () => {  // only now has the server said all that it has to say
  if (!isOpen) lost('page.lost'); else if (busy || !gradio) wait();
});

function stop() {
  if (gradio) { gradio.halt(); toast(say('step.stopping')); return; }
  early = null;
  drop('pending');
  setBusy(false);
}

// No answer within the longest turn: the way on must not stay closed.
function lost(why = 'page.slow') {
  drop('pending');
  for (const steps of all('.steps')) steps.remove();
  setBusy(false);
  toast(say(why));
}

// What is seen at once, before the server has said anything.
function pending(key = 'step.start', pictures = []) {
  if (pictures.length === 0 && document.getElementById('pending')) return;
  drop('pending');
  const node = document.createElement('div');
  node.id = 'pending';
  node.className = 'turn';
  if (pictures.length) {
    const you = document.createElement('div'), bubble = document.createElement('div');
    you.className = 'you'; bubble.className = 'bubble';
    for (const source of pictures) {
      const picture = document.createElement('img');
      picture.className = 'sent'; picture.src = source; picture.alt = say('you.photo');
      bubble.append(picture);
    }
    you.append(bubble); node.append(you);
  }
  const steps = document.createElement('ol'), step = document.createElement('li');
  steps.className = 'steps'; step.className = 'now';
  step.dataset.step = key;
  step.append(document.createElement('i'), say(isOpen ? key : 'step.opening'));
  steps.append(step);
  node.append(steps);
  talk.append(node);
  node.scrollIntoView({ block: 'end', behavior: still() ? 'auto' : 'smooth' });
}

// The server's first word of a photo, which comes with the upload's own answer: the turn has yet to begin.
function told(step) {
  const line = document.querySelector('#pending .steps li');
  if (!line) return;
  line.lastChild.textContent = say(`step.${step}`);
  line.dataset.told = step;
}

function drop(id) { document.getElementById(id)?.remove(); }

// A large photo is made small here: it arrives sooner, and where it was taken stays in the browser.
async function light(file) {
  if (file.size < LARGE_BYTES) return file;
  try {
    const picture = await createImageBitmap(file);
    const scale = Math.min(1, LONGEST_PX / Math.max(picture.width, picture.height));
    const canvas = new OffscreenCanvas(Math.round(picture.width * scale), Math.round(picture.height * scale));
    canvas.getContext('2d').drawImage(picture, 0, 0, canvas.width, canvas.height);
    return await canvas.convertToBlob({ type: 'image/jpeg', quality: 0.92 });
  } catch { return file; }  // not a picture that this browser reads: the server says what is wrong with it
}

async function send(given) {
  const files = [...given].filter((file) => file.type.startsWith('image/') || !file.type);
  if (!files.length) { if (given.length) toast(say('page.not_photo')); return; }
  if (files.length > props.most_photos) toast(say('page.too_many'));
  const some = files.slice(0, props.most_photos), pictures = some.map((file) => URL.createObjectURL(file));
  find('.hello').hidden = true;
  if (!busy) pending('step.upload', pictures);
  const names = [];
  await opened;
  try {
    for (const [place, file] of some.entries()) {
      const reply = await fetch('photos', { method: 'POST', body: await light(file) });
      if (reply.status === 413) { ask({ act: 'too_large' }); continue; }
      if (!reply.ok) throw new Error(String(reply.status));
      const { name, step } = await reply.json();
      told(step);
      local.set(`photos/${name}`, pictures[place]);
      names.push(name);
    }
    if (names.length) ask({ act: 'photo', names });
  } catch { drop('pending'); toast(say('page.lost')); if (!talk.childElementCount) find('.hello').hidden = false; }
}

// --- answers ---

function receive(patch) {
  if (!patch) return;
  if (patch.lang !== lang) speak(patch.lang);
  drop('pending');
  if (patch.clear) { talk.replaceChildren(); find('.hello').hidden = false; find('[data-act=new]').hidden = true; }
  for (const [part, html] of Object.entries(patch.nodes)) place(patch.turn, part, html);
  find('.bar').innerHTML = patch.bar;
  const isNew = patch.turn !== turn;
  turn = patch.turn;
  if (!patch.busy) retire(patch);  // before scrolling: what is retired takes less room
  if (Object.keys(patch.nodes).length && (isNew || !patch.busy)) show(patch);
  if (patch.busy) return;
  if (document.activeElement === document.body) talk.focus({ preventScroll: true });
  markKept(patch.kept);
  setBusy(false);
  if (patch.note) toast(patch.note);
  if (patch.saved) markSaved(patch.saved);
  if (patch.download) fetchFile(patch.download);
  if (patch.link) showLink(patch.link);
  if (patch.wardrobe) openCloset();
  if (patch.keep) keep({ ...patch.keep });
  else if (waiting.length) ask(waiting.shift());
}

function place(number, part, html) {
  let node = document.getElementById(`turn-${number}`);
  if (!node) {
    if (!html) return;
    node = document.createElement('div');
    node.id = `turn-${number}`;
    node.className = 'turn';
    talk.append(node);
  }
  let inner = node.querySelector(`:scope > .${part}`);
  if (!inner) { inner = document.createElement('div'); inner.className = part; node[part === 'you' ? 'prepend' : 'append'](inner); }
  if (shown.get(inner) === html) return;
  shown.set(inner, html);
  const draft = document.createElement('template');  // inert: no picture is asked for before its address is settled
  draft.innerHTML = html;
  for (const picture of draft.content.querySelectorAll('img.sent')) {
    const own = local.get(picture.getAttribute('src'));
    if (own) picture.src = own;
  }
  inner.replaceChildren(draft.content);
  for (const pick of inner.querySelectorAll('.pick')) choosable(pick);
}

function show(patch) {
  const node = document.getElementById(`turn-${patch.turn}`);
  if (!node) return;
  node.scrollIntoView({ block: patch.busy ? 'end' : 'start', behavior: still() ? 'auto' : 'smooth' });
}

// What a later turn has replaced stays to be seen, without buttons that would act on what is shown now.
function retire(patch) {
  for (const pick of all('.pick')) pick.inert = !pick.dataset.photos.split(' ').includes(patch.photo);
  for (const offer of all('.offer')) offer.inert = offer.closest('.turn')?.id !== `turn-${patch.turn}`;
  for (const kind of ['.looks', '.seen', '.heading']) {
    const found = all(kind);
    for (const node of found) node.classList.toggle('past', node !== found.at(-1));
  }
}

// Locks changed by a later turn are shown in the looks that stand above, too.
function markKept(skus) {
  for (const row of all('.looks:not(.past) [data-piece]')) {
    const kept = skus.includes(row.dataset.piece);
    row.classList.toggle('locked', kept);
    row.querySelector('[data-act=lock]')?.setAttribute('aria-pressed', String(kept));
  }
}

function markSaved({ what, number }) {
  const where = what === 'look' ? `.looks:not(.past) [data-what=look][data-number="${number}"]` : `.seen:not(.past) [data-what=${what}]`;
  for (const button of all(where)) button.setAttribute('aria-pressed', 'true');
}

function fetchFile(address) {
  const link = document.createElement('a');
  link.href = address;
  link.download = '';
  link.click();
  toast(say('look.saved'));
}

let toastTimer;
function toast(text) {
  const node = (all('dialog[open]').at(-1) ?? element).querySelector(':scope > .toast') ?? find('.toast');
  node.textContent = text;
  node.hidden = false;
  clearTimeout(toastTimer);
  toastTimer = setTimeout(() => { node.hidden = true; }, 4000);
}

// --- the wardrobe: nothing is kept before a clear yes ---

async function openCloset() {
  const reply = await fetch(`wardrobe?lang=${lang}`);
  closet.querySelector('div').innerHTML = await reply.text();
  if (!closet.open) closet.showModal();
}

function inquire(data, how = 'keep.how') {
  asked = data;
  const isForget = data.what === 'forget';
  question.querySelector('h2').textContent = say(`keep.ask_${data.what}`);
  question.querySelector('p').textContent = isForget ? '' : say(how);
  question.querySelector('[data-act=confirm]').textContent = say(isForget ? 'keep.yes_forget' : 'keep.yes');
  question.showModal();
}

async function keep(data) {
  const reply = await fetch('wardrobe', { method: 'POST' });
  if (!reply.ok) { toast(say('page.lost')); return; }
  if (data.what !== 'item') { ask({ act: 'keep', ...data, number: String(data.number ?? '') }); return; }
  const kept = await fetch(`wardrobe/items/${encodeURIComponent(data.sku)}`, { method: 'POST' });
  if (kept.ok) markSaved({ what: 'item' });
  toast(say(kept.ok ? 'keep.done_garment' : 'page.lost'));
}

async function discard(address) {
  await fetch(address, { method: 'DELETE' });
  await openCloset();
  toast(say('keep.gone'));
}

function showLink(token) {
  const address = new URL(location.pathname, location.origin);
  address.searchParams.set('look', token);
  linked.querySelector('input').value = address.href;
  linked.showModal();
  linked.querySelector('[data-act=copy]').focus();
}

async function copyLink() {
  const input = linked.querySelector('input');
  input.select();
  try { await navigator.clipboard.writeText(input.value); } catch { document.execCommand('copy'); }  // no clipboard over plain http
  linked.close();
  toast(say('link.copied'));
}

// --- a garment of a photo: clicked, drawn with the mouse, or marked with a frame that fingers and keys can move ---

function choosable(pick) {
  for (const photo of pick.querySelectorAll('.choice')) { drawable(photo); movable(pick, photo); }
  for (const crop of pick.querySelectorAll('.crop')) {
    const twin = pick.querySelector(`.box[data-box="${crop.dataset.box}"][data-photo="${crop.dataset.photo}"]`);
    for (const [on, is] of [['pointerenter', true], ['focus', true], ['pointerleave', false], ['blur', false]])
      crop.addEventListener(on, () => twin?.classList.toggle('near', is));
  }
}

const clip = (value) => Math.min(1, Math.max(0, value));

function take(photo, [x0, y0, x1, y1]) {
  const w = Number(photo.dataset.width), h = Number(photo.dataset.height);
  const box = [x0 * w, y0 * h, x1 * w, y1 * h].map((side) => side.toFixed(1)).join(',');
  ask({ act: 'choose', photo: photo.dataset.photo, box });
}

function drawable(photo) {
  const mark = photo.querySelector('.drawn');
  let from = null, moved = false;
  const at = (event) => {
    const frame = photo.getBoundingClientRect();
    return [clip((event.clientX - frame.left) / frame.width), clip((event.clientY - frame.top) / frame.height)];
  };
  const sides = (to) => [Math.min(from[0], to[0]), Math.min(from[1], to[1]), Math.max(from[0], to[0]), Math.max(from[1], to[1])];
  photo.addEventListener('pointerdown', (event) => {
    if (event.button || event.pointerType === 'touch' || event.target.closest('.marker')) return;
    from = at(event); moved = false;
  });
  photo.addEventListener('pointermove', (event) => {
    if (!from) return;
    const [x0, y0, x1, y1] = sides(at(event));
    if (!moved && (x1 - x0 < 0.03 || y1 - y0 < 0.03)) return;
    if (!moved) photo.setPointerCapture(event.pointerId);
    moved = true;
    mark.hidden = false;
    mark.style.cssText = `left:${x0 * 100}%;top:${y0 * 100}%;width:${(x1 - x0) * 100}%;height:${(y1 - y0) * 100}%`;
  });
  photo.addEventListener('pointercancel', () => { from = null; mark.hidden = true; });
  photo.addEventListener('pointerup', (event) => {
    if (!from) return;
    const box = sides(at(event));
    from = null;
    if (moved && !busy) take(photo, box);
  });
  photo.addEventListener('click', (event) => { if (moved) { event.stopPropagation(); event.preventDefault(); moved = false; } }, true);
}

const frames = new WeakMap();  // the sides of each marker: left, top, right, bottom in [0, 1] of its photo

function movable(pick, photo) {
  const marker = photo.querySelector('.marker'), least = 0.08;
  const set = ([x0, y0, x1, y1]) => {
    frames.set(marker, [x0, y0, x1, y1]);
    marker.style.cssText = `left:${x0 * 100}%;top:${y0 * 100}%;width:${(x1 - x0) * 100}%;height:${(y1 - y0) * 100}%`;
  };
  const move = ([x0, y0, x1, y1], dx, dy) => {
    const x = Math.min(1 - x1, Math.max(-x0, dx)), y = Math.min(1 - y1, Math.max(-y0, dy));
    return [x0 + x, y0 + y, x1 + x, y1 + y];
  };
  const pull = ([x0, y0, x1, y1], corner, dx, dy) => {  // corners in reading order
    if (corner % 2) x1 = clip(Math.max(x0 + least, x1 + dx)); else x0 = clip(Math.min(x1 - least, x0 + dx));
    if (corner > 1) y1 = clip(Math.max(y0 + least, y1 + dy)); else y0 = clip(Math.min(y1 - least, y0 + dy));
    return [x0, y0, x1, y1];
  };
  set([0.25, 0.2, 0.75, 0.8]);
  let held = null;
  marker.addEventListener('pointerdown', (event) => {
    const corner = event.target.tagName === 'I' ? [...marker.children].indexOf(event.target) : -1;
    held = { corner, x: event.clientX, y: event.clientY, sides: frames.get(marker) };
    marker.setPointerCapture(event.pointerId);
    event.preventDefault();
    marker.focus();
  });
  marker.addEventListener('pointermove', (event) => {
    if (!held) return;
    const frame = photo.getBoundingClientRect();
    const dx = (event.clientX - held.x) / frame.width, dy = (event.clientY - held.y) / frame.height;
    set(held.corner < 0 ? move(held.sides, dx, dy) : pull(held.sides, held.corner, dx, dy));
  });
  for (const over of ['pointerup', 'pointercancel']) marker.addEventListener(over, () => { held = null; });
  marker.addEventListener('keydown', (event) => {
    const step = { ArrowLeft: [-0.02, 0], ArrowRight: [0.02, 0], ArrowUp: [0, -0.02], ArrowDown: [0, 0.02] }[event.key];
    if (step) set(event.shiftKey ? pull(frames.get(marker), 3, ...step) : move(frames.get(marker), ...step));
    else if (event.key === 'Enter') takeMarked(pick);
    else if (event.key === 'Escape') unmark(pick);
    else return;
    event.preventDefault();
  });
}

function mark(pick, is = true) {
  const marker = pick.querySelector('.marker');
  marker.hidden = !is;
  marker.parentElement.classList.toggle('marking', is);
  pick.querySelector('.unmarked').hidden = is;
  pick.querySelector('.marked').hidden = !is;
  (is ? marker : pick.querySelector('[data-act=mark]')).focus();
}

const unmark = (pick) => mark(pick, false);

function takeMarked(pick) {
  const photo = pick.querySelector('.choice.marking');
  if (!photo || busy) return;
  const sides = frames.get(photo.querySelector('.marker'));
  unmark(pick);
  take(photo, sides);
}

// --- what the shopper does ---

element.addEventListener('click', (event) => {
  const target = event.target.closest('[data-act]');
  if (target?.tagName === 'SELECT') return;
  if (!target) { if (event.target.tagName === 'DIALOG') event.target.close(); return; }
  const data = { ...target.dataset };
  for (const key of Object.keys(data)) if (key.startsWith('say')) delete data[key];
  switch (data.act) {
    case 'browse': find('.files').click(); return;
    case 'camera': find('.shot').click(); return;
    case 'close': target.closest('dialog').close(); return;
    case 'stop': stop(); return;
    case 'open': {
      gradio.peek(data);
      const row = [...all('.looks:not(.past) [data-piece]')].find((one) => one.dataset.piece === data.sku);
      lookAt(row ? { sku: data.sku, title: row.querySelector('.name').textContent } : null);
      return;
    }
    case 'wardrobe': openCloset(); return;
    case 'mark': mark(target.closest('.pick')); return;
    case 'unmark': unmark(target.closest('.pick')); return;
    case 'take': takeMarked(target.closest('.pick')); return;
    case 'keep': {
      const { act, ...what } = data;
      if (target.getAttribute('aria-pressed') !== 'true') inquire(what, what.what === 'link' ? 'keep.how_link' : 'keep.how');
      return;
    }
    case 'yes': { const { act, ...what } = data; keep(what); return; }
    case 'confirm': {
      question.close();
      if (asked.what === 'forget') discard('wardrobe'); else keep(asked);
      return;
    }
    case 'link': showLink(data.token); return;
    case 'copy': copyLink(); return;
    case 'export': fetchFile('wardrobe/export'); return;
    case 'discard': discard(`wardrobe/${data.id}`); return;
    case 'forget': inquire({ what: 'forget' }); return;
    case 'language': {
      speak(lang === 'zh' ? 'en' : 'zh');
      if (talk.childElementCount) ask({ act: 'speak', lang });
      return;
    }
  }
  if (busy) return;
  for (const open of all('dialog[open]')) open.close();
  ask(data);
});

element.addEventListener('change', (event) => {
  if (event.target.dataset.act === 'correct' && event.target.value) ask({ act: 'correct', category: event.target.value });
});

find('form').addEventListener('submit', (event) => {
  event.preventDefault();
  const message = field.value.trim();
  if (!message || busy) return;
  field.value = '';
  fit();
  ask({ act: 'say', message, opened: looked?.sku });
});

field.addEventListener('keydown', (event) => {
  if (event.key !== 'Enter' || event.shiftKey || event.isComposing) return;
  event.preventDefault();
  find('form').requestSubmit();
});

function fit() { field.style.height = 'auto'; field.style.height = `${Math.min(field.scrollHeight, 140)}px`; }
field.addEventListener('input', fit);

for (const input of all('input[type=file]')) {
  input.addEventListener('change', () => { send(input.files); input.value = ''; });
}

document.addEventListener('paste', (event) => {
  const files = [...(event.clipboardData?.files ?? [])];
  if (files.length) { event.preventDefault(); send(files); }
});

let inside = 0;
const veil = find('.veil');
const carriesFiles = (event) => [...(event.dataTransfer?.types ?? [])].includes('Files');
document.addEventListener('dragenter', (event) => { if (carriesFiles(event)) { inside += 1; veil.hidden = false; } });
document.addEventListener('dragleave', (event) => { if (carriesFiles(event) && --inside <= 0) { inside = 0; veil.hidden = true; } });
document.addEventListener('dragover', (event) => { if (carriesFiles(event)) event.preventDefault(); });
document.addEventListener('drop', (event) => {
  if (!carriesFiles(event)) return;
  event.preventDefault();
  inside = 0;
  veil.hidden = true;
  send(event.dataTransfer.files);
});

// What the shopper sent and no browser can show is told in words.
element.addEventListener('error', (event) => { if (event.target.matches('img.sent')) event.target.replaceWith(event.target.alt); }, true);

document.addEventListener('sheet', (event) => {
  if (!event.detail) return;
  sheet.querySelector('div').innerHTML = event.detail.html;
  if (!sheet.open) sheet.showModal();
  sheet.scrollTop = 0;
});

// Over a dialog the page's own toast would lie behind it: each dialog has one of its own.
for (const over of all('dialog')) over.append(find('.toast').cloneNode());

new ResizeObserver(() => element.style.setProperty('--dock', `${dock.offsetHeight}px`)).observe(dock);
speak(props.lang === 'auto' ? (navigator.language.toLowerCase().startsWith('zh') ? 'zh' : 'en') : props.lang);

const token = new URLSearchParams(location.search).get('look');
if (token) ask({ act: 'open_look', token });
})();
