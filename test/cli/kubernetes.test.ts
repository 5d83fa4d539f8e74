import { expect, test } from 'vitest';
import { gscHere } from '../support/cli/in-process.ts';

test.each([
  ['nothing', []],
  ['a file without an image', ['-f', 'pod.yaml']],
  ['an image without its container', ['-f', 'pod.yaml', '--image', 'gsc-app:1']],
  ['both ways at once', ['-f', 'pod.yaml', '--image', 'app=gsc-app:1', 'gsc-app:1']],
  ['a container without a file', ['--image', 'app=gsc-app:1']],
])('gsc kubernetes with %s says both ways of calling it', async (_what, words) => {
  const { code, stdout, stderr } = await gscHere(['kubernetes', ...words]);
  expect({ code, stdout }).toEqual({ code: 2, stdout: '' });
  expect(stderr).toBe(
    'gsc: command line: expected IMAGE alone for a new manifest, or -f FILE and --image CONTAINER=IMAGE\n' +
      'hint: write gsc kubernetes gsc-app:1, or gsc kubernetes -f deployment.yaml --image app=gsc-app:1\n',
  );
});

test('gsc kubernetes proposes the nearest kind and plugin', async () => {
  const { code, stderr } = await gscHere(['kubernetes', '--kind', 'deploymnt', 'gsc-app:1']);
  expect(code).toBe(2);
  expect(stderr).toContain('hint: did you mean deployment?');
});
