import { describe, expect, test } from 'vitest';
import type { Image } from '../../../src/image/image.ts';
import { collectBytes } from '../../../src/image/verified-stream.ts';
import type { ImageName } from '../../../src/reference/image-name.ts';
import { openRegistryImage } from '../../../src/store/registry/open-registry-image.ts';
import type { RegistrySession } from '../../../src/store/registry/registry-session.ts';
import { openRegistryWriter } from '../../../src/store/registry/registry-writer.ts';
import {
  imageOf,
  inPieces,
  layerOf,
  nameIn,
  noise,
  openSession,
  startDouble,
  stock,
} from '../../support/store/registry/fixture.ts';
import type { Fault, RegistryDouble } from '../../support/store/registry/registry-double.ts';

const small = layerOf('small', 2000);
const large = layerOf('large', 3_000_000);
const image = imageOf([small, large]);
const wholeBytes = small.bytes.length + large.bytes.length + image.configBytes.length;
const uploading = /\/blobs\/uploads\/./;

function push(session: RegistrySession, name: ImageName, what: Image = image, options = {}) {
  return openRegistryWriter(session, name, options).commit(what);
}

async function expectPushed(double: RegistryDouble, rest = 'team/app:1', wanted = image): Promise<void> {
  const got = await openRegistryImage(openSession().session, nameIn(double, rest));
  expect(got.manifest).toEqual(wanted.manifest);
  for (const layer of got.layers) await collectBytes(layer.open());
}

