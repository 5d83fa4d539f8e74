import { describe, expect, test } from 'vitest';
import { distributionFor, distributionNames } from '../../../src/runtime/recipe/distribution.ts';

describe('a distribution', () => {
  test.each([
    ['ubuntu:20.04', 'ubuntu:20.04'],
    ['ubuntu:jammy', 'ubuntu:jammy'],
    ['ubuntu:24.04', 'ubuntu:24.04'],
    ['debian:11', 'debian:11'],
    ['debian:12-slim', 'debian:12-slim'],
    ['debian:12.5', 'debian:12.5'],
    ['debian:trixie', 'debian:trixie'],
    ['quay.io/centos/centos:stream9', 'quay.io/centos/centos:stream9'],
    ['centos:stream9', 'quay.io/centos/centos:stream9'],
    ['redhat/ubi9', 'redhat/ubi9'],
    ['redhat/ubi9:9.4', 'redhat/ubi9:9.4'],
    ['registry.access.redhat.com/ubi9/ubi:9.4', 'registry.access.redhat.com/ubi9/ubi:9.4'],
    ['redhat/ubi9-minimal:9.4', 'redhat/ubi9-minimal:9.4'],
    ['ubi9:9.4', 'registry.access.redhat.com/ubi9:9.4'],
    ['ubi9/ubi-minimal', 'registry.access.redhat.com/ubi9/ubi-minimal'],
    ['sle15:15.4', 'registry.suse.com/suse/sle15:15.4'],
    ['registry.suse.com/suse/sle15:15.4', 'registry.suse.com/suse/sle15:15.4'],
  ])('%s starts from %s', (name, image) => {
    expect(distributionFor('gramine', name)?.image).toBe(image);
  });

  test.each([
    'ubuntu:18.04',
    'debian:10',
    'debian',
    'alpine:3.19',
    'ubuntu:22.04 ',
    'evil/debian:12',
    'centos:7',
    'redhat/ubi8:8.8',
    '',
  ])('%j is none of Gramine', (name) => {
    expect(distributionFor('gramine', name)).toBeUndefined();
  });

  test.each([
    ['centos:stream9', 'centos:stream9'],
    ['quay.io/centos/centos:stream9', 'quay.io/centos/centos:stream9'],
    ['ubi9:9.4', 'ubi9:9.4'],
  ])('%s is %s behind a registry, as it is written', (name, behind) => {
    expect(distributionFor('gramine', name)?.name).toBe(behind);
  });

  test('of Graphene is one of the two that it was written for', () => {
    expect(distributionNames('graphene')).toEqual(['ubuntu:16.04', 'ubuntu:18.04']);
    expect(distributionFor('graphene', 'debian:12')).toBeUndefined();
    // As the configuration of its own GSC has it.
    expect(distributionFor('graphene', 'ubuntu18.04')).toMatchObject({
      image: 'ubuntu:18.04',
      name: 'ubuntu:18.04',
    });
  });

  test.each(distributionNames('gramine'))('%s names each package once, in order', (name) => {
    const packages = distributionFor('gramine', name)?.packages ?? [];
    expect(packages).toEqual([...new Set(packages)].sort());
  });
});
