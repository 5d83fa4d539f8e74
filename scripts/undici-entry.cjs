// What gsc's bundle takes of undici: its dispatchers with their calls, without fetch, caches, mocks and WebSockets.
const Dispatcher = require('undici/lib/dispatcher/dispatcher');
Object.assign(Dispatcher.prototype, require('undici/lib/api'));
module.exports = {
  Agent: require('undici/lib/dispatcher/agent'),
  Pool: require('undici/lib/dispatcher/pool'),
  ProxyAgent: require('undici/lib/dispatcher/proxy-agent'),
  upgrade(url, { dispatcher, ...options }) {
    const { origin, pathname, search } = new URL(url);
    return dispatcher.upgrade({ ...options, origin, path: pathname + search });
  },
};