describe('committing', () => {
  test('every blob is looked for, sent whole in one request, and the manifest goes last', async () => {
    const double = await startDouble();
    const result = await push(openSession().session, nameIn(double, 'team/app:1'));
    expect(result).toEqual({ outcome: 'written', manifest: image.manifest });
    await expectPushed(double);
    const writes = double.log.filter(({ method }) => ['POST', 'PUT', 'PATCH'].includes(method));
    expect(writes.map(({ method }) => method)).toEqual(['POST', 'PUT', 'POST', 'PUT', 'POST', 'PUT', 'PUT']);
    expect(writes.at(-1)?.url).toBe('/v2/team/app/manifests/1');
    expect(double.count('HEAD', /blobs/)).toBe(3);
    expect(double.uploadedBytes).toBe(wholeBytes + image.manifestBytes.length);
    expect(double.uploads.size).toBe(0);
  });

  test('the same image again is unchanged, and not a byte is sent or read', async () => {
    const double = await startDouble();
    await push(openSession().session, nameIn(double, 'team/app:1'));
    double.log.length = 0;
    const before = small.opened() + large.opened();
    const result = await push(openSession().session, nameIn(double, 'team/app:1'));
    expect(result.outcome).toBe('unchanged');
    expect(double.uploadedBytes).toBe(0);
    expect(double.lines).toEqual(['GET /v2/team/app/manifests/1']);
    expect(small.opened() + large.opened()).toBe(before);
  });

  test('another image under the tag is an exists error before anything is sent, and replaced by force', async () => {
    const double = await startDouble();
    const other = imageOf([small]);
    await stock(double, 'team/app', '1', other);
    await expect(push(openSession().session, nameIn(double, 'team/app:1'))).rejects.toMatchObject({
      code: 'exists',
      subject: `${double.domain}/team/app:1`,
      message: expect.stringContaining(other.manifest.digest),
      hint: expect.stringContaining('--force'),
    });
    expect(double.uploadedBytes).toBe(0);
    await expectPushed(double, 'team/app:1', other);
    await push(openSession().session, nameIn(double, 'team/app:1'), image, { force: true });
    await expectPushed(double);
  });

  test.each([
    ['another image: it stays', imageOf([small]), false],
    ['another image: with force it goes', imageOf([small]), true],
    ['the same image: all is well', imageOf([large]), false],
  ])('a tag that comes up during the upload names %s', async (_, meanwhile, force) => {
    const double = await startDouble();
    const slow = {
      ...large,
      open: async function* () {
        yield* large.open();
        await stock(double, 'team/app', '1', meanwhile);
      },
    };
    const wanted = imageOf([slow]);
    const pushing = push(openSession().session, nameIn(double, 'team/app:1'), wanted, { force });
    const isOther = meanwhile.manifest.digest !== wanted.manifest.digest;
    if (isOther && !force) await expect(pushing).rejects.toMatchObject({ code: 'exists' });
    else expect(await pushing).toMatchObject({ outcome: 'written' });
    await expectPushed(double, 'team/app:1', isOther && !force ? meanwhile : wanted);
  });

  test('a name with a digest alone takes only the image with that digest, untagged', async () => {
    const double = await startDouble();
    const own = nameIn(double, `team/app@${image.manifest.digest}`);
    await push(openSession().session, own);
    await expectPushed(double, `team/app@${image.manifest.digest}`);
    await expect(push(openSession().session, own, imageOf([small]))).rejects.toMatchObject({ code: 'usage' });
  });

  test('a second tag of an image costs the manifest alone', async () => {
    const double = await startDouble();
    await push(openSession().session, nameIn(double, 'team/app:1'));
    double.log.length = 0;
    await push(openSession().session, nameIn(double, 'team/app:2'));
    expect(double.uploadedBytes).toBe(image.manifestBytes.length);
  });

  test('a registry without HEAD gets the blobs without being asked', async () => {
    const double = await startDouble({ hasHead: false });
    await push(openSession().session, nameIn(double, 'team/app:1'));
    await expectPushed(double);
  });

  test('a blob that the registry has in another size does not count', async () => {
    const double = await startDouble();
    double.repository('team/app').blobs.set(small.descriptor.digest, Buffer.from('short'));
    await push(openSession().session, nameIn(double, 'team/app:1'));
    await expectPushed(double);
  });

  const lacking = (...codes: readonly string[]): Fault => ({
    kind: 'answer',
    status: 400,
    body: JSON.stringify({ errors: codes.map((code) => ({ code, message: 'unknown to registry' })) }),
  });

  test.each([[['MANIFEST_BLOB_UNKNOWN']], [['DIGEST_INVALID', 'MANIFEST_BLOB_UNKNOWN']], [['BLOB_UNKNOWN']]])(
    'a registry that does not see the blobs for a moment, %j, is asked again, and not a blob is sent twice',
    async (codes) => {
      const double = await startDouble();
      double.fail('PUT', /manifests/, lacking(...codes), 2);
      const { session, pauses } = openSession();
      expect(await push(session, nameIn(double, 'team/app:1'))).toMatchObject({ outcome: 'written' });
      await expectPushed(double);
      expect(pauses).toEqual([500, 1000]);
      expect(double.uploadedBytes).toBe(wholeBytes + 3 * image.manifestBytes.length);
      expect(double.count('PUT', /manifests/)).toBe(3);
    },
  );

  test('a blob that the registry loses before the manifest comes is sent again', async () => {
    const double = await startDouble();
    const { blobs } = double.repository('team/app');
    const forgetful = {
      ...large,
      open: async function* () {
        yield* large.open();
        if (double.count('PUT', /manifests/) === 0) blobs.delete(small.descriptor.digest);
      },
    };
    const wanted = imageOf([small, forgetful]);
    await push(openSession().session, nameIn(double, 'team/app:1'), wanted);
    await expectPushed(double, 'team/app:1', wanted);
    expect(double.count('PUT', /manifests/)).toBe(2);
  });

  test('a registry that never sees the blobs is given up, with what it says', async () => {
    const double = await startDouble();
    double.fail('PUT', /manifests/, lacking('MANIFEST_BLOB_UNKNOWN'), 100);
    const { session, pauses } = openSession();
    await expect(push(session, nameIn(double, 'team/app:1'))).rejects.toMatchObject({
      code: 'registry',
      message: expect.stringContaining('400 Bad Request (MANIFEST_BLOB_UNKNOWN: unknown to registry)'),
    });
    expect(pauses).toEqual([500, 1000, 2000, 4000]);
  });

  test('a manifest that is refused for another reason is not sent again', async () => {
    const double = await startDouble();
    double.fail('PUT', /manifests/, lacking('MANIFEST_INVALID'), 100);
    await expect(push(openSession().session, nameIn(double, 'team/app:1'))).rejects.toMatchObject({
      message: expect.stringContaining('MANIFEST_INVALID'),
    });
    expect(double.count('PUT', /manifests/)).toBe(1);
  });

  test('a registry that claims to have stored another manifest is a blob error', async () => {
    const double = await startDouble();
    const headers = { 'docker-content-digest': small.descriptor.digest };
    double.fail('PUT', /manifests/, { kind: 'answer', status: 201, headers });
    await expect(push(openSession().session, nameIn(double, 'team/app:1'))).rejects.toMatchObject({
      code: 'blob',
    });
  });

  test('an empty blob is stored too', async () => {
    const double = await startDouble();
    const nothing = Buffer.alloc(0);
    const empty = {
      ...small,
      descriptor: { ...small.descriptor, sizeBytes: 0 },
      open: () => inPieces(nothing),
    };
    const { digestOf } = await import('../../../src/base/digest.ts');
    const layer = { ...empty, descriptor: { ...empty.descriptor, digest: digestOf(nothing) } };
    await push(openSession().session, nameIn(double, 'team/app:1'), imageOf([layer]));
    expect(double.repository('team/app').blobs.get(digestOf(nothing))).toEqual(nothing);
  });
});

