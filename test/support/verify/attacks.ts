import { sigstructLayout } from '../../../src/signature/sigstruct.ts';
import type { ImageCheckName } from '../../../src/verify/check.ts';
import type { AttackedImage } from './attacked-image.ts';

/** A change of a signed image, and what of it verification must name. */
export interface Attack {
  readonly title: string;
  readonly change: (image: AttackedImage) => void;
  /** A check that must fail. */
  readonly check: ImageCheckName;
  /** What its lines must hold. */
  readonly names: RegExp;
}

const app = 'gramine/app_files';
const manifestSgx = `${app}/entrypoint.manifest.sgx`;
const manifest = `${app}/entrypoint.manifest`;
const sigstruct = `${app}/entrypoint.sig`;
const script = `${app}/apploader.sh`;
const runtime = 'gramine/runtime';

/** The fields of which the settings say what they must be; of the others only the signature tells. */
const settledFields: ReadonlySet<string> = new Set([
  ...['vendor', 'swDefined', 'miscSelect', 'miscMask', 'cetAttributes', 'cetAttributesMask', 'isvFamilyId'],
  ...['flags', 'xfrm', 'flagsMask', 'xfrmMask', 'mrEnclave', 'isvExtProdId', 'isvProdId', 'isvSvn'],
]);
const formFields: ReadonlySet<string> = new Set(['header', 'header2', 'exponent']);
const quotientFields: ReadonlySet<string> = new Set(['q1', 'q2']);

const fieldAttacks = sigstructLayout.fields.map(([field, offset]): Attack => {
  const isForm = formFields.has(field);
  const check = isForm
    ? 'sigstruct'
    : quotientFields.has(field)
      ? 'sigstruct-quotients'
      : settledFields.has(field)
        ? 'sigstruct-fields'
        : 'sigstruct-signature';
  const names =
    isForm || settledFields.has(field) || quotientFields.has(field) ? new RegExp(field, 'i') : /not valid/;
  return {
    title: `one bit of the SIGSTRUCT's ${field}`,
    change: (image) => image.flip(sigstruct, offset),
    check,
    names,
  };
});

function flip(title: string, name: string, check: ImageCheckName, at?: number): Attack {
  return {
    title: `one bit of ${title}`,
    change: (image) => image.flip(name, at),
    check,
    names: new RegExp(quote(check === 'mrenclave' ? 'MRENCLAVE' : name)),
  };
}

function quote(text: string): string {
  return text.replace(/[.*+?^${}()|[\]\\]/g, '\\$&');
}

function edit(image: AttackedImage, name: string, work: (text: string) => string): void {
  const before = image.content(name).toString('utf8');
  const after = work(before);
  if (before === after) throw new Error(`${name}: the edit changed nothing`);
  image.write(name, after);
}

const bytes: readonly Attack[] = [
  flip('the signed manifest', manifestSgx, 'mrenclave', 3),
  flip('libpal.so', `${runtime}/sgx/libpal.so`, 'mrenclave', 0x1010),
  flip('the library OS', `${runtime}/libsysdb.so`, 'library-os'),
  flip('a trusted file', 'srv/app/greeting', 'trusted-files', 0),
  flip('the program', 'usr/bin/cat', 'trusted-files'),
  flip("the image's C library", 'usr/lib/x86_64-linux-gnu/libm.so.6', 'trusted-files'),
  flip('the apploader', script, 'launch-files', 40),
  flip('the SGX loader', `${runtime}/sgx/loader`, 'launch-files'),
  flip('the direct loader', `${runtime}/direct/loader`, 'launch-files'),
  flip("the direct mode's libpal.so", `${runtime}/direct/libpal.so`, 'launch-files'),
  flip("the host's ELF interpreter", 'gramine/host/ld.so', 'launch-files'),
  flip('the unsigned manifest', manifest, 'manifest-copy', 3),
  flip('the hosts file', `${app}/hosts`, 'trusted-files', 1),
  {
    title: 'a reserved byte of the SIGSTRUCT',
    change: (image) => image.flip(sigstruct, 60),
    check: 'sigstruct',
    names: /reserved byte 60/,
  },
  {
    title: 'a SIGSTRUCT that is cut short',
    change: (image) => image.write(sigstruct, image.content(sigstruct).subarray(0, 1800)),
    check: 'sigstruct',
    names: /1800/,
  },
];

