// The agent's own page: staff choose who comes next and copy each text into a system that accepts nothing else.
// Everything of a person is set as text, kept in memory, and gone when its time is over.
'use strict';

const KEEP_SECONDS = 120;
const LOOK_SECONDS = 2;
const KEY = 'tiepdon.agent.token';
const at = (id) => document.getElementById(id);
let words = {};
let clearing = null;

const word = (key) => words['agent.' + key] || key;

function show(id, yes) {
  at(id).hidden = !yes;
}

async function call(method, path, body) {
  const headers = { Authorization: 'Bearer ' + (localStorage.getItem(KEY) || '') };
  if (body !== undefined) headers['Content-Type'] = 'application/json';
  const answer = await fetch(path, { method, headers, body: body === undefined ? undefined : JSON.stringify(body) });
  const told = await answer.json();
  if (!answer.ok) throw new Error(told.code || 'internal');
  return told;
}

function trouble(code) {
  at('trouble').textContent = code ? words['error.' + code] || code : '';
  show('trouble', Boolean(code));
}

async function guarded(work) {
  try {
    await work();
  } catch (error) {
    if (error.message === 'agent.not_paired') return needPairing();
    trouble(error instanceof TypeError ? 'agent.unreachable' : error.message);
  }
  return undefined;
}

function needPairing() {
  show('work', false);
  show('pairing', true);
}

function forget() {
  clearTimeout(clearing);
  at('blocks').replaceChildren();
  at('ticket').textContent = '';
  show('record', false);
}

async function copy(button, text) {
  await navigator.clipboard.writeText(text);
  button.classList.add('copied');
}

function block(one) {
  const item = document.createElement('li');
  const button = document.createElement('button');
  button.type = 'button';
  for (const [name, text] of [['field', word('field.' + one.field)], ['text', one.text]]) {
    const part = document.createElement('span');
    part.className = name;
    part.textContent = text;
    button.append(part);
  }
  button.addEventListener('click', () => guarded(() => copy(button, one.text)));
  item.append(button);
  return item;
}

async function take(ticket) {
  trouble('');
  const offer = await call('POST', '/v1/offer', { delivery: ticket.delivery });
  const wanted = { offer: offer.offer, screen: at('screens').value, attempt: crypto.randomUUID() };
  const told = await call('POST', '/v1/take/blocks', wanted);
  forget();
  at('ticket').textContent = ticket.ticket_number;
  at('blocks').append(...told.blocks.filter((one) => one.text).map(block));
  show('record', true);
  clearing = setTimeout(forget, KEEP_SECONDS * 1000);
  await look();
}

function ticket(one) {
  const item = document.createElement('li');
  const button = document.createElement('button');
  button.type = 'button';
  button.textContent = [one.ticket_number, one.service_name, one.arrived_at.slice(11, 16)].join(' · ');
  button.dataset.delivery = one.delivery;
  button.addEventListener('click', () => guarded(() => take(one)));
  item.append(button);
  return item;
}

async function look() {
  const told = await call('GET', '/v1/waiting');
  const now = told.waiting.map((one) => String(one.delivery)).join();
  if (at('waiting').dataset.shown !== now) {
    at('waiting').replaceChildren(...told.waiting.map(ticket));
    at('waiting').dataset.shown = now;
  }
  show('nobody', told.waiting.length === 0);
}

async function work() {
  const told = await call('GET', '/v1/screens');
  at('screens').replaceChildren(...told.screens.map((one) => new Option(one.name, one.name)));
  show('choice', told.screens.length > 1);
  show('pairing', false);
  show('work', true);
  await look();
}

async function begin() {
  const all = await (await fetch('/v1/words')).json();
  const language = navigator.language.startsWith('en') && all.en ? 'en' : 'vi';
  words = all[language] || {};
  document.documentElement.lang = language;
  for (const element of document.querySelectorAll('[data-word]')) element.textContent = word(element.dataset.word);
  const status = await call('GET', '/v1/status');
  show('synthetic', status.synthetic);
  if (status.paired) await work();
  else needPairing();
}

at('pairing').addEventListener('submit', (event) => {
  event.preventDefault();
  guarded(async () => {
    trouble('');
    const told = await call('POST', '/v1/pair', { code: at('code').value });
    localStorage.setItem(KEY, told.token);
    at('code').value = '';
    await work();
  });
});
at('done').addEventListener('click', forget);
setInterval(() => at('work').hidden || guarded(look), LOOK_SECONDS * 1000);
guarded(begin);
