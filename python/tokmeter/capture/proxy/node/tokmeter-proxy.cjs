// Lets Node releases that do not read HTTPS_PROXY (before 22.21 and 24) send fetch, http and https through it.
// Loaded with --require. Does nothing where Node does it itself, where no proxy is set, or when anything is not as
// expected: the program must run as before. Uses only what Node ships.
'use strict';

const [major, minor] = process.versions.node.split('.').map(Number);
const builtIn = major >= 24 || (major === 22 && minor >= 21);
const env = process.env;
const proxies = {
  'https:': env.https_proxy || env.HTTPS_PROXY,
  'http:': env.http_proxy || env.HTTP_PROXY,
};
const exempt = (env.no_proxy || env.NO_PROXY || '').toLowerCase().split(/[\s,]+/).filter(Boolean);

function proxyFor(protocol, host, port) {
  const url = proxies[protocol];
  if (!url) return null;
  const name = host.replace(/^\[|\]$/g, '').toLowerCase();
  for (const entry of exempt) {
    if (entry === '*') return null;
    const [, bare, only] = /^(.*?)(?::(\d+))?$/.exec(entry.includes('::') ? `${entry}` : entry) || [];
    const suffix = (entry.includes('::') ? entry : bare).replace(/^\*?\./, '');
    if (!entry.includes('::') && only && only !== String(port)) continue;
    if (name === suffix || name.endsWith(`.${suffix}`)) return null;
  }
  try {
    const proxy = new URL(url);
    return proxy.protocol === 'http:' ? proxy : null;
  } catch {
    return null;
  }
}

// Opens a tunnel and calls done(error, socket) once.
function tunnel(proxy, host, port, done) {
  const net = require('node:net');
  const authority = `${net.isIPv6(host) ? `[${host}]` : host}:${port}`;
  const socket = net.connect(Number(proxy.port || 80), proxy.hostname.replace(/^\[|\]$/g, ''));
  let head = Buffer.alloc(0);
  const fail = (error) => {
    socket.removeAllListeners();
    socket.on('error', () => {});
    socket.destroy();
    done(error);
  };
  const ended = () => fail(new Error('the proxy closed the connection'));
  const read = (chunk) => {
    head = Buffer.concat([head, chunk]);
    const end = head.indexOf('\r\n\r\n');
    if (end < 0) {
      if (head.length > 65536) fail(new Error('the proxy answered with too long a head'));
      return;
    }
    const status = Number(head.toString('latin1', 9, 12));
    if (status < 200 || status > 299) {
      fail(new Error(`the proxy answered ${status}`));
      return;
    }
    socket.removeListener('data', read);
    socket.removeListener('error', fail);
    socket.removeListener('end', ended);
    socket.pause();
    if (end + 4 < head.length) socket.unshift(head.subarray(end + 4));
    done(null, socket);
  };
  socket.setNoDelay(true);
  socket.once('error', fail);
  socket.once('end', ended);
  socket.on('data', read);
  socket.once('connect', () => socket.write(`CONNECT ${authority} HTTP/1.1\r\nHost: ${authority}\r\n\r\n`));
}

// Calls done(error, socket) once, with TLS established for https.
function connectThrough(proxy, protocol, options, done) {
  tunnel(proxy, options.host, options.port, (error, socket) => {
    if (error || protocol === 'http:') {
      done(error, socket);
      return;
    }
    const net = require('node:net');
    const servername = options.servername || (net.isIP(options.host) ? '' : options.host);
    const secure = require('node:tls').connect({ ...options.tls, socket, servername });
    const failed = (reason) => done(reason);
    secure.once('error', failed);
    secure.once('secureConnect', () => {
      secure.removeListener('error', failed);
      done(null, secure);
    });
  });
}

// fetch: its dispatcher lives under a well-known symbol once undici is loaded, which reading Headers does.
function patchFetch() {
  const key = Symbol.for('undici.globalDispatcher.1');
  void globalThis.Headers;
  new globalThis.Request('http://localhost/');
  const original = globalThis[key];
  if (!original || typeof original.dispatch !== 'function') return;
  const Agent = original.constructor;
  const proxied = new Agent({
    connect(options, done) {
      const host = options.hostname.replace(/^\[|\]$/g, '');
      const port = Number(options.port) || (options.protocol === 'https:' ? 443 : 80);
      const proxy = proxyFor(options.protocol, host, port);
      const tls = { ALPNProtocols: ['http/1.1'] };
      connectThrough(proxy, options.protocol, { host, port, servername: options.servername, tls }, done);
    },
  });
  const dispatch = original.dispatch.bind(original);
  original.dispatch = (options, handler) => {
    const url = new URL(String(options.origin));
    const port = url.port || (url.protocol === 'https:' ? 443 : 80);
    if (proxyFor(url.protocol, url.hostname, port)) return proxied.dispatch(options, handler);
    return dispatch(options, handler);
  };
}

// http and https: every agent makes its sockets here, also those of a program's own.
function patchAgent(module, protocol) {
  const prototype = module.Agent.prototype;
  const original = prototype.createConnection;
  if (typeof original !== 'function') return;
  prototype.createConnection = function createConnection(...args) {
    const options = typeof args[0] === 'object' && args[0] !== null ? args[0] : null;
    const done = args.find((arg) => typeof arg === 'function');
    const host = options && !options.socketPath && (options.host || options.hostname);
    const port = options && (Number(options.port) || (protocol === 'https:' ? 443 : 80));
    const proxy = host && done ? proxyFor(protocol, host, port) : null;
    if (!proxy) return original.apply(this, args);
    const { socket, path, ...tls } = options;
    connectThrough(proxy, protocol, { host, port, servername: options.servername, tls }, done);
    return undefined;
  };
}

if (!builtIn && (proxies['https:'] || proxies['http:'])) {
  try {
    patchAgent(require('node:http'), 'http:');
    patchAgent(require('node:https'), 'https:');
    if (typeof globalThis.fetch === 'function') patchFetch();
  } catch {
    // The program must run as before.
  }
}
