/** What a program may need that a trace happened not to see: other input, another day, another peer. */
export interface GuardRule {
  /** A real path that was opened; without it the rule holds for every program. */
  readonly when?: RegExp;
  /** Patterns of real paths (`Glob`), with `$1` and `$2` for the groups of `when`, their own characters escaped. */
  readonly adds: readonly string[];
  /** What of the matched paths stays out: tested on what comes after the pattern's part without wildcards. */
  readonly except?: RegExp;
  /** For reports and `gsc explain`. */
  readonly reason: string;
}

/** The programs that scripts call without saying so: POSIX, "Utilities", as far as containers have them, and what GNU adds. */
const scriptTools =
  '[ arch awk base64 basename bash bunzip2 bzip2 cat chgrp chmod chown cksum cmp comm cp cut dash date dd df diff dirname du echo ' +
  'egrep env expand expr false fgrep find flock fold gawk getconf getent getopt grep groups gunzip gzip head hostid hostname id ' +
  'install join kill link ln locale logger logname ls mawk md5sum mkdir mkfifo mknod mktemp mv nice nl nohup nproc numfmt od paste ' +
  'pathchk pgrep pkill pr printenv printf ps pwd readlink realpath rev rm rmdir run-parts sed seq setpriv setsid sh sha1sum ' +
  'sha256sum sha512sum shuf sleep sort split stat stdbuf stty su sum sync tac tail tar tee tempfile test timeout touch tr true ' +
  'truncate tsort tty uname unexpand uniq unlink uptime wc which who whoami xargs yes zcat';
const programPlaces = ['/bin', '/usr/bin', '/sbin', '/usr/sbin', '/usr/local/bin'];
const scriptToolPatterns = scriptTools
  .split(' ')
  .flatMap((name) => programPlaces.map((place) => `${place}/${name === '[' ? '\\[' : name}`));

const python = String.raw`^(.*\/python3?(?:\.\d+)?)`;
const packages = String.raw`^(.*\/(?:site|dist)-packages)`;

/**
 * In no particular order: all that match count. A rule names classes of files, not single programs; what it adds costs a few
 * hundred entries at most.
 */
