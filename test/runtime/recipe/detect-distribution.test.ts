import { describe, expect, test } from 'vitest';
import { detectDistribution } from '../../../src/runtime/recipe/detect-distribution.ts';
import { treeOf } from '../../support/runtime/make-tree.ts';

describe('the distribution of an image', () => {
  test.each([
    ['Ubuntu', 'ID=ubuntu\nVERSION_ID="22.04"\n', 'ubuntu:22.04'],
    ['Debian', 'ID=debian\nVERSION_ID="12"\n', 'debian:12'],
    ['Debian with a point release', 'ID=debian\nVERSION_ID="11.9"\n', 'debian:11'],
    ['CentOS Stream', 'NAME="CentOS Stream"\nID="centos"\nVERSION_ID="9"\n', 'quay.io/centos/centos:stream9'],
    [
      'Rocky Linux',
      'ID="rocky"\nID_LIKE="rhel centos fedora"\nVERSION_ID="9.3"\n',
      'quay.io/centos/centos:stream9',
    ],
    ['Red Hat', 'ID="rhel"\nVERSION_ID="9.4"\n', 'redhat/ubi9:9.4'],
    ['SLES', "ID='sles'\nVERSION_ID='15.4'\n", 'registry.suse.com/suse/sle15:15.4'],
    ['an Ubuntu that is too old', 'ID=ubuntu\nVERSION_ID="18.04"\n', undefined],
    ['Alpine', 'ID=alpine\nVERSION_ID=3.19.1\n', undefined],
    ['Fedora', 'ID=fedora\nVERSION_ID=40\n', undefined],
    ['CentOS 7', 'ID="centos"\nVERSION_ID="7"\n', undefined],
    ['something without a version', 'ID=debian\nVERSION_CODENAME=trixie\n', undefined],
    ['an empty file', '', undefined],
  ])('%s is known by its os-release', async (_name, text, expected) => {
    expect(await detectDistribution(treeOf({ '/etc/os-release': text }), 'gramine')).toBe(expected);
  });

  test('is also read where /etc has a link to it, or nothing', async () => {
    const text = 'ID=debian\nVERSION_ID="12"\n';
    expect(await detectDistribution(treeOf({ '/usr/lib/os-release': text }), 'gramine')).toBe('debian:12');
    const linked = treeOf({
      '/usr/lib/os-release': text,
      '/etc/os-release': { link: '../usr/lib/os-release' },
    });
    expect(await detectDistribution(linked, 'gramine')).toBe('debian:12');
  });

  test('is the minimal one where microdnf is', async () => {
    const text = 'ID="rhel"\nVERSION_ID="9.4"\n';
    const source = treeOf({ '/etc/os-release': text, '/usr/bin/microdnf': '' });
    expect(await detectDistribution(source, 'gramine')).toBe('redhat/ubi9-minimal:9.4');
  });

  test('is nothing without such a file', async () => {
    expect(await detectDistribution(treeOf({ '/bin/app': 'x' }), 'gramine')).toBeUndefined();
  });

  test('counts for Graphene only if that is built on it', async () => {
    const ubuntu = (version: string) => treeOf({ '/etc/os-release': `ID=ubuntu\nVERSION_ID="${version}"\n` });
    expect(await detectDistribution(ubuntu('18.04'), 'graphene')).toBe('ubuntu:18.04');
    expect(await detectDistribution(ubuntu('22.04'), 'graphene')).toBeUndefined();
  });
});
