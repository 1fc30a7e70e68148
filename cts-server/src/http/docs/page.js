'use strict';
let doc;

const el = (tag, props = {}, ...children) => {
  const node = Object.assign(document.createElement(tag), props);
  node.append(...children);
  return node;
};
const dim = text => el('span', { className: 'dim', textContent: text });
const follow = node => node?.$ref ? node.$ref.slice(2).split('/').reduce((at, part) => at[part], doc) : node;
const parts = schema => schema.allOf || schema.oneOf || schema.anyOf || [];
const properties = schema => Object.assign({}, ...parts(schema).map(one => properties(follow(one))), schema.properties);

/** A schema in words, such as `list of Run` or `string or null`. */
function words(schema) {
  if (schema.$ref) return schema.$ref.split('/').pop();
  if (schema.enum) return schema.enum.join(' | ');
  const choices = schema.oneOf || schema.anyOf;
  if (choices) return choices.map(words).join(' or ');
  const types = [schema.type || 'anything'].flat();
  return types.map(type => type === 'array' ? `list of ${words(schema.items || {})}` : type).join(' or ');
}

/** The fields of a schema; those of a field that has fields itself open below it. */
function shape(schema, depth = 0) {
  const items = schema.type === 'array' ? schema.items : schema;
  const known = parts(items).map(follow).filter(one => one.title);
  if (known.length > 1) return el('div', {}, ...known.map(one => below(one.title, one, depth)));
  const fields = Object.entries(properties(follow(items)));
  return el('ul', { className: 'shape' }, ...fields.map(([name, field]) => {
    const inner = follow((field.oneOf || [field])[0]);
    const needed = follow(items).required?.includes(name) ? ', required ' : ' ';
    const line = [el('b', { textContent: name }), ` ${words(field)}${needed}`, dim(field.description || '')];
    if (field.default != null) line.push(dim(` Default: ${JSON.stringify(field.default)}.`));
    const deeper = depth < 4 && Object.keys(properties(inner.type === 'array' ? follow(inner.items) || {} : inner)).length;
    return el('li', {}, ...line, ...(deeper || parts(field).length > 2 ? [below('fields', inner, depth + 1)] : []));
  }));
}

/** Built when it is opened: some forms are large. */
function below(title, schema, depth) {
  const node = el('details', {}, el('summary', { className: 'dim', textContent: title }));
  node.addEventListener('toggle', () => node.append(shape(schema, depth)), { once: true });
  return node;
}

/** Something to start from: required fields, and defaults. */
function example(schema) {
  const all = follow(schema);
  if (all.default !== undefined) return all.default;
  if (all.type === 'array') return [];
  const fields = Object.entries(properties(all));
  if (!fields.length) return { integer: 0, number: 0, boolean: false, string: '' }[[all.type].flat()[0]] ?? {};
  const needed = fields.filter(([name, field]) => all.required?.includes(name) || field.default != null);
  return Object.fromEntries(needed.map(([name, field]) => [name, example(field)]));
}

/** The body of a request: a field, and how it is sent. */
function bodyOf(content) {
  const medias = Object.keys(content);
  const file = el('input', { type: 'file' });
  const text = el('textarea', { spellcheck: false });
  const media = el('select', {}, ...medias.map(name => el('option', { textContent: name })));
  const tools = el('select', { hidden: true });
  const place = el('div');
  const isJson = () => media.value.endsWith('json');
  const choose = () => place.replaceChildren(isJson() ? text : file);
  const json = content[medias.find(name => name.endsWith('json'))];
  if (json) {
    const names = properties(follow(json.schema)).tool_id?.examples || [];
    const fill = () => {
      const body = example(json.schema);
      if (names.length) {
        const form = doc.components.schemas[`Params-${tools.value}`];
        Object.assign(body, { tool_id: tools.value, params: example(form), input: { type: 'path', value: '' } });
      }
      text.value = JSON.stringify(body, null, 2);
    };
    tools.append(...names.map(name => el('option', { textContent: name })));
    tools.hidden = !names.length;
    tools.onchange = fill;
    fill();
  }
  media.onchange = choose;
  choose();
  const form = () => {
    const data = new FormData();
    if (file.files[0]) data.append('file', file.files[0]);
    return data;
  };
  return {
    node: el('div', {}, media, ' ', tools, place),
    headers: () => media.value.startsWith('multipart') ? {} : { 'Content-Type': media.value },
    value: () => isJson() ? text.value : media.value.startsWith('multipart') ? form() : file.files[0],
    curl: () => isJson() ? `-d ${quoted(text.value)}` : media.value.startsWith('multipart') ? '-F file=@FILE' : '-T FILE',
  };
}

const quoted = text => `'${text.replaceAll("'", "'\\''")}'`;