describe('mounting', () => {
  test('layers of another repository of the registry are mounted: not downloaded, not uploaded', async () => {
    const double = await startDouble();
    await stock(double, 'team/base', '1', imageOf([large]));
    const { session } = openSession();
    const base = await openRegistryImage(session, nameIn(double, 'team/base:1'));
    double.log.length = 0;
    const added = imageOf([...base.layers, small]);
    const result = await push(session, nameIn(double, 'team/app:1'), added, { mountFrom: [base] });
    expect(result.outcome).toBe('written');
    expect(double.downloadedBlobBytes).toBe(0);
    expect(double.uploadedBytes).toBe(
      small.bytes.length + added.configBytes.length + added.manifestBytes.length,
    );
    expect(double.log.some(({ url }) => url.includes('from=team%2Fbase'))).toBe(true);
    await expectPushed(double, 'team/app:1', added);
  });

  test('hasLayer mounts, so that the layer need not be read', async () => {
    const double = await startDouble();
    await stock(double, 'team/base', '1', imageOf([large]));
    const { session } = openSession();
    const base = await openRegistryImage(session, nameIn(double, 'team/base:1'));
    const writer = openRegistryWriter(session, nameIn(double, 'team/app:1'), { mountFrom: [base] });
    expect(await writer.hasLayer(large)).toBe(true);
    expect(await writer.hasLayer(small)).toBe(false);
    expect(double.repository('team/app').blobs.has(large.descriptor.digest)).toBe(true);
    await writer.abort();
  });

  test.each<[string, { readonly hasMount?: boolean }, Fault | undefined]>([
    ['wants the bytes instead', { hasMount: false }, undefined],
    ['refuses', {}, { kind: 'answer', status: 405 }],
    ['denies the source', {}, { kind: 'answer', status: 403 }],
  ])('a registry that %s gets them', async (_, options, fault) => {
    const double = await startDouble(options);
    await stock(double, 'team/base', '1', imageOf([large]));
    const { session } = openSession();
    const base = await openRegistryImage(session, nameIn(double, 'team/base:1'));
    if (fault) double.fail('POST', /mount=/, fault);
    const added = imageOf([...base.layers, small]);
    await push(session, nameIn(double, 'team/app:1'), added, { mountFrom: [base] });
    await expectPushed(double, 'team/app:1', added);
    expect(double.uploads.size).toBe(0);
  });

  test('from another registry nothing is mounted', async () => {
    const from = await startDouble();
    const to = await startDouble();
    await stock(from, 'team/base', '1', imageOf([large]));
    const { session } = openSession();
    const base = await openRegistryImage(session, nameIn(from, 'team/base:1'));
    const copy = imageOf(base.layers);
    await push(session, nameIn(to, 'team/base:1'), copy, { mountFrom: [base] });
    expect(to.count('POST', /mount=/)).toBe(0);
    await expectPushed(to, 'team/base:1', copy);
  });
});

