// Lets Node releases that do not read HTTPS_PROXY (before 22.21 and 24) send fetch, http and https through it.
// Loaded with --require. Does nothing where Node does it itself, where no proxy is set, or where Node is not as
// expected: the program must run as before. Uses only what Node ships.
'use strict';

const [major, minor] = process.versions.node.split('.').map(Number);
const builtIn = major >= 24 || (major === 22 && minor >= 21);
const proxies = {
  'https:': process.env.https_proxy || process.env.HTTPS_PROXY,
  'http:': process.env.http_proxy || process.env.HTTP_PROXY,
};
const exempt = (process.env.no_proxy || process.env.NO_PROXY || '').toLowerCase().split(/[\s,]+/).filter(Boolean);

function bare(host) {
  return host.replace(/^\[|\]$/g, '').toLowerCase();
}

// The proxy for a destination, or null. Exemptions are names, which cover their subdomains, or `*`.
function proxyFor(protocol, host) {
  const name = bare(host);
  const isExempt = exempt.some((entry) => {
    const suffix = bare(entry).replace(/^\*?\./, '');
    return entry === '*' || name === suffix || name.endsWith(`.${suffix}`);
  });
  if (isExempt || !proxies[protocol]) return null;
  try {
    const proxy = new URL(proxies[protocol]);
    return proxy.protocol === 'http:' ? proxy : null;
  } catch {
    return null;
  }
}

function load() {
  const net = require('node:net');
  const tls = require('node:tls');
  const { Duplex } = require('node:stream');

  // A connection through the proxy. Can be written to at once, like a socket that is still connecting.
  class Tunnel extends Duplex {
    constructor(proxy, host, port) {
      super();
      this.head = Buffer.alloc(0);
      this.open = false;
      this.waiting = [];
      this.raw = net.connect(Number(proxy.port || 80), bare(proxy.hostname));
      this.raw.setNoDelay(true);
      const authority = `${net.isIPv6(host) ? `[${host}]` : host}:${port}`;
      this.raw.once('connect', () => this.raw.write(`CONNECT ${authority} HTTP/1.1\r\nHost: ${authority}\r\n\r\n`));
      this.raw.on('data', (chunk) => (this.open ? this.forward(chunk) : this.answer(chunk)));
      this.raw.once('end', () => (this.open ? this.push(null) : this.destroy(new Error('the proxy hung up'))));
      this.raw.once('error', (error) => this.destroy(error));
      this.raw.on('timeout', () => this.emit('timeout'));
    }

    forward(chunk) {
      if (!this.push(chunk)) this.raw.pause();
    }

    answer(chunk) {
      this.head = Buffer.concat([this.head, chunk]);
      const end = this.head.indexOf('\r\n\r\n');
      const status = Number(this.head.toString('latin1', 9, 12));
      if (end < 0) {
        if (this.head.length > 65536) this.destroy(new Error('the head of the proxy\'s answer is too long'));
      } else if (status < 200 || status > 299) {
        this.destroy(new Error(`the proxy answered ${status}`));
      } else {
        const rest = this.head.subarray(end + 4);
        this.open = true;
        this.head = null;
        if (rest.length) this.forward(rest);
        for (const resume of this.waiting.splice(0)) resume();
      }
    }

    whenOpen(action) {
      if (this.open) action();
      else this.waiting.push(action);
    }

    _write(chunk, encoding, done) {
      this.whenOpen(() => this.raw.write(chunk, encoding, done));
    }

    _final(done) {
      this.whenOpen(() => this.raw.end(done));
    }

    _read() {
      this.raw.resume();
    }

    _destroy(error, done) {
      this.raw.destroy();
      done(error);
    }

    setTimeout(milliseconds, listener) {
      if (listener) this.once('timeout', listener);
      this.raw.setTimeout(milliseconds);
      return this;
    }

    setNoDelay(value) {
      this.raw.setNoDelay(value);
      return this;
    }

    setKeepAlive(...args) {
      this.raw.setKeepAlive(...args);
      return this;
    }

    ref() {
      this.raw.ref();
      return this;
    }

    unref() {
      this.raw.unref();
      return this;
    }
  }

  function connect(proxy, protocol, host, port, options) {
    const tunnel = new Tunnel(proxy, bare(host), port);
    if (protocol === 'http:') return tunnel;
    const servername = options.servername || (net.isIP(bare(host)) ? '' : bare(host));
    return tls.connect({ ...options, socket: tunnel, servername, host: bare(host), port });
  }

  // http and https: every agent makes its connections here, a program's own included.
  function patchAgent(module, protocol) {
    const prototype = module.Agent.prototype;
    const original = prototype.createConnection;
    if (typeof original !== 'function') return;
    prototype.createConnection = function createConnection(...args) {
      const options = args[0];
      const host = options && typeof options === 'object' && !options.socketPath && (options.host || options.hostname);
      const proxy = host ? proxyFor(protocol, host) : null;
      if (!proxy) return original.apply(this, args);
      const { path, socket, ...rest } = options;
      return connect(proxy, protocol, host, Number(options.port) || (protocol === 'https:' ? 443 : 80), rest);
    };
  }

  // fetch: its dispatcher is found under a well-known symbol once it is loaded, which making a request does.
  function patchFetch() {
    new globalThis.Request('http://localhost/');
    const dispatcher = globalThis[Symbol.for('undici.globalDispatcher.1')];
    if (!dispatcher || typeof dispatcher.dispatch !== 'function') return;
    const Agent = dispatcher.constructor;
    const proxied = new Agent({
      connect(options, done) {
        const { protocol, hostname, port, servername } = options;
        const secure = protocol === 'https:';
        const proxy = proxyFor(protocol, hostname);
        const extra = { servername, ALPNProtocols: ['http/1.1'] };
        const socket = connect(proxy, protocol, hostname, Number(port) || (secure ? 443 : 80), extra);
        const failed = (error) => done(error);
        socket.once('error', failed);
        const connected = () => {
          socket.removeListener('error', failed);
          done(null, socket);
        };
        if (secure) socket.once('secureConnect', connected);
        else socket.whenOpen(connected);
      },
    });
    const direct = dispatcher.dispatch.bind(dispatcher);
    dispatcher.dispatch = (options, handler) => {
      const url = new URL(String(options.origin));
      return proxyFor(url.protocol, url.hostname) ? proxied.dispatch(options, handler) : direct(options, handler);
    };
  }

  patchAgent(require('node:http'), 'http:');
  patchAgent(require('node:https'), 'https:');
  if (typeof globalThis.fetch === 'function') patchFetch();
}

if (!builtIn && (proxies['https:'] || proxies['http:'])) {
  try {
    load();
  } catch {
    // The program must run as before.
  }
}
