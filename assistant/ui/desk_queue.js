// The cases in the stylist's list and which of them is on show. It asks the API for them, and draws nothing.
import { api } from './desk_common.js';

const PAGE = 20, MOST = 100;

export class Queue {
  rows = [];
  at = 0;
  isWaiting = false;  // for cases that are not here yet: nothing can be decided
  #next = null;  // after which case the server has more
  #chosen = {};
  #number = 0;  // of the newest loading: what an older one brings is dropped
  #leaving = new Set();  // decided here, which the server may not know yet

  get now() { return this.rows[this.at]; }
  get following() { return this.rows[this.at + 1]; }
  get hasMore() { return this.#next !== null; }
  get isShort() { return this.hasMore && this.rows.length - this.at < 5; }

  // The queue from its beginning, with these filters.
  async load(chosen) {
    this.#chosen = chosen;
    this.#fill([], null);
    this.at = 0;
    this.isWaiting = true;
    const number = ++this.#number;
    const page = await this.#asked(number, PAGE);
    if (page) this.#fill(page.data, page.next);
  }

  async more() {
    const from = this.#next;
    this.#next = null;
    this.isWaiting ||= !this.rows.length;
    try {
      const page = await this.#asked(this.#number, PAGE, from);
      if (page) this.#fill([...this.rows, ...page.data.filter((row) => !this.#has(row.id))], page.next);
    } catch (error) { this.#next ??= from; throw error; }
  }

  // What is here, as the server has it now. The case on show stays: somebody looks at it.
  async refresh() {
    const number = ++this.#number;
    const page = await this.#asked(number, Math.min(MOST, Math.max(PAGE, this.rows.length + 1)));
    if (!page) return;
    const now = this.now, place = this.at;
    this.#fill(page.data, page.next);
    this.go(place);
    if (!now || this.find(now.id)) return;
    this.insert(now, place);
    const whole = await api(`cases/${now.id}`);
    this.rows = this.rows.map((row) => row.id === whole.id ? whole : row);
  }

  go(place) { this.at = Math.max(0, Math.min(place, this.rows.length - 1)); }

  // Turn to this case. Gives whether it is here.
  find(id) {
    const place = this.rows.findIndex((row) => row.id === id);
    if (place >= 0) this.at = place;
    return place >= 0;
  }

  insert(row, place = this.at) {
    this.rows.splice(place, 0, row);
    this.go(place);
  }

  // These were decided: the next one is on show. Gives what `putBack` and `arrived` need.
  take(ids) {
    const taken = this.rows.map((row, place) => ({ row, place })).filter(({ row }) => ids.includes(row.id));
    if (this.#chosen.state === 'open') {
      const before = taken.filter(({ place }) => place < this.at).length;
      for (const { row } of taken) this.#leaving.add(row.id);
      this.rows = this.rows.filter((row) => !this.#leaving.has(row.id));
      this.go(this.at - before);
    } else this.go(this.at + 1);
    return taken;
  }

  // The server has not taken the decision: the cases are in the list again, the one on show stays.
  putBack(taken) {
    this.arrived(taken);
    const now = this.now;
    for (const { row, place } of taken) if (!this.#has(row.id)) this.rows.splice(place, 0, row);
    if (now) this.find(now.id);
  }

  // The server knows of the decision: from now on its lists are right about these cases.
  arrived(taken) { for (const { row } of taken) this.#leaving.delete(row.id); }

  #has(id) { return this.rows.some((row) => row.id === id); }

  #fill(rows, next) {
    this.rows = this.#chosen.state === 'open' ? rows.filter((row) => !this.#leaving.has(row.id)) : rows;
    this.#next = next;
  }

  // A page of cases; undefined where a newer loading has begun meanwhile.
  async #asked(number, limit, after = null) {
    const query = new URLSearchParams({ limit });
    for (const [name, value] of Object.entries(this.#chosen)) if (value !== '') query.set(name, value);
    if (after !== null) query.set('after', after);
    try {
      const page = await api(`cases?${query}`);
      return number === this.#number ? page : undefined;
    } finally { if (number === this.#number) this.isWaiting = false; }
  }
}