const manifestAttacks: readonly Attack[] = [
  {
    title: 'a manifest with a key twice',
    change: (image) =>
      edit(image, manifestSgx, (text) => text.replace(/^debug = false$/m, 'debug = false\ndebug = true')),
    check: 'manifest',
    names: /manifest\.sgx/,
  },
  {
    title: 'a debug enclave',
    change: (image) => edit(image, manifestSgx, (text) => text.replace(/^debug = false$/m, 'debug = true')),
    check: 'sigstruct-fields',
    names: /flags/,
  },
  {
    title: 'another hash of a trusted file in the manifest',
    change: (image) =>
      edit(image, manifestSgx, (text) =>
        text.replace(/(file:\/srv\/app\/greeting"[\s\S]*?sha256 = ")../, '$100'),
      ),
    check: 'trusted-files',
    names: /\/srv\/app\/greeting/,
  },
  {
    title: 'a trusted file that the manifest lists twice, with two hashes',
    change: (image) =>
      edit(image, manifestSgx, (text) =>
        text.replace(
          /(\{uri = "file:\/srv\/app\/greeting", *sha256 = "|\[\[sgx\.trusted_files\]\]\nuri = "file:\/srv\/app\/greeting"\nsha256 = ")([0-9a-f]{64})"\}?/,
          (whole) =>
            `${whole}${whole.startsWith('{') ? ',' : '\n'}${whole.replace(/[0-9a-f]{64}/, '0'.repeat(64))}`,
        ),
      ),
    check: 'trusted-files',
    names: /\/srv\/app\/greeting.*twice/,
  },
  {
    title: 'a mount of the manifest to another place',
    change: (image) =>
      edit(image, manifestSgx, (text) => text.replaceAll('file:/usr/lib64', 'file:/usr/lib65')),
    check: 'mounts',
    names: /lib65/,
  },
  {
    title: 'a manifest that is not there',
    change: (image) => image.remove(manifestSgx),
    check: 'manifest',
    names: /manifest\.sgx/,
  },
  {
    title: 'a SIGSTRUCT that is not there',
    change: (image) => image.remove(sigstruct),
    check: 'sigstruct',
    names: /entrypoint\.sig/,
  },
  {
    title: 'the library OS of another place in the manifest',
    change: (image) =>
      edit(image, manifestSgx, (text) =>
        text.replace('file:/gramine/runtime/libsysdb.so', 'file:/srv/app/other'),
      ),
    check: 'library-os',
    names: /\/srv\/app\/other/,
  },
  {
    title: 'another program in the manifest',
    change: (image) =>
      edit(image, manifestSgx, (text) =>
        text.replace(/^entrypoint = "\/usr\/bin\/cat"/m, 'entrypoint = "/opt/tool/gone"'),
      ),
    check: 'program',
    names: /\/opt\/tool\/gone/,
  },
];

const files: readonly Attack[] = [
  {
    title: 'a trusted file that is gone',
    change: (image) => image.remove('srv/app/greeting'),
    check: 'trusted-files',
    names: /\/srv\/app\/greeting.*none/,
  },
  {
    title: 'a trusted file that a later layer replaces',
    change: (image) => image.addLayer([{ name: 'srv/app/greeting' }, 'bye\n']),
    check: 'trusted-files',
    names: /\/srv\/app\/greeting.*layer 6/,
  },
  {
    title: 'a trusted file that a whiteout hides',
    change: (image) => image.addLayer([{ name: 'srv/app/.wh.greeting' }]),
    check: 'trusted-files',
    names: /\/srv\/app\/greeting.*[\s\S]*whiteout/,
  },
  {
    title: 'trusted files that an opaque directory hides',
    change: (image) =>
      image.addLayer([{ name: 'srv/app/', type: 'directory' }], [{ name: 'srv/app/.wh..wh..opq' }]),
    check: 'trusted-files',
    names: /\/srv\/app\/greeting[\s\S]*opaque/,
  },
  {
    title: 'a whiteout of the directory above',
    change: (image) => image.addLayer([{ name: '.wh.srv' }]),
    check: 'trusted-files',
    names: /\/srv\/app\/greeting[\s\S]*whiteout/,
  },
  {
    title: 'a trusted file swapped for a link',
    change: (image) => image.swapForLink('srv/app/greeting', 'other'),
    check: 'trusted-files',
    names: /\/srv\/app\/greeting/,
  },
  {
    title: 'a trusted file swapped for a link to a copy of it',
    change: (image) => {
      const { layer, entry } = image.find('srv/app/greeting');
      image.append(layer, { name: 'srv/app/copy' }, entry.content);
      image.swapForLink('srv/app/greeting', 'copy');
    },
    check: 'trusted-files',
    names: /\/srv\/app\/greeting.*link/,
  },
  {
    title: 'a trusted file swapped for a directory',
    change: (image) => {
      image.remove('srv/app/greeting');
      image.addLayer([{ name: 'srv/app/greeting/', type: 'directory' }]);
    },
    check: 'trusted-files',
    names: /\/srv\/app\/greeting.*directory/,
  },
  {
    title: 'a trusted file swapped for a hard link to another one',
    change: (image) => {
      const { layer, entry } = image.find('srv/app/greeting');
      layer.entries = layer.entries.filter((each) => each !== entry);
      image.append(layer, { name: 'srv/app/greeting', type: 'link', linkname: 'srv/app/other' });
    },
    check: 'trusted-files',
    names: /\/srv\/app\/greeting/,
  },
  {
    title: 'a trusted file swapped for a device',
    change: (image) => {
      image.remove('srv/app/greeting');
      image.addLayer([{ name: 'srv/app/greeting', type: 'character-device', devmajor: 1, devminor: 5 }]);
    },
    check: 'trusted-files',
    names: /\/srv\/app\/greeting.*special/,
  },
  {
    title: 'a trusted file twice in a layer, the last with other content',
    change: (image) =>
      image.append(image.find('srv/app/greeting').layer, { name: 'srv/app/greeting' }, 'bye\n'),
    check: 'trusted-files',
    names: /\/srv\/app\/greeting/,
  },
  {
    title: 'a trusted file twice in a layer, the first with other content',
    change: (image) =>
      image.prepend(image.find('srv/app/greeting').layer, { name: 'srv/app/greeting' }, 'bye\n'),
    check: 'trusted-files',
    names: /\/srv\/app\/greeting.*more than once/,
  },
  {
    title: 'a trusted file twice in a layer, under names that are written otherwise',
    change: (image) =>
      image.prepend(image.find('srv/app/greeting').layer, { name: './srv//app/../app/greeting' }, 'bye\n'),
    check: 'trusted-files',
    names: /\/srv\/app\/greeting.*more than once/,
  },
  {
    title: 'a directory link that leads elsewhere',
    change: (image) => image.swapForLink('lib', 'srv'),
    check: 'mounts',
    names: /\/lib: expected a link to \/usr\/lib/,
  },
  {
    title: 'a directory link of the application that a later layer changes',
    change: (image) => image.addLayer([{ name: 'srv/current', type: 'symlink', linkname: '../opt/tool' }]),
    check: 'mounts',
    names: /\/srv\/current/,
  },
  {
    title: 'a directory link that leads nowhere',
    change: (image) => image.swapForLink('bin', 'nowhere'),
    check: 'mounts',
    names: /\/bin/,
  },
  {
    title: "a mount's target that was moved",
    change: (image) => {
      const { layer } = image.find('usr/lib64/ld-linux-x86-64.so.2');
      for (const { header } of layer.entries) header.name = header.name.replace('usr/lib64', 'usr/lib64.old');
      layer.isTouched = true;
    },
    check: 'mounts',
    names: /\/lib64.*usr\/lib64/,
  },
  {
    title: 'a C library that is gone',
    change: (image) => image.remove(`${runtime}/runtime/glibc/libc.so.6`),
    check: 'trusted-files',
    names: /libc\.so\.6/,
  },
  {
    title: 'a program that is gone',
    change: (image) => image.remove('usr/bin/cat'),
    check: 'program',
    names: /\/usr\/bin\/cat/,
  },
];

const launch: readonly Attack[] = [
  {
    title: 'another ENTRYPOINT',
    change: ({ config }) => Object.assign(config, { Entrypoint: ['/usr/bin/cat'] }),
    check: 'entrypoint',
    names: /ENTRYPOINT.*\/usr\/bin\/cat/,
  },
  {
    title: 'an ENTRYPOINT with more words',
    change: ({ config }) => Object.assign(config, { Entrypoint: [...(config.Entrypoint ?? []), '--more'] }),
    check: 'entrypoint',
    names: /--more/,
  },
  {
    title: 'an added CMD',
    change: ({ config }) => Object.assign(config, { Cmd: ['/etc/shadow'] }),
    check: 'entrypoint',
    names: /CMD.*\/etc\/shadow/,
  },
  {
    title: 'another USER',
    change: ({ config }) => Object.assign(config, { User: 'root' }),
    check: 'run-config',
    names: /USER[\s\S]*root/,
  },
  {
    title: 'another value of a variable',
    change: ({ config }) =>
      Object.assign(config, { Env: (config.Env ?? []).map((each) => each.replace('careful', 'reckless')) }),
    check: 'run-config',
    names: /ENV MODE[\s\S]*reckless/,
  },
  {
    title: 'an added variable',
    change: ({ config }) =>
      Object.assign(config, { Env: [...(config.Env ?? []), 'LD_PRELOAD=/srv/app/other'] }),
    check: 'run-config',
    names: /LD_PRELOAD/,
  },
  {
    title: 'another WORKDIR',
    change: ({ config }) => Object.assign(config, { WorkingDir: '/opt' }),
    check: 'run-config',
    names: /WORKDIR/,
  },
  {
    title: 'another STOPSIGNAL',
    change: ({ config }) => Object.assign(config, { StopSignal: 'SIGKILL' }),
    check: 'run-config',
    names: /not as gsc build wrote it/,
  },
  {
    title: 'an added VOLUME',
    change: ({ config }) => Object.assign(config, { Volumes: { '/srv/app': {} } }),
    check: 'run-config',
    names: /not as gsc build wrote it/,
  },
  ...(['mrenclave', 'mrsigner', 'isvprodid', 'isvsvn', 'runtime.digest'] as const).map(
    (name): Attack => ({
      title: `another label gsc.${name}`,
      change: (image) => image.label(`gsc.${name}`, `${image.config.Labels?.[`gsc.${name}`]}1`),
      check: 'labels',
      names: new RegExp(`gsc\\.${name}`),
    }),
  ),
  {
    title: 'a label of the application that was changed',
    change: (image) => image.label('vendor', 'somebody else'),
    check: 'run-config',
    names: /label/,
  },
  {
    title: 'a label that says the enclave is another one than what starts',
    change: (image) => image.label('gsc.manifests', '["/gramine/app_files/genuine"]'),
    check: 'labels',
    names: /gsc\.manifests/,
  },
  {
    title: 'a label gsc.version that is gone',
    change: (image) => image.label('gsc.version', undefined),
    check: 'labels',
    names: /gsc\.version/,
  },
  {
    title: 'another release in the label',
    change: (image) => image.label('gsc.runtime.version', '1.4'),
    check: 'run-config',
    names: /label/,
  },
  {
    title: 'a label gsc.build that is damaged',
    change: (image) => image.label('gsc.build', '{"base":[]}'),
    check: 'labels',
    names: /gsc\.build/,
  },
  {
    title: 'an apploader that a later layer replaces',
    change: (image) => image.addLayer([{ name: script, mode: 0o755 }, '#!/bin/sh\nexec /usr/bin/cat\n']),
    check: 'launch-files',
    names: /apploader\.sh[\s\S]*exec \/usr\/bin\/cat/,
  },
  {
    title: 'a link among the libraries that start the enclave',
    change: (image) =>
      image.addLayer([{ name: 'gramine/host/glibc-hwcaps', type: 'symlink', linkname: '../../srv/app' }]),
    check: 'own-directories',
    names: /\/gramine\/host\/glibc-hwcaps: a symlink/,
  },
  {
    title: 'an apploader swapped for a link',
    change: (image) => image.swapForLink(script, '/usr/bin/cat'),
    check: 'launch-files',
    names: /apploader\.sh.*link/,
  },
  {
    title: 'an apploader that is gone',
    change: (image) => image.remove(script),
    check: 'launch-files',
    names: /apploader\.sh/,
  },
  {
    title: 'an apploader that anybody may write',
    change: (image) => {
      const { layer, entry } = image.find(script);
      entry.header.mode = 0o777;
      layer.isTouched = true;
    },
    check: 'launch-files',
    names: /apploader\.sh.*777/,
  },
  {
    title: 'a loader of another user',
    change: (image) => {
      const { layer, entry } = image.find(`${runtime}/sgx/loader`);
      entry.header.uid = 1000;
      layer.isTouched = true;
    },
    check: 'launch-files',
    names: /sgx\/loader.*1000/,
  },
  {
    title: 'a loader that a whiteout hides',
    change: (image) => image.addLayer([{ name: `${runtime}/sgx/.wh.loader` }]),
    check: 'launch-files',
    names: /sgx\/loader[\s\S]*whiteout/,
  },
  {
    title: 'a loader twice in its layer, the first another one',
    change: (image) => {
      const { layer, entry } = image.find(`${runtime}/sgx/loader`);
      image.prepend(layer, { name: entry.header.name, mode: 0o755 }, 'other');
    },
    check: 'launch-files',
    names: /sgx\/loader.*more than once/,
  },
  {
    title: 'a runtime under a link',
    change: (image) => {
      const { layer } = image.find(`${runtime}/sgx/loader`);
      for (const { header } of layer.entries) header.name = header.name.replace(runtime, 'evil/runtime');
      image.append(layer, { name: runtime, type: 'symlink', linkname: '../evil/runtime' });
    },
    check: 'launch-files',
    names: /sgx\/loader/,
  },
  {
    title: 'a library beside those of the host',
    change: (image) =>
      image.append(image.find('gramine/host/ld.so').layer, { name: 'gramine/host/libevil.so' }, 'x'),
    check: 'own-directories',
    names: /libevil\.so/,
  },
  {
    title: 'a file that a layer on top adds',
    change: (image) => image.addLayer([{ name: 'srv/app/added' }, 'x']),
    check: 'added-layers',
    names: /layer 6[\s\S]*\/srv\/app\/added/,
  },
  {
    title: 'a file that a layer of gsc adds elsewhere',
    change: (image) => image.append(image.find(script).layer, { name: 'srv/app/added' }, 'x'),
    check: 'added-layers',
    names: /\/srv\/app\/added/,
  },
  {
    title: 'a file that a layer of the app image adds',
    change: (image) => image.append(image.find('srv/app/greeting').layer, { name: 'srv/app/added' }, 'x'),
    check: 'base-layers',
    names: /layer 2/,
  },
  {
    title: 'a layer of the app image that is gone',
    change: (image) => void image.layers.splice(1, 1),
    check: 'base-layers',
    names: /layer 2/,
  },
  {
    title: 'layers in another order',
    change: (image) => void image.layers.unshift(...image.layers.splice(1, 1)),
    check: 'base-layers',
    names: /layer 1/,
  },
  {
    title: 'a signature layer that is gone',
    change: (image) => void image.layers.pop(),
    check: 'sigstruct',
    names: /entrypoint\.sig/,
  },
  {
    title: 'another runtime under the same paths',
    change: (image) => {
      const { layer } = image.find(`${runtime}/sgx/loader`);
      for (const { header, content } of layer.entries) {
        if ((header.type ?? 'file') === 'file')
          image.write(header.name, Buffer.concat([content, Buffer.from('\0')]));
      }
    },
    check: 'library-os',
    names: /libsysdb\.so/,
  },
];

/** All attacks whose digests fit: only what is in the image tells. */
export const attacks: readonly Attack[] = [
  ...fieldAttacks,
  ...bytes,
  ...manifestAttacks,
  ...files,
  ...launch,
];
