import fc from 'fast-check';
import { digestOfHex } from '../../../src/base/digest.ts';
import { parseImageName } from '../../../src/reference/image-name.ts';
import { type ImageReference, parseReference } from '../../../src/reference/image-reference.ts';

const component = fc.stringMatching(/^[a-z0-9]{1,4}(?:[.-][a-z0-9]{1,4})?$/);
const tag = fc.stringMatching(/^[A-Za-z0-9_][A-Za-z0-9_.-]{0,20}$/);
const ociTag = fc.stringMatching(/^[A-Za-z0-9]{1,5}(?:[-._:@+/][A-Za-z0-9]{1,4}){0,2}$/);
const digest = fc.stringMatching(/^[0-9a-f]{64}$/).map(digestOfHex);
const path = fc.stringMatching(
  /^(?:\/|\.\.\/)?(?:[A-Za-z. -]{0,3}[a-z]\/){0,2}[A-Za-z. -]{0,4}[a-z](?:\.tar|\.tgz)?$/,
);
const domain = fc.constantFrom('', 'host:5000/', 'localhost/', 'quay.io/', '[::1]:80/', 'docker.io/');

const taggedName = fc
  .tuple(domain, fc.array(component, { minLength: 1, maxLength: 3 }), fc.option(tag))
  .map(([host, parts, tag]) => `${host}${parts.join('/')}${tag === null ? '' : `:${tag}`}`);
const anyName = fc
  .tuple(taggedName, fc.option(digest))
  .map(([name, digest]) => (digest === null ? name : `${name}@${digest}`));

const inFile = (path: string, name: string | null, digest: string | null) =>
  `${path}${name === null ? '' : `:${name}`}${digest === null ? '' : `@${digest}`}`;

/** References of every kind, built from the grammar. */
export const anyReference: fc.Arbitrary<ImageReference> = fc
  .oneof(
    fc
      .tuple(fc.constantFrom('oci', 'oci-archive'), path, fc.option(ociTag), fc.option(digest))
      .map(([kind, ...parts]) => `${kind}:${inFile(...parts)}`),
    fc
      .tuple(path, fc.option(taggedName), fc.option(digest))
      .map((parts) => `docker-archive:${inFile(...parts)}`),
    anyName.map((name) => `docker-daemon:${name}`),
    digest.map((digest) => `docker-daemon:${digest}`),
    anyName.map((name) => `docker://${name}`),
    anyName.map((name) => `containers-storage:${name}`),
    // A bare name that begins like a transport is that transport.
    anyName.filter((name) => !/^(?:oci|docker|dir|http|sif)[^:]*:/.test(name)),
    digest,
  )
  .map(parseReference);

/** Names by the distribution grammar. */
export const anyImageName = anyName.map(parseImageName);
