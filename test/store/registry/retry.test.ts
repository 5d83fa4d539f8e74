import { expect, test } from 'vitest';
import { registrySettings } from '../../../src/store/registry/registry-options.ts';
import { sendPatiently } from '../../../src/store/registry/retry.ts';

/** Sends what always fails like this; gives how often it was tried. */
async function triesOf(code: string, hasAnswered: boolean): Promise<number> {
  const settings = registrySettings({
    environment: {},
    homeDirectory: '/dev/null/home',
    sleep: async () => {},
  });
  const failure = Object.assign(new Error('broken'), { code });
  let tries = 0;
  const send = async () => {
    tries += 1;
    throw failure;
  };
  await expect(sendPatiently(send, settings, () => hasAnswered)).rejects.toBe(failure);
  return tries;
}

test.each(['EAI_AGAIN', 'ENETUNREACH', 'EHOSTUNREACH', 'ETIMEDOUT', 'UND_ERR_CONNECT_TIMEOUT'])(
  '%s: tried twice at a host that never answered, five times at one that did',
  async (code) => {
    expect(await triesOf(code, false)).toBe(2);
    expect(await triesOf(code, true)).toBe(5);
  },
);

test.each(['ECONNRESET', 'UND_ERR_SOCKET', 'UND_ERR_HEADERS_TIMEOUT'])(
  '%s: there is a host, so it is tried five times',
  async (code) => {
    expect(await triesOf(code, false)).toBe(5);
  },
);

test.each(['ENOTFOUND', 'ECONNREFUSED', 'CERT_HAS_EXPIRED'])('%s: not tried again', async (code) => {
  expect(await triesOf(code, true)).toBe(1);
});
