import { expect, test } from 'vitest';
import { runConfigDigest } from '../../src/image/run-config-digest.ts';

const config = { User: 'app', Env: ['A=1'], Entrypoint: ['/a'], Labels: { vendor: 'x' } };

test('the digest of a run configuration does not tell empty fields from missing ones', () => {
  const empty = { Cmd: [], Volumes: {}, WorkingDir: '', ExposedPorts: null, StopSignal: null };
  expect(runConfigDigest({ ...config, ...empty })).toBe(runConfigDigest(config));
});

test('it does not see what converting tools drop, nor what signing adds', () => {
  const Labels = {
    ...config.Labels,
    'gsc.mrenclave': 'aa',
    'gsc.mrsigner': 'bb',
    'gsc.isvprodid': '1',
    'gsc.isvsvn': '2',
    'gsc.build': '{}',
  };
  expect(runConfigDigest({ ...config, Healthcheck: { Test: ['CMD'] }, Shell: ['x'], Labels })).toBe(
    runConfigDigest(config),
  );
});

test.each([
  { User: 'root' },
  { Env: ['A=2'] },
  { Env: [] },
  { Entrypoint: ['/b'] },
  { Cmd: ['c'] },
  { Volumes: { '/v': {} } },
  { ExposedPorts: { '80/tcp': {} } },
  { WorkingDir: '/w' },
  { StopSignal: 'SIGKILL' },
  { Labels: { vendor: 'y' } },
  { Labels: { vendor: 'x', 'gsc.version': '2' } },
])('it sees %j', (change) => {
  expect(runConfigDigest({ ...config, ...change })).not.toBe(runConfigDigest(config));
});
