// What gsc's bundle takes of undici: its dispatchers with their calls, without fetch, caches, mocks, WebSockets and pipelines.
const Dispatcher = require('undici/lib/dispatcher/dispatcher');
const api = {
  connect: require('undici/lib/api/api-connect'),
  request: require('undici/lib/api/api-request'),
  upgrade: require('undici/lib/api/api-upgrade'),
};
const { getGlobalDispatcher } = require('undici/lib/global');

Object.assign(Dispatcher.prototype, api);

/** As undici's own: a call with the URL apart, through the dispatcher that the options name, else the global one. */
function call(method) {
  return (url, { dispatcher = getGlobalDispatcher(), ...options } = {}) => {
    const { origin, pathname, search } = new URL(url);
    const verb = options.method ?? (options.body ? 'PUT' : 'GET');
    return method.call(dispatcher, { ...options, method: verb, origin, path: pathname + search });
  };
}
module.exports = {
  Agent: require('undici/lib/dispatcher/agent'),
  Pool: require('undici/lib/dispatcher/pool'),
  EnvHttpProxyAgent: require('undici/lib/dispatcher/env-http-proxy-agent'),
  ProxyAgent: require('undici/lib/dispatcher/proxy-agent'),
  request: call(api.request),
  upgrade: call(api.upgrade),
};