/** Address and headers as the fields say; null when one that is needed is empty. */
function request(path, method, fields, body) {
  const query = new URLSearchParams(), headers = body ? body.headers() : {};
  for (const [parameter, input] of fields) {
    if (parameter.required && !input.value) return input.focus(), null;
    if (!input.value) continue;
    if (parameter.in === 'path') path = path.replace(`{${parameter.name}}`, encodeURIComponent(input.value));
    else if (parameter.in === 'query') query.set(parameter.name, input.value);
    else headers[parameter.name] = input.value;
  }
  const key = document.getElementById('key').value;
  if (key) headers.Authorization = `Bearer ${key}`;
  const url = new URL(path.slice(1) + (query.size ? `?${query}` : ''), location.href);
  const shown = Object.entries(headers).map(([name, value]) =>
    `-H ${quoted(`${name}: ${name === 'Authorization' ? 'Bearer KEY' : value}`)} `);
  const curl = `curl -i -X ${method.toUpperCase()} ${shown.join('')}${body ? `${body.curl()} ` : ''}${quoted(url.href)}`;
  return { url, headers, curl };
}

/** Sends it and shows the answer while it comes. */
async function send(asked, method, body, out, signal) {
  const answer = await fetch(asked.url, { method: method.toUpperCase(), headers: asked.headers, body: body?.value(), signal });
  const head = `${answer.status} ${answer.statusText}\n`;
  const kind = answer.headers.get('content-type') || '';
  out.textContent = head;
  if (!/json|text/.test(kind)) return save(answer, kind, out);
  let text = '';
  const reader = answer.body.pipeThrough(new TextDecoderStream()).getReader();
  for (let piece; !(piece = await reader.read()).done;) {
    text += piece.value;
    out.textContent = head + text;
  }
  if (kind.includes('json') && text) out.textContent = head + JSON.stringify(JSON.parse(text), null, 2);
}

async function save(answer, kind, out) {
  const blob = await answer.blob();
  const name = /filename="([^"]*)"/.exec(answer.headers.get('content-disposition') || '')?.[1] || 'answer';
  out.append(`${kind} ${blob.size} bytes `);
  if (blob.size) out.append(el('a', { href: URL.createObjectURL(blob), download: name, textContent: `save ${name}` }));
}

/** Shows the messages of a WebSocket until it closes. */
function listen(asked, out, signal) {
  return new Promise(done => {
    const socket = new WebSocket(asked.url.href.replace(/^http/, 'ws'));
    signal.addEventListener('abort', () => socket.close());
    socket.onmessage = message => out.append(`${message.data}\n`);
    socket.onclose = closed => done(out.append(`closed: ${closed.code} ${closed.reason}\n`));
  });
}

function operation(path, method, op) {
  const fields = (op.parameters || []).map(p => [p, el('input', { placeholder: p.schema?.type || '' })]);
  const table = el('table', {}, ...fields.map(([p, input]) => el('tr', {},
    el('td', {}, el('code', { textContent: p.name }), dim(` ${p.in}`)),
    el('td', {}, input), el('td', { className: 'dim', textContent: p.description || '' }))));
  const body = op.requestBody ? bodyOf(op.requestBody.content) : null;
  const out = el('pre', { hidden: true }), curl = el('pre', { hidden: true });
  const button = el('button', { textContent: 'Send' });
  let stop;
  button.onclick = async () => {
    if (stop) return stop.abort();
    const asked = request(path, method, fields, body);
    if (!asked) return;
    [out.hidden, curl.hidden, out.textContent, curl.textContent] = [false, false, '', asked.curl];
    stop = new AbortController();
    button.textContent = 'Stop';
    try {
      await (op.responses[101] ? listen(asked, out, stop.signal) : send(asked, method, body, out, stop.signal));
    } catch (error) {
      out.append(error.name === 'AbortError' ? 'stopped' : error);
    }
    [stop, button.textContent] = [null, 'Send'];
  };
  const forms = [['takes', op.requestBody], ...Object.entries(op.responses)].flatMap(([name, one]) =>
    Object.entries(one?.content || {}).map(([media, { schema }]) => below(`${name} ${media}: ${words(schema)}`, schema, 0)));
  const bodies = el('details', {}, el('summary', { textContent: 'Forms' }), ...forms);
  const inside = el('div', { className: 'inside' }, table, ...(body ? [body.node] : []), button, curl, out, bodies);
  return el('details', { className: 'operation', id: op.operationId },
    el('summary', {}, el('span', { className: `method ${method}`, textContent: method.toUpperCase() }),
      el('code', { textContent: path }), ' ', dim(op.summary)), inside);
}

async function start() {
  doc = await (await fetch('openapi.json')).json();
  document.getElementById('version').textContent = doc.info.version;
  document.getElementById('about').textContent = doc.info.description;
  document.getElementById('who').onsubmit = event => event.preventDefault();
  const sections = new Map(doc.tags.map(({ name, description }) =>
    [name, el('section', {}, el('h2', { textContent: name }), el('p', { className: 'dim', textContent: description }))]));
  for (const [path, methods] of Object.entries(doc.paths))
    for (const [method, op] of Object.entries(methods)) sections.get(op.tags[0]).append(operation(path, method, op));
  document.getElementById('main').append(...sections.values());
  const linked = document.getElementById(location.hash.slice(1));
  if (linked) [linked.open] = [true, linked.scrollIntoView()];
}
start();
