import type { Distribution } from './distribution.ts';
import { listed, run, secretMount, shellWord } from './dockerfile-text.ts';
import type { SecretWish } from './recipe.ts';

/** The instructions that install what a build needs, and the secrets that they read. */
export interface InstallSteps {
  readonly instructions: readonly string[];
  readonly secrets: readonly SecretWish[];
}

/** `mirror` is a URL without a slash at its end; it stands for the hosts of all package sources. */
export function installSteps(distribution: Distribution, mirror: string | undefined): InstallSteps {
  const { pythonPackages } = distribution;
  const { instructions, secrets } = packageSteps(distribution, mirror);
  const pip = run([listed('python3 -m pip install --no-cache-dir', pythonPackages)]);
  return { instructions: pythonPackages.length === 0 ? instructions : [...instructions, pip], secrets };
}

function packageSteps(distribution: Distribution, mirror: string | undefined): InstallSteps {
  switch (distribution.packageManager) {
    case 'apt':
      return withoutSecrets([...aptMirror(mirror), aptInstall(distribution)]);
    case 'dnf':
    case 'microdnf':
      return distribution.entitlement === 'rhel'
        ? redhatInstall(distribution, mirror)
        : withoutSecrets([...centosMirror(mirror), run(dnfInstall(distribution))]);
    case 'zypper':
      return suseInstall(distribution, mirror);
  }
}

function withoutSecrets(instructions: readonly string[]): InstallSteps {
  return { instructions, secrets: [] };
}

/** The path after the host stays: mirrors keep `/debian` and `/debian-security` beside each other. */
function replaceHosts(files: string, mirror: string): string {
  return `find ${files} | xargs -r sed -i -E ${shellWord(`s#https?://[^/[:space:]]+/#${mirror}/#g`)}`;
}

function aptMirror(mirror: string | undefined): readonly string[] {
  if (mirror === undefined) return [];
  const certificates = mirror.startsWith('https:') ? certificateCommands : [];
  return [run([replaceHosts("/etc/apt -name '*.list' -o -name '*.sources'", mirror), ...certificates])];
}

const debianInstall = 'install --yes --no-install-recommends';

/**
 * The distributions' images have no authorities, by which a mirror's certificate could be checked: they come without that
 * check, which loses nothing, as packages are signed. apt-transport-https(1).
 */
const certificateCommands = ['update', `${debianInstall} ca-certificates`].map(
  (command) => `DEBIAN_FRONTEND=noninteractive apt-get -o Acquire::https::Verify-Peer=false ${command}`,
);

function aptInstall({ packages, dcapPackage }: Distribution): string {
  const install = `DEBIAN_FRONTEND=noninteractive apt-get ${debianInstall}`;
  return run([
    'apt-get update',
    listed(install, packages),
    ...ifKnown(dcapPackage, (name) => [`apt-cache show ${name} >/dev/null 2>&1`, `${install} ${name}`]),
    'rm -rf /var/lib/apt/lists/*',
  ]);
}

function dnfInstall({
  packageManager,
  packages,
  disabledSources,
  dcapPackage,
}: Distribution): readonly string[] {
  const sources = disabledSources.map((name) => ` --enablerepo=${name}`).join('');
  const install = `${packageManager} install -y --setopt=install_weak_deps=0${sources}`;
  return [
    listed(install, packages),
    ...ifKnown(dcapPackage, (name) => [
      `${packageManager} repoquery${sources} ${name} 2>/dev/null | grep -q .`,
      `${install} ${name}`,
    ]),
    `${packageManager} clean all`,
  ];
}

/** Commands that install a package if the sources have it. */
function ifKnown(
  name: string | undefined,
  commands: (name: string) => readonly [ask: string, install: string],
): readonly string[] {
  if (name === undefined) return [];
  const [ask, install] = commands(name);
  return [`if ${ask}; then ${install}; fi`];
}

/** CentOS Stream's own sources name lists of mirrors, not a host. Paths as its mirrors have them. */
function centosMirror(mirror: string | undefined): readonly string[] {
  if (mirror === undefined) return [];
  const lines = ['BaseOS', 'AppStream', 'CRB'].flatMap((part) => [
    `[${part.toLowerCase()}]`,
    `name=${part}`,
    `baseurl=${mirror}/9-stream/${part}/x86_64/os/`,
    'gpgcheck=1',
    'gpgkey=file:///etc/pki/rpm-gpg/RPM-GPG-KEY-centosofficial',
    `enabled=${part === 'CRB' ? 0 : 1}`,
  ]);
  return [run(['rm -f /etc/yum.repos.d/*.repo', `${printLines(lines)} >/etc/yum.repos.d/mirror.repo`])];
}

/**
 * What a subscription opens, with the certificate of the machine that builds: Red Hat's own list of sources names that
 * machine's files, which are not here.
 */
function redhatInstall(distribution: Distribution, mirror: string | undefined): InstallSteps {
  const base = `${mirror ?? 'https://cdn.redhat.com'}/content/dist/rhel9/9/x86_64`;
  const parts = ['baseos', 'appstream', 'codeready-builder'];
  const lines = parts.flatMap((part) => [
    `[rhel-9-${part}]`,
    `name=rhel-9-${part}`,
    `baseurl=${base}/${part}/os`,
    'enabled=1',
    'gpgcheck=1',
    'gpgkey=file:///etc/pki/rpm-gpg/RPM-GPG-KEY-redhat-release',
    'sslverify=1',
    'sslcacert=/run/secrets/redhat-ca',
    'sslclientcert=/run/secrets/rhel-certificate',
    'sslclientkey=/run/secrets/rhel-key',
  ]);
  const secrets: readonly SecretWish[] = [
    { id: 'redhat-ca', directory: '/etc/rhsm/ca', file: /^redhat-uep\.pem$/ },
    { id: 'rhel-key', directory: '/etc/pki/entitlement', file: /^\d+-key\.pem$/ },
    { id: 'rhel-certificate', directory: '/etc/pki/entitlement', file: /^\d+\.pem$/ },
  ];
  const replaced =
    mirror === undefined ? [] : [run([replaceHosts("/etc/yum.repos.d -name '*.repo'", mirror)])];
  return {
    instructions: [
      ...replaced,
      run([`${printLines(lines)} >/etc/yum.repos.d/entitled.repo`]),
      run(
        dnfInstall(distribution),
        secrets.map(({ id }) => secretMount(id)),
      ),
    ],
    secrets,
  };
}

/** SUSE, "SUSE Linux Enterprise containers": its images read these two names by themselves. */
function suseInstall({ packages }: Distribution, mirror: string | undefined): InstallSteps {
  const secrets: readonly SecretWish[] = [
    { id: 'SCCcredentials', directory: '/etc/zypp/credentials.d', file: /^SCCcredentials$/ },
    { id: 'SUSEConnect', directory: '/etc', file: /^SUSEConnect$/ },
  ];
  const replaced =
    mirror === undefined ? [] : [run([replaceHosts("/etc/zypp/repos.d -name '*.repo'", mirror)])];
  return {
    instructions: [
      'ENV ADDITIONAL_MODULES=sle-module-desktop-applications,sle-module-development-tools,PackageHub',
      ...replaced,
      run(
        [
          'zypper --non-interactive --gpg-auto-import-keys refresh',
          listed('zypper --non-interactive install --no-recommends', packages),
          'zypper clean --all',
        ],
        secrets.map(({ id }) => secretMount(id)),
      ),
    ],
    secrets,
  };
}

function printLines(lines: readonly string[]): string {
  return listed(String.raw`printf '%s\n'`, lines);
}