export const guardRules: readonly GuardRule[] = [
  {
    adds: [
      '/etc/nsswitch.conf',
      '/etc/passwd',
      '/etc/group',
      '/etc/host.conf',
      '/etc/gai.conf',
      '/etc/services',
      '/etc/protocols',
      '/etc/networks',
      '/{lib}/libnss_*.so*',
      '/{lib}/libresolv.so*',
      '/{lib}/libgcc_s.so*',
    ],
    reason: 'names of users, hosts and services are looked up through it (NSS)',
  },
  { adds: ['/etc/localtime', '/etc/timezone'], reason: 'the local time zone' },
  {
    when: /^\/usr\/share\/zoneinfo\/|\/tzdata\//,
    adds: ['/usr/share/zoneinfo/**'],
    except: /^\/(?:posix|right)\//,
    reason: 'time zones are in use',
  },
  {
    when: /^(.*)\/lib(?:crypto|ssl)[^/]*\.so/,
    adds: [
      '$1/ossl-modules/*.so',
      '$1/engines*/*.so',
      '/etc/ssl/*.cnf',
      '/usr/lib/ssl/openssl.cnf',
      '/etc/pki/tls/*.cnf',
    ],
    reason: 'OpenSSL loads it by its configuration',
  },
  {
    when: /\/lib(?:ssl|gnutls|nss3|mbedtls|curl)[^/]*\.so|^\/etc\/(?:ssl|pki)\/|\/ca-certificates\/|\/certifi\//,
    adds: [
      '/etc/ssl/certs/**',
      '/etc/ssl/*.pem',
      '/etc/pki/tls/certs/*',
      '/etc/pki/ca-trust/extracted/**',
      '/etc/ca-certificates.conf',
      '/etc/crypto-policies/**',
      '/etc/gnutls/*',
      '/usr/share/ca-certificates/**',
      '/usr/share/crypto-policies/**',
      '/usr/local/share/ca-certificates/**',
    ],
    reason: 'certificates of authorities, for peers that the trace did not meet',
  },
  { when: /^(.*\/gconv)\//, adds: ['$1/**'], reason: 'character sets are converted' },
  {
    when: /^(\/usr\/(?:lib|share|local\/share)\/locale)\/([^/]+)\//,
    adds: ['$1/$2/**', '$1/locale.alias', '/etc/locale.alias'],
    reason: 'the locale is in use',
  },
  {
    when: /\/lib(?:tinfo|ncurses|readline)[^/]*\.so/,
    adds: [
      '/etc/inputrc',
      '/lib/terminfo/**',
      '/usr/lib/terminfo/**',
      '/etc/terminfo/**',
      '/usr/share/terminfo/[adlrstvx]/*',
    ],
    reason: 'terminals are described there',
  },
  {
    when: /\/(?:bash|dash|ash|busybox|mksh|ksh\d*|zsh|sh)$/,
    adds: scriptToolPatterns,
    reason: 'a shell is in use, and scripts call it',
  },
  {
    when: /^(\/etc\/(?!ssl|pki|shadow|security)[^/]+)\//,
    adds: ['$1/**'],
    reason: 'configuration next to a file that was read',
  },
  {
    when: /^(.*\/(?:modules|plugins?|extensions|addons|providers|drivers|engines[^/]*|[^/]+-modules|[^/]+-plugins|[^/]+\.d|[^/]+-enabled|lib-dynload|codecs|filters))\/[^/]+\.([A-Za-z0-9]+)$/,
    adds: ['$1/*.$2'],
    reason: 'in a plug-in directory, next to an opened file',
  },
  { when: /^(.*)\/[^/]+\.(jar|war)$/, adds: ['$1/*.$2'], reason: 'next to an opened Java archive' },
  {
    when: new RegExp(String.raw`${python}\/(?!(?:site|dist)-packages\/)`),
    adds: [
      '$1/*.py',
      '$1/__pycache__/*',
      '$1/lib-dynload/*',
      '$1/encodings/**',
      '$1/importlib/**',
      '$1/collections/**',
    ],
    reason: "Python's standard library",
  },
  {
    when: new RegExp(
      String.raw`${python}\/(?!(?:site|dist)-packages\/|lib-dynload\/|__pycache__\/|test\/)([^/]+)\/`,
    ),
    adds: ['$1/$2/**'],
    except: /\/(?:tests?|idle_test)\//,
    reason: "a package of Python's standard library that is in use",
  },
  {
    when: new RegExp(String.raw`${packages}\/`),
    adds: ['$1/*.py', '$1/*.so', '$1/*.pth', '$1/__pycache__/*', '$1/*-info/*'],
    reason: "modules and descriptions of Python's packages",
  },
  {
    when: new RegExp(String.raw`${packages}\/(?!__pycache__\/|[^/]+-info\/)([^/]+)\/`),
    adds: ['$1/$2/**', '$1/$2.libs/**'],
    except: /\/tests?\//,
    reason: 'a package of Python that is in use',
  },
  {
    when: /^(.*\/node_modules\/(?:@[^/]+\/)?[^/@]+)\//,
    adds: ['$1/**'],
    except: /\/node_modules\//,
    reason: 'a package of Node that is in use',
  },
  {
    when: /^((?:\/(?!node_modules\/)[^/]+)+)\/package\.json$/,
    adds: ['$1/**'],
    except: /\/(?:node_modules|\.git)\//,
    reason: 'belongs to an application of Node that is in use',
  },
  {
    when: /^(.*\/lib\/ruby\/(?:vendor_ruby\/|site_ruby\/)?\d+\.\d+\.\d+)\//,
    adds: ['$1/**'],
    reason: "Ruby's standard library",
  },
  {
    when: /^(.*)\/gems\/([^/]+)\//,
    adds: ['$1/gems/$2/**', '$1/specifications/**'],
    reason: 'a gem that is in use',
  },
  {
    when: /^(.*\/perl(?:-base|5|\/\d+\.\d+(?:\.\d+)?|5\/\d+\.\d+)?)\/(?:auto\/)?([A-Z][^/.]*)[/.]/,
    adds: ['$1/$2.pm', '$1/$2/**', '$1/auto/$2/**'],
    reason: 'a module of Perl that is in use',
  },
  {
    when: /^(.*\/perl(?:-base|\/\d+\.\d+(?:\.\d+)?))\//,
    adds: ['$1/unicore/**', '$1/*.pl', '$1/*.pm'],
    reason: "Perl's own tables",
  },
  {
    when: /^(.*)\/lib\/(?:server\/libjvm\.so|modules|libjli\.so)$/,
    adds: ['$1/lib/**', '$1/conf/**', '$1/release', '/etc/java-*/**', '/etc/ssl/certs/java/*'],
    except: /\/(?:src\.zip|ct\.sym)$/,
    reason: 'the Java runtime that is in use',
  },
];