describe('broken uploads', () => {
  const digestUploads = (double: RegistryDouble, method: string) => double.count(method, uploading);

  test('an upload goes on where the registry has it, in chunks', async () => {
    const double = await startDouble();
    const { session, pauses } = openSession({ chunkBytes: 1_000_000 });
    const only = imageOf([large]);
    double.fail('PUT', uploading, { kind: 'cut-upload', bytes: 500_000 });
    await push(session, nameIn(double, 'team/app:1'), only);
    await expectPushed(double, 'team/app:1', only);
    const ranges = double.log.flatMap(({ method, headers }) =>
      method === 'PATCH' ? headers['content-range'] : [],
    );
    const start = Number(/^(\d+)-/.exec(ranges[0] ?? '')?.[1]);
    expect(start).toBeGreaterThan(0);
    expect(ranges.length).toBeGreaterThanOrEqual(3);
    expect(pauses).toEqual([500]);
    // What had arrived is not sent again.
    expect(double.uploadedBytes).toBe(
      large.bytes.length + only.configBytes.length + only.manifestBytes.length,
    );
  });

  test.each<[string, string, Fault]>([
    ['breaks at once', 'PUT', { kind: 'reset' }],
    ['is answered with 500', 'PUT', { kind: 'answer', status: 500 }],
    ['is answered with 429', 'PUT', { kind: 'answer', status: 429 }],
    ['is lost by the registry', 'PUT', { kind: 'forget-upload' }],
    ['gets no answer', 'PUT', { kind: 'silence' }],
  ])('an upload that %s is begun again', async (_, method, fault) => {
    const double = await startDouble();
    double.fail(method, uploading, fault);
    const { session } = openSession({ timeouts: { uploadMs: 2000 } });
    await push(session, nameIn(double, 'team/app:1'));
    await expectPushed(double);
  });

  test('a session that is lost after a break is begun again from the start', async () => {
    const double = await startDouble();
    double.fail('PUT', uploading, { kind: 'cut-upload', bytes: 300_000 });
    double.fail('GET', uploading, { kind: 'forget-upload' });
    await push(openSession().session, nameIn(double, 'team/app:1'), imageOf([large]));
    await expectPushed(double, 'team/app:1', imageOf([large]));
    expect(double.count('POST', /uploads\/$/)).toBe(3);
  });

  test('an upload whose answer gets lost is not sent again, in a commit or while reading', async () => {
    const double = await startDouble();
    const image = imageOf([large]);
    double.fail('PUT', uploading, { kind: 'cut-answer' });
    await push(openSession().session, nameIn(double, 'team/app:1'), image);
    const once = large.bytes.length + image.configBytes.length + image.manifestBytes.length;
    expect(double.uploadedBytes).toBe(once);

    double.fail('PUT', uploading, { kind: 'cut-answer' });
    const writer = openRegistryWriter(openSession().session, nameIn(double, 'team/other:1'));
    await collectBytes(writer.teeLayer(large, large.open()));
    await writer.commit(image);
    await expectPushed(double, 'team/other:1', image);
    expect(double.uploadedBytes).toBe(2 * once);
  });

  test('what is too large as a whole goes in chunks', async () => {
    const double = await startDouble({ bodyLimit: 1_000_000 });
    const { session } = openSession({ chunkBytes: 900_000 });
    await push(session, nameIn(double, 'team/app:1'));
    await expectPushed(double);
    expect(digestUploads(double, 'PATCH')).toBeGreaterThan(2);
  });

  test('a limit below the chunks is an error that names the proxy', async () => {
    const double = await startDouble({ bodyLimit: 1000 });
    await expect(push(openSession().session, nameIn(double, 'team/app:1'))).rejects.toMatchObject({
      code: 'registry',
      message: expect.stringMatching(/cannot write blob sha256:.*status 413/),
      hint: expect.stringMatching(/proxy/),
    });
  });

  test('an upload that always breaks ends with an error, and there is no tag', async () => {
    const double = await startDouble();
    double.fail('PUT', uploading, { kind: 'reset' }, 100);
    double.fail('PATCH', uploading, { kind: 'reset' }, 100);
    await expect(push(openSession().session, nameIn(double, 'team/app:1'))).rejects.toMatchObject({
      code: 'registry',
      message: expect.stringMatching(/cannot write blob/),
    });
    expect(double.repository('team/app').manifests.size).toBe(0);
  });

  test('an upload that is lost at the same place again and again is given up', async () => {
    const double = await startDouble({ bodyLimit: 1_000_000 });
    for (let round = 0; round < 30; round++) {
      double.fail('PATCH', uploading, { kind: 'hold-upload', until: Promise.resolve() });
      double.fail('PATCH', uploading, { kind: 'reset' });
      double.fail('GET', uploading, { kind: 'forget-upload' });
    }
    const { session, pauses } = openSession({ chunkBytes: 900_000 });
    await expect(push(session, nameIn(double, 'team/app:1'), imageOf([large]))).rejects.toMatchObject({
      message: expect.stringMatching(/cannot write blob .*connection broke/),
    });
    expect(pauses).toHaveLength(4);
  });

  test('a registry that gets every digest wrong is given up soon', async () => {
    const double = await startDouble();
    double.fail(
      'PUT',
      uploading,
      { kind: 'answer', status: 400, body: '{"errors":[{"code":"DIGEST_INVALID"}]}' },
      100,
    );
    double.fail(
      'PATCH',
      uploading,
      { kind: 'answer', status: 400, body: '{"errors":[{"code":"DIGEST_INVALID"}]}' },
      100,
    );
    await expect(push(openSession().session, nameIn(double, 'team/app:1'))).rejects.toMatchObject({
      message: expect.stringMatching(/400 Bad Request \(DIGEST_INVALID\)/),
    });
    expect(digestUploads(double, 'PUT')).toBe(3);
  });

  test('a layer that cannot be read is its own error, and there is no tag', async () => {
    const double = await startDouble();
    const broken = {
      ...large,
      open: async function* () {
        yield large.bytes.subarray(0, 100_000);
        throw new Error('disk on fire');
      },
    };
    await expect(
      push(openSession().session, nameIn(double, 'team/app:1'), imageOf([broken])),
    ).rejects.toThrow('disk on fire');
    expect(double.repository('team/app').manifests.size).toBe(0);
  });

  test('a refusal is not tried again', async () => {
    const double = await startDouble();
    double.fail('PUT', uploading, {
      kind: 'answer',
      status: 403,
      body: '{"errors":[{"code":"DENIED","message":"quota"}]}',
    });
    await expect(push(openSession().session, nameIn(double, 'team/app:1'))).rejects.toMatchObject({
      code: 'registry',
      message: expect.stringMatching(/403 Forbidden \(DENIED: quota\)/),
    });
    expect(digestUploads(double, 'PUT')).toBe(1);
  });
});

