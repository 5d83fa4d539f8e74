import { hasTool } from './tool.ts';

/** Programs that some tests need, as makers of what gsc reads and as judges of what it writes. */
const tools = [
  ...['cc', 'strip', 'ar', 'readelf', 'musl-gcc', 'git', 'tar', 'dash', 'bash', 'busybox', 'ps'],
  ...[
    'mmdebstrap',
    'dpkg-deb',
    'rpm',
    'rpmbuild',
    'cpio',
    'bsdtar',
    'gzip',
    'pigz',
    'zstd',
    'xz',
    'bzip2',
    'openssl',
  ],
  ...[
    'skopeo',
    'umoci',
    'podman',
    'runc',
    '/usr/sbin/dockerd',
    '/usr/bin/docker',
    'docker-registry',
    'htpasswd',
  ],
  ...['softhsm2-util', 'pkcs11-tool', 'strace', 'curl', 'chromium'],
  '/usr/bin/python3',
];

/** What is missing fails the whole run in CI; elsewhere it is said once, and the tests that need it are skipped. */
export function setup(): void {
  const missing = tools.filter((tool) => !hasTool(tool));
  if (missing.length === 0) return;
  const found = `not installed: ${missing.join(', ')} (scripts/install-parts.sh installs them)`;
  if (process.env.CI) throw new Error(found);
  process.stderr.write(`SKIPPED: tests that need what is ${found}\n`);
}
