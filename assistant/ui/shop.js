// The client side of the shop page: sends what the shopper does, puts answers in place. No decision is taken here.
// Gradio gives element, trigger, props and watch.
const find = (selector) => element.querySelector(selector);
const all = (selector) => [...element.querySelectorAll(selector)];
const talk = find('.talk'), dock = find('.dock'), field = find('textarea'), sheet = find('dialog');
const waiting = [];  // asks that came while a turn was under way: photos dropped together
const shown = new WeakMap();  // what each part was last given: what is the same is left alone
let busy = false, lang = 'en', turn = -1;

const say = (key) => props.words[lang][key] ?? key;

function speak(next) {
  lang = next;
  document.documentElement.lang = next === 'zh' ? 'zh-CN' : 'en';
  document.title = say('page.title');
  for (const node of all('[data-say]')) node.textContent = say(node.dataset.say);
  for (const node of all('[data-say-label]')) {
    const text = say(node.dataset.sayLabel).replace('{number}', node.dataset.number);
    node.setAttribute('aria-label', text);
    if (node.tagName === 'BUTTON') node.title = text;
  }
  field.placeholder = say(matchMedia('(max-width: 560px)').matches ? 'write.hint_short' : 'write.hint');
}

// --- asking ---

function ask(data) {
  if (busy) { waiting.push(data); return; }
  setBusy(true);
  find('.hello').hidden = true;
  find('[data-act=new]').hidden = false;
  if (!['save', 'new', 'lock'].includes(data.act)) pending();
  trigger('ask', { ...data, lang });
}

function setBusy(now) {
  busy = now;
  find('.stop').hidden = !now;
  find('[type=submit]').hidden = now;
  element.toggleAttribute('data-busy', now);
  talk.setAttribute('aria-busy', String(now));
}

function pending() {
  drop('pending');
  const node = document.createElement('div');
  node.id = 'pending';
  node.className = 'turn';
  const steps = document.createElement('ol');
  steps.className = 'steps';
  const step = document.createElement('li');
  step.className = 'now';
  step.append(document.createElement('i'), '…');
  steps.append(step);
  node.append(steps);
  talk.append(node);
  node.scrollIntoView({ block: 'end', behavior: 'smooth' });
}

function drop(id) { document.getElementById(id)?.remove(); }

async function send(files) {
  for (const file of [...files].filter((one) => one.type.startsWith('image/') || !one.type)) {
    if (!busy) { find('.hello').hidden = true; pending(); }
    try {
      const reply = await fetch('photos', { method: 'POST', body: file });
      if (reply.status === 413) ask({ act: 'too_large' });
      else if (!reply.ok) throw new Error(String(reply.status));
      else ask({ act: 'photo', name: (await reply.json()).name });
    } catch { drop('pending'); toast(say('page.lost')); }
  }
}

// --- answers ---

watch('value', () => {
  const patch = props.value;
  if (!patch) return;
  if (patch.lang !== lang) speak(patch.lang);
  drop('pending');
  if (patch.clear) { talk.replaceChildren(); find('.hello').hidden = false; find('[data-act=new]').hidden = true; }
  for (const [part, html] of Object.entries(patch.nodes)) place(patch.turn, part, html);
  find('.bar').innerHTML = patch.bar;
  const isNew = patch.turn !== turn;
  turn = patch.turn;
  if (!patch.busy) retire(patch);  // before scrolling: what is retired takes less room
  if (isNew || !patch.busy) show(patch);
  if (patch.busy) return;
  if (document.activeElement === document.body) talk.focus({ preventScroll: true });
  markKept(patch.kept);
  if (patch.note) toast(patch.note);
  setBusy(false);
  if (patch.download) fetchFile(patch.download);
  if (waiting.length) ask(waiting.shift());
});

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
  inner.innerHTML = html;
  for (const photo of inner.querySelectorAll('.choice')) drawable(photo);
}

function show(patch) {
  const node = document.getElementById(`turn-${patch.turn}`);
  if (!node) return;
  const still = matchMedia('(prefers-reduced-motion: reduce)').matches;
  node.scrollIntoView({ block: patch.busy ? 'end' : 'start', behavior: still ? 'auto' : 'smooth' });
}

// What a later turn has replaced stays to be seen, without buttons that would act on what is shown now.
function retire(patch) {
  for (const choice of all('[data-photo]')) choice.inert = choice.dataset.photo !== patch.photo;
  for (const kind of ['.looks', '.seen']) {
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

function fetchFile(address) {
  const link = document.createElement('a');
  link.href = address;
  link.download = '';
  link.click();
  toast(say('look.saved'));
}

let toastTimer;
function toast(text) {
  const node = find('.toast');
  node.textContent = text;
  node.hidden = false;
  clearTimeout(toastTimer);
  toastTimer = setTimeout(() => { node.hidden = true; }, 4000);
}

// --- a box drawn on the photo ---

function drawable(photo) {
  const mark = photo.querySelector('.drawn');
  let from = null, moved = false;
  const at = (event) => {
    const frame = photo.getBoundingClientRect();
    const clip = (value) => Math.min(1, Math.max(0, value));
    return [clip((event.clientX - frame.left) / frame.width), clip((event.clientY - frame.top) / frame.height)];
  };
  const sides = (to) => [Math.min(from[0], to[0]), Math.min(from[1], to[1]), Math.max(from[0], to[0]), Math.max(from[1], to[1])];
  photo.addEventListener('pointerdown', (event) => {
    if (event.button || event.pointerType === 'touch' && event.target !== photo.querySelector('img')) return;
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
    const [x0, y0, x1, y1] = sides(at(event));
    from = null;
    if (!moved) return;
    const w = Number(photo.dataset.width), h = Number(photo.dataset.height);
    ask({ act: 'choose', box: [x0 * w, y0 * h, x1 * w, y1 * h].map((side) => side.toFixed(1)).join(',') });
  });
  photo.addEventListener('click', (event) => { if (moved) { event.stopPropagation(); event.preventDefault(); moved = false; } }, true);
}

// --- what the shopper does ---

element.addEventListener('click', (event) => {
  const target = event.target.closest('[data-act]');
  if (target?.tagName === 'SELECT') return;
  if (!target) { if (event.target === sheet) sheet.close(); return; }
  const data = { ...target.dataset };
  for (const key of Object.keys(data)) if (key.startsWith('say')) delete data[key];
  switch (data.act) {
    case 'browse': find('.files').click(); return;
    case 'camera': find('.shot').click(); return;
    case 'close': sheet.close(); return;
    case 'stop': trigger('halt', {}); toast(say('step.stopping')); return;
    case 'open': trigger('peek', data); return;
    case 'language': {
      speak(lang === 'zh' ? 'en' : 'zh');
      if (talk.childElementCount) ask({ act: 'speak', lang });
      return;
    }
  }
  if (busy) return;
  if (sheet.open) sheet.close();
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
  ask({ act: 'say', message });
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

document.addEventListener('sheet', (event) => {
  if (!event.detail) return;
  sheet.querySelector('div').innerHTML = event.detail.html;
  if (!sheet.open) sheet.showModal();
  sheet.scrollTop = 0;
});

new ResizeObserver(() => element.style.setProperty('--dock', `${dock.offsetHeight}px`)).observe(dock);
speak(props.lang === 'auto' ? (navigator.language.toLowerCase().startsWith('zh') ? 'zh' : 'en') : props.lang);