describe('layers that are uploaded while they are read', () => {
  test('the reader gets every byte, the registry too, and commit sends no layer', async () => {
    const double = await startDouble();
    const { session } = openSession();
    const writer = openRegistryWriter(session, nameIn(double, 'team/app:1'));
    expect(await writer.hasLayer(large)).toBe(false);
    const bytes = await collectBytes(writer.teeLayer(large, large.open()));
    expect(bytes.equals(large.bytes)).toBe(true);
    expect(await writer.hasLayer(large)).toBe(true);
    const opened = large.opened();
    await writer.commit(imageOf([large]));
    expect(large.opened()).toBe(opened);
    await expectPushed(double, 'team/app:1', imageOf([large]));
  });

  test.each<[string, Fault]>([
    ['breaks', { kind: 'cut-upload', bytes: 400_000 }],
    ['breaks at once', { kind: 'reset' }],
    ['is answered with 503', { kind: 'answer', status: 503 }],
  ])('a transfer that %s does not disturb the reader, and commit makes it good', async (_, fault) => {
    const double = await startDouble();
    const { session } = openSession();
    const writer = openRegistryWriter(session, nameIn(double, 'team/app:1'));
    double.fail('PUT', uploading, fault);
    const bytes = await collectBytes(writer.teeLayer(large, large.open()));
    expect(bytes.equals(large.bytes)).toBe(true);
    await writer.commit(imageOf([large]));
    await expectPushed(double, 'team/app:1', imageOf([large]));
  });

  test('that is redirected does not disturb the reader, and goes there in commit', async () => {
    const double = await startDouble();
    const storage = await startDouble();
    const location = `${storage.origin}/storage`;
    double.fail('PUT', uploading, { kind: 'answer', status: 307, headers: { location } }, 2);
    storage.fail('PUT', /^\/storage/, { kind: 'answer', status: 201 });
    double.fail('PUT', /manifests/, { kind: 'answer', status: 201 });
    const writer = openRegistryWriter(openSession().session, nameIn(double, 'team/app:1'));
    const bytes = await collectBytes(writer.teeLayer(large, large.open()));
    expect(bytes.equals(large.bytes)).toBe(true);
    await writer.commit(imageOf([large]));
    expect(storage.log.map(({ bodyBytes }) => bodyBytes)).toEqual([large.bytes.length]);
  });

  test('a refusal reaches the reader', async () => {
    const double = await startDouble();
    const writer = openRegistryWriter(openSession().session, nameIn(double, 'team/app:1'));
    double.fail('PUT', uploading, { kind: 'answer', status: 403 });
    await expect(collectBytes(writer.teeLayer(large, large.open()))).rejects.toMatchObject({
      code: 'registry',
    });
    await writer.abort();
  });

  test('wrong bytes are a blob error and are not stored', async () => {
    const double = await startDouble();
    const writer = openRegistryWriter(openSession().session, nameIn(double, 'team/app:1'));
    const wrong = noise('wrong', large.bytes.length);
    await expect(collectBytes(writer.teeLayer(large, inPieces(wrong)))).rejects.toMatchObject({
      code: 'blob',
    });
    expect(await writer.hasLayer(large)).toBe(false);
    await writer.abort();
    expect(double.repository('team/app').blobs.size).toBe(0);
  });

  test('a reader that stops early leaves nothing; abort ends the upload', async () => {
    const double = await startDouble();
    const writer = openRegistryWriter(openSession().session, nameIn(double, 'team/app:1'));
    for await (const piece of writer.teeLayer(large, large.open())) {
      expect(piece.length).toBeGreaterThan(0);
      break;
    }
    expect(double.uploads.size).toBe(1);
    await writer.abort();
    expect(double.uploads.size).toBe(0);
    expect(double.repository('team/app').blobs.size).toBe(0);
  });

  test('a registry that is slower than the reader slows it down', async () => {
    const double = await startDouble();
    const huge = layerOf('huge', 32_000_000);
    const writer = openRegistryWriter(openSession().session, nameIn(double, 'team/app:1'));
    let release = () => {};
    const until = new Promise<void>((resolve) => {
      release = resolve;
    });
    double.fail('PUT', uploading, { kind: 'hold-upload', until });
    let readBytes = 0;
    const reading = (async () => {
      for await (const piece of writer.teeLayer(huge, huge.open())) readBytes += piece.length;
    })();
    await new Promise((resolve) => setTimeout(resolve, 500));
    // What the sockets and streams between hold is a few megabytes, and differs between machines.
    expect(readBytes).toBeLessThan((huge.bytes.length * 3) / 4);
    release();
    await reading;
    expect(readBytes).toBe(huge.bytes.length);
    expect(await writer.hasLayer(huge)).toBe(true);
  });
});

test('an aborted signal ends a push with an aborted error, and there is neither a tag nor half an upload', async () => {
  const double = await startDouble();
  const controller = new AbortController();
  double.fail('PUT', uploading, { kind: 'silence' });
  const { session } = openSession({ signal: controller.signal });
  setTimeout(() => controller.abort(), 100);
  await expect(push(session, nameIn(double, 'team/app:1'))).rejects.toMatchObject({ code: 'aborted' });
  expect(double.repository('team/app').manifests.size).toBe(0);
  expect(double.uploads.size).toBe(0);
});
